"""The tracks of one look as arrays, with whose each is and which plan it flies."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detente.airspace.arrays import Floats, Integers
from detente.airspace.plan import DEFAULT_CLASS, Plan
from detente.watch.alert import AlertPlace, Side
from detente.watch.finding import UNSURE
from detente.watch.situation import Situation
from detente.watch.track import Track

SIDES = tuple(Side)
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

    def sides_of(self, *rows: int) -> tuple[Side, ...]:
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
        if not track.on_ground and _is_finite(track):
            by_id.setdefault(track.track_id, track)
    ordered = tuple(by_id[name] for name in sorted(by_id))
    names = [_names(track) for track in ordered]
    side = np.array([_side(one, situation) for one in names], dtype=np.int64)
    plans = {}
    if situation.plans:
        for row in np.flatnonzero(side == OURS).tolist():
            found = next((situation.plans[name] for name in names[row] if name in situation.plans), None)
            if found is not None:
                plans[row] = found
    return LiveTracks(
        tracks=ordered,
        rows={track.track_id: row for row, track in enumerate(ordered)},
        side=side,
        unsure=np.array([not UNSURE.isdisjoint(track.doubts) for track in ordered], dtype=np.bool_),
        plans=plans,
        latitude_deg=np.array([t.latitude_deg for t in ordered]),
        longitude_deg=np.array([t.longitude_deg for t in ordered]),
        pressure_m=np.array([_or_nan(t.pressure_altitude_m) for t in ordered]),
        geometric_m=np.array([_or_nan(t.geometric_altitude_m) for t in ordered]),
        speed_mps=np.array([t.ground_speed_mps for t in ordered]),
        track_deg=np.array([t.track_deg % 360.0 for t in ordered]),
        climb_mps=np.array([t.vertical_speed_mps for t in ordered]),
        turn_deg_s=np.array([t.turn_deg_s for t in ordered]),
        error_m=np.array([t.horizontal_error_m for t in ordered]),
        height_error_m=np.array([t.vertical_error_m for t in ordered]),
    )


def _names(track: Track) -> tuple[str, ...]:
    return (*track.addresses, *track.identities, track.callsign) if track.callsign else (
        *track.addresses, *track.identities,
    )  # fmt: skip


def _side(names: Sequence[str], situation: Situation) -> int:
    if any(name in situation.ours for name in names):
        return OURS
    return THEIRS if any(name in situation.theirs for name in names) else UNKNOWN


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value


def _is_finite(track: Track) -> bool:
    """Whether a track's numbers are usable: the tracker's are, and whatever else comes is not searched."""
    total = (
        track.latitude_deg + track.longitude_deg + track.ground_speed_mps + track.track_deg + track.vertical_speed_mps
        + track.turn_deg_s + track.horizontal_error_m + track.vertical_error_m
    )  # fmt: skip
    return (
        math.isfinite(total)
        and abs(track.latitude_deg) <= 90.0
        and abs(track.longitude_deg) <= 180.0
        and 0.0 <= track.ground_speed_mps <= FASTEST_MPS
        and abs(track.vertical_speed_mps) <= STEEPEST_MPS
        and -1_500.0 <= (track.pressure_altitude_m or 0.0) <= 50_000.0
        and -1_500.0 <= (track.geometric_altitude_m or 0.0) <= 50_000.0
    )


FASTEST_MPS, STEEPEST_MPS = 1_500.0, 250.0
"""Beyond these a track is no aircraft's; it is counted as left out."""
