"""Failed attempts: what they hold is bounded, whoever makes them and however many."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from detente.api import failures
from detente.api.access import NotLetIn
from detente.api.failures import AT_ONCE, MOST_ADDRESSES, MOST_HELD, MOST_HELD_OF_ADDRESS, REFILL_S, Failures
from detente.node.metrics import Metrics


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failures, "HELD_S", 0.0)


class Door:
    """Failures at a time that the test gives."""

    def __init__(self) -> None:
        self.now = datetime(2025, 6, 1, tzinfo=UTC)
        self.failures = Failures(Metrics(), lambda: self.now)

    async def at_once(self, *addresses: str) -> list[bool]:
        """Which of these, at the same time, are turned away."""
        return await asyncio.gather(*(self.failures.slow(address, NotLetIn.TOKEN) for address in addresses))


def test_the_first_of_an_address_are_answered_and_of_more_at_once_a_few_are_held() -> None:
    async def try_it() -> None:
        door = Door()
        assert not any(await door.at_once(*["a"] * AT_ONCE))
        assert sum(await door.at_once(*["a"] * 20)) == 20 - MOST_HELD_OF_ADDRESS
        assert not any(await door.at_once("a", "b")), "one after another is slow, and not refused"
        door.now += timedelta(seconds=REFILL_S)
        assert not any(await door.at_once(*["b"] * AT_ONCE))

    asyncio.run(try_it())


def test_all_addresses_together_hold_few_connections_and_little_memory() -> None:
    async def try_it() -> None:
        door = Door()
        crowd = [f"a{number}" for number in range(20)]
        for address in crowd:
            await door.at_once(*[address] * AT_ONCE)
        turned_away = await door.at_once(*crowd * MOST_HELD_OF_ADDRESS)
        assert turned_away.count(False) == MOST_HELD
        for number in range(2 * MOST_ADDRESSES):
            await door.failures.slow(f"b{number}", NotLetIn.TOKEN)
        held = vars(door.failures)
        assert len(held["_left"]) == MOST_ADDRESSES
        assert not held["_held"]

    asyncio.run(try_it())
