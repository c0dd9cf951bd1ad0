"""What two nodes say to each other inside envelopes: events of one party, as the other must hear them.

A message says what its sender did with its own plans, notices and measures, and nothing of what others told it. The
kind of the envelope is the message's tag.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import msgspec

from detente.accord.tagged import read_tagged, write_tagged
from detente.airspace.plan import Plan
from detente.picture import commands, events
from detente.picture.measures import Measure
from detente.picture.notices import Notice
from detente.picture.picture import Picture


class _Message(msgspec.Struct, frozen=True, tag_field="message", forbid_unknown_fields=True):
    pass


class PlanDeclared(_Message, frozen=True, tag="plan_declared"):
    """The sender's plan at this revision; said again when an accord begins."""

    plan: Plan
    revision: int


class PlanAmended(_Message, frozen=True, tag="plan_amended"):
    """The sender's plan at its next revision; `measure_id` only to the party with whom the measure was agreed."""

    plan: Plan
    revision: int
    measure_id: str | None = None


class PlanWithdrawn(_Message, frozen=True, tag="plan_withdrawn"):
    """The sender takes a plan back."""

    plan_id: str


class PlanActivated(_Message, frozen=True, tag="plan_activated"):
    """The sender uses the airspace it planned."""

    plan_id: str


class PlanEnded(_Message, frozen=True, tag="plan_ended"):
    """The sender has finished."""

    plan_id: str


class NoticeGiven(_Message, frozen=True, tag="notice_given"):
    """A notice of the sender."""

    notice: Notice


class NoticeAmended(_Message, frozen=True, tag="notice_amended"):
    """The notice as it now reads."""

    notice: Notice


class NoticeCancelled(_Message, frozen=True, tag="notice_cancelled"):
    """The sender takes a notice back."""

    notice_id: str


class MeasureProposed(_Message, frozen=True, tag="measure_proposed"):
    """The sender proposes a measure for a conflict with the recipient."""

    measure: Measure


class MeasureAccepted(_Message, frozen=True, tag="measure_accepted"):
    """The sender agrees to the recipient's measure."""

    measure_id: str


class MeasureRefused(_Message, frozen=True, tag="measure_refused"):
    """The sender does not agree, and says why."""

    measure_id: str
    reason: str


class NoMeasureFound(_Message, frozen=True, tag="no_measure_found"):
    """The sender found no change of its own plan that clears the conflict."""

    conflict_id: str
    reason: str


class ConflictAnswer(_Message, frozen=True, tag="conflict_answer"):
    """Whether the recipient's plan, at this revision, is in conflict with something that the sender does not tell."""

    plan_id: str
    revision: int
    conflict: bool


Message = (
    PlanDeclared
    | PlanAmended
    | PlanWithdrawn
    | PlanActivated
    | PlanEnded
    | NoticeGiven
    | NoticeAmended
    | NoticeCancelled
    | MeasureProposed
    | MeasureAccepted
    | MeasureRefused
    | NoMeasureFound
    | ConflictAnswer
)

_DECODER: msgspec.json.Decoder[Message] = msgspec.json.Decoder(Message)


def write_message(message: Message) -> tuple[str, bytes]:
    """Return the envelope's kind and body for a message."""
    return write_tagged(message)


def read_message(kind: str, body: bytes) -> Message:
    """Return the message in an envelope; raises Refusal naming the field when it is none."""
    return read_tagged(_DECODER, kind, body, "message")


