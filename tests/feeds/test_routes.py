"""Routes and missions: each is known by its content, flown as it is meant, and refused by name where it cannot be."""

import gzip
import json
import math
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from feed_samples import KML, changed
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from route_samples import (
    AEROAPI,
    COT,
    FLIGHTAWARE,
    FOREFLIGHT,
    FPL,
    GARMIN,
    MSL,
    OPTIONS,
    PLAN,
    POINTS,
    SAMPLES,
    START,
    TAKEOFF,
    WPL,
    item,
    plan,
    survey,
)  # fmt: skip

from detente.airspace.altitude import Altitude, AltitudeUnit, Ellipsoid, StandardPressure
from detente.airspace.geodesy import GEOD
from detente.airspace.plan import Circle, Containment
from detente.airspace.position import Position
from detente.airspace.refusal import Refusal
from detente.feeds.dropped import DropReason
from detente.feeds.geojson import read_geojson, write_geojson
from detente.feeds.load import LoadOptions, load_plans
from detente.feeds.named_points import read_points
from detente.feeds.recognition import PlanFormat, plan_format
from detente.feeds.routes import Leg, LegHeights, Profile, flown
from length import quickly

QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
CONTENTS = {name: content for name, (content, _) in SAMPLES.items()}


def without(*names, of="routes", **others):
    """The options without some of those for routes."""
    return msgspec.structs.replace(
        OPTIONS, routes=msgspec.structs.replace(OPTIONS.routes, **dict.fromkeys(names)), **others
    )


@pytest.fixture
def load(tmp_path):
    """Read the content of a file; the plans by their identifiers, and what was left out by its reason."""

    def read(content, options=OPTIONS, name="file"):
        path = tmp_path / name
        content = json.dumps(content) if isinstance(content, dict) else content
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        found = load_plans(path, options)
        return {plan.plan_id: plan.intent for plan in found.plans}, {one.reason: one.count for one in found.dropped}

    return read


@pytest.fixture
def refused(load):
    """The line with which the content of a file is refused."""

    def read(content, options=OPTIONS):
        with pytest.raises(Refusal) as caught:
            load(content, options)
        return str(caught.value)

    return read


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("suffix", ["", ".kml", ".txt"])
def test_a_route_is_known_by_its_content_whatever_the_file_is_called(tmp_path, name, suffix):
    content, expected = SAMPLES[name]
    path = tmp_path / f"file{suffix}"
    for spelling in (content, gzip.compress(content), content.replace(b"\n", b"\r\n")):
        path.write_bytes(spelling)
        assert plan_format(path) is expected


@pytest.mark.parametrize("name", SAMPLES)
def test_line_ends_and_a_mark_that_says_utf8_change_nothing(load, refused, name):
    content = CONTENTS[name]
    assert load(content.replace(b"\n", b"\r\n")) == load(content)
    if not name.endswith((".plan", ".json")):
        assert load(b"\xef\xbb\xbf" + content) == load(content)
    if SAMPLES[name][1] not in {PlanFormat.GARMIN, PlanFormat.COT}:
        insisted = msgspec.structs.replace(OPTIONS, plan_format=SAMPLES[name][1])
        assert "UTF-16" in refused(content.decode().encode("utf-16"), insisted)


@pytest.mark.parametrize("name", SAMPLES)
def test_what_a_reader_made_is_the_same_plan_when_it_is_written_and_read_again(tmp_path, name):
    (tmp_path / name).write_bytes(CONTENTS[name])
    plans = load_plans(tmp_path / name, OPTIONS).plans
    assert read_geojson(write_geojson(plans)) == plans


def seconds(trajectory):
    return [
        round((waypoint.time - trajectory.waypoints[0].time).total_seconds(), 3) for waypoint in trajectory.waypoints
    ]


def heights(trajectory):
    return [round(waypoint.altitude.value, 3) for waypoint in trajectory.waypoints]


def metres(first, second):
    return GEOD.inv(first.longitude_deg, first.latitude_deg, second.longitude_deg, second.latitude_deg)[2]


