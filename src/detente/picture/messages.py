"""What two nodes say to each other of plans, notices and measures: what one party did, as the other must hear it.

A message says what its sender did with its own plans, notices and measures, and nothing of what others told it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from detente.airspace.plan import Plan
from detente.picture import commands, events
from detente.picture.measures import Measure
from detente.picture.notices import Notice
from detente.picture.picture import Picture
from detente.room.activity import Activity, Ordinary
from detente.room.channel import Channel
from detente.room.message import Addressed, Heard, Message


class _PlanningMessage(Message, frozen=True):
    channel: ClassVar[Channel] = Channel.PLANNING
    activity: ClassVar[Activity] = Ordinary.PLANNING


class PlanDeclaredMessage(_PlanningMessage, frozen=True, tag="plan_declared"):
    """The sender's plan at this revision; said again when an accord begins."""

    plan: Plan
    revision: int


class PlanAmendedMessage(_PlanningMessage, frozen=True, tag="plan_amended"):
    """The sender's plan at its next revision; `measure_id` only to the party with whom the measure was agreed."""

    plan: Plan
    revision: int
    measure_id: str | None = None


class PlanWithdrawnMessage(_PlanningMessage, frozen=True, tag="plan_withdrawn"):
    """The sender takes a plan back."""

    plan_id: str


class PlanActivatedMessage(_PlanningMessage, frozen=True, tag="plan_activated"):
    """The sender uses the airspace it planned."""

    plan_id: str


class PlanEndedMessage(_PlanningMessage, frozen=True, tag="plan_ended"):
    """The sender has finished."""

    plan_id: str


class NoticeGivenMessage(_PlanningMessage, frozen=True, tag="notice_given"):
    """A notice of the sender."""

    notice: Notice


class NoticeAmendedMessage(_PlanningMessage, frozen=True, tag="notice_amended"):
    """The notice as it now reads."""

    notice: Notice


class NoticeCancelledMessage(_PlanningMessage, frozen=True, tag="notice_cancelled"):
    """The sender takes a notice back."""

    notice_id: str


class MeasureProposedMessage(_PlanningMessage, frozen=True, tag="measure_proposed"):
    """The sender proposes a measure for a conflict with the recipient."""

    measure: Measure


class MeasureAcceptedMessage(_PlanningMessage, frozen=True, tag="measure_accepted"):
    """The sender agrees to the recipient's measure."""

    measure_id: str


class MeasureRefusedMessage(_PlanningMessage, frozen=True, tag="measure_refused"):
    """The sender does not agree, and says why."""

    measure_id: str
    reason: str


class NoMeasureFoundMessage(_PlanningMessage, frozen=True, tag="no_measure_found", omit_defaults=True):
    """The sender found no change of its own plan that clears the conflict; of several plans, when `joint`."""

    conflict_id: str
    reason: str
    joint: bool = False


class ConflictAnswerMessage(_PlanningMessage, frozen=True, tag="conflict_answer"):
    """Whether the recipient's plan, at this revision, is in conflict with something that the sender does not tell."""

    plan_id: str
    revision: int
    conflict: bool


PlanningMessage = (
    PlanDeclaredMessage
    | PlanAmendedMessage
    | PlanWithdrawnMessage
    | PlanActivatedMessage
    | PlanEndedMessage
    | NoticeGivenMessage
    | NoticeAmendedMessage
    | NoticeCancelledMessage
    | MeasureProposedMessage
    | MeasureAcceptedMessage
    | MeasureRefusedMessage
    | NoMeasureFoundMessage
    | ConflictAnswerMessage
)


def command_of(heard: Heard[PlanningMessage]) -> commands.PictureCommand:
    """Return the command that a peer's message asks for."""
    at, party = heard.at, heard.party
    match heard.message:
        case PlanDeclaredMessage(plan, revision):
            return commands.DeclarePlan(at, party, plan, revision)
        case PlanAmendedMessage(plan, revision, measure_id):
            return commands.AmendPlan(at, party, plan, revision, measure_id)
        case PlanWithdrawnMessage(plan_id):
            return commands.WithdrawPlan(at, party, plan_id)
        case PlanActivatedMessage(plan_id):
            return commands.ActivatePlan(at, party, plan_id)
        case PlanEndedMessage(plan_id):
            return commands.EndPlan(at, party, plan_id)
        case NoticeGivenMessage(notice):
            return commands.GiveNotice(at, party, notice)
        case NoticeAmendedMessage(notice):
            return commands.AmendNotice(at, party, notice)
        case NoticeCancelledMessage(notice_id):
            return commands.CancelNotice(at, party, notice_id)
        case MeasureProposedMessage(measure):
            return commands.ProposeMeasure(at, party, measure)
        case MeasureAcceptedMessage(measure_id):
            return commands.AcceptMeasure(at, party, measure_id)
        case MeasureRefusedMessage(measure_id, reason):
            return commands.RefuseMeasure(at, party, measure_id, reason)
        case NoMeasureFoundMessage(conflict_id, reason, joint):
            return commands.ReportNoMeasure(at, party, conflict_id, reason, joint)
        case ConflictAnswerMessage(plan_id, revision, conflict):
            return commands.RecordConflictAnswer(at, party, plan_id, revision, conflict)


