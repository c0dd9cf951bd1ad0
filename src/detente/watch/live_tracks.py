"""The tracks of one look as arrays, with whose each is and which plan it flies."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detente.airspace.arrays import Floats, Integers
from detente.airspace.plan import DEFAULT_CLASS, Plan
from detente.watch.alert import AlertPlace, TrackSide
from detente.watch.finding import UNSURE
from detente.watch.situation import Situation
from detente.watch.track import Track

SIDES = tuple(TrackSide)
OURS, THEIRS, UNKNOWN = range(3)


@dataclass(frozen=True, eq=False, slots=True)
class LiveTracks:
    """The tracks that fly, in the order of their ids, and their state as arrays of shape [n].

    Heights that are not known are not a number. `side` holds the numbers of `SIDES`; `unsure` says which tracks are
    not to be believed as they stand; `plans` are those that our aircraft fly, by row.
    """

    tracks: tuple[Track, ...]
    rows: dict[str, int]
    side: Integers
    unsure: NDArray[np.bool_]
    plans: dict[int, Plan]
    latitude_deg: Floats
    longitude_deg: Floats
    pressure_m: Floats
    geometric_m: Floats
    speed_mps: Floats
    track_deg: Floats
    climb_mps: Floats
    turn_deg_s: Floats
    error_m: Floats
    height_error_m: Floats

    def __len__(self) -> int:
        return len(self.tracks)

    def sides_of(self, *rows: int) -> tuple[TrackSide, ...]:
        """Whose some tracks are."""
        return tuple(SIDES[self.side[row]] for row in rows)

    def class_of(self, row: int) -> str:
        """The accord's class of an aircraft: that of the plan it flies, where we know it."""
        plan = self.plans.get(row)
        return DEFAULT_CLASS if plan is None else plan.aircraft_class

    def place_of(self, row: int) -> AlertPlace:
        """Where a track is now."""
        track = self.tracks[row]
        return AlertPlace(track.latitude_deg, track.longitude_deg, track.pressure_altitude_m)


def live(tracks: Iterable[Track], situation: Situation) -> LiveTracks:
    """Return the tracks that fly as arrays; those on the ground are left out, and those whose numbers are no numbers.

    Of two tracks with one id the first is taken: the tracker gives each one id.
    """
    by_id: dict[str, Track] = {}
    for track in tracks:
        if not track.on_ground:
            by_id.setdefault(track.track_id, track)
    named = [by_id[name] for name in sorted(by_id)]
    numbers = np.array([_numbers(track) for track in named], dtype=np.float64).reshape(-1, COLUMNS)
    usable = ((numbers >= LOWEST) & (numbers <= HIGHEST) | np.isnan(numbers) & MAY_BE_UNKNOWN).all(axis=1)
    ordered = tuple(track for track, taken in zip(named, usable.tolist(), strict=True) if taken)
    columns = np.ascontiguousarray(numbers[usable].T)
    side = np.array([side_of(track, situation) for track in ordered], dtype=np.int64)
    plans = {}
    if situation.plans:
        for row in np.flatnonzero(side == OURS).tolist():
            names = (*ordered[row].addresses, *ordered[row].identities, ordered[row].callsign)
            found = next((situation.plans[name] for name in names if name in situation.plans), None)
            if found is not None:
                plans[row] = found
    return LiveTracks(
        ordered, {track.track_id: row for row, track in enumerate(ordered)}, side,
        np.array([bool(t.doubts) and not UNSURE.isdisjoint(t.doubts) for t in ordered], dtype=np.bool_), plans,
        columns[0], columns[1], columns[2], columns[3], columns[4], columns[5] % 360.0, columns[6], columns[7],
        columns[8], columns[9],
    )  # fmt: skip


def _numbers(track: Track) -> tuple[float, ...]:
    """A track's numbers in the order of the fields of `LiveTracks`."""
    pressure_m, geometric_m = track.pressure_altitude_m, track.geometric_altitude_m
    return (
        track.latitude_deg, track.longitude_deg, math.nan if pressure_m is None else pressure_m,
        math.nan if geometric_m is None else geometric_m, track.ground_speed_mps, track.track_deg,
        track.vertical_speed_mps, track.turn_deg_s, track.horizontal_error_m, track.vertical_error_m,
    )  # fmt: skip


def side_of(track: Track, situation: Situation) -> int:
    """Whose a track is, as its place in `SIDES`."""
    for number, names in ((OURS, situation.ours), (THEIRS, situation.theirs)):
        if names and not (
            names.isdisjoint(track.addresses) and names.isdisjoint(track.identities) and track.callsign not in names
        ):
            return number
    return UNKNOWN


COLUMNS = 10
LOWEST = np.array([-90.0, -180.0, -1_500.0, -1_500.0, 0.0, -720.0, -250.0, -60.0, 0.0, 0.0])
HIGHEST = np.array([90.0, 180.0, 50_000.0, 50_000.0, 1_500.0, 720.0, 250.0, 60.0, 1e6, 1e6])
MAY_BE_UNKNOWN = np.array([False, False, True, True, *[False] * 6])
"""The range of each number: what is outside is no aircraft's, and such a track is left out and counted."""
