"""Messages of peers that were rightly signed but could not be accepted: they changed nothing and are kept on record.

Of one that would be too much work its sender is told, so that it does not believe that its plan is known.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import msgspec

from detente.room.message import Addressed, Heard, Message
from detente.room.room import Room

LONGEST_KEPT = 200
"""Characters kept of what a refused message held; the message itself is in the journal in full."""


class RecordRefusedMessage(
    msgspec.Struct, frozen=True, tag_field="command", tag="record_refused_message", forbid_unknown_fields=True
):
    """Keep on record that a message of `party`, of this kind, could not be accepted.

    The party is told of it where it is said `about` what the message was.
    """

    at: datetime
    party: str
    message: str
    field: str
    value: str
    expected: str
    mend: str
    about: str = ""


class NotTakenMessage(Message, frozen=True, tag="not_taken"):
    """The sender could not take in a message of the recipient's: its kind, what it is about, and what was expected."""

    kind: str
    about: str
    expected: str
    mend: str


class MessageRefused(
    msgspec.Struct, frozen=True, omit_defaults=True, tag_field="event", tag="message_refused",
    forbid_unknown_fields=True,
):  # fmt: skip
    """A peer sent, rightly signed, what could not be accepted; it changed nothing. Where `about` is said it is told."""

    at: datetime
    party: str
    message: str
    field: str
    value: str
    expected: str
    mend: str
    about: str = ""


class MessageNotTaken(
    msgspec.Struct, frozen=True, tag_field="event", tag="message_not_taken", forbid_unknown_fields=True
):  # fmt: skip
    """A peer says that it could not take in a message of ours: what that message told, the peer does not know."""

    at: datetime
    party: str
    message: str
    about: str
    expected: str
    mend: str


class RefusedMessages:
    """How many messages of each party could not be accepted."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}


class _RefusedKept(msgspec.Struct, frozen=True):
    counts: dict[str, int]


class RefusedRoom(Room[RefusedMessages, RecordRefusedMessage, MessageRefused | MessageNotTaken]):
    """Keeps refused messages on record."""

    name = "refused"
    commands = RecordRefusedMessage
    events = MessageRefused | MessageNotTaken
    messages = NotTakenMessage
    kept = _RefusedKept

    def decide(self, command: RecordRefusedMessage | Heard[NotTakenMessage]) -> list[MessageRefused | MessageNotTaken]:
        """Return the event that keeps it."""
        if isinstance(command, Heard):
            said = command.message
            return [MessageNotTaken(command.at, command.party, *_kept(said.kind, said.about, said.expected, said.mend))]
        texts = _kept(
            command.message, command.field, command.value, command.expected, command.mend, command.about
        )  # fmt: skip
        return [MessageRefused(command.at, command.party, *texts)]

    def evolve(self, event: MessageRefused | MessageNotTaken) -> None:
        """Count what we refused."""
        if isinstance(event, MessageRefused):
            self.state.counts[event.party] = self.state.counts.get(event.party, 0) + 1

    def messages_of(self, event: MessageRefused | MessageNotTaken) -> Iterator[Addressed]:
        """Yield that a message about something was not taken."""
        if isinstance(event, MessageRefused) and event.about:
            told = NotTakenMessage(event.message, event.about, event.expected, event.mend)
            yield Addressed(event.party, told)


def _kept(*texts: str) -> tuple[str, ...]:
    return tuple(text[:LONGEST_KEPT] for text in texts)
