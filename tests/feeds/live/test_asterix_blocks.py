"""ASTERIX: what each category says, a mixed stream that goes on, midnight, and bytes that are none of it.

The blocks are made by the library's own encoder, which knows nothing of how they are read here. The library takes half
a minute and half a gigabyte to compile: so it is imported by tests alone, and never to find out which there are.
"""

from __future__ import annotations

import asyncio
import importlib
import math
import socket
from typing import TYPE_CHECKING

import pytest
from heard import Ear, settings
from hypothesis import given
from hypothesis import strategies as st

from detente.airspace.geodesy import GEOD
from detente.feeds.live.decoding import check_sighting
from detente.feeds.live.settings import FeedKind
from detente.watch.sighting import SightingSource

if TYPE_CHECKING:
    from detente.feeds.live.asterix_blocks import AsterixBlocks

pytestmark = pytest.mark.long

MIDNIGHT_S = 1_699_920_000.0
NOW_S = MIDNIGHT_S + 3_601.0
WHO = (("SAC", 25), ("SIC", 201))


def block(name: str, *records: dict[str, object]) -> bytes:
    edition = getattr(importlib.import_module("asterix.generated"), name)
    made = [edition.cv_record.create(record) for record in records]
    return edition.create(made).unparse().to_bytes()


def blocks_of(feed: str, stands: dict[tuple[int, int], tuple[float, float, float]] | None = None) -> AsterixBlocks:
    return importlib.import_module("detente.feeds.live.asterix_blocks").AsterixBlocks(feed, stands)


ADSB = {
    "010": WHO, "040": (0, 0), "071": (3_600.5, "s"), "080": 0x4CA2B1, "020": 3, "170": "KLM1023",
    "131": (("LAT", (45.1, "°")), ("LON", (-5.2, "°"))), "145": (350.0, "FL"), "140": (35_500.0, "ft"),
    "160": (("RE", 0), ("GS", (0.125, "NM/s")), ("TA", (90.0, "°"))), "155": (("RE", 0), ("BVR", (500.0, "ft/min"))),
    "090": (0b0101000, 0b0111001, 0b0000010, 0b1011000),
}  # fmt: skip
TRACK = {
    "010": WHO, "070": (3_600.5, "s"), "040": 77, "080": (0,), "136": (350.0, "FL"), "220": (-500, "ft/min"),
    "105": (("LAT", (45.1, "°")), ("LON", (-5.2, "°"))), "185": (("VX", (30, "m/s")), ("VY", (-40, "m/s"))),
    "380": {"ADR": 0x4CA2B1, "ID": "KLM1023"}, "500": {"APC": (("X", (20.0, "m")), ("Y", (30.0, "m")))},
}  # fmt: skip
RADAR = {"010": WHO, "000": 1, "120": (("HGT", (500, "m")), ("LAT", (45.0, "°")), ("LON", (5.0, "°")))}
PLOT = {
    "010": WHO, "140": (3_600.5, "s"), "020": (0,), "040": (("RHO", (60.0, "NM")), ("THETA", (45.0, "°"))),
    "090": (("V", 0), ("G", 0), ("FL", (350.0, "FL"))), "220": 0x4CA2B1, "240": "KLM1023", "161": (0, ("TRN", 77)),
}  # fmt: skip
ADSB_BLOCK = bytes.fromhex(
    "15002fcb116329c019c9010007084010091a2bfe26af384ca2b11630517305b005780050080040002cc371c32ce003"
)
TRACK_BLOCK = bytes.fromhex(
    "3e002e9b1d250419c9070840008048d1fff1357a0078ff60c04ca2b12cc371c32ce0004d000578ffb0800028003c"
)
RADAR_BLOCK = bytes.fromhex("220010c11019c90101f4200000038e39")
PLOT_BLOCK = bytes.fromhex("30001cf5d019c9070840003c00200005784ca2b12cc371c32ce0004d")
STATUS_BLOCK = bytes.fromhex("410007c019c901")
UNKNOWN_BLOCK = b"\xf7\x00\x07\x01\x02\x03\x04"


def test_the_blocks_are_what_the_encoder_makes_of_their_records() -> None:
    assert block("Cat_021_2_7", ADSB) == ADSB_BLOCK
    assert block("Cat_062_1_20", TRACK) == TRACK_BLOCK
    assert block("Cat_034_1_29", RADAR) == RADAR_BLOCK
    assert block("Cat_048_1_32", PLOT) == PLOT_BLOCK
    assert block("Cat_065_1_6", {"010": WHO, "000": 1}) == STATUS_BLOCK


def test_a_report_of_category_021_says_all_that_it_has() -> None:
    (one,) = blocks_of("radar").take(ADSB_BLOCK, NOW_S)
    assert (one.source, one.address, one.callsign, one.category) == (SightingSource.ADSB, "4ca2b1", "KLM1023", "A3")
    assert (one.latitude_deg, one.longitude_deg) == pytest.approx((45.1, -5.2), abs=1e-6)
    assert one.at_s == NOW_S - 0.5
    assert one.pressure_altitude_m == pytest.approx(10_668.0)
    assert one.geometric_altitude_m == pytest.approx(10_820.4)
    assert (one.ground_speed_mps, one.track_deg) == pytest.approx((231.5, 90.0))
    assert one.vertical_speed_mps == pytest.approx(2.54)
    assert (one.horizontal_error_m, one.velocity_error_mps, one.integrity_level) == (30.0, 3.0, 3)
    assert (one.vertical_error_m, one.integrity_m) == (45.0, 0.1 * 1852)


