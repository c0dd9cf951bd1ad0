"""The cheapest turn, change of height or change of speed of one of ours that clears it of all the other traffic.

Each candidate is flown as a pilot would after being told: some seconds straight on, then the change at the usual rate,
then straight. It is held exactly against the prediction of every other aircraft. Terrain and areas are not looked at.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from detente.airspace.altitude import FOOT_M
from detente.airspace.arrays import Floats, Integers
from detente.airspace.ellipsoid_kernels import SEMI_MAJOR_M, surface_points
from detente.airspace.separation import MinimaTable
from detente.watch.alert import WayOut
from detente.watch.live_tracks import LiveTracks
from detente.watch.prediction import Prediction
from detente.watch.prediction_kernels import ECCENTRICITY
from detente.watch.separation import pair_minima
from detente.watch.separation_kernels import NOW_HEIGHT_M, NOW_M, clear_of_all, meetings, near_rows
from detente.watch.situation import Situation

TOLD_S = 10.0
"""From the alert to the first change of the flight: it is said, heard and begun."""
TURN_DEG_S = 3.0
CLIMB_MPS = 7.62
"""1,500 ft/min, the rate of the standard's own resolutions."""
GAINS_MPS2 = 0.5
TURNS_DEG = (10.0, 20.0, 30.0, 45.0, 60.0, 90.0)
HEIGHTS = (1.1, 2.2)
"""Changes of height as multiples of the vertical minimum, rounded up to 100 ft."""
SPEEDS = (0.8, 0.9, 1.1)
SECONDS_PER_DEGREE, SECONDS_PER_FOOT, SECONDS_PER_MPS = 0.5, 0.03, 1.0
"""What a change costs in seconds of flying: feet as in `airspace.resolution`, the others beside it."""
LOWEST_LEFT_M = 2_000.0 * FOOT_M
"""Nobody is sent below this on standard pressure: what is on the ground there is not known here."""
SECOND_S = 1.0


class _Candidate(NamedTuple):
    cost_s: float
    way: WayOut


def cheapest_way_out(live: LiveTracks, prediction: Prediction, row: int, situation: Situation) -> WayOut | None:
    """Return the cheapest change of the aircraft of `row` that clears it within the prediction; None where none does.

    Of two that cost the same a turn to the right comes first, as the rules of the air have it, and a climb.
    """
    candidates = sorted(_candidates(live, row, situation.minima), key=lambda one: one.cost_s)
    if not candidates:
        return None
    paths = _flown(live, prediction, row, [one.way for one in candidates])
    points, pressure, geometric = paths
    others, horizontal, vertical = _others(live, prediction, row, points, situation)
    no_nearer = _no_nearer(prediction, row, others, horizontal, vertical)
    for k, candidate in enumerate(candidates):
        if clear_of_all(
            points[k], pressure[k], geometric[k], others, prediction.points, prediction.pressure_m,
            prediction.geometric_m, prediction.step_s, horizontal, vertical, no_nearer,
        ):  # fmt: skip
            return candidate.way
    return None


def _candidates(live: LiveTracks, row: int, table: MinimaTable) -> list[_Candidate]:
    track = live.tracks[row]
    found = [
        _Candidate(SECONDS_PER_DEGREE * degrees, WayOut(track.track_id, turn_deg=sign * degrees))
        for degrees in TURNS_DEG
        for sign in (1.0, -1.0)
    ]
    altitude = float(live.pressure_m[row])
    for times in HEIGHTS:
        step = 100.0 * FOOT_M
        change = math.ceil(times * table.default.vertical_m / step - 1e-9) * step
        for sign in (1.0, -1.0):
            if math.isfinite(altitude) and (sign > 0.0 or altitude - change >= LOWEST_LEFT_M):
                way = WayOut(track.track_id, climb_m=sign * change)
                found.append(_Candidate(SECONDS_PER_FOOT * change / FOOT_M, way))
    for times in SPEEDS:
        change = round((times - 1.0) * float(live.speed_mps[row]), 1)
        if change:
            found.append(_Candidate(SECONDS_PER_MPS * abs(change), WayOut(track.track_id, speed_mps=change)))
    return found


