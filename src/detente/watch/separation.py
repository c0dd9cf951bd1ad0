"""Loss of separation ahead: pairs that come inside the accord's tactical minima within the look-ahead."""

from __future__ import annotations

import math

import numpy as np

from detente.airspace.arrays import Floats, Integers
from detente.watch.alert import AlertKind, AlertPlace
from detente.watch.finding import LEVELS, WatchFinding, doubts_of
from detente.watch.live_tracks import OURS, LiveTracks
from detente.watch.pairs import predicted_pairs
from detente.watch.prediction import Prediction
from detente.watch.separation_kernels import (
    CLOSEST,
    CLOSEST_HEIGHT_M,
    CLOSEST_M,
    ENTRY,
    HEIGHT_KNOWN,
    NOW_HEIGHT_M,
    NOW_M,
    meetings,
)
from detente.watch.situation import LevelTimes, Situation
from detente.watch.track import Track, TrackDoubt

KEEPS_WIDER = 1.1
"""An alert that shows is kept until both are clear of the minima so many times over."""
KEEPS_LONGER_S = 10.0
"""The look-ahead of an alert that shows already is longer by so much."""
WIDENED_MOST = 1.0
"""Errors widen a minimum by no more than itself; a larger error is said, and is a doubt."""
ROUNDING_M = 0.001
"""Two levels a thousand feet apart are so in metres too, though the last bit of their difference may say less."""
AT_ONCE = frozenset({TrackDoubt.MAYBE_GHOST})
"""With no other doubts a loss of separation that is there is told by the first look."""
FAR_HEARD_S = 7.0
"""What is not a warning yet is raised only by a look before which both were heard within so long.

Half a turn of a slow radar (12 s), and a look: of two aircraft that two such radars see, there is always such a moment.
Who was not heard for longer may have turned, levelled off or landed since; the next report says so, and if none comes
there is nothing to do about what nobody knows. What shows already stays.
"""
NEAR_HEARD_S = 15.0
"""The same for a warning: more than a turn of such a radar."""
MOVES_UNKNOWN_MPS = 100.0
"""Where a velocity may be wrong by more, one position is all that is known: it raises no more than a warning."""
MOST_PAIRS = 2_000
"""So many pairs, the soonest first, become findings; the rest is counted."""


def look_ahead_of(times: LevelTimes) -> float:
    """How far predictions have to go."""
    return times.preventive_s + KEEPS_LONGER_S


def pair_key(kind: AlertKind, live: LiveTracks, first: int, second: int) -> str:
    """The key of a matter of two tracks, whatever their order."""
    a, b = sorted((live.tracks[first].track_id, live.tracks[second].track_id))
    return f"{kind}:{a}|{b}"


def pair_minima(live: LiveTracks, first: Integers, second: Integers, situation: Situation) -> tuple[Floats, Floats]:
    """The minima of each pair, metres, shape [pairs]: by party and class, widened by both errors of position.

    Two errors of which 95 % are smaller add as the root of their squares. Errors of height do not widen: those of
    altimeters are within what vertical minima are made for. They are said. What the height of an aircraft that is not
    heard may have changed meanwhile is no altimeter's error, and widens the vertical minimum as well.
    """
    default = situation.minima.default
    horizontal = np.full(len(first), default.horizontal_m)
    vertical = np.full(len(first), default.vertical_m)
    if situation.minima.by_class or situation.minima_with:
        for k, (a, b) in enumerate(zip(first.tolist(), second.tolist(), strict=True)):
            other = b if live.side[a] == OURS else a
            minima = situation.minima_for(live.tracks[other]).between(live.class_of(a), live.class_of(b))
            horizontal[k], vertical[k] = minima.horizontal_m, minima.vertical_m
    error = np.hypot(live.error_m[first], live.error_m[second])
    unheard = np.hypot(live.unheard_height_m[first], live.unheard_height_m[second])
    vertical = np.maximum(0.0, vertical - ROUNDING_M)
    return horizontal + np.minimum(error, WIDENED_MOST * horizontal), vertical + np.minimum(
        unheard, WIDENED_MOST * vertical
    )


def separation_ahead(live: LiveTracks, prediction: Prediction, situation: Situation) -> tuple[list[WatchFinding], int]:
    """What is found of loss of separation, the soonest first, and how many pairs more there were than MOST_PAIRS."""
    table, times = situation.minima, situation.times
    widest = [table.default, *(entry.minima for entry in table.by_class)]
    worst_m = float(live.error_m.max(initial=0.0)) * math.sqrt(2.0)
    unheard_m = float(live.unheard_height_m.max(initial=0.0)) * math.sqrt(2.0)
    horizontal_m = max(min(worst_m, WIDENED_MOST * m.horizontal_m) + m.horizontal_m for m in widest)
    vertical_m = max(min(unheard_m, WIDENED_MOST * m.vertical_m) + m.vertical_m for m in widest)
    if horizontal_m == 0.0 or vertical_m == 0.0:
        return [], 0
    first, second = predicted_pairs(
        live, prediction, KEEPS_WIDER * horizontal_m, KEEPS_WIDER * vertical_m, own_pairs=situation.own_pairs
    )
    horizontal, vertical = pair_minima(live, first, second, situation)
    kept = _met(prediction, first, second, KEEPS_WIDER * horizontal, KEEPS_WIDER * vertical)
    near = np.flatnonzero(np.isfinite(kept[:, ENTRY]))
    first, second, horizontal, vertical, kept = first[near], second[near], horizontal[near], vertical[near], kept[near]
    found = _met(prediction, first, second, horizontal, vertical)
    order = np.lexsort((second, first, kept[:, ENTRY], found[:, ENTRY]))
    findings = []
    for k in order[:MOST_PAIRS].tolist():
        inside = found[k, ENTRY] <= times.preventive_s
        row = found[k] if inside else kept[k]
        findings.append(_finding(live, prediction, (int(first[k]), int(second[k])), row, times,
                                 (float(horizontal[k]), float(vertical[k])), inside=bool(inside)))  # fmt: skip
    return findings, max(0, len(order) - MOST_PAIRS)


