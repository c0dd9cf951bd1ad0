"""The known plans that one plan, or a change of it, could meet, as arrays for the kernels."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from detente.airspace.arrays import Floats, Integers
from detente.airspace.boxes import BoxTree
from detente.airspace.compiled import CompiledPlans, Vocabulary, boxes, compile_plans
from detente.airspace.part_kernels import FAMILY, PLAN, TOLERANCE_M
from detente.airspace.plan import Plan
from detente.airspace.resolution_kernels import first_clear, forbidden_delays
from detente.airspace.search import PlanIndex, meetings_between
from detente.airspace.separation import MinimaTable

Known = PlanIndex | Sequence[PlanIndex | Plan]
"""What a plan must keep clear of: an index, or any mixture of indexes and plans."""


@dataclass(frozen=True)
class Reach:
    """How far a change may take the plan: seconds later, metres up or down, metres sideways."""

    later_s: float = 0.0
    height_m: float = 0.0
    aside_m: float = 0.0


UNCHANGED = Reach()


class Surroundings:
    """The known plans around one plan, which may be moved up to `later_s` seconds later.

    `plan` itself (the same object) is left out, and so are the plans that an index holds under the keys `ignored`.
    """

    def __init__(
        self, plan: Plan, known: Known, table: MinimaTable, ignored: Collection[str] = (), later_s: float = 0.0
    ) -> None:
        everything = (known,) if isinstance(known, PlanIndex) else known
        self._plan = plan
        self._table = table
        self._ignored = frozenset(ignored)
        self._indexes = [entry for entry in everything if isinstance(entry, PlanIndex)]
        self._vocabulary = Vocabulary()
        self._loose = self._compiled(
            self._in_time([entry for entry in everything if isinstance(entry, Plan) and entry is not plan], later_s)
        )
        self._loose_tree = _flat_tree(self._loose)
        self._within: dict[Reach, list[CompiledPlans]] = {}

    def clear(self, changed: Plan) -> bool:
        """Whether `changed` keeps the minima to all known plans, by the exact predicate."""
        return not self._meeting([changed], self._gather(changed, UNCHANGED))

    def sifted(self, changed: Sequence[Plan], reach: Reach) -> list[Plan | None]:
        """Return `changed`, with None in place of each that breaks the minima to a plan within `reach`.

        Many at once cost little more than one. The caller must verify the change that it chooses.
        """
        meeting = self._meeting(changed, self._around(reach))
        return [None if number in meeting else plan for number, plan in enumerate(changed)]

    def clear_delays(self, step_s: float, limit_s: float) -> Iterator[float]:
        """Yield, rising, the multiples of `step_s` up to `limit_s` by which the plan can be delayed to be clear.

        The delays that two legs forbid form an interval, known to better than a microsecond; a leg and an area are
        checked for each delay. The caller must verify the delay that it chooses.
        """
        mine = self._compiled([self._plan])
        asked = []
        forbidden = [np.empty((0, 2))]
        for parts in self._around(Reach(later_s=limit_s)):
            minima = self._vocabulary.minima(self._table)
            intervals, pairs = forbidden_delays(
                mine.floats, mine.integers, mine.curves, parts.floats, parts.integers, parts.curves, minima, limit_s
            )
            forbidden.append(intervals)
            asked.append((pairs, parts, minima))
        delays_s = step_s * np.arange(1, math.floor(limit_s / step_s * (1.0 + 1e-12)) + 1, dtype=np.float64)
        delays_s = delays_s[~_inside(delays_s, np.concatenate(forbidden))]
        number = 0
        while number < len(delays_s):
            left = delays_s[number:]
            steps = [
                int(
                    first_clear(
                        left, pairs, mine.floats, mine.integers, mine.curves,
                        parts.floats, parts.integers, parts.curves, minima,
                    )
                )
                for pairs, parts, minima in asked
            ]  # fmt: skip
            if -1 in steps:
                return
            number += max(steps, default=0)
            if max(steps, default=0) == 0:
                yield float(delays_s[number])
                number += 1

    def _around(self, reach: Reach) -> list[CompiledPlans]:
        if reach not in self._within:
            self._within[reach] = self._gather(self._plan, reach)
        return self._within[reach]

    def _gather(self, plan: Plan, reach: Reach) -> list[CompiledPlans]:
        """Return the parts whose boxes are near `plan`: of plans given one by one, and of plans in indexes."""
        low, high = self._boxes_around(plan, reach)
        rows = np.unique(self._loose_tree.pairs_with(low, high)[1])
        parts = [_rows_of(self._loose, rows)] if len(rows) else []
        near = [
            index.plan(key)
            for index in self._indexes
            for key in index.near(plan, self._table, reach.later_s, reach.height_m, reach.aside_m)
            if key not in self._ignored and index.plan(key) is not self._plan
        ]
        if near:
            compiled = self._compiled(near)
            rows = np.unique(_flat_tree(compiled).pairs_with(low, high)[1])
            if len(rows):
                parts.append(_rows_of(compiled, rows))
        return parts

    def _meeting(self, changed: Sequence[Plan], around: list[CompiledPlans]) -> set[int]:
        """The numbers of those plans of `changed` that come inside the minima of any part around."""
        compiled = self._compiled(changed)
        minima = self._vocabulary.minima(self._table)
        met = [meetings_between(compiled, parts, minima).first for parts in around]
        return {number for rows in met for number in np.unique(compiled.integers[rows, PLAN]).tolist()}

    def _compiled(self, plans: Sequence[Plan]) -> CompiledPlans:
        return compile_plans(plans, self._vocabulary)

    def _boxes_around(self, plan: Plan, reach: Reach) -> tuple[Floats, Floats]:
        """Boxes of the plan's parts, without height, grown by the largest minima and by `reach`."""
        low, high = _flat_boxes(self._compiled([plan]))
        horizontal_m, time_s = _largest(self._table)
        aside_m = horizontal_m + reach.aside_m + TOLERANCE_M
        low -= np.array([aside_m, aside_m, aside_m, 0.0, time_s])
        high += np.array([aside_m, aside_m, aside_m, 0.0, time_s + reach.later_s])
        return low, high

    def _in_time(self, plans: Sequence[Plan], later_s: float) -> list[Plan]:
        _, time_s = _largest(self._table)
        window = self._plan.time
        start = window.start - timedelta(seconds=time_s)
        end = window.end + timedelta(seconds=time_s + later_s)
        return [plan for plan in plans if plan.time.end >= start and plan.time.start <= end]


