"""What keeps the line of a running node: opened with the accord, and its clock."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping

from detente.accord.terms import Accord
from detente.line.commands import LineTick, OpenLine
from detente.line.terms import terms_of
from detente.node.desks.line import LineDesk
from detente.node.loop import CommandLoop, NodeStopped

TICK_S = 0.5
"""Between two looks at what is due: far below the shortest deadline of a ladder."""


async def open_line(loop: CommandLoop, desk: LineDesk, party: str, lines: Mapping[str, Accord]) -> None:
    """Keep the line of `party` with each of these peers under its accord, and with nobody else.

    To be called whenever accords change: with whom one is suspended, the line goes on.
    """
    peers = {peer.name: peer for peer in loop.peers if peer.name in lines}
    loop.lanes.open(loop.links, [(peer.name, peer.key, peer.addresses) for peer in peers.values()])
    terms = {name: terms_of(lines[name]) for name in sorted(peers)}
    await loop.decide_at(desk, OpenLine(loop.clock(), party, terms))


async def follow_lines(loop: CommandLoop) -> None:
    """Keep the line under the accords that stand by now."""
    if loop.keeping is not None and (lines := loop.keeping.terms_by_peer()):
        await open_line(loop, loop.desks.of_type(LineDesk), loop.keeping.accords.own.name, lines)


async def keep_line(loop: CommandLoop, desk: LineDesk) -> None:
    """Let the line's time pass until the node stops: posts are called, checks asked, silence seen."""
    with contextlib.suppress(NodeStopped):
        while True:
            if desk.line.party:
                await loop.decide_at(desk, LineTick(loop.clock(), desk.line.party), urgent=True)
            await asyncio.sleep(TICK_S)
