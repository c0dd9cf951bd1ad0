"""What a party tells another of where its aircraft are now: that one is near, or its tracks. Bounded when it is read.

Each message is the whole present state of its kind, so that one that is lost or comes late needs no repair. The encoded
form is a promise: a field may be added with a default, never renamed.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import ClassVar

import msgspec

from detente.airspace.altitude import check_range
from detente.airspace.plan import check_identifier
from detente.airspace.position import utc
from detente.airspace.refusal import Refusal
from detente.room.activity import Activity, Ordinary, SafetyFunction
from detente.room.message import Message
from detente.watch.alert import AlertLevel

MOST_NEAR = 50
MOST_TOLD_TRACKS = 500
"""In one report; how many more there were is said."""
RANGES_M = tuple(1852.0 * miles for miles in (0, 1, 2, 3, 5, 10, 20, 40, 80))
"""Where the brackets of a range meet; what is farther than the last is near nobody."""
BEARING_STEP_DEG = 10
OLDEST_S = 120.0
_TOLD_ID = re.compile(r"[nt][0-9]{1,12}\Z")


class Near(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One of ours is near one of the reader's.

    Attributes:
        near_id: names the matter as long as it stands.
        aircraft: the reader's aircraft, by an address or name that it is known by.
        bearing_deg: from the reader's aircraft to ours, from true north, in steps of `BEARING_STEP_DEG`.
        range_from_m, range_to_m: the bracket of `RANGES_M` that the distance is in.
        height_from_m, height_to_m: the block of pressure altitudes that ours is in; None where it is not known.
        level: how urgent the alert is that stands with us.
    """

    near_id: str
    aircraft: str
    bearing_deg: int
    range_from_m: float
    range_to_m: float
    level: AlertLevel
    height_from_m: float | None = None
    height_to_m: float | None = None

    def __post_init__(self) -> None:
        _check_told_id("near_id", self.near_id)
        check_identifier("aircraft", self.aircraft)
        check_range("bearing_deg", self.bearing_deg, 0, 359, "degrees")
        check_range("range_from_m", self.range_from_m, 0.0, RANGES_M[-1], "metres")
        check_range("range_to_m", self.range_to_m, self.range_from_m, RANGES_M[-1], "metres")
        for name in ("height_from_m", "height_to_m"):
            _check_height(name, getattr(self, name))


class ToldTrack(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One aircraft of a party as it tells it; the fields are those of `watch.track.Track`.

    `told_id` names it to this reader as long as it is told. `age_s` is how long before the report it was last heard.
    """

    told_id: str
    age_s: float
    latitude_deg: float
    longitude_deg: float
    horizontal_error_m: float
    ground_speed_mps: float
    track_deg: float
    vertical_speed_mps: float
    velocity_error_mps: float
    pressure_altitude_m: float | None = None
    geometric_altitude_m: float | None = None
    vertical_error_m: float = 30_000.0
    address: str = ""

    def __post_init__(self) -> None:
        _check_told_id("told_id", self.told_id)
        for name, lowest, highest, unit in _RANGES:
            check_range(name, getattr(self, name), lowest, highest, unit)
        for name in ("pressure_altitude_m", "geometric_altitude_m"):
            _check_height(name, getattr(self, name))
        if self.address:
            check_identifier("address", self.address)


_RANGES = (
    ("age_s", 0.0, OLDEST_S, "seconds"), ("latitude_deg", -90.0, 90.0, "degrees"),
    ("longitude_deg", -180.0, 180.0, "degrees"), ("horizontal_error_m", 0.0, 1e6, "metres"),
    ("ground_speed_mps", 0.0, 1_500.0, "metres a second"), ("track_deg", 0.0, 360.0, "degrees"),
    ("vertical_speed_mps", -250.0, 250.0, "metres a second"), ("velocity_error_mps", 0.0, 1_500.0, "metres a second"),
    ("vertical_error_m", 0.0, 30_000.0, "metres"),
)  # fmt: skip


class NearReported(Message, frozen=True, tag="near_reported"):
    """Where ours are near the reader's, as it was `at` (UTC); what is not in it is over."""

    activity: ClassVar[Activity] = SafetyFunction.SAFETY_OF_FLIGHT

    at: datetime
    near: tuple[Near, ...] = ()

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "at", utc(self.at, "at"))
        _check_most("near", len(self.near), MOST_NEAR)

    @property
    def subject(self) -> str:
        """What the report is about."""
        return ", ".join(one.near_id for one in self.near)[:80]


class TracksReported(Message, frozen=True, tag="tracks_reported"):
    """Tracks of ours as they were `at` (UTC); `left_out` more have no room. What is not in it is not told any more."""

    activity: ClassVar[Activity] = Ordinary.PLANNING

    at: datetime
    tracks: tuple[ToldTrack, ...] = ()
    left_out: int = 0

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "at", utc(self.at, "at"))
        _check_most("tracks", len(self.tracks), MOST_TOLD_TRACKS)
        check_range("left_out", self.left_out, 0, 1_000_000, "tracks")

    @property
    def subject(self) -> str:
        """How many tracks the report has."""
        return str(len(self.tracks))


WatchMessage = NearReported | TracksReported


def _check_told_id(field: str, value: str) -> None:
    if not _TOLD_ID.match(value):
        raise Refusal("watch.told_id", field, value)


def _check_height(field: str, height_m: float | None) -> None:
    if height_m is not None:
        check_range(field, height_m, -2_000.0, 100_000.0, "metres")


def _check_most(field: str, count: int, most: int) -> None:
    if count > most:
        raise Refusal("watch.at_most_told", field, count, most=most)
