"""The room of the line among the others: when accords stand, what it makes of their events, and its channels."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
from line_values import NOON, SEA_LEVEL
from line_world import World, accord_between, accords_of

from detente.accord.provisions import LeadTimes
from detente.airspace.altitude import Altitude, AltitudeBand, AltitudeUnit
from detente.airspace.plan import Circle, Plan, TimeWindow, Volume4D
from detente.airspace.position import Position
from detente.airspace.refusal import Refusal
from detente.details.commitment import CommitmentOpening
from detente.details.details import DetailsRefused
from detente.line.alarms import AlarmKind
from detente.line.commands import OpenLine, RaiseAlarm, SendLineMessage
from detente.line.events import LineOpened
from detente.line.room import LineRoom
from detente.line.state import LineState
from detente.line.terms import terms_of
from detente.picture.events import NoticeGiven
from detente.picture.notices import Meaning, Notice
from detente.picture.picture import Picture
from detente.picture.room import PictureRoom
from detente.room.channel import Channel
from detente.room.link_faults import LinkFault, LinkFaultKind

VOLUME = Volume4D(
    Circle(Position(34.0, 20.0), 5000.0),
    AltitudeBand(*(Altitude(metres, AltitudeUnit.METRE, SEA_LEVEL) for metres in (0.0, 100.0))),
    TimeWindow(NOON + timedelta(hours=1), NOON + timedelta(hours=2)),
)


def test_the_line_opens_with_every_paired_party_under_its_accord_and_once() -> None:
    terms = accord_between("north", "south", "west", free_text=True)
    room = LineRoom(LineState(), accords_of("north", terms), Picture())
    (command,) = room.when_standing_changes(NOON)
    assert command == OpenLine(NOON, "north", dict.fromkeys(("south", "west"), terms_of(terms)))
    (event,) = room.decide(command)
    assert isinstance(event, LineOpened)
    room.evolve(event)
    (again,) = room.when_standing_changes(NOON + timedelta(minutes=1))
    assert room.decide(again) == []


def test_no_accord_opens_no_line() -> None:
    accords = accords_of("north", accord_between("north", "south"))
    accords.configured = None
    room = LineRoom(LineState(), accords, Picture())
    assert [event for command in room.when_standing_changes(NOON) for event in room.decide(command)] == []


def test_a_late_notice_calls_the_peers_with_whom_an_accord_is_in_force() -> None:
    terms = accord_between("north", "south", "west", lead_times=LeadTimes(default_s=7_200.0))
    accords = accords_of("north", terms)
    pictures = PictureRoom(Picture(), accords)
    for command in pictures.when_standing_changes(NOON):
        for event in pictures.decide(command):
            pictures.evolve(event)
    room = LineRoom(LineState(), accords, pictures.state)
    given = NoticeGiven(NOON, Notice("n1", "north", Meaning.KEEP_OUT, VOLUME, NOON), 0.0)
    assert list(room.reactions(given)) == [], "no line is open yet"
    for command in room.when_standing_changes(NOON):
        for event in room.decide(command):
            room.evolve(event)
    calls = list(room.reactions(given))
    assert [(type(call), call.peer, call.code) for call in calls if isinstance(call, SendLineMessage)] == [
        (SendLineMessage, "south", "late_notice"), (SendLineMessage, "west", "late_notice"),
    ]  # fmt: skip
    over = NOON + timedelta(days=2)
    assert list(room.reactions(msgspec.structs.replace(given, at=over))) == [], "the accord is over"


@pytest.mark.parametrize("kind", LinkFaultKind)
def test_what_speaks_against_a_peer_is_an_alarm(kind: LinkFaultKind) -> None:
    room = World().sides["south"].room
    assert list(room.reactions(LinkFault(NOON, "north", kind, "why"))) == [
        RaiseAlarm(NOON, "north", AlarmKind(kind.value), "why")
    ]


def test_details_that_match_no_commitment_are_an_alarm() -> None:
    room = World().sides["south"].room
    refused = DetailsRefused(NOON, "north", "n1", (), CommitmentOpening("5a" * 32, Plan("p", (VOLUME,))))
    assert list(room.reactions(refused)) == [RaiseAlarm(NOON, "north", AlarmKind.WRONG_OPENING, "notice n1")]


def test_a_stop_and_every_message_about_one_has_a_channel_with_nothing_before_it() -> None:
    world = World()
    north, south = world.sides.values()
    north.send("south", "stop")
    assert list(world.under_way) == [("north", "south", Channel.STOP)]
    world.run(1)
    south.take("north", "north:1")
    north.send("south", "radio_check")
    world.run(1)
    south.take("north", "north:2")
    assert {channel for sender, _, channel in world.under_way if sender == "south"} == {Channel.STOP, Channel.LINE}
    with pytest.raises(Refusal, match="the channel of line_taken"):
        north.hear("south", Channel.ROOMS, "line_taken", b'{"message":"line_taken","message_id":"a","post":"b"}')
