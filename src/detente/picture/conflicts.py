"""Conflicts between the plans of two parties, named so that both derive the same name."""

from __future__ import annotations

import hashlib
from datetime import datetime
from enum import StrEnum

import msgspec

from detente.airspace.separation import Encounter


class PlanReference(msgspec.Struct, frozen=True, forbid_unknown_fields=True, order=True):
    """One revision of one party's plan."""

    party: str
    plan_id: str
    revision: int


class Conflict(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Two plans inside the accord's minima. `first` sorts before `second`, and `encounter` is in that order."""

    conflict_id: str
    first: PlanReference
    second: PlanReference
    encounter: Encounter

    def of(self, party: str) -> PlanReference:
        """Return the plan of `party` in this conflict; KeyError when it has none."""
        for reference in (self.first, self.second):
            if reference.party == party:
                return reference
        raise KeyError(party)

    def other(self, party: str) -> PlanReference:
        """Return the plan of the party that is not `party`."""
        return self.second if self.of(party) is self.first else self.first


class ClearedBecause(StrEnum):
    """Why a conflict is no longer one."""

    AMENDED = "amended"
    WITHDRAWN = "withdrawn"
    ENDED = "ended"
    ACCORD = "accord"
    HORIZON = "horizon"


class ConflictRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An open conflict: since when, the measures that were proposed for it, and who found none and why.

    Those in `no_joint_measure` found no change of several plans either.
    """

    conflict: Conflict
    found_at: datetime
    measures: tuple[str, ...] = ()
    no_measure: tuple[tuple[str, str], ...] = ()
    no_joint_measure: tuple[str, ...] = ()

    @property
    def no_single_measure(self) -> bool:
        """Whether both parties said that they found none."""
        return {party for party, _ in self.no_measure} == {self.conflict.first.party, self.conflict.second.party}


class ClearedConflict(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A conflict that is over; `measure_id` when a measure cleared it."""

    conflict: Conflict
    found_at: datetime
    cleared_at: datetime
    because: ClearedBecause
    measure_id: str | None = None


class ConflictAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `party` last said of our plan at this revision: whether something that it does not tell is in conflict."""

    party: str
    plan_id: str
    revision: int
    conflict: bool
    said_at: datetime


def conflict_id(first: PlanReference, second: PlanReference) -> str:
    """Return the first 16 hex digits of SHA-256 over both (party, plan_id, revision), sorted.

    The parts are a JSON array of arrays, so that no choice of names gives two pairs the same text.
    """
    parts = [[r.party, r.plan_id, r.revision] for r in sorted((first, second))]
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()[:16]


def conflict_between(first: PlanReference, second: PlanReference, encounter: Encounter) -> Conflict:
    """Return the conflict of two plans of different parties; `first` sorts before `second`, as in `encounter`."""
    return Conflict(conflict_id(first, second), first, second, encounter)
