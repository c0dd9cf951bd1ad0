"""Every separate pass of every pair of plans of two sets: how close, how bad, and when without containment."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain
from typing import NamedTuple

import numpy as np

from detente.airspace.arrays import Floats, Integers
from detente.airspace.compiled import CompiledPlans, Vocabulary
from detente.airspace.extent import PlanReach
from detente.airspace.part_kernels import (
    CURVE,
    END,
    FRAME,
    HORIZONTAL,
    LATERAL_M,
    MOVING,
    PLAN,
    REQUIRED_HORIZONTAL,
    REQUIRED_VERTICAL,
    SLACK_S,
    START,
    T0,
    T1,
    VERTICAL,
    VERTICAL_M,
)  # fmt: skip
from detente.airspace.plan import Plan
from detente.airspace.plan_blocks import PlanBlocks, PresentPlans, meetings_with, tree_kinds
from detente.airspace.position import from_posix_s
from detente.airspace.search import BoxedPlans, Described, Meetings, described, encounters_of_described
from detente.airspace.separation import Encounter, MinimaTable

PASSES_APART_S = 0.01
"""Two passes with less between them are one: a leg's times of entry and exit are found to less than this."""
BLOCK = 250
"""Plans of a set that are taken at a time: with more, more is held as arrays; with fewer, there are more pairs."""
SAMPLES = 9
"""Moments of each meeting of two legs that are looked at for the worst one."""
ROUNDED = 6
"""Decimals of a share that count: what differs by less is as bad, and the earlier comes first."""


class Pass(NamedTuple):
    """One pass of two plans.

    Attributes:
        encounter: when and how close.
        kept: the larger of both distances as a share of what is needed, when that is smallest: 0 at the same place and
            height, 1 just inside the minima. Two legs are sampled at the same times.
        nominal: when the nominal paths alone, without any containment, are inside the minima; None when never.
    """

    encounter: Encounter
    kept: float
    nominal: tuple[datetime, datetime] | None


@dataclass(frozen=True)
class ComparedSets:
    """Where and when the plans of two sets are, in the order of the sets, and every pass of a pair, the worst first."""

    first: PlanReach
    second: PlanReach
    passes: tuple[Pass, ...]


def compare(first: Sequence[Plan], second: Sequence[Plan], table: MinimaTable, at_a_time: int = BLOCK) -> ComparedSets:
    """Find all passes of a plan of `first` and one of `second` inside the minima, the worst first.

    Two passes of a pair are apart when, in times of the first plan, the minima are kept between them. As bad ones are
    in the order of time, then of the plans' names. Both sets are taken in blocks of `at_a_time` plans, in the order in
    which plans begin, so that no more than the blocks of about one time are held as arrays. Raises Refusal as
    `compile_plans`.
    """
    vocabulary = Vocabulary()
    for plan in chain(first, second):
        vocabulary.class_number(plan.aircraft_class)
    minima = vocabulary.minima(table)
    ours, theirs = (PlanBlocks(plans, vocabulary, at_a_time) for plans in (first, second))
    time_s = float(minima[:, :, 2].max(initial=0.0))

    def taken(number: int) -> tuple[BoxedPlans, PresentPlans]:
        ours.forget(number - 1)
        block = ours.block(number)
        start_s, end_s = ours.times(number)
        return block, theirs.present(start_s - time_s, end_s + time_s, tree_kinds(block))

    passes: list[Pass] = []
    with ThreadPoolExecutor(1) as ahead:
        # The next block is made ready while one is searched: most of both is done without the interpreter's lock.
        coming = [ahead.submit(taken, number) for number in range(min(1, len(ours)))]
        for number in range(len(ours)):
            block, present = coming.pop().result()
            if number + 1 < len(ours):
                coming.append(ahead.submit(taken, number + 1))
            for other, met in meetings_with(block, present, minima).items():
                passes += _passes(block.compiled, present.blocks[other].compiled, met, minima)
    return ComparedSets(ours.reach(), theirs.reach(), tuple(sorted(passes, key=_badness)))


def _passes(a: CompiledPlans, b: CompiledPlans, met: Meetings, minima: Floats) -> list[Pass]:
    found = described(a, met.first, b, met.second, minima, PASSES_APART_S)
    encounters = encounters_of_described(a, b, found)
    kept, nominal = _kept(a, b, found), _nominal(a, b, found, minima)
    return [Pass(*one) for one in zip(encounters, kept.tolist(), nominal, strict=True)]


def _badness(one: Pass) -> tuple[float, datetime, str, str]:
    found = one.encounter
    return round(one.kept, ROUNDED), found.start, found.first_plan_id, found.second_plan_id


