"""Mode S over Beast and AVR: positions with all that goes with them, and what is wrong counted and left out."""

from __future__ import annotations

import asyncio
import os
import random
import re
from pathlib import Path

import pytest
from heard import Ear, Server, settings
from hypothesis import given
from hypothesis import strategies as st
from squitters import avr, beast, identification, on_ground, position, squitter, status, velocity, with_checksum

from detente.feeds.live.avr import AvrLines
from detente.feeds.live.beast import BeastFrames
from detente.feeds.live.decoding import check_sighting
from detente.feeds.live.settings import FeedKind
from detente.watch.sighting import Sighting, SightingSource

SHARED = Path(os.environ.get("DETENTE_SHARED", Path(__file__).parents[4] / "shared"))
BEAST = SHARED / "data" / "feed_samples" / "beast_ulss7"
ONE = 0x4CA2B1


def flight(count: int = 3, **how: int) -> list[bytes]:
    return [position(ONE, 52.0, 4.0 + 0.001 * step, step % 2, **how) for step in range(count)]


def heard(messages: list[bytes]) -> list[Sighting]:
    return BeastFrames("roof").take(b"".join(beast(one) for one in messages), 1_000.0)


def test_a_position_comes_with_velocity_callsign_category_and_accuracy() -> None:
    (one,) = heard([identification(ONE, "KLM1023", "A5"), velocity(ONE, 300, -400, -640), status(ONE), *flight()])
    assert (one.feed, one.source, one.address, one.callsign, one.category) == (
        "roof",
        SightingSource.ADSB,
        "4ca2b1",
        "KLM1023",
        "A5",
    )
    assert (one.latitude_deg, one.longitude_deg) == pytest.approx((52.0, 4.002), abs=1e-4)
    assert one.pressure_altitude_m == pytest.approx(9_144.0)
    assert one.geometric_altitude_m == pytest.approx(9_144.0 + 100 * 0.3048)
    assert one.ground_speed_mps == pytest.approx(500 * 1852 / 3600)
    assert one.track_deg == pytest.approx(143.13, abs=0.01)
    assert one.vertical_speed_mps == pytest.approx(-640 * 0.3048 / 60)
    assert (one.horizontal_error_m, one.vertical_error_m, one.velocity_error_mps) == (30.0, 45.0, 3.0)
    assert (one.integrity_m, one.integrity_level) == (185.2, 3)


def test_what_was_never_said_is_not_made_up() -> None:
    (one,) = heard(flight())
    assert (one.callsign, one.category, one.ground_speed_mps, one.track_deg, one.vertical_speed_mps) == (
        "",
        "",
        None,
        None,
        None,
    )
    assert (one.horizontal_error_m, one.velocity_error_mps, one.integrity_level) == (None, None, None)
    assert one.geometric_altitude_m is None


@pytest.mark.parametrize(
    ("capability", "mark", "address", "source"),
    [(0, 0, "4ca2b1", SightingSource.ADSB), (1, 0, "~4ca2b1", SightingSource.ADSB),
     (2, 0, "4ca2b1", SightingSource.TISB),
     (2, 1, "~4ca2b1", SightingSource.TISB), (5, 0, "~4ca2b1", SightingSource.TISB),
     (6, 0, "4ca2b1", SightingSource.ADSR),
     (6, 1, "~4ca2b1", SightingSource.ADSR)],
)  # fmt: skip
def test_rebroadcast_and_radar_traffic_and_other_addresses_are_told_apart(
    capability: int, mark: int, address: str, source: SightingSource
) -> None:
    (one,) = heard(flight(form=18, capability=capability, mark=mark))
    assert (one.address, one.source) == (address, source)


@pytest.mark.parametrize("capability", [3, 4, 7])
def test_formats_without_a_position_of_an_aircraft_are_counted(capability: int) -> None:
    decoder = BeastFrames("roof")
    assert decoder.take(b"".join(beast(one) for one in flight(form=18, capability=capability)), 1_000.0) == []
    assert (decoder.tally.messages, decoder.tally.unused, decoder.tally.errors) == (3, 3, 0)


