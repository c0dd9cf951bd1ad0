"""Which pairs of aircraft are worth an exact look: the search, which over-reports and never misses."""

from __future__ import annotations

import math

import numpy as np

from detente.airspace.arrays import Floats, Integers
from detente.airspace.ellipsoid_kernels import SEMI_MAJOR_M, surface_points
from detente.airspace.tactical import Traffic, detect
from detente.watch.area_kernels import may_reach
from detente.watch.live_tracks import OURS, SIDES, LiveTracks
from detente.watch.prediction import Prediction
from detente.watch.prediction_kernels import ECCENTRICITY
from detente.watch.separation_kernels import near_rows

MARGIN_M = 30.0
HEIGHT_MARGIN_M = 1.0
"""More than the predicate of the search and that of the prediction differ where both fly straight."""
WINDOW_STEPS = 2
FEW_PAIRS = 20_000
"""So few pairs are looked at one by one: a search takes longer."""
MOST_HELD = 4_000_000
"""So many pairs with ours are held against how far both fly, before a search among those that are left."""
REACH_SLACK = 1.02
"""How much farther that is taken than the planes of the search may differ from straight lines through the Earth."""
HIGHEST_M = 19_999.0
"""The search takes no larger vertical distance; nothing flies so high."""


def predicted_pairs(
    live: LiveTracks, prediction: Prediction, horizontal_m: float, vertical_m: float, *, own_pairs: bool
) -> tuple[Integers, Integers]:
    """Rows of every pair that the predictions bring inside both minima, and perhaps others; ours first.

    The prediction is cut into windows of some steps, in each of which aircraft are taken to fly their chord, and
    `airspace.tactical.detect` finds the pairs. Twice the farthest that any of them is from its chord is added to the
    distances. What has no pressure altitude cannot be searched by height and is compared with all that are near.
    """
    n = len(live)
    way = np.diff(prediction.points, axis=1)
    reach_m = np.sqrt(np.einsum("nkc,nkc->nk", way, way)).sum(axis=1)
    searched = _near_ours(live, _searched(live), prediction.points, reach_m, horizontal_m + MARGIN_M)
    keys = [_near(live, reach_m, horizontal_m + MARGIN_M, prediction.points)]
    if len(searched) > 1:
        for begin in range(0, prediction.steps, WINDOW_STEPS):
            end = min(begin + WINDOW_STEPS, prediction.steps)
            off_m, off_height_m = off_chord(prediction, searched, begin, end)
            found = detect(
                chord_traffic(prediction, searched, begin, end), horizontal_m + MARGIN_M + 2.0 * off_m,
                min(HIGHEST_M, vertical_m + HEIGHT_MARGIN_M + 2.0 * off_height_m), (end - begin) * prediction.step_s,
            )  # fmt: skip
            first, second = searched[found.first], searched[found.second]
            ours = (live.side[first] == OURS) | (live.side[second] == OURS)
            keys.append(first[ours] * n + second[ours])
    return ours_first(live, np.unique(np.concatenate(keys)), own_pairs=own_pairs)


def straight_pairs(
    live: LiveTracks, horizontal_m: float, vertical_m: float, look_ahead_s: float, *, own_pairs: bool
) -> tuple[Integers, Integers]:
    """Rows of every pair that straight flight brings inside both distances, and perhaps others; ours first.

    Pairs in which a height is not known on standard pressure are all those that are near enough.
    """
    n = len(live)
    reach = live.speed_mps * look_ahead_s
    points = surface_points(live.latitude_deg, live.longitude_deg)[:, None, :]
    searched = _near_ours(live, _searched(live), points, reach, horizontal_m + MARGIN_M)
    keys = [_near(live, reach, horizontal_m + MARGIN_M, points)]
    if len(searched) > 1:
        traffic = Traffic(
            live.latitude_deg[searched], live.longitude_deg[searched], live.pressure_m[searched],
            live.speed_mps[searched], live.track_deg[searched], live.climb_mps[searched],
        )  # fmt: skip
        found = detect(traffic, horizontal_m + MARGIN_M, vertical_m + HEIGHT_MARGIN_M, look_ahead_s)
        keys.append(searched[found.first] * n + searched[found.second])
    return ours_first(live, np.unique(np.concatenate(keys)), own_pairs=own_pairs)


def off_chord(prediction: Prediction, rows: Integers, begin: int, end: int) -> tuple[float, float]:
    """How far any aircraft of some rows is from its chord between two steps, in metres, horizontally and in height."""
    off_m = off_height_m = 0.0
    for k in range(begin + 1, end):
        share = (k - begin) / (end - begin)
        for values, is_place in ((prediction.points, True), (prediction.pressure_m, False)):
            away = values[rows, k] - (values[rows, begin] + share * (values[rows, end] - values[rows, begin]))
            if is_place:
                off_m = max(off_m, math.sqrt(float(np.einsum("nc,nc->n", away, away).max())))
            else:
                off_height_m = max(off_height_m, float(np.abs(away).max()))
    return off_m, off_height_m