def test_a_mission_is_flown_from_home_with_its_speeds_and_waits(load):
    plans, dropped = load(PLAN, name="Survey 7.plan")
    flight = plans["Survey-7"]
    first = flight.waypoints[0]
    assert (first.position, first.time) == (Position(47.3977419, 8.545594), START)
    assert first.altitude == Altitude(487.989, AltitudeUnit.METRE, MSL)
    north, east, far, back = 251.052, 332.595, 754.864, 1116.084
    up, home = (914.4 - 577.989) / 2.5, (914.4 - 487.989) / 2.5
    legs = [0.0, 20.0, north / 5.0, 30.0, east / 10.0, far / 10.0, up, back / 10.0, home]
    assert seconds(flight) == pytest.approx([sum(legs[: n + 1]) for n in range(len(legs))], abs=0.01)
    assert heights(flight) == [487.989, 537.989, 537.989, 537.989, 537.989, 577.989, 914.4, 914.4, 487.989]
    assert flight.waypoints[-1].position == first.position
    assert dropped == {DropReason.FENCE: 1, DropReason.RALLY_POINT: 1}


def test_the_three_kinds_of_altitude_are_above_home_the_sea_and_the_ground(load):
    flight = load(plan(TAKEOFF, *(item(16, 0, 0, 0, None, 47.4, 8.55 + n / 1000, 60, frame=frame)
                                  for n, frame in enumerate((3, 0, 10, 6, 5, 11)))))[0]["file"]  # fmt: skip
    assert heights(flight)[2:] == [547.989, 60.0, 540.0, 547.989, 60.0, 540.0]
    # The ground may be 10 m off: so may what is flown above it, to and from there.
    assert [leg.vertical_m for leg in flight.leg_containments[1:]] == [0.0, 0.0, 10.0, 10.0, 0.0, 10.0]


def test_a_mission_text_has_its_home_in_the_first_line(load):
    flight = load(WPL)[0]["file"]
    assert heights(flight) == [487.989, 537.989, 537.989, 537.989, 540.0, 480.0]
    assert seconds(flight)[3] - seconds(flight)[2] == 30.0
    assert load(WPL.replace("\t", "   "))[0]["file"] == flight


def test_a_circle_is_as_wide_as_its_radius_and_as_long_as_its_turns(load):
    aeroplane = {"vehicleType": 1}
    away = item(22, 15, 0, 0, None, 47.40, 8.56, 60)
    flight = load(plan(away, item(18, 3, 0, -80, 1, 47.41, 8.56, 60), **aeroplane))[0]["file"]
    assert seconds(flight)[-1] - seconds(flight)[-2] == pytest.approx(3 * 2 * math.pi * 80 / 15, abs=0.001)
    assert [leg.lateral_m for leg in flight.leg_containments] == [0.0, 80.0, 80.0]
    # It leaves the circle up to one turn later.
    assert flight.containment.along_time_s == pytest.approx(2 * math.pi * 80 / 15)
    waited = load(plan(away, item(19, 60, 0, 80, 1, 47.41, 8.56, 60), **aeroplane))[0]["file"]
    assert seconds(waited)[-1] - seconds(waited)[-2] == 60.0
    lower = load(plan(away, item(31, 1, 80, 0, 1, 47.41, 8.56, 35), **aeroplane))[0]["file"]
    assert seconds(lower)[-1] - seconds(lower)[-2] == pytest.approx(10.0)


def test_a_condition_may_or_may_not_hold_the_aircraft_back(load):
    flight = load(plan(TAKEOFF, item(112, 15, frame=2), item(16, 0, 0, 0, None, 47.4, 8.55, 50)))[0]["file"]
    assert flight.containment.along_time_s == 15.0


def test_an_aeroplane_does_not_hold_and_a_landing_pattern_is_two_items(load):
    landing = {
        "altitudesAreRelative": True, "complexItemType": "fwLandingPattern", "landCoordinate": [47.39, 8.54, 0],
        "landingApproachCoordinate": [47.4, 8.54, 40], "loiterClockwise": True, "loiterRadius": 75,
        "stopTakingPhotos": True, "stopVideoPhotos": True, "type": "ComplexItem", "useLoiterToAlt": False,
        "valueSetIsDistance": False, "version": 2,
    }  # fmt: skip
    away = item(22, 15, 0, 0, None, 47.40, 8.56, 60)
    flight = load(plan(away, item(16, 30, 0, 0, None, 47.41, 8.56, 60), landing, vehicleType=1))[0]["file"]
    assert heights(flight) == [487.989, 547.989, 547.989, 527.989, 487.989]
    circled = load(plan(away, changed(json.loads(json.dumps(landing)), {"useLoiterToAlt": True}), vehicleType=1))
    assert heights(circled[0]["file"]) == [487.989, 547.989, 547.989, 527.989, 487.989]


