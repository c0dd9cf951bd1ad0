"""Lines of the Open Glider Network, who is asked for what, and who asks not to be tracked."""

from __future__ import annotations

import asyncio

import pytest
from heard import Ear, Server, settings
from hypothesis import given
from hypothesis import strategies as st

from detente.airspace.geoid import geoid_height_m
from detente.feeds.live.aprs_lines import AprsLines
from detente.feeds.live.decoding import check_sighting
from detente.feeds.live.settings import FeedKind
from detente.watch.sighting import SightingSource

LINE = (
    b"FLRDDA5BA>OGFLR,qAS,LFMX:/140000h4415.41N/00600.03W'342/049/A=005524 !W66! id06DDA5BA -454fpm -1.1rot 8.8dB 0e "
    b"+51.2kHz gps4x5 FL053.12\r\n"
)
NOW_S = 1_748_786_402.0


def test_a_position_says_all_that_it_has() -> None:
    (one,) = AprsLines("ogn").take(LINE, NOW_S)
    assert (one.source, one.address, one.identity, one.category) == (SightingSource.FLARM, "~dda5ba", "FLRDDA5BA", "B1")
    assert one.latitude_deg == pytest.approx(44.0 + 15.416 / 60)
    assert one.longitude_deg == pytest.approx(-6.0 - 0.036 / 60)
    assert one.at_s == NOW_S - 2.0
    assert one.geometric_altitude_m == pytest.approx(
        5_524 * 0.3048 + float(geoid_height_m(one.latitude_deg, one.longitude_deg))
    )
    assert one.pressure_altitude_m == pytest.approx(5_312 * 0.3048)
    assert (one.track_deg, one.ground_speed_mps) == (342.0, pytest.approx(49 * 1852 / 3600))
    assert one.vertical_speed_mps == pytest.approx(-454 * 0.3048 / 60)
    assert (one.horizontal_error_m, one.vertical_error_m) == pytest.approx((9.792, 9.8))


def test_an_address_of_icao_and_a_relayed_transponder_are_told_apart() -> None:
    (one,) = AprsLines("ogn").take(LINE.replace(b"id06", b"id25").replace(b"OGFLR", b"OGADSB"), NOW_S)
    assert (one.address, one.source, one.category) == ("dda5ba", SightingSource.ADSB, "A3")


@pytest.mark.parametrize(
    "line",
    [LINE.replace(b"id06", b"id46"), b"# aprsc 2.1.15 1 Jun 2025 14:00:00 GMT GLIDERN1\r\n",
     b"LFMX>OGNSDR,TCPIP*,qAC,GLIDERN1:/140000h4415.41NI00600.03E&/A=001234\r\n",
     b"LFMX>OGNSDR,TCPIP*,qAC,GLIDERN1:>140000h v0.2.8 CPU:0.3\r\n"],
)  # fmt: skip
def test_receivers_servers_and_who_asks_not_to_be_tracked_are_counted(line: bytes) -> None:
    decoder = AprsLines("ogn")
    assert decoder.take(line, NOW_S) == []
    assert (decoder.tally.messages, decoder.tally.unused, decoder.tally.errors) == (1, 1, 0)


def test_a_time_just_before_midnight_is_of_the_day_before() -> None:
    midnight_s = 1_748_736_000.0
    (one,) = AprsLines("ogn").take(LINE.replace(b"/140000h", b"/235959h"), midnight_s + 1.0)
    assert one.at_s == midnight_s - 1.0


def test_a_server_is_told_what_is_wanted() -> None:
    async def story() -> None:
        async with (
            Server(LINE, stays=True) as server,
            Ear(settings(FeedKind.OGN, server.where, filter="r/45/6/200")) as ear,
        ):
            await ear.until(lambda: ear.sightings and server.greetings)
            assert server.greetings == [b"user N0CALL pass -1 vers detente 1 filter r/45/6/200\r\n"]

    asyncio.run(story())


TEXT = LINE.decode()
CHANGED = st.tuples(st.integers(0, 150), st.characters(max_codepoint=255)).map(
    lambda drawn: TEXT[: drawn[0]] + drawn[1] + TEXT[drawn[0] + 1 :]
)


@given(st.text(alphabet="FLR>OGN,:/0123456789hNSEW'.!id =A+-fpm", max_size=120) | CHANGED)
def test_any_line_is_a_position_or_an_error(text: str) -> None:
    decoder = AprsLines("ogn")
    for one in [*decoder.take(text.encode("latin-1"), NOW_S), *decoder.finish(NOW_S)]:
        check_sighting(one)
    assert len(decoder.take(LINE, NOW_S)) == 1
