"""The clock of zones: the posts that owe an answer are called when their time comes."""

from __future__ import annotations

import asyncio
import contextlib

from detente.node.loop import CommandLoop, NodeStopped
from detente.zones.room import ZonesRoom
from detente.zones.talks import ZoneTick

TICK_S = 1.0


async def keep_zones(loop: CommandLoop) -> None:
    """Call the posts that are due, until the node stops."""
    room = loop.rooms.of_type(ZonesRoom)
    with contextlib.suppress(NodeStopped):
        while True:
            if room.decide(tick := ZoneTick(loop.clock())):
                await loop.decide(tick)
            await asyncio.sleep(TICK_S)