def test_a_vtol_aircraft_hovers_up_flies_forward_and_hovers_down(load):
    flight = load(plan(item(84, 0, 0, 0, None, 47.3977419, 8.5556, 50), item(16, 0, 0, 0, None, 47.4, 8.5656, 50),
                       item(85, 0, 0, 0, None, 47.4, 8.5756, 0), vehicleType=22))[0]["file"]  # fmt: skip
    assert heights(flight) == [487.989, 537.989, 537.989, 537.989, 537.989, 487.989]
    legs = [metres(a.position, b.position) for a, b in zip(flight.waypoints, flight.waypoints[1:], strict=False)]
    took = [b - a for a, b in zip(seconds(flight), seconds(flight)[1:], strict=False)]
    assert took[1:4] == pytest.approx([legs[1] / 15, legs[2] / 15, legs[3] / 15], abs=0.002)


def test_the_radius_within_which_a_waypoint_is_passed_widens_its_leg(load):
    flight = load(plan(TAKEOFF, item(16, 0, 12, 0, None, 47.4, 8.55, 50)))[0]["file"]
    assert [leg.lateral_m for leg in flight.leg_containments] == [0.0, 12.0]


MISSING = {
    "start": (PLAN, "--start 2025-06-01T14:30Z"),
    "speed_m_s": (WPL, "--speed 120kt"),
    "climb_m_s": (PLAN, "--climb 500ft/min"),
    "altitude": (PLAN, "--height"),
    "points": (FPL, "--points FILE"),
    "heights": (COT, "--heights FL100..FL120"),
}


@pytest.mark.parametrize("what", MISSING)
def test_what_a_file_does_not_say_is_asked_for_by_its_option(refused, what):
    content, option = MISSING[what]
    assert option in refused(content, without(what))


def test_what_is_missing_of_each_other_format_is_asked_for_too(refused):
    for content in (GARMIN, COT):
        assert "--start" in refused(content, without("start"))
        assert "--speed" in refused(content, without("speed_m_s"))
    assert "--height" in refused(GARMIN, without("altitude"))
    assert "--climb" in refused(GARMIN, without("climb_m_s"))
    assert "--climb" in refused(FPL, without("climb_m_s"))
    assert "--start" in refused(FPL.replace("DOF/250601 ", ""), without("start"))
    assert "--start" in refused(FLIGHTAWARE, without("start"))
    assert "--utc-offset" in refused(FLIGHTAWARE, LoadOptions(routes=OPTIONS.routes))
    assert "--ground-elevation" in refused(WPL, LoadOptions(routes=OPTIONS.routes))
    assert "--height" in refused(FPL.replace("K0180A045", "K0180VFR"), without("altitude"))


def test_a_garmin_route_climbs_from_its_airport_and_sinks_to_the_other(load):
    plans, dropped = load(GARMIN)
    flight = plans["LSZB-LSGG"]
    # Below all ground, -500 m, and 3,000 ft: until it must be up there it may be anywhere between.
    half_m = (914.4 + 500.0) / 2.0
    climb_s = 2.0 * half_m / 2.5
    assert seconds(flight)[2] == pytest.approx(climb_s, abs=0.001)
    assert seconds(flight)[-1] - seconds(flight)[-2] == pytest.approx(climb_s, abs=0.001)
    assert [leg.vertical_m for leg in flight.leg_containments] == pytest.approx([half_m, half_m, 0.0, half_m])
    assert flight.waypoints[0].altitude.reading_m == pytest.approx(914.4 - half_m)
    length = sum(metres(a.position, b.position) for a, b in zip(flight.waypoints, flight.waypoints[1:], strict=False))
    assert seconds(flight)[-1] == pytest.approx(length / 50.0, abs=0.05)
    assert dropped == {DropReason.POINT: 1}