def _flown(live: LiveTracks, prediction: Prediction, row: int, ways: list[WayOut]) -> tuple[Floats, Floats, Floats]:
    """Points, shape [ways, steps + 1, 3], and heights of the aircraft's path for each change."""
    count, steps = len(ways), prediction.steps
    per_step = round(prediction.step_s / SECOND_S)
    left_deg = np.array([way.turn_deg or 0.0 for way in ways])
    left_m = np.array([way.climb_m or 0.0 for way in ways])
    left_mps = np.array([way.speed_mps or 0.0 for way in ways])
    levels = left_m != 0.0
    phi = np.full(count, math.radians(float(live.latitude_deg[row])))
    lam = np.full(count, math.radians(float(live.longitude_deg[row])))
    course = np.full(count, math.radians(float(live.track_deg[row])))
    speed, gained = np.full(count, float(live.speed_mps[row])), np.zeros(count)
    places, heights = np.empty((count, steps + 1, 2)), np.zeros((count, steps + 1))
    places[:, 0, 0], places[:, 0, 1] = phi, lam
    for second in range(1, steps * per_step + 1):
        climb = np.full(count, float(live.climb_mps[row]))
        if second > TOLD_S:
            turned = np.clip(left_deg, -TURN_DEG_S, TURN_DEG_S)
            faster = np.clip(left_mps, -GAINS_MPS2, GAINS_MPS2)
            left_deg, left_mps = left_deg - turned, left_mps - faster
            course, speed = course + np.radians(turned), speed + faster
            # Who is sent to another height leaves his own climb for it.
            sent = np.clip(left_m, -CLIMB_MPS, CLIMB_MPS)
            left_m, climb = left_m - sent, np.where(levels, sent, climb)
        sine = np.sin(phi)
        root = np.sqrt(1.0 - ECCENTRICITY * sine * sine)
        north, east = speed * np.cos(course), speed * np.sin(course)
        moved = east * root / (SEMI_MAJOR_M * np.maximum(np.cos(phi), 1e-6))
        phi = phi + north * root**3 / (SEMI_MAJOR_M * (1.0 - ECCENTRICITY))
        lam, course, gained = lam + moved, course + moved * sine, gained + climb * SECOND_S
        if second % per_step == 0:
            k = second // per_step
            places[:, k, 0], places[:, k, 1], heights[:, k] = phi, lam, gained
    flat = np.degrees(places).reshape(-1, 2)
    points = surface_points(np.ascontiguousarray(np.clip(flat[:, 0], -90.0, 90.0)), np.ascontiguousarray(flat[:, 1]))
    return (
        points.reshape(count, steps + 1, 3),
        float(live.pressure_m[row]) + heights,
        float(live.geometric_m[row]) + heights,
    )


def _others(
    live: LiveTracks, prediction: Prediction, row: int, paths: Floats, situation: Situation
) -> tuple[Integers, Floats, Floats]:
    """Rows of all that any of the paths may come near, and the minima to each."""
    table = situation.minima
    widest_m = max([table.default.horizontal_m, *(entry.minima.horizontal_m for entry in table.by_class)])
    ways = np.linalg.norm(np.diff(prediction.points, axis=1), axis=2).sum(axis=1)
    ways[row] = np.linalg.norm(np.diff(paths, axis=1), axis=2).sum(axis=1).max()
    pairs = np.empty(len(live), np.int64)
    count = near_rows(np.array([row]), np.arange(len(live)), prediction.points, ways, 2.0 * widest_m, pairs)
    others = pairs[:count] % len(live)
    horizontal, vertical = pair_minima(live, np.full(count, row), others, situation)
    return others, horizontal, vertical


def _no_nearer(prediction: Prediction, row: int, others: Integers, horizontal: Floats, vertical: Floats) -> Floats:
    """The distance now to those that are inside the minima already, less a metre; below zero for all others."""
    table = meetings(
        np.full(len(others), row), others, prediction.points, prediction.pressure_m, prediction.geometric_m,
        prediction.step_s, horizontal, vertical,
    )  # fmt: skip
    height = np.where(np.isfinite(table[:, NOW_HEIGHT_M]), table[:, NOW_HEIGHT_M], 0.0)
    inside = (table[:, NOW_M] < horizontal) & (height < vertical)
    return np.where(inside, np.maximum(0.0, table[:, NOW_M] - 1.0), -1.0)
