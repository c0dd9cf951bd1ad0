"""What a change makes of a plan: nothing but what it says."""

import math

import msgspec
import numpy as np
import pytest
from geodesic_oracle import Path
from hypothesis import given
from hypothesis import strategies as st
from plan_strategies import GEOD, START, latitudes, longitudes, moved, plan_of, trajectories_near, volumes_near

from detente.airspace.altitude import Altitude, AltitudeUnit, StandardPressure
from detente.airspace.changes import (
    Delay,
    LateralOffset,
    LevelChange,
    PlanChange,
    apply_change,
    has_course,
    path_length_m,
)
from detente.airspace.plan import Plan, Trajectory
from detente.airspace.refusal import Refusal


@st.composite
def plans(draw) -> Plan:
    latitude, longitude = draw(latitudes), draw(longitudes)
    return draw(st.one_of(trajectories_near(latitude, longitude, "A"), volumes_near(latitude, longitude, "A")))


def moments(plan: Plan) -> list[tuple]:
    """Place, height and time of everything in a plan."""
    if isinstance(plan.intent, Trajectory):
        points = plan.intent.waypoints
        return [(w.position, w.altitude.reading_m, w.time.timestamp(), w.time.timestamp()) for w in points]
    bands = [(v.altitude.lower.reading_m, v.altitude.upper.reading_m) for v in plan.intent]
    return [
        (v.area, band, v.time.start.timestamp(), v.time.end.timestamp())
        for v, band in zip(plan.intent, bands, strict=True)
    ]


@given(plan=plans(), delay_s=st.floats(-3600, 86_400))
def test_a_delay_shifts_times_and_nothing_else(plan, delay_s):
    later = apply_change(plan, Delay(delay_s))
    for before, after in zip(moments(plan), moments(later), strict=True):
        assert after[:2] == before[:2]
        assert after[2] - before[2] == pytest.approx(delay_s, abs=2e-6)
        assert after[3] - before[3] == pytest.approx(delay_s, abs=2e-6)
    assert (later.plan_id, later.aircraft_class) == (plan.plan_id, plan.aircraft_class)


@given(plan=plans(), change_m=st.floats(-1500, 6000))
def test_a_level_change_shifts_heights_and_nothing_else(plan, change_m):
    higher = apply_change(plan, LevelChange(change_m))
    for before, after in zip(moments(plan), moments(higher), strict=True):
        assert (after[0], after[2:]) == (before[0], before[2:])
        assert np.subtract(after[1], before[1]) == pytest.approx(change_m, abs=2e-6)


def test_flight_levels_stay_round():
    level = Altitude(350.0, AltitudeUnit.FLIGHT_LEVEL, StandardPressure())
    flight = plan_of("A", [(moved(40, 0, 0, 0), 0, 0), (moved(40, 0, 0, 9e4), 0, 600)])
    waypoints = tuple(msgspec.structs.replace(w, altitude=level) for w in flight.intent.waypoints)
    flight = msgspec.structs.replace(flight, intent=msgspec.structs.replace(flight.intent, waypoints=waypoints))
    raised = apply_change(flight, LevelChange(1000 * 0.3048))
    assert [w.altitude.value for w in raised.intent.waypoints] == [360.0, 360.0]


