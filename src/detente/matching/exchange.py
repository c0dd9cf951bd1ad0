"""Run one side over any carrier that delivers whole messages in order, with a limit on every wait."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from detente.matching.driver import Driver
from detente.matching.messages import BreachError, ProtocolFault

Send = Callable[[bytes], Awaitable[None]]
Receive = Callable[[], Awaitable[bytes]]


class Party(Protocol):
    """One party's side of a run: a `Side`, or a `Driver`, which keeps what it does."""

    @property
    def complete(self) -> bool:
        """Whether the run is complete."""

    def next_message(self) -> bytes | None:
        """The next message to send; None while there is none."""

    def receive(self, raw: bytes, /) -> object:
        """Take the peer's next message."""


async def drive(
    driver: Driver, send: Send, receive: Receive, timeout_s: float, done: Callable[[], bool] | None = None
) -> None:
    """As `exchange_messages`, and writes into the ledger that the peer is silent when it is."""
    try:
        await exchange_messages(driver, send, receive, timeout_s, done)
    except BreachError as breach:
        if breach.fault is ProtocolFault.STALLED:
            await asyncio.to_thread(driver.stalled, breach.seen)
        raise


async def exchange_messages(
    side: Party, send: Send, receive: Receive, timeout_s: float, done: Callable[[], bool] | None = None
) -> None:
    """Exchange messages until the run is complete, or `done`; an empty message means that the peer is gone.

    Raises BreachError when the peer breaks the protocol, is gone, or takes longer than `timeout_s` over one message.
    The work is done in a thread, so that it does not block other tasks of the loop.
    """
    while not (side.complete if done is None else done()):
        raw = await asyncio.to_thread(side.next_message)
        try:
            async with asyncio.timeout(timeout_s):
                if raw is not None:
                    await send(raw)
                    continue
                answer = await receive()
        except TimeoutError:
            raise BreachError(ProtocolFault.STALLED, f"no message for {timeout_s:g} s") from None
        except OSError as error:
            raise BreachError(ProtocolFault.STALLED, f"the connection broke: {error}") from None
        if not answer:
            raise BreachError(ProtocolFault.STALLED, "the peer left before the run was complete")
        await asyncio.to_thread(side.receive, answer)
