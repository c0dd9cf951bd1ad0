"""The exact predicate against dense samples of pyproj geodesics: its error, grazing, touching, standing still."""

from datetime import timedelta

import numpy as np
import pytest
from geodesic_oracle import GEOD, Area, Path, least, least_distance_m
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from plan_strategies import (
    START,
    latitudes,
    level,
    longitudes,
    moved,
    pairs_of_trajectories,
    plan_of,
    trajectories_near,
    volumes_near,
)

from detente.airspace.altitude import AltitudeBand
from detente.airspace.plan import Circle, Plan, Polygon, TimeWindow, Volume4D
from detente.airspace.position import Position
from detente.airspace.search import encounter
from detente.airspace.separation import AltitudeFrame, Minima
from length import at_length, quickly

ERROR_M = 0.005
"""The stated error of the horizontal distance; beyond it and the tolerance of 1 cm the verdict must be the oracle's."""
VERTICAL_M = 304.8
NM_M = 1852.0


def assert_flips_at(first: Plan, second: Plan, distance_m: float, time_s: float = 0.0) -> None:
    """A minimum just above the true distance is a conflict, one just below is not; the distance is reported."""
    over = encounter(first, second, Minima(distance_m + ERROR_M, VERTICAL_M, time_s))
    assert over is not None, f"missed: true distance {distance_m}"
    assert over.horizontal_m == pytest.approx(distance_m, abs=2 * ERROR_M)
    if distance_m > 0.01 + 2 * ERROR_M:
        under = encounter(first, second, Minima(distance_m - 0.01 - ERROR_M, VERTICAL_M, time_s))
        assert under is None, f"invented: true distance {distance_m}, found {under.horizontal_m}"


def check_trajectories(pair: tuple[Plan, Plan]) -> None:
    first, second = pair
    # A hair below the minimum: separation of exactly the minimum is separation.
    true_m = least_distance_m(first.intent, second.intent, VERTICAL_M - 1e-6)
    if np.isinf(true_m):
        assert encounter(first, second, Minima(190_000, VERTICAL_M)) is None
    else:
        assume(true_m < 190_000)
        assert_flips_at(first, second, true_m)


@settings(max_examples=quickly(60), deadline=None)
@given(pairs_of_trajectories())
def test_trajectories_against_the_oracle(pair):
    check_trajectories(pair)


@pytest.mark.long
@settings(max_examples=at_length(1500), deadline=None)
@given(pairs_of_trajectories())
def test_trajectories_against_the_oracle_at_length(pair):
    check_trajectories(pair)


@settings(max_examples=at_length(80), deadline=None)
@given(pairs_of_trajectories(), st.sampled_from([10.0, 60.0, 240.0]))
def test_trajectories_with_a_time_minimum_never_miss(pair, time_s):
    first, second = pair
    sampled_m = least_distance_m(first.intent, second.intent, VERTICAL_M - 1e-6, time_s)
    assume(sampled_m < 190_000)
    found = encounter(first, second, Minima(sampled_m + ERROR_M, VERTICAL_M, time_s))
    assert found is not None
    # Two parameters are sampled more coarsely than one, so the oracle stays a little above the truth.
    assert found.horizontal_m <= sampled_m + ERROR_M
    assert abs((found.closest_first_time - found.closest_second_time).total_seconds()) <= time_s + 1e-3


def leg_to_area_m(first: Plan, volume: Volume4D, vertical_m: float) -> float:
    """The oracle for a trajectory and a volume."""
    path, area = Path(first.intent), Area(volume)
    lower, upper = volume.altitude.lower.reading_m, volume.altitude.upper.reading_m
    start = max(path.times[0], volume.time.start.timestamp())
    end = min(path.times[-1], volume.time.end.timestamp())
    if start > end:
        return np.inf

    def distance(times: np.ndarray) -> np.ndarray:
        latitude, longitude, height = path.at(times)
        allowed = (height >= lower - vertical_m) & (height <= upper + vertical_m)
        values = [
            area.distance_m(a, o) if ok else np.inf for a, o, ok in zip(latitude, longitude, allowed, strict=True)
        ]
        return np.array(values)

    return least(distance, start, end, samples=40, basins=1)


