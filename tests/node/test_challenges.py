"""Challenges that passkeys sign, at a time that the test sets."""

from __future__ import annotations

import pytest

from detente.api.challenges import LIFE_S, MOST_USED, Challenges


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_challenge_holds_for_minutes_for_its_purpose_and_once(clock: Clock) -> None:
    challenges = Challenges(clock)
    one, other = challenges.make("here"), challenges.make("here")
    assert one != other
    assert challenges.holds(one, "here")
    assert not challenges.holds(one, "there")
    assert not Challenges(clock).holds(one, "here"), "of another process"
    for bit in range(8 * len(one)):
        changed = (int.from_bytes(one, "big") ^ 1 << bit).to_bytes(len(one), "big")
        assert not challenges.holds(changed, "here")
    challenges.use(one)
    assert not challenges.holds(one, "here")
    clock.now_s += LIFE_S - 1
    assert challenges.holds(other, "here")
    clock.now_s += 1
    assert not challenges.holds(other, "here")


def test_what_is_remembered_is_bounded(clock: Clock) -> None:
    challenges = Challenges(clock)
    for _ in range(MOST_USED):
        challenges.use(challenges.make("here"))
    assert not challenges.holds(challenges.make("here"), "here")
    clock.now_s += LIFE_S
    assert challenges.holds(challenges.make("here"), "here")
