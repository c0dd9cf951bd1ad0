"""Plans as they are flown, second by second, and what is changed of a few of them: the truth that a feed then tells."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from detente.airspace.altimetry import is_pressure
from detente.airspace.arrays import Floats
from detente.airspace.geodesy import GEOD
from detente.airspace.plan import Plan, Trajectory
from detente.airspace.separation import AltitudeFrame
from detente.language.figures import NAUTICAL_MILE_M
from detente.plots.flown_stretch import MadeDeviation
from detente.plots.sampling import SampledPath
from detente.watch.sighting import Sighting, SightingSource

FEED = "adsb"
ASIDE_M, HIGHER_M = 1.5 * NAUTICAL_MILE_M, 180.0
ASIDE_S, HIGHER_S = 180.0, 120.0
"""How long such a deviation lasts; a third of it goes out, a third goes back."""
LATE_S = 180.0
CROSSING_S, CROSSING_MPS = 300.0, 120.0
"""The undeclared aircraft is there so long before and after it crosses, and flies so fast."""
AHEAD_M, ABOVE_M = 4_000.0, 150.0
"""It crosses so far ahead of the aircraft that it meets, and so much above."""
LANDED_REPORTS = 3
WAY_S = 10.0
"""Over so long a course and a speed are taken. Times were recorded to the second, so shorter ones leap."""
VELOCITY_ERROR_MPS = 15.0
ROUNDED_S = 4


@dataclass(frozen=True, eq=False, slots=True)
class Course:
    """Where one aircraft is at each of some times: arrays of shape [n], times in seconds since 1970, ascending.

    Heights are in metres on standard pressure if `on_pressure`, else above the ellipsoid. `heard` says at which times
    the feed hears it. `ends` says whether it lands with the last of them.
    """

    name: str
    address: str
    times_s: Floats
    longitude_deg: Floats
    latitude_deg: Floats
    height_m: Floats
    on_pressure: bool
    heard: NDArray[np.bool_]
    ends: bool
    deviation: MadeDeviation | None = None
    since_s: float | None = None

    def __len__(self) -> int:
        return len(self.times_s)


def has_course(plan: Plan) -> bool:
    """Whether a plan says a path, which can be flown; volumes say none."""
    return isinstance(plan.intent, Trajectory) and len(plan.intent.waypoints) > 1


def course_of(plan: Plan, address: str, start_s: float, end_s: float, every_s: float, late_s: float = 0.0) -> Course:
    """A plan flown within a time, a place every so many seconds; `late_s` later than it says."""
    assert isinstance(plan.intent, Trajectory)
    on_pressure = is_pressure(plan.intent.waypoints[0].altitude.reference)
    path = SampledPath(plan.intent, AltitudeFrame.STANDARD_PRESSURE if on_pressure else AltitudeFrame.ELLIPSOID)
    first_s, last_s = max(start_s, path.start_s + late_s), min(end_s, path.end_s + late_s)
    times_s = _moments(first_s, last_s, every_s)
    planned_s = np.clip(times_s - late_s, path.start_s, path.end_s)
    longitude, latitude, height_m = _rounded(path, planned_s)
    return Course(
        plan.plan_id, address, times_s, longitude, latitude, height_m, on_pressure,
        np.ones(len(times_s), dtype=np.bool_), path.end_s + late_s <= end_s,
    )  # fmt: skip


def late(plan: Plan, address: str, start_s: float, end_s: float, every_s: float) -> Course:
    """The plan flown LATE_S later than it says."""
    course = course_of(plan, address, start_s, end_s, every_s, LATE_S)
    return replace(course, deviation=MadeDeviation.LATE, since_s=float(course.times_s[0]))


def aside(course: Course, since_s: float) -> Course:
    """The same flight, which from a time on goes ASIDE_M to the right of its course and comes back."""
    bearings, _ = _ways(course)
    offsets = ASIDE_M * _out_and_back(course.times_s, since_s, ASIDE_S)
    longitude, latitude, _ = GEOD.fwd(course.longitude_deg, course.latitude_deg, bearings + 90.0, offsets)
    return replace(
        course, longitude_deg=np.asarray(longitude), latitude_deg=np.asarray(latitude),
        deviation=MadeDeviation.ASIDE, since_s=since_s,
    )  # fmt: skip


def higher(course: Course, since_s: float) -> Course:
    """The same flight, which from a time on climbs HIGHER_M above what its plan says and comes back."""
    heights = course.height_m + HIGHER_M * _out_and_back(course.times_s, since_s, HIGHER_S)
    return replace(course, height_m=heights, deviation=MadeDeviation.HIGHER, since_s=since_s)


def silent(course: Course, since_s: float) -> Course:
    """The same flight, which the feed hears no more from a time on."""
    heard = course.times_s < since_s
    return replace(course, heard=heard, ends=False, deviation=MadeDeviation.SILENT, since_s=since_s)


def crossing(course: Course, at_s: float, address: str, every_s: float) -> Course:
    """A flight that nobody declared: straight and level from left to right across a course, near its aircraft."""
    k = int(np.searchsorted(course.times_s, at_s))
    bearing = float(_ways(course)[0][k])
    longitude, latitude, back = GEOD.fwd(course.longitude_deg[k], course.latitude_deg[k], bearing, AHEAD_M)
    times_s = _moments(at_s - CROSSING_S, at_s + CROSSING_S - every_s, every_s)
    along_m = (times_s - at_s) * CROSSING_MPS
    count = len(times_s)
    longitudes, latitudes, _ = GEOD.fwd(
        np.full(count, longitude), np.full(count, latitude), np.full(count, back + 180.0 + 90.0), along_m
    )
    return Course(
        address, address, times_s, np.asarray(longitudes), np.asarray(latitudes),
        np.full(count, course.height_m[k] + ABOVE_M), course.on_pressure, np.ones(count, dtype=np.bool_), ends=True,
        deviation=MadeDeviation.UNDECLARED, since_s=float(times_s[0]),
    )  # fmt: skip


def sightings_of(course: Course) -> Iterator[Sighting]:
    """What a feed tells of a flight, in time; one that ends says at last that it is on the ground.

    So a flight that leaves what was recorded of the day is not missed when it is heard no more.
    """
    bearings, speeds = _ways(course)
    climbs = np.gradient(course.height_m, course.times_s)
    landed_from = len(course) - (LANDED_REPORTS if course.ends else 0)
    callsign = course.name.partition(".")[0][:8]
    for k in np.flatnonzero(course.heard).tolist():
        at_s, height_m, on_ground = float(course.times_s[k]), float(course.height_m[k]), k >= landed_from
        yield Sighting(
            FEED, SightingSource.ADSB, at_s, at_s, float(course.latitude_deg[k]), float(course.longitude_deg[k]),
            course.address, callsign=callsign,
            pressure_altitude_m=height_m if course.on_pressure else None,
            geometric_altitude_m=None if course.on_pressure else height_m,
            ground_speed_mps=float(speeds[k]), track_deg=float(bearings[k]) % 360.0,
            vertical_speed_mps=float(climbs[k]),
            horizontal_error_m=92.6, vertical_error_m=15.0, velocity_error_mps=VELOCITY_ERROR_MPS, integrity_m=185.2,
            integrity_level=3, on_ground=on_ground,
        )  # fmt: skip


def _moments(first_s: float, last_s: float, every_s: float) -> Floats:
    """All multiples of `every_s` within a time."""
    numbers = np.arange(math.ceil(first_s / every_s), math.floor(last_s / every_s) + 1, dtype=np.float64)
    return np.asarray(numbers * every_s, dtype=np.float64)


def _rounded(path: SampledPath, times_s: Floats) -> tuple[Floats, Floats, Floats]:
    """Longitudes, latitudes and heights along a path, each the mean of some seconds: no aircraft turns on the spot."""
    places = path.place(times_s)
    room_s = np.minimum(times_s - path.start_s, path.end_s - times_s)
    away, heights = np.zeros_like(places), np.zeros(len(times_s))
    for after_s in range(-ROUNDED_S, ROUNDED_S + 1):
        moments_s = times_s + np.clip(after_s, -room_s, room_s)
        away += (path.place(moments_s) - places + 180.0) % 360.0 - 180.0
        heights += path.band(moments_s)[0]
    count = 2 * ROUNDED_S + 1
    return places[:, 0] + away[:, 0] / count, places[:, 1] + away[:, 1] / count, heights / count


def _ways(course: Course) -> tuple[Floats, Floats]:
    """Course over ground in degrees and ground speed in m/s at each place, over WAY_S around it."""
    longitude, latitude, times_s = course.longitude_deg, course.latitude_deg, course.times_s
    around = max(1, round(WAY_S / 2.0 / float(times_s[1] - times_s[0])))
    before = np.maximum(np.arange(len(course)) - around, 0)
    after = np.minimum(np.arange(len(course)) + around, len(course) - 1)
    bearings, _, lengths_m = GEOD.inv(longitude[before], latitude[before], longitude[after], latitude[after])
    return np.asarray(bearings), np.asarray(lengths_m) / (times_s[after] - times_s[before])


def _out_and_back(times_s: Floats, since_s: float, lasts_s: float) -> Floats:
    """0 before and after, 1 in the middle third, smooth between."""
    share = np.clip((times_s - since_s) / lasts_s, 0.0, 1.0)
    rise = np.clip(np.minimum(share, 1.0 - share) * 3.0, 0.0, 1.0)
    return np.asarray(rise * rise * (3.0 - 2.0 * rise))
