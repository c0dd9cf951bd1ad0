"""What an actor's journal tells of one message of the line: the figures that the rehearsals claim and sum up."""

from __future__ import annotations

from datetime import datetime

from detente.line.events import (
    LineMessageHeard,
    LineMessageSent,
    LineMessageTaken,
    LinePostsCalled,
    LineReadBackJudged,
    LineReceiptGiven,
)
from detente.line.messages import ReceiptKind
from detente.rehearsal.actor import Actor


def began_at(actor: Actor, message: str) -> datetime:
    """Return when the actor's node sent or heard a message of the line, on its clock (UTC).

    Raises LookupError when it did neither.
    """
    for event in actor.line_events():
        if isinstance(event, LineMessageHeard | LineMessageSent) and event.message.message_id == message:
            return event.at
    raise LookupError(message)


def called_after_s(actor: Actor, message: str) -> dict[int, float]:
    """Return the seconds after which each rung of the ladder was first called for a message, by rung from 0."""
    sent_at = began_at(actor, message)
    calls = [e for e in actor.line_events() if isinstance(e, LinePostsCalled) and e.message_id == message]
    first = {call.step: (call.at - sent_at).total_seconds() for call in reversed(calls)}
    return dict(sorted(first.items()))


def taken(actor: Actor, message: str) -> LineMessageTaken | None:
    """Return the event that a person has a message, or None while nobody does."""
    events = (e for e in actor.line_events() if isinstance(e, LineMessageTaken) and e.message_id == message)
    return next(events, None)


def receipts(actor: Actor, message: str, kind: ReceiptKind) -> list[LineReceiptGiven]:
    """Return the receipts of a kind for a message, in order."""
    given = [e for e in actor.line_events() if isinstance(e, LineReceiptGiven) and e.message_id == message]
    return [event for event in given if event.receipt.kind is kind]


def judgements(actor: Actor, message: str) -> list[LineReadBackJudged]:
    """Return how the sender judged each read-back of a message, in order."""
    return [e for e in actor.line_events() if isinstance(e, LineReadBackJudged) and e.message_id == message]
