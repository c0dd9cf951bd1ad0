"""A run driven message by message, kept between steps: taken up again anywhere, with late runs that cross."""

import random
from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest
from match_parties import KEYS, RUN, TABLE, TERMS, circle, flight, play, side_of, world
from near_limit import NOON

from detente.airspace.refusal import Refusal
from detente.airspace.search import encounters_between
from detente.matching.driver import Driver
from detente.matching.keeper import MemoryKeeper
from detente.matching.ledger import LedgerRow
from detente.matching.messages import BreachError, MessageKind, sign_message
from detente.matching.schedule import check_begin, late_run_opens, late_runs_open, window_of

HERE = (36.5, -121.5)


class Party:
    """A driver that can be killed: what it was is lost, what its keeper has is not."""

    def __init__(self, number, plans):
        self.number, self.plans, self.keeper = number, plans, MemoryKeeper()
        self.built = 0
        self.build()

    def build(self):
        self.built += 1
        given = self.plans if self.built == 1 else None
        self.driver = Driver(RUN, KEYS[self.number], self.keeper, given, draw=lambda n: bytes([self.number + 1]) * n)


def exchange(parties, step=lambda: None):
    """Hand over messages until neither has any; `step` is called between any two."""
    queues = ([], [])
    sent = ([], [])
    moved = True
    while moved:
        moved = False
        for number, party in enumerate(parties):
            step()
            raw = party.driver.next_message()
            if raw is not None:
                sent[number].append(raw)
                queues[1 - number].append(raw)
                moved = True
            step()
            if queues[number]:
                party.driver.receive(queues[number].pop(0))
                moved = True
    return sent


def now_and_then(choice, parties):
    """Build one of the parties again, every third time."""

    def step():
        if choice.random() < 0.35:
            choice.choice(parties).build()

    return step


def test_a_driver_sends_what_a_side_sends_and_is_built_again_anywhere():
    ours, theirs = world(5, 0), world(5, 1)
    expected = play(side_of(0, ours), side_of(1, theirs))
    parties = Party(0, ours), Party(1, theirs)
    choice = random.Random(1)
    sent = exchange(parties, now_and_then(choice, parties))
    assert sent == expected
    assert all(party.driver.complete and party.driver.awaited is None for party in parties)
    met = {e.first_plan_id for e in encounters_between(ours, theirs, TABLE)}
    assert {e.first_plan_id for e in parties[0].driver.revealed.encounters} == met
    # Nothing of the heavy work was done twice: it all came from kept pieces.
    assert min(party.built for party in parties) > 3


def test_work_that_is_kept_is_not_done_again(monkeypatch):
    parties = Party(0, world(5, 0)), Party(1, world(5, 1))
    exchange(parties)
    late = circle("late", *HERE)
    parties[0].driver.begin_late([late])
    exchange(parties)
    before = [party.driver.revealed for party in parties]

    def never(*_):
        raise AssertionError("done again")

    for heavy in ("lists.mask", "lists.mask_again", "lists.prove_rows", "lists.proof_holds", "lists.prove_equality",
                  "lists.verify_equality", "driver.quantise"):  # fmt: skip
        monkeypatch.setattr(f"detente.matching.{heavy}", never)
    for party in parties:
        party.build()
    assert [party.driver.revealed for party in parties] == before


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.long), pytest.param(2, marks=pytest.mark.long)])
def test_late_runs_that_both_begin_or_one_joins_agree_with_the_exact_search(seed):
    ours, theirs = world(11 + seed, 0, 4), world(11 + seed, 1, 4)
    parties = Party(0, ours[:2]), Party(1, theirs[:2])
    exchange(parties)
    choice = random.Random(seed)
    step = now_and_then(choice, parties) if seed else lambda: None
    for party, plans in zip(parties, (ours, theirs), strict=True):
        party.driver.begin_late(plans[2:3])
    exchange(parties, step)
    for party, plans in zip(parties[::-1], (theirs, ours), strict=True):
        party.driver.begin_late(plans[3:])
        exchange(parties, step)
    met = encounters_between(ours, theirs, TABLE)
    first, second = (party.driver for party in parties)
    assert {e.first_plan_id for e in first.revealed.encounters} == {e.first_plan_id for e in met}
    assert {e.first_plan_id for e in second.revealed.encounters} == {e.second_plan_id for e in met}
    assert first.expected == second.expected == ()
    row = msgspec.json.decode(parties[0].keeper.read("ledger.json"), type=LedgerRow)
    assert (row.late_runs, row.conflicts) == (3, len({e.first_plan_id for e in met}))


def test_a_late_run_that_was_begun_is_begun_with_the_same_plans_after_a_crash():
    parties = Party(0, []), Party(1, [circle("b", *HERE)])
    exchange(parties)
    parties[0].driver.begin_late([circle("late", *HERE)])
    parties[0].build()
    with pytest.raises(Refusal, match="one is going on"):
        parties[0].driver.begin_late([circle("other", *HERE)])
    exchange(parties)
    assert [e.first_plan_id for e in parties[0].driver.revealed.encounters] == ["late"]


def test_too_much_for_a_late_run_is_refused_before_anything_is_kept():
    parties = Party(0, []), Party(1, [])
    with pytest.raises(Refusal, match="not complete"):
        parties[0].driver.begin_late([])
    exchange(parties)
    with pytest.raises(Refusal, match="new tokens"):
        parties[0].driver.begin_late([circle("wide", *HERE, radius_m=150_000.0)])
    parties[0].build()
    parties[0].driver.begin_late([])
    exchange(parties)
    assert parties[0].driver.revealed.encounters == ()


