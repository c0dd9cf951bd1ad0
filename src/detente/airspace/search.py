"""Conflict search: between two sets of plans, within one set, and of one plan against an index of plans.

Bounding boxes in space and time propose candidates and never miss one; the exact predicate of `part_kernels` decides.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from detente.airspace.arrays import Floats, Integers
from detente.airspace.boxes import BoxTree
from detente.airspace.compiled import CompiledPlans, Vocabulary, boxes, compile_plans
from detente.airspace.cores import on_all_cores
from detente.airspace.part_kernels import (
    CLASS,
    CURVE_COUNT,
    ELLIPSOID,
    ENCOUNTER_FLOATS,
    END,
    FAMILY,
    FIRST_HEIGHT,
    FIRST_LATITUDE,
    FIRST_LONGITUDE,
    FIRST_TIME,
    FRAME,
    HORIZONTAL,
    NATIVE,
    PLAN,
    PRESSURE,
    REQUIRED_HORIZONTAL,
    REQUIRED_TIME,
    REQUIRED_VERTICAL,
    SECOND_HEIGHT,
    SECOND_LATITUDE,
    SECOND_LONGITUDE,
    SECOND_TIME,
    START,
    TOLERANCE_M,
    VERTICAL,
    encounters_of,
    meeting,
)  # fmt: skip
from detente.airspace.plan import Plan
from detente.airspace.position import Position, from_posix_s
from detente.airspace.refusal import Refusal
from detente.airspace.separation import AltitudeFrame, Encounter, Minima, MinimaTable

CHUNK = 2_000_000
"""Candidate pairs examined at a time, so that memory stays bounded."""
PAIRS_AT_A_TIME = 4_000
"""The pairs that one core takes at a time: some milliseconds of work."""
ROWS_ONE_BY_ONE = 8
WORK_OF_PARTS, WORK_OF_PLANS = 4, 1_000
"""What a pair of parts, and a pair of plans, takes beside its pieces: as long as to compare so many pairs of pieces."""
ALTITUDE_FRAMES = {
    NATIVE: AltitudeFrame.AS_PLANNED, FAMILY: AltitudeFrame.STANDARD_PRESSURE, ELLIPSOID: AltitudeFrame.ELLIPSOID,
}  # fmt: skip


@dataclass(frozen=True)
class Meetings:
    """Pairs of parts inside the minima: rows of the first and of the second set, and how many were examined."""

    first: Integers
    second: Integers
    examined: int


def encounter(first: Plan, second: Plan, minima: Minima) -> Encounter | None:
    """Compare two plans: returns None when they keep the minima, else when, where and how close they come.

    Horizontal distances are exact to 5 mm for minima up to 200 km (legs of any length), times of entry and exit to the
    time that the aircraft take for that distance; up to 1 cm outside the minimum counts as inside. Vertically a
    separation of exactly the minimum is separation.
    """
    encounters = encounters_between([first], [second], MinimaTable(default=minima))
    return encounters[0] if encounters else None


def encounters_between(first: Sequence[Plan], second: Sequence[Plan], table: MinimaTable) -> list[Encounter]:
    """All pairs of a plan of `first` and a plan of `second` that come inside the minima, in the order of the sets."""
    vocabulary = Vocabulary()
    a, b = compile_plans(first, vocabulary), compile_plans(second, vocabulary)
    minima = vocabulary.minima(table)
    met = meetings_between(a, b, minima)
    return _encounters(a, met.first, b, met.second, minima)


def encounters_within(plans: Sequence[Plan], table: MinimaTable) -> list[Encounter]:
    """All unordered pairs of different plans of one set that come inside the minima, in the order of the set."""
    vocabulary = Vocabulary()
    compiled = compile_plans(plans, vocabulary)
    minima = vocabulary.minima(table)
    met = meetings_between(compiled, compiled, minima)
    ordered = compiled.integers[met.first, PLAN] < compiled.integers[met.second, PLAN]
    return _encounters(compiled, met.first[ordered], compiled, met.second[ordered], minima)


class BoxedPlans:
    """Compiled plans with the boxes and trees that searches among them have needed so far."""

    def __init__(self, compiled: CompiledPlans) -> None:
        self.compiled = compiled
        self._boxes: dict[int, tuple[Floats, Floats]] = {}
        self._trees: dict[tuple[int, int], BoxTree] = {}

    def rows(self, pressure: int) -> Integers:
        """The parts whose heights are on pressure (1), or those whose heights are not (0)."""
        return np.flatnonzero(self.compiled.integers[:, PRESSURE] == pressure)

    def boxes(self, frame: int) -> tuple[Floats, Floats]:
        """The boxes of all parts in a frame."""
        if frame not in self._boxes:
            self._boxes[frame] = boxes(self.compiled, frame)
        return self._boxes[frame]

    def tree(self, pressure: int, frame: int) -> BoxTree:
        """The tree of the parts of one family in a frame."""
        if (pressure, frame) not in self._trees:
            rows, (low, high) = self.rows(pressure), self.boxes(frame)
            tree = BoxTree(len(rows))
            tree.insert_many(rows, low[rows], high[rows])
            self._trees[pressure, frame] = tree
        return self._trees[pressure, frame]


def meetings_between(a: CompiledPlans, b: CompiledPlans, minima: Floats) -> Meetings:
    """All pairs of parts of two compiled sets that come inside `minima` ([classes, classes, 3]), rows in order.

    The sets must have been compiled with the same vocabulary. With ``a is b`` every pair comes twice, and parts of the
    same plan are left out.
    """
    first = BoxedPlans(a)
    return meetings_of(first, first if a is b else BoxedPlans(b), minima)


def meetings_of(first: BoxedPlans, second: BoxedPlans, minima: Floats) -> Meetings:
    """The pairs of `meetings_between`, of sets whose boxes are kept for the next search."""
    a, b = first.compiled, second.compiled
    firsts, seconds, examined = [], [], 0
    for pressure_a in (0, 1):
        for pressure_b in (0, 1):
            rows_a = first.rows(pressure_a)
            if not len(rows_a) or not len(second.rows(pressure_b)):
                continue
            frame = FAMILY if pressure_a == pressure_b else ELLIPSOID
            low, high = first.boxes(frame)
            widest = minima[a.integers[rows_a, CLASS]].max(axis=1, initial=0.0)
            query, candidate_b = second.tree(pressure_b, frame).pairs_with(
                *grown_boxes(low[rows_a], high[rows_a], widest)
            )
            candidate_a = rows_a[query]
            if a is b:
                different = a.integers[candidate_a, PLAN] != b.integers[candidate_b, PLAN]
                candidate_a, candidate_b = candidate_a[different], candidate_b[different]
            examined += len(candidate_a)
            for begin in range(0, len(candidate_a), CHUNK):
                part_a, part_b = candidate_a[begin : begin + CHUNK], candidate_b[begin : begin + CHUNK]
                inside = inside_minima(a, part_a, b, part_b, minima)
                firsts.append(part_a[inside])
                seconds.append(part_b[inside])
    if not firsts:
        none = np.empty(0, dtype=np.int64)
        return Meetings(none, none, examined)
    met_a, met_b = np.concatenate(firsts), np.concatenate(seconds)
    order = np.lexsort((met_b, met_a))
    return Meetings(met_a[order], met_b[order], examined)


class PlanIndex:
    """A set of plans under keys that can change; finds the encounters of one plan with all of them.

    Keys are the caller's (for example party and plan id); the same plan id may stand under several keys. Indexes
    with one `vocabulary` compile a plan once for all. With `puts_off` what is inserted is compiled by `settle`, or by
    the first search: what is removed before never is. One caller at a time.
    """

    def __init__(self, vocabulary: Vocabulary | None = None, *, puts_off: bool = False) -> None:
        self._puts_off = puts_off
        self._waiting: dict[str, Plan] = {}
        self._vocabulary = Vocabulary() if vocabulary is None else vocabulary
        self._parts: dict[int, tuple[str, CompiledPlans, int]] = {}
        self._items: dict[str, list[int]] = {}
        self._trees = (BoxTree(), BoxTree())
        self._next_item = 0

    def __len__(self) -> int:
        return len(self._items) + len(self._waiting)

    def __contains__(self, key: str) -> bool:
        return key in self._items or key in self._waiting

    def settle(self) -> None:
        """Compile what was put off. From now on nothing is."""
        self._puts_off = False
        waiting, self._waiting = self._waiting, {}
        for key, plan in waiting.items():
            self.insert(key, plan)

    def insert(self, key: str, plan: Plan) -> None:
        """Add `plan` under `key`; raises Refusal when the key is taken or the plan's polygons cross themselves."""
        if key in self:
            raise Refusal("airspace.key_not_index", "key", key)
        if self._puts_off:
            self._waiting[key] = plan
            return
        compiled = self._vocabulary.compiled(plan)
        low, high = boxes(compiled, FAMILY)
        items = []
        for row in range(len(low)):
            item = self._next_item
            self._next_item += 1
            self._trees[compiled.integers[row, PRESSURE]].insert(item, low[row], high[row])
            self._parts[item] = (key, compiled, row)
            items.append(item)
        self._items[key] = items

    def remove(self, key: str) -> None:
        """Remove the plan under `key`; raises KeyError when there is none."""
        if self._waiting.pop(key, None) is not None:
            return
        for item in self._items.pop(key):
            _, compiled, row = self._parts.pop(item)
            self._trees[compiled.integers[row, PRESSURE]].remove(item)

    def plan(self, key: str) -> Plan:
        """The plan under `key`; raises KeyError when there is none."""
        if key in self._waiting:
            return self._waiting[key]
        return self._parts[self._items[key][0]][1].plans[0]

    def encounters(
        self, plan: Plan, table: MinimaTable, comes_first: Callable[[str], bool] | None = None
    ) -> list[Encounter]:
        """Return the encounters of `plan` with the plans in the index, in the order of insertion.

        `plan` is the first plan of each, but for those whose key `comes_first`: an encounter is told in the times of
        its first plan. The key stands for the id of the other plan.
        """
        self.settle()
        compiled = self._vocabulary.compiled(plan)
        minima = self._vocabulary.minima(table)
        pairs: dict[str, list[tuple[int, int]]] = {}
        for row, item in self._candidates(compiled, minima):
            key, _, other_row = self._parts[item]
            pairs.setdefault(key, []).append((row, other_row))
        encounters: list[Encounter] = []
        for key in sorted(pairs, key=lambda k: self._items[k][0]):
            rows = np.array(pairs[key], dtype=np.int64)
            other = self._parts[self._items[key][0]][1]
            ours, theirs = rows[:, 0].copy(), rows[:, 1].copy()
            for encounter in _encounters(compiled, ours, other, theirs, minima):
                if comes_first is None or not comes_first(key):
                    encounters.append(msgspec.structs.replace(encounter, second_plan_id=key))
                    continue
                # A pair that only just meets may do so from one side alone.
                seen = _encounters(other, theirs, compiled, ours, minima) or [encounter.turned()]
                encounters.append(msgspec.structs.replace(seen[0], first_plan_id=key))
        return encounters

    def work(self, plan: Plan, table: MinimaTable) -> int:
        """Return how much work `encounters` has with a plan, in pairs of pieces of curve to compare."""
        compiled = self._vocabulary.compiled(plan)
        pieces = compiled.integers[:, CURVE_COUNT]
        work, keys = 0, set()
        for row, item in self._candidates(compiled, self._vocabulary.minima(table)):
            key, other, other_row = self._parts[item]
            work += int(pieces[row]) * int(other.integers[other_row, CURVE_COUNT]) + WORK_OF_PARTS
            keys.add(key)
        return work + WORK_OF_PLANS * len(keys)

    def near(
        self, plan: Plan, table: MinimaTable, later_s: float = 0.0, height_m: float = 0.0, aside_m: float = 0.0
    ) -> list[str]:
        """Return the keys of all plans that `plan` could meet, and perhaps others near it, in the order of insertion.

        `plan` may also be flown up to `later_s` seconds later, `height_m` higher or lower, or `aside_m` to the side.
        """
        self.settle()
        compiled = self._vocabulary.compiled(plan)
        minima = self._vocabulary.minima(table)[compiled.integers[:, CLASS]].max(axis=1, initial=0.0)
        low, high = grown_boxes(*boxes(compiled, FAMILY), minima)
        # Scales of references differ by less than two per cent (`grown_boxes`).
        allowance = np.array([aside_m, aside_m, aside_m, 1.02 * height_m, 0.0])
        low, high = low - allowance, high + allowance
        high[:, 4] += later_s
        keys = set()
        for pressure, tree in enumerate(self._trees):
            if not len(tree):
                continue
            tree_low, tree_high = low.copy(), high.copy()
            other_family = compiled.integers[:, PRESSURE] != pressure
            tree_low[other_family, 3], tree_high[other_family, 3] = -np.inf, np.inf
            keys |= {self._parts[item][0] for item in np.unique(tree.pairs_with(tree_low, tree_high)[1]).tolist()}
        return sorted(keys, key=lambda key: self._items[key][0])

    def _candidates(self, compiled: CompiledPlans, minima: Floats) -> list[tuple[int, int]]:
        low, high = grown_boxes(*boxes(compiled, FAMILY), minima[compiled.integers[:, CLASS]].max(axis=1, initial=0.0))
        pairs: list[tuple[int, int]] = []
        for pressure, tree in enumerate(self._trees):
            if not len(tree):
                continue
            other_family = compiled.integers[:, PRESSURE] != pressure
            if len(low) > ROWS_ONE_BY_ONE:
                tree_low, tree_high = low.copy(), high.copy()
                tree_low[other_family, 3], tree_high[other_family, 3] = -np.inf, np.inf
                rows, items = tree.pairs_with(tree_low, tree_high)
                pairs.extend(zip(rows.tolist(), items.tolist(), strict=True))
                continue
            for row in range(len(low)):
                box_low, box_high = low[row].copy(), high[row].copy()
                if other_family[row]:
                    # Between families heights are compared above the ellipsoid, and this tree does not hold those.
                    box_low[3], box_high[3] = -np.inf, np.inf
                pairs.extend((row, int(item)) for item in tree.query(box_low, box_high))
        return sorted(pairs)


