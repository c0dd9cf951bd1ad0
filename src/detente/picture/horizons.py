"""Conflicts by horizon (R26): a pair of plans is judged by the minima of the horizon in which it comes close.

The horizon follows from one moment, the start of the encounter under minima that are at least as wide as those of
every horizon. So each pair is in exactly one horizon at any time, whatever the minima of each, and only ever goes on to
the next: a pair that comes close under the widest minima is watched until it is tactical, and judged again at each
step.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec

from detente.accord.provisions import Horizon
from detente.airspace.plan import Plan
from detente.airspace.search import encounter as exact_encounter
from detente.picture.conflicts import Conflict, PlanReference, conflict_between, conflict_id
from detente.picture.pair_terms import HorizonTerms


class Watched(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Two plans that come close, when (the start under the widest minima, UTC), and the horizon of the last verdict."""

    first: PlanReference
    second: PlanReference
    begins: datetime
    horizon: Horizon

    @property
    def pair_id(self) -> str:
        """The id that the conflict of the two plans has, if it is one."""
        return conflict_id(self.first, self.second)


def due_at(watched: Watched, terms: HorizonTerms) -> datetime:
    """Return when the pair comes into its next horizon."""
    strategic = watched.horizon is Horizon.STRATEGIC
    return watched.begins - timedelta(seconds=terms.limits.pre_tactical_s if strategic else terms.limits.tactical_s)


def horizon_at(begins: datetime, at: datetime, terms: HorizonTerms) -> Horizon:
    """Return the horizon of what begins at a moment, seen from another."""
    return terms.limits.of((begins - at).total_seconds())


def judged(
    references: tuple[PlanReference, PlanReference], plans: tuple[Plan, Plan], horizon: Horizon, terms: HorizonTerms
) -> Conflict | None:
    """Return the conflict of two plans under the minima of one horizon, or None. The first sorts before the second."""
    minima = terms.table(horizon).between(plans[0].aircraft_class, plans[1].aircraft_class)
    found = exact_encounter(*plans, minima)
    return None if found is None else conflict_between(*references, found)


class WatchQueue:
    """Watched pairs by when they are due; those of a plan can be dropped. Changed by `evolve` alone."""

    def __init__(self) -> None:
        self.pairs: dict[str, Watched] = {}
        self._due: dict[str, datetime] = {}
        self._of: dict[tuple[str, str], set[str]] = {}
        self._buckets: dict[int, set[str]] = {}

    def watch(self, watched: Watched, terms: HorizonTerms | None) -> None:
        """Watch a pair from now on, or no longer when it is tactical."""
        name = watched.pair_id
        self._drop(name)
        if watched.horizon is Horizon.TACTICAL or terms is None:
            return
        self.pairs[name] = watched
        self._due[name] = due_at(watched, terms)
        self._buckets.setdefault(_minute(self._due[name]), set()).add(name)
        for key in _keys(watched):
            self._of.setdefault(key, set()).add(name)

    def forget(self, key: tuple[str, str]) -> None:
        """Drop every pair of a plan (party, plan_id)."""
        for name in sorted(self._of.get(key, ())):
            self._drop(name)

    def clear(self) -> None:
        """Drop every pair."""
        for name in sorted(self.pairs):
            self._drop(name)

    def due(self, at: datetime) -> Iterator[Watched]:
        """Yield the pairs whose next horizon has come, in the order of their ids."""
        minutes = [minute for minute in self._buckets if minute <= _minute(at)]
        names = sorted(name for minute in minutes for name in self._buckets[minute] if self._due[name] <= at)
        return (self.pairs[name] for name in names)

    def _drop(self, name: str) -> None:
        watched = self.pairs.pop(name, None)
        if watched is None:
            return
        minute = _minute(self._due.pop(name))
        self._buckets[minute].discard(name)
        if not self._buckets[minute]:
            del self._buckets[minute]
        for key in _keys(watched):
            self._of[key].discard(name)
            if not self._of[key]:
                del self._of[key]


def _minute(moment: datetime) -> int:
    return int(moment.timestamp() // 60.0)


def _keys(watched: Watched) -> tuple[tuple[str, str], tuple[str, str]]:
    first, second = watched.first, watched.second
    return (first.party, first.plan_id), (second.party, second.plan_id)
