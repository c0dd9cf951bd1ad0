"""Measures: agreed changes that remove a conflict."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from detente.airspace.altitude import Altitude
from detente.airspace.plan import Plan, check_identifier
from detente.airspace.position import Position
from detente.airspace.refusal import Refusal
from detente.airspace.resolution import PlanChange

LONGEST_REASON = 300
"""Characters of a reason that one party tells the other; the schema has no other free text (R1)."""

MOST_ALSO = 3
"""The most plans that a measure changes besides its own."""

POSITION_TOLERANCE_DEG = 1e-6
ALTITUDE_TOLERANCE = 0.01
TIME_TOLERANCE = timedelta(milliseconds=1)


class PlanShift(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One plan that a measure changes: `plan` is what results from `change` on revision `base_revision`."""

    base_revision: int
    change: PlanChange
    plan: Plan


class Measure(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A proposal by `proposer`: change one plan of `owner`, a party of the conflict, so that it is clear.

    `plan` is what results from `change` on revision `base_revision`, in full: it is what both sides check, and what
    the owner's plan becomes when the other party accepts. `cost` is the proposer's own ranking, smaller is cheaper.

    A joint measure changes other plans of its proposer too (`also`), which are in the way: all of them or none.
    """

    measure_id: str
    conflict_id: str
    proposer: str
    owner: str
    base_revision: int
    change: PlanChange
    plan: Plan
    cost: float = 0.0
    also: tuple[PlanShift, ...] = ()

    def __post_init__(self) -> None:
        check_identifier("measure_id", self.measure_id)
        check_identifier("conflict_id", self.conflict_id)
        if not math.isfinite(self.cost):
            raise Refusal("picture.finite_number", "cost", self.cost)
        if len(self.also) > MOST_ALSO:
            raise Refusal("picture.at_most_other_plans", "also", len(self.also), most=MOST_ALSO)
        if len({shift.plan.plan_id for shift in self.shifts}) <= len(self.also):
            raise Refusal("picture.each_plan_once", "also", self.plan.plan_id)
        if self.also and self.owner != self.proposer:
            raise Refusal("picture.only_plans_proposer_measure", "also", self.owner)

    @property
    def shifts(self) -> tuple[PlanShift, ...]:
        """Every plan that it changes, that of the conflict first."""
        return (PlanShift(self.base_revision, self.change, self.plan), *self.also)

    @property
    def keys(self) -> tuple[tuple[str, str], ...]:
        """(party, plan_id) of every plan that it changes."""
        return tuple((self.owner, shift.plan.plan_id) for shift in self.shifts)

    @property
    def rank(self) -> tuple[str, str]:
        """Of two proposals that clash, the one with the smaller rank goes ahead: both sides know which."""
        return (self.conflict_id, self.measure_id)


class MeasureState(StrEnum):
    """Where a measure is. Only IN_EFFECT has changed a plan."""

    PROPOSED = "proposed"
    ACCEPTED = "accepted"
    IN_EFFECT = "in_effect"
    REFUSED = "refused"
    LAPSED = "lapsed"


class MeasureRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A measure as it stands, with the reason when it was refused or lapsed."""

    measure: Measure
    state: MeasureState
    proposed_at: datetime
    changed_at: datetime
    reason: str = ""

    @property
    def outstanding(self) -> bool:
        """Whether it may still change its plan."""
        return self.state in (MeasureState.PROPOSED, MeasureState.ACCEPTED)


def check_reason(reason: str) -> None:
    """Raise Refusal unless `reason` is one line of 1 to LONGEST_REASON printable characters."""
    if not 1 <= len(reason) <= LONGEST_REASON or not reason.isprintable():
        raise Refusal("picture.one_line_printable_characters", "reason", reason, most=LONGEST_REASON)


def plans_agree(first: Plan, second: Plan) -> bool:
    """Whether two plans are the same but for the last digits that two machines may compute differently.

    Positions may differ by 1e-6 degrees (11 cm), altitudes by 0.01 of their unit, times by a millisecond.
    """
    return _same(first, second)


def _same(first: object, second: object) -> bool:
    if first == second:
        return True
    if type(first) is not type(second):
        return False
    if isinstance(first, Position) and isinstance(second, Position):
        return (
            abs(first.latitude_deg - second.latitude_deg) <= POSITION_TOLERANCE_DEG
            and abs((first.longitude_deg - second.longitude_deg + 180.0) % 360.0 - 180.0) <= POSITION_TOLERANCE_DEG
        )
    if isinstance(first, Altitude) and isinstance(second, Altitude):
        return (first.unit, first.reference) == (second.unit, second.reference) and (
            abs(first.value - second.value) <= ALTITUDE_TOLERANCE
        )
    if isinstance(first, datetime) and isinstance(second, datetime):
        return abs(first - second) <= TIME_TOLERANCE
    if isinstance(first, tuple) and isinstance(second, tuple):
        return len(first) == len(second) and all(_same(a, b) for a, b in zip(first, second, strict=True))
    if isinstance(first, msgspec.Struct) and isinstance(second, msgspec.Struct):
        return _same(msgspec.structs.astuple(first), msgspec.structs.astuple(second))
    return False
