"""What the operator has the watch hold aircraft against, beside what was told: files of areas, and boundaries."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

import msgspec

from detente.airspace.altitude import check_range
from detente.airspace.refusal import Refusal
from detente.picture.notices import BINDING, Meaning
from detente.watch.alert import TrackSide

_SHA_256 = re.compile(r"[0-9a-f]{64}\Z")


class GeofenceSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of airspace, whose every area aircraft of `binds` must not enter, or not without a word.

    Attributes:
        file: ED-269, ED-318, OpenAir or another format of airspace; a relative path is from the node's directory.
        ground_elevation_m, ground_error_m: what heights above ground are measured from, above mean sea level, and how
            far it may be wrong; without an elevation a file with such heights is refused.
    """

    file: str
    meaning: Meaning = Meaning.CLOSED_TO_ALL
    binds: tuple[TrackSide, ...] = (TrackSide.OURS,)
    ground_elevation_m: float | None = None
    ground_error_m: float = 0.0

    def __post_init__(self) -> None:
        if not PurePosixPath(self.file).name:
            raise Refusal("watch.geofence_file", "file", self.file)
        if self.meaning not in BINDING:
            raise Refusal("watch.binding_meaning", "meaning", self.meaning.value, meanings=", ".join(sorted(BINDING)))
        if not self.binds:
            raise Refusal("watch.binds_somebody", "binds", "")
        if self.ground_elevation_m is not None:
            check_range("ground_elevation_m", self.ground_elevation_m, -500.0, 9_000.0, "metres")
        check_range("ground_error_m", self.ground_error_m, 0.0, 9_000.0, "metres")


class BoundarySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A national boundary as both sides have agreed on it (R19).

    `points` are degrees north and east on `datum`; who follows them has the party `left` at the left hand. In place of
    points `map_set` and `map_line` may name a line of the party's map, which is on WGS 84. `sha256` is what both sides
    said to each other, and the line must have it (`watch.boundary.boundary_hash`); empty where nothing was said.
    """

    boundary_id: str
    left: str
    right: str
    points: tuple[tuple[float, float], ...] = ()
    map_set: str = ""
    map_line: str = ""
    buffer_m: float = 0.0
    datum: str = "WGS 84"
    sha256: str = ""

    def __post_init__(self) -> None:
        if bool(self.points) == bool(self.map_set):
            raise Refusal("watch.points_or_map", "map_set", self.map_set)
        if self.sha256 and not _SHA_256.match(self.sha256):
            raise Refusal("watch.boundary_hash_digits", "sha256", self.sha256)
