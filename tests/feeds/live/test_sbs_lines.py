"""BaseStation lines: what is heard of a real stream, and what of a line is believed."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.feeds.live.decoding import check_sighting
from detente.feeds.live.sbs_lines import SbsLines
from detente.watch.sighting import SightingSource

SAMPLE = Path(__file__).parents[2] / "data" / "feed_samples" / "sbs.txt"
POSITION = b"MSG,3,1,1,4B1908,1,2025/06/01,14:00:00.500,2025/06/01,14:00:00.600,,2525,,,33.96693,-118.25598,,,0,0,0,0\n"
VELOCITY = b"MSG,4,1,1,4B1908,1,,,,,,,250,361.5,,,-640,,0,0,0,0\n"
CALLSIGN = b"MSG,1,1,1,4B1908,1,,,,,SWR40   ,,,,,,,,0,0,0,0\n"


def test_every_position_of_a_recorded_stream_is_heard_with_empty_times() -> None:
    decoder = SbsLines("roof")
    content = SAMPLE.read_bytes()
    found = decoder.take(content, 1_000_000.0)
    positions = [
        line.split(b",") for line in content.splitlines() if line.startswith(b"MSG,3") and line.split(b",")[14]
    ]
    assert [one.address for one in found] == [row[4].decode().lower() for row in positions]
    assert [one.latitude_deg for one in found] == [float(row[14]) for row in positions]
    assert {one.at_s for one in found} == {1_000_000.0}
    assert decoder.tally.messages == len(content.splitlines())
    assert decoder.tally.errors == 0
    assert any(one.ground_speed_mps for one in found)


def test_velocity_and_callsign_go_with_the_position_while_they_are_fresh() -> None:
    decoder = SbsLines("roof", "+02:00")
    assert decoder.take(CALLSIGN + VELOCITY, 1_000.0) == []
    (fresh,) = decoder.take(POSITION, 1_010.0)
    assert (fresh.callsign, fresh.track_deg) == ("SWR40", 1.5)
    assert fresh.ground_speed_mps == pytest.approx(128.611, abs=1e-3)
    assert fresh.vertical_speed_mps == pytest.approx(-3.2512)
    assert fresh.pressure_altitude_m == pytest.approx(769.62)
    assert fresh.at_s == 1_748_779_200.5
    (stale,) = decoder.take(POSITION.replace(b"MSG", b"MLAT"), 1_010.1)
    assert (stale.callsign, stale.track_deg, stale.source) == ("SWR40", None, SightingSource.MLAT)


def test_a_velocity_that_no_aircraft_has_is_an_error_and_spoils_no_position() -> None:
    decoder = SbsLines("roof")
    decoder.take(VELOCITY + VELOCITY.replace(b"250", b"99999"), 1_000.0)
    (one,) = decoder.take(POSITION, 1_000.0)
    assert decoder.tally.errors == 1
    assert one.ground_speed_mps == pytest.approx(128.611, abs=1e-3)


def test_times_without_an_offset_are_not_believed() -> None:
    (one,) = SbsLines("roof").take(POSITION, 1_000.0)
    assert one.at_s == 1_000.0


@given(st.binary(max_size=400) | st.lists(st.sampled_from([b"MSG", b"3", b"1", b"", b"\n", b"4B1908", b"nan", b"1e999",
    b"-1", b"MLAT", b"45.5", b"2025/06/01", b"25:00:00"]), max_size=60).map(b",".join))  # fmt: skip
def test_any_bytes_are_lines_or_errors(data: bytes) -> None:
    decoder = SbsLines("roof", "+00:00")
    found = [*decoder.take(data, 1_000.0), *decoder.take(POSITION, 1_000.0), *decoder.finish(1_000.0)]
    for one in found:
        check_sighting(one)
    lines = [line for line in (data + POSITION).split(b"\n") if line.strip()]
    assert decoder.tally.messages + decoder.tally.errors == len(lines)
