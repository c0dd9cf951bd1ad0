"""Members: who was told and who acknowledged is kept; the other side learns that all did, and never who they are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from detente.airspace.altitude import Altitude, AltitudeBand, AltitudeUnit, MeanSeaLevel
from detente.airspace.plan import Circle, TimeWindow, Volume4D
from detente.airspace.position import Position
from detente.airspace.refusal import Refusal
from detente.line.state import LineState
from detente.members.coalition import (
    AcknowledgeMember,
    AddMember,
    AllMembersInformed,
    Coalition,
    MembersCommand,
    MembersEvent,
    MembersInformed,
    RemoveMember,
    TellMember,
)
from detente.members.matters import Matter, MatterKind, find_matter, notice_reference
from detente.members.room import MembersRoom
from detente.picture.notices import Meaning, Notice, NoticeRecord, NoticeState
from detente.picture.picture import Picture
from detente.room.channel import Channel
from detente.room.message import Addressed, Heard
from detente.room.rooms import Rooms

NOON = datetime(2025, 6, 1, 12, tzinfo=UTC)
MATTER = Matter(MatterKind.NOTICE, "south", "range@0123456789abcdef")
ANOTHER = Matter(MatterKind.ACCORD, "south", "ab" * 32)


class Agreed:
    """Accords of north with south, where north speaks for a coalition if `speaks_for`, and of east, paired alone."""

    party = "north"
    talks = dict.fromkeys(("south", "east"))

    def __init__(self, *, speaks_for: bool) -> None:
        self.left: set[tuple[str, str]] = set()
        self.accord = SimpleNamespace(party=lambda _: SimpleNamespace(coalition=speaks_for))

    def latest(self, peer: str, _at: datetime) -> tuple[SimpleNamespace, str] | None:
        return (self.accord, "ab" * 32) if peer == "south" else None


class Node:
    """The room, its events, and all that it would have a peer hear."""

    def __init__(self, *members: str, speaks_for: bool = True) -> None:
        self.picture = Picture()
        self.agreed = Agreed(speaks_for=speaks_for)
        self.room = MembersRoom(Coalition(), self.agreed, self.picture, LineState())  # type: ignore[arg-type]
        self.now = NOON
        self.events: list[MembersEvent] = []
        self.sent: list[Addressed] = []
        for member in members:
            self.do(AddMember(self.now, member, "watch"))

    @property
    def coalition(self) -> Coalition:
        return self.room.state

    def do(self, command: MembersCommand | Heard[MembersInformed]) -> list[MembersEvent]:
        events = self.room.decide(command)
        for event in events:
            self.room.evolve(event)
            self.sent += self.room.messages_of(event)
        self.events += events
        return events

    def inform(self, member: str, matter: Matter = MATTER) -> None:
        self.do(TellMember(self.now, matter, member, "watch"))
        self.do(AcknowledgeMember(self.now, matter, member, "watch", "duty"))


def test_each_member_is_told_and_acknowledges_and_the_peer_hears_once() -> None:
    node = Node("alpha", "bravo")
    with pytest.raises(Refusal, match="told of"):
        node.do(AcknowledgeMember(NOON, MATTER, "alpha", "watch", "duty"))
    node.inform("alpha")
    assert node.coalition.lacking(MATTER) == ("bravo",)
    assert node.sent == []
    node.now += timedelta(minutes=3)
    node.inform("bravo")
    node.inform("bravo")
    assert len(node.sent) == 1
    told = node.coalition.told[MATTER]["bravo"]
    assert (told.told_at, told.acknowledged_by, told.acknowledged_at) == (node.now, "duty", node.now)
    assert node.coalition.complete == {MATTER: node.now}
    node.do(AddMember(node.now, "charlie", "watch"))
    node.inform("charlie")
    assert len(node.sent) == 1, "who joins later is nobody else's business"
    again = Node()
    for event in node.events:
        again.room.evolve(again.room.decode(again.room.encode(event)))
    assert vars(again.coalition) == vars(node.coalition)


def test_the_peer_cannot_tell_one_coalition_from_another() -> None:
    worlds = [Node("alpha"), Node("bravo", "charlie", "delta"), Node("echo", "foxtrot")]
    for node in worlds:
        for matter in (MATTER, ANOTHER):
            for member in sorted(node.coalition.members):
                node.inform(member, matter)
    worlds[2].do(AddMember(NOON, "golf", "watch"))
    worlds[2].do(RemoveMember(NOON, "echo", "watch", (MATTER, ANOTHER)))
    assert worlds[0].sent == worlds[1].sent == worlds[2].sent
    assert len(worlds[0].sent) == 2


def test_nobody_is_told_where_the_accord_says_nothing_of_members() -> None:
    node = Node("alpha", speaks_for=False)
    node.inform("alpha")
    assert node.sent == []
    assert [event.say for event in node.events if isinstance(event, AllMembersInformed)] == [False]


def test_a_member_that_leaves_is_waited_for_no_longer() -> None:
    node = Node("alpha", "bravo")
    node.inform("alpha")
    node.do(RemoveMember(NOON, "bravo", "watch", (MATTER, ANOTHER)))
    assert [addressed.peer for addressed in node.sent] == ["south"]
    assert node.coalition.lacking(MATTER) == ()


@pytest.mark.parametrize("name", ["south", "east", "north", "with space", ""])
def test_a_party_with_a_node_of_its_own_is_no_member(name: str) -> None:
    with pytest.raises(Refusal):
        Node(name)


def test_a_matter_is_found_by_how_it_begins() -> None:
    matters = [MATTER, ANOTHER]
    assert find_matter(matters, "notice/south/range") == MATTER
    for text in ("", "stop/", "no"):
        if text != "no":
            with pytest.raises(Refusal, match="matter"):
                find_matter(matters, text)
    assert find_matter(matters, "no") == MATTER


def test_what_a_peer_says_of_its_members_is_kept_once() -> None:
    node = Node()
    read = Rooms([node.room]).read_message
    body = b'{"message":"members_informed","kind":"stop","reference":"north:4"}'
    heard = Heard(NOON, "south", read(Channel.ROOMS, "members_informed", body))
    assert len(node.do(heard)) == 1
    assert node.do(heard) == []
    assert node.coalition.heard == {Matter(MatterKind.STOP, "south", "north:4"): NOON}
    for bad in (b"{}", b"x", b"[" * 10_000):
        with pytest.raises(Refusal):
            read(Channel.ROOMS, "members_informed", bad)
    with pytest.raises(Refusal):
        node.do(Heard(NOON, "south", MembersInformed(MatterKind.STOP, "")))


def test_what_has_left_its_own_room_leaves_and_what_is_of_accords_stays() -> None:
    node = Node("alpha")
    stop = Matter(MatterKind.STOP, "south", "north:4")
    for matter in (MATTER, ANOTHER):
        node.inform("alpha", matter)
    node.do(Heard(NOON, "south", MembersInformed(stop.kind, stop.reference)))
    node.room.forget(NOON)
    assert set(node.coalition.told) == {MATTER, ANOTHER}
    node.room.forget(NOON + timedelta(days=1))
    assert set(node.coalition.told) == set(node.coalition.complete) == {ANOTHER}
    assert not node.coalition.heard
    node.agreed.left.add(("south", ANOTHER.reference))
    node.room.forget(NOON)
    assert set(node.coalition.told) == {ANOTHER}, "it was told of it since"
    node.room.forget(NOON + timedelta(days=1))
    assert node.coalition.told == node.coalition.complete == {}


def test_what_members_were_told_of_a_notice_stays_as_long_as_the_notice() -> None:
    node = Node("alpha", "bravo")
    volume = Volume4D(
        Circle(Position(34.0, 20.0), 5000.0),
        AltitudeBand(*(Altitude(m, AltitudeUnit.METRE, MeanSeaLevel()) for m in (0.0, 100.0))),
        TimeWindow(NOON, NOON + timedelta(days=90)),
    )
    notice = Notice("range", "south", Meaning.KEEP_OUT, volume, NOON)
    node.picture.notices["south", "range"] = NoticeRecord(notice, 1, NoticeState.IN_FORCE, 0.0, NOON)
    matter = Matter(MatterKind.NOTICE, "south", notice_reference(notice))
    node.inform("alpha", matter)
    node.room.forget(NOON + timedelta(days=30))
    assert node.coalition.lacking(matter) == ("bravo",)