def test_what_is_not_the_peers_turn_or_word_changes_nothing():
    """Noise, another's message, one of another session and one too early: said, written down, and the run goes on."""
    old = play(side_of(0, world(1, 0), b"x" * 32), side_of(1, world(1, 1), b"y" * 32))[1]
    parties = Party(0, world(1, 0)), Party(1, world(1, 1))
    first = parties[0].driver
    first.receive(parties[1].driver.next_message())
    first.next_message()
    mine = parties[0].driver.message("1-commit")
    for raw, fault in ((b"noise", "form"), (mine, "signature"), (old[1], "other_session"), (old[-1], "other_session")):
        with pytest.raises(BreachError, match=fault):
            first.receive(raw)
        parties[0].build()
        first = parties[0].driver
        assert first.breach is None
    assert first.ledger.fault == ""
    assert msgspec.json.decode(parties[0].keeper.read("ledger.json"), type=LedgerRow).fault == "other_session"
    assert len(msgspec.json.decode(parties[0].keeper.read("refused.json"))) == 4
    second = parties[1].driver
    second.receive(mine)
    for driver, other in ((first, second), (second, first)):
        other.receive(driver.next_message())
    with pytest.raises(BreachError, match="stage"):
        second.receive(sign_message(KEYS[0], MessageKind.REVEAL, 0, 0, RUN.identity, second.side.session, b"{}"))
    exchange(parties)
    assert all(party.driver.complete for party in parties)


def test_a_second_commitment_to_one_run_ends_it_and_is_kept_as_evidence():
    parties = Party(0, world(1, 0)), Party(1, world(1, 1))
    first = parties[0].driver
    first.receive(parties[1].driver.next_message())
    other = side_of(1, world(1, 1), b"x" * 32).next_message()
    with pytest.raises(BreachError, match="equivocation"):
        first.receive(other)
    assert parties[0].keeper.read("evidence/1-commit.match") == other
    parties[0].build()
    assert parties[0].driver.breach.fault.value == "equivocation"
    assert parties[0].driver.next_message() is None
    assert parties[0].driver.expected == ()
    with pytest.raises(BreachError, match="equivocation"):
        parties[0].driver.receive(b"")


def test_a_driver_refuses_other_plans_another_run_and_a_lost_piece():
    parties = Party(0, world(1, 0)), Party(1, world(1, 1))
    keeper = parties[0].keeper
    with pytest.raises(Refusal, match="other plans"):
        Driver(RUN, KEYS[0], keeper, [])
    with pytest.raises(Refusal, match="another run"):
        Driver(replace(RUN, accord="cd" * 32), KEYS[0], keeper)
    with pytest.raises(Refusal, match="plans to begin a run with"):
        Driver(RUN, KEYS[0], MemoryKeeper())
    exchange(parties)
    changed = dict(keeper.pieces)
    keeper.pieces.pop("in/2-masked.match")
    with pytest.raises(Refusal, match="Put it back"):
        parties[0].build()
    keeper.pieces = {**changed, "in/3-coin.match": changed["in/2-masked.match"]}
    with pytest.raises(Refusal, match="other bytes than before"):
        parties[0].build()
    # A kept piece of work that a bad disk changed is made again.
    keeper.pieces = {name: (data[:-1] + b"?" if name.startswith("work/masked") else data)
                     for name, data in changed.items()}  # fmt: skip
    parties[0].build()
    assert parties[0].driver.complete


def test_progress_is_told_and_may_stop_the_work():
    told = []
    keeper = MemoryKeeper()

    def stop(what, done, total):
        told.append((what, done, total))
        if len(told) == 1:
            raise KeyboardInterrupt

    driver = Driver(RUN, KEYS[0], keeper, [circle("a", *HERE)], progress=stop)
    other = Party(1, [flight("b", [HERE, (36.6, -121.5)])])
    other.driver.receive(driver.next_message())
    driver.receive(other.driver.next_message())
    with pytest.raises(KeyboardInterrupt):
        driver.next_message()
    driver = Driver(RUN, KEYS[0], keeper, progress=stop)
    other.driver.receive(driver.next_message())
    driver.receive(other.driver.next_message())
    assert told[-1] == ("answer", 256, 256)
    assert ("mask", 1024, 1024) in told


def test_runs_and_late_runs_have_their_times():
    opens, closes = window_of(RUN)
    assert (closes - opens) == timedelta(days=2)
    check_begin(RUN, opens)
    check_begin(RUN, closes - timedelta(seconds=1), ["ab"])
    for moment in (opens - timedelta(seconds=1), closes):
        with pytest.raises(Refusal, match="time of the run"):
            check_begin(RUN, moment)
    with pytest.raises(Refusal, match="one run for each epoch"):
        check_begin(RUN, opens, [RUN.identity.hex()])
    assert [late_run_opens(RUN, n) for n in (1, 2)] == [opens, opens + timedelta(hours=48 / TERMS.late_runs)]
    for hours, count in ((-1, 0), (0, 1), (15, 1), (16, 2), (47, 3), (49, 0)):
        assert late_runs_open(RUN, opens + timedelta(hours=hours)) == count


def test_a_late_run_before_its_time_is_neither_begun_nor_answered():
    parties = Party(0, []), Party(1, [])
    exchange(parties)
    opens, _ = window_of(RUN)
    first, second = (party.driver for party in parties)
    first.begin_late([], opens)
    exchange(parties)
    with pytest.raises(Refusal, match="not before"):
        second.begin_late([], opens)
    first.begin_late([])
    asked = first.next_message()
    with pytest.raises(BreachError, match="schedule"):
        second.receive(asked, opens)
    assert second.breach is None
    second.receive(asked, NOON)
    assert second.sending == "late-02-1-late"
