"""MAVLink: our own positions, what a receiver on board hears, broadcast Remote ID, and bytes that are none of it."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymavlink.dialects.v20 import common

from detente.airspace.geoid import geoid_height_m
from detente.feeds.live.decoding import check_sighting
from detente.feeds.live.mavlink_messages import MavlinkMessages
from detente.watch.sighting import SightingSource

SENDER = common.MAVLink(None, srcSystem=7, srcComponent=1)
POSITION = common.MAVLink_global_position_int_message(
    60_000, 451_000_000, -52_000_000, 500_000, 100_000, 300, 400, -50, 9000
)
HEARTBEAT = common.MAVLink_heartbeat_message(1, 2, 3, 4, 5, 3)


def packed(*messages: object) -> bytes:
    return b"".join(message.pack(SENDER) for message in messages)


def vehicle(flags: int = 0x3FF & ~64, kind: int = 0) -> object:
    return common.MAVLink_adsb_vehicle_message(
        0x4CA2B1, 451_000_000, -52_000_000, kind, 3_048_000, 9_050, 10_000, -250, b"KLM1023", 3, 2, flags, 1000
    )


def location(**said: object) -> object:
    values = {
        "target_system": 0, "target_component": 0, "id_or_mac": [1] * 20, "status": 2, "direction": 9_000,
        "speed_horizontal": 1_500, "speed_vertical": -100, "latitude": 451_000_000, "longitude": -52_000_000,
        "altitude_barometric": 120.0, "altitude_geodetic": -1000.0, "height_reference": 0, "height": 50.0,
        "horizontal_accuracy": 10, "vertical_accuracy": 4, "barometer_accuracy": 0, "speed_accuracy": 3,
        "timestamp": 1_800.5, "timestamp_accuracy": 1, **said,
    }  # fmt: skip
    return common.MAVLink_open_drone_id_location_message(**values)


def test_our_own_position_is_told_above_the_ellipsoid_and_at_its_time() -> None:
    decoder = MavlinkMessages("drone")
    (first,) = decoder.take(packed(POSITION), 1_000_000.0)
    assert (first.source, first.identity, first.at_s) == (SightingSource.OWN_REPORT, "mavlink-7", 1_000_000.0)
    assert first.geometric_altitude_m == pytest.approx(500.0 + float(geoid_height_m(45.1, -5.2)))
    assert (first.ground_speed_mps, first.vertical_speed_mps) == (5.0, 0.5)
    assert first.track_deg == pytest.approx(math.degrees(math.atan2(400, 300)))
    time = common.MAVLink_system_time_message(999_000_000_000, 59_000)
    (second,) = decoder.take(packed(time, POSITION), 1_000_000.0)
    assert second.at_s == 999_001.0


def test_a_vehicle_that_was_heard_says_what_its_flags_allow() -> None:
    (one,) = MavlinkMessages("drone").take(packed(vehicle()), 1_000.0)
    assert (one.address, one.callsign, one.category, one.at_s) == ("4ca2b1", "KLM1023", "A3", 998.0)
    assert (one.pressure_altitude_m, one.geometric_altitude_m) == (3048.0, None)
    assert (one.ground_speed_mps, one.track_deg, one.vertical_speed_mps) == (100.0, 90.5, -2.5)
    (bare,) = MavlinkMessages("drone").take(packed(vehicle(1, 1)), 1_000.0)
    assert (bare.callsign, bare.geometric_altitude_m, bare.ground_speed_mps, bare.track_deg) == ("", None, None, None)
    assert MavlinkMessages("drone").take(packed(vehicle(2), vehicle(64 | 1)), 1_000.0) == []


def test_remote_id_goes_by_the_name_that_the_drone_gives() -> None:
    decoder = MavlinkMessages("rid")
    name = common.MAVLink_open_drone_id_basic_id_message(0, 0, [1] * 20, 1, 2, list(b"1596F350457791151010"))
    (one,) = decoder.take(packed(name, location()), 7_205.0)
    assert (one.source, one.identity, one.category) == (SightingSource.REMOTE_ID, "1596F350457791151010", "B6")
    assert (one.pressure_altitude_m, one.geometric_altitude_m) == (120.0, None)
    assert (one.ground_speed_mps, one.track_deg, one.vertical_speed_mps) == (15.0, 90.0, -1.0)
    assert (one.horizontal_error_m, one.vertical_error_m, one.velocity_error_mps) == (10.0, 10.0, 1.0)
    assert one.at_s == 5_400.5 + 3_600.0 * round((7_205.0 - 5_400.5) / 3_600.0)
    (unnamed,) = decoder.take(packed(location(id_or_mac=[2] * 20, status=1, direction=36_100)), 7_205.0)
    assert (unnamed.identity, unnamed.on_ground, unnamed.track_deg) == ("02" * 20, True, None)


def test_other_messages_are_counted_and_a_stream_does_not_grow() -> None:
    decoder = MavlinkMessages("drone")
    stream = packed(HEARTBEAT, POSITION) * 200
    found = [one for start in range(0, len(stream), 7) for one in decoder.take(stream[start : start + 7], 1_000.0)]
    assert len(found) == 200
    assert (decoder.tally.messages, decoder.tally.unused, decoder.tally.errors) == (400, 200, 0)
    assert len(decoder._parser.buf) < 300


@given(st.binary(max_size=300) | st.tuples(st.binary(max_size=20), st.integers(0, 200)).map(
    lambda drawn: packed(POSITION, vehicle())[: drawn[1]] + drawn[0] + packed(POSITION)[5:]))  # fmt: skip
def test_any_bytes_are_messages_or_errors(data: bytes) -> None:
    decoder = MavlinkMessages("drone")
    for one in [*decoder.take(data, 1_000.0), *decoder.finish(1_000.0)]:
        check_sighting(one)
    assert decoder.tally.messages + decoder.tally.errors > 0 or not data
    assert len(decoder.take(packed(POSITION), 1_000.0)) == 1


def test_a_changed_byte_is_found_out() -> None:
    whole = packed(POSITION)
    for place in range(4, len(whole)):
        changed = whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :]
        decoder = MavlinkMessages("drone")
        assert [*decoder.take(changed, 1_000.0), *decoder.finish(1_000.0)] == []
        assert decoder.tally.errors or decoder.tally.unused  # of a kind that nobody knows
