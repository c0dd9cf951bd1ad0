"""A set of plans as arrays, block by block in the order in which they begin, and in trees by slices of time.

A search between two sets takes a block of the first at a time, and of the second what is there meanwhile. A slice holds
the parts that begin within it, of whatever block; so a part is looked for among what begins at about its time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from detente.airspace.arrays import Floats, Integers
from detente.airspace.boxes import BoxTree
from detente.airspace.compiled import CompiledPlans, Vocabulary, boxes, compile_plans, only_parts
from detente.airspace.extent import PlanReach, reach
from detente.airspace.part_kernels import CLASS, ELLIPSOID, FAMILY, PRESSURE, SLACK_S, T0, T1
from detente.airspace.plan import Plan
from detente.airspace.position import posix_s
from detente.airspace.search import BoxedPlans, Meetings, grown_boxes, inside_minima

LAST_SLICES = 8
"""Into so many slices goes what begins after the last block has begun."""
ITEM_BITS = 32
"""An item of a tree is the number of a block, and in so many bits the row of a part in it."""
ROWS_AT_A_TIME = 2_000
"""So many parts are held against a tree at a time: of all of a block there may be millions of candidates."""
SLICE_MARGIN_S = 1.0
"""What is added to the span of a slice: more than rounding makes of a time."""


@dataclass(frozen=True)
class SliceTree:
    """The parts of one slice of time whose heights are on pressure (1) or not (0), with boxes in one frame.

    `start_s` and `end_s` bound their times, in POSIX seconds.
    """

    start_s: float
    end_s: float
    pressure: int
    frame: int
    tree: BoxTree


@dataclass(frozen=True)
class PresentPlans:
    """What of a set of plans is there within a span of time: its blocks by number, and its parts in trees."""

    blocks: dict[int, BoxedPlans]
    trees: tuple[SliceTree, ...]


@dataclass(frozen=True)
class _SliceRows:
    """The rows of a block that begin within one slice, and when they are there."""

    rows: Integers
    start_s: float
    end_s: float


class PlanBlocks:
    """A set of plans in blocks of `at_a_time` by when they begin; a block is compiled when it is asked for.

    Spans of time are to be asked for in the order in which they begin. One caller at a time.
    """

    def __init__(self, plans: Sequence[Plan], vocabulary: Vocabulary, at_a_time: int) -> None:
        self._plans = plans
        self._vocabulary = vocabulary
        windows = [plan.time for plan in plans]
        times_s = np.array([(posix_s(window.start), posix_s(window.end)) for window in windows]).reshape(-1, 2)
        order = np.argsort(times_s[:, 0], kind="stable")
        self._members = [order[begin : begin + at_a_time] for begin in range(0, len(order), at_a_time)]
        self._starts_s = np.array([times_s[rows, 0].min() for rows in self._members])
        self._ends_s = np.array([times_s[rows, 1].max() for rows in self._members])
        last_s = self._starts_s[-1:], self._ends_s.max(initial=-np.inf)
        after_s = [last_s[0] + share * (last_s[1] - last_s[0]) for share in np.arange(1, LAST_SLICES) / LAST_SLICES]
        self._borders_s = np.concatenate([self._starts_s, *after_s])
        self._held: dict[int, BoxedPlans] = {}
        self._slices: dict[int, dict[int, _SliceRows]] = {}
        self._trees: dict[tuple[int, int, int], SliceTree | None] = {}
        self._degrees, self._seconds = np.full((len(plans), 4), np.nan), np.full((len(plans), 2), np.nan)

    def __len__(self) -> int:
        return len(self._members)

    def times(self, number: int) -> tuple[float, float]:
        """The first and the last moment of a block, in POSIX seconds."""
        return float(self._starts_s[number]), float(self._ends_s[number])

    def block(self, number: int) -> BoxedPlans:
        """The arrays of a block."""
        if number not in self._held:
            rows = self._members[number]
            compiled = compile_plans([self._plans[row] for row in rows.tolist()], self._vocabulary)
            self._held[number] = BoxedPlans(compiled)
            found = reach(compiled)
            self._degrees[rows], self._seconds[rows] = found.degrees, found.seconds
        return self._held[number]

    def forget(self, number: int) -> None:
        """Let go of a block, if it is held."""
        self._held.pop(number, None)
        self._slices.pop(number, None)

    def present(self, start_s: float, end_s: float, kinds: Sequence[tuple[int, int]]) -> PresentPlans:
        """Return what is there at some time within the span, in trees of these kinds (pressure, frame).

        What ended before it is let go of.
        """
        for number in [n for n in self._held if self._ends_s[n] < start_s]:
            self.forget(number)
        for key in [key for key, one in self._trees.items() if one is not None and one.end_s < start_s]:
            self._trees[key] = None
        there = np.flatnonzero((self._starts_s <= end_s) & (self._ends_s >= start_s)).tolist()
        for number in there:
            self._slice(number)
        slices = sorted(
            {place for number in there for place in self._slices[number] if self._borders_s[place] <= end_s}
        )
        trees = [self._tree(place, *kind) for place in slices for kind in kinds]
        blocks = {number: self._held[number] for number in there}
        return PresentPlans(blocks, tuple(one for one in trees if one is not None))

    def reach(self) -> PlanReach:
        """Where and when each plan is, in the order of the set."""
        for number, rows in enumerate(self._members):
            if np.isnan(self._seconds[rows[0], 0]):
                self.block(number)
                self.forget(number)
        return PlanReach(self._degrees, self._seconds)

    def _slice(self, number: int) -> None:
        """Find the slices in which the parts of a block begin; a slice begins with the block of its number, if any."""
        if number in self._slices:
            return
        floats = self.block(number).compiled.floats
        begin_s, finish_s = floats[:, T0] - floats[:, SLACK_S], floats[:, T1] + floats[:, SLACK_S]
        places = np.maximum(np.searchsorted(self._borders_s, begin_s, side="right") - 1, number)
        order = np.argsort(places, kind="stable")
        cuts = np.flatnonzero(np.diff(places[order])) + 1
        self._slices[number] = {
            int(places[rows[0]]): _SliceRows(rows, float(begin_s[rows].min()), float(finish_s[rows].max()))
            for rows in np.split(order, cuts)
        }

    def _tree(self, place: int, pressure: int, frame: int) -> SliceTree | None:
        """The tree of a slice, made of the blocks that are held; None where nothing of it is there any more."""
        key = place, pressure, frame
        if key not in self._trees:
            items, lows, highs = [], [], []
            spans = [(n, held[place]) for n, held in sorted(self._slices.items()) if place in held]
            for number, span in spans:
                compiled = self._held[number].compiled
                rows = span.rows[compiled.integers[span.rows, PRESSURE] == pressure]
                low, high = boxes(only_parts(compiled, rows), frame)
                items.append((number << ITEM_BITS) + rows)
                lows.append(low)
                highs.append(high)
            self._trees[key] = None
            if sum(map(len, items)):
                made = BoxTree(sum(map(len, items)))
                made.insert_many(np.concatenate(items), np.concatenate(lows), np.concatenate(highs))
                start_s = min(span.start_s for _, span in spans) - SLICE_MARGIN_S
                end_s = max(span.end_s for _, span in spans) + SLICE_MARGIN_S
                self._trees[key] = SliceTree(start_s, end_s, pressure, frame, made)
        return self._trees[key]


def tree_kinds(first: BoxedPlans) -> list[tuple[int, int]]:
    """The trees (pressure, frame) in which the parts of a block may meet others."""
    ours = [pressure for pressure in (0, 1) if len(first.rows(pressure))]
    return [(other, FAMILY if other == own else ELLIPSOID) for own in ours for other in (0, 1)]


def meetings_with(first: BoxedPlans, present: PresentPlans, minima: Floats) -> dict[int, Meetings]:
    """The pairs of parts of `first` and of each block of `present` that come inside `minima`, rows in order.

    The sets must have been compiled with the same vocabulary; `minima` has the shape [classes, classes, 3].
    """
    a = first.compiled
    grown: dict[tuple[int, int], tuple[Integers, Floats, Floats]] = {}
    found: dict[int, list[tuple[Integers, Integers, int]]] = {}
    for one in present.trees:
        pressure = one.pressure if one.frame == FAMILY else 1 - one.pressure
        if (pressure, one.frame) not in grown:
            rows = first.rows(pressure)
            low, high = first.boxes(one.frame)
            widest = minima[a.integers[rows, CLASS]].max(axis=1, initial=0.0)
            grown[pressure, one.frame] = rows, *grown_boxes(low[rows], high[rows], widest)
        rows_a, low, high = grown[pressure, one.frame]
        near = np.flatnonzero((low[:, 4] <= one.end_s) & (high[:, 4] >= one.start_s))
        for begin in range(0, len(near), ROWS_AT_A_TIME):
            some = near[begin : begin + ROWS_AT_A_TIME]
            query, items = one.tree.pairs_with(low[some], high[some])
            _keep_inside(found, a, rows_a[some[query]], items, present, minima)
    return {number: _together(entries) for number, entries in sorted(found.items())}


def _keep_inside(
    found: dict[int, list[tuple[Integers, Integers, int]]],
    a: CompiledPlans,
    candidate_a: Integers,
    items: Integers,
    present: PresentPlans,
    minima: Floats,
) -> None:
    """Add to `found` those candidates that come inside the minima, by the number of their block."""
    numbers = items >> ITEM_BITS
    order = np.argsort(numbers, kind="stable")
    for part in np.split(order, np.flatnonzero(np.diff(numbers[order])) + 1):
        # What ended before is still in the tree of its slice, and too early to be met.
        if len(part) and (block := present.blocks.get(int(numbers[part[0]]))) is not None:
            ours, theirs = candidate_a[part], items[part] & ((1 << ITEM_BITS) - 1)
            inside = inside_minima(a, ours, block.compiled, theirs, minima)
            found.setdefault(int(numbers[part[0]]), []).append((ours[inside], theirs[inside], len(part)))


def _together(entries: list[tuple[Integers, Integers, int]]) -> Meetings:
    ours, theirs = np.concatenate([entry[0] for entry in entries]), np.concatenate([entry[1] for entry in entries])
    order = np.lexsort((theirs, ours))
    return Meetings(ours[order], theirs[order], sum(entry[2] for entry in entries))
