"""Reports far aside where reports are sparse: used and named, and no conflict hidden; what was flown is not named."""

import numpy as np
import pytest
from pyproj import Geod
from test_track_chains import START_S, columns
from test_tracks import CALIFORNIA

from detente.airspace.search import encounters_between
from detente.airspace.separation import Minima, MinimaTable
from detente.feeds.track_columns import COLUMNS, TrackColumns, joined
from detente.feeds.track_parquet import parquet_columns
from detente.feeds.tracks import flights_of

GEOD = Geod(ellps="WGS84")
COUNT = 20
NEAR = MinimaTable(Minima(500.0, 100.0, 0.0))


def flown(step_s, north_m, east_m, altitudes_ft=30_000.0):
    """The flight of reports `step_s` apart at these places around 47 N 8 E."""
    bearings, distances = np.degrees(np.arctan2(east_m, north_m)), np.hypot(north_m, east_m)
    longitudes, latitudes, _ = GEOD.fwd(np.full(len(bearings), 8.0), np.full(len(bearings), 47.0), bearings, distances)
    times = START_S + step_s * np.arange(len(bearings))
    found = flights_of(columns(times, latitudes, longitudes, np.broadcast_to(altitudes_ft, len(times))))
    assert found.dropped == ()
    (flight,) = found.flights
    return flight


def eastward(step_s, speed_m_s=230.0):
    return np.zeros(COUNT), speed_m_s * step_s * np.arange(COUNT)


def named(flight, step_s) -> list[int]:
    """The numbers of the reports that are named."""
    return [
        round((stretch.start.timestamp() - START_S) / step_s) + further
        for stretch in flight.aside
        for further in range(stretch.reports)
    ]


@pytest.mark.parametrize("step_s", [30.0, 45.0, 60.0])
@pytest.mark.parametrize("rows", [[9], [9, 10], [5, 12], [0], [1], [COUNT - 2], [COUNT - 1]])
@pytest.mark.parametrize("way", ["left", "right"])
def test_a_report_aside_is_named_and_hides_no_conflict_on_either_way(step_s, rows, way):
    north_m, east_m = eastward(step_s)
    true = flown(step_s, north_m, east_m)
    wrong_m = north_m.copy()
    wrong_m[rows] = 9_000.0 if way == "left" else -9_000.0
    flight = flown(step_s, wrong_m, east_m)
    assert named(flight, step_s) == rows
    # Another flight that comes where the aircraft truly was at that time, and one where the report says it was.
    for where_m in (0.0, wrong_m[rows[0]]):
        crossing = (east_m[rows[0]] / (230.0 * step_s) - np.arange(COUNT)) * 200.0 * step_s + where_m
        other = flown(step_s, crossing, np.full(COUNT, east_m[rows[0]]))
        assert encounters_between([flight.plan], [other.plan], NEAR)
    assert encounters_between([true.plan], [flight.plan], NEAR)


LONG = 40


