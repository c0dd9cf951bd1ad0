"""What lets a node run for years: what is over leaves its state, and its journal is cut into closed segments."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import msgspec
import structlog

from detente.airspace.refusal import Refusal
from detente.node.cutting import Prepared
from detente.node.loop import Beside, CommandLoop, NodeStopped
from detente.node.snapshots import CUT, remove_older
from detente.record.entry import from_microseconds
from detente.room.past import LeavePast, PastRoom
from detente.settings.configuration import JournalSettings

LOOK_S = 5.0
TRY_AGAIN_S = 3_600.0
LEFT_EVERY = timedelta(days=1)
BETWEEN_REMOVALS_S = 0.05
"""While closed entries are removed from the journal in use, batches are written in these pauses."""

Prepare = Callable[[int], Awaitable[Prepared]]
"""Prepares a cut up to an entry of the journal: see `cutting`."""
log = structlog.get_logger()


async def keep_past(
    loop: CommandLoop, settings: JournalSettings, prepare: Prepare, beside: Beside = asyncio.to_thread
) -> None:
    """Until the node stops: let it forget what is over, once a day, and cut its journal when it has grown."""
    journal = loop.journal
    with contextlib.suppress(NodeStopped):
        while True:
            wait_s = LOOK_S
            await leave_past(loop, settings)
            try:
                if journal.may_hold_closed and await beside(journal.remove_closed):
                    wait_s = BETWEEN_REMOVALS_S
                elif _is_grown(loop, settings):
                    await cut(loop, prepare, beside)
                    wait_s = BETWEEN_REMOVALS_S
            except Refusal as refusal:
                log.warning("the journal was not cut", why=str(refusal)[:500])
                wait_s = TRY_AGAIN_S
            await asyncio.sleep(wait_s)


def _is_grown(loop: CommandLoop, settings: JournalSettings) -> bool:
    grown = loop.journal.head.number - loop.journal.base.number
    return bool(settings.segment_entries) and grown >= settings.segment_entries and loop.may_plan()


async def leave_past(loop: CommandLoop, settings: JournalSettings) -> None:
    """Leave the past out of the state, when there is a day more of it than the last time."""
    at = loop.clock()
    before = at - timedelta(days=settings.horizon_days)
    left = loop.rooms.of_type(PastRoom).state.before
    since: datetime = left or from_microseconds(loop.journal.genesis.created_at_us)
    if before - since >= LEFT_EVERY and loop.may_plan():
        await loop.decide(LeavePast(at, before))


async def cut(loop: CommandLoop, prepare: Prepare, beside: Beside) -> None:
    """Cut the journal: prepare, write down what was prepared, and only then close the segments. Raises Refusal."""
    number = loop.journal.head.number
    prepared = await prepare(number)
    await loop.record([(CUT, msgspec.json.encode(prepared.record))], loop.clock())
    await beside(lambda: loop.journal.close_segments(prepared.segments))
    remove_older(loop.journal.path, prepared.record)
    log.info("the journal was cut", up_to=number, segments=len(prepared.segments))
