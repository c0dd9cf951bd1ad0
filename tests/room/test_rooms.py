"""Rooms are found by what is for them, and messages are read on their channels alone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import ClassVar

import msgspec
import pytest

from detente.airspace.refusal import Refusal
from detente.room.channel import CHANNEL_HASH, Channel, channel_of, is_urgent
from detente.room.message import Addressed, Heard, Message
from detente.room.room import Room, command_name
from detente.room.rooms import Rooms

NOON = datetime(2025, 6, 1, 12, tzinfo=UTC)


class Ring(msgspec.Struct, frozen=True, tag_field="command", tag="ring"):
    at: datetime


class Rang(msgspec.Struct, frozen=True, tag_field="event", tag="rang"):
    at: datetime


class BellMessage(Message, frozen=True, tag="bell"):
    channel: ClassVar[Channel] = Channel.LINE
    notice_id: str


class Bells(Room[list[Rang], Ring, Rang]):
    name = "bells"
    commands = Ring
    events = Rang
    messages = BellMessage

    def decide(self, command: Ring | Heard[BellMessage]) -> list[Rang]:
        return [Rang(command.at)]

    def evolve(self, event: Rang) -> None:
        self.state.append(event)


class OtherBells(Bells):
    name = "other bells"


def test_a_room_is_found_by_command_message_and_entry() -> None:
    bells = Bells([])
    rooms = Rooms((bells,))
    heard = Heard(NOON, "south", BellMessage("n1"))
    assert rooms.of_command(Ring(NOON)) is bells
    assert rooms.of_command(heard) is bells
    assert rooms.of_entry("bells") is bells
    assert rooms.of_entry("nothing") is None
    assert rooms.of_type(Bells) is bells
    assert (command_name(Ring(NOON)), command_name(heard)) == ("ring", "hear_bell")


def test_two_rooms_never_claim_the_same() -> None:
    with pytest.raises(ValueError, match="claimed by two rooms"):
        Rooms((Bells([]), OtherBells([])))


def test_a_message_is_read_on_its_channel_alone() -> None:
    rooms, body = Rooms((Bells([]),)), b'{"message":"bell","notice_id":"n1"}'
    assert rooms.read_message(Channel.LINE, "bell", body) == BellMessage("n1")
    with pytest.raises(Refusal, match="channel"):
        rooms.read_message(Channel.STOP, "bell", body)
    for kind, wrong in (("gong", body), ("bell", b"{}"), ("bell", b"x"), ("bell", b'{"message":"gong"}')):
        with pytest.raises(Refusal):
            rooms.read_message(Channel.LINE, kind, wrong)


def test_an_event_survives_encoding() -> None:
    bells = Bells([])
    assert bells.decode(bells.encode(Rang(NOON))) == Rang(NOON)


def test_every_channel_but_planning_has_a_hash_of_its_own() -> None:
    assert {channel_of(name) for name in CHANNEL_HASH.values()} == set(Channel) - {Channel.PLANNING}
    assert channel_of("ab" * 32) is Channel.PLANNING
    assert is_urgent(b"first\naccord " + CHANNEL_HASH[Channel.STOP].encode() + b"\n")
    assert not is_urgent(b"first\naccord " + CHANNEL_HASH[Channel.LINE].encode() + b"\n")


def test_an_addressed_message_goes_on_its_own_channel_unless_another_is_given() -> None:
    assert Addressed("south", BellMessage("n1")).goes_on is Channel.LINE
    assert Addressed("south", BellMessage("n1"), Channel.STOP).goes_on is Channel.STOP
    assert BellMessage("n1").subject == "n1"
