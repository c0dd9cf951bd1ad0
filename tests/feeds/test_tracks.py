"""Flown tracks: one plan a flight, ghosts gone, real neighbours kept, and every report accounted for."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from feed_samples import CSV
from pyproj import Geod

import detente.rehearsal
from detente.airspace.altitude import AltitudeUnit, StandardPressure
from detente.airspace.refusal import Refusal
from detente.feeds.dropped import DropReason
from detente.feeds.geojson import read_geojson, write_geojson
from detente.feeds.track_columns import TrackColumns, joined
from detente.feeds.track_csv import csv_columns
from detente.feeds.track_parquet import parquet_columns
from detente.feeds.tracks import TrackOptions, flights_of

GEOD = Geod(ellps="WGS84")
START_S = datetime(2025, 6, 1, 14, tzinfo=UTC).timestamp()
CALIFORNIA = Path(detente.rehearsal.__file__).parent / "data" / "adsb_california_20250601.parquet"


def columns_of(*tracks) -> TrackColumns:
    """Columns of (icao24, times, latitudes, longitudes, altitudes, course) tracks, shuffled as a file may be."""
    rows = [
        (START_S + t, lat, lon, alt, course, icao24)
        for icao24, times, latitudes, longitudes, altitudes, course in tracks
        for t, lat, lon, alt in zip(times, latitudes, longitudes, np.broadcast_to(altitudes, len(times)), strict=True)
    ]
    np.random.default_rng(1).shuffle(rows)
    numbers = np.array([row[:5] for row in rows], dtype=np.float64)
    addresses = np.array([row[5] for row in rows], dtype=object)
    empty = np.full(len(rows), "", dtype=object)
    return TrackColumns(*numbers.T, np.zeros(len(rows), dtype=bool), addresses, empty, empty)


def eastward(icao24, *, start_s=0.0, count=50, north_m=0.0, altitude_ft=9000.0, speed_m_s=100.0, course=90.0):
    times = start_s + 4.0 * np.arange(count)
    east, north, _ = GEOD.fwd(np.full(count, -121.5), np.full(count, 36.5), np.full(count, 90.0), speed_m_s * times)
    east, north, _ = GEOD.fwd(east, north, np.zeros(count), np.full(count, north_m))
    return icao24, times, np.asarray(north), np.asarray(east), altitude_ft, course


def left_out(found) -> dict[DropReason, int]:
    return {entry.reason: entry.count for entry in found.dropped}


def names(found) -> list[str]:
    return [flight.plan.plan_id for flight in found.flights]


def test_csv_reports_become_flights(tmp_path):
    file = tmp_path / "tracks.csv"
    file.write_text(CSV)
    found = flights_of(joined(csv_columns(file)))
    assert [(f.plan.plan_id, f.icao24, f.callsign) for f in found.flights] == [
        ("a1b2c3_01", "a1b2c3", "SKW123"),
        ("d4e5f6_01", "d4e5f6", ""),
    ]
    assert left_out(found) == {DropReason.ON_GROUND: 1}
    first = found.flights[0].plan.intent.waypoints[0]
    assert (first.altitude.value, first.altitude.unit) == (5000.0, AltitudeUnit.FOOT)
    assert first.altitude.reference == StandardPressure()
    assert first.time == datetime(2025, 6, 1, 14, tzinfo=UTC)


def test_a_gap_ends_a_flight():
    found = flights_of(columns_of(eastward("abc123"), eastward("abc123", start_s=2000.0)), TrackOptions(gap_s=600.0))
    assert names(found) == ["abc123_01", "abc123_02"]
    assert names(flights_of(columns_of(eastward("abc123"), eastward("abc123", start_s=700.0)))) == ["abc123_01"]


def test_a_ghost_of_an_aircraft_is_dropped_and_counted():
    ghost = eastward("~2b0001", start_s=40.0, count=20, north_m=90.0, altitude_ft=9100.0, course=100.0)
    found = flights_of(columns_of(eastward("abc123"), ghost), TrackOptions(drop_ghosts=True))
    assert names(found) == ["abc123_01"]
    assert left_out(found) == {DropReason.GHOST: 20}


@pytest.mark.parametrize(
    "other",
    [
        eastward("~2b0001", start_s=40.0, count=20, north_m=1500.0),
        eastward("~2b0001", start_s=40.0, count=20, altitude_ft=9700.0),
        eastward("~2b0001", start_s=40.0, count=20, course=200.0),
        eastward("def456", start_s=40.0, count=20, north_m=50.0),
    ],
    ids=["beside", "above", "on another course", "an aircraft in formation"],
)
def test_what_is_not_surely_a_ghost_is_kept(other):
    found = flights_of(columns_of(eastward("abc123"), other))
    assert len(found.flights) == 2
    assert left_out(found) == {}


def test_a_radar_track_that_goes_on_when_the_aircraft_is_no_longer_heard_is_kept_from_there():
    found = flights_of(
        columns_of(eastward("abc123"), eastward("~2b0001", start_s=40.0, count=100)), TrackOptions(drop_ghosts=True)
    )
    assert names(found) == ["abc123_01", "other~2b0001_01"]
    ours, radar = (flight.plan.time for flight in found.flights)
    assert radar.start == ours.end + timedelta(seconds=4)
    assert left_out(found) == {DropReason.GHOST: 40}


def test_an_aircraft_that_crosses_close_by_is_kept():
    icao24, times, latitudes, longitudes, altitude, _ = eastward("~2b0001", count=3, start_s=100.0)
    crossing = (icao24, times, latitudes + np.array([-0.002, 0.0, 0.002]), np.full(3, longitudes[1]), altitude, 0.0)
    assert len(flights_of(columns_of(eastward("abc123"), crossing)).flights) == 2


def test_a_report_that_no_aircraft_could_make_is_dropped_and_its_neighbours_are_kept():
    icao24, times, latitudes, longitudes, altitude, course = eastward("abc123")
    for wrong in (0, 7, 49):
        broken = latitudes.copy()
        broken[wrong] += 3.0
        found = flights_of(columns_of((icao24, times, broken, longitudes, altitude, course)))
        assert left_out(found) == {DropReason.TOO_FAST: 1}
        assert all(abs(w.position.latitude_deg - 36.5) < 0.1 for w in found.flights[0].plan.intent.waypoints)


def test_repeated_times_are_counted():
    found = flights_of(columns_of(eastward("abc123"), eastward("abc123", count=10, north_m=20.0)))
    assert left_out(found) == {DropReason.REPEATED_TIME: 10}


def position_at(waypoints, moment):
    later = next((n for n, w in enumerate(waypoints) if w.time >= moment), len(waypoints) - 1)
    second, first = waypoints[later], waypoints[max(later - 1, 0)]
    span = (second.time - first.time).total_seconds()
    share = (moment - first.time).total_seconds() / span if span else 0.0
    a, b = first.position, second.position
    azimuth, _, length = GEOD.inv(a.longitude_deg, a.latitude_deg, b.longitude_deg, b.latitude_deg)
    east, north, _ = GEOD.fwd(a.longitude_deg, a.latitude_deg, azimuth, length * share)
    return east, north, first.altitude.reading_m + share * (second.altitude.reading_m - first.altitude.reading_m)


@pytest.mark.long
def test_the_recorded_day_is_inside_its_containments_and_every_report_is_accounted_for():
    columns = joined(parquet_columns(CALIFORNIA))
    found = flights_of(columns, TrackOptions(drop_ghosts=True))
    flights = {(f.icao24, f.plan.plan_id.removeprefix("other")): f for f in found.flights}
    assert len(found.flights) == 710
    assert left_out(found) == {
        DropReason.REPEATED_TIME: 2248, DropReason.TOO_FAST: 1, DropReason.FROZEN: 24, DropReason.GHOST: 117
    }  # fmt: skip
    frozen = next(entry for entry in found.dropped if entry.reason is DropReason.FROZEN).stretches[0]
    checked = 0
    for row in range(0, len(columns.time_s), 7):
        flight = flights.get((columns.icao24[row], columns.flight_id[row]))
        if flight is None or np.isnan(columns.altitude_ft[row]):
            continue
        moment = datetime.fromtimestamp(columns.time_s[row], UTC)
        same = np.flatnonzero((columns.flight_id == columns.flight_id[row]) & (columns.time_s == columns.time_s[row]))
        if same[0] != row or (columns.flight_id[row] == frozen.flight and frozen.start <= moment <= frozen.end):
            continue  # left out, and counted above
        trajectory = flight.plan.intent
        east, north, height_m = position_at(trajectory.waypoints, moment)
        leg = trajectory.containment_of_leg(leg_at(trajectory, moment))
        sideways = GEOD.inv(east, north, columns.longitude_deg[row], columns.latitude_deg[row])[2]
        assert sideways <= leg.lateral_m + 0.01
        assert abs(height_m - columns.altitude_ft[row] * 0.3048) <= leg.vertical_m + 0.001
        checked += 1
    assert checked > 5000
    assert sum(len(f.plan.intent.waypoints) for f in found.flights) < len(columns.time_s) / 2


def leg_at(trajectory, moment) -> int:
    later = next((n for n, w in enumerate(trajectory.waypoints) if w.time >= moment), len(trajectory.waypoints) - 1)
    return max(later - 1, 0)


@pytest.mark.long
def test_what_is_read_of_the_recorded_day_is_the_same_when_it_is_written_and_read_again():
    plans = tuple(flight.plan for flight in flights_of(joined(parquet_columns(CALIFORNIA))).flights)
    assert read_geojson(write_geojson(plans)) == plans


REFUSED_CSV = {
    "no altitude column": (CSV.replace("altitude", "altitude_m"), ["one column altitude", "feet on standard"]),
    "column twice": (CSV.replace("callsign", "altitude"), ["columns", "one column altitude"]),
    "local time": (CSV.replace("14:00:04Z", "14:00:04"), ["row 3: timestamp", "2025-06-01T14:00:04", "offset"]),
    "seconds since 1970": (CSV.replace("2025-06-01T14:00:04Z", "1748786404"), ["row 3: timestamp", "1748786404"]),
    "swapped": (CSV.replace("36.50,-121.49", "-121.49,36.50"), ["row 3: latitude", "-121.49"]),
    "degrees and minutes": (CSV.replace("-121.49", "121 29.4 W"), ["row 3: longitude", "121 29.4 W"]),
    "huge": (CSV.replace("5025", "1e30"), ["row 3: altitude", "1e+30"]),
    "underscore": (CSV.replace("5025", "5_025"), ["row 3: altitude", "5_025"]),
    "perhaps": (CSV.replace("true", "perhaps"), ["row 5: onground", "perhaps"]),
    "fields missing": (CSV.replace(",5025,false,90", ""), ["line 3", "5 fields", "8 fields"]),
    "no address": (CSV.replace("d4e5f6", ""), ["icao24"]),
    "address of another kind": (CSV.replace("d4e5f6", "../../x"), ["flight", "../../x", "letters, digits"]),
    "a zero byte": (CSV.replace("5025", "50\x0025"), ["zero byte"]),
    "a quote that never ends": (CSV.replace("SKW123", '"SKW123', 1), ["line "]),
    "empty": ("", ["columns", "timestamp"]),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED_CSV)
def test_what_is_wrong_in_csv_is_named(name, tmp_path):
    text, expected = REFUSED_CSV[name]
    file = tmp_path / "tracks.csv"
    file.write_text(text)
    with pytest.raises(Refusal) as caught:
        flights_of(joined(csv_columns(file)))
    for fragment in expected:
        assert fragment in str(caught.value), str(caught.value)


def test_a_byte_order_mark_of_a_spreadsheet_is_read(tmp_path):
    file = tmp_path / "tracks.csv"
    file.write_bytes(b"\xef\xbb\xbf" + CSV.encode())
    assert len(flights_of(joined(csv_columns(file))).flights) == 2


def table(**changes) -> pa.Table:
    moments = [datetime(2025, 6, 1, 14, tzinfo=UTC) + timedelta(seconds=4 * n) for n in range(3)]
    columns = {
        "timestamp": pa.array(moments, pa.timestamp("us", tz="UTC")),
        "icao24": pa.array(["abc123"] * 3),
        "latitude": pa.array([36.5, 36.5, None]),
        "longitude": pa.array([-121.5, -121.49, -121.48]),
        "altitude": pa.array([5000, 5000, 5000], pa.int32()),
    }
    return pa.table({name: column for name, column in (columns | changes).items() if column is not None})


def test_parquet_reports_become_flights_and_a_report_without_position_is_counted(tmp_path):
    pq.write_table(table(), tmp_path / "t.parquet")
    found = flights_of(joined(parquet_columns(tmp_path / "t.parquet")))
    assert names(found) == ["abc123_01"]
    assert left_out(found) == {DropReason.NO_POSITION: 1}


def test_an_aircraft_without_any_position_is_told_from_a_report_without_one():
    icao24, times, latitudes, longitudes, altitude, course = eastward("abc123")
    latitudes[::2] = np.nan
    never = ("def456", times, np.full(50, np.nan), longitudes, altitude, course)
    found = flights_of(columns_of((icao24, times, latitudes, longitudes, altitude, course), never))
    assert names(found) == ["abc123_01"]
    assert left_out(found) == {DropReason.NO_POSITION: 25, DropReason.NEVER_PLACED: 50}
    assert [(doubt.flight, doubt.left_out, doubt.reports) for doubt in found.doubtful] == [("def456", 50, 50)]


NAIVE = pa.array([datetime(2025, 6, 1)] * 3, pa.timestamp("us"))  # noqa: DTZ001 - the point of the test
REFUSED_PARQUET = {
    "local times": ({"timestamp": NAIVE}, ["timestamp", "timestamp[us]", "time zone"]),
    "times as numbers": ({"timestamp": pa.array([1, 2, 3])}, ["timestamp", "int64"]),
    "a time missing": ({"timestamp": pa.array([None] * 3, pa.timestamp("us", tz="UTC"))}, ["timestamp", "3 empty"]),
    "times of another age": ({"timestamp": pa.array([2**62] * 3, pa.timestamp("us", tz="UTC"))}, ["timestamp", "1970"]),
    "addresses as numbers": ({"icao24": pa.array([1, 2, 3])}, ["icao24", "text"]),
    "altitudes as text": ({"altitude": pa.array(["a", "b", "c"])}, ["altitude", "string", "numbers"]),
    "infinite": ({"altitude": pa.array([np.inf] * 3)}, ["row 1: altitude", "inf"]),
    "swapped": ({"latitude": pa.array([-121.0] * 3)}, ["row 1: latitude", "-121"]),
    "nested": ({"latitude": pa.array([[1.0]] * 3)}, ["latitude", "list"]),
    "no column": ({"altitude": None}, ["one column altitude"]),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED_PARQUET)
def test_what_is_wrong_in_parquet_is_named(name, tmp_path):
    changes, expected = REFUSED_PARQUET[name]
    pq.write_table(table(**changes), tmp_path / "t.parquet")
    with pytest.raises(Refusal) as caught:
        joined(parquet_columns(tmp_path / "t.parquet"))
    for fragment in expected:
        assert fragment in str(caught.value), str(caught.value)


def test_a_long_text_repeated_in_every_row_costs_no_memory(tmp_path):
    rows = 200_000
    moments = pa.array(np.arange(rows) + int(START_S * 1e6), pa.timestamp("us", tz="UTC"))
    number = pa.array(np.full(rows, 36.0))
    long_text = pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, dtype=np.int32)), pa.array(["x" * 1_000_000]))
    columns = {"timestamp": moments, "icao24": long_text, "latitude": number, "longitude": number, "altitude": number}
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    with pytest.raises(Refusal, match=r"icao24: .* at most 64 characters"):  # 200 GB if it were spelt out
        flights_of(joined(parquet_columns(tmp_path / "t.parquet")))


@pytest.mark.parametrize("options", [{"gap_s": 0.0}, {"lateral_m": 0.0}, {"vertical_m": float("nan")}])
def test_options_that_make_no_sense_are_refused(options):
    with pytest.raises(Refusal):
        TrackOptions(**options)
