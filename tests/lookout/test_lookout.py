"""The lookout: whose a track is, our own aircraft against their plans, and what the pipe carries of it."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from detente.accord.standard_minima import STANDARD_MINIMA
from detente.airspace.altitude import Altitude, AltitudeBand, AltitudeUnit, StandardPressure
from detente.airspace.plan import Circle, Plan, TimeWindow, Volume4D
from detente.airspace.position import Position, from_posix_s
from detente.airspace.separation import MinimaTable
from detente.lookout import frames, lookout
from detente.lookout.frames import FROM_WATCH, LARGEST_FRAME, LENGTH_BYTES, WatchView, frame, frame_length
from detente.lookout.lookout import Lookout, Seen
from detente.lookout.told_situation import ToldSituation, decode_situation, encode_situation
from detente.lookout.track_columns import COLUMNS, track_of, track_rows
from detente.watch.alert import AlertKind, TrackSide
from detente.watch.observed import observation_of
from detente.watch.sighting import Sighting, SightingSource

BEGAN_S = 1_780_315_200.0


def sighting(at_s: float, address: str, longitude_deg: float, feed: str = "tower", callsign: str = "") -> Sighting:
    return Sighting(
        feed, SightingSource.ADSB, at_s, at_s, 34.0, longitude_deg, address, callsign=callsign,
        pressure_altitude_m=3_000.0, ground_speed_mps=0.0, track_deg=90.0, vertical_speed_mps=0.0,
        horizontal_error_m=30.0, vertical_error_m=30.0, velocity_error_mps=1.0, integrity_m=200.0, integrity_level=3,
    )  # fmt: skip


def situation(*plans: Plan, outside: frozenset[str] = frozenset(), **flown: str) -> ToldSituation:
    return ToldSituation("north", MinimaTable(STANDARD_MINIMA[0].minima), plans=plans, flown=flown, outside=outside)


def plan(plan_id: str = "P1") -> Plan:
    """Five kilometres around 34 north 20 east."""
    band = AltitudeBand(*(Altitude(m, AltitudeUnit.METRE, StandardPressure()) for m in (2_000.0, 4_000.0)))
    start = from_posix_s(BEGAN_S - 600.0)
    area = Circle(Position(34.0, 20.0), 5_000.0)
    return Plan(plan_id, (Volume4D(area, band, TimeWindow(start, start + timedelta(hours=1))),))


def looked(out: Lookout, seconds: range, *flights: tuple[str, float, str, str]) -> Seen:
    """What the last of these seconds shows of aircraft that stand in the air: address, longitude, feed, callsign."""
    seen = Seen((), {}, ())
    for second in seconds:
        at_s = BEGAN_S + second
        out.take([sighting(at_s, address, where, feed, callsign) for address, where, feed, callsign in flights])
        seen = out.look(at_s + 0.5)
    return seen


def sides(seen: Seen) -> dict[str, TrackSide]:
    return {track.addresses[0]: seen.sides.get(track.track_id, TrackSide.UNKNOWN) for track in seen.tracks}


def test_ours_is_what_our_feeds_show_and_what_is_said_to_be():
    out = Lookout(frozenset({"squadron"}))
    told = msgspec.structs.replace(
        situation(), our_aircraft=frozenset({"aaaaa3"}), their_aircraft=frozenset({"aaaaa4"})
    )
    out.told(encode_situation(told))
    flights = [("aaaaa1", 20.0, "squadron", ""), ("aaaaa2", 21.0, "tower", ""), ("aaaaa3", 22.0, "tower", ""),
               ("aaaaa4", 23.0, "tower", "")]  # fmt: skip
    seen = looked(out, range(5), *flights)
    assert sides(seen) == {
        "aaaaa1": TrackSide.OURS, "aaaaa2": TrackSide.UNKNOWN, "aaaaa3": TrackSide.OURS, "aaaaa4": TrackSide.THEIRS,
    }  # fmt: skip
    # Another receiver hears it on when our own feed does not: it stays ours.
    again = looked(out, range(5, 9), ("aaaaa1", 20.0, "tower", ""), *flights[1:])
    assert sides(again)["aaaaa1"] is TrackSide.OURS


def test_tracks_of_another_run_have_other_names():
    names = [looked(Lookout(frozenset(), last), range(5), ("aaaaa1", 20.0, "tower", "")).tracks[0].track_id
             for last in (0, 10_000_000)]  # fmt: skip
    assert len(set(names)) == 2


def test_what_is_shown_before_anything_was_told_raises_nothing():
    seen = looked(Lookout(frozenset()), range(5), ("aaaaa1", 20.0, "tower", ""), ("aaaaa2", 20.0, "tower", ""))
    assert seen.tracks
    assert (seen.alerts, seen.own) == ((), ())


@pytest.mark.parametrize(("callsign", "flown"), [("P1", {}), ("", {"aaaaa1": "P1"})])
def test_our_aircraft_outside_its_plan_is_to_be_held_until_claims_know_it_and_once_it_is_back(callsign, flown):
    out = Lookout(frozenset({"squadron"}))
    out.told(encode_situation(situation(plan(), **flown)))
    seen = looked(out, range(8), ("aaaaa1", 20.2, "squadron", callsign))
    (alert,) = [one for one in seen.alerts if one.kind is AlertKind.OWN_DEVIATION]
    assert alert.subject == "P1"
    (position,) = seen.own
    assert (position.plan_id, position.observation.party) == ("P1", "north")
    assert position.observation.position.longitude_deg == pytest.approx(20.2, abs=1e-3)
    # Claims know it: nothing more is to be said while it is outside.
    out.told(encode_situation(situation(plan(), outside=frozenset({"P1"}), **flown)))
    assert looked(out, range(8, 11), ("aaaaa1", 20.2, "squadron", callsign)).own == ()
    # Its plan now holds where it is.
    moved = msgspec.structs.replace(plan(), intent=(msgspec.structs.replace(
        plan().intent[0], area=Circle(Position(34.0, 20.2), 5_000.0)),))  # fmt: skip
    out.told(encode_situation(situation(moved, outside=frozenset({"P1"}), **flown)))
    back = looked(out, range(11, 24), ("aaaaa1", 20.2, "squadron", callsign))
    assert [one.plan_id for one in back.own] == ["P1"]
    assert not [one for one in back.alerts if one.kind is AlertKind.OWN_DEVIATION]


def test_an_aircraft_of_nobody_we_know_is_held_against_no_plan_of_ours():
    out = Lookout(frozenset())
    out.told(encode_situation(situation(plan())))
    assert looked(out, range(8), ("aaaaa1", 20.2, "tower", "P1")).own == ()


def test_of_too_many_sightings_for_a_look_the_oldest_go(monkeypatch):
    monkeypatch.setattr(lookout, "SIGHTINGS_MAX", 10)
    out = Lookout(frozenset())
    out.take([sighting(BEGAN_S, f"{number:06x}", 20.0) for number in range(1, 16)])
    out.take([sighting(BEGAN_S, f"{number:06x}", 20.0) for number in range(16, 21)])
    assert (out.sightings, out.left_out) == (20, 10)


def test_the_situation_is_the_same_on_the_other_end_of_the_pipe():
    told = situation(plan(), outside=frozenset({"P1"}), aaaaa1="P1")
    assert decode_situation(encode_situation(told)) == told


def test_a_track_is_a_row_of_as_many_values_as_there_are_columns():
    seen = looked(Lookout(frozenset()), range(5), ("aaaaa1", 20.0, "tower", "P1"))
    table = track_rows(BEGAN_S + 5.0, seen.tracks, {})
    (row,) = table.tracks
    assert len(row) == len(COLUMNS)
    shown = dict(zip(COLUMNS, row, strict=True))
    assert (shown["pressure_altitude_m"], shown["pressure_altitude_ft"]) == (3_000, 9_843)
    assert (shown["geometric_altitude_m"], shown["callsign"], shown["addresses"]) == (None, "P1", ("aaaaa1",))
    assert msgspec.json.decode(msgspec.json.encode(table))["columns"] == list(COLUMNS)


def test_a_track_is_made_again_of_its_row_with_errors_no_smaller():
    seen = looked(Lookout(frozenset()), range(5), ("aaaaa1", 20.0, "tower", "P1"))
    (track,) = seen.tracks
    picture = msgspec.json.encode(track_rows(BEGAN_S + 5.0, seen.tracks, {}))
    again = track_of(picture, track.track_id)
    assert again is not None
    assert (again.addresses, again.callsign, again.sources) == (track.addresses, "P1", track.sources)
    assert again.horizontal_error_m >= track.horizontal_error_m
    assert again.vertical_error_m >= track.vertical_error_m
    assert again.pressure_altitude_m == pytest.approx(track.pressure_altitude_m, abs=0.51)
    assert again.longitude_deg == pytest.approx(track.longitude_deg, abs=1e-6)
    assert observation_of("north", again) is not None
    assert track_of(picture, "t99") is None


def test_a_frame_says_its_length_and_none_is_too_long(monkeypatch):
    view = WatchView(
        at_s=1.0, alerts=(), own=(), feeds=(), tracks=0, picture=b"{}", zipped=b"", sightings=0, took_s=0.1
    )
    data = frame(view)
    assert frame_length(data[:LENGTH_BYTES]) == len(data) - LENGTH_BYTES
    assert FROM_WATCH.decode(data[LENGTH_BYTES:]) == view
    with pytest.raises(ValueError, match="a frame of"):
        frame_length((LARGEST_FRAME + 1).to_bytes(4, "big"))
    monkeypatch.setattr(frames, "LARGEST_FRAME", 10)
    with pytest.raises(ValueError, match="a frame of"):
        frame(view)