def test_foreflight_says_when_and_how_many_feet_but_not_above_what(load, refused):
    flight = load(FOREFLIGHT, without("start"))[0]["ALB-TO-IGN"]
    assert flight.waypoints[0].time == datetime(2025, 6, 1, 15, 0, tzinfo=UTC)
    assert [waypoint.altitude for waypoint in flight.waypoints] == [OPTIONS.routes.altitude] * 2
    assert "reference of this altitude" in refused(FOREFLIGHT, without("altitude"))
    assert "3,000 feet, as --height says" in refused(FOREFLIGHT.replace("<altitude-ft>3000", "<altitude-ft>5000"))
    empty = FOREFLIGHT.replace("20250601T15:00:00Z", "").replace("<altitude-ft>3000", "<altitude-ft>")
    assert load(empty)[0]["ALB-TO-IGN"].waypoints[0].time == START


def test_a_filed_flight_plan_is_flown_at_its_speeds_along_its_airway(load):
    plans, dropped = load(FPL)
    flight = plans["ABC123"]
    legs = [(51.4775, -0.4614), (51.1627, 1.3591), (50.1351, 1.8547), (50.0, 2.0), (49.5, 2.2), (49.5, 2.5),
            (49.0097, 2.5478)]  # fmt: skip
    assert [(w.position.latitude_deg, w.position.longitude_deg) for w in flight.waypoints] == legs
    knots = [400, 400, 420, 420, 420, 420]
    positions = [Position(*leg) for leg in legs]
    times = [metres(a, b) / (speed * 1852 / 3600) for a, b, speed in zip(positions, positions[1:], knots, strict=False)]
    assert seconds(flight) == pytest.approx([sum(times[:n]) for n in range(len(legs))], abs=0.002)
    # The climb at this rate takes longer than the flight: it may be anywhere from the surface to its highest level.
    assert {waypoint.altitude.reference for waypoint in flight.waypoints} == {StandardPressure()}
    low, high = -1500.0, 9753.6
    assert flight.waypoints[0].altitude.reading_m == pytest.approx((low + high) / 2)
    assert flight.containment.vertical_m == pytest.approx((high - low) / 2)
    # It is filed with a total of 58 minutes; the difference is how wrong its times may be.
    assert flight.containment.along_time_s == pytest.approx(58 * 60 - sum(times), abs=0.01)
    assert dropped == {DropReason.FLIGHT_PLAN_ITEM: 5}


def test_a_flight_from_a_place_without_a_name_and_a_bearing_in_degrees_magnetic(load):
    flight = load(FPL)[0]["FLY7"]
    assert flight.waypoints[0].time == datetime(2025, 6, 2, 6, 0, tzinfo=UTC)
    assert flight.waypoints[0].position == Position(46.0 + 55 / 60, 7.5)
    aside = flight.waypoints[3].position
    azimuth, _, length = GEOD.inv(1.3591, 51.1627, aside.longitude_deg, aside.latitude_deg)
    # 090 magnetic where magnetic north lies 1.5 degrees east.
    assert (azimuth, length) == pytest.approx((91.5, 20 * 1852.0))
    assert {waypoint.altitude.reference for waypoint in flight.waypoints} == {MSL}
    fast = metres(flight.waypoints[2].position, aside) / (seconds(flight)[3] - seconds(flight)[2])
    assert fast == pytest.approx(200 / 3.6, abs=0.01)


def test_a_flight_plan_without_date_leaves_at_the_next_such_time_from_the_start(load):
    for clock, day in (("1430", 1), ("1429", 2), ("2359", 1)):
        content = FPL.replace("DOF/250601 ", "").replace("EGLL1430", f"EGLL{clock}")
        time = load(content)[0]["ABC123"].waypoints[0].time
        assert (time.day, f"{time:%H%M}") == (day, clock)


LEVELS = {
    "F300": (300.0, AltitudeUnit.FLIGHT_LEVEL, StandardPressure()),
    "S0914": (9140.0, AltitudeUnit.METRE, StandardPressure()),
    "A045": (4500.0, AltitudeUnit.FOOT, MSL),
    "M0150": (1500.0, AltitudeUnit.METRE, MSL),
}