def grown_boxes(low: Floats, high: Floats, minima: Floats) -> tuple[Floats, Floats]:
    """Boxes [n, 5] grown by minima [n, 3]; two per cent on height, because scales of references differ by less."""
    margin = np.empty_like(low)
    margin[:, :3] = minima[:, :1] + TOLERANCE_M
    margin[:, 3] = 1.02 * minima[:, 1] + TOLERANCE_M
    margin[:, 4] = minima[:, 2]
    return low - margin, high + margin


def inside_minima(
    a: CompiledPlans, rows_a: Integers, b: CompiledPlans, rows_b: Integers, minima: Floats
) -> NDArray[np.bool_]:
    """Return which pairs of parts come inside `minima`, in the order of the rows; all cores look at them."""

    def examine(start: int, stop: int) -> NDArray[np.bool_]:
        result: NDArray[np.bool_] = meeting(
            rows_a[start:stop], rows_b[start:stop],
            a.floats, a.integers, a.curves, b.floats, b.integers, b.curves, minima,
        )  # fmt: skip
        return result

    return _joined(on_all_cores(examine, len(rows_a), PAIRS_AT_A_TIME))


def _joined(parts: list[NDArray[np.bool_]]) -> NDArray[np.bool_]:
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.bool_)


@dataclass(frozen=True)
class Described:
    """Meetings of parts with their details, in the order of the plans, each run of rows one encounter.

    Attributes:
        rows_a: of each meeting, the row of the first set's part.
        rows_b: likewise of the second set's.
        details: [n, ENCOUNTER_FLOATS], the closest approach of an encounter first.
        begins: where the rows of each encounter begin.
        start_s: of each encounter, its first moment, POSIX seconds.
        end_s: its last one.
    """

    rows_a: Integers
    rows_b: Integers
    details: Floats
    begins: Integers
    start_s: Floats
    end_s: Floats


