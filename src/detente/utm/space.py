"""What an entity occupies: volumes as they were declared, and the cells, heights and times that make it relevant.

Times are microseconds since 1970 in UTC, heights metres above the WGS84 ellipsoid.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from detente.utm.cells_kernels import cover, survey, unit_vectors
from detente.utm.refused import Refused

N = TypeVar("N", int, float)

EARTH_RADIUS_KM = 6371.01
"""The sphere on which S2 and the InterUSS suites measure areas."""
SMALLEST_CURVATURE_RADIUS_M = 6_335_439.0
"""The meridian radius of curvature of WGS84 at the equator: no metre on the ellipsoid is a larger angle than here."""
LARGEST_AREA_KM2 = 2500.0
LARGEST_AREA_SR = LARGEST_AREA_KM2 / EARTH_RADIUS_KM**2
MOST_CELLS = 10_000
CIRCLE_SIDES = 32
MOST_VERTICES = 10_000


class Volume(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One declared volume: a ring of latitudes and longitudes in degrees, or a centre and a radius."""

    ring: tuple[tuple[float, float], ...]
    radius_m: float | None
    lower_m: float | None
    upper_m: float | None
    start_us: int | None
    end_us: int | None


class Extents(msgspec.Struct, frozen=True, gc=False):
    """The union of volumes, as relevance sees it. None is unbounded. `cells` are names of level-13 S2 cells, sorted."""

    cells: tuple[int, ...]
    lower_m: float | None
    upper_m: float | None
    start_us: int | None
    end_us: int | None
    volumes: tuple[Volume, ...]


def circumscribed(latitude_deg: float, longitude_deg: float, radius_m: float) -> NDArray[np.float64]:
    """A regular polygon, as unit vectors, that holds the whole circle of this radius on the WGS84 ellipsoid."""
    centre = unit_vectors(np.array([(latitude_deg, longitude_deg)]))[0]
    pole = np.array([1.0, 0.0, 0.0]) if abs(centre[2]) > 0.9 else np.array([0.0, 0.0, 1.0])
    east = np.cross(pole, centre)
    east /= math.sqrt(float(east @ east))
    north = np.cross(centre, east)
    # The middle of a side stands tan(r) away in the tangent plane when the corner stands tan(r) / cos(half a side).
    reach = math.tan(radius_m / SMALLEST_CURVATURE_RADIUS_M) / math.cos(math.pi / CIRCLE_SIDES)
    turns = np.arange(CIRCLE_SIDES) * (2.0 * math.pi / CIRCLE_SIDES)
    corners = centre + reach * (np.cos(turns)[:, None] * east + np.sin(turns)[:, None] * north)
    return np.asarray(corners / np.sqrt((corners**2).sum(axis=1))[:, None])


def cover_circle(latitude_deg: float, longitude_deg: float, radius_m: float) -> NDArray[np.uint32]:
    """Every cell that the circle touches. Raises Refused 413 over LARGEST_AREA_KM2."""
    if not 0.0 < radius_m < math.inf:
        raise Refused(400, "radius must be a positive number of metres")
    if math.pi * (radius_m / 1000.0) ** 2 > LARGEST_AREA_KM2:
        raise Refused(413, f"area is too large: a circle of {radius_m:.0f} m is over {LARGEST_AREA_KM2:.0f} km²")
    return _within(cover(circumscribed(latitude_deg, longitude_deg, radius_m), MOST_CELLS), 413)


def cover_polygon(ring: Sequence[tuple[float, float]], too_large: int) -> NDArray[np.uint32]:
    """Every cell that the polygon touches. Raises Refused 400 for a bad ring, `too_large` over LARGEST_AREA_KM2."""
    if not 3 <= len(ring) <= MOST_VERTICES:
        raise Refused(400, f"a polygon has 3 to {MOST_VERTICES} vertices, not {len(ring)}")
    if len(set(ring)) != len(ring):
        raise Refused(400, "vertices of a polygon may not be repeated; leave out the closing vertex")
    area_sr, first, second, cells = survey(np.array(ring, dtype=np.float64), LARGEST_AREA_SR, MOST_CELLS)
    if area_sr > LARGEST_AREA_SR:
        area_km2 = area_sr * EARTH_RADIUS_KM**2
        raise Refused(too_large, f"area is too large: {area_km2:.0f} km², at most {LARGEST_AREA_KM2:.0f} km²")
    if first >= 0:
        raise Refused(400, f"edges of a polygon may not cross: those from vertices {first} and {second} do")
    return _within(cells, too_large)


def _within(cells: NDArray[np.uint32], too_large: int) -> NDArray[np.uint32]:
    if len(cells) > MOST_CELLS:
        raise Refused(too_large, f"area is too large: it touches more than {MOST_CELLS} cells")
    return cells


def check_point(latitude_deg: float, longitude_deg: float) -> tuple[float, float]:
    """Refuse (400) what is no place on earth."""
    if not (-90.0 <= latitude_deg <= 90.0 and -180.0 <= longitude_deg <= 180.0):
        raise Refused(400, f"({latitude_deg}, {longitude_deg}) is no latitude and longitude in degrees")
    return (latitude_deg, longitude_deg)


def cells_of(volume: Volume, too_large: int) -> NDArray[np.uint32]:
    """The cells that one volume touches."""
    if volume.radius_m is not None:
        return cover_circle(*volume.ring[0], volume.radius_m)
    return cover_polygon(volume.ring, too_large)


def union(volumes: Iterable[Volume], too_large: int = 413) -> Extents:
    """The extents of all `volumes`: their cells, lowest to highest, first to last."""
    held = tuple(volumes)
    found = [cells_of(volume, too_large) for volume in held]
    cells = found[0] if len(found) == 1 else np.concatenate(found)
    return Extents(
        tuple(sorted(set(cells.tolist()))),
        _least([volume.lower_m for volume in held]),
        _greatest([volume.upper_m for volume in held]),
        _least([volume.start_us for volume in held]),
        _greatest([volume.end_us for volume in held]),
        held,
    )


def _least(values: Sequence[N | None]) -> N | None:
    bounded = [value for value in values if value is not None]
    return min(bounded) if len(bounded) == len(values) else None


def _greatest(values: Sequence[N | None]) -> N | None:
    bounded = [value for value in values if value is not None]
    return max(bounded) if len(bounded) == len(values) else None
