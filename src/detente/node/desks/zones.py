"""Zones at work in the command loop, and their clock.

Our own people say nothing of zones while the accord is suspended: what was agreed holds until it expires. What a peer
said before it heard of a suspension counts, so that both sides hold the same.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from datetime import datetime

import msgspec

from detente.airspace.plan import Plan, Volume4D
from detente.airspace.search import PlanIndex
from detente.node.desks.desk import Desk, Need, Saying
from detente.node.lanes import Lane
from detente.node.loop import CommandLoop, NodeStopped
from detente.picture.commands import KeepZone
from detente.picture.entering import NO_MINIMA
from detente.picture.picture import Picture
from detente.zones.facts import KINDS, ZoneProposed, read_fact, write_fact
from detente.zones.talks import (
    HearZone,
    Ladder,
    SayZone,
    ZoneCommand,
    ZoneEvent,
    Zones,
    ZoneSaid,
    ZoneTick,
    decide,
    evolve,
)
from detente.zones.terms import notices_of

TICK_S = 1.0

_DECODER: msgspec.json.Decoder[ZoneEvent] = msgspec.json.Decoder(ZoneEvent)


class ZonesDesk(Desk):
    """Keeps zones; an agreed one counts as notices in the picture."""

    entry_kind = "zone"
    kinds = KINDS

    def __init__(self, zones: Zones, picture: Picture) -> None:
        self.zones = zones
        self._picture = picture

    def decide(self, command: ZoneCommand) -> list[ZoneEvent]:
        """See `Desk.decide`."""
        if isinstance(command, SayZone | HearZone) and isinstance(command.fact, ZoneProposed):
            terms = command.fact.terms
            # An index compiles the area, which refuses a ring that crosses itself.
            PlanIndex().encounters(Plan("zone", (Volume4D(terms.area, terms.altitude, terms.time),)), NO_MINIMA)
        return decide(self.zones, command)

    def evolve(self, event: ZoneEvent) -> None:
        """See `Desk.evolve`."""
        evolve(self.zones, event)

    def encode(self, event: ZoneEvent) -> bytes:
        """See `Desk.encode`."""
        return msgspec.json.encode(event)

    def fold(self, body: bytes) -> None:
        """See `Desk.fold`."""
        evolve(self.zones, _DECODER.decode(body))

    def sayings(self, event: ZoneEvent) -> Iterator[Saying]:
        """See `Desk.sayings`: what our own people said, to the peer it was said to and to nobody else (R49)."""
        if isinstance(event, ZoneSaid) and event.fact.party == self._picture.party:
            yield Saying(event.peer, Lane.DESKS, *write_fact(event.fact))

    def command_of(self, peer: str, kind: str, body: bytes, at: datetime) -> ZoneCommand:
        """See `Desk.command_of`."""
        return HearZone(at, self._picture.party, peer, read_fact(kind, body, peer))

    def picture_commands(self, event: ZoneEvent, at: datetime) -> Iterator[KeepZone]:
        """See `Desk.picture_commands`."""
        if not isinstance(event, ZoneSaid):
            return
        zone_id, agreed = event.fact.zone_id, self.zones.records[(event.peer, event.fact.zone_id)].agreed
        parties = (self._picture.party, event.peer)
        notices = () if agreed is None else tuple(notices_of(zone_id, agreed.terms, parties))
        yield KeepZone(at, f"{zone_id}:", event.peer, notices)

    def needs(self, command: ZoneCommand) -> Need | None:
        """See `Desk.needs`."""
        return Need(command.peer, None) if isinstance(command, SayZone) else None


def ladders(loop: CommandLoop) -> dict[str, Ladder]:
    """Return the escalation ladder of the accord with each peer."""
    if loop.keeping is None:
        return {}
    return {name: terms.provisions.escalation for name, terms in loop.keeping.terms_by_peer().items()}


async def keep_zones(loop: CommandLoop) -> None:
    """Call the posts that owe an answer when their time comes, until the node stops."""
    desk = loop.desks.of_type(ZonesDesk)
    with contextlib.suppress(NodeStopped):
        while True:
            if any(record.pending for record in desk.zones.records.values()):
                tick = ZoneTick(loop.clock(), ladders(loop))
                if decide(desk.zones, tick):
                    await loop.decide_at(desk, tick)
            await asyncio.sleep(TICK_S)
