"""The outbox: what the journal holds as sent is delivered to each peer until its receipts are held, at least once."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator
from contextlib import suppress

import structlog

from detente.line.delivery import Hindrance, Obstacle
from detente.link.backoff import Backoff
from detente.link.carrier import EnvelopeCarrier, OpenCarrier
from detente.link.envelope import Direction
from detente.link.judgement import Judgement
from detente.link.session import Session
from detente.link.transport import Delivery, DeliverySettings, DeliveryState, DeliveryStatus
from detente.node.loop import CommandLoop, NodeStopped
from detente.node.own_history import LoopHistory
from detente.room.channel import Channel, channel_of

log = structlog.get_logger()
_SYSTEM_RANDOM = random.SystemRandom()


STOP_SETTINGS = DeliverySettings(
    connect_timeout_s=2.0, total_timeout_s=5.0, backoff=Backoff(first_s=0.1, longest_s=1.0), next_address_after_s=0.4
)  # fmt: skip
"""A STOP is tried again every second for as long as the peer is away (R9), and goes first where it is alone."""


_HINDRANCES = {
    DeliveryState.IDLE: Hindrance.UNANSWERED,
    DeliveryState.DELIVERING: Hindrance.UNDER_WAY,
    DeliveryState.AWAY: Hindrance.AWAY,
    DeliveryState.REFUSED: Hindrance.REFUSED,
}


_QUIET = frozenset({DeliveryState.IDLE, DeliveryState.DELIVERING})
"""To go from one of these to the other is no news."""
_Way = tuple[Direction, tuple[str, ...]]
"""What a delivery brings, and to which addresses."""


class Outbox:
    """One delivery for each open channel of each peer that has an address.

    `open_carrier` gives the way to the peers, one for STOP and one for the rest, `fraction` randomness in [0, 1).
    A delivery that the system denies something ends them all: whoever calls `run` again begins with deliveries that
    first ask what the peer holds, and go on from there.
    """

    def __init__(
        self,
        loop: CommandLoop,
        longest_wait_s: float,
        step_s: float,
        *,
        open_carrier: OpenCarrier,
        fraction: Callable[[], float] = _SYSTEM_RANDOM.random,
    ) -> None:
        self._loop = loop
        self._open_carrier = open_carrier
        self._fraction = fraction
        self._step_s = step_s
        self._settings = DeliverySettings(backoff=Backoff(first_s=min(0.5, longest_wait_s), longest_s=longest_wait_s))
        self._deliveries: dict[str, Delivery] = {}
        self._states: dict[str, DeliveryState] = {}
        self._tasks: dict[str, tuple[_Way, asyncio.Task[None] | None]] = {}
        self._learnt: set[Direction] = set()
        self._changed = asyncio.Event()

    async def run(self) -> None:
        """Deliver until cancelled; it may be called again after a fault."""
        self._deliveries.clear()
        self._tasks.clear()
        if self.notify not in self._loop.after_turn:
            self._loop.after_turn.append(self.notify)
        async with self._open_carrier() as stop, self._open_carrier() as rest, asyncio.TaskGroup() as tasks:
            while True:
                self._changed.clear()
                wanted = list(self._wanted())
                for name in self._tasks.keys() - {name for name, *_ in wanted}:
                    self._end(name)
                for name, session, addresses, settings in wanted:
                    self._learnt.discard(session.outgoing)
                    known = self._tasks.get(name)
                    way = (session.outgoing, addresses)
                    if known is not None and known[0] == way:
                        continue
                    if known is not None:
                        self._end(name)
                    self._tasks[name] = (way, None)
                    if addresses:
                        carrier = stop if settings is STOP_SETTINGS else rest
                        task = self._deliver(carrier, tasks, name, session, addresses, settings)
                        self._tasks[name] = (way, task)
                    else:
                        log.warning("a peer has no address; its envelopes wait", link=name)
                await self._changed.wait()

    def _end(self, name: str) -> None:
        """Deliver nothing more on a channel that is closed, or to addresses that no longer hold."""
        _, task = self._tasks.pop(name)
        self._deliveries.pop(name, None)
        if task is not None:
            task.cancel()

    def _wanted(self) -> Iterator[tuple[str, Session, tuple[str, ...], DeliverySettings]]:
        """Every open channel that envelopes may wait on: its name, session, addresses and settings."""
        for peer in self._loop.peers:
            for channel, session in peer.sessions.items():
                is_stop = channel is Channel.STOP
                addresses = (*peer.card.stop_addresses, *peer.addresses) if is_stop else peer.addresses
                yield _name(peer.name, channel), session, addresses, STOP_SETTINGS if is_stop else self._settings

    def _deliver(
        self,
        carrier: EnvelopeCarrier,
        tasks: asyncio.TaskGroup,
        name: str,
        session: Session,
        addresses: tuple[str, ...],
        settings: DeliverySettings,
    ) -> asyncio.Task[None]:
        # Only planning's link is ever replaced by another; what was said on one before is asked for once.
        closed = (
            self._loop.links.closed_with(session.outgoing.recipient)
            if channel_of(session.outgoing.accord) is Channel.PLANNING
            else []
        )
        delivery = Delivery(
            session,
            addresses,
            carrier,
            self._loop.journal.read,
            self._loop.record,
            clock=self._loop.clock,
            fraction=self._fraction,
            settings=settings,
            history=LoopHistory(self._loop),
            peer_keys=self._loop.links.keys(session.outgoing.recipient),
            closed=[one for one in closed if one.outgoing not in self._learnt],
            learnt=lambda one: self._learnt.add(one.outgoing),
        )
        self._deliveries[name] = delivery
        return tasks.create_task(_until_stopped(delivery), name=f"delivery to {name}")

    def step(self, step_s: float) -> None:
        """Let planning leave at another pace, where anything is held back from a peer (0: at once)."""
        self._step_s = step_s

    def notify(self) -> None:
        """Say that something new may wait, and tell the log when a delivery changes its state."""
        ways = {name: (session.outgoing, addresses) for name, session, addresses, _ in self._wanted()}
        known = self._tasks
        if len(known) != len(ways) or any(name not in known or known[name][0] != way for name, way in ways.items()):
            self._changed.set()
        for name, delivery in self._deliveries.items():
            if wait_s := self._pause_s(name):
                asyncio.get_running_loop().call_later(wait_s, delivery.notify)
            else:
                delivery.notify()
            state, before = delivery.state, self._states.get(name)
            if state is before:
                continue
            self._states[name] = state
            if before not in _QUIET or state not in _QUIET:
                status = delivery.status
                log.info("delivery", peer=name, state=str(state), waiting=status.waiting, detail=status.detail)

    def _pause_s(self, name: str) -> float:
        """How long planning waits for its pace, to a peer from whom anything is held back; see `even_pace`."""
        loop = self._loop
        if not self._step_s or loop.peers.named(name) is None or not loop.disclosure.holds_back(name, loop.clock()):
            return 0.0
        return self._step_s - asyncio.get_running_loop().time() % self._step_s

    def received(self, judgement: Judgement) -> None:
        """Follow what a peer has brought: one that was away is there again, and may hold less than we believe."""
        if judgement.accepted:
            self._heard_from(judgement.accepted[0].direction.sender)
        asked = judgement.asked
        if asked is None:
            return
        self._heard_from(asked.direction.sender)
        session = self._loop.links.find(asked.direction.sender, asked.direction.accord)
        if session is None or asked.sent < session.received_number:
            # First it takes back what it said itself.
            return
        if asked.received < session.receipted_number:
            for name, ((direction, _), _) in self._tasks.items():
                if direction == session.outgoing and name in self._deliveries:
                    self._deliveries[name].ask_again()

    def _heard_from(self, key: bytes) -> None:
        peer = self._loop.peers.with_key(key)
        if peer is None:
            return
        for name in (_name(peer.name, channel) for channel in Channel):
            delivery = self._deliveries.get(name)
            if delivery is not None and (delivery.is_asking or delivery.status.state is DeliveryState.AWAY):
                delivery.retry_now()

    def stop_was_sent(self, peer: str) -> None:
        """A STOP waits for this peer: try at once, whatever failed before."""
        delivery = self._deliveries.get(_name(peer, Channel.STOP))
        if delivery is not None:
            delivery.retry_now()

    def statuses(self) -> dict[str, DeliveryStatus]:
        """Return what each delivery is doing, by peer and channel: "south stop", and planning as "south"."""
        return {name: delivery.status for name, delivery in self._deliveries.items()}

    def status(self, peer: str, channel: Channel) -> DeliveryStatus | None:
        """Return what one delivery is doing, None where there is no address to deliver to."""
        delivery = self._deliveries.get(_name(peer, channel))
        return None if delivery is None else delivery.status

    def has_said_what_it_holds(self, peer: str) -> bool:
        """Whether a peer has said what it holds of what we sent on the line: so far our journal was not set back."""
        deliveries = [self._deliveries.get(_name(peer, channel)) for channel in (Channel.LINE, Channel.STOP)]
        return all(delivery is not None and not delivery.is_asking for delivery in deliveries)

    def obstacle(self, peer: str, channel: Channel) -> Obstacle:
        """Return what hinders a channel of the line, for a message that has no receipt."""
        status = self.status(peer, channel)
        if status is None:
            return Obstacle(Hindrance.NO_ADDRESS)
        return Obstacle(_HINDRANCES[status.state], status.detail)


def _name(peer: str, channel: Channel) -> str:
    """The name of a delivery: planning goes under the peer's own."""
    return peer if channel is Channel.PLANNING else f"{peer} {channel}"


async def _until_stopped(delivery: Delivery) -> None:
    with suppress(NodeStopped):
        await delivery.run()
