"""The rooms of one node, in the order in which they react, found by what is for them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

import msgspec

from detente.airspace.refusal import Refusal
from detente.room.channel import Channel
from detente.room.message import Heard, Message
from detente.room.room import Room, members_of
from detente.room.tagged import read_tagged, tag_of

AnyRoom = Room[Any, Any, Any]
R = TypeVar("R", bound=AnyRoom)


class Rooms:
    """Finds the room of a command, of a message and of a journal entry. Raises ValueError where two claim the same."""

    def __init__(self, rooms: Sequence[AnyRoom]) -> None:
        self._rooms = tuple(rooms)
        self._by_type: dict[type, AnyRoom] = {}
        self._by_name: dict[str, AnyRoom] = {}
        self._by_kind: dict[str, AnyRoom] = {}
        self._decoders: dict[str, msgspec.json.Decoder[Message]] = {}
        for room in self._rooms:
            messages = members_of(room.messages)
            _add(self._by_name, room.name, room)
            for struct in (*members_of(room.commands), *messages):
                _add(self._by_type, struct, room)
            for struct in messages:
                _add(self._by_kind, tag_of(struct), room)
            if messages:
                self._decoders[room.name] = msgspec.json.Decoder(room.messages)

    def __iter__(self) -> Iterator[AnyRoom]:
        return iter(self._rooms)

    def of_type(self, wanted: type[R]) -> R:
        """Return the room of this type, which must be there."""
        return next(room for room in self._rooms if isinstance(room, wanted))

    def of_command(self, command: Any) -> AnyRoom:  # noqa: ANN401 - a command of any room
        """Return the room that decides a command."""
        return self._by_type[type(command.message if isinstance(command, Heard) else command)]

    def of_entry(self, kind: str) -> AnyRoom | None:
        """Return the room whose events the journal holds under this kind, or None."""
        return self._by_name.get(kind)

    def read_message(self, channel: Channel, kind: str, body: bytes) -> Message:
        """Return the message in an envelope that came on a channel; raises Refusal naming the field when it is none."""
        room = self._by_kind.get(kind)
        if room is None:
            raise Refusal("room.kind_message_two_nodes", "envelope.kind", kind[:80])
        message = read_tagged(self._decoders[room.name], kind, body, "message")
        if channel not in room.channels(message):
            raise Refusal("room.channel_of_kind", "envelope.accord", channel.value, kind=kind, channel=message.channel)
        return message


def _add(held: dict[Any, AnyRoom], key: object, room: AnyRoom) -> None:
    if held.setdefault(key, room) is not room:
        raise ValueError(f"{key} is claimed by two rooms: {held[key].name} and {room.name}")
