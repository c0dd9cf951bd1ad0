"""Decide about measures: proposed by one party of a conflict, answered by the other, put into effect by the owner.

Two nodes decide at the same time and hear of each other later. What keeps them together: messages between two nodes
keep their order; only the owner of a plan amends it, so an accepted measure of a peer's plan waits for the owner's
amendment; and of two outstanding proposals that clash, both nodes let the one of smaller rank go ahead.
"""

from __future__ import annotations

import itertools

from detente.airspace.plan import Plan
from detente.airspace.refusal import Refusal
from detente.airspace.resolution import apply_change
from detente.airspace.search import encounter
from detente.picture import decide_plans
from detente.picture.commands import AcceptMeasure, ProposeMeasure, RefuseMeasure, ReportNoMeasure
from detente.picture.conflicts import Conflict, ConflictRecord, PlanReference
from detente.picture.events import MeasureAccepted, MeasureProposed, MeasureRefused, NoMeasureFound, PictureEvent
from detente.picture.measures import Measure, MeasureRecord, MeasureState, PlanShift, check_reason, plans_agree
from detente.picture.picture import Picture


def propose(picture: Picture, command: ProposeMeasure) -> list[PictureEvent]:
    """A measure becomes outstanding. A peer's that can no longer be is recorded and refused in one step."""
    measure = command.measure
    _check_shape(picture, command)
    objection = _objection_to_proposal(picture, measure)
    if command.party == picture.party:
        if objection is not None:
            raise objection
        _check_clear(picture, measure, outranked_may_clash=False)
        return [MeasureProposed(command.at, measure)]
    # Its geometry must be possible before it may enter the picture, refused or not.
    for shift in measure.shifts:
        picture.encounters(measure.owner, shift.plan)
    events: list[PictureEvent] = [MeasureProposed(command.at, measure)]
    if objection is not None:
        events.append(MeasureRefused(command.at, measure.measure_id, picture.party, objection.expected))
    return events


def accept(picture: Picture, command: AcceptMeasure) -> list[PictureEvent]:
    """The other party agrees; when the plan is ours it is amended at once."""
    record = _answerable(picture, command.party, command.measure_id)
    if record is None:
        return []
    measure = record.measure
    if command.party == picture.party:
        _check_clear(picture, measure, outranked_may_clash=True)
    events: list[PictureEvent] = [MeasureAccepted(command.at, measure.measure_id, command.party)]
    if measure.owner == picture.party:
        events += decide_plans.amended_by_measure(picture, command.at, measure.measure_id)
    return events


def refuse(picture: Picture, command: RefuseMeasure) -> list[PictureEvent]:
    """The other party does not agree, and says why."""
    check_reason(command.reason)
    record = _answerable(picture, command.party, command.measure_id)
    return [] if record is None else [MeasureRefused(command.at, command.measure_id, command.party, command.reason)]


def report_none(picture: Picture, command: ReportNoMeasure) -> list[PictureEvent]:
    """A party of an open conflict says that it found no change of its own plan, or of several."""
    check_reason(command.reason)
    record = picture.conflicts.get(command.conflict_id)
    if record is None:
        if command.party != picture.party:
            return []
        raise Refusal("picture.open_conflict", "conflict_id", command.conflict_id)
    _plan_of(record.conflict, command.party, "party")
    news = command.joint and command.party not in record.no_joint_measure
    if (command.party, command.reason) in record.no_measure and not news:
        return []
    return [NoMeasureFound(command.at, command.conflict_id, command.party, command.reason, command.joint)]


def _check_shape(picture: Picture, command: ProposeMeasure) -> None:
    measure = command.measure
    assert picture.accord is not None
    if measure.proposer != command.party:
        raise Refusal("picture.party_proposes", "measure.proposer", measure.proposer, party=command.party)
    if measure.owner not in picture.accord.parties:
        raise Refusal("picture.any_party_of_accord", "measure.owner", measure.owner)
    if measure.measure_id in picture.measures:
        raise Refusal("picture.id_no_measure", "measure.measure_id", measure.measure_id)