def messages_of(event: events.PictureEvent, picture: Picture) -> Iterator[Addressed]:
    """Yield what each peer must hear of an event. `picture` has the event folded in.

    Only what this node's own party did is told. A measure, and what becomes of it, is told to its other party alone.
    """
    own = picture.party
    match event:
        case events.PlanAmended(party=party, plan=plan, revision=revision, measure_id=measure_id) if party == own:
            partner = None if measure_id is None else _partner(picture, measure_id)
            for peer in picture.peers:
                yield Addressed(peer, PlanAmendedMessage(plan, revision, measure_id if peer == partner else None))
        case events.MeasureProposed(measure=measure) if measure.proposer == own:
            yield from _to(_partner(picture, measure.measure_id), MeasureProposedMessage(measure))
        case events.MeasureAccepted(measure_id=measure_id, party=party) if party == own:
            yield from _to(_partner(picture, measure_id), MeasureAcceptedMessage(measure_id))
        case events.MeasureRefused(measure_id=measure_id, party=party, reason=reason) if party == own:
            yield from _to(_partner(picture, measure_id), MeasureRefusedMessage(measure_id, reason))
        case events.NoMeasureFound(conflict_id=conflict_id, party=party, reason=reason, joint=joint) if party == own:
            other = picture.conflicts[conflict_id].conflict.other(own).party
            yield from _to(other, NoMeasureFoundMessage(conflict_id, reason, joint))
        case _:
            message = _for_all(event, own)
            if message is not None and not _is_zone(event, picture):
                for peer in picture.peers:
                    yield Addressed(peer, message)


def _is_zone(event: events.PictureEvent, picture: Picture) -> bool:
    """Whether an event is about an agreed zone, which both its parties know without being told."""
    match event:
        case events.NoticeGiven(notice=notice):
            return notice.agreed_with is not None
        case events.NoticeCancelled(party=party, notice_id=notice_id):
            return picture.notices[(party, notice_id)].notice.agreed_with is not None
        case _:
            return False


def _for_all(event: events.PictureEvent, own: str) -> PlanningMessage | None:
    match event:
        case events.PlanDeclared(party=party, plan=plan, revision=revision) if party == own:
            return PlanDeclaredMessage(plan, revision)
        case events.PlanWithdrawn(party=party, plan_id=plan_id) if party == own:
            return PlanWithdrawnMessage(plan_id)
        case events.PlanActivated(party=party, plan_id=plan_id) if party == own:
            return PlanActivatedMessage(plan_id)
        case events.PlanEnded(party=party, plan_id=plan_id) if party == own:
            return PlanEndedMessage(plan_id)
        case events.NoticeGiven(notice=notice) if notice.party == own:
            return NoticeGivenMessage(notice)
        case events.NoticeAmended(notice=notice) if notice.party == own:
            return NoticeAmendedMessage(notice)
        case events.NoticeCancelled(party=party, notice_id=notice_id) if party == own:
            return NoticeCancelledMessage(notice_id)
        case _:
            return None


def _to(peer: str | None, message: PlanningMessage) -> Iterator[Addressed]:
    if peer is not None:
        yield Addressed(peer, message)


def _partner(picture: Picture, measure_id: str) -> str | None:
    """The other party of a measure: its proposer, or, when that is us, the other party of its conflict."""
    measure = picture.measures[measure_id].measure
    if measure.proposer != picture.party:
        return measure.proposer
    open_or_cleared = picture.conflicts.get(measure.conflict_id) or picture.cleared.get(measure.conflict_id)
    return None if open_or_cleared is None else open_or_cleared.conflict.other(picture.party).party
