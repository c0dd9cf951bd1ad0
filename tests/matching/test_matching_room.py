"""The life of runs between two nodes: one for each epoch, proposed, announced, finished or broken off alike."""

from collections import deque
from datetime import timedelta

import msgspec
import pytest
from match_parties import KEYS, NOON, TABLE, TERMS, circle

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
    MatchDone,
    MatchFlown,
    MatchingRuns,
    MatchProposed,
    Noted,
    NoteFlown,
    NoteParts,
    NoteSent,
    OpenedPart,
    ProposeRun,
    RunOutcome,
    RunState,
    transcript_of,
)
from detente.matching.room import MOST_LONG_OVER, MatchingRoom
from detente.matching.run import run_between
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


def accord_with(**terms):
    matching = msgspec.structs.replace(ACCORD.provisions.matching, **terms)
    return msgspec.structs.replace(ACCORD, provisions=Provisions(matching=matching))


def name_of(number):
    """The name that a plan has in a run."""
    return f"P{number:016x}"


class Two:
    """Two rooms and the mail between them, each message heard at `now`."""

    def __init__(self, accord=ACCORD) -> None:
        self.now = NOON
        parties = [Side(name, key.public.hex()) for name, key in zip(SIDES, KEYS, strict=True)]
        self.rooms = {
            own.name: MatchingRoom(MatchingRuns(own.name), key.public, Accords(own, [peer], accord))
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
            self.do(peer, Heard(self.now, sender, message))

    def begin(self):
        self.do("north", ProposeRun(NOON, "south", NOON))
        self.deliver()
        return self.run("north").run

    def run(self, side):
        return next(iter(self.rooms[side].state.runs.values()))

    def last(self, side):
        return max(self.rooms[side].state.runs.values(), key=lambda run: run.epoch)

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
    two = Two(accord_with(told_bits=1_000))
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


def test_of_the_plans_that_a_peer_showed_only_so_many_may_stay_unflown():
    """South shows five plans and flies two of them: with a limit of two that ends the matching, and south hears why."""
    two = Two(accord_with(unflown_plans=2))
    run = two.begin()
    parts = [OpenedPart(f"s{number}", circle(name_of(number), 36.0, -122.0)) for number in range(5)]
    two.do("south", NoteParts(NOON, run, ours=tuple(parts)))
    two.do("south", NoteFlown(NOON, run, ("s0", "not in the run")))
    two.deliver()
    # South's word comes before north has looked at what it opened.
    two.do("north", NoteParts(NOON, run, theirs=tuple(part.piece for part in parts)))
    north, south = (two.rooms[side] for side in SIDES)
    over = two.run("north").epoch_end
    assert north.unflown("south", over) == {}
    two.now = over + timedelta(hours=1)
    assert north.unflown("south", two.now) == south.unflown("north", two.now, ours=True) == {run: 4}
    assert south.unflown("north", two.now) == {run: 0}
    # A name that was not shown changes no number, nor does one that is said again.
    for _ in range(2):
        two.do("north", Heard(two.now, "south", MatchFlown(run, 1, (name_of(1), name_of(1), name_of(9)))))
    assert north.unflown("south", two.now) == {run: 3}
    for side in SIDES:
        two.do(side, FinishRun(NOON, run, OUTCOME))
    two.deliver()

    with pytest.raises(Refusal, match=r"at most 2 of .* 3 were never flown"):
        two.do("north", ProposeRun(two.now, "south", two.now))
    two.do("south", ProposeRun(two.now, "north", two.now))
    two.deliver()
    assert {(last.state, last.reason, last.ended_by) for last in map(two.last, SIDES)} == {
        (RunState.ABORTED, "unflown", "north")
    }

    with pytest.raises(Refusal, match="names that plans have"):
        two.do("north", Heard(two.now, "south", MatchFlown(run, 1, ("s0",))))

    # It is kept with the state; the peer's word that one more was flown lets the runs go on.
    kept = MatchingRuns("north")
    again = MatchingRoom(kept, KEYS[0].public, north._accords)
    again.restore(north.keep())()
    assert (again.keep(), again.unflown("south", two.now)) == (north.keep(), {run: 3})
    two.do("south", NoteFlown(two.now, run, ("s2",)))
    two.deliver()
    two.do("south", ProposeRun(two.now, "north", two.now))
    two.deliver()
    assert {(last.state, last.attempt) for last in map(two.last, SIDES)} == {(RunState.RUNNING, 2)}
    assert north.unflown("south", over + timedelta(days=30)) == {}


def test_without_a_limit_nothing_is_said_of_flights():
    two = Two()
    run = two.begin()
    part = OpenedPart("s0", circle(name_of(0), 36.0, -122.0))
    two.do("south", NoteParts(NOON, run, ours=(part,)))
    assert two.do("south", NoteFlown(NOON, run, ("s0",))) == []
    assert two.rooms["south"].unflown("north", two.run("south").epoch_end + timedelta(days=1)) == {}
    with pytest.raises(Refusal, match="unflown_plans"):
        two.do("north", Heard(NOON, "south", MatchFlown(run, 1, (name_of(0),))))


def test_a_run_leaves_when_no_budget_counts_it_and_its_epoch_never_has_a_second_one():
    two = Two(accord_with(unflown_plans=2))
    run, held = two.begin(), two.run("north")
    two.do("south", NoteParts(NOON, run, ours=(OpenedPart("s0", circle(name_of(0), 36.0, -122.0)),)))
    two.deliver()
    for side in SIDES:
        two.do(side, FinishRun(NOON, run, OUTCOME))
    two.deliver()
    for side, room in two.rooms.items():
        room.forget(NOON + timedelta(days=BUDGET_DAYS))
        assert run in room.state.runs, f"{side}: bits of thirty days are counted"
        room.forget(NOON + timedelta(days=BUDGET_DAYS + 2))
        assert run not in room.state.runs
        assert run not in room.state.shown
        room.restore(room.keep())()
    with pytest.raises(Refusal, match="without a run"):
        two.do("north", ProposeRun(NOON, "south", NOON))
    with pytest.raises(Refusal, match="without a run"):
        two.do("south", Heard(NOON, "north", MatchProposed(run, 1, held.accord_hash, held.epoch)))


def test_a_peer_begins_no_run_of_every_epoch_there_ever_was():
    long = TimeWindow(NOON - timedelta(days=400), NOON + timedelta(days=9))
    accord = msgspec.structs.replace(ACCORD, valid=long)
    two = Two(accord)

    def propose(days: int, attempt: int = 1) -> None:
        epoch = NOON - timedelta(days=days)
        run = run_between(accord, "north", "south", epoch)
        two.do("south", Heard(NOON, "north", MatchProposed(run.identity.hex(), attempt, run.accord, epoch)))

    for number in range(MOST_LONG_OVER):
        propose(BUDGET_DAYS + 2 + number)
    with pytest.raises(Refusal, match="over for 30 days"):
        propose(BUDGET_DAYS + 2 + MOST_LONG_OVER)
    assert len(two.rooms["south"].state.runs) == MOST_LONG_OVER
    propose(1)
    assert len(two.rooms["south"].state.runs) == MOST_LONG_OVER + 1


def test_what_a_peer_says_of_a_run_is_a_digest_and_names_of_bounded_number(monkeypatch):
    two = Two(accord_with(unflown_plans=2))
    run = two.begin()
    for word in ("", "ab" * 31, "ab" * 33, "x" * 1_000_000):
        with pytest.raises(Refusal, match="64 hexadecimal"):
            two.do("north", Heard(NOON, "south", MatchDone(run, 1, word)))
    monkeypatch.setattr("detente.matching.room.MOST_FLOWN", 3)
    two.do("north", Heard(NOON, "south", MatchFlown(run, 1, (name_of(1), name_of(2), name_of(3)))))
    with pytest.raises(Refusal, match="in all runs"):
        two.do("north", Heard(NOON, "south", MatchFlown(run, 1, (name_of(4),))))
    assert len(two.rooms["north"].state.shown[run].theirs) == 3
