"""Tracks as observations and as places that the exact predicate of plans can be asked about."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
import numpy as np

from detente.airspace.altitude import Altitude, AltitudeBand, AltitudeUnit, Ellipsoid, StandardPressure
from detente.airspace.arrays import Integers
from detente.airspace.compiled import Vocabulary, compile_plans
from detente.airspace.part_kernels import PLAN
from detente.airspace.plan import Circle, Containment, Plan, TimeWindow, Trajectory, Volume4D, Waypoint
from detente.airspace.position import Position, from_posix_s
from detente.airspace.search import BoxedPlans, meetings_of
from detente.picture.observations import TOUCHING, Observation
from detente.watch.live_tracks import LiveTracks
from detente.watch.prediction import Guess, Prediction
from detente.watch.track import Track

LOWEST = Altitude(-1_500.0, AltitudeUnit.METRE, StandardPressure())
HIGHEST = Altitude(60_000.0, AltitudeUnit.METRE, StandardPressure())
EVERY_HEIGHT = AltitudeBand(LOWEST, HIGHEST)
WIDEST_ERROR_M, HIGHEST_ERROR_M = 500_000.0, 20_000.0


def altitude_of(track: Track) -> Altitude | None:
    """A track's altitude on standard pressure, else above the ellipsoid; None where it has none."""
    if track.pressure_altitude_m is not None:
        return Altitude(track.pressure_altitude_m, AltitudeUnit.METRE, StandardPressure())
    if track.geometric_altitude_m is not None:
        return Altitude(track.geometric_altitude_m, AltitudeUnit.METRE, Ellipsoid())
    return None


def observation_of(party: str, track: Track) -> Observation | None:
    """What we say we saw of a track, as claims take it (R20, R25); None without any height.

    The evidence is the track as we hold it, in its canonical JSON.
    """
    altitude = altitude_of(track)
    if altitude is None:
        return None
    evidence = hashlib.sha256(msgspec.json.encode(track, order="deterministic")).hexdigest()
    return Observation(
        f"w-{evidence[:24]}", party, Position(track.latitude_deg, track.longitude_deg),
        min(track.horizontal_error_m, WIDEST_ERROR_M), altitude, min(track.vertical_error_m, HIGHEST_ERROR_M),
        from_posix_s(track.at_s), 0.0, evidence,
    )  # fmt: skip


def place_plan(track: Track, moment: datetime, plan_id: str = "observed") -> Plan:
    """Every place where a track may be at a time, by its errors; at every height where its height is not known."""
    altitude = altitude_of(track)
    if altitude is None:
        band = EVERY_HEIGHT
    else:
        error_m = min(track.vertical_error_m, HIGHEST_ERROR_M)
        limits = (max(-2_000.0, altitude.value - error_m), min(100_000.0, altitude.value + error_m))
        band = AltitudeBand(*(Altitude(value, AltitudeUnit.METRE, altitude.reference) for value in limits))
    area = Circle(Position(track.latitude_deg, track.longitude_deg), min(track.horizontal_error_m, WIDEST_ERROR_M))
    return Plan(plan_id, (Volume4D(area, band, TimeWindow(moment, moment)),))


def path_plan(live: LiveTracks, prediction: Prediction, row: int, moment: datetime) -> Plan:
    """The predicted path of a track as a plan, its errors as containment; at every height where none is known."""
    track = live.tracks[row]
    steps = range(prediction.steps + 1)
    if prediction.guess[row] == Guess.STRAIGHT:
        steps = range(0, prediction.steps + 1, prediction.steps)
    heights, reference = prediction.pressure_m[row], LOWEST.reference
    vertical_m = min(track.vertical_error_m, HIGHEST_ERROR_M)
    if not math.isfinite(heights[0]):
        heights, reference = prediction.geometric_m[row], Ellipsoid()
    if not math.isfinite(heights[0]):
        heights, vertical_m = np.full(prediction.steps + 1, 10_000.0), 12_000.0
    waypoints = tuple(
        Waypoint(
            Position(float(prediction.latitude_deg[row, k]), float(prediction.longitude_deg[row, k])),
            Altitude(float(heights[k]), AltitudeUnit.METRE, reference),
            moment + timedelta(seconds=k * prediction.step_s),
        )
        for k in steps
    )
    containment = Containment(min(track.horizontal_error_m, WIDEST_ERROR_M), vertical_m, 0.0)
    return Plan("path", Trajectory(waypoints, containment))


class PlaceSearch:
    """Plans that stand, compiled once, and which of many places touch which of them by the exact predicate."""

    def __init__(self, standing: Sequence[Plan]) -> None:
        self._vocabulary = Vocabulary()
        self._standing = BoxedPlans(compile_plans(standing, self._vocabulary)) if standing else None

    def touching(self, places: Sequence[Plan]) -> tuple[Integers, Integers]:
        """Numbers of the places and of the standing plans that touch, each pair once, in ascending order."""
        if self._standing is None or not places:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        asked = compile_plans(places, self._vocabulary)
        met = meetings_of(BoxedPlans(asked), self._standing, self._vocabulary.minima(TOUCHING))
        first = asked.integers[met.first, PLAN]
        second = self._standing.compiled.integers[met.second, PLAN]
        pairs = np.unique(np.stack([first, second], axis=1), axis=0) if len(first) else np.empty((0, 2), np.int64)
        return pairs[:, 0].astype(np.int64), pairs[:, 1].astype(np.int64)
