"""A national boundary as both sides hashed it: a geodesic line, its datum, a buffer, whose each side is (R19)."""

from __future__ import annotations

import hashlib
from enum import StrEnum
from functools import lru_cache

import msgspec
import numpy as np

from detente.airspace.altitude import check_range
from detente.airspace.arrays import Floats
from detente.airspace.ellipsoid_kernels import surface_points
from detente.airspace.geodesy import GEOD
from detente.airspace.plan import check_identifier
from detente.airspace.position import Position
from detente.airspace.refusal import Refusal
from detente.picture.observations import Verdict
from detente.watch.boundary_kernels import distances_to_line

PIECE_M = 5_000.0
"""A geodesic is cut into pieces so long; each leaves its chord by less than half a metre in height and 1 mm aside."""
LONGEST_M = 5_000_000.0
MOST_POINTS = 10_000


class LineDatum(StrEnum):
    """The datum of a line. Others are converted by whoever brings the line in."""

    WGS_84 = "WGS 84"


class Boundary(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A line of geodesics between points, at least two; who follows it has `left` at the left hand.

    Within `buffer_m` of the line each side tells the other before it flies.
    """

    boundary_id: str
    points: tuple[Position, ...]
    left: str
    right: str
    buffer_m: float
    datum: LineDatum = LineDatum.WGS_84

    def __post_init__(self) -> None:
        check_identifier("boundary_id", self.boundary_id)
        check_identifier("left", self.left)
        check_identifier("right", self.right)
        check_range("buffer_m", self.buffer_m, 0.0, 500_000.0, "metres")
        check_range("points", len(self.points), 2, MOST_POINTS, "points")
        for number, (a, b) in enumerate(zip(self.points, self.points[1:], strict=False)):
            if a == b:
                raise Refusal("watch.points_differ", f"points[{number + 1}]", f"{b.latitude_deg} {b.longitude_deg}")
        if self.left == self.right:
            raise Refusal("watch.two_sides", "right", self.right)
        longest_m = float(GEOD.line_length(*_degrees(self.points)))
        check_range("points", longest_m, 0.0, LONGEST_M, "metres of line")


def boundary_text(boundary: Boundary) -> bytes:
    """The canonical text that both sides hash: degrees to the ten millionth (1 cm), the buffer to the millimetre."""
    return msgspec.json.encode(
        [
            boundary.boundary_id,
            boundary.datum.value,
            boundary.left,
            boundary.right,
            round(boundary.buffer_m * 1000),
            [[round(p.latitude_deg * 1e7), round(p.longitude_deg * 1e7)] for p in boundary.points],
        ]
    )  # fmt: skip


def boundary_hash(boundary: Boundary) -> str:
    """SHA-256 of the canonical text, in hexadecimal: equal on both sides when the line is."""
    return hashlib.sha256(boundary_text(boundary)).hexdigest()


def distances_to_right_m(boundary: Boundary, latitude_deg: Floats, longitude_deg: Floats) -> tuple[Floats, Floats]:
    """How far right of the line positions are, in metres, negative on the left; and 1 for those beyond an end, else 0.

    Positions are on WGS 84, shape [n]. Where the nearest point of the line is one of its ends, the line does not say on
    which side the position is.
    """
    latitude_deg, longitude_deg = np.ascontiguousarray(latitude_deg), np.ascontiguousarray(longitude_deg)
    here = surface_points(latitude_deg, longitude_deg)
    answer = distances_to_line(_cut(boundary), here, latitude_deg, longitude_deg)
    return answer[:, 0], answer[:, 1]


def side_of(boundary: Boundary, party: str, right_m: float, beyond: float, error_m: float) -> Verdict:
    """Whether a position is on a party's side, by its distance to the right and its error (95 % are smaller)."""
    if party not in {boundary.left, boundary.right}:
        raise Refusal("watch.party_of_boundary", "party", party, left=boundary.left, right=boundary.right)
    if beyond or abs(right_m) <= error_m:
        return Verdict.CANNOT_TELL
    return Verdict.INSIDE if (right_m > 0.0) == (party == boundary.right) else Verdict.OUTSIDE


@lru_cache(maxsize=64)
def _cut(boundary: Boundary) -> Floats:
    latitudes, longitudes = [], []
    for a, b in zip(boundary.points, boundary.points[1:], strict=False):
        ends = a.longitude_deg, a.latitude_deg, b.longitude_deg, b.latitude_deg
        pieces = int(GEOD.inv(*ends)[2] // PIECE_M)
        between = GEOD.npts(*ends, pieces) if pieces else []
        for longitude, latitude in [(a.longitude_deg, a.latitude_deg), *between]:
            latitudes.append(latitude)
            longitudes.append(longitude)
    last = boundary.points[-1]
    return surface_points(np.array([*latitudes, last.latitude_deg]), np.array([*longitudes, last.longitude_deg]))


def _degrees(points: tuple[Position, ...]) -> tuple[list[float], list[float]]:
    return [p.longitude_deg for p in points], [p.latitude_deg for p in points]