def test_geometric_heights_stay_geometric() -> None:
    (one,) = heard(flight(code=20))
    assert (one.pressure_altitude_m, one.integrity_m) == (None, 7.5)
    assert one.geometric_altitude_m is not None


def test_on_the_ground_the_message_has_speed_and_track_itself() -> None:
    decoder = BeastFrames("roof", (-33.9, 151.2))
    messages = [on_ground(ONE, -33.95, 151.18, step % 2) for step in range(3)]
    first, second = decoder.take(b"".join(beast(one) for one in messages), 1_000.0)
    assert first.on_ground
    assert first.pressure_altitude_m is None
    assert second.ground_speed_mps == pytest.approx(15.0 * 1852 / 3600, abs=0.3)
    assert second.track_deg == pytest.approx(180.0)


@given(st.sets(st.integers(0, 111), min_size=1, max_size=3))
def test_changed_bits_are_always_found_out(places: set[int]) -> None:
    message = int.from_bytes(position(ONE, 52.0, 4.0, 0), "big")
    changed = message
    for place in places:
        changed ^= 1 << place
    decoder = BeastFrames("roof")
    decoder.take(beast(changed.to_bytes(14, "big")), 1_000.0)
    if (changed >> 107) in {17, 18}:
        assert (decoder.tally.errors, decoder.tally.messages) == (1, 0)
    else:
        assert (decoder.tally.unused, decoder.tally.messages) == (1, 1)


@given(st.integers(0, 2**32 - 1), st.integers(1, 60))
def test_a_stream_is_the_same_however_it_is_cut_and_noise_between_frames_hides_none(seed: int, size: int) -> None:
    chance = random.Random(seed)
    stream = b""
    for one in flight(8):
        stream += beast(one, chance.choice([0, 0x1A1A1A1A1A, chance.getrandbits(48)]))
        if chance.random() < 0.5:
            stream += beast(chance.randbytes(7), chance.getrandbits(48), b"2") + beast(b"\x1a\x1a", 0, b"1")
        if chance.random() < 0.3:
            stream += bytes(value for value in chance.randbytes(5) if value != 0x1A)
    whole, pieces = BeastFrames("roof"), BeastFrames("roof")
    expected = [(one.latitude_deg, one.longitude_deg) for one in whole.take(stream, 1_000.0)]
    found = [one for start in range(0, len(stream), size) for one in pieces.take(stream[start : start + size], 1_000.0)]
    assert [(one.latitude_deg, one.longitude_deg) for one in found] == expected
    assert len(expected) == 6
    assert (whole.tally.messages, whole.tally.unused) == (pieces.tally.messages, pieces.tally.unused)


@given(st.binary(max_size=600) | st.lists(st.sampled_from([b"\x1a", b"1", b"2", b"3", b"4", b"\x8d", b"*", b";", b"\n",
    b"8D", b"\x00" * 7, b"\xff" * 14]), max_size=80).map(b"".join))  # fmt: skip
def test_any_bytes_are_frames_or_errors_and_what_is_kept_stays_small(data: bytes) -> None:
    for decoder in (BeastFrames("roof"), AvrLines("roof")):
        found = [*decoder.take(data, 1_000.0), *decoder.take(data, 1_000.1), *decoder.finish(1_000.2)]
        assert found == []
        assert decoder.tally.messages + decoder.tally.errors > 0 or not data.strip()
    assert len(BeastFrames("roof")._left) < 50


def test_squitters_of_any_content_with_a_right_checksum_give_no_position() -> None:
    chance = random.Random(7)
    decoder, found = BeastFrames("roof"), []
    for step in range(40):
        bodies = [
            bytes([chance.choice([0x8D, 0x90, 0x91, 0x92, 0x95, 0x96])]) + chance.randbytes(10) for _ in range(200)
        ]
        found += decoder.take(b"".join(beast(with_checksum(body)) for body in bodies), 1_000.0 + step)
    assert found == []
    assert decoder.tally.messages + decoder.tally.errors == 8_000


