"""What leaves: the strictest rule counts, a coarse form contains its plan, and what a level hides changes no byte."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from accord_samples import FULL, SHORT
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod

from detente.accord.disclosure import (
    OPEN_POLICY,
    Clause,
    OwnPolicy,
    clause_for,
    disclosed,
    disclosed_bytes,
    is_open,
)
from detente.accord.provisions import DisclosureGrid, DisclosureRule, Horizon, Level, PlanKind, Provisions
from detente.accord.terms import Disclosure, parse_accord
from detente.airspace.altitude import Altitude, AltitudeBand, AltitudeUnit, MeanSeaLevel, StandardPressure
from detente.airspace.plan import Circle, Containment, Plan, Polygon, TimeWindow, Trajectory, Volume4D, Waypoint
from detente.airspace.position import Position
from detente.airspace.search import encounters_between
from detente.airspace.separation import Minima, MinimaTable

WGS84 = Geod(ellps="WGS84")
NOON = datetime(2025, 6, 10, 12, tzinfo=UTC)
GRID = DisclosureGrid()
TELLING = (Level.CELL, Level.HEIGHT_BLOCK, Level.VOLUME, Level.TRAJECTORY)
MINIMA = MinimaTable(Minima(9260.0, 304.8, 30.0))


def height(metres: float) -> Altitude:
    return Altitude(metres, AltitudeUnit.METRE, MeanSeaLevel())


def moved(position: Position, azimuth: float, distance_m: float) -> Position:
    longitude, latitude, _ = WGS84.fwd(position.longitude_deg, position.latitude_deg, azimuth, distance_m)
    return Position(float(latitude), float(longitude))


@st.composite
def positions(draw) -> Position:
    return Position(draw(st.floats(-89.5, 89.5) | st.floats(33, 36)), draw(st.floats(-180, 180) | st.just(179.99)))


@st.composite
def routes(draw, name: str = "p") -> Plan:
    place = draw(positions())
    time, points = NOON + timedelta(seconds=draw(st.integers(0, 7200))), []
    for _ in range(draw(st.integers(1, 5))):
        points.append(Waypoint(place, height(draw(st.floats(0, 12_000))), time))
        place = moved(place, draw(st.floats(0, 360)), draw(st.floats(100, 150_000)))
        time += timedelta(seconds=draw(st.integers(30, 900)))
    box = Containment(draw(st.floats(0, 5000)), draw(st.floats(0, 500)), draw(st.floats(0, 120)))
    return Plan(name, Trajectory(tuple(points), box))


@st.composite
def areas(draw, name: str = "p") -> Plan:
    centre, radius_m = draw(positions()), draw(st.floats(10, 60_000))
    ring = [moved(centre, azimuth, radius_m) for azimuth in (0, 100, 200)]
    area = draw(st.sampled_from([Circle(centre, radius_m), Polygon(tuple(ring))]))
    lower = draw(st.floats(0, 10_000))
    start = NOON + timedelta(seconds=draw(st.integers(0, 7200)))
    band = AltitudeBand(height(lower), height(lower + draw(st.floats(0, 3000))))
    return Plan(name, (Volume4D(area, band, TimeWindow(start, start + timedelta(minutes=20))),))


def inside(volume: Volume4D, position: Position, height_m: float, moment: datetime) -> bool:
    """Brute force: a point of mean sea level in a volume that is a disc. Heights on the ellipsoid hold everything."""
    assert isinstance(volume.area, Circle)
    centre = volume.area.centre
    _, _, away_m = WGS84.inv(centre.longitude_deg, centre.latitude_deg, position.longitude_deg, position.latitude_deg)
    low, high = volume.altitude.lower.reading_m, volume.altitude.upper.reading_m
    whole = high - low > 90_000
    return (
        away_m <= volume.area.radius_m + 1e-3
        and (whole or low - 1e-6 <= height_m <= high + 1e-6)
        and volume.time.start <= moment <= volume.time.end
    )


@pytest.mark.parametrize("level", [Level.CELL, Level.HEIGHT_BLOCK, Level.VOLUME])
@given(plan=routes(), data=st.data())
def test_a_coarse_form_contains_the_route(level: Level, plan: Plan, data) -> None:
    told = disclosed(plan, level, GRID, "t1")
    assert told is not None
    assert isinstance(plan.intent, Trajectory)
    points, box = plan.intent.waypoints, plan.intent.containment
    leg = data.draw(st.integers(0, max(0, len(points) - 2)))
    first, second = points[leg], points[min(leg + 1, len(points) - 1)]
    share = data.draw(st.floats(0, 1))
    azimuth, _, length_m = WGS84.inv(
        first.position.longitude_deg, first.position.latitude_deg,
        second.position.longitude_deg, second.position.latitude_deg,
    )  # fmt: skip
    nominal = moved(first.position, azimuth, length_m * share)
    place = moved(nominal, data.draw(st.floats(0, 360)), box.lateral_m * data.draw(st.floats(0, 1)))
    metres = first.altitude.value + (second.altitude.value - first.altitude.value) * share
    metres += box.vertical_m * data.draw(st.floats(-1, 1))
    moment = first.time + (second.time - first.time) * share
    moment += timedelta(seconds=box.along_time_s * data.draw(st.floats(-1, 1)))
    moment = min(max(moment, plan.time.start), plan.time.end)
    assert any(inside(volume, place, metres, moment) for volume in told.intent)


@pytest.mark.parametrize("level", TELLING)
@settings(max_examples=40)
@given(plan=st.one_of(routes(), areas()), other=st.one_of(routes("q"), areas("q")), near=st.booleans())
def test_no_conflict_is_missed_by_telling_less(level: Level, plan: Plan, other: Plan, near: bool) -> None:
    if near:
        other = Plan("q", plan.intent)
    told = disclosed(plan, level, GRID, "t1")
    assert told is not None
    if encounters_between([plan], [other], MINIMA):
        assert encounters_between([told], [other], MINIMA)


@given(st.one_of(routes(), areas()))
def test_below_the_cell_nothing_of_the_plan_is_told(plan: Plan) -> None:
    assert disclosed(plan, Level.NOTHING, GRID, "t1") is None
    assert disclosed(plan, Level.CONFLICT, GRID, "t1") is None
    assert disclosed_bytes(None) == b""


@given(st.one_of(routes("secret-callsign"), areas("secret-callsign")), st.sampled_from(TELLING))
def test_the_plans_own_name_is_never_told(plan: Plan, level: Level) -> None:
    told = disclosed(plan, level, GRID, "t1")
    assert b"secret" not in msgspec.json.encode(told)


@given(routes(), st.lists(st.floats(0, 11_000), min_size=5, max_size=5))
def test_cells_hide_every_height(plan: Plan, heights: list[float]) -> None:
    assert isinstance(plan.intent, Trajectory)
    points = tuple(
        msgspec.structs.replace(point, altitude=height(metres))
        for point, metres in zip(plan.intent.waypoints, heights, strict=False)
    )
    hidden = Plan("p", msgspec.structs.replace(plan.intent, waypoints=points))
    assert disclosed_bytes(disclosed(plan, Level.CELL, GRID, "a")) == disclosed_bytes(
        disclosed(hidden, Level.CELL, GRID, "b")
    )


@given(st.integers(0, 600), st.floats(0, 360), st.floats(0, 2_000), st.floats(1, 8_000), st.floats(10, 1490))
def test_blocks_hide_what_is_inside_them(
    late_s: int, azimuth: float, away_m: float, radius_m: float, top_m: float
) -> None:
    """Two worlds: a plan, and one elsewhere in the same cell, bracket and block."""

    def world(centre: Position, radius: float, upper_m: float, start: datetime) -> Plan:
        band = AltitudeBand(height(3_000.5), height(3_000.5 + upper_m))
        return Plan("p", (Volume4D(Circle(centre, radius), band, TimeWindow(start, start + timedelta(minutes=30))),))

    first = world(Position(34.0, 20.0), 5_000.0, 700.0, NOON + timedelta(minutes=5))
    second = world(
        moved(Position(34.0, 20.0), azimuth, away_m), radius_m, top_m, NOON + timedelta(minutes=5, seconds=late_s)
    )
    for level in (Level.CELL, Level.HEIGHT_BLOCK):
        told = [disclosed_bytes(disclosed(plan, level, GRID, "t1")) for plan in (first, second)]
        assert told[0] == told[1]


rules = st.builds(
    lambda level, kind, classed, horizon, by, to: DisclosureRule(
        level=level, kind=kind, aircraft_class=classed, horizon=horizon, by=by, to=to
    ),
    st.sampled_from(Level),
    st.none() | st.sampled_from(PlanKind),
    st.none() | st.sampled_from(["crewed", "uncrewed"]),
    st.none() | st.sampled_from(Horizon),
    st.none() | st.sampled_from(["north", "south"]),
    st.none() | st.sampled_from(["north", "south"]),
)


@given(
    st.sampled_from(Disclosure), st.lists(rules, max_size=4), st.sampled_from(Level), st.lists(rules, max_size=4),
    st.sampled_from([-60, 0, 119, 121, 1199, 1201, 10**6]), st.sampled_from(["crewed", "uncrewed"]),
)  # fmt: skip
def test_the_strictest_counts(
    default: Disclosure, agreed: list[DisclosureRule], own: Level, ours: list[DisclosureRule], lead_s: int, classed: str
) -> None:
    accord = msgspec.structs.replace(
        parse_accord(SHORT), disclosure=default, provisions=Provisions(disclosure_rules=tuple(agreed))
    )
    start = NOON + timedelta(seconds=lead_s)
    band = AltitudeBand(height(0), height(100))
    plan = Plan(
        "p", (Volume4D(Circle(Position(1, 1), 10), band, TimeWindow(start, start + timedelta(minutes=1))),), classed
    )
    found = clause_for(accord, OwnPolicy(own, tuple(ours)), plan, NOON, "north", "south")

    horizon = "tactical" if lead_s <= 120 else "pre_tactical" if lead_s <= 1200 else "strategic"
    order = ["nothing", "conflict", "cell", "height_block", "volume", "trajectory"]

    def strictest(asked: list[DisclosureRule], otherwise: str) -> int:
        fitting = [
            order.index(rule.level)
            for rule in asked
            if rule.kind in (None, "area") and rule.aircraft_class in (None, classed)
            and rule.horizon in (None, horizon) and rule.by in (None, "north") and rule.to in (None, "south")
        ]  # fmt: skip
        return min(fitting, default=order.index(otherwise))

    agreed_level = "trajectory" if default is Disclosure.FULL else default.value
    assert found.level == order[min(strictest(agreed, agreed_level), strictest(ours, own))]
    if is_open(accord, OwnPolicy(own, tuple(ours))):
        assert found.level is Level.TRAJECTORY


def test_a_plan_outside_the_accords_area_is_not_told() -> None:
    accord = parse_accord(FULL.replace('disclosure = "cell"', 'disclosure = "full"'))

    def at(latitude: float, longitude: float) -> Clause:
        band = AltitudeBand(*(Altitude(m, AltitudeUnit.METRE, StandardPressure()) for m in (3000.0, 3100.0)))
        window = TimeWindow(NOON + timedelta(hours=3), NOON + timedelta(hours=4))
        plan = Plan("p", (Volume4D(Circle(Position(latitude, longitude), 500.0), band, window),))
        return clause_for(accord, OPEN_POLICY, plan, NOON, "north", "south")

    assert at(34.3, 20.0).level is Level.TRAJECTORY
    assert at(50.0, 20.0) == Clause(Level.NOTHING, "accord: outside its area")


def test_a_finer_grid_tells_no_less() -> None:
    plan = Plan("p", (Volume4D(Circle(Position(34, 20), 100), AltitudeBand(height(10), height(20)),
                                      TimeWindow(NOON, NOON + timedelta(minutes=1))),))  # fmt: skip
    radii = []
    for cell in (0.05, 0.5, 5.0):
        told = disclosed(plan, Level.CELL, DisclosureGrid(cell_deg=cell), "t1")
        assert told is not None
        assert not isinstance(told.intent, Trajectory)
        area = told.intent[0].area
        assert isinstance(area, Circle)
        radii.append(area.radius_m)
    assert radii == sorted(radii)
    assert math.isclose(radii[1], 0.5 * 111_700.0)
