"""Joint resolution: changes of several plans that together leave as few conflicts as possible, and create none.

Changing one plan after the other is not enough where conflicts are connected: in a chain A-B-C one change of B may
clear both conflicts, and a change of A may take the only place that C could have had. So conflicts are settled by
connected groups. Within a group, sets of plans that touch every conflict are tried in the order of what they would cost
if each were changed alone, each set in several orders and with every kind of change of each plan; a plan keeps clear of
all plans outside the set and of the new places of those before it, not of the old places of those after it. The
cheapest that clears the whole group is taken. The search is bounded by `work_max`: when that is spent, or when no set
clears the group, plans are changed one by one, those with most conflicts first, and a conflict that cannot be cleared
is left with the reason. Every change is verified before it is made, so no pair that was clear comes into conflict.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import msgspec

from detente.airspace.plan import Plan
from detente.airspace.resolution import (
    FoundMeasures,
    NoMeasureReason,
    PlanChange,
    RankedChange,
    ResolutionOptions,
    find_measures,
)
from detente.airspace.search import PlanIndex, encounters_within
from detente.airspace.separation import Encounter, MinimaTable

WORK_MAX = 200
"""The most searches for one plan's measures that are made in one group."""
ORDERS_MAX = 24
SETS_MAX = 200
FAR_DEARER = 1e9
"""The estimated cost of a plan that can only be changed together with others, so that it is tried last."""

Edge = tuple[str, str]
Question = tuple[str, frozenset[tuple[str, PlanChange]], frozenset[str]]
"""A plan, the changes made so far, and what may be ignored."""


class LeftReason(StrEnum):
    """Why a conflict is left."""

    NOT_MOVABLE = "not_movable"
    NO_CLEAR_CHANGE = "no_clear_change"
    WORK_SPENT = "work_spent"


class SettledPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The plan under `key` and its change; `measure.plan` is the changed plan."""

    key: str
    measure: RankedChange


class LeftConflict(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Two plans still inside the minima, by their keys; in `encounter` keys stand for plan ids."""

    first: str
    second: str
    encounter: Encounter
    reason: LeftReason