@pytest.mark.long
@settings(max_examples=at_length(100), deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(latitudes, longitudes, st.data())
def test_a_trajectory_and_a_volume_never_miss(latitude, longitude, data):
    first = data.draw(trajectories_near(latitude, longitude, "A", legs=1))
    second = data.draw(volumes_near(latitude, longitude, "B"))
    sampled_m = leg_to_area_m(first, second.intent[0], VERTICAL_M - 1e-6)
    assume(sampled_m < 190_000)
    found = encounter(first, second, Minima(sampled_m + ERROR_M, VERTICAL_M))
    assert found is not None
    other_way = encounter(second, first, Minima(sampled_m + ERROR_M, VERTICAL_M))
    assert other_way is not None
    assert other_way.horizontal_m == pytest.approx(found.horizontal_m, abs=ERROR_M)
    assert found.horizontal_m <= sampled_m + ERROR_M
    # Whatever closer point it found is really that close to the area.
    where = found.closest_first_position
    assert Area(second.intent[0]).distance_m(where.latitude_deg, where.longitude_deg) == pytest.approx(
        found.horizontal_m, abs=0.02
    )


@pytest.mark.long
@settings(max_examples=25, deadline=None)
@given(latitudes, longitudes, st.data())
def test_two_volumes_against_the_oracle(latitude, longitude, data):
    first = data.draw(volumes_near(latitude, longitude, "A"))
    second = data.draw(volumes_near(latitude, longitude, "B"))
    a, b = first.intent[0], second.intent[0]
    apart_in_time = a.time.start > b.time.end or b.time.start > a.time.end
    gap_m = max(
        a.altitude.lower.reading_m - b.altitude.upper.reading_m, b.altitude.lower.reading_m - a.altitude.upper.reading_m
    )
    near = encounter(first, second, Minima(199_000, VERTICAL_M))
    assert (near is None) == (apart_in_time or gap_m >= VERTICAL_M - 1e-6)
    if near is None:
        return
    edge_a, edge_b = Area(a, 60), Area(b, 60)
    if edge_a.corners is None:
        sampled_m = max(0.0, edge_b.distance_m(edge_a.latitudes[0], edge_a.longitudes[0]) - edge_a.radius)
    elif edge_b.corners is None:
        sampled_m = max(0.0, edge_a.distance_m(edge_b.latitudes[0], edge_b.longitudes[0]) - edge_b.radius)
    else:
        sampled_m = min(
            *(edge_b.distance_m(lat, lon) for lat, lon in zip(edge_a.latitudes, edge_a.longitudes, strict=True)),
            *(edge_a.distance_m(lat, lon) for lat, lon in zip(edge_b.latitudes, edge_b.longitudes, strict=True)),
        )
    assert encounter(first, second, Minima(sampled_m + ERROR_M, VERTICAL_M)) is not None
    # Corners and 60 samples an edge: between two edges that face each other the oracle can only be too far.
    assert near.horizontal_m <= sampled_m + ERROR_M
    for area, where in ((edge_a, near.closest_second_position), (edge_b, near.closest_first_position)):
        assert (
            area.distance_m(where.latitude_deg, where.longitude_deg)
            <= near.horizontal_m + (edge_a.radius + edge_b.radius) + 0.02
        )


def head_on(offset_m: float, height_m: float = 0.0, latitude: float = 36.0) -> tuple[Plan, Plan]:
    """Two flights along a meridian, `offset_m` apart sideways at the equator of their paths."""
    east = moved(latitude, -121.0, 90.0, offset_m).longitude_deg
    first = plan_of("A", [(Position(latitude - 1, -121.0), 3000.0, 0), (Position(latitude + 1, -121.0), 3000.0, 1000)])
    second = plan_of(
        "B",
        [(Position(latitude + 1, east), 3000.0 + height_m, 0), (Position(latitude - 1, east), 3000.0 + height_m, 1000)],
    )
    return first, second


def test_grazing_at_the_minimum():
    first, second = head_on(5 * NM_M)
    true_m = least_distance_m(first.intent, second.intent, VERTICAL_M)
    assert_flips_at(first, second, true_m)


def test_a_thousand_feet_is_separation_and_a_millimetre_less_is_not():
    assert encounter(*head_on(0.0, 304.8), Minima(5 * NM_M, 304.8)) is None
    assert encounter(*head_on(0.0, 304.799), Minima(5 * NM_M, 304.8)) is not None


def test_zero_minima_mean_that_plans_may_not_share_a_point():
    assert encounter(*head_on(0.0), Minima(0.0, 0.0)) is not None
    assert encounter(*head_on(1.0), Minima(0.0, 0.0)) is None
    assert encounter(*head_on(0.0, 0.01), Minima(0.0, 0.0)) is None


def test_standing_still_at_the_same_place_and_beside_it():
    here, there = Position(10.0, 20.0), moved(10.0, 20.0, 45.0, 100.0)
    first = plan_of("A", [(here, 3000.0, 0), (here, 3000.0, 600)])
    assert encounter(first, plan_of("B", [(here, 3000.0, 100)]), Minima(1.0, 1.0)) is not None
    assert_flips_at(first, plan_of("B", [(there, 3000.0, 100), (there, 3000.0, 700)]), 100.0)
    assert encounter(first, plan_of("B", [(here, 3000.0, 600)]), Minima(1.0, 1.0)) is not None
    assert encounter(first, plan_of("B", [(here, 3000.0, 600.001)]), Minima(1.0, 1.0)) is None


def test_simultaneous_ends_touch_in_one_instant():
    a, b, c = Position(36.0, -121.0), Position(36.5, -121.0), Position(37.0, -121.0)
    first = plan_of("A", [(a, 3000.0, 0), (b, 3000.0, 300)])
    second = plan_of("B", [(b, 3000.0, 300), (c, 3000.0, 600)])
    found = encounter(first, second, Minima(10.0, 10.0))
    assert found is not None
    assert found.start == found.end == START + timedelta(seconds=300)
    late = plan_of("B", [(b, 3000.0, 300.01), (c, 3000.0, 600)])
    assert encounter(first, late, Minima(10.0, 10.0)) is None
    assert encounter(first, late, Minima(10.0, 10.0, 0.01)) is not None


@pytest.mark.parametrize("latitude", [0.0, 60.0, -89.0, 90.0])
def test_across_the_antimeridian_and_over_the_pole(latitude):
    west, east = moved(latitude, 180.0, 270.0, 20_000), moved(latitude, 180.0, 90.0, 20_000)
    first = plan_of("A", [(west, 3000.0, 0), (east, 3000.0, 200)])
    second = plan_of("B", [(east, 3000.0, 0), (west, 3000.0, 200)])
    found = encounter(first, second, Minima(5 * NM_M, VERTICAL_M))
    assert found is not None
    assert found.horizontal_m < ERROR_M
    assert found.closest_first_time == pytest.approx(START + timedelta(seconds=100), abs=timedelta(milliseconds=10))


def test_times_of_entry_and_exit_are_those_of_the_oracle():
    first, second = head_on(3 * NM_M)
    found = encounter(first, second, Minima(5 * NM_M, VERTICAL_M))
    a, b = Path(first.intent), Path(second.intent)
    for moment, sign in ((found.start, -1), (found.end, 1)):
        for shift_s, inside in ((sign * 0.001, False), (-sign * 0.001, True)):
            at = np.array([moment.timestamp() + shift_s])
            (la, oa, _), (lb, ob, _) = a.at(at), b.at(at)
            assert (GEOD.inv(oa, la, ob, lb)[2][0] < 5 * NM_M + 0.01) == inside


def test_containment_adds_to_the_minima():
    first, second = head_on(1000.0)
    wide = Plan(
        "A",
        type(first.intent)(first.intent.waypoints, plan_of("x", [(Position(0, 0), 0.0, 0)], 600.0).intent.containment),
    )
    assert encounter(first, second, Minima(500.0, 10.0)) is None
    found = encounter(wide, second, Minima(500.0, 10.0))
    assert found is not None
    assert found.required_horizontal_m == 1100.0


def box(name: str, corners, lower=0.0, upper=1000.0, start_s=0, end_s=600) -> Plan:
    window = TimeWindow(START + timedelta(seconds=start_s), START + timedelta(seconds=end_s))
    area = corners if isinstance(corners, Circle) else Polygon(tuple(Position(*c) for c in corners))
    return Plan(name, (Volume4D(area, AltitudeBand(level(lower), level(upper)), window),))


def test_a_flight_inside_a_large_area_is_found_without_touching_an_edge():
    area = box("V", [(30, -130), (30, -110), (45, -110), (45, -130)], 0, 5000)
    inside = plan_of("A", [(Position(37, -120), 3000.0, 0), (Position(37.1, -120), 3000.0, 60)])
    outside = plan_of("B", [(Position(46, -120), 3000.0, 0), (Position(46.1, -120), 3000.0, 60)])
    assert encounter(inside, area, Minima(0.0, 0.0)).horizontal_m == 0.0
    assert encounter(outside, area, Minima(0.0, 0.0)) is None


def test_areas_over_a_pole_and_across_the_antimeridian():
    cap = box("cap", [(80, -180), (80, -90), (80, 0), (80, 90)])
    assert encounter(cap, box("pole", Circle(Position(90.0, 0.0), 10.0)), Minima(0.0, 0.0)) is not None
    assert encounter(cap, box("south", Circle(Position(-90.0, 0.0), 10.0)), Minima(0.0, 0.0)) is None
    strip = box("strip", [(10, 179), (10, -179), (12, -179), (12, 179)])
    assert encounter(strip, box("on", Circle(Position(11.0, 180.0), 10.0)), Minima(0.0, 0.0)) is not None
    assert encounter(strip, box("off", Circle(Position(11.0, 0.0), 10.0)), Minima(0.0, 0.0)) is None


def test_one_area_inside_another_and_touching_times():
    outer = box("outer", [(36, -122), (36, -121), (37, -121), (37, -122)])
    inner = box("inner", [(36.4, -121.6), (36.4, -121.4), (36.6, -121.4), (36.6, -121.6)], start_s=600, end_s=900)
    assert encounter(outer, inner, Minima(0.0, 0.0)) is not None
    later = box("inner", [(36.4, -121.6), (36.4, -121.4), (36.6, -121.4), (36.6, -121.6)], start_s=601, end_s=900)
    assert encounter(outer, later, Minima(0.0, 0.0)) is None
    assert encounter(outer, later, Minima(0.0, 0.0, 1.0)) is not None


def test_heights_on_one_reference_are_compared_as_planned():
    found = encounter(*head_on(0.0), Minima(5 * NM_M, 304.8))
    assert found.altitude_frame is AltitudeFrame.AS_PLANNED
