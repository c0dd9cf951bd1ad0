"""Members: who was told and who acknowledged is kept; the other side learns that all did, and never who they are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from detente.airspace.refusal import Refusal
from detente.members.coalition import (
    AcknowledgeMember,
    AddMember,
    AllMembersInformed,
    Coalition,
    HearInformed,
    MembersCommand,
    MembersEvent,
    RemoveMember,
    TellMember,
    evolve,
)
from detente.members.matters import Matter, MatterKind, find_matter
from detente.node.desks.members import MembersDesk

NOON = datetime(2025, 6, 1, 12, tzinfo=UTC)
MATTER = Matter(MatterKind.NOTICE, "south", "range@0123456789abcdef")
ANOTHER = Matter(MatterKind.ACCORD, "south", "ab" * 32)


class Node:
    """A desk, its events, and every byte that it would have a peer hear."""

    def __init__(self, *members: str) -> None:
        self.desk = MembersDesk(Coalition("north"))
        self.now = NOON
        self.events: list[MembersEvent] = []
        self.said: list[tuple[str, str, bytes]] = []
        for member in members:
            self.do(AddMember(self.now, member, "watch", ("south", "east")))

    def do(self, command: MembersCommand) -> list[MembersEvent]:
        events = self.desk.decide(command)
        for event in events:
            self.desk.evolve(event)
            self.said += [(s.peer, s.kind, s.body) for s in self.desk.sayings(event)]
        self.events += events
        return events

    def inform(self, member: str, matter: Matter = MATTER, said_to: tuple[str, ...] = ("south",)) -> None:
        self.do(TellMember(self.now, matter, member, "watch"))
        self.do(AcknowledgeMember(self.now, matter, member, "watch", "duty", said_to))


def test_each_member_is_told_and_acknowledges_and_the_peer_hears_once() -> None:
    node = Node("alpha", "bravo")
    with pytest.raises(Refusal, match="told of"):
        node.do(AcknowledgeMember(NOON, MATTER, "alpha", "watch", "duty", ("south",)))
    node.inform("alpha")
    assert node.desk.coalition.lacking(MATTER) == ("bravo",)
    assert node.said == []
    node.now += timedelta(minutes=3)
    node.inform("bravo")
    node.inform("bravo")
    assert len(node.said) == 1
    told = node.desk.coalition.told[MATTER]["bravo"]
    assert (told.told_at, told.acknowledged_by, told.acknowledged_at) == (node.now, "duty", node.now)
    assert node.desk.coalition.complete == {MATTER: node.now}
    node.do(AddMember(node.now, "charlie", "watch", ()))
    node.inform("charlie")
    assert len(node.said) == 1, "who joins later is nobody else's business"
    again = Coalition("north")
    for event in node.events:
        evolve(again, event)
    assert (again.members, again.told, again.complete) == (
        node.desk.coalition.members, node.desk.coalition.told, node.desk.coalition.complete,
    )  # fmt: skip


def test_the_peer_cannot_tell_one_coalition_from_another() -> None:
    worlds = [Node("alpha"), Node("bravo", "charlie", "delta"), Node("echo", "foxtrot")]
    for node in worlds:
        for matter in (MATTER, ANOTHER):
            for member in sorted(node.desk.coalition.members):
                node.inform(member, matter)
    worlds[2].do(AddMember(NOON, "golf", "watch", ()))
    worlds[2].do(RemoveMember(NOON, "echo", "watch", (MATTER, ANOTHER), ("south",)))
    assert worlds[0].said == worlds[1].said == worlds[2].said
    assert len(worlds[0].said) == 2


def test_nobody_is_told_where_the_accord_says_nothing_of_members() -> None:
    node = Node("alpha")
    node.inform("alpha", said_to=("east",))
    assert node.said == []
    assert [event.say for event in node.events if isinstance(event, AllMembersInformed)] == [False]


def test_a_member_that_leaves_is_waited_for_no_longer() -> None:
    node = Node("alpha", "bravo")
    node.inform("alpha")
    node.do(RemoveMember(NOON, "bravo", "watch", (MATTER, ANOTHER), ("south",)))
    assert [peer for peer, _, _ in node.said] == ["south"]
    assert node.desk.coalition.lacking(MATTER) == ()


@pytest.mark.parametrize("name", ["south", "east", "north", "with space", ""])
def test_a_party_with_a_node_of_its_own_is_no_member(name: str) -> None:
    with pytest.raises(Refusal):
        Node(name)


def test_a_matter_is_found_by_how_it_begins() -> None:
    matters = [MATTER, ANOTHER]
    assert find_matter(iter(matters), "notice/south/range") == MATTER
    for text in ("", "stop/", "no"):
        if text != "no":
            with pytest.raises(Refusal, match="matter"):
                find_matter(iter(matters), text)
    assert find_matter(iter(matters), "no") == MATTER


def test_what_a_peer_says_of_its_members_is_kept_once() -> None:
    node = Node()
    desk = node.desk
    body = b'{"message":"members_informed","kind":"stop","reference":"north:4"}'
    heard = desk.command_of("south", "members_informed", body, NOON)
    assert isinstance(heard, HearInformed)
    node.do(heard)
    node.do(heard)
    assert desk.coalition.heard == {Matter(MatterKind.STOP, "south", "north:4"): NOON}
    for bad in (b"{}", b"x", b'{"message":"members_informed","kind":"stop","reference":""}', b"[" * 10_000):
        with pytest.raises(Refusal):
            desk.command_of("south", "members_informed", bad, NOON)
