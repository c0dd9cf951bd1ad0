"""What keeps conflicts by horizon up to date as time passes (R26)."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import datetime

from detente.node.loop import CommandLoop, NodeStopped
from detente.picture.commands import RejudgeConflicts
from detente.picture.picture import Picture

STEP_S = 1.0


async def keep_horizons(loop: CommandLoop) -> None:
    """Judge each pair of plans again within about a second of its next horizon, until the node stops."""
    with contextlib.suppress(NodeStopped):
        while True:
            if _is_due(loop.picture, loop.clock()):
                await loop.decide(RejudgeConflicts(loop.clock()))
            await asyncio.sleep(STEP_S)


def _is_due(picture: Picture, at: datetime) -> bool:
    return next(iter(picture.watched.due(at)), None) is not None