def _met(prediction: Prediction, first: Integers, second: Integers, horizontal: Floats, vertical: Floats) -> Floats:
    return np.asarray(
        meetings(
            first,
            second,
            prediction.points,
            prediction.pressure_m,
            prediction.geometric_m,
            prediction.step_s,
            horizontal,
            vertical,
        )
    )  # fmt: skip


def level_in(times: LevelTimes, left_s: float) -> int:
    """The number of the level that shows so long before; 0 beyond the look-ahead."""
    if left_s <= times.warning_s:
        return 3
    if left_s <= times.corrective_s:
        return 2
    return 1 if left_s <= times.preventive_s else 0


def _finding(
    live: LiveTracks, prediction: Prediction, pair: tuple[int, int], row: Floats, times: LevelTimes,
    minima_m: tuple[float, float], *, inside: bool,
) -> WatchFinding:  # fmt: skip
    a, b = pair
    left_s = float(row[ENTRY])
    level = level_in(times, left_s) if inside else 0
    kept = max(level, level_in(times, max(0.0, left_s - KEEPS_LONGER_S)))
    known = bool(row[HEIGHT_KNOWN])
    doubts = doubts_of(live.tracks[a].doubts, live.tracks[b].doubts, () if known else (TrackDoubt.NO_HEIGHT,))
    if not known:
        level, kept = min(level, 2), min(kept, 2)
    figures: dict[str, float | str] = {
        "closest_distance_m": float(row[CLOSEST_M]),
        "now_distance_m": float(row[NOW_M]),
        "minimum_distance_m": minima_m[0],
        "minimum_height_m": minima_m[1],
        "error_distance_m": math.hypot(float(live.error_m[a]), float(live.error_m[b])),
    }
    if known:
        figures["closest_height_m"] = float(row[CLOSEST_HEIGHT_M])
        figures["now_height_m"] = float(row[NOW_HEIGHT_M])
        figures["error_height_m"] = math.hypot(float(live.height_error_m[a]), float(live.height_error_m[b]))
    figures |= altitudes_of(live, a, b)
    reason = "separation_no_height" if not known else "separation_lost" if left_s <= 0.0 else "separation_ahead"
    return WatchFinding(
        pair_key(AlertKind.SEPARATION, live, a, b), AlertKind.SEPARATION, level, kept, reason,
        (live.tracks[a].track_id, live.tracks[b].track_id), live.sides_of(a, b), figures, left_s,
        place_at(prediction, a, float(row[CLOSEST])), doubts=doubts,
        at_once=level == len(LEVELS) and left_s <= 0.0 and AT_ONCE.issuperset(doubts),
        rises=all(_is_known(live.tracks[row], is_near=level == len(LEVELS)) for row in pair),
    )  # fmt: skip


def _is_known(track: Track, *, is_near: bool) -> bool:
    """Whether a track is known well enough for an alert to be raised: of what is a warning, or is farther ahead."""
    unheard_s = track.at_s - track.position_s
    return unheard_s <= (NEAR_HEARD_S if is_near else FAR_HEARD_S) and (
        is_near or track.velocity_error_mps <= MOVES_UNKNOWN_MPS
    )


def altitudes_of(live: LiveTracks, first: int, second: int) -> dict[str, float | str]:
    """The altitudes of two tracks as figures: on standard pressure, above the ellipsoid where that is all there is."""
    figures: dict[str, float | str] = {}
    for name, row in (("first", first), ("second", second)):
        if math.isfinite(live.pressure_m[row]):
            figures[f"{name}_altitude_m"] = float(live.pressure_m[row])
        elif math.isfinite(live.geometric_m[row]):
            figures[f"{name}_ellipsoid_m"] = float(live.geometric_m[row])
    return figures


def place_at(prediction: Prediction, row: int, after_s: float) -> AlertPlace:
    """Where a track is predicted to be after some seconds, no farther than the prediction goes."""
    step = min(int(after_s / prediction.step_s), prediction.steps - 1)
    share = min(1.0, max(0.0, after_s / prediction.step_s - step))
    latitude, longitude = prediction.latitude_deg[row], prediction.longitude_deg[row]
    east = (longitude[step + 1] - longitude[step] + 180.0) % 360.0 - 180.0
    height = prediction.pressure_m[row]
    altitude = float(height[step] + share * (height[step + 1] - height[step]))
    return AlertPlace(
        float(latitude[step] + share * (latitude[step + 1] - latitude[step])),
        float((longitude[step] + share * east + 180.0) % 360.0 - 180.0),
        altitude if math.isfinite(altitude) else None,
    )