def command_of(message: Message, party: str, at: datetime) -> commands.Command:
    """Return the command that a message of `party`, received at `at`, asks for."""
    match message:
        case PlanDeclared(plan, revision):
            return commands.DeclarePlan(at, party, plan, revision)
        case PlanAmended(plan, revision, measure_id):
            return commands.AmendPlan(at, party, plan, revision, measure_id)
        case PlanWithdrawn(plan_id):
            return commands.WithdrawPlan(at, party, plan_id)
        case PlanActivated(plan_id):
            return commands.ActivatePlan(at, party, plan_id)
        case PlanEnded(plan_id):
            return commands.EndPlan(at, party, plan_id)
        case NoticeGiven(notice):
            return commands.GiveNotice(at, party, notice)
        case NoticeAmended(notice):
            return commands.AmendNotice(at, party, notice)
        case NoticeCancelled(notice_id):
            return commands.CancelNotice(at, party, notice_id)
        case MeasureProposed(measure):
            return commands.ProposeMeasure(at, party, measure)
        case MeasureAccepted(measure_id):
            return commands.AcceptMeasure(at, party, measure_id)
        case MeasureRefused(measure_id, reason):
            return commands.RefuseMeasure(at, party, measure_id, reason)
        case NoMeasureFound(conflict_id, reason):
            return commands.ReportNoMeasure(at, party, conflict_id, reason)
        case ConflictAnswer(plan_id, revision, conflict):
            return commands.HearConflictAnswer(at, party, plan_id, revision, conflict)


def messages_of(event: events.Event, picture: Picture) -> Iterator[tuple[str, Message]]:
    """Yield (peer, message) for each peer that must hear of an event. `picture` has the event folded in.

    Only what this node's own party did is told. A measure, and what becomes of it, is told to its other party alone.
    """
    own = picture.party
    match event:
        case events.PlanAmended(party=party, plan=plan, revision=revision, measure_id=measure_id) if party == own:
            partner = None if measure_id is None else _partner(picture, measure_id)
            for peer in picture.peers:
                yield peer, PlanAmended(plan, revision, measure_id if peer == partner else None)
        case events.MeasureProposed(measure=measure) if measure.proposer == own:
            yield from _to(_partner(picture, measure.measure_id), MeasureProposed(measure))
        case events.MeasureAccepted(measure_id=measure_id, party=party) if party == own:
            yield from _to(_partner(picture, measure_id), MeasureAccepted(measure_id))
        case events.MeasureRefused(measure_id=measure_id, party=party, reason=reason) if party == own:
            yield from _to(_partner(picture, measure_id), MeasureRefused(measure_id, reason))
        case events.NoMeasureFound(conflict_id=conflict_id, party=party, reason=reason) if party == own:
            other = picture.conflicts[conflict_id].conflict.other(own).party
            yield from _to(other, NoMeasureFound(conflict_id, reason))
        case _:
            message = _for_all(event, own)
            if message is not None and not _is_zone(event, picture):
                for peer in picture.peers:
                    yield peer, message


def _is_zone(event: events.Event, picture: Picture) -> bool:
    """Whether an event is about an agreed zone, which both its parties know without being told."""
    match event:
        case events.NoticeGiven(notice=notice):
            return notice.agreed_with is not None
        case events.NoticeCancelled(party=party, notice_id=notice_id):
            return picture.notices[(party, notice_id)].notice.agreed_with is not None
        case _:
            return False


def _for_all(event: events.Event, own: str) -> Message | None:
    match event:
        case events.PlanDeclared(party=party, plan=plan, revision=revision) if party == own:
            return PlanDeclared(plan, revision)
        case events.PlanWithdrawn(party=party, plan_id=plan_id) if party == own:
            return PlanWithdrawn(plan_id)
        case events.PlanActivated(party=party, plan_id=plan_id) if party == own:
            return PlanActivated(plan_id)
        case events.PlanEnded(party=party, plan_id=plan_id) if party == own:
            return PlanEnded(plan_id)
        case events.NoticeGiven(notice=notice) if notice.party == own:
            return NoticeGiven(notice)
        case events.NoticeAmended(notice=notice) if notice.party == own:
            return NoticeAmended(notice)
        case events.NoticeCancelled(party=party, notice_id=notice_id) if party == own:
            return NoticeCancelled(notice_id)
        case _:
            return None


def _to(peer: str | None, message: Message) -> Iterator[tuple[str, Message]]:
    if peer is not None:
        yield peer, message


def _partner(picture: Picture, measure_id: str) -> str | None:
    """The other party of a measure: its proposer, or, when that is us, the other party of its conflict."""
    measure = picture.measures[measure_id].measure
    if measure.proposer != picture.party:
        return measure.proposer
    open_or_cleared = picture.conflicts.get(measure.conflict_id) or picture.cleared.get(measure.conflict_id)
    return None if open_or_cleared is None else open_or_cleared.conflict.other(picture.party).party
