"""Tracks as the node's people are told them: a row of values for each, under names that are said once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from detente.airspace.altitude import FOOT_M
from detente.watch.alert import TrackSide
from detente.watch.track import Track

MOST_TRACKS = 20_000
ROUNDED_M = 1.0
"""So much places and errors are rounded by, both together, at the most."""
COLUMNS = (
    "track_id", "age_s", "latitude_deg", "longitude_deg", "horizontal_error_m", "pressure_altitude_m",
    "pressure_altitude_ft", "geometric_altitude_m", "geometric_altitude_ft", "vertical_error_m", "ground_speed_mps",
    "track_deg", "vertical_speed_mps", "side", "callsign", "addresses", "identities", "category", "on_ground", "feeds",
    "sources", "doubts", "geometric_error_m",
)  # fmt: skip
"""What a row holds, in this order. Heights are in metres and in feet; what is not known is null."""


class TrackRows(msgspec.Struct, frozen=True):
    """All tracks at one time, `at_s` seconds since 1970-01-01 UTC. `left_out` are more than fit."""

    at_s: float
    columns: tuple[str, ...]
    tracks: list[tuple[object, ...]]
    left_out: int = 0


def track_rows(at_s: float, tracks: Sequence[Track], sides: dict[str, TrackSide]) -> TrackRows:
    """Return the table of tracks; `sides` says whose each is, and what is not in it is nobody's that we know."""
    rows = [_row(track, sides.get(track.track_id, TrackSide.UNKNOWN)) for track in tracks[:MOST_TRACKS]]
    return TrackRows(round(at_s, 3), COLUMNS, rows, max(0, len(tracks) - MOST_TRACKS))


def track_of(picture: bytes, track_id: str) -> Track | None:
    """Return a track of a table as JSON, or None when it is not in it; what is rounded there is in its errors here."""
    table = msgspec.json.decode(picture, type=TrackRows)
    for row in table.tracks:
        if row[0] == track_id:
            return _track(table.at_s, dict(zip(table.columns, row, strict=True)))
    return None


def _track(at_s: float, row: dict[str, Any]) -> Track:
    errors = {name: row[name] + ROUNDED_M for name in ("horizontal_error_m", "vertical_error_m")}
    same = {name: row[name] for name in Track.__struct_fields__ if name in row}
    document = same | errors | {
        "at_s": at_s, "position_s": at_s - row["age_s"], "turn_deg_s": 0.0, "velocity_error_mps": 0.0,
    }  # fmt: skip
    return msgspec.convert(document, Track)


def _row(track: Track, side: TrackSide) -> tuple[object, ...]:
    pressure_m, geometric_m = track.pressure_altitude_m, track.geometric_altitude_m
    return (
        track.track_id, round(track.at_s - track.position_s, 1), round(track.latitude_deg, 6),
        round(track.longitude_deg, 6), round(track.horizontal_error_m), _rounded(pressure_m), _feet(pressure_m),
        _rounded(geometric_m), _feet(geometric_m), round(track.vertical_error_m), round(track.ground_speed_mps, 1),
        round(track.track_deg, 1), round(track.vertical_speed_mps, 1), side, track.callsign, track.addresses,
        track.identities, track.category, track.on_ground, track.feeds, track.sources, track.doubts,
        _rounded(track.geometric_error_m),
    )  # fmt: skip


def _rounded(metres: float | None) -> int | None:
    return None if metres is None else round(metres)


def _feet(metres: float | None) -> int | None:
    return None if metres is None else round(metres / FOOT_M)
