"""Which plans can meet nothing, against every pair by hand; the extent of sets around antimeridian and poles."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.airspace.altitude import Altitude, AltitudeBand, AltitudeUnit, MeanSeaLevel, StandardPressure
from detente.airspace.compiled import Vocabulary, compile_plans
from detente.airspace.extent import alone_in_place, alone_in_time, exchanged, extent, reach
from detente.airspace.plan import Circle, Containment, Plan, TimeWindow, Trajectory, Volume4D, Waypoint
from detente.airspace.position import Position
from detente.airspace.search import encounters_between
from detente.airspace.separation import Minima, MinimaTable

START = datetime(2025, 6, 1, 14, tzinfo=UTC)
ANY_HEIGHT = Minima(9_260.0, 20_000.0, 30.0)


def circle(plan_id, latitude, longitude, minute=0, minutes=10, radius_m=2_000.0) -> Plan:
    low, high = (Altitude(value, AltitudeUnit.METRE, MeanSeaLevel()) for value in (0.0, 500.0))
    begin = START + timedelta(minutes=minute)
    window = TimeWindow(begin, begin + timedelta(minutes=minutes))
    return Plan(plan_id, (Volume4D(Circle(Position(latitude, longitude), radius_m), AltitudeBand(low, high), window),))


def line(plan_id, *places) -> Plan:
    waypoints = tuple(
        Waypoint(
            Position(*place), Altitude(350.0, AltitudeUnit.FLIGHT_LEVEL, StandardPressure()),
            START + timedelta(hours=number),
        )
        for number, place in enumerate(places)
    )  # fmt: skip
    return Plan(plan_id, Trajectory(waypoints, Containment(1_000.0, 50.0, 10.0)))


def reaches(*sides):
    vocabulary = Vocabulary()
    return [reach(compile_plans(side, vocabulary)) for side in sides]


circles = st.lists(
    st.tuples(
        st.sampled_from([0.0, 45.0, 89.5, -89.9]), st.sampled_from([-180.0, -179.9, 0.0, 8.0, 179.95]),
        st.integers(0, 40), st.integers(0, 15),
    ),
    min_size=1, max_size=6,
)  # fmt: skip


@given(circles, circles)
def test_what_meets_something_is_never_called_alone_and_times_are_exact(first, second):
    ours = [circle(f"a{n}", *one) for n, one in enumerate(first)]
    theirs = [circle(f"b{n}", *one) for n, one in enumerate(second)]
    here, there = reaches(ours, theirs)
    in_place, in_time = alone_in_place(here, there, ANY_HEIGHT), alone_in_time(here, there, ANY_HEIGHT)
    for one in encounters_between(ours, theirs, MinimaTable(ANY_HEIGHT)):
        number = int(one.first_plan_id[1:])
        assert not in_place[number]
        assert not in_time[number]
    slack = timedelta(seconds=ANY_HEIGHT.time_s)
    for number, own in enumerate(ours):
        common = any(
            own.time.start <= other.time.end + slack and other.time.start <= own.time.end + slack for other in theirs
        )
        assert in_time[number] == (not common)


@given(st.lists(st.tuples(st.floats(-88.0, 88.0), st.floats(-180.0, 180.0)), min_size=1, max_size=5))
def test_what_is_far_is_alone(places):
    ours = [circle(f"a{n}", *place) for n, place in enumerate(places)]
    theirs = [circle("b", 0.0, 0.0)]
    alone = alone_in_place(*reaches(ours, theirs), ANY_HEIGHT)
    for number, (latitude, longitude) in enumerate(places):
        if abs(latitude) > 0.2 or (0.2 < abs(longitude) < 359.8):
            assert alone[number]


def test_exchanged_coordinates_are_found_out():
    ours, theirs = [circle("a", 46.0, 8.0)], [circle("b", 8.0, 46.0)]
    here, there = reaches(ours, theirs)
    assert alone_in_place(here, there, ANY_HEIGHT).all()
    turned = exchanged(there)
    assert turned is not None
    assert not alone_in_place(here, turned, ANY_HEIGHT).any()
    assert exchanged(reaches([circle("c", 10.0, 120.0)])[0]) is None


@pytest.mark.parametrize(
    ("plans", "west", "east"),
    [
        ([circle("a", 0.0, 179.5), circle("b", 0.0, -179.5)], 179.48, -179.48),
        ([line("a", (0.0, 170.0), (0.0, -170.0))], 169.99, -169.99),
        ([circle("a", 0.0, -10.0), circle("b", 0.0, 20.0)], -10.02, 20.02),
        ([circle("a", 89.9, 0.0)], -180.0, 180.0),
    ],
)
def test_the_extent_is_the_shortest_arc(plans, west, east):
    compiled = compile_plans(plans, Vocabulary())
    found = extent(compiled.plans, reach(compiled))
    assert (found.west, found.east) == pytest.approx((west, east), abs=0.01)
    assert np.isfinite((found.south, found.north)).all()


def test_heights_are_told_on_the_reference_and_in_the_unit_given():
    compiled = compile_plans([circle("a", 0.0, 0.0), line("b", (0.0, 0.0), (1.0, 1.0))], Vocabulary())
    spans = {
        (one.reference, one.unit): (one.lowest, one.highest) for one in extent(compiled.plans, reach(compiled)).heights
    }
    assert spans == {("mean_sea_level", "m"): (0.0, 500.0), ("standard", "FL"): (350.0, 350.0)}
