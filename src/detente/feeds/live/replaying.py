"""Recorded reports replayed: a file of flown tracks in any format that is read, as sightings at their times.

A report is given when its time has come, as many times faster as the settings say. It says the time of its
recording (`kept`), or that at which it is replayed (`now`).
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from detente.airspace.altitude import FOOT_M
from detente.airspace.arrays import Floats
from detente.airspace.refusal import Refusal
from detente.feeds.live.decoding import check_sighting, plain_name
from detente.feeds.live.health import Clock
from detente.feeds.live.json_lines import report_line
from detente.feeds.live.settings import FeedSettings, ReplayTimes
from detente.feeds.live.where import Carriage, where_of
from detente.feeds.source import printable_line
from detente.feeds.track_columns import TrackColumns
from detente.watch.sighting import Sighting, SightingSource

STEP_S = 0.01
"""Reports of so short a time are given together."""


class Replay(NamedTuple):
    """What is replayed: reports that have a position, by time, and how fast."""

    columns: TrackColumns
    order: np.ndarray[tuple[int], np.dtype[np.intp]]
    speed: float
    times: ReplayTimes

    @property
    def times_s(self) -> Floats:
        """When each report was recorded, in order."""
        return self.columns.time_s[self.order]


def read_replay(path: Path, speed: float, times: ReplayTimes) -> Replay:
    """Return a file's reports in the order of their times; raises Refusal for a file that has none."""
    from detente.feeds.load import load_reports  # noqa: PLC0415 - it brings all formats with it

    columns = load_reports(path)
    placed = np.flatnonzero(np.isfinite(columns.latitude_deg) & np.isfinite(columns.longitude_deg))
    if not placed.size:
        raise Refusal("feeds_live.reports_with_position", "where", str(path))
    order = placed[np.argsort(columns.time_s[placed], kind="stable")]
    return Replay(columns, order, speed, times)


async def replayed(replay: Replay, feed: str, clock: Clock) -> AsyncGenerator[list[Sighting], None]:
    """Yield sightings when their time has come; what no aircraft can have is left out.

    Args:
        replay: what is replayed.
        feed: the feed's name.
        clock: seconds since 1970-01-01 UTC, now.
    """
    times_s = replay.times_s
    began_s, first_s = clock(), float(times_s[0])
    given = 0
    while given < times_s.size:
        due_s = began_s + (float(times_s[given]) - first_s) / replay.speed
        wait_s = due_s - clock()
        if wait_s > 0.0:
            await asyncio.sleep(wait_s)
        reached_s = first_s + (max(clock(), due_s) - began_s + STEP_S) * replay.speed
        until = max(int(np.searchsorted(times_s, reached_s, side="right")), given + 1)
        now_s = clock()
        found = (_sighting(replay, int(row), feed, now_s) for row in replay.order[given:until])
        yield [one for one in found if one is not None]
        given = until


async def send_replay(settings: FeedSettings, to: str) -> int:
    """Send a replay as lines of JSON over TCP to `host:port`; return how many. Raises Refusal where nobody listens."""
    where = where_of(to, Carriage.TCP)
    if where.carriage is not Carriage.TCP:
        raise Refusal("feeds_live.where", "to", to)
    options, path = settings.options, Path(settings.place().path)
    replay = await asyncio.to_thread(read_replay, path, options.speed, options.times)
    sent = 0
    try:
        _, writer = await asyncio.open_connection(where.host, where.port)
        try:
            async with contextlib.aclosing(replayed(replay, settings.name, time.time)) as batches:
                async for batch in batches:
                    writer.write(b"".join(map(report_line, batch)))
                    await writer.drain()
                    sent += len(batch)
        finally:
            writer.close()
        await writer.wait_closed()
    except OSError as error:
        raise Refusal("feeds_live.reached", "to", to, reason=printable_line(error.strerror or str(error))) from None
    return sent


def _sighting(replay: Replay, row: int, feed: str, now_s: float) -> Sighting | None:
    columns = replay.columns
    icao24 = str(columns.icao24[row])
    try:
        return check_sighting(
            Sighting(
                feed=feed,
                source=SightingSource.OTHER,
                at_s=now_s if replay.times is ReplayTimes.NOW else float(columns.time_s[row]),
                received_s=now_s,
                latitude_deg=float(columns.latitude_deg[row]),
                longitude_deg=float(columns.longitude_deg[row]),
                address=icao24,
                identity="" if icao24 else plain_name(str(columns.flight_id[row])),
                callsign=plain_name(str(columns.callsign[row])),
                pressure_altitude_m=_known(float(columns.altitude_ft[row]) * FOOT_M),
                track_deg=_known(float(columns.track_deg[row]) % 360.0),
                on_ground=bool(columns.on_ground[row]),
            )
        )
    except Refusal:
        return None


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
