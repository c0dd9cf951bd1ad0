"""A journal is cut between rotations of the key: it is proven whole and in parts, and a snapshot knows the keys."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from one_node import KEYS, OneNode, node_state
from parties import TODAY, area_plan

from detente.accord.terms import Accord, AccordParty
from detente.airspace.plan import TimeWindow
from detente.airspace.refusal import Refusal
from detente.airspace.separation import Minima, MinimaTable
from detente.humanitarian.notices import GiveHumanitarian
from detente.humanitarian.terms import HumanitarianKind, HumanitarianNotice, Urgency
from detente.node.cutting import prepare
from detente.node.snapshots import CUT, started
from detente.node.state import NodeState
from detente.people.commands import AddPerson, IssueLink, KeepAct, OpenSession
from detente.people.records import ActingPerson, ActingWay, PersonRole
from detente.people.room import PeopleRoom
from detente.picture.commands import ImportPlans
from detente.record.journal import Journal
from detente.record.keys import NodeKey
from detente.record.segments import StoredJournal, segment_file, segment_folder
from detente.record.tail import read_tail
from detente.record.verification import verify_journal
from detente.room.past import LeavePast


class World:
    """North and south under one accord, each with a key of its own for this test."""

    def __init__(self, folder: Path) -> None:
        parties = tuple(AccordParty(name, KEYS[name].public.hex()) for name in ("north", "south"))
        time = TimeWindow(TODAY - timedelta(days=1), TODAY + timedelta(days=400))
        self.accord = Accord("strait", 1, parties, time, MinimaTable(Minima(9260.0, 304.8, 0.0)))
        self.north, self.south = (OneNode(folder, name, self.accord) for name in ("north", "south"))
        self.path = self.north.journal.path
        self._told = {"north": 0, "south": 0}

    def exchange(self) -> None:
        """Each takes in what the other has said since the last time."""
        for sender, receiver in ((self.north, self.south), (self.south, self.north)):
            said = sender.envelopes(receiver.name, self._told[sender.name])
            self._told[sender.name] = sender.read
            for raw in said:
                receiver.receive(raw)

    def cut(self) -> None:
        """Cut north's journal, and remove from the file in use what was closed."""
        journal, now = self.north.journal, self.north.now
        read = StoredJournal(journal.path).read
        made = prepare(self.make, journal.path, journal.base, read, journal.head.number, 20, now)
        journal.append([(CUT, msgspec.json.encode(made.record))], now)
        journal.close_segments(made.segments)
        while journal.remove_closed():
            pass

    def make(self) -> NodeState:
        return node_state("north", self.accord)

    def begun(self) -> tuple[NodeState, int]:
        journal = self.north.journal
        return started(self.make, journal.path, journal.base, journal.read)

    def whole(self) -> NodeState:
        state = self.make()
        state.replay(self.north.journal.read())
        return state


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    for name in KEYS:
        monkeypatch.setitem(KEYS, name, NodeKey.generate())
    world = World(tmp_path)
    yield world
    for node in (world.north, world.south):
        node.journal.close()


@pytest.fixture
def keys(world: World) -> list[bytes]:
    """Both keys were rotated twice, with a cut after each; north's keys."""
    keys = [KEYS["north"].public]
    for day in range(2):
        plans = [area_plan(f"p{day}-{n}", n, start_s=86_400.0 * (day + 1)) for n in range(8)]
        world.north.decide(ImportPlans(world.north.now, "north", tuple(plans[:4])))
        world.north.rotate()
        world.south.rotate()
        world.exchange()
        world.north.decide(ImportPlans(world.north.now, "north", tuple(plans[4:])))
        world.exchange()
        keys.append(KEYS["north"].public)
        world.cut()
    return keys


def test_a_start_from_the_snapshot_knows_the_keys_of_both_sides(world: World, keys: list[bytes]) -> None:
    state, folded = world.begun()
    assert folded == 1
    assert state.keep() == world.whole().keep() == world.north.state.keep()
    assert state.links.keys(KEYS["south"].first) == world.north.state.links.keys(KEYS["south"].first)
    assert len(state.links.keys(KEYS["south"].first)) == len(keys)
    assert state.cards.newest["south"].signing_key == KEYS["south"].public
    assert all(s.own_signer == keys[-1] for s in state.links if s.sent_number)
    assert all(s.peer_signer == KEYS["south"].public for s in state.links if s.received_number)


