"""Aircraft near a national boundary, over it, or about to cross it, with their errors (R19)."""

from __future__ import annotations

import math

import msgspec
import numpy as np

from detente.airspace.arrays import Floats, Integers
from detente.airspace.plan import Plan
from detente.airspace.position import from_posix_s
from detente.picture.notices import Meaning, Notice
from detente.picture.observations import Verdict
from detente.watch.alert import AlertKind
from detente.watch.boundary import Boundary, distances_to_right_m, side_of
from detente.watch.finding import WatchFinding, doubts_of
from detente.watch.live_tracks import OURS, THEIRS, LiveTracks
from detente.watch.observed import PlaceSearch, place_plan
from detente.watch.prediction import Prediction
from detente.watch.separation import KEEPS_LONGER_S, level_in, place_at
from detente.watch.situation import LevelTimes, Situation
from detente.watch.track import Track

REASONS = {Verdict.OUTSIDE: "boundary_crossed", Verdict.CANNOT_TELL: "boundary_unsure"}


class BorderWatch:
    """Looks at boundaries, and remembers the zones in which crossing one is agreed, compiled."""

    def __init__(self) -> None:
        self._notices: tuple[Notice, ...] | None = None
        self._owners: list[str] = []
        self._zones = PlaceSearch(())

    def look(self, live: LiveTracks, prediction: Prediction, situation: Situation, now_s: float) -> list[WatchFinding]:
        """What is found of ours and theirs at the boundaries that have us on one side.

        An agreed zone that says "our aircraft here" is consent for its owner's aircraft to be in it, on either side of
        a line: who is in it, or crosses within it, is not told.
        """
        if situation.notices is not self._notices:
            self._notices = situation.notices
            agreed = [
                one
                for one in situation.notices
                if one.agreed_with is not None and one.meaning is Meaning.OUR_AIRCRAFT_HERE
            ]
            self._owners = [one.party for one in agreed]
            self._zones = PlaceSearch([Plan("agreed", (one.volume,)) for one in agreed])
        found = [(live.rows[one.tracks[0]], one) for one in at_boundaries(live, prediction, situation)]
        if not found or not self._owners:
            return [one for _, one in found]
        places = [_crossing(live.tracks[row], one, now_s) for row, one in found]
        inside = [set[str]() for _ in found]
        for place, zone in zip(*(part.tolist() for part in self._zones.touching(places)), strict=True):
            inside[place].add(self._owners[zone])
        return [
            one
            for (row, one), owners in zip(found, inside, strict=True)
            if not _consented(int(live.side[row]), owners, situation, live.tracks[row])
        ]


def _crossing(track: Track, found: WatchFinding, now_s: float) -> Plan:
    """The point at which an aircraft is, or will cross, at that time, by its nominal place."""
    left_s = found.left_s if math.isfinite(found.left_s) else 0.0
    if left_s and found.place is not None:
        height_m = found.place.pressure_altitude_m
        track = msgspec.structs.replace(
            track, latitude_deg=found.place.latitude_deg, longitude_deg=found.place.longitude_deg,
            pressure_altitude_m=track.pressure_altitude_m if height_m is None else height_m,
        )  # fmt: skip
    return place_plan(
        msgspec.structs.replace(track, horizontal_error_m=0.0, vertical_error_m=0.0), from_posix_s(now_s + left_s)
    )


def _consented(side: int, owners: set[str], situation: Situation, track: Track) -> bool:
    """Whether one of the zones that hold an aircraft is of its own party."""
    if side == OURS:
        return situation.party in owners
    parties = {situation.party_of[name] for name in (*track.addresses, *track.identities, track.callsign)
               if name in situation.party_of}  # fmt: skip
    return bool(owners & parties) if parties else bool(owners - {situation.party})


def at_boundaries(live: LiveTracks, prediction: Prediction, situation: Situation) -> list[WatchFinding]:
    """What is found of ours and theirs at the boundaries that have us on one side, whatever was agreed.

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
