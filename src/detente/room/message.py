"""Messages between parties: each is declared once, as a Struct with its channel and what it needs to go on.

The tag is the envelope's kind. `activity` says while what a message may leave: planning under an accord in force, a
safety function that a suspended accord may keep, or always.
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Generic, NamedTuple, TypeVar

import msgspec

from detente.room.activity import Activity, Ordinary
from detente.room.channel import Channel

_SUBJECTS = ("plan_id", "notice_id", "measure_id", "conflict_id", "zone_id", "accord_hash", "message_id")
_PARTS = ("plan", "notice", "measure")


class Message(msgspec.Struct, frozen=True, tag_field="message", forbid_unknown_fields=True):
    """What one party says to another about one subject."""

    channel: ClassVar[Channel] = Channel.ROOMS
    activity: ClassVar[Activity] = Ordinary.ALWAYS

    @property
    def subject(self) -> str:
        """The id of what the message is about, as people are shown it; empty where it is about nothing with an id."""
        for part in _PARTS:
            if (about := getattr(self, part, None)) is not None:
                return str(getattr(about, f"{part}_id"))
        return next((str(getattr(self, name))[:16] for name in _SUBJECTS if hasattr(self, name)), "")


M_co = TypeVar("M_co", bound=Message, covariant=True)


class Heard(Generic[M_co]):
    """The command that a peer's message is: `party` said `message`, and it was heard `at` (UTC)."""

    __slots__ = ("at", "message", "party")

    def __init__(self, at: datetime, party: str, message: M_co) -> None:
        self.at = at
        self.party = party
        self.message = message

    def __repr__(self) -> str:
        return f"Heard({self.at!r}, {self.party!r}, {self.message!r})"


class Addressed(NamedTuple):
    """What a peer must hear; `channel` where it is not the message's own."""

    peer: str
    message: Message
    channel: Channel | None = None

    @property
    def goes_on(self) -> Channel:
        """The channel that the message goes on."""
        return self.channel or self.message.channel
