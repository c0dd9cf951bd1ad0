"""The life of runs between two nodes: one for each epoch, proposed, announced, finished or broken off alike."""

from collections import deque
from datetime import timedelta

import msgspec
import pytest
from match_parties import KEYS, NOON, TABLE, TERMS

from detente.accord.accords import Accords
from detente.accord.life_cycle import Side
from detente.accord.matching_terms import RunsOfNodes
from detente.accord.provisions import Provisions
from detente.accord.terms import Accord, AccordParty
from detente.airspace.plan import TimeWindow
from detente.airspace.refusal import Refusal
from detente.matching.ledger import BUDGET_DAYS, LedgerRow
from detente.matching.life import (
    MASKED_NAME,
    AbortRun,
    FinishRun,
    MatchAborted,
    MatchAnnounced,
    MatchingRuns,
    MatchProposed,
    Noted,
    NoteSent,
    ProposeRun,
    RunOutcome,
    RunState,
    transcript_of,
)
from detente.matching.room import MatchingRoom
from detente.room.activity import Need, Ordinary
from detente.room.channel import Channel
from detente.room.message import Heard
from detente.room.rooms import Rooms
from detente.room.tagged import write_tagged

SIDES = ("north", "south")
ACCORD = Accord(
    "test", 1, tuple(AccordParty(name, key.public.hex()) for name, key in zip(SIDES, KEYS, strict=True)),
    TimeWindow(NOON - timedelta(days=9), NOON + timedelta(days=9)), TABLE,
    provisions=Provisions(matching=msgspec.structs.replace(TERMS, runs=RunsOfNodes.ASKED)),
)  # fmt: skip
OUTCOME = RunOutcome(LedgerRow(0, "first", 0, 0, 0, 0, 0, 0, 0), (), ())


class Two:
    """Two rooms and the mail between them."""

    def __init__(self) -> None:
        parties = [Side(name, key.public.hex()) for name, key in zip(SIDES, KEYS, strict=True)]
        self.rooms = {
            own.name: MatchingRoom(MatchingRuns(own.name), key.public, Accords(own, [peer], ACCORD))
            for own, peer, key in zip(parties, reversed(parties), KEYS, strict=True)
        }
        self.mail = deque()

    def do(self, side, command):
        room = self.rooms[side]
        events = room.decide(command)
        for event in events:
            room.evolve(room.decode(room.encode(event)))
            self.mail.extend(
                (side, addressed.peer, *write_tagged(addressed.message)) for addressed in room.messages_of(event)
            )
        return events

    def deliver(self):
        while self.mail:
            sender, peer, kind, body = self.mail.popleft()
            message = Rooms([self.rooms[peer]]).read_message(Channel.ROOMS, kind, body)
            self.do(peer, Heard(NOON, sender, message))

    def begin(self):
        self.do("north", ProposeRun(NOON, "south", NOON))
        self.deliver()
        return self.run("north").run

    def run(self, side):
        return next(iter(self.rooms[side].state.runs.values()))

    def send(self, side, name, size=200):
        self.do(side, NoteSent(NOON, self.run(side).run, Noted(name, size, "ab" * 32)))
        self.deliver()


def test_a_run_is_proposed_announced_and_finished_on_both_sides():
    two = Two()
    run = two.begin()
    assert two.run("south").proposed_by == "north"
    assert two.run("north").role is two.run("south").role.other
    assert two.do("north", ProposeRun(NOON, "south", NOON)) == []
    for side in SIDES:
        two.send(side, "1-commit")
    for side in SIDES:
        two.do(side, FinishRun(NOON, run, OUTCOME))
    two.deliver()
    assert {two.run(side).state for side in SIDES} == {RunState.DONE}
    assert {two.run(side).transcript for side in SIDES} == {transcript_of(two.run("north"))}
    with pytest.raises(Refusal, match="without a run"):
        two.do("north", ProposeRun(NOON, "south", NOON))


@pytest.mark.parametrize("showed", [False, True])
def test_a_run_that_was_broken_off_is_begun_again_only_while_nothing_was_shown(showed):
    two = Two()
    run = two.begin()
    if showed:
        two.send("north", MASKED_NAME, 1000)
    two.do("south", AbortRun(NOON, run, "asked"))
    two.deliver()
    assert {(two.run(side).state, two.run(side).ended_by) for side in SIDES} == {(RunState.ABORTED, "south")}
    if showed:
        with pytest.raises(Refusal, match="without a run"):
            two.do("north", ProposeRun(NOON, "south", NOON))
    else:
        two.begin()
        assert {two.run(side).attempt for side in SIDES} == {2}


