"""The outbox: what the journal holds as sent is delivered to each peer until its receipts are held, at least once."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator
from contextlib import suppress

import structlog

from detente.link.backoff import Backoff
from detente.link.carrier import Carrier, OpenCarrier, open_http_carrier
from detente.link.envelope import Direction
from detente.link.session import Session
from detente.link.transport import Delivery, DeliverySettings, DeliveryState, DeliveryStatus
from detente.node.lanes import Lane
from detente.node.loop import CommandLoop, NodeStopped

log = structlog.get_logger()
_SYSTEM_RANDOM = random.SystemRandom()


STOP_SETTINGS = DeliverySettings(
    connect_timeout_s=2.0, total_timeout_s=5.0, backoff=Backoff(first_s=0.1, longest_s=1.0)
)  # fmt: skip
"""A STOP is tried again every second for as long as the peer is away (R9)."""


class Outbox:
    """For each peer that has an address, one delivery for planning and one for each lane.

    `open_carrier` gives the way to the peers, `fraction` randomness in [0, 1).
    """

    def __init__(
        self,
        loop: CommandLoop,
        longest_wait_s: float,
        step_s: float,
        *,
        open_carrier: OpenCarrier = open_http_carrier,
        fraction: Callable[[], float] = _SYSTEM_RANDOM.random,
    ) -> None:
        self._loop = loop
        self._open_carrier = open_carrier
        self._fraction = fraction
        self._step_s = step_s
        self._settings = DeliverySettings(backoff=Backoff(first_s=min(0.5, longest_wait_s), longest_s=longest_wait_s))
        self._deliveries: dict[str, Delivery] = {}
        self._states: dict[str, DeliveryState] = {}
        self._tasks: dict[str, tuple[Direction, asyncio.Task[None] | None]] = {}
        self._changed = asyncio.Event()

    async def run(self) -> None:
        """Deliver until cancelled."""
        async with self._open_carrier() as carrier, asyncio.TaskGroup() as tasks:
            self._loop.after_turn.append(self.notify)
            while True:
                self._changed.clear()
                for name, session, addresses, settings in self._wanted():
                    known = self._tasks.get(name)
                    if known is not None and known[0] == session.outgoing:
                        continue
                    if known is not None and known[1] is not None:
                        known[1].cancel()
                    self._tasks[name] = (session.outgoing, None)
                    if addresses:
                        task = self._deliver(carrier, tasks, name, session, addresses, settings)
                        self._tasks[name] = (session.outgoing, task)
                    else:
                        log.warning("a peer has no address; its envelopes wait", link=name)
                await self._changed.wait()

    def _wanted(self) -> Iterator[tuple[str, Session, tuple[str, ...], DeliverySettings]]:
        """Every open link that envelopes may wait on: its name, session, addresses and settings."""
        for peer in self._loop.peers:
            yield peer.name, peer.session, peer.addresses, self._settings
        for lanes in self._loop.lanes:
            for lane, session in lanes.sessions.items():
                settings = STOP_SETTINGS if lane is Lane.STOP else self._settings
                yield _on_lane(lanes.name, lane), session, lanes.addresses, settings
        if self._loop.keeping is not None:
            for talker in self._loop.keeping.talkers.values():
                yield _talks(talker.name), talker.session, talker.addresses, self._settings

    def _deliver(
        self,
        carrier: Carrier,
        tasks: asyncio.TaskGroup,
        name: str,
        session: Session,
        addresses: tuple[str, ...],
        settings: DeliverySettings,
    ) -> asyncio.Task[None]:
        delivery = Delivery(
            session,
            addresses,
            carrier,
            self._loop.journal.read,
            self._loop.record,
            clock=self._loop.clock,
            fraction=self._fraction,
            settings=settings,
        )
        self._deliveries[name] = delivery
        return tasks.create_task(_until_stopped(delivery), name=f"delivery to {name}")

    def notify(self) -> None:
        """Say that something new may wait, and tell the log when a delivery changes its state."""
        known = {name: direction for name, (direction, _) in self._tasks.items()}
        if any(known.get(name) != session.outgoing for name, session, _, _ in self._wanted()):
            self._changed.set()
        for name, delivery in self._deliveries.items():
            if wait_s := self._pause_s(name):
                asyncio.get_running_loop().call_later(wait_s, delivery.notify)
            else:
                delivery.notify()
            status = delivery.status
            before = self._states.get(name)
            quiet = {DeliveryState.IDLE, DeliveryState.DELIVERING}
            if before != status.state and not (before in quiet and status.state in quiet):
                log.info("delivery", peer=name, state=str(status.state), waiting=status.waiting, detail=status.detail)
            self._states[name] = status.state

    def _pause_s(self, name: str) -> float:
        """How long planning waits for its pace, to a peer from whom anything is held back; see `even_pace`."""
        keeping = self._loop.keeping
        if not self._step_s or keeping is None or self._loop.peers.named(name) is None or not keeping.holds_back(name):
            return 0.0
        return self._step_s - asyncio.get_running_loop().time() % self._step_s

    def heard_from(self, peer: str) -> None:
        """A peer that was away is there again: do not wait out the pause."""
        for name in (peer, *(_on_lane(peer, lane) for lane in Lane), _talks(peer)):
            delivery = self._deliveries.get(name)
            if delivery is not None and delivery.status.state is DeliveryState.AWAY:
                delivery.retry_now()

    def stop_was_sent(self, peer: str) -> None:
        """A STOP waits for this peer: try at once, whatever failed before."""
        delivery = self._deliveries.get(_on_lane(peer, Lane.STOP))
        if delivery is not None:
            delivery.retry_now()

    def statuses(self) -> dict[str, DeliveryStatus]:
        """Return what each delivery is doing, by peer."""
        return {name: delivery.status for name, delivery in self._deliveries.items()}


def _on_lane(peer: str, lane: Lane) -> str:
    return f"{peer} {lane}"


def _talks(peer: str) -> str:
    return f"{peer} accords"


async def _until_stopped(delivery: Delivery) -> None:
    with suppress(NodeStopped):
        await delivery.run()
