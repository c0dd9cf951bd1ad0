"""Tracks and situations for the tests of the watch."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from detente.airspace.altitude import Altitude, AltitudeUnit, StandardPressure
from detente.airspace.position import Position
from detente.airspace.separation import Minima, MinimaTable
from detente.watch.situation import Situation
from detente.watch.track import Track, TrackDoubt

START = datetime(2025, 6, 1, 12, 0, tzinfo=UTC)
START_S = START.timestamp()
MINIMA = MinimaTable(Minima(5_556.0, 304.8))


def track(
    name: str, latitude: float = 36.0, longitude: float = -121.0, *, speed: float = 200.0, course: float = 0.0,
    climb: float = 0.0, turn: float = 0.0, altitude: float | None = 10_000.0, at_s: float = START_S,
    error: float = 20.0, doubts: tuple[TrackDoubt, ...] = (), on_ground: bool = False, geometric: float | None = None,
    height_error: float = 8.0,
) -> Track:  # fmt: skip
    return Track(
        name, at_s, at_s, latitude, longitude, speed, course, climb, turn, error, height_error, 1.0, altitude,
        geometric, addresses=(name,), on_ground=on_ground, doubts=doubts,
    )  # fmt: skip


def moved(one: Track, seconds: float) -> Track:
    """The same aircraft later, straight on, near enough for a test."""
    import msgspec

    far = one.ground_speed_mps * seconds / 111_195.0
    course = math.radians(one.track_deg)
    height = one.pressure_altitude_m
    return msgspec.structs.replace(
        one, at_s=one.at_s + seconds, position_s=one.position_s + seconds,
        latitude_deg=one.latitude_deg + far * math.cos(course),
        longitude_deg=one.longitude_deg + far * math.sin(course) / math.cos(math.radians(one.latitude_deg)),
        pressure_altitude_m=None if height is None else height + one.vertical_speed_mps * seconds,
    )  # fmt: skip


def situation(ours: str = "a", theirs: str = "b", **rest: object) -> Situation:
    """Names of one letter are addresses: "ab" makes a and b ours."""
    settings = {"minima": MINIMA, "clear_logic": None, **rest}
    return Situation("north", ours=frozenset(ours), theirs=frozenset(theirs), **settings)  # type: ignore[arg-type]


def pressure(metres: float) -> Altitude:
    return Altitude(metres, AltitudeUnit.METRE, StandardPressure())


def place(latitude: float, longitude: float) -> Position:
    return Position(latitude, longitude)