def chord_traffic(prediction: Prediction, rows: Integers, begin: int, end: int) -> Traffic:
    """The aircraft of some rows on their chords between two steps."""
    took_s = (end - begin) * prediction.step_s
    latitude, longitude = prediction.latitude_deg[rows, begin], prediction.longitude_deg[rows, begin]
    phi, lam = np.radians(latitude), np.radians(longitude)
    way = (prediction.points[rows, end] - prediction.points[rows, begin]) / took_s
    east = -way[:, 0] * np.sin(lam) + way[:, 1] * np.cos(lam)
    north = -(way[:, 0] * np.cos(lam) + way[:, 1] * np.sin(lam)) * np.sin(phi) + way[:, 2] * np.cos(phi)
    climb = (prediction.pressure_m[rows, end] - prediction.pressure_m[rows, begin]) / took_s
    return Traffic(
        latitude, longitude, prediction.pressure_m[rows, begin], np.hypot(east, north),
        np.degrees(np.arctan2(east, north)), climb,
    )  # fmt: skip


def ours_first(live: LiveTracks, keys: Integers, *, own_pairs: bool) -> tuple[Integers, Integers]:
    """Rows of the pairs with one of ours, which comes first; of two of ours, or none, the lower row does."""
    first, second = np.divmod(keys, max(1, len(live)))
    low, high = np.minimum(first, second), np.maximum(first, second)
    pairs = np.unique(low * max(1, len(live)) + high)
    low, high = np.divmod(pairs, max(1, len(live)))
    low_ours, high_ours = live.side[low] == OURS, live.side[high] == OURS
    wanted = (low_ours | high_ours) & (own_pairs | ~(low_ours & high_ours))
    low, high, turned = low[wanted], high[wanted], (high_ours & ~low_ours)[wanted]
    return np.where(turned, high, low), np.where(turned, low, high)


def relative_motion(live: LiveTracks, first: Integers, second: Integers) -> tuple[Floats, Integers]:
    """Rows of motion, shape [pairs, 6], of the second aircraft as the first sees it, and which have a known height (1).

    East and north in the plane that is level on the ellipsoid halfway between both; up on the height that both have,
    and level where they have none in common.
    """
    motion = np.zeros((len(first), 6))
    phi = np.radians(0.5 * (live.latitude_deg[first] + live.latitude_deg[second]))
    apart = np.radians((live.longitude_deg[second] - live.longitude_deg[first] + 180.0) % 360.0 - 180.0)
    sine = np.sin(phi)
    root = np.sqrt(1.0 - ECCENTRICITY * sine * sine)
    motion[:, 0] = apart * np.cos(phi) * SEMI_MAJOR_M / root
    motion[:, 1] = (
        np.radians(live.latitude_deg[second] - live.latitude_deg[first])
        * SEMI_MAJOR_M * (1.0 - ECCENTRICITY) / root**3
    )  # fmt: skip
    # Courses are turned to the meridian halfway between both.
    for rows, sign, half in ((second, 1.0, -0.5), (first, -1.0, 0.5)):
        course = np.radians(live.track_deg[rows]) + half * apart * sine
        motion[:, 3] += sign * live.speed_mps[rows] * np.sin(course)
        motion[:, 4] += sign * live.speed_mps[rows] * np.cos(course)
    height = live.pressure_m[second] - live.pressure_m[first]
    height = np.where(np.isfinite(height), height, live.geometric_m[second] - live.geometric_m[first])
    known = np.isfinite(height)
    motion[:, 2] = np.where(known, height, 0.0)
    motion[:, 5] = np.where(known, live.climb_mps[second] - live.climb_mps[first], 0.0)
    return motion, known.astype(np.int64)


def _searched(live: LiveTracks) -> Integers:
    """Rows that are searched by height; none where all pairs are so few that each is looked at."""
    if int((live.side == OURS).sum()) * len(live) <= FEW_PAIRS:
        return np.empty(0, np.int64)
    return np.flatnonzero(np.isfinite(live.pressure_m))


def _near_ours(live: LiveTracks, rows: Integers, points: Floats, reach_m: Floats, apart_m: float) -> Integers:
    """Those of some rows that are ours or may come near one of ours: no other pair is asked for.

    All of them where to hold them against all of ours takes longer than to search.
    """
    ours = np.flatnonzero(live.side == OURS)
    if len(ours) * len(rows) > MOST_HELD:
        return rows
    here = np.ascontiguousarray(points[:, 0])
    everybody = np.ones((len(ours), len(SIDES)), dtype=np.bool_)
    return rows[may_reach(
        here[rows], REACH_SLACK * reach_m[rows], everybody, here[ours], REACH_SLACK * (reach_m[ours] + apart_m),
        live.side[rows],
    )]  # fmt: skip


def _near(live: LiveTracks, reach_m: Floats, apart_m: float, points: Floats) -> Integers:
    """Keys of the pairs of a track that is not searched and any other, one of them ours, that may come near."""
    blind = np.ones(len(live), dtype=np.bool_)
    blind[_searched(live)] = False
    if not blind.any():
        return np.empty(0, np.int64)
    everybody, ours = np.arange(len(live)), np.flatnonzero(live.side == OURS)
    found = []
    for rows, others in (
        (np.flatnonzero(blind & (live.side == OURS)), everybody), (np.flatnonzero(blind & (live.side != OURS)), ours),
    ):  # fmt: skip
        pairs = np.empty(4096, np.int64)
        count = near_rows(rows, others, points, reach_m, apart_m, pairs)
        if count > len(pairs):
            pairs = np.empty(count, np.int64)
            near_rows(rows, others, points, reach_m, apart_m, pairs)
        found.append(pairs[:count])
    return np.concatenate(found)