def _objection_to_proposal(picture: Picture, measure: Measure) -> Refusal | None:
    """Why a well-formed measure cannot be proposed as things stand, or None."""
    record = picture.conflicts.get(measure.conflict_id)
    if record is None:
        return Refusal("picture.conflict_gone", "measure.conflict_id", measure.conflict_id)
    try:
        _plan_of(record.conflict, measure.proposer, "measure.proposer")
        reference = _plan_of(record.conflict, measure.owner, "measure.owner")
    except Refusal as refusal:
        return refusal
    if (measure.owner, measure.plan.plan_id) != (reference.party, reference.plan_id):
        return Refusal("picture.resulting_plan_not_plan", "measure.plan", measure.plan.plan_id)
    for shift in measure.shifts:
        held = picture.plans.get((measure.owner, shift.plan.plan_id))
        if held is None or not held.live or shift.base_revision != held.revision:
            return Refusal("picture.plan_another_revision_now", "measure.base_revision", shift.base_revision)
        if not _is_change_of(held.plan, shift):
            return Refusal("picture.resulting_plan_not_plan", "measure.plan", shift.plan.plan_id)
    if _has_outstanding(picture, measure):
        return Refusal("picture.one_outstanding_measure_proposer", "measure.plan", measure.plan.plan_id)
    return _objection_to_joint(picture, measure, record) if measure.also else None


def _objection_to_joint(picture: Picture, measure: Measure, record: ConflictRecord) -> Refusal | None:
    """Why several plans cannot change together: too early, or two that were clear of each other would not be."""
    if not record.no_single_measure:
        return Refusal("picture.several_plans_change", "measure.also", len(measure.also))
    assert picture.accord is not None
    table = picture.accord.minima_with(record.conflict.other(picture.party).party)
    for first, second in itertools.combinations(measure.shifts, 2):
        minima = table.between(first.plan.aircraft_class, second.plan.aircraft_class)
        before = (picture.plans[(measure.owner, shift.plan.plan_id)].plan for shift in (first, second))
        if encounter(first.plan, second.plan, minima) and not encounter(next(before), next(before), minima):
            return Refusal("picture.two_changed_plans_would", "measure.also", second.plan.plan_id)
    return None


def _is_change_of(base: Plan, shift: PlanShift) -> bool:
    try:
        return plans_agree(apply_change(base, shift.change), shift.plan)
    except Refusal:
        return False


def _has_outstanding(picture: Picture, measure: Measure) -> bool:
    others = (m for key in measure.keys for m in picture.measures_of.get(key, ()))
    return any(picture.measures[m].measure.proposer == measure.proposer for m in others)


def _check_clear(picture: Picture, measure: Measure, *, outranked_may_clash: bool) -> None:
    """Raise Refusal when a result of the measure comes too close to anything known here."""
    for shift in measure.shifts:
        clashes = picture.encounters(measure.owner, shift.plan)
        if clashes:
            other, met = clashes[0]
            raise Refusal(
                "picture.plan_clear_all_others", "measure.plan",
                f"{met.horizontal_m:.0f} m and {met.vertical_m:.0f} m from {other.party} {other.plan.plan_id}",
            )  # fmt: skip
        for pending in picture.pending_encounters(measure.owner, shift.plan):
            goes_ahead = pending.state is MeasureState.PROPOSED and measure.rank < pending.measure.rank
            if not (outranked_may_clash and goes_ahead):
                raise Refusal(
                    "picture.plan_clear_all_others_find", "measure.plan", pending.measure.measure_id,
                )  # fmt: skip


def _answerable(picture: Picture, party: str, measure_id: str) -> MeasureRecord | None:
    """The measure that `party` may answer now.

    None for a peer's answer that crossed a change on its way, or that is about what has left the picture.
    """
    record = picture.measures.get(measure_id)
    if record is None and party != picture.party and picture.left_before is not None:
        return None
    if record is None:
        raise Refusal("picture.measure_proposed", "measure_id", measure_id)
    conflict = picture.conflicts.get(record.measure.conflict_id)
    if record.state is not MeasureState.PROPOSED or conflict is None:
        if party != picture.party:
            return None
        raise Refusal("picture.measure_waits_for_answer", "measure_id", measure_id, state=record.state)
    if party == record.measure.proposer:
        raise Refusal("picture.other_party_conflict_nobody", "party", party)
    _plan_of(conflict.conflict, party, "party")
    return record


def _plan_of(conflict: Conflict, party: str, field: str) -> PlanReference:
    try:
        return conflict.of(party)
    except KeyError:
        raise Refusal("picture.party_conflict", field, party, conflict_id=conflict.conflict_id) from None


def open_conflict(picture: Picture, conflict_id: str) -> ConflictRecord:
    """Return the open conflict of this id; raises Refusal when there is none."""
    record = picture.conflicts.get(conflict_id)
    if record is None:
        raise Refusal("picture.open_conflict", "conflict_id", conflict_id)
    return record
