"""Cursor on Target, in XML and protobuf, over datagrams, streams and TLS; and our tracks as events."""

from __future__ import annotations

from pathlib import Path

import pytest
import takproto
from hypothesis import given
from hypothesis import strategies as st

from detente.feeds.live.cot_events import CotEvents
from detente.feeds.live.cot_out import track_event
from detente.feeds.live.decoding import check_sighting
from detente.feeds.xml_tree import parse_xml
from detente.watch.alert import TrackSide
from detente.watch.track import Track, TrackDoubt

SAMPLES = Path(__file__).parents[2] / "data" / "feed_samples"
UAS = (SAMPLES / "12_cot-uas-tool.cot").read_bytes()
EVENT = (
    b'<event version="2.0" uid="ICAO-4CA2B1" type="a-n-A-C-F" time="2025-06-01T14:00:00.500Z" '
    b'start="2025-06-01T14:00:00Z" stale="2025-06-01T14:01:00Z" how="m-g">'
    b'<point lat="45.5" lon="-5.25" hae="1500" ce="10" le="9999999"/>'
    b'<detail><contact callsign="KLM1023"/><track course="361" speed="100.5"/></detail></event>'
)
MESH = bytes(takproto.xml2proto(EVENT.decode()))
STREAM = bytes(takproto.xml2proto(EVENT.decode(), takproto.TAKProtoVer.STREAM))
GROUND = EVENT.replace(b"a-n-A-C-F", b"a-f-G-U-C")


@pytest.mark.parametrize("data", [EVENT, MESH, STREAM, b'<?xml version="1.0"?>\n' + EVENT, b"\n" + STREAM])
def test_an_aircraft_says_the_same_in_every_form(data: bytes) -> None:
    decoder = CotEvents("tak")
    (one,) = [*decoder.take(data, 2e9), *decoder.finish(2e9)]
    assert (one.identity, one.address, one.callsign) == ("ICAO-4CA2B1", "4ca2b1", "KLM1023")
    assert (one.latitude_deg, one.longitude_deg, one.geometric_altitude_m) == (45.5, -5.25, 1500.0)
    assert (one.pressure_altitude_m, one.vertical_error_m) == (None, None)
    assert one.horizontal_error_m == pytest.approx(24.48)
    assert (one.ground_speed_mps, one.track_deg) == (100.5, 1.0)
    assert one.at_s == 1_748_786_400.5


def test_recorded_events_are_heard_or_counted() -> None:
    decoder = CotEvents("tak")
    found = []
    for file in sorted(SAMPLES.glob("*.cot")):
        found += [*decoder.take(file.read_bytes(), 2e9), *decoder.finish(2e9)]
    assert [one.identity for one in found] == ["2983J8B001V013"]
    assert found[0].geometric_altitude_m == 1381.333
    assert found[0].horizontal_error_m is None
    assert (decoder.tally.messages, decoder.tally.errors) == (len(list(SAMPLES.glob("*.cot"))), 0)


@given(st.lists(st.sampled_from([EVENT, STREAM, GROUND, b"\n"]), max_size=8), st.integers(1, 400))
def test_a_stream_is_the_same_however_it_is_cut(events: list[bytes], size: int) -> None:
    decoder, stream = CotEvents("tak"), b"".join(events)
    found = [one for start in range(0, len(stream), size) for one in decoder.take(stream[start : start + size], 2e9)]
    assert len(found) == events.count(EVENT) + events.count(STREAM)
    assert decoder.tally.unused == events.count(GROUND)
    assert decoder.tally.errors == 0


@pytest.mark.parametrize(
    "wrong",
    [b"<event/></event>", EVENT.replace(b'lat="45.5"', b'lat="95.5"'), EVENT.replace(b"14:00:00.500Z", b"14:00"),
     EVENT.replace(b"<point", b"<pont"), b"<!DOCTYPE x [<!ENTITY a 'b'>]>" + EVENT,
     b"noise" + EVENT[:-8] + b"</event>"],
)  # fmt: skip
def test_what_is_no_event_is_counted_and_the_next_one_heard(wrong: bytes) -> None:
    decoder = CotEvents("tak")
    found = decoder.take(wrong + EVENT, 2e9)
    assert found[-1].address == "4ca2b1"
    assert decoder.tally.errors >= 1