@pytest.mark.parametrize("level", LEVELS)
def test_each_kind_of_level_keeps_its_unit_and_reference(load, level):
    content = FPL.partition("(FPL-FLY7")[0].replace("F300", level).replace("/N0420F320", f"/N0420{level}")
    fast = msgspec.structs.replace(OPTIONS.routes, climb_m_s=60.0)
    flight = load(content, msgspec.structs.replace(OPTIONS, routes=fast))[0]["ABC123"]
    value, unit, reference = LEVELS[level]
    assert Altitude(value, unit, reference) in [waypoint.altitude for waypoint in flight.waypoints]


def test_a_mach_number_is_the_speed_of_sound_of_the_standard_atmosphere(load):
    content = FPL.partition("(FPL-FLY7")[0].replace("N0400F300", "M080F300").replace("ABB/N0420F320", "ABB")
    flight = load(content)[0]["ABC123"]
    fast = metres(flight.waypoints[0].position, flight.waypoints[1].position) / seconds(flight)[1]
    assert fast == pytest.approx(0.8 * 303.23, rel=1e-3)


def test_a_change_of_level_may_be_flown_as_fast_as_it_likes_but_no_slower_than_the_climb():
    first, legs = Position(46.0, 7.0), [
        Leg(Position(46.0, 8.0), 100.0, LegHeights(100.0, 100.0)),
        Leg(Position(46.0, 9.0), 100.0, LegHeights(120.0, 120.0)),
        Leg(Position(46.0, 10.0), 100.0, LegHeights(120.0, 140.0)),
    ]  # fmt: skip
    way = flown(first, legs, Profile(0.0, 0.2, from_ground=True, to_ground=False), AltitudeUnit.FLIGHT_LEVEL,
                StandardPressure())  # fmt: skip
    trajectory = way.trajectory(START, Containment(0.0, 0.0, 0.0))
    assert heights(trajectory) == [50.0, 100.0, 100.0, 120.0, 120.0, 130.0, 130.0]
    assert seconds(trajectory)[1] == pytest.approx(500.0)
    level_m = 30.48
    widths = [leg.vertical_m / level_m for leg in trajectory.leg_containments]
    # From the ground to FL100; level; up by 20; level; up to the middle of a block; the block.
    assert widths == pytest.approx([50.0, 0.0, 20.0, 0.0, 20.0, 10.0])


def test_routes_and_shapes_of_cursor_on_target(load):
    plans, dropped = load(COT)
    route, circle, area = plans.values()
    assert list(plans) == ["Route-1.44444444-4444", "Circle.33333333-3333", "Area.22222222-2222"]
    assert heights(route) == [1200.5, 1300.0, 1300.0]
    assert {waypoint.altitude.reference for waypoint in route.waypoints} == {Ellipsoid()}
    assert seconds(route)[1] == pytest.approx(metres(Position(46.5, 7.5), Position(46.6, 7.5)) / 50.0, abs=0.001)
    (volume,) = circle
    # Its centre may be 10.5 m off.
    assert volume.area == Circle(Position(46.55, 7.55), 2010.5)
    assert (volume.time.start.hour, volume.time.end.hour) == (14, 18)
    assert area[0].area.vertices == (Position(46.5, 7.5), Position(46.6, 7.5), Position(46.6, 7.6))
    assert dropped == {DropReason.POINT: 1, DropReason.EVENT: 1}


def test_9999999_is_no_height(load, refused):
    unknown = COT.replace("46.5,7.5,1200.5", "46.5,7.5,9999999.0").replace("46.6,7.5,1300", "46.6,7.5")
    assert "above the ellipsoid" in refused(unknown)
    above = msgspec.structs.replace(OPTIONS.routes, altitude=Altitude(4000.0, AltitudeUnit.FOOT, Ellipsoid()))
    route = load(unknown, msgspec.structs.replace(OPTIONS, routes=above))[0]["Route-1.44444444-4444"]
    assert heights(route) == [1219.2, 1219.2, 1300.0]
    none = unknown.replace("46.6,7.6,1300", "46.6,7.6,9999999")
    assert heights(load(none)[0]["Route-1.44444444-4444"]) == [3000.0] * 3


