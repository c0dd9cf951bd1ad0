"""Plans that come near each other, anywhere on Earth: the poles and the antimeridian get more than their share."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st
from pyproj import Geod

from detente.airspace.altitude import Altitude, AltitudeBand, AltitudeUnit, StandardPressure
from detente.airspace.plan import Circle, Containment, Plan, Polygon, TimeWindow, Trajectory, Volume4D, Waypoint
from detente.airspace.position import Position

GEOD = Geod(ellps="WGS84")
START = datetime(2025, 6, 1, 12, tzinfo=UTC)
STANDARD = StandardPressure()

latitudes = st.one_of(st.floats(-90, 90), st.sampled_from([89.9, -89.99, 90.0, 0.0, 36.5]))
longitudes = st.one_of(st.floats(-180, 180), st.sampled_from([180.0, -180.0, 179.9, -179.95, 0.0]))
azimuths = st.floats(0, 360)


def moved(latitude: float, longitude: float, azimuth: float, distance_m: float) -> Position:
    lon, lat, _ = GEOD.fwd(longitude, latitude, azimuth, distance_m)
    return Position(lat, lon)


def level(metres: float) -> Altitude:
    return Altitude(metres, AltitudeUnit.METRE, STANDARD)


def plan_of(name: str, points, lateral_m: float = 0.0, vertical_m: float = 0.0, along_time_s: float = 0.0) -> Plan:
    waypoints = tuple(Waypoint(p, level(h), START + timedelta(seconds=s)) for p, h, s in points)
    return Plan(name, Trajectory(waypoints, Containment(lateral_m, vertical_m, along_time_s)))


@st.composite
def trajectories_near(draw, latitude: float, longitude: float, name: str, legs: int = 3) -> Plan:
    """A flight of 1 to `legs` legs, some of them standing still, within some tens of kilometres of a place."""
    count = draw(st.integers(1, legs + 1))
    points, seconds = [], draw(st.floats(-300, 300).map(lambda s: round(s, 3)))
    for _ in range(count):
        if points and draw(st.integers(0, 4)) == 0:
            position = points[-1][0]
        else:
            position = moved(latitude, longitude, draw(azimuths), draw(st.floats(0, 60_000)))
        height_m = draw(st.sampled_from([3000.0, 3150.0, 3304.8, 3600.0]))
        if points:
            here, there = points[-1][0], position
            _, _, leg_m = GEOD.inv(here.longitude_deg, here.latitude_deg, there.longitude_deg, there.latitude_deg)
            # No faster than 1,000 m/s along and 100 m/s up: POSIX times in floats resolve a quarter of a microsecond.
            least_s = max(leg_m / 1000.0, abs(height_m - points[-1][1]) / 100.0, 1.0)
            seconds += round(least_s + draw(st.floats(0, 900)), 3)
        points.append((position, height_m, seconds))
    return plan_of(name, points)


@st.composite
def pairs_of_trajectories(draw) -> tuple[Plan, Plan]:
    latitude, longitude = draw(latitudes), draw(longitudes)
    return draw(trajectories_near(latitude, longitude, "A")), draw(trajectories_near(latitude, longitude, "B"))


@st.composite
def areas_near(draw, latitude: float, longitude: float) -> Circle | Polygon:
    """A circle, or a star-shaped polygon around some point, some of its edges long."""
    centre = moved(latitude, longitude, draw(azimuths), draw(st.floats(0, 40_000)))
    if draw(st.booleans()):
        return Circle(centre, draw(st.floats(0, 20_000)))
    count = draw(st.integers(3, 8))
    turns = [360.0 * (k + draw(st.floats(0.05, 0.95))) / count for k in range(count)]
    return Polygon(
        tuple(moved(centre.latitude_deg, centre.longitude_deg, turn, draw(st.floats(500, 50_000))) for turn in turns)
    )


@st.composite
def volumes_near(draw, latitude: float, longitude: float, name: str) -> Plan:
    area = draw(areas_near(latitude, longitude))
    lower = draw(st.sampled_from([2000.0, 3000.0, 3304.8]))
    upper = lower + draw(st.sampled_from([0.0, 100.0, 400.0]))
    start = START + timedelta(seconds=draw(st.integers(-600, 600)))
    window = TimeWindow(start, start + timedelta(seconds=draw(st.integers(0, 1200))))
    return Plan(name, (Volume4D(area, AltitudeBand(level(lower), level(upper)), window),))
