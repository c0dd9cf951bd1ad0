"""Decide about measures: proposed by one party of a conflict, answered by the other, put into effect by the owner.

Two nodes decide at the same time and hear of each other later. What keeps them together: messages between two nodes
keep their order; only the owner of a plan amends it, so an accepted measure of a peer's plan waits for the owner's
amendment; and of two outstanding proposals that clash, both nodes let the one of smaller rank go ahead.
"""

from __future__ import annotations

from detente.airspace.plan import Plan
from detente.airspace.refusal import Refusal
from detente.airspace.resolution import apply_change
from detente.picture import decide_conflicts, decide_plans
from detente.picture.commands import AcceptMeasure, ProposeMeasure, RefuseMeasure, ReportNoMeasure
from detente.picture.conflicts import Conflict, ConflictRecord, PlanReference
from detente.picture.events import Event, MeasureAccepted, MeasureProposed, MeasureRefused, NoMeasureFound
from detente.picture.measures import Measure, MeasureRecord, MeasureState, check_reason, plans_agree
from detente.picture.picture import Picture

NOT_WHAT_IT_SAYS = "the resulting plan is not the plan with that change"
OTHER_REVISION = "the plan has another revision now"
CLASH_LIVE = "the changed plan would come too close to another plan"
CLASH_PENDING = "the changed plan would come too close to what another proposal makes of a plan"


def propose(picture: Picture, command: ProposeMeasure) -> list[Event]:
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
    picture.encounters(measure.owner, measure.plan)
    events: list[Event] = [MeasureProposed(command.at, measure)]
    if objection is not None:
        events.append(MeasureRefused(command.at, measure.measure_id, picture.party, objection.expected))
    return events


def accept(picture: Picture, command: AcceptMeasure) -> list[Event]:
    """The other party agrees; when the plan is ours it is amended at once."""
    record = _answerable(picture, command.party, command.measure_id)
    if record is None:
        return []
    measure = record.measure
    if command.party == picture.party:
        _check_clear(picture, measure, outranked_may_clash=True)
    events: list[Event] = [MeasureAccepted(command.at, measure.measure_id, command.party)]
    if measure.owner == picture.party:
        events += decide_plans.amended_by_measure(picture, command.at, measure.measure_id)
    return events


def refuse(picture: Picture, command: RefuseMeasure) -> list[Event]:
    """The other party does not agree, and says why."""
    check_reason(command.reason)
    record = _answerable(picture, command.party, command.measure_id)
    return [] if record is None else [MeasureRefused(command.at, command.measure_id, command.party, command.reason)]


def report_none(picture: Picture, command: ReportNoMeasure) -> list[Event]:
    """A party of an open conflict says that it found no change of its own plan."""
    check_reason(command.reason)
    record = picture.conflicts.get(command.conflict_id)
    if record is None:
        if command.party != picture.party:
            return []
        raise Refusal("conflict_id", command.conflict_id, "an open conflict")
    _plan_of(record.conflict, command.party, "party")
    if (command.party, command.reason) in record.no_measure:
        return []
    return [NoMeasureFound(command.at, command.conflict_id, command.party, command.reason)]


def _check_shape(picture: Picture, command: ProposeMeasure) -> None:
    measure = command.measure
    assert picture.accord is not None
    if measure.proposer != command.party:
        raise Refusal("measure.proposer", measure.proposer, f"{command.party}, who proposes it")
    if measure.owner not in picture.accord.parties:
        raise Refusal("measure.owner", measure.owner, "a party of the accord")
    if measure.measure_id in picture.measures:
        raise Refusal("measure.measure_id", measure.measure_id, "an id that no measure has")


def _objection_to_proposal(picture: Picture, measure: Measure) -> Refusal | None:
    """Why a well-formed measure cannot be proposed as things stand, or None."""
    record = picture.conflicts.get(measure.conflict_id)
    if record is None:
        return Refusal("measure.conflict_id", measure.conflict_id, decide_conflicts.CONFLICT_GONE)
    try:
        _plan_of(record.conflict, measure.proposer, "measure.proposer")
        reference = _plan_of(record.conflict, measure.owner, "measure.owner")
    except Refusal as refusal:
        return refusal
    if measure.base_revision != reference.revision:
        return Refusal("measure.base_revision", measure.base_revision, OTHER_REVISION)
    base = picture.plans[(reference.party, reference.plan_id)].plan
    if not _is_change_of(base, measure):
        return Refusal("measure.plan", measure.plan.plan_id, NOT_WHAT_IT_SAYS)
    if _has_outstanding(picture, measure):
        return Refusal(
            "measure.plan", measure.plan.plan_id, "one outstanding measure of a proposer for one plan",
            "Wait for the answer to the one before.",
        )  # fmt: skip
    return None


def _is_change_of(base: Plan, measure: Measure) -> bool:
    try:
        return plans_agree(apply_change(base, measure.change), measure.plan)
    except Refusal:
        return False


def _has_outstanding(picture: Picture, measure: Measure) -> bool:
    others = picture.measures_of.get((measure.owner, measure.plan.plan_id), ())
    return any(picture.measures[m].measure.proposer == measure.proposer for m in others)


def _check_clear(picture: Picture, measure: Measure, *, outranked_may_clash: bool) -> None:
    """Raise Refusal when the measure's result comes too close to anything known here."""
    clashes = picture.encounters(measure.owner, measure.plan)
    if clashes:
        other, encounter = clashes[0]
        raise Refusal(
            "measure.plan", f"{encounter.horizontal_m:.0f} m and {encounter.vertical_m:.0f} m from "
            f"{other.party} {other.plan.plan_id}", f"a plan clear of all others: {CLASH_LIVE}", "Find another change.",
        )  # fmt: skip
    for pending in picture.pending_encounters(measure.owner, measure.plan):
        goes_ahead = pending.state is MeasureState.PROPOSED and measure.rank < pending.measure.rank
        if not (outranked_may_clash and goes_ahead):
            raise Refusal(
                "measure.plan", pending.measure.measure_id, f"a plan clear of all others: {CLASH_PENDING}",
                "Find another change, or wait for the answer to that proposal.",
            )  # fmt: skip


def _answerable(picture: Picture, party: str, measure_id: str) -> MeasureRecord | None:
    """The measure that `party` may answer now; None for a peer's answer that crossed a change on its way."""
    record = picture.measures.get(measure_id)
    if record is None:
        raise Refusal("measure_id", measure_id, "a measure that was proposed")
    conflict = picture.conflicts.get(record.measure.conflict_id)
    if record.state is not MeasureState.PROPOSED or conflict is None:
        if party != picture.party:
            return None
        raise Refusal("measure_id", measure_id, f"a measure that waits for an answer; this one is {record.state}")
    if party == record.measure.proposer:
        raise Refusal("party", party, "the other party of the conflict: nobody answers its own proposal")
    _plan_of(conflict.conflict, party, "party")
    return record


def _plan_of(conflict: Conflict, party: str, field: str) -> PlanReference:
    try:
        return conflict.of(party)
    except KeyError:
        raise Refusal(field, party, f"a party of conflict {conflict.conflict_id}") from None


def open_conflict(picture: Picture, conflict_id: str) -> ConflictRecord:
    """Return the open conflict of this id; raises Refusal when there is none."""
    record = picture.conflicts.get(conflict_id)
    if record is None:
        raise Refusal("conflict_id", conflict_id, "an open conflict")
    return record