@pytest.mark.parametrize("latitude", [0.0, 48.0, -89.5, 89.9])
@pytest.mark.parametrize("longitude", [12.0, 179.9])
@given(course=st.floats(0, 360), turns=st.lists(st.floats(-85, 85), max_size=4), offset_m=st.floats(-20_000, 20_000))
def test_an_offset_route_is_parallel(latitude, longitude, course, turns, offset_m):
    """Legs of 60 km: all points of the new one are as far from the old one's great circle as said, and on that side."""
    points, here = [(moved(latitude, longitude, 0, 0), 3000.0, 0.0)], moved(latitude, longitude, 0, 0)
    for number, turn in enumerate([0.0, *turns], start=1):
        course += turn
        there = moved(here.latitude_deg, here.longitude_deg, course, 60_000)
        back = GEOD.inv(there.longitude_deg, there.latitude_deg, here.longitude_deg, here.latitude_deg)[0]
        here, course = there, back + 180.0
        points.append((here, 3000.0, 300.0 * number))
    plan = plan_of("A", points)
    new = apply_change(plan, LateralOffset(offset_m))
    assert [w.time for w in new.intent.waypoints] == [w.time for w in plan.intent.waypoints]
    assert [w.altitude for w in new.intent.waypoints] == [w.altitude for w in plan.intent.waypoints]
    old_path, new_path = Path(plan.intent), Path(new.intent)
    for leg in range(len(points) - 1):
        share = START.timestamp() + 300.0 * (leg + np.linspace(0.02, 0.98, 9))
        for there, at in zip(np.stack(new_path.at(share), -1), share, strict=True):
            reached = aside_of(old_path, leg, there[0], there[1])
            # Geodesics that begin in parallel do not stay so: 60 km and 20 km aside, a metre or so.
            assert reached == pytest.approx(offset_m, abs=2.0 + 2e-4 * abs(offset_m)), at


def aside_of(path: Path, leg: int, latitude: float, longitude: float) -> float:
    """Distance of a point to the right of a leg's geodesic, which goes on beyond both its ends."""
    lo, la, azimuth = path.longitudes[leg], path.latitudes[leg], path.azimuths[leg]
    along = 0.0
    for _ in range(20):
        x, y, back = GEOD.fwd(lo, la, azimuth, along)
        course = back + 180.0
        bearing, _, distance = GEOD.inv(x, y, longitude, latitude)
        angle = math.radians(bearing - course)
        along += distance * math.cos(angle)
    return distance * math.sin(angle)


def test_a_sharp_turn_is_cut_and_standing_still_stays_on_the_spot():
    out = moved(45, 7, 90, 50_000)
    there_and_back = plan_of("A", [(moved(45, 7, 0, 0), 0, 0), (out, 0, 300), (moved(45, 7, 0, 0), 0, 600)])
    new = apply_change(there_and_back, LateralOffset(1000))
    corner = new.intent.waypoints[1].position
    distance = GEOD.inv(out.longitude_deg, out.latitude_deg, corner.longitude_deg, corner.latitude_deg)[2]
    assert distance == pytest.approx(2000, abs=0.01)
    waiting = plan_of("A", [(moved(45, 7, 0, 0), 0, 0), (out, 0, 300), (out, 0, 900), (moved(45, 8, 0, 9e4), 0, 1200)])
    held = apply_change(waiting, LateralOffset(-3000)).intent.waypoints
    assert held[1].position == held[2].position


def test_no_right_or_left_without_a_course():
    hovering = plan_of("A", [(moved(45, 7, 0, 0), 0, 0), (moved(45, 7, 0, 0), 0, 300)])
    assert not has_course(hovering)
    assert path_length_m(hovering) == 0.0
    with pytest.raises(Refusal, match="a plan with a course"):
        apply_change(hovering, LateralOffset(100))


@given(st.data())
def test_volumes_have_no_right_or_left(data):
    plan = data.draw(volumes_near(45.0, 7.0, "A"))
    with pytest.raises(Refusal, match="a plan with a course"):
        apply_change(plan, LateralOffset(100))


def test_out_of_range_is_refused():
    flight = plan_of("A", [(moved(40, 0, 0, 0), 3000, 0), (moved(40, 0, 0, 9e4), 3000, 600)])
    with pytest.raises(Refusal, match="an altitude between"):
        apply_change(flight, LevelChange(-5001))
    with pytest.raises(Refusal, match="delay_s"):
        Delay(math.nan)


@given(change=st.one_of(
    st.builds(Delay, st.floats(-600_000, 600_000)), st.builds(LevelChange, st.floats(-9e3, 9e3)),
    st.builds(LateralOffset, st.floats(-9e4, 9e4)),
))  # fmt: skip
def test_changes_cross_the_wire(change):
    assert msgspec.json.decode(msgspec.json.encode(change), type=PlanChange) == change