def test_a_node_that_began_from_a_snapshot_is_heard_and_rotates_again(world: World, keys: list[bytes]) -> None:
    file = world.path.with_name("north.key")
    KEYS["north"].save(file)
    world.north.journal.close()
    KEYS["north"] = NodeKey.load(file)
    world.north.journal = Journal.open(world.path, KEYS["north"])
    assert (KEYS["north"].first, len(KEYS["north"].rotations)) == (keys[0], len(keys) - 1)
    world.north.start()
    world.north.rotate()
    world.south.rotate()
    world.north.decide(ImportPlans(world.north.now, "north", (area_plan("late", 9.0),)))
    world.exchange()
    assert ("north", "late") in world.south.state.picture.plans
    world.cut()
    found = verify_journal(world.path, keys[0])
    assert (found.bad, found.signer) == (None, KEYS["north"].public)
    assert world.begun()[0].keep() == world.whole().keep()


def test_the_whole_and_each_segment_alone_are_proven(world: World, keys: list[bytes], tmp_path: Path) -> None:
    segments = world.north.journal.segments
    assert sum(len(segment.rotations) for segment in segments) == len(keys) - 1
    rotations = 0
    for number, segment in enumerate(segments):
        rotations += len(segment.rotations)
        alone = tmp_path / f"alone {number}"
        alone.mkdir()
        file = Path(shutil.copy(segment_file(world.path, segment), alone))
        found = verify_journal(file, keys[0])
        assert (found.bad, found.head, found.signer) == (None, segment.head, keys[rotations])
    found = verify_journal(world.path, keys[0])
    assert (found.bad, found.archived, found.signer) == (None, (), keys[-1])
    shutil.rmtree(segment_folder(world.path))
    found = verify_journal(world.path, keys[0])
    assert (found.bad, len(found.archived), found.signer) == (None, len(segments), keys[-1])
    tail = read_tail(world.path, keys[-1])
    assert (tail.number, tail.is_signed, tail.lacks) == (world.north.read, True, 0)


@pytest.mark.parametrize("texts", ["x''", "CAST('other' AS BLOB)", "rotations || rotations"])
def test_a_changed_rotation_of_a_closed_segment_is_found(world: World, keys: list[bytes], texts: str) -> None:
    world.north.journal.close()
    with sqlite3.connect(world.path) as database:
        database.execute(f"UPDATE segment SET rotations = {texts} WHERE rotations <> x''")
    assert verify_journal(world.path, keys[0]).bad is not None
    with pytest.raises(Refusal, match="journal"):
        Journal.open(world.path, KEYS["north"])


def test_a_party_that_is_unpaired_and_paired_again_has_its_newest_key(world: World, keys: list[bytes]) -> None:
    state, expected = world.begun()[0], world.begun()[0].cards.newest["south"]
    paired = msgspec.structs.replace(expected, rotations=())
    for file in segment_folder(world.path).glob("*.sqlite"):
        file.unlink()
    state.take_in([], world.accord, "")
    assert state.peers.named("south") is None
    state.take_in([paired], world.accord, "")
    assert state.cards.newest["south"].rotations == expected.rotations
    assert len(expected.keys) == len(keys)


def test_a_session_outlives_a_cut_and_acts_are_not_in_the_snapshot(world: World) -> None:
    north, now = world.north, world.north.now
    north.decide(AddPerson(now, "mara", PersonRole.DUTY_OFFICER, ("watch",)))
    north.decide(IssueLink(now, "mara", "link", now + timedelta(minutes=9)))
    north.decide(OpenSession(now, "link", "s1", "token", now + timedelta(hours=9), 3600.0))
    kept = north.state.rooms.of_type(PeopleRoom).keep()
    by = ActingPerson("mara", "watch", PersonRole.DUTY_OFFICER, ActingWay.SESSION, "s1")
    for _ in range(50):
        north.decide(KeepAct(now, by, "import_plans", 1))
    world.cut()
    state, folded = world.begun()
    assert folded == 1
    people = state.rooms.of_type(PeopleRoom)
    assert people.keep() == kept
    session = people.state.with_token("token")
    assert session is not None
    assert session.holds(now, now)
    assert session.opened_at.tzinfo is not None


def test_humanitarian_notices_are_kept_and_leave_when_they_are_over(world: World) -> None:
    volume = area_plan("x", 3.0).intent[0]
    notice = HumanitarianNotice("relief", "north", HumanitarianKind.FLIGHT, Urgency.ROUTINE, (volume,), world.north.now)
    world.north.decide(GiveHumanitarian(world.north.now, notice, ("south",)))
    world.exchange()
    world.exchange()
    world.cut()
    assert world.begun()[0].keep() == world.whole().keep()
    for node in (world.north, world.south):
        node.now = notice.end + timedelta(days=9)
        node.decide(LeavePast(node.now, node.now - timedelta(days=10)))
        held = node.state.rooms.of_entry("humanitarian").state
        assert held.ours or held.theirs
        node.decide(LeavePast(node.now, notice.end + timedelta(seconds=1)))
        assert not held.ours
        assert not held.theirs
