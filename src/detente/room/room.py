"""The protocol of a room: what the command loop knows of everything that two parties do together.

A room decides its commands, folds its events, says what the peers must hear of them, understands what peers say, says
what must be going on for a command, and reacts to the events of other rooms. It does no I/O and reads no clock.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, ClassVar, Generic, TypeVar, get_args

import msgspec

from detente.room.activity import Need
from detente.room.channel import Channel
from detente.room.message import Addressed, Heard, Message
from detente.room.work import NO_WORK, Work

State = TypeVar("State")
Command = TypeVar("Command")
Event = TypeVar("Event")


class Room(ABC, Generic[State, Command, Event]):
    """One room. Its class names its commands, events and messages; `state` is changed by `evolve` alone."""

    name: ClassVar[str]
    """The kind of the journal's entries that hold the events of this room."""

    commands: ClassVar[Any]
    """The types of its commands beside `Heard`: one Struct or a union of them."""

    events: ClassVar[Any]
    """The types of its events: one Struct or a union of them, each with a tag of its own."""

    messages: ClassVar[Any] = ()
    """The types of what peers say to this room: one `Message` or a union of them."""

    kept: ClassVar[Any]
    """The Struct in which the state is kept: its fields are what must be there again after a start, by their names in
    the state, unless the room has a `keep` and a `restore` of its own. A field may be added with a default."""

    changes_standing: ClassVar[bool] = False
    """Whether its events may change which accords stand, or whether they are suspended."""

    own_channel: ClassVar[Channel] = Channel.ROOMS
    """The channel in whose place its commands are when the disk has no space for all."""

    reads_rooms: ClassVar[frozenset[str]] = frozenset()
    """Of a room whose urgent commands are decided while others are: the names of the rooms whose state its decisions
    and its folding read, its own among them. What it decides then stands before the others' events in the journal."""

    def __init__(self, state: State) -> None:
        self.state = state
        self._decoder: msgspec.json.Decoder[Event] = msgspec.json.Decoder(self.events)

    @abstractmethod
    def decide(self, command: Any) -> list[Event]:  # noqa: ANN401 - a command of the room, or `Heard` of its messages
        """Return the events that a command leads to; raises Refusal with nothing changed."""

    @abstractmethod
    def evolve(self, event: Event) -> None:
        """Fold a decided event in."""

    def messages_of(self, event: Event) -> Iterable[Addressed]:  # noqa: ARG002
        """Yield what peers must hear of an event that was just folded in."""
        return ()

    def channels(self, message: Message) -> tuple[Channel, ...]:
        """Return the channels on which a peer may say this."""
        return (message.channel,)

    def need_of(self, command: Any) -> Need | None:  # noqa: ANN401, ARG002
        """Return what must be going on with which peer for a command to be carried out; None for one that always is."""
        return None

    def may_take_long(self, command: Any) -> bool:  # noqa: ANN401, ARG002
        """Return whether deciding a command may take longer than a few milliseconds: it is then decided in a thread."""
        return False

    def work_of(self, command: Any) -> Work:  # noqa: ANN401, ARG002
        """Return how much work it is to decide a command; raises Refusal for one that cannot be decided."""
        return NO_WORK

    def said_before(self, at: datetime, peer: str, message: Message) -> Iterable[Event]:  # noqa: ARG002
        """Return the events of what we said to `peer` before our journal was set back; it is not sent again.

        Raises Refusal for what does not fit what the room holds by now.
        """
        return ()

    def aside(self, heard: Heard[Any]) -> object | None:  # noqa: ARG002
        """Return the command for a rightly signed message that does not continue its channel; None for none."""
        return None

    def reactions(self, event: object) -> Iterable[object]:  # noqa: ARG002
        """Yield commands of this room that follow from an event of any other, or from a `LinkFault`."""
        return ()

    def when_standing_changes(self, at: datetime) -> Iterable[object]:  # noqa: ARG002
        """Yield commands of this room that follow when other accords stand, or the same ones otherwise than before."""
        return ()

    def keep(self) -> bytes:
        """Return the state as bytes, equal for equal states, from which `restore` makes it again."""
        names = self.kept.__struct_fields__
        return msgspec.msgpack.encode({name: _in_order(getattr(self.state, name)) for name in names})

    def restore(self, kept: bytes) -> Callable[[], None]:
        """Read what `keep` gave, and return what makes the empty state that; raises msgspec.MsgspecError."""
        read = msgspec.msgpack.decode(kept, type=self.kept)

        def make() -> None:
            for name in read.__struct_fields__:
                setattr(self.state, name, getattr(read, name))

        return make

    def forget(self, before: datetime) -> None:  # noqa: ARG002
        """Leave out of the state what was over before a time (UTC), and on which nothing depends; see `room.past`."""
        return

    def encode(self, event: Event) -> bytes:
        """Return the body of the journal entry of an event."""
        return msgspec.json.encode(event)

    def decode(self, body: bytes) -> Event:
        """Return the event in the body of a journal entry."""
        return self._decoder.decode(body)


def members_of(union: Any) -> tuple[type, ...]:  # noqa: ANN401 - a Struct, a union of Structs, or nothing
    """Return the types that a union is made of; a single type is its own only member."""
    return get_args(union) or ((union,) if isinstance(union, type) else ())


def command_name(command: Any) -> str:  # noqa: ANN401
    """Return the name of a command in logs and metrics."""
    if isinstance(command, Heard):
        return f"hear_{message_kind(command.message)}"
    return str(command.__struct_config__.tag)


def message_kind(message: Message) -> str:
    """Return the kind of the envelope of a message: its tag."""
    return str(message.__struct_config__.tag)


def _in_order(value: Any) -> Any:  # noqa: ANN401 - a field of a state
    return sorted(value) if isinstance(value, set) else value
