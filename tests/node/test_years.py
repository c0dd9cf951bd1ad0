"""A node for years: what is over leaves it, its journal is cut, and nothing that it said or heard is lost by that."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from one_node import KEYS, OneNode, node_state
from parties import TODAY, area_plan

from detente.accord.disclosure import OPEN_POLICY
from detente.accord.terms import Accord, AccordParty
from detente.airspace.plan import TimeWindow
from detente.airspace.refusal import Refusal
from detente.airspace.separation import Minima, MinimaTable
from detente.disclosure.catching_up import KnownToPeer
from detente.link.card import make_card
from detente.link.receipt import sign_receipt
from detente.link.session import RECEIPT_RECEIVED, SENT
from detente.node.cutting import Prepared, prepare
from detente.node.snapshots import CUT, planning_sent, read_planning, remove_older, sent_to, started
from detente.node.state import NodeState
from detente.picture.commands import (
    AmendPlan,
    DeclarePlan,
    EndPlan,
    ExpireNotices,
    GiveNotice,
    ImportPlans,
    WithdrawPlan,
)
from detente.picture.notices import Meaning, Notice
from detente.record.journal import Journal
from detente.record.keys import NodeKey
from detente.record.segments import ArchivedRefusal, StoredJournal, segment_file, segment_folder
from detente.record.verification import verify_journal
from detente.room import past
from detente.room.past import LeavePast
from detente.upkeep.archive import archive_segments, attach_segment, segments_of

ACCORD = Accord(
    "strait", 1, tuple(AccordParty(name, KEYS[name].public.hex()) for name in ("north", "south")),
    TimeWindow(TODAY - timedelta(days=1), TODAY + timedelta(days=400)), MinimaTable(Minima(9260.0, 304.8, 0.0)),
)  # fmt: skip
PART = 20


def make() -> NodeState:
    return node_state("north", ACCORD)


def begun(journal: Journal) -> NodeState:
    return started(make, journal.path, journal.base, journal.read)[0]


def whole(journal: Journal) -> NodeState:
    state = make()
    state.replay(journal.read())
    return state


def receipt(node: OneNode, last: int) -> None:
    """South has received what north sent, up to a number."""
    (session,) = (peer.planning for peer in node.state.peers if peer.planning is not None)
    made = sign_receipt(
        KEYS["south"], session.outgoing, session.receipted_number + 1, last, session.sent_hash(last), node.now
    )
    node.state.links.absorb(node.journal.append([(RECEIPT_RECEIVED, made.raw)], node.now))


def days(node: OneNode, count: int, *, answered: bool = True) -> None:
    """Days on which plans are declared, and those of the day before end."""
    for day in range(count):
        node.now += timedelta(days=1)
        name = f"{node.now:%m%d}-{day}"
        plans = tuple(area_plan(f"{name}-{n}", n, start_s=86_400.0 * (node.now - TODAY).days) for n in range(6))
        node.decide(ImportPlans(node.now, "north", plans))
        node.decide(DeclarePlan(node.now, "south", area_plan(f"s{name}", 0.0, start_s=86_400.0 * (day + 1)), 1))
        for plan in plans[:3]:
            node.decide(EndPlan(node.now + timedelta(hours=3), "north", plan.plan_id))
        if answered:
            (session,) = (peer.planning for peer in node.state.peers if peer.planning is not None)
            receipt(node, session.sent_number)


def prepared(node: OneNode) -> Prepared:
    journal = node.journal
    return prepare(
        make, journal.path, journal.base, StoredJournal(journal.path).read, journal.head.number, PART, node.now
    )


def steps_of_a_cut(node: OneNode) -> Iterator[Callable[[], object]]:
    """What happens to the disk in a cut, step by step."""
    made: list[Prepared] = []
    yield lambda: made.append(prepared(node))
    yield lambda: node.journal.append([(CUT, msgspec.json.encode(made[0].record))], node.now)
    yield lambda: node.journal.close_segments(made[0].segments)
    yield lambda: remove_older(node.journal.path, made[0].record)
    yield node.journal.remove_closed


def cut(node: OneNode) -> None:
    for step in steps_of_a_cut(node):
        step()


@pytest.fixture
def node(tmp_path: Path) -> Iterator[OneNode]:
    folder = tmp_path / "north"
    folder.mkdir()
    node = OneNode(folder, accord=ACCORD)
    days(node, 4)
    yield node
    node.journal.close()


def test_what_is_over_leaves_and_what_is_current_stays(node: OneNode) -> None:
    was = len(node.state.picture.plans)
    node.decide(LeavePast(node.now, node.now - timedelta(days=2)))
    picture = node.state.picture
    assert 0 < len(picture.plans) < was
    assert all(r.changed_at >= node.now - timedelta(days=2) or r.plan.time.end >= picture.left_before
               for r in picture.plans.values())  # fmt: skip
    assert not node.decide(LeavePast(node.now, node.now - timedelta(days=3))), "the past is left once"
    assert node.state.keep() == whole(node.journal).keep()


def test_never_leaves_what_is_a_day_old(node: OneNode) -> None:
    (left,) = node.decide(LeavePast(node.now, node.now + timedelta(days=9)))
    assert left.before == node.now - past.SHORTEST_HORIZON


def test_revisions_go_on_and_ids_of_notices_are_used_once(node: OneNode) -> None:
    plan = area_plan("again", 9.0)
    for number in range(3):
        node.decide(ImportPlans(node.now, "north", (area_plan("again", 9.0, start_s=60.0 * number),)))
    node.decide(WithdrawPlan(node.now, "north", "again"))
    volume = plan.intent[0]
    notice = Notice("n1", "north", Meaning.KEEP_OUT, volume, TODAY)
    node.now = TODAY + timedelta(hours=1)
    node.decide(GiveNotice(node.now, "north", notice))
    node.now += timedelta(days=30)
    node.follow()
    node.decide(ExpireNotices(node.now))
    node.now += timedelta(days=30)
    node.decide(LeavePast(node.now, node.now - timedelta(days=1)))
    assert not node.state.picture.plans
    assert not node.state.picture.notices
    (declared,) = node.decide(DeclarePlan(node.now, "north", plan))
    assert declared.revision == 4
    with pytest.raises(Refusal):
        node.decide(GiveNotice(TODAY, "north", notice))


def test_late_words_about_what_has_left_change_nothing_and_an_amended_plan_counts(node: OneNode) -> None:
    held = next(key for key in node.state.picture.plans if key[0] == "south")
    node.now += timedelta(days=30)
    node.decide(LeavePast(node.now, node.now - timedelta(days=7)))
    assert held not in node.state.picture.plans
    assert node.decide(EndPlan(node.now, *held)) == []
    later = area_plan(held[1], start_s=86_400.0 * 60)
    (declared,) = node.decide(AmendPlan(node.now, "south", later, 2))
    assert (declared.plan, declared.revision) == (later, 2)


def test_a_crash_after_any_step_of_a_cut_leaves_all(node: OneNode, tmp_path: Path) -> None:
    before = list(node.journal.read())
    for number, step in enumerate(steps_of_a_cut(node)):
        step()
        copy = tmp_path / f"after {number}"
        shutil.copytree(node.journal.path.parent, copy)
        with Journal.open(copy / node.journal.path.name, KEYS["north"]) as journal:
            entries = [entry for entry in journal.read() if entry.kind != CUT]
            assert entries[: len(before)] == before
            assert begun(journal).keep() == whole(journal).keep()
            assert verify_journal(journal.path, KEYS["north"].public).ok
    assert len(node.journal.segments) > 1


def test_a_start_folds_in_only_what_came_after(node: OneNode) -> None:
    cut(node)
    state, folded = started(make, node.journal.path, node.journal.base, node.journal.read)
    assert folded == 1
    assert state.keep() == node.state.keep() == whole(node.journal).keep()
    days(node, 1)
    assert begun(node.journal).keep() == whole(node.journal).keep()


@pytest.mark.parametrize("damage", [lambda file: file.write_bytes(file.read_bytes()[:-1]), lambda file: file.unlink()])
def test_without_its_snapshot_a_start_goes_on_from_an_older_one_or_from_the_first_entry(
    node: OneNode, damage: Callable[[Path], object]
) -> None:
    cut(node)
    days(node, 2)
    cut(node)
    expected = whole(node.journal).keep()
    folder = segment_folder(node.journal.path)
    newest, older = sorted(folder.glob("*.snapshot"), reverse=True)
    damage(newest)
    state, folded = started(make, node.journal.path, node.journal.base, node.journal.read)
    assert 1 < folded < node.journal.head.number
    assert state.keep() == expected
    damage(older)
    state, folded = started(make, node.journal.path, node.journal.base, node.journal.read)
    assert folded == node.journal.head.number
    assert state.keep() == expected
    archive_segments(node.journal.path, folder.parent / "archive")
    with pytest.raises(ArchivedRefusal, match="000000000001-"):
        begun(node.journal)


def test_who_is_paired_may_change_between_two_starts(node: OneNode) -> None:
    cut(node)
    cards = [make_card(KEYS["south"], "south", (), TODAY), make_card(NodeKey.generate(), "east", (), TODAY)]
    own = make_card(KEYS["north"], "north", (), TODAY)

    def paired() -> NodeState:
        return NodeState(own, "", cards, ACCORD, OPEN_POLICY)

    state, folded = started(paired, node.journal.path, node.journal.base, node.journal.read)
    assert folded == 1
    again = paired()
    again.replay(node.journal.read())
    assert state.keep() == again.keep()
    assert {peer.name for peer in state.peers} == {"south", "east"}


def test_what_a_peer_holds_is_the_same_from_a_snapshot_and_from_all_that_was_sent(node: OneNode) -> None:
    days(node, 1, answered=False)
    node.decide(GiveNotice(node.now, "north", Notice(
        "n1", "north", Meaning.KEEP_OUT, area_plan("x", 3.0, start_s=86_400.0 * 9).intent[0], node.now
    )))  # fmt: skip
    for _ in range(2):
        cut(node)
        days(node, 1, answered=False)
        key = KEYS["south"].public
        before, later = sent_to(node.journal, key)
        assert before is not None
        assert len(before.plans) >= 3
        found = KnownToPeer((read_planning(node.state, message) for message in later), before)
        everything = planning_sent((entry.body for entry in node.journal.read(kind=SENT)), key)
        assert len(later) < len(everything)
        expected = KnownToPeer(read_planning(node.state, message) for message in everything)
        assert found.keep() == expected.keep()


def test_a_peer_is_caught_up_by_a_node_that_has_cut_its_journal(node: OneNode) -> None:
    """A new accord: south is told what it lacks, and nothing that it knows."""
    cut(node)
    read = node.read
    node.start()
    assert node.sent("south", read) == []


def test_what_a_peer_waits_for_stays_and_the_rest_is_archived_and_comes_back(node: OneNode, tmp_path: Path) -> None:
    days(node, 2, answered=False)
    cut(node)
    path, archive = node.journal.path, tmp_path / "archive"
    seen = segments_of(path)
    assert {one.is_needed for one in seen} == {True, False}
    everything = list(node.journal.read())
    moved = archive_segments(path, archive)
    assert [one.name for one in moved] == [one.name for one in seen if not one.is_needed]
    assert archive_segments(path, archive) == []
    assert [one.is_here for one in segments_of(path)] == [one.is_needed for one in seen]
    (session,) = (peer.planning for peer in node.state.peers if peer.planning is not None)
    for number in range(session.receipted_number + 1, session.sent_number + 1):
        assert next(node.journal.read(session.sent_entry(number), SENT))
    with pytest.raises(ArchivedRefusal, match="detente journal attach"):
        list(node.journal.read())
    found = verify_journal(path, KEYS["north"].public)
    assert (found.ok, len(found.archived)) == (True, len(moved))
    assert begun(node.journal).keep() == node.state.keep()
    strange = tmp_path / "strange"
    strange.write_bytes((archive / moved[0].name).read_bytes() + b" ")
    with pytest.raises(Refusal, match="closed segment of this journal"):
        attach_segment(path, strange)
    for one in moved:
        attach_segment(path, archive / one.name)
    assert list(node.journal.read()) == everything
    assert verify_journal(path, KEYS["north"].public).archived == ()


def test_a_changed_segment_is_not_archived(node: OneNode, tmp_path: Path) -> None:
    cut(node)
    file = segment_file(node.journal.path, node.journal.segments[0])
    file.chmod(0o600)
    file.write_bytes(file.read_bytes()[:-100] + bytes(100))
    with pytest.raises(Refusal, match="as it was closed"):
        archive_segments(node.journal.path, tmp_path / "archive")
    assert file.is_file()
