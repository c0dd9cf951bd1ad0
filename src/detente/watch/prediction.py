"""Where each aircraft will be within the look-ahead: along its plan, along its turn, or straight."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

import numpy as np

from detente.airspace.arrays import Floats, Integers
from detente.airspace.ellipsoid_kernels import surface_points
from detente.airspace.geodesy import GEOD
from detente.airspace.plan import Trajectory
from detente.airspace.position import posix_s
from detente.watch.live_tracks import LiveTracks
from detente.watch.prediction_kernels import predicted_places

STEP_S = 10.0
"""How far apart the moments of a prediction are; between them every aircraft flies straight."""
TURNING_S = 20.0
"""How long an aircraft that turns is taken to go on turning. Turns in recorded traffic mostly end within that."""
TURN_LEAST_DEG_S = 0.5
"""A slower turn is within what filters show of a straight flight."""
COURSE_WITHIN_DEG = 40.0
"""An aircraft inside its plan that flies farther off its plan's course than this is not predicted along it."""
LOWEST_M = -1_500.0
"""No descent is carried on below this."""
NEAR_PLAN_S = 30.0
"""An aircraft follows its plan if it is inside the containment, or no farther from the nominal point than it flies so
long: the deviation is told, and its plan is still the best guess."""


class Guess(IntEnum):
    """By what an aircraft is predicted."""

    STRAIGHT = 0
    TURN = 1
    PLAN = 2


@dataclass(frozen=True, eq=False, slots=True)
class Prediction:
    """Places of n aircraft at moments `step_s` apart, now first: shape [n, steps + 1]; `points` [n, steps + 1, 3].

    Points are on the ellipsoid below the aircraft, Earth-centred, in metres. Heights that are not known are not a
    number. `guess` has shape [n].
    """

    step_s: float
    latitude_deg: Floats
    longitude_deg: Floats
    points: Floats
    pressure_m: Floats
    geometric_m: Floats
    guess: Integers

    @property
    def steps(self) -> int:
        """How many steps are looked ahead."""
        return int(self.latitude_deg.shape[1]) - 1


def predict(live: LiveTracks, now_s: float, look_ahead_s: float) -> Prediction:
    """Predict every aircraft over the look-ahead, which is rounded up to whole steps."""
    steps = max(1, math.ceil(look_ahead_s / STEP_S))
    turning = np.abs(live.turn_deg_s) >= TURN_LEAST_DEG_S
    turn = np.where(turning, live.turn_deg_s, 0.0)
    latitude, longitude = predicted_places(
        live.latitude_deg, live.longitude_deg, live.speed_mps, live.track_deg, turn, TURNING_S, STEP_S, steps
    )
    moments: Floats = np.arange(steps + 1, dtype=np.float64) * STEP_S
    pressure = live.pressure_m[:, None] + live.climb_mps[:, None] * moments
    geometric = live.geometric_m[:, None] + live.climb_mps[:, None] * moments
    guess = np.where(turning, int(Guess.TURN), int(Guess.STRAIGHT)).astype(np.int64)
    for row, plan in live.plans.items():
        if isinstance(plan.intent, Trajectory) and len(plan.intent.waypoints) > 1:
            along = _along(plan.intent, np.asarray(now_s + moments, np.float64), live, row)
            if along is not None:
                latitude[row], longitude[row], climbed = along
                pressure[row], geometric[row] = live.pressure_m[row] + climbed, live.geometric_m[row] + climbed
                guess[row] = Guess.PLAN
    pressure, geometric = np.maximum(pressure, LOWEST_M), np.maximum(geometric, LOWEST_M)
    points = surface_points(latitude.ravel(), longitude.ravel()).reshape(len(live), steps + 1, 3)
    return Prediction(STEP_S, latitude, longitude, points, pressure, geometric, guess)


def _along(
    trajectory: Trajectory, moments_s: Floats, live: LiveTracks, row: int
) -> tuple[Floats, Floats, Floats] | None:
    """Latitudes, longitudes and heights gained along a plan, keeping the distance from it that the aircraft has now.

    None when the aircraft does not seem to follow it: the plan has no leg now, the aircraft is far from where it should
    be, or it flies elsewhere.
    """
    start_s = posix_s(trajectory.waypoints[0].time)
    end_s = posix_s(trajectory.waypoints[-1].time)
    if not start_s <= moments_s[0] < end_s:
        return None
    route = route_of(trajectory)
    longitude, latitude, height, course = route.at(moments_s)
    to_course, _, away_m = GEOD.inv(longitude[0], latitude[0], live.longitude_deg[row], live.latitude_deg[row])
    speed = float(live.speed_mps[row])
    allowed_m = max(trajectory.containment.lateral_m, NEAR_PLAN_S * speed)
    if away_m > allowed_m + trajectory.containment.along_time_s * speed:
        return None
    off_deg = abs((float(live.track_deg[row]) - course[0] + 180.0) % 360.0 - 180.0)
    if speed > 1.0 and off_deg > COURSE_WITHIN_DEG:
        return None
    if away_m > 1.0:
        longitude, latitude, _ = GEOD.fwd(
            longitude, latitude, np.full(len(moments_s), to_course), np.full(len(moments_s), away_m)
        )
    return latitude, longitude, height - height[0]


class Route:
    """A trajectory as arrays: when each waypoint is due, where it is, and the geodesic to the next."""

    def __init__(self, trajectory: Trajectory) -> None:
        points = trajectory.waypoints
        self.times_s = np.array([posix_s(point.time) for point in points])
        self.latitude = np.array([point.position.latitude_deg for point in points])
        self.longitude = np.array([point.position.longitude_deg for point in points])
        self.height = np.array([point.altitude.reading_m for point in points])
        self.course, _, self.length_m = GEOD.inv(
            self.longitude[:-1], self.latitude[:-1], self.longitude[1:], self.latitude[1:]
        )

    def at(self, moments_s: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """Longitudes, latitudes, heights on the plan's own reference and courses at some moments; the ends hold."""
        leg = np.clip(np.searchsorted(self.times_s, moments_s, side="right") - 1, 0, len(self.course) - 1)
        took_s = self.times_s[leg + 1] - self.times_s[leg]
        share = np.clip((moments_s - self.times_s[leg]) / took_s, 0.0, 1.0)
        longitude, latitude, back = GEOD.fwd(
            self.longitude[leg], self.latitude[leg], self.course[leg], share * self.length_m[leg]
        )
        course = np.where(self.length_m[leg] * share > 1.0, np.asarray(back) + 180.0, self.course[leg])
        height = self.height[leg] + share * (self.height[leg + 1] - self.height[leg])
        return np.asarray(longitude), np.asarray(latitude), height, course


@lru_cache(maxsize=20_000)
def route_of(trajectory: Trajectory) -> Route:
    """A trajectory as arrays, made once."""
    return Route(trajectory)