def _kept(a: CompiledPlans, b: CompiledPlans, found: Described) -> Floats:
    """Of each pass, what is kept of the minima at its worst moment."""
    if not len(found.begins):
        return np.empty(0)
    details = found.details
    needed_m = np.maximum(details[:, REQUIRED_HORIZONTAL], 1.0), np.maximum(details[:, REQUIRED_VERTICAL], 1.0)
    share = np.maximum(details[:, HORIZONTAL] / needed_m[0], details[:, VERTICAL] / needed_m[1])
    both = (a.integers[found.rows_a, MOVING] == 1) & (b.integers[found.rows_b, MOVING] == 1)
    rows = np.flatnonzero(both)
    ours, theirs = found.rows_a[rows], found.rows_b[rows]
    # The column of a part's floats where heights begin, in the frame in which both were compared.
    frame = details[rows, FRAME].astype(np.int64)
    start_s, end_s = details[rows, START], details[rows, END]
    first, second = _Path(a, ours, frame), _Path(b, theirs, frame)
    for place in np.linspace(0.0, 1.0, SAMPLES).tolist():
        time_s = start_s + place * (end_s - start_s)
        point_a, height_a = first.at(time_s)
        point_b, height_b = second.at(time_s)
        apart_m = np.linalg.norm(point_a - point_b, axis=1)
        sampled = np.maximum(apart_m / needed_m[0][rows], np.abs(height_a - height_b) / needed_m[1][rows])
        share[rows] = np.minimum(share[rows], sampled)
    return np.asarray(np.minimum.reduceat(share, found.begins))


class _Path:
    """Some legs of a set, gathered once for being asked where they are at several times."""

    def __init__(self, side: CompiledPlans, rows: Integers, frame: Integers) -> None:
        self._begin_s = side.floats[rows, T0]
        self._length_s = np.maximum(side.floats[rows, T1] - self._begin_s, 1e-9)
        curves = side.curves[side.integers[rows, CURVE]]
        self._origin, self._chord, self._bend = curves[:, 0:3], curves[:, 3:6], curves[:, 6:9]
        self._begin_m = side.floats[rows, frame]
        self._climb_m = side.floats[rows, frame + 1] - self._begin_m

    def at(self, time_s: Floats) -> tuple[Floats, Floats]:
        """Points on the ellipsoid [n, 3] and heights of legs at times; before and after a leg, its ends."""
        share = np.clip((time_s - self._begin_s) / self._length_s, 0.0, 1.0)
        points = self._origin + share[:, None] * self._chord + (share * (1.0 - share))[:, None] * self._bend
        return points, self._begin_m + share * self._climb_m


def _nominal(
    a: CompiledPlans, b: CompiledPlans, found: Described, minima: Floats
) -> list[tuple[datetime, datetime] | None]:
    """Of each pass, when it lasts without any containment."""
    times: list[tuple[datetime, datetime] | None] = [
        (from_posix_s(start), from_posix_s(end))
        for start, end in zip(found.start_s.tolist(), found.end_s.tolist(), strict=True)
    ]
    if not (_contained(a) or _contained(b)):
        return times
    bare_a, bare_b = _without_containment(a, found.rows_a), _without_containment(b, found.rows_b)
    rows = np.arange(len(found.rows_a))
    bare = described(bare_a, rows, bare_b, rows, minima, PASSES_APART_S)
    within: dict[tuple[int, int], list[tuple[float, float]]] = {}
    for row, start, end in zip(bare.begins.tolist(), bare.start_s.tolist(), bare.end_s.tolist(), strict=True):
        pair = int(bare_a.integers[bare.rows_a[row], PLAN]), int(bare_b.integers[bare.rows_b[row], PLAN])
        within.setdefault(pair, []).append((start, end))
    for number, row in enumerate(found.begins.tolist()):
        pair = int(a.integers[found.rows_a[row], PLAN]), int(b.integers[found.rows_b[row], PLAN])
        begin, finish = float(found.start_s[number]) - PASSES_APART_S, float(found.end_s[number]) + PASSES_APART_S
        inside = [(start, end) for start, end in within.get(pair, ()) if start <= finish and end >= begin]
        if inside:
            first, last = min(start for start, _ in inside), max(end for _, end in inside)
            times[number] = from_posix_s(first), from_posix_s(last)
        else:
            times[number] = None
    return times


def _contained(side: CompiledPlans) -> bool:
    # Column by column, for all three at once would be copied.
    return any(side.floats[:, column].any() for column in (LATERAL_M, VERTICAL_M, SLACK_S))


def _without_containment(side: CompiledPlans, rows: Integers) -> CompiledPlans:
    """Only these parts, one row for each, all containment taken away."""
    floats = side.floats[rows]
    floats[:, [LATERAL_M, VERTICAL_M, SLACK_S]] = 0.0
    return replace(side, floats=floats, integers=side.integers[rows])
