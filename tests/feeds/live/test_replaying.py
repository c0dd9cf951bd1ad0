"""A recorded day replayed: every report with a position, in order, at the times asked for."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from heard import Ear, settings

from detente.feeds.live.health import FeedState
from detente.feeds.live.settings import FeedKind

ROWS = """timestamp,icao24,latitude,longitude,altitude,callsign,onground,track
2025-06-01T14:00:10Z,a1b2c3,36.1,-121.0,2000,N1,false,90
2025-06-01T14:00:00Z,a1b2c3,36.0,-121.0,1000,N1,false,360
2025-06-01T14:00:05Z,a1b2c4,,,1000,,false,
2025-06-01T14:00:30Z,a1b2c4,37.0,-121.0,,,true,
"""


def test_reports_come_by_their_times_and_without_those_that_have_no_position(tmp_path: Path) -> None:
    (tmp_path / "day.csv").write_text(ROWS)

    async def story() -> None:
        async with Ear(settings(FeedKind.REPLAY, str(tmp_path / "day.csv"), speed=100.0, times="kept")) as ear:
            await ear.ended()
            assert ear.health().state is FeedState.ENDED
            first_s = 1_748_786_400.0
            assert [one.at_s - first_s for one in ear.sightings] == [0.0, 10.0, 30.0]
            first, second, third = ear.sightings
            assert (first.callsign, first.track_deg, first.pressure_altitude_m) == ("N1", 0.0, pytest.approx(304.8))
            assert (third.pressure_altitude_m, third.track_deg, third.on_ground) == (None, None, True)
            assert second.received_s - first.received_s >= 0.08
            assert third.received_s - second.received_s >= 0.18

    asyncio.run(story())


def test_a_replay_can_say_when_it_is_replayed(tmp_path: Path) -> None:
    (tmp_path / "day.csv").write_text(ROWS)

    async def story() -> None:
        async with Ear(settings(FeedKind.REPLAY, str(tmp_path / "day.csv"), speed=10_000.0)) as ear:
            await ear.ended()
            assert all(one.at_s == one.received_s for one in ear.sightings)

    asyncio.run(story())


def test_a_file_without_reports_is_a_feed_that_waits(tmp_path: Path) -> None:
    (tmp_path / "day.csv").write_text("\n".join(ROWS.splitlines()[:1] + ROWS.splitlines()[3:4]))

    async def story() -> None:
        async with Ear(settings(FeedKind.REPLAY, str(tmp_path / "day.csv"))) as ear:
            await ear.until(lambda: ear.health().state is FeedState.WAITING)
            error = ear.health().last_error
            assert error is not None
            assert error.code == "feeds_live.reports_with_position"

    asyncio.run(story())
