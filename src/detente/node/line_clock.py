"""The clock of the line: time passes for it until the node stops."""

from __future__ import annotations

import asyncio
import contextlib

from detente.line.commands import LineTick
from detente.line.room import LineRoom
from detente.node.loop import CommandLoop, NodeStopped

TICK_S = 0.5
"""Between two looks at what is due: far below the shortest deadline of a ladder."""


async def keep_line(loop: CommandLoop) -> None:
    """Let time pass for the line until the node stops: posts are called, checks asked, silence is seen."""
    room = loop.rooms.of_type(LineRoom)
    with contextlib.suppress(NodeStopped):
        while True:
            tick = LineTick(loop.clock(), room.state.party)
            if tick.party and room.decide(tick):
                await loop.decide(tick, urgent=True)
            await asyncio.sleep(TICK_S)