@pytest.mark.parametrize("step_s", [30.0, 45.0])
@pytest.mark.parametrize("rows", [range(18, 21), range(15, 20), range(10, 19), range(3), range(8), range(35, 40)])
@pytest.mark.parametrize("aside", [(9_000.0, 0.0), (-9_000.0, 0.0), (0.0, 4_500.0), (0.0, -4_500.0)])
def test_three_to_nine_reports_that_agree_against_the_flight_around_them_are_named_and_hide_no_conflict(
    step_s, rows, aside
):
    north_m, rise_ft = aside
    wrong_m, altitudes = np.zeros(LONG), np.full(LONG, 30_000.0)
    wrong_m[rows], altitudes[rows] = north_m, 30_000.0 + rise_ft
    east_m = 230.0 * step_s * np.arange(LONG)
    flight = flown(step_s, wrong_m, east_m, altitudes)
    assert named(flight, step_s) == list(rows)
    met = rows[len(rows) // 2]
    for where_m, height_ft in ((0.0, 30_000.0), (north_m, 30_000.0 + rise_ft)):
        crossing = (met - np.arange(LONG)) * 200.0 * step_s + where_m
        other = flown(step_s, crossing, np.full(LONG, east_m[met]), height_ft)
        assert encounters_between([flight.plan], [other.plan], NEAR)


def test_a_way_aside_that_was_flown_for_many_reports_is_not_named():
    """As long aside as not: nobody can say which of the two is wrong, and each is where it was said to be."""
    north_m = np.where(np.arange(LONG) % 20 < 10, 0.0, 9_000.0)
    assert flown(60.0, north_m, 230.0 * 60.0 * np.arange(LONG)).aside == ()


def test_only_the_legs_beside_a_report_aside_are_wider():
    north_m, east_m = eastward(30.0)
    north_m[9] = 9_000.0
    flight = flown(30.0, north_m, east_m)
    trajectory = flight.plan.intent
    wide = {
        round((waypoint.time.timestamp() - START_S) / 30.0)
        for waypoint, leg in zip(trajectory.waypoints[:-1], trajectory.leg_containments, strict=True)
        if leg.lateral_m > 1_000.0
    }
    assert wide == {8, 9}
    assert max(leg.lateral_m for leg in trajectory.leg_containments) == pytest.approx(9_000.0, rel=0.01)


@pytest.mark.parametrize("step_s", [30.0, 45.0, 60.0])
@pytest.mark.parametrize("rows", [[9], [9, 10], [1], [COUNT - 2]])
@pytest.mark.parametrize("rise_ft", [4_500.0, -4_500.0])
def test_a_height_aside_is_named_and_hides_no_conflict_below_or_above(step_s, rows, rise_ft):
    altitudes = np.full(COUNT, 30_000.0)
    altitudes[rows] += rise_ft
    places = eastward(step_s)
    flight = flown(step_s, *places, altitudes)
    assert named(flight, step_s) == rows
    for height_ft in (30_000.0, 30_000.0 + rise_ft):
        crossing = (rows[0] - np.arange(COUNT)) * 200.0 * step_s
        other = flown(step_s, crossing, np.full(COUNT, places[1][rows[0]]), height_ft)
        assert encounters_between([flight.plan], [other.plan], NEAR)


def racetrack(step_s, speed_m_s, turn_s, straight_s):
    """A holding pattern: half circles of `turn_s` and straight legs between them."""
    whole_s = 2.0 * (turn_s + straight_s)
    moments = np.arange(0.0, 4.0 * whole_s, 1.0)
    part = moments % whole_s
    turned = np.clip(part, 0, turn_s) + np.clip(part - turn_s - straight_s, 0, turn_s)
    course = np.pi * (turned / turn_s + 2.0 * (moments // whole_s))
    north, east = np.cumsum(speed_m_s * np.cos(course)), np.cumsum(speed_m_s * np.sin(course))
    rows = np.arange(0, len(moments), round(step_s))
    return north[rows], east[rows]


@pytest.mark.parametrize("step_s", [4.0, 10.0, 30.0, 45.0, 60.0])
@pytest.mark.parametrize(
    ("speed_m_s", "turn_s", "straight_s"),
    [(120.0, 60.0, 60.0), (120.0, 60.0, 90.0), (200.0, 60.0, 120.0), (55.0, 40.0, 0.0), (230.0, 90.0, 90.0)],
)
def test_a_holding_pattern_stays_whole_and_is_not_named_but_where_it_begins_or_ends(
    step_s, speed_m_s, turn_s, straight_s
):
    """A turn at an end, of which only one side is heard, looks like a report aside where reports are sparse."""
    north_m, east_m = racetrack(step_s, speed_m_s, turn_s, straight_s)
    assert set(named(flown(step_s, north_m, east_m), step_s)) <= {0, 1, len(north_m) - 2, len(north_m) - 1}


@pytest.mark.parametrize("step_s", [5.0, 30.0, 45.0, 60.0])
def test_a_helicopter_that_hovers_dashes_out_and_comes_back_is_not_named(step_s):
    """It takes up speed at 3 m/s2 and gives it up again: to 70 m/s, for 4.2 km out and back."""
    moments = np.arange(0.0, 600.0, 1.0)
    wanted = np.where(
        (moments >= 240) & (moments < 300), 70.0, np.where((moments >= 300) & (moments < 360), -70.0, 0.0)
    )
    speed = [0.0]
    for target in wanted[1:]:
        speed.append(speed[-1] + float(np.clip(target - speed[-1], -3.0, 3.0)))
    north = np.cumsum(speed)[:: round(step_s)]
    assert flown(step_s, north, np.zeros(len(north)), 1_000.0).aside == ()


@pytest.mark.parametrize("turn_deg", [30.0, 90.0, 150.0])
@pytest.mark.parametrize("step_s", [30.0, 60.0])
def test_a_turn_for_weather_and_back_is_not_named(turn_deg, step_s):
    """At three degrees a second, two minutes aside, at one speed."""
    moments = np.arange(0.0, 1_200.0, 1.0)
    wanted = np.where((moments > 400) & (moments < 520), 90.0 - turn_deg, np.where(moments < 640, 90.0 + 0.0, 90.0))
    wanted = np.where((moments >= 520) & (moments < 640), 90.0 + turn_deg, wanted)
    course = [90.0]
    for target in wanted[1:]:
        course.append(course[-1] + float(np.clip(target - course[-1], -3.0, 3.0)))
    north, east = (np.cumsum(120.0 * f(np.radians(course)))[:: round(step_s)] for f in (np.cos, np.sin))
    assert flown(step_s, north, east).aside == ()


@pytest.mark.parametrize("step_s", [0.0, 30.0, 60.0])
def test_hardly_a_report_of_the_recorded_day_is_named_however_few_are_heard(step_s):
    recorded = joined(parquet_columns(CALIFORNIA))
    last: dict[str, float] = {}
    rows = []
    for row in np.argsort(recorded.time_s, kind="stable").tolist():
        name = recorded.icao24[row]
        if recorded.time_s[row] >= last.get(name, 0.0) + step_s:
            last[name] = recorded.time_s[row]
            rows.append(row)
    found = flights_of(TrackColumns(*(getattr(recorded, name)[rows] for name in COLUMNS)))
    assert len(found.flights) > 400
    doubted = sum(bool(flight.aside) for flight in found.flights)
    # With every report it is one flight, rightly: its height drops by 900 ft in 5 s and stays there.
    assert doubted <= (1 if step_s == 0.0 else 0.01 * len(found.flights))