class JointResolution(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Changes to make, all of them together, and the conflicts that they leave; both in the order of the keys."""

    measures: tuple[SettledPlan, ...]
    left: tuple[LeftConflict, ...]

    @property
    def cost(self) -> float:
        """Seconds of flying time that all changes cost."""
        return sum(settled.measure.cost for settled in self.measures)


def settle(
    plans: Mapping[str, Plan],
    movable: Collection[str],
    table: MinimaTable,
    options: ResolutionOptions | None = None,
    work_max: int = WORK_MAX,
) -> JointResolution:
    """Change plans under the keys `movable` so that as few conflicts as the search can reach are left.

    No pair of plans that was clear comes into conflict. The same arguments give the same answer, in whatever order the
    mapping lists its plans. Without `options` each plan has those that suit its minima.
    """
    keys = sorted(plans)
    conflicts = conflicts_of({key: plans[key] for key in keys}, table)
    index = PlanIndex()
    for key in keys:
        index.insert(key, plans[key])
    reasons: dict[Edge, LeftReason] = {}
    placed: dict[str, RankedChange] = {}
    for group in _groups(conflicts, frozenset(movable), reasons):
        search = _GroupSearch(group, index, table, options, work_max)
        for key, measure in search.run().items():
            index.remove(key)
            index.insert(key, measure.plan)
            placed[key] = measure
        reasons.update(search.reasons)
    after = conflicts_of({key: placed[key].plan if key in placed else plans[key] for key in keys}, table)
    left = tuple(
        LeftConflict(*edge, encounter, reasons.get(edge, LeftReason.NO_CLEAR_CHANGE))
        for edge, encounter in sorted(after.items())
    )
    return JointResolution(tuple(SettledPlan(key, placed[key]) for key in sorted(placed)), left)


def conflicts_of(plans: Mapping[str, Plan], table: MinimaTable) -> dict[Edge, Encounter]:
    """The encounters within a set of plans by their pairs of keys, smaller key first; keys stand for plan ids."""
    keys = sorted(plans)
    # Plan ids are unique for a party only; numbers stand for them while encounters are sought.
    numbered = [msgspec.structs.replace(plans[key], plan_id=str(number)) for number, key in enumerate(keys)]
    conflicts = {}
    for encounter in encounters_within(numbered, table):
        first, second = keys[int(encounter.first_plan_id)], keys[int(encounter.second_plan_id)]
        conflicts[first, second] = msgspec.structs.replace(encounter, first_plan_id=first, second_plan_id=second)
    return conflicts


@dataclass(frozen=True)
class _Group:
    """Conflicts that are connected through movable plans, and those plans; both sorted."""

    edges: tuple[Edge, ...]
    movable: tuple[str, ...]

    def of(self, key: str) -> list[Edge]:
        return [edge for edge in self.edges if key in edge]


def _groups(conflicts: Collection[Edge], movable: frozenset[str], reasons: dict[Edge, LeftReason]) -> list[_Group]:
    """Connected groups. A plan that may not be changed connects nothing; two such plans are left."""
    leader: dict[str, str] = {}

    def find(key: str) -> str:
        leader.setdefault(key, key)
        while leader[key] != key:
            leader[key] = leader[leader[key]]
            key = leader[key]
        return key

    edges = []
    for edge in sorted(conflicts):
        ends = [key for key in edge if key in movable]
        if not ends:
            reasons[edge] = LeftReason.NOT_MOVABLE
            continue
        edges.append((edge, ends[0]))
        if len(ends) == 2:
            first, second = sorted((find(ends[0]), find(ends[1])))
            leader[second] = first
    by_leader: dict[str, list[Edge]] = {}
    for edge, end in edges:
        by_leader.setdefault(find(end), []).append(edge)
    return [
        _Group(tuple(group), tuple(sorted({key for edge in group for key in edge if key in movable})))
        for _, group in sorted(by_leader.items())
    ]


@dataclass
class _GroupSearch:
    """The search for one group's changes, against an index in which all plans are as they are now."""

    group: _Group
    index: PlanIndex
    table: MinimaTable
    options: ResolutionOptions | None
    work_left: int
    reasons: dict[Edge, LeftReason] = field(default_factory=dict)
    answers: dict[Question, FoundMeasures] = field(default_factory=dict)

    def run(self) -> dict[str, RankedChange]:
        """The cheapest changes found that clear the group, or what changing one by one achieves."""
        estimate = {key: cost for key in self.group.movable if (cost := self._estimate(key)) is not None}
        edges = [edge for edge in self.group.edges if edge[0] in estimate or edge[1] in estimate]
        best: dict[str, RankedChange] | None = None
        best_cost = math.inf
        for expected, moved in itertools.islice(_covers(edges, estimate), SETS_MAX) if edges else ():
            if expected >= best_cost or self.work_left <= 0:
                break
            for order in itertools.islice(itertools.permutations(self._by_conflicts(moved)), ORDERS_MAX):
                cleared = self._place(order, {}, best_cost)
                if cleared is not None:
                    best, best_cost = cleared, _cost(cleared)
        reason = LeftReason.WORK_SPENT if self.work_left <= 0 else LeftReason.NO_CLEAR_CHANGE
        self.reasons = {edge: reason if edge in edges else LeftReason.NO_CLEAR_CHANGE for edge in self.group.edges}
        return self._one_by_one(best or {})

    def _estimate(self, key: str) -> float | None:
        """The cost of changing this plan alone; FAR_DEARER when others must change too; None when nothing helps."""
        alone = self._search(key, {}, ())
        if alone.measures:
            return alone.measures[0].cost
        without_others = self._search(key, {}, self.group.movable)
        free = without_others.measures or _is_clear(without_others)
        return FAR_DEARER if free else None

    def _search(self, key: str, placed: Mapping[str, RankedChange], ignored: Collection[str]) -> FoundMeasures:
        """Changes of one plan, clear of all but itself and `ignored`, and of the new places of those `placed`."""
        question = (key, frozenset((other, measure.change) for other, measure in placed.items()), frozenset(ignored))
        if question in self.answers:
            return self.answers[question]
        if self.work_left <= 0:
            return FoundMeasures(())
        self.work_left -= 1
        known: list[PlanIndex | Plan] = [self.index, *(measure.plan for measure in placed.values())]
        ignored = {key, *placed, *ignored}
        measures = find_measures(self.index.plan(key), known, self.table, self.options, ignored, look_beyond=False)
        self.answers[question] = measures
        return measures

    def _by_conflicts(self, keys: Collection[str]) -> list[str]:
        """The keys, those of most conflicts first."""
        return sorted(keys, key=lambda key: (-len(self.group.of(key)), key))

    def _place(
        self, order: Sequence[str], placed: dict[str, RankedChange], limit: float
    ) -> dict[str, RankedChange] | None:
        """Place the plans in `order`, each clear of those placed before it, at a total cost below `limit`."""
        if not order:
            return placed
        key, rest = order[0], order[1:]
        measures = self._search(key, placed, rest)
        if _is_clear(measures):
            return self._place(rest, placed, limit)
        best = None
        for measure in measures.measures:
            tried = {**placed, key: measure}
            if _cost(tried) >= limit:
                break
            whole = self._place(rest, tried, limit)
            if whole is not None:
                best, limit = whole, _cost(whole)
        return best

    def _one_by_one(self, placed: dict[str, RankedChange]) -> dict[str, RankedChange]:
        """Change more plans, one after the other, those of most conflicts first.

        In the first round each must be clear of everything; in the second some of its old conflicts may stay.
        """
        placed = dict(placed)
        left = [edge for edge in self.group.edges if edge[0] not in placed and edge[1] not in placed]
        # The search before may have spent the whole budget; each plan still gets some tries.
        self.work_left = max(self.work_left, 4 * len(self.group.movable))
        for lenient in (False, True):
            for key in self._by_conflicts(self.group.movable):
                others = [edge[0] if edge[1] == key else edge[1] for edge in left if key in edge]
                if key in placed or not others:
                    continue
                for partners in _partners_to_keep(others) if lenient else ((),):
                    measures = self._search(key, placed, partners).measures
                    if measures:
                        placed[key] = measures[0]
                        left = [edge for edge in left if key not in edge or set(edge) & set(partners)]
                        break
        return placed


def _is_clear(measures: FoundMeasures) -> bool:
    return measures.none is not None and measures.none.reason is NoMeasureReason.NOT_IN_CONFLICT


def _partners_to_keep(others: Sequence[str]) -> list[tuple[str, ...]]:
    """Return the sets of partners with which a plan may stay in conflict: one of them, or all but one."""
    singles = [(other,) for other in others] if len(others) > 1 else []
    rests = [tuple(partner for partner in others if partner != other) for other in others] if len(others) > 2 else []
    return singles + rests


def _covers(edges: Sequence[Edge], estimate: Mapping[str, float]) -> Iterator[tuple[float, frozenset[str]]]:
    """Sets of plans that touch every edge, in the order of the sum of their estimates; none contains a smaller one.

    Best first: a partial set is extended at its first untouched edge, by either end; the second branch rules the first
    end out.
    """
    counter = itertools.count()
    heap: list[tuple[float, int, frozenset[str], frozenset[str]]] = [(0.0, next(counter), frozenset(), frozenset())]
    while heap and len(heap) < 100 * SETS_MAX:
        bound, _, chosen, ruled_out = heapq.heappop(heap)
        untouched = next((edge for edge in edges if edge[0] not in chosen and edge[1] not in chosen), None)
        if untouched is None:
            yield bound, chosen
            continue
        barred = ruled_out
        for key in untouched:
            if key in estimate and key not in barred:
                heapq.heappush(heap, (bound + estimate[key], next(counter), chosen | {key}, barred))
                barred = barred | {key}


def _cost(placed: Mapping[str, RankedChange]) -> float:
    return sum(measure.cost for measure in placed.values())