def test_a_content_of_every_type_is_taken() -> None:
    chance = random.Random(9)
    decoder = BeastFrames("roof")
    for code in range(32):
        for _ in range(100):
            content = code << 51 | chance.getrandbits(51)
            for one in decoder.take(beast(squitter(ONE, content)), 1_000.0 + chance.random()):
                check_sighting(one)
    assert decoder.tally.messages + decoder.tally.errors == 3_200


def test_lines_of_avr_say_the_same_with_and_without_a_counter() -> None:
    lines = [avr(one) for one in flight()]
    counted = [b"@0123456789AB" + line[1:] for line in lines]
    signal = [b"<0123456789ABFF" + line[1:] for line in lines]
    for one in (lines, counted, signal):
        decoder = AvrLines("roof")
        (found,) = decoder.take(b"*5D4CA2B1A5B6C7;\r\n" + b"".join(one), 1_000.0)
        assert found.longitude_deg == pytest.approx(4.002, abs=1e-4)
        assert (decoder.tally.messages, decoder.tally.errors, decoder.tally.unused) == (4, 0, 1)


def test_a_counter_says_how_long_before_its_arrival_a_message_was_received() -> None:
    decoder = BeastFrames("roof")
    start = 10**12
    decoder.take(beast(flight()[0], start), 1_000.0)
    found = decoder.take(beast(flight()[1], start + 12_000_000) + beast(flight()[0], start + 15_600_000), 1_001.5)
    assert [one.at_s for one in found] == [pytest.approx(1_001.3)]
    later = decoder.take(beast(flight()[1], 5), 1_002.0)
    assert [one.at_s for one in later] == [1_002.0]
    reckoned = decoder.take(beast(flight()[0], int.from_bytes(b"\xff\x00MLAT", "big")), 1_002.5)
    assert [(one.at_s, one.source) for one in reckoned] == [(1_002.5, SightingSource.MLAT)]


def test_a_receiver_is_heard_over_tcp() -> None:
    stream = b"".join(beast(one) for one in flight(10))

    async def story() -> None:
        async with (
            Server(stream[:33], stream[33:], stays=True) as server,
            Ear(settings(FeedKind.BEAST, server.where)) as ear,
        ):
            await ear.until(lambda: len(ear.sightings) == 8)
            assert ear.health().messages == 10

    asyncio.run(story())


@pytest.mark.shared
def test_a_recorded_stream_gives_the_positions_and_aircraft_that_dump1090_found() -> None:
    """Each of ours is one of theirs; of theirs none is missing but the two that make each aircraft's first."""
    content = (BEAST / "beast_ulss7.bin").read_bytes()
    expected: dict[str, list[tuple[float, float]]] = {}
    for line in (BEAST / "beast_ulss7_expected_sbs.txt").read_text().splitlines():
        row = line.split(",")
        if row[0] == "MSG" and row[1] == "3" and row[14]:
            expected.setdefault(row[4].lower(), []).append((float(row[14]), float(row[15])))
    decoder, found = BeastFrames("roof"), []
    for start in range(0, len(content), 2_000):
        found += decoder.take(content[start : start + 2_000], 1_000.0 + 61.0 * start / len(content))
    icaos = re.findall(r"\b[0-9A-F]{6}\b", (BEAST / "beast_ulss7_expected_icaos.txt").read_text())
    assert {one.address for one in found} == set(expected) == {one.lower() for one in icaos}
    assert (decoder.tally.messages, decoder.tally.errors) == (13_954, 0)

    def near_any(address: str, place: tuple[float, float], places: dict[str, list[tuple[float, float]]]) -> bool:
        return any(abs(a - place[0]) < 2e-5 and abs(b - place[1]) < 2e-5 for a, b in places[address])

    ours: dict[str, list[tuple[float, float]]] = {}
    for one in found:
        ours.setdefault(one.address, []).append((one.latitude_deg, one.longitude_deg))
    assert all(near_any(one.address, (one.latitude_deg, one.longitude_deg), expected) for one in found)
    missing = {name: sum(not near_any(name, one, ours) for one in set(places)) for name, places in expected.items()}
    assert max(missing.values()) <= 1