@pytest.mark.parametrize(
    ("first", "second", "address"),
    [(0, 0, "4ca2b1"), (0b0110000, 0, "~4ca2b1"), (0, 0b0010000, None), (0, 0b0001000, None)],
)
def test_other_addresses_are_marked_and_what_is_simulated_or_a_test_is_no_sighting(
    first: int, second: int, address: str | None
) -> None:
    decoder = blocks_of("radar")
    found = decoder.take(block("Cat_021_2_7", {**ADSB, "040": (first, second)}), NOW_S)
    assert [one.address for one in found] == ([] if address is None else [address])
    assert (decoder.tally.messages, decoder.tally.unused) == (1, int(address is None))


def test_a_system_track_keeps_its_number_and_says_its_errors() -> None:
    (one,) = blocks_of("tracker").take(TRACK_BLOCK, NOW_S)
    assert (one.source, one.identity, one.address) == (SightingSource.FUSED, "25/201/77", "4ca2b1")
    assert (one.ground_speed_mps, one.track_deg) == pytest.approx((50.0, 143.1301), abs=1e-3)
    assert one.vertical_speed_mps == pytest.approx(-2.54)
    assert one.horizontal_error_m == pytest.approx(2.448 * 30.0)
    assert (one.geometric_altitude_m, one.vertical_error_m, one.integrity_level) == (None, None, None)


@pytest.mark.parametrize("groups", [(0, 0b1000000), (0, 0b0100000), (0, 0, 0, 0b1000000)])
def test_tracks_that_are_simulated_ended_or_extrapolated_are_no_sightings(groups: tuple[int, ...]) -> None:
    assert blocks_of("tracker").take(block("Cat_062_1_20", {**TRACK, "080": groups}), NOW_S) == []


@pytest.mark.parametrize("known", [True, False])
def test_a_plot_is_placed_from_where_its_radar_stands(known: bool) -> None:
    decoder = blocks_of("radar", {(25, 201): (45.0, 5.0, 500.0)} if known else None)
    if not known:
        assert decoder.take(PLOT_BLOCK, NOW_S) == []
        assert decoder.take(RADAR_BLOCK, NOW_S) == []
    (one,) = decoder.take(PLOT_BLOCK, NOW_S)
    bearing, _, distance_m = GEOD.inv(5.0, 45.0, one.longitude_deg, one.latitude_deg)
    assert bearing == pytest.approx(45.0, abs=1e-3)
    assert distance_m == pytest.approx(math.sqrt((60 * 1852) ** 2 - (10_668 - 500) ** 2), rel=2e-3)
    assert (one.source, one.identity, one.address, one.callsign) == (
        SightingSource.RADAR,
        "25/201/77",
        "4ca2b1",
        "KLM1023",
    )
    assert one.horizontal_error_m == pytest.approx(2.448 * distance_m * math.radians(0.08), rel=1e-3)


@pytest.mark.parametrize(
    ("time_of_day_s", "received_s", "at_s"),
    [(86_399.5, MIDNIGHT_S + 1.0, MIDNIGHT_S - 0.5), (0.5, MIDNIGHT_S - 1.0, MIDNIGHT_S + 0.5),
     (43_200.0, MIDNIGHT_S + 43_201.0, MIDNIGHT_S + 43_200.0)],
)  # fmt: skip
def test_a_time_of_day_is_of_the_nearest_day(time_of_day_s: float, received_s: float, at_s: float) -> None:
    (one,) = blocks_of("r").take(block("Cat_062_1_20", {**TRACK, "070": (time_of_day_s, "s")}), received_s)
    assert one.at_s == at_s


def test_a_mixed_stream_goes_on_over_what_nobody_reads_and_over_damage() -> None:
    decoder = blocks_of("radar")
    damaged = ADSB_BLOCK[:3] + b"\xff" * (len(ADSB_BLOCK) - 3)
    stream = STATUS_BLOCK + UNKNOWN_BLOCK + damaged + TRACK_BLOCK + RADAR_BLOCK + PLOT_BLOCK
    found = [one for start in range(0, len(stream), 7) for one in decoder.take(stream[start : start + 7], NOW_S)]
    assert [one.source for one in found] == [SightingSource.FUSED, SightingSource.RADAR]
    assert (decoder.tally.messages, decoder.tally.errors, decoder.tally.unused) == (5, 1, 2)


@given(st.binary(max_size=300) | st.tuples(st.sampled_from([ADSB_BLOCK, TRACK_BLOCK, PLOT_BLOCK, RADAR_BLOCK]),
    st.lists(st.tuples(st.integers(3, 90), st.integers(0, 255)), max_size=6)).map(lambda drawn: bytes(
    dict(drawn[1]).get(place, value) for place, value in enumerate(drawn[0]))))  # fmt: skip
def test_any_bytes_are_blocks_or_errors(data: bytes) -> None:
    decoder = blocks_of("radar")
    for one in [*decoder.take(data, NOW_S), *decoder.finish(NOW_S)]:
        check_sighting(one)
    assert decoder.tally.messages + decoder.tally.errors > 0 or not data
    assert len(decoder.take(TRACK_BLOCK, NOW_S)) == 1


@pytest.mark.parametrize("where", ["udp://127.0.0.1:0", "udp://239.255.77.77:0"])
def test_datagrams_come_to_this_machine_and_to_a_group(where: str) -> None:
    group = where.split("/")[2].split(":", maxsplit=1)[0]

    async def story() -> None:
        options = {"interface": "127.0.0.1"} if group != "127.0.0.1" else {}
        async with Ear(settings(FeedKind.ASTERIX, where, **options)) as ear:
            port = await ear.port()
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
                sender.sendto(TRACK_BLOCK[:20], (group, port))
                sender.sendto(STATUS_BLOCK + TRACK_BLOCK, (group, port))
                await ear.until(lambda: ear.sightings)
                assert (ear.health().messages, ear.health().errors, ear.health().unused) == (2, 1, 1)

    asyncio.run(story())