def _largest(table: MinimaTable) -> tuple[float, float]:
    """The largest horizontal minimum of a table in metres, and the largest in time in seconds."""
    minima = [table.default, *(entry.minima for entry in table.by_class)]
    return max(m.horizontal_m for m in minima), max(m.time_s for m in minima)


def _flat_boxes(compiled: CompiledPlans) -> tuple[Floats, Floats]:
    """Boxes of the parts without their heights, so that altitude references need not be compared."""
    low, high = boxes(compiled, FAMILY)
    low[:, 3], high[:, 3] = 0.0, 0.0
    return low, high


def _flat_tree(compiled: CompiledPlans) -> BoxTree:
    low, high = _flat_boxes(compiled)
    tree = BoxTree(len(low))
    tree.insert_many(np.arange(len(low)), low, high)
    return tree


def _rows_of(compiled: CompiledPlans, rows: Integers) -> CompiledPlans:
    return CompiledPlans(compiled.plans, compiled.floats[rows], compiled.integers[rows], compiled.curves)


def _inside(values: Floats, intervals: Floats) -> NDArray[np.bool_]:
    """Which of the ascending `values` lie in any of the closed intervals [n, 2]."""
    covered = np.zeros(len(values) + 1, dtype=np.int64)
    np.add.at(covered, np.searchsorted(values, intervals[:, 0], side="left"), 1)
    np.add.at(covered, np.searchsorted(values, intervals[:, 1], side="right"), -1)
    return np.cumsum(covered[:-1]) > 0
