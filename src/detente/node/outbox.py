"""The outbox: what the journal holds as sent is delivered to each peer until its receipts are held, at least once."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress

import aiohttp
import structlog

from detente.link.backoff import Backoff
from detente.link.session import Session
from detente.link.transport import Delivery, DeliverySettings, DeliveryState, DeliveryStatus, open_client
from detente.node.loop import CommandLoop, NodeStopped

log = structlog.get_logger()


STOP_SETTINGS = DeliverySettings(
    connect_timeout_s=2.0, total_timeout_s=5.0, backoff=Backoff(first_s=0.1, longest_s=1.0)
)  # fmt: skip
"""A STOP is tried again every second for as long as the peer is away (R9)."""


class Outbox:
    """For each peer that has an address, one delivery for planning and one for each lane of the line."""

    def __init__(self, loop: CommandLoop, longest_wait_s: float) -> None:
        self._loop = loop
        self._settings = DeliverySettings(backoff=Backoff(first_s=min(0.5, longest_wait_s), longest_s=longest_wait_s))
        self._deliveries: dict[str, Delivery] = {}
        self._states: dict[str, DeliveryState] = {}

    async def run(self) -> None:
        """Deliver until cancelled."""
        async with open_client() as client, asyncio.TaskGroup() as tasks:
            for peer in self._loop.peers:
                if not peer.addresses:
                    log.warning("a peer has no address; its envelopes wait", peer=peer.name)
                    continue
                self._deliver(client, tasks, peer.name, peer.session, peer.addresses, self._settings)
            for lanes in self._loop.lanes:
                if lanes.addresses:
                    self._deliver(client, tasks, _line(lanes.name), lanes.line, lanes.addresses, self._settings)
                    self._deliver(client, tasks, _stop(lanes.name), lanes.stop, lanes.addresses, STOP_SETTINGS)
            self._loop.after_turn.append(self.notify)

    def _deliver(
        self,
        client: aiohttp.ClientSession,
        tasks: asyncio.TaskGroup,
        name: str,
        session: Session,
        addresses: tuple[str, ...],
        settings: DeliverySettings,
    ) -> None:
        delivery = Delivery(
            session,
            addresses,
            client,
            self._loop.journal.read,
            self._loop.record,
            clock=self._loop.clock,
            fraction=random.SystemRandom().random,
            settings=settings,
        )
        self._deliveries[name] = delivery
        tasks.create_task(_until_stopped(delivery), name=f"delivery to {name}")

    def notify(self) -> None:
        """Say that something new may wait, and tell the log when a delivery changes its state."""
        for name, delivery in self._deliveries.items():
            delivery.notify()
            status = delivery.status
            before = self._states.get(name)
            quiet = {DeliveryState.IDLE, DeliveryState.DELIVERING}
            if before != status.state and not (before in quiet and status.state in quiet):
                log.info("delivery", peer=name, state=str(status.state), waiting=status.waiting, detail=status.detail)
            self._states[name] = status.state

    def heard_from(self, peer: str) -> None:
        """A peer that was away is there again: do not wait out the pause."""
        for name in (peer, _line(peer), _stop(peer)):
            delivery = self._deliveries.get(name)
            if delivery is not None and delivery.status.state is DeliveryState.AWAY:
                delivery.retry_now()

    def stop_was_sent(self, peer: str) -> None:
        """A STOP waits for this peer: try at once, whatever failed before."""
        delivery = self._deliveries.get(_stop(peer))
        if delivery is not None:
            delivery.retry_now()

    def statuses(self) -> dict[str, DeliveryStatus]:
        """Return what each delivery is doing, by peer."""
        return {name: delivery.status for name, delivery in self._deliveries.items()}


def _line(peer: str) -> str:
    return f"{peer} line"


def _stop(peer: str) -> str:
    return f"{peer} stop"


async def _until_stopped(delivery: Delivery) -> None:
    with suppress(NodeStopped):
        await delivery.run()
