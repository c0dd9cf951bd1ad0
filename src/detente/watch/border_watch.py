"""Aircraft near a national boundary, over it, or about to cross it, with their errors (R19)."""

from __future__ import annotations

import numpy as np

from detente.airspace.arrays import Floats, Integers
from detente.picture.observations import Verdict
from detente.watch.alert import AlertKind
from detente.watch.boundary import Boundary, distances_to_right_m, side_of
from detente.watch.finding import WatchFinding, doubts_of
from detente.watch.live_tracks import OURS, THEIRS, LiveTracks
from detente.watch.prediction import Prediction
from detente.watch.separation import KEEPS_LONGER_S, level_in, place_at
from detente.watch.situation import LevelTimes, Situation

REASONS = {Verdict.OUTSIDE: "boundary_crossed", Verdict.CANNOT_TELL: "boundary_unsure"}


def at_boundaries(live: LiveTracks, prediction: Prediction, situation: Situation) -> list[WatchFinding]:
    """What is found of ours and theirs at the boundaries that have us on one side.

    Ours are held against our side, theirs against the other. Between two steps of the prediction an aircraft crosses
    where its distance from the line is none, taken straight.
    """
    findings: list[WatchFinding] = []
    rows = np.flatnonzero((live.side == OURS) | (live.side == THEIRS))
    if not len(rows):
        return findings
    for boundary in situation.boundaries:
        if situation.party not in {boundary.left, boundary.right}:
            continue
        other = boundary.left if situation.party == boundary.right else boundary.right
        right_m, beyond = distances_to_right_m(boundary, live.latitude_deg[rows], live.longitude_deg[rows])
        ahead_s = prediction.steps * prediction.step_s
        reach_m = live.speed_mps[rows] * ahead_s + live.error_m[rows] + boundary.buffer_m
        for k in np.flatnonzero((np.abs(right_m) <= reach_m) | (side_sign(boundary, situation.party, live, rows)
                                                                 * right_m < 0.0)).tolist():  # fmt: skip
            row = int(rows[k])
            party = situation.party if live.side[row] == OURS else other
            now = side_of(boundary, party, float(right_m[k]), float(beyond[k]), float(live.error_m[row]))
            crosses_s = _crosses_s(boundary, prediction, row) if now is Verdict.INSIDE else 0.0
            found = _finding(live, prediction, row, boundary, now, (float(right_m[k]), crosses_s), situation.times)
            findings += [found] if found is not None and not (now is Verdict.CANNOT_TELL and beyond[k]) else []
    return findings


def side_sign(boundary: Boundary, party: str, live: LiveTracks, rows: Integers) -> Floats:
    """1 for aircraft whose own side is to the right of the line, else -1, shape of `rows`."""
    ours = 1.0 if party == boundary.right else -1.0
    return np.where(live.side[rows] == OURS, ours, -ours)


def _crosses_s(boundary: Boundary, prediction: Prediction, row: int) -> float:
    """When a predicted path first crosses the line, in seconds; infinite where it does not."""
    right_m, beyond = distances_to_right_m(boundary, prediction.latitude_deg[row], prediction.longitude_deg[row])
    for k in range(prediction.steps):
        if right_m[k] * right_m[k + 1] <= 0.0 and not (beyond[k] and beyond[k + 1]):
            size = abs(right_m[k]) + abs(right_m[k + 1])
            return float((k + (abs(right_m[k]) / size if size else 0.0)) * prediction.step_s)
    return float("inf")


def _finding(
    live: LiveTracks, prediction: Prediction, row: int, boundary: Boundary, now: Verdict,
    measured: tuple[float, float], times: LevelTimes,
) -> WatchFinding | None:  # fmt: skip
    right_m, crosses_s = measured
    level, kept, reason, left_s = 0, 0, "", float("inf")
    if now is not Verdict.INSIDE:
        level, reason, left_s = (3 if now is Verdict.OUTSIDE else 2), REASONS[now], 0.0
    elif level_in(times, max(0.0, crosses_s - KEEPS_LONGER_S)):
        level, left_s, reason = level_in(times, crosses_s), crosses_s, "boundary_ahead"
        kept = level_in(times, max(0.0, crosses_s - KEEPS_LONGER_S))
    elif abs(right_m) <= boundary.buffer_m + float(live.error_m[row]):
        level, reason = 1, "boundary_buffer"
    if not reason:
        return None
    track = live.tracks[row]
    figures: dict[str, float | str] = {
        "boundary": boundary.boundary_id,
        "now_distance_m": abs(right_m),
        "buffer_distance_m": boundary.buffer_m,
        "error_distance_m": float(live.error_m[row]),
    }
    if track.pressure_altitude_m is not None:
        figures["first_altitude_m"] = track.pressure_altitude_m
    place = live.place_of(row) if left_s in {0.0, float("inf")} else place_at(prediction, row, left_s)
    key = f"{AlertKind.AREA}:line:{boundary.boundary_id}|{track.track_id}"
    return WatchFinding(
        key, AlertKind.AREA, level, max(level, kept), reason,
        (track.track_id,), live.sides_of(row), figures, left_s, place, boundary.boundary_id, doubts_of(track.doubts),
    )  # fmt: skip
