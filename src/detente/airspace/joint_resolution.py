"""Joint resolution: changes of several plans of one party that together clear one of them.

A plan may have no clear change of its own because plans of its own side are in the way, and those could move too. So
its places are looked for as if those plans were not there; each of them that a place meets must find a place as well,
clear of what cannot move and of the new places before it, and may in turn meet others. The cheapest way in which all
find one is taken. The search is bounded: by the plans that change together, by the places looked at for each, and by
`work_max`. It pauses before each look for the places of one plan, so that a node can do other work between.

No pair that was clear comes into conflict: every new place has passed the exact predicate against all plans that stay
and all other new places. Two plans of the party that come too close already do not count against each other.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec

from detente.airspace.plan import Plan
from detente.airspace.resolution import PlanChange, RankedChange, ResolutionOptions, find_measures
from detente.airspace.search import PlanIndex
from detente.airspace.separation import MinimaTable

MOST_PLANS = 4
"""The most plans that change together."""
WORK_MAX = 5
"""The most looks for the places of one plan."""
PLACES = 12
"""The most places looked at for each kind and direction of change, evenly spread up to its limit."""


T = TypeVar("T")
Steps = Generator[None, None, T]
"""Work that pauses at each step, and gives a T when it is done."""


def whole(steps: Steps[T]) -> T:
    """Do all steps without a pause; return what they give."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: T = end.value
            return result


class SettledPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The plan under `key` and its change; `measure.plan` is the changed plan."""

    key: str
    measure: RankedChange


def change_together(
    main: str,
    movable: Collection[str],
    own: PlanIndex,
    others: Sequence[PlanIndex | Plan],
    table: MinimaTable,
    options: ResolutionOptions | None = None,
    refused: Collection[PlanChange] = (),
    work_max: int = WORK_MAX,
) -> Steps[tuple[SettledPlan, ...]]:
    """Find the cheapest changes of `main` and of plans in its way that leave it clear of all plans.

    `own` holds the party's plans, and `movable` are the keys of those that may change besides `main`; all other plans
    of `own` and all of `others` stay. Changes of `main` in `refused`, and those near them, are left out. The result
    begins with `main`; it is empty when nothing was found. The same arguments give the same answer. Raises KeyError
    when a plan that the search needs is taken out of an index in a pause.
    """
    search = _Search(own, others, frozenset(movable) - {main}, table, options, work_max)
    yield from search.place(main, (), {}, refused)
    return tuple(SettledPlan(key, measure) for key, measure in search.best.items())


@dataclass
class _Search:
    """The search for the changes of one plan and of what is in its way; `best` is the cheapest found so far."""

    own: PlanIndex
    others: Sequence[PlanIndex | Plan]
    movable: frozenset[str]
    table: MinimaTable
    options: ResolutionOptions | None
    work_left: int
    best: dict[str, RankedChange] = field(default_factory=dict)
    best_cost: float = math.inf
    close: dict[str, frozenset[str]] = field(default_factory=dict)
    hopeless: set[str] = field(default_factory=set)

    def place(
        self, key: str, rest: tuple[str, ...], placed: Mapping[str, RankedChange], refused: Collection[PlanChange] = ()
    ) -> Steps[None]:
        """Place the plan `key`, then `rest` and whatever is in the way; what is cheaper than `best` replaces it."""
        if key in self.hopeless:
            return
        yield
        places = self._places(key, placed, refused)
        if not places and placed and self.work_left > 0:
            yield
            if not self._places(key, {}):
                self.hopeless.add(key)
        for change in places:
            tried = {**placed, key: change}
            cost = sum(one.cost for one in tried.values())
            if cost >= self.best_cost:
                return
            ahead = (
                *rest,
                *(other for other in self._met(key, change.plan) if other not in tried and other not in rest),
            )
            if not ahead:
                self.best, self.best_cost = tried, cost
            elif len(tried) + len(ahead) <= MOST_PLANS and not self.hopeless.intersection(ahead):
                yield from self.place(ahead[0], ahead[1:], tried)

    def _places(
        self, key: str, placed: Mapping[str, RankedChange], refused: Collection[PlanChange] = ()
    ) -> tuple[RankedChange, ...]:
        """Changes of one plan, cheapest first, clear of all plans that cannot move and of the new places so far."""
        if self.work_left <= 0:
            return ()
        self.work_left -= 1
        close = self._close(key)
        new = [measure.plan for other, measure in placed.items() if other not in close]
        return find_measures(
            self.own.plan(key), [self.own, *self.others, *new], self.table, self.options, {key, *self.movable, *close},
            refused=refused, places=PLACES, look_beyond=False,
        ).measures  # fmt: skip

    def _met(self, key: str, changed: Plan) -> list[str]:
        """The movable plans that the new place of a plan comes too close to, and the old did not."""
        met = {encounter.second_plan_id for encounter in self.own.encounters(changed, self.table)}
        return sorted((met & self.movable) - self._close(key) - {key})

    def _close(self, key: str) -> frozenset[str]:
        """The plans of the party that this one comes too close to as things are."""
        if key not in self.close:
            met = self.own.encounters(self.own.plan(key), self.table)
            self.close[key] = frozenset(encounter.second_plan_id for encounter in met) - {key}
        return self.close[key]