@pytest.mark.parametrize(
    ("noted", "reason"),
    [
        ([Noted("1-commit", 200, "ab" * 32), Noted("1-commit", 200, "cd" * 32)], "equivocation"),
        ([Noted("7-unknown", 200, "ab" * 32)], "stage"),
        ([Noted("1-commit", 200, "no digest")], "stage"),
        ([Noted("1-commit", 1 << 30, "ab" * 32)], "size"),
    ],
)
def test_what_no_honest_peer_announces_breaks_the_run_off(noted, reason):
    two = Two()
    run = two.begin()
    for one in noted:
        two.do("south", Heard(NOON, "north", MatchAnnounced(run, 1, one)))
    assert (two.run("south").state, two.run("south").reason) == (RunState.ABORTED, reason)


def test_a_run_begins_only_while_planning_goes_on_and_not_before_its_time():
    two = Two()
    room = two.rooms["north"]
    proposed = MatchProposed("ab" * 32, 1, "cd" * 32, NOON)
    assert room.need_of(ProposeRun(NOON, "south", NOON)) == Need("south", Ordinary.PLANNING)
    assert room.need_of(Heard(NOON, "south", proposed)) == Need("south", Ordinary.PLANNING)
    assert room.need_of(AbortRun(NOON, "ab" * 32, "asked")) is None
    with pytest.raises(Refusal, match="of its epoch"):
        two.do("north", Heard(NOON, "south", proposed))
    with pytest.raises(Refusal, match="complete"):
        two.do("north", ProposeRun(NOON, "south", NOON + timedelta(days=3)))
    assert room.told_plans("south", NOON) == set()


@pytest.mark.parametrize("side", SIDES)
def test_a_run_that_was_lost_with_the_journal_is_known_again_and_never_begun_under_another_secret(side):
    """One side has lost everything; the other holds what it said, and gives it back in its order."""
    two = Two()
    run = two.begin()
    two.send(side, "1-commit")
    two.send(side, MASKED_NAME, 1000)
    peer = next(other for other in SIDES if other != side)
    said = [MatchAnnounced(run, 1, noted) for noted in two.run(side).sent]
    if side == "north":
        said.insert(0, MatchProposed(run, 1, two.run(side).accord_hash, two.run(side).epoch))
    before = two.run(side)
    room = two.rooms[side]
    room.state.runs.clear()
    for message in said:
        for _ in range(2):
            for event in room.said_before(NOON, peer, message):
                room.evolve(room.decode(room.encode(event)))
    assert two.run(side) == before
    two.do(side, AbortRun(NOON, run, "secret_gone"))
    with pytest.raises(Refusal, match="without a run"):
        two.do(side, ProposeRun(NOON, peer, NOON))
    assert room.said_before(NOON, peer, MatchAborted(run, 1, "asked")) == []
    with pytest.raises(Refusal):
        room.said_before(NOON, peer, MatchAnnounced("ab" * 32, 1, said[-1].noted))


def test_no_run_is_begun_or_joined_once_the_bits_of_thirty_days_are_told():
    two = Two()
    terms = msgspec.structs.replace(ACCORD.provisions.matching, told_bits=1_000)
    accord = msgspec.structs.replace(ACCORD, provisions=Provisions(matching=terms))
    parties = [Side(name, key.public.hex()) for name, key in zip(SIDES, KEYS, strict=True)]
    for own, peer in zip(parties, reversed(parties), strict=True):
        two.rooms[own.name]._accords = Accords(own, [peer], accord)
    run = two.begin()
    told = RunOutcome(msgspec.structs.replace(OUTCOME.row, bits=1_000), (), ())
    two.do("south", FinishRun(NOON, run, told))
    two.do("north", FinishRun(NOON, run, OUTCOME))
    two.deliver()
    after = NOON + timedelta(days=1)
    with pytest.raises(Refusal, match="less than 1,000 bits; they have told 1,000"):
        two.do("south", ProposeRun(after, "north", after))
    # North has told nothing and asks; south does not take part.
    two.do("north", ProposeRun(after, "south", after))
    with pytest.raises(Refusal, match="told_bits"):
        two.deliver()


def test_a_run_leaves_when_no_budget_counts_it_and_its_epoch_never_has_a_second_one():
    two = Two()
    run, held = two.begin(), two.run("north")
    for side in SIDES:
        two.do(side, FinishRun(NOON, run, OUTCOME))
    two.deliver()
    for side, room in two.rooms.items():
        room.forget(NOON + timedelta(days=BUDGET_DAYS))
        assert run in room.state.runs, f"{side}: bits of thirty days are counted"
        room.forget(NOON + timedelta(days=BUDGET_DAYS + 2))
        assert run not in room.state.runs
        room.restore(room.keep())()
    with pytest.raises(Refusal, match="without a run"):
        two.do("north", ProposeRun(NOON, "south", NOON))
    with pytest.raises(Refusal, match="without a run"):
        two.do("south", Heard(NOON, "north", MatchProposed(run, 1, held.accord_hash, held.epoch)))