def test_the_log_of_flightaware_goes_on_past_midnight_in_its_zone(load):
    plans, dropped = load(FLIGHTAWARE, name="N1.csv")
    first, last = plans["N1"].waypoints
    # The first Saturday from the start on; four hours behind UTC.
    assert (first.time, last.time) == (
        datetime(2025, 6, 8, 3, 59, 56, tzinfo=UTC), datetime(2025, 6, 8, 4, 0, 28, tzinfo=UTC)
    )  # fmt: skip
    assert (first.altitude.value, last.altitude.value) == (1500.0, 2500.0)
    assert dropped == {DropReason.RECKONED: 1, DropReason.NO_REPORT: 1}
    in_utc = load(FLIGHTAWARE.replace("EDT)", "UTC)", 1), without(utc_offset=None), "N1.csv")[0]
    assert in_utc["N1"].waypoints[0].time == datetime(2025, 6, 7, 23, 59, 56, tzinfo=UTC)


def test_positions_of_flightawares_service_are_in_hundreds_of_feet(load):
    plans, dropped = load(AEROAPI)
    assert [waypoint.altitude.value for waypoint in plans["SWR12"].waypoints] == [20000.0, 20300.0]
    assert dropped == {DropReason.RECKONED: 1}
    (answer,) = load(CONTENTS["positions.json"])[0].values()
    assert answer == plans["SWR12"]


POINTS_WRONG = {
    "a column that says what others mean": (POINTS.replace(b"variation", b"datum"), "datum"),
    "one name in two places": (POINTS + b"DVR,1.0,2.0,,\n", "line 8: name: 'DVR'"),
    "two words": (POINTS + b"D VR,1.0,2.0,,\n", "line 8: name"),
    "a variation beyond the circle": (POINTS + b"X,1.0,2.0,200,\n", "line 8: variation"),
    "no column of names": (POINTS.replace(b"name", b"airway", 1), "columns"),
}


@pytest.mark.parametrize("what", POINTS_WRONG)
def test_what_is_wrong_among_the_points_is_named(what):
    content, expected = POINTS_WRONG[what]
    with pytest.raises(Refusal) as caught:
        read_points(content)
    assert expected in str(caught.value)


@settings(QUICK, max_examples=quickly(100))
@given(
    steps=st.lists(
        st.tuples(st.floats(-0.05, 0.05), st.floats(-0.05, 0.05), st.integers(20, 400), st.floats(5.0, 250.0)),
        min_size=1, max_size=6,
    ),
    climb=st.floats(0.01, 1.0),
    ends=st.tuples(st.booleans(), st.booleans()),
    when=st.floats(0.0, 1.0),
    slower=st.floats(1.0, 20.0),
)  # fmt: skip
def test_whoever_climbs_no_slower_than_said_is_within_the_plan(steps, climb, ends, when, slower):
    """An aircraft that starts each change where it is filed and climbs at any rate from the least on stays inside."""
    first, position = Position(46.0, 7.0), Position(46.0, 7.0)
    legs = []
    for north, east, level, speed in steps:
        position = Position(position.latitude_deg + north, position.longitude_deg + east)
        legs.append(Leg(position, speed, LegHeights(float(level), float(level))))
    try:
        way = flown(first, legs, Profile(0.0, climb, *ends), AltitudeUnit.FLIGHT_LEVEL, StandardPressure())
    except Refusal:
        return
    knots = way.knots
    moment = when * knots[-1].seconds
    number = next((n for n, knot in enumerate(knots) if knot.seconds >= moment and n), 1)
    before, after = knots[number - 1], knots[number]
    share = (moment - before.seconds) / (after.seconds - before.seconds)
    planned = before.altitude + share * (after.altitude - before.altitude)
    actual = height_of(first, legs, climb * slower, ends, moment)
    assert abs(actual - planned) * 30.48 <= after.vertical_m + 0.5


def height_of(first, legs, rate, ends, moment):
    """The height of an aircraft that changes its level at this rate at each point, and is down at the end."""
    times, position = [0.0], first
    for leg in legs:
        times.append(times[-1] + metres(position, leg.end) / leg.speed_m_s)
        position = leg.end
    height = 0.0 if ends[0] else legs[0].level.upper
    for leg, begun, ended in zip(legs, times, times[1:], strict=False):
        spent = min(max(moment - begun, 0.0), ended - begun)
        step = leg.level.upper - height
        height += math.copysign(min(abs(step), rate * spent), step)
    return min(height, (times[-1] - moment) * rate) if ends[1] else height