@given(st.binary(max_size=200) | st.lists(st.sampled_from([EVENT[:40], EVENT[40:], b"<event", b"</event>", b"\xbf",
    b"\xbf\x01\xbf", STREAM[:30], STREAM[30:], b"\x00", b"\xff\xff\xff\xff", b"<?xml?>"]), max_size=12).map(b"".join),
    st.integers(1, 300))  # fmt: skip
def test_any_bytes_are_events_or_errors_and_what_is_kept_stays_small(data: bytes, size: int) -> None:
    decoder = CotEvents("tak")
    for start in range(0, len(data), size):
        for one in decoder.take(data[start : start + size], 2e9):
            check_sighting(one)
    decoder.finish(2e9)
    assert decoder.tally.messages + decoder.tally.errors > 0 or not data.strip()
    assert len(decoder.take(EVENT, 2e9)) == 1


def test_a_stream_without_an_end_is_cut() -> None:
    decoder = CotEvents("tak")
    for _ in range(20):
        decoder.take(b"<event " + b"x" * 10_000, 2e9)
    assert decoder.tally.errors >= 2


TRACK = Track(
    "T1", 1_748_786_400.0, 1_748_786_399.0, 45.5, -5.25, 100.5, 1.0, 0.0, 0.0, 24.48, 19.6, 1.0,
    pressure_altitude_m=3048.0, geometric_altitude_m=3100.0, addresses=("4ca2b1",), callsign="KLM<1>",
)  # fmt: skip


@pytest.mark.parametrize(
    ("side", "kind"), [(TrackSide.OURS, "a-f-A"), (TrackSide.THEIRS, "a-n-A"), (TrackSide.UNKNOWN, "a-u-A")]
)
def test_a_track_is_an_event_that_a_tak_client_reads(side: TrackSide, kind: str) -> None:
    event = track_event(TRACK, side, "north")
    root = parse_xml(event, frozenset())
    assert (root.attributes["type"], root.attributes["uid"]) == (kind, "detente.north.T1")
    assert (root.attributes["time"], root.attributes["stale"]) == (
        "2025-06-01T14:00:00.000Z",
        "2025-06-01T14:00:14.000Z",
    )
    read = takproto.parse_proto(takproto.xml2proto(event.decode().split("\n", 1)[1])).cotEvent
    assert (read.lat, read.lon, read.hae, read.ce, read.le) == (45.5, -5.25, 3100.0, 10.0, 10.0)
    assert (read.detail.contact.callsign, read.detail.track.speed) == ("KLM<1>", 100.5)


def test_a_doubted_track_looks_doubted_and_without_a_geometric_height_has_none() -> None:
    import msgspec

    doubted = msgspec.structs.replace(
        TRACK, geometric_altitude_m=None, doubts=(TrackDoubt.COASTED, TrackDoubt.LOW_INTEGRITY)
    )
    root = parse_xml(track_event(doubted, TrackSide.UNKNOWN, "north"), frozenset())
    detail, point = root.child("detail"), root.child("point")
    assert detail is not None
    assert point is not None
    assert (point.attributes["hae"], point.attributes["le"]) == ("9999999.0", "9999999.0")
    assert root.attributes["how"] == "m-p"
    assert next(child.attributes.get("callsign") for child in detail.children) == "KLM<1>?"
    remarks = detail.child("remarks")
    assert remarks is not None
    assert remarks.text == "FL100; coasted, low_integrity"


def test_our_own_events_that_come_back_are_not_taken_for_somebody_elses() -> None:
    decoder = CotEvents("tak")
    assert decoder.take(track_event(TRACK, TrackSide.OURS, "north"), 2e9) == []
    assert (decoder.tally.messages, decoder.tally.unused) == (1, 1)
