"""Line checks: what they find, and that both sides see the line in the same state."""

from __future__ import annotations

import random
from datetime import timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from line_values import NOON
from line_world import DUTY, TERMS, Side, World

from detente.airspace.refusal import Refusal
from detente.line.checks import Check, CheckAnswer, CheckResult, Fault, LineStanding, OnWatch, Quality, judge_check
from detente.line.commands import CheckLine, LeaveWatch
from detente.line.parameters import LineLanguage
from detente.line.peer_messages import CheckAnswerMessage, CheckResultMessage
from detente.line.phrases import phrase_table_hash
from detente.line.terms import LineTerms, Rung
from detente.room.message import Heard

OFTEN = LineTerms((Rung(DUTY, 0.0),), check_every_s=60.0)


def two(
    terms: LineTerms = OFTEN, languages: tuple[LineLanguage, ...] = (LineLanguage.ENGLISH,)
) -> tuple[World, Side, Side]:
    world = World(terms=terms)
    north, south = world.sides.values()
    north.watch(DUTY)
    south.watch(DUTY, languages=languages)
    return world, north, south


def state(side: Side, peer: str) -> LineStanding:
    return side.line.peers[peer].standing


def both(world: World) -> LineStanding:
    north, south = world.sides.values()
    assert state(north, "south") == state(south, "north")
    return state(north, "south")


def test_the_line_is_live_once_each_side_has_checked() -> None:
    world, north, south = two()
    assert both(world) == LineStanding(Quality.SILENT, (Fault.NO_CHECK,))
    world.run(2)
    assert both(world) == LineStanding(Quality.LIVE, ())
    assert north.line.peers["south"].results == tuple(reversed(south.line.peers["north"].results))
    world.run(600)
    assert both(world).quality is Quality.LIVE
    assert 9 <= north.line.peers["south"].asked <= 11


def test_one_side_alone_is_degraded_then_silence_is_seen_by_both() -> None:
    world, _, _ = two()
    world.run(2)
    world.cut = True
    world.run(OFTEN.check_every_s + OFTEN.degraded_after_s + 1.0)
    assert both(world) == LineStanding(Quality.DEGRADED, (Fault.OVERDUE,))
    world.run(OFTEN.silent_after_s + 60.0)
    assert both(world) == LineStanding(Quality.SILENT, (Fault.NO_CHECK,))
    world.cut = False
    world.run(62)
    assert both(world).quality is Quality.LIVE


@pytest.mark.parametrize(
    ("ahead_s", "faults"), [(4.0, ()), (-4.0, ()), (6.0, (Fault.CLOCKS_DIFFER,)), (-30.0, (Fault.CLOCKS_DIFFER,))]
)
def test_clocks_that_differ_by_more_than_five_seconds_raise_the_alarm(
    ahead_s: float, faults: tuple[Fault, ...]
) -> None:
    world = World(terms=OFTEN)
    north, south = world.sides.values()
    south.clock_s = ahead_s
    north.watch(DUTY)
    south.watch(DUTY)
    world.run(90)
    assert both(world).faults == faults


def test_a_slow_line_cannot_tell_whether_clocks_differ() -> None:
    """The round trip bounds what is known of the other clock: not sure is not the same as right."""
    world, _, _ = two()
    world.delay_s = 20.0
    world.run(100)
    assert both(world).faults == (Fault.CLOCKS_UNSURE,)


def test_nobody_on_watch_and_no_common_language_degrade_the_line() -> None:
    world, _, south = two(languages=(LineLanguage.RUSSIAN, LineLanguage.ARABIC))
    world.run(65)
    assert both(world).faults == (Fault.NO_COMMON_LANGUAGE,)
    south.watch(DUTY, "night", (LineLanguage.ENGLISH,))
    world.run(65)
    assert both(world).quality is Quality.LIVE
    south.do(LeaveWatch(south.now, "south", DUTY))
    world.run(65)
    assert Fault.NOBODY_AT_ANSWERER in both(world).faults
    assert Fault.NOBODY_AT_ASKER in both(world).faults


def test_other_words_degrade_the_line() -> None:
    watch = OnWatch((DUTY,), (LineLanguage.ENGLISH,), phrase_table_hash())
    other = msgspec.structs.replace(watch, phrase_table="0" * 64)
    result = judge_check("north", Check(1, NOON, watch), CheckAnswer(1, NOON, other), NOON, OFTEN)
    assert result.faults == (Fault.PHRASES_DIFFER,)
    signed = msgspec.structs.replace(OFTEN, phrase_table="1" * 64)
    assert judge_check("north", Check(1, NOON, watch), CheckAnswer(1, NOON, watch), NOON, signed).faults == (
        Fault.PHRASES_DIFFER,
    )
    signed = msgspec.structs.replace(OFTEN, phrase_table=phrase_table_hash())
    assert judge_check("north", Check(1, NOON, watch), CheckAnswer(1, NOON, watch), NOON, signed).faults == ()


def test_a_check_is_asked_when_somebody_wants_it() -> None:
    world, north, _ = two(TERMS)
    world.run(2)
    before = north.line.peers["south"].asked
    north.do(CheckLine(north.now, "north", "south"))
    world.carry()
    assert north.line.peers["south"].ours is not None
    assert north.line.peers["south"].ours.number == before + 1


def test_answers_nobody_asked_for_and_results_of_others_are_refused() -> None:
    world, north, _ = two()
    watch = OnWatch((), (), "")
    with pytest.raises(Refusal):
        north.do(Heard(NOON, "south", CheckAnswerMessage(CheckAnswer(99, NOON, watch))))
    with pytest.raises(Refusal):
        north.do(Heard(NOON, "south", CheckResultMessage(CheckResult("north", 1, NOON, 0.0, 0.0, ()))))
    world.run(1)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_both_sides_see_the_same_state_whatever_the_network_does(seed: int) -> None:
    """Delays, cuts, repeats: once what is under way has arrived, both hold the same results and the same state."""
    chance = random.Random(seed)
    world, north, south = two()
    for _ in range(30):
        world.delay_s = chance.choice((0.0, 0.0, 1.0, 8.0))
        world.cut = chance.random() < 0.3
        world.run(chance.randrange(1, 90))
        if chance.random() < 0.2:
            south.watch(DUTY, f"s{chance.randrange(99)}", (chance.choice(list(LineLanguage)),))
    world.cut = False
    world.delay_s = 0.0
    world.now += timedelta(seconds=20)
    world.carry(chance)
    ours, theirs = north.line.peers["south"], south.line.peers["north"]
    assert (ours.ours, ours.theirs) == (theirs.theirs, theirs.ours)
    world.run(1)
    both(world)