def test_surveys_may_hold_other_items_than_waypoints(load):
    content = plan(TAKEOFF, survey(item(530, 0, 2, frame=2), item(16, 0, 0, 0, None, 47.4, 8.55, 50)))
    assert heights(load(content)[0]["file"]) == [487.989, 537.989, 537.989]
    assert seconds(load(content)[0]["file"])[1] == pytest.approx(20.0)
    assert timedelta(0) < load(content)[0]["file"].waypoints[-1].time - START


GPX_ROUTE = """<gpx version="1.1" xmlns="http://www.topografix.com/GPX/1/1"><rte><name>Line 7</name>
<rtept lat="46.5" lon="7.5"><ele>900</ele><name>A</name></rtept><rtept lat="46.6" lon="7.5"><ele>1100</ele></rtept>
<rtept lat="46.6" lon="7.6"><ele>1100</ele></rtept></rte></gpx>"""


def test_a_route_of_gpx_is_flown_from_the_start_at_the_speed(load, refused):
    flight = load(GPX_ROUTE)[0]["Line-7"]
    assert heights(flight) == [900.0, 1100.0, 1100.0]
    assert flight.waypoints[0].time == START
    assert seconds(flight)[1] == pytest.approx(metres(Position(46.5, 7.5), Position(46.6, 7.5)) / 50.0, abs=0.001)
    assert "--start" in refused(GPX_ROUTE, without("start"))
    assert "--speed" in refused(GPX_ROUTE, without("speed_m_s"))
    assert "--height" in refused(GPX_ROUTE.replace("<ele>900</ele>", ""), without("altitude"))
    assert heights(load(GPX_ROUTE.replace("<ele>900</ele>", ""))[0]["Line-7"]) == [914.4, 1100.0, 1100.0]
    level = msgspec.structs.replace(
        OPTIONS.routes, altitude=Altitude(30.0, AltitudeUnit.FLIGHT_LEVEL, StandardPressure())
    )
    on_pressure = msgspec.structs.replace(OPTIONS, routes=level)
    assert "above mean sea level" in refused(GPX_ROUTE.replace("<ele>900</ele>", ""), on_pressure)
    timed = GPX_ROUTE.replace("<name>A</name>", "<time>2025-06-01T14:00:00Z</time>")
    assert "the point was made" in refused(timed)


def test_what_is_left_alone_is_named(tmp_path):
    for name, expected in (("filed.txt", ["EET", "PBN", "REG", "RMK", "STS"]), ("events.cot", ["u-rb-a"])):
        (tmp_path / name).write_bytes(CONTENTS[name])
        assert list(load_plans(tmp_path / name, OPTIONS).dropped[-1].names) == expected


def test_a_path_of_kml_without_a_span_is_flown_from_the_start_at_the_speed(load, refused):
    path = KML.replace(
        "<TimeSpan><begin>2025-06-01T14:00:00Z</begin><end>2025-06-01T14:30:00+00:00</end></TimeSpan>", ""
    )
    flight = load(path)[0]["Route-north"]
    first, second = flight.waypoints[:2]
    assert (first.time, heights(flight)) == (START, [3000.0, 3300.0, 3300.0])
    assert seconds(flight)[1] == pytest.approx(metres(first.position, second.position) / 50.0, abs=0.001)
    for name in ("start", "speed_m_s"):
        assert "--start 2025-06-01T14:30Z --speed 120kt" in refused(path, without(name))
    # What has a span keeps it.
    assert load(KML) == load(KML, without("start", "speed_m_s"))


def test_a_name_may_stand_before_or_behind_the_place_of_an_aerodrome(load):
    for place in ("4655N00730E LAKE FARM", "LAKE FARM 4655N00730E"):
        flight = load(FPL.replace("DEP/4655N00730E", f"DEP/{place}"))[0]["FLY7"]
        assert flight.waypoints[0].position == Position(46.0 + 55 / 60, 7.5)
