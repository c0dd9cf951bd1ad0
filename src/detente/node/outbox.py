"""The outbox: what the journal holds as sent is delivered to each peer until its receipts are held, at least once."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress

import structlog

from detente.link.backoff import Backoff
from detente.link.transport import Delivery, DeliverySettings, DeliveryState, DeliveryStatus, open_client
from detente.node.loop import CommandLoop, NodeStopped

log = structlog.get_logger()


class Outbox:
    """One delivery for each peer that has an address."""

    def __init__(self, loop: CommandLoop, longest_wait_s: float) -> None:
        self._loop = loop
        self._settings = DeliverySettings(backoff=Backoff(first_s=min(0.5, longest_wait_s), longest_s=longest_wait_s))
        self._deliveries: dict[str, Delivery] = {}
        self._states: dict[str, DeliveryState] = {}

    async def run(self) -> None:
        """Deliver until cancelled."""
        jitter = random.SystemRandom()
        async with open_client() as client, asyncio.TaskGroup() as tasks:
            for peer in self._loop.peers:
                if not peer.addresses:
                    log.warning("a peer has no address; its envelopes wait", peer=peer.name)
                    continue
                delivery = Delivery(
                    peer.session,
                    peer.addresses,
                    client,
                    self._loop.journal.read,
                    self._loop.record,
                    clock=self._loop.clock,
                    fraction=jitter.random,
                    settings=self._settings,
                )
                self._deliveries[peer.name] = delivery
                tasks.create_task(_until_stopped(delivery), name=f"delivery to {peer.name}")
            self._loop.after_turn.append(self.notify)

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
        delivery = self._deliveries.get(peer)
        if delivery is not None and delivery.status.state is DeliveryState.AWAY:
            delivery.retry_now()

    def statuses(self) -> dict[str, DeliveryStatus]:
        """Return what each delivery is doing, by peer."""
        return {name: delivery.status for name, delivery in self._deliveries.items()}


async def _until_stopped(delivery: Delivery) -> None:
    with suppress(NodeStopped):
        await delivery.run()
