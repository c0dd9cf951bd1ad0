"""Tracks as the node's people are told them: a row of values for each, under names that are said once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import attrgetter

import msgspec
import numpy as np

from detente.airspace.altitude import FOOT_M
from detente.airspace.arrays import Floats
from detente.watch.alert import TrackSide
from detente.watch.track import Track

MOST_TRACKS = 20_000
COLUMNS = (
    "track_id", "age_s", "latitude_deg", "longitude_deg", "horizontal_error_m", "pressure_altitude_m",
    "pressure_altitude_ft", "geometric_altitude_m", "geometric_altitude_ft", "vertical_error_m", "ground_speed_mps",
    "track_deg", "vertical_speed_mps", "side", "callsign", "addresses", "identities", "category", "on_ground", "feeds",
    "sources", "doubts", "geometric_error_m",
)  # fmt: skip
"""What a row holds, in this order. Heights are in metres and in feet; what is not known is null."""
_DIGITS = {"latitude_deg": 6, "longitude_deg": 6, "ground_speed_mps": 1, "track_deg": 1, "vertical_speed_mps": 1}
_NUMBERS = (
    "at_s", "position_s", "pressure_altitude_m", "geometric_altitude_m", "horizontal_error_m", "vertical_error_m",
    "geometric_error_m", *_DIGITS,
)  # fmt: skip
_numbers_of = attrgetter(*_NUMBERS)


class TrackRows(msgspec.Struct, frozen=True):
    """All tracks at one time, `at_s` seconds since 1970-01-01 UTC. `left_out` are more than fit."""

    at_s: float
    columns: tuple[str, ...]
    tracks: list[tuple[object, ...]]
    left_out: int = 0


def track_rows(at_s: float, tracks: Sequence[Track], sides: dict[str, TrackSide]) -> TrackRows:
    """Return the table of tracks; `sides` says whose each is, and what is not in it is nobody's that we know."""
    shown = tracks[:MOST_TRACKS]
    given = np.array([_numbers_of(track) for track in shown], dtype=np.float64).reshape(-1, len(_NUMBERS))
    number = dict(zip(_NUMBERS, given.T, strict=True))
    columns: dict[str, Iterable[object]] = {
        name: _rounded(number[name], digits).tolist() for name, digits in _DIGITS.items()
    }
    columns["age_s"] = _rounded(number["at_s"] - number["position_s"], 1).tolist()
    for name in ("pressure_altitude", "geometric_altitude"):
        columns[f"{name}_m"] = _whole(number[f"{name}_m"])
        columns[f"{name}_ft"] = _whole(number[f"{name}_m"] / FOOT_M)
    for name in ("horizontal_error_m", "vertical_error_m", "geometric_error_m"):
        columns[name] = _whole(number[name])
    columns["side"] = [sides.get(track.track_id, TrackSide.UNKNOWN) for track in shown]
    for name in COLUMNS:
        if name not in columns:
            columns[name] = map(attrgetter(name), shown)
    rows = list(zip(*(columns[name] for name in COLUMNS), strict=True))
    return TrackRows(round(at_s, 3), COLUMNS, rows, max(0, len(tracks) - MOST_TRACKS))


def _rounded(values: Floats, digits: int) -> Floats:
    return np.asarray(np.round(values, digits))


def _whole(values: Floats) -> list[int | None]:
    """Values as whole numbers, None for those that are not known."""
    known = np.isfinite(values)
    whole: list[int | None] = np.round(np.where(known, values, 0.0)).astype(np.int64).tolist()
    for place in np.flatnonzero(~known).tolist():
        whole[place] = None
    return whole