def described(
    a: CompiledPlans, rows_a: Integers, b: CompiledPlans, rows_b: Integers, minima: Floats, apart_s: float = math.inf
) -> Described:
    """Return when, where and how close pairs of parts come inside the minima; those that do not are left out.

    One encounter is a pair of plans, and of each pair a stretch of time that is `apart_s` from the next.
    """
    details = np.empty((len(rows_a), ENCOUNTER_FLOATS))

    def describe(start: int, stop: int) -> NDArray[np.bool_]:
        result: NDArray[np.bool_] = encounters_of(
            rows_a[start:stop], rows_b[start:stop],
            a.floats, a.integers, a.curves, b.floats, b.integers, b.curves, minima, details[start:stop],
        )  # fmt: skip
        return result

    met = _joined(on_all_cores(describe, len(rows_a), PAIRS_AT_A_TIME))
    rows_a, rows_b, details = rows_a[met], rows_b[met], details[met]
    if not len(rows_a):
        return Described(rows_a, rows_b, details, np.empty(0, dtype=np.int64), np.empty(0), np.empty(0))
    plan_a, plan_b = a.integers[rows_a, PLAN], b.integers[rows_b, PLAN]
    stretch = _stretches(plan_a, plan_b, details, apart_s)
    order = np.lexsort((details[:, START], details[:, HORIZONTAL], stretch, plan_b, plan_a))
    plan_a, plan_b, stretch, details = plan_a[order], plan_b[order], stretch[order], details[order]
    is_first = np.r_[True, (np.diff(plan_a) != 0) | (np.diff(plan_b) != 0) | (np.diff(stretch) != 0)]
    begins = np.flatnonzero(is_first)
    return Described(
        rows_a[order], rows_b[order], details, begins,
        np.minimum.reduceat(details[:, START], begins), np.maximum.reduceat(details[:, END], begins),
    )  # fmt: skip


