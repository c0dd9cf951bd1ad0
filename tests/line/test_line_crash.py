"""A node that restarts in the middle of an escalation, at any instant, calls everybody whom it would have called."""

from __future__ import annotations

import random
from datetime import timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from line_world import COMMANDER, DUTY, MINISTRY, SUPERVISOR, Side, World

from detente.line.commands import LineTick
from detente.line.events import LineEvent, LinePostsCalled

POSTS = (DUTY, SUPERVISOR, COMMANDER, MINISTRY)


def rungs(side: Side) -> set[tuple[str, int]]:
    return {(event.message_id, event.step) for event in side.found(LinePostsCalled) if event.party == side.party}


def busy_day(seed: int, seconds: int) -> World:
    """Messages come, some are taken, watches change; every second the clock ticks."""
    chance = random.Random(seed)
    world = World()
    north, south = world.sides.values()
    south.watch(DUTY)
    for _ in range(seconds):
        if chance.random() < 0.05:
            north.send("south", chance.choice(("stop", "radio_check")))
        world.run(1)
        if chance.random() < 0.01:
            south.watch(chance.choice(POSTS), f"shift-{chance.randrange(9)}")
        waiting = sorted(south.line.waiting)
        if waiting and chance.random() < 0.01:
            south.take(*chance.choice(waiting), post=chance.choice(POSTS))
    return world


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.data())
def test_after_a_crash_at_any_event_nothing_that_waits_is_forgotten(seed: int, data: st.DataObject) -> None:
    check_crash(seed, data.draw(st.integers(0, 10**6)), 150)


@pytest.mark.long
@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 10**6))
def test_after_a_crash_at_any_event_nothing_that_waits_is_forgotten_long(seed: int, crash: int) -> None:
    check_crash(seed, crash, 300)


def check_crash(seed: int, crash: int, seconds: int) -> None:
    world = busy_day(seed, seconds)
    south = world.sides["south"]
    kept = 1 + crash % len(south.events)
    at = south.events[kept - 1].at
    survivor, crashed = Side(world, "south"), Side(world, "south")
    survivor.events, crashed.events = list(south.events), list(south.events)
    survivor.restart(kept)
    crashed.restart(kept)
    # One goes on every second from the instant of the crash; the other is dark for ten minutes and then ticks once.
    for second in range(1, 601):
        survivor.do(LineTick(at + timedelta(seconds=second), "south"))
    crashed.do(LineTick(at + timedelta(seconds=600), "south"))
    assert dict(sorted(rungs(crashed))) == dict(sorted(rungs(survivor))), "the highest rung of each message"
    assert crashed.line.waiting == survivor.line.waiting
    for key in crashed.line.waiting:
        assert crashed.line.messages[key].step == 3
        assert crashed.line.messages[key].again == survivor.line.messages[key].again
    called = [(e.message_id, e.step, e.again) for e in survivor.found(LinePostsCalled) if e.party == "south"]
    assert len(called) == len(set(called)), "a rung is called once"


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_replay_gives_the_same_line_byte_for_byte(seed: int) -> None:
    world = busy_day(seed, 120)
    for side in world.sides.values():
        before = msgspec.json.encode(side.line.snapshot(), order="deterministic")
        bodies = [msgspec.json.encode(event) for event in side.events]
        side.events = [msgspec.json.decode(body, type=LineEvent) for body in bodies]
        side.restart()
        assert msgspec.json.encode(side.line.snapshot(), order="deterministic") == before