def encounters_of_described(a: CompiledPlans, b: CompiledPlans, found: Described) -> list[Encounter]:
    """Return one encounter for each run of rows."""
    plan_a, plan_b = a.integers[found.rows_a, PLAN], b.integers[found.rows_b, PLAN]
    return [
        _encounter(a.plans[plan_a[row]].plan_id, b.plans[plan_b[row]].plan_id, found.details[row].tolist(), start, end)
        for row, start, end in zip(found.begins.tolist(), found.start_s.tolist(), found.end_s.tolist(), strict=True)
    ]


def _encounters(
    a: CompiledPlans, rows_a: Integers, b: CompiledPlans, rows_b: Integers, minima: Floats
) -> list[Encounter]:
    """Return one encounter for each pair of plans, told with its whole time and the closest approach of its parts."""
    return encounters_of_described(a, b, described(a, rows_a, b, rows_b, minima))


def _stretches(plan_a: Integers, plan_b: Integers, details: Floats, apart_s: float) -> Integers:
    """The number of the stretch of time to which each meeting of parts belongs, counted over all pairs of plans."""
    stretch = np.zeros(len(details), dtype=np.int64)
    if apart_s == math.inf:
        return stretch
    order = np.lexsort((details[:, START], plan_b, plan_a))
    same_pair = (np.diff(plan_a[order]) == 0) & (np.diff(plan_b[order]) == 0)
    number, latest_s = 0, -math.inf
    rows = zip(order.tolist(), [False, *same_pair.tolist()], details[order][:, [START, END]].tolist(), strict=True)
    for row, same, (start_s, end_s) in rows:
        if not same or start_s > latest_s + apart_s:
            number, latest_s = number + 1, end_s
        latest_s = max(latest_s, end_s)
        stretch[row] = number
    return stretch


def _encounter(first_plan_id: str, second_plan_id: str, row: list[float], start_s: float, end_s: float) -> Encounter:
    return Encounter(
        first_plan_id=first_plan_id,
        second_plan_id=second_plan_id,
        start=from_posix_s(start_s),
        end=from_posix_s(end_s),
        closest_first_time=from_posix_s(row[FIRST_TIME]),
        closest_second_time=from_posix_s(row[SECOND_TIME]),
        closest_first_position=Position(row[FIRST_LATITUDE], row[FIRST_LONGITUDE]),
        closest_second_position=Position(row[SECOND_LATITUDE], row[SECOND_LONGITUDE]),
        closest_first_altitude_m=row[FIRST_HEIGHT],
        closest_second_altitude_m=row[SECOND_HEIGHT],
        horizontal_m=row[HORIZONTAL],
        vertical_m=row[VERTICAL],
        required_horizontal_m=row[REQUIRED_HORIZONTAL],
        required_vertical_m=row[REQUIRED_VERTICAL],
        required_time_s=row[REQUIRED_TIME],
        altitude_frame=ALTITUDE_FRAMES[int(row[FRAME])],
    )
