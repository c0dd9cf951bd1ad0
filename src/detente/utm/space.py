"""What an entity occupies: volumes as they were declared, and the cells, heights and times that make it relevant.

Times are microseconds since 1970 in UTC, heights metres above the WGS84 ellipsoid.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from detente.utm.cells_kernels import (
    CROSSING,
    OFF_EARTH,
    REPEATED,
    SOUND,
    TOO_LARGE,
    cover,
    distinct,
    survey,
    unit_vectors,
)
from detente.utm.refused import Refused

N = TypeVar("N", int, float)

Ring = Sequence[tuple[float, float]]
"""Latitudes and longitudes in degrees, without the closing vertex."""
EARTH_RADIUS_KM = 6371.01
"""The sphere on which S2 and the InterUSS suites measure areas."""
SMALLEST_CURVATURE_RADIUS_M = 6_335_439.0
"""The meridian radius of curvature of WGS84 at the equator: no metre on the ellipsoid is a larger angle than here."""
LARGEST_AREA_KM2 = 2500.0
LARGEST_AREA_SR = LARGEST_AREA_KM2 / EARTH_RADIUS_KM**2
LARGEST_RADIUS_M = 1000.0 * math.sqrt(LARGEST_AREA_KM2 / math.pi)
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


def cover_circle(latitude_deg: float, longitude_deg: float, radius_m: float, too_large: int) -> NDArray[np.uint32]:
    """Every cell that the circle touches. Raises Refused 400 for a bad radius, `too_large` over LARGEST_AREA_KM2."""
    if not 0.0 < radius_m < math.inf:
        raise Refused(400, "radius must be a positive number of metres")
    if radius_m > LARGEST_RADIUS_M:
        raise Refused(too_large, f"area is too large: a circle of {radius_m:g} m is over {LARGEST_AREA_KM2:.0f} km²")
    cells = cover(circumscribed(latitude_deg, longitude_deg, radius_m), MOST_CELLS)
    if len(cells) > MOST_CELLS:
        raise _too_many_cells(too_large)
    return distinct(cells)


def cover_polygon(ring: Ring, too_large: int) -> NDArray[np.uint32]:
    """Every cell that the polygon touches. Raises Refused 400 for a bad ring, `too_large` over LARGEST_AREA_KM2."""
    return cover_polygons([ring], too_large)


def cover_polygons(rings: Sequence[Ring], too_large: int) -> NDArray[np.uint32]:
    """Every cell that any of the polygons touches, ascending. Raises Refused as `cover_polygon`."""
    ends = []
    count = 0
    for ring in rings:
        if not 3 <= len(ring) <= MOST_VERTICES:
            raise Refused(400, f"a polygon has 3 to {MOST_VERTICES} vertices, not {len(ring)}")
        count += len(ring)
        ends.append(count)
    degrees = np.fromiter(chain.from_iterable(chain.from_iterable(rings)), np.float64, 2 * count).reshape(count, 2)
    fault, k, first, second, area_sr, cells = survey(
        degrees, np.array(ends, dtype=np.int64), LARGEST_AREA_SR, MOST_CELLS
    )
    if fault == SOUND:
        return cells
    if fault == OFF_EARTH:
        raise _off_earth(*rings[k][first])
    if fault == REPEATED:
        raise Refused(400, "vertices of a polygon may not be repeated; leave out the closing vertex")
    if fault == CROSSING:
        raise Refused(400, f"edges of a polygon may not cross: those from vertices {first} and {second} do")
    if fault == TOO_LARGE:
        area_km2 = area_sr * EARTH_RADIUS_KM**2
        raise Refused(too_large, f"area is too large: {area_km2:.0f} km², at most {LARGEST_AREA_KM2:.0f} km²")
    raise _too_many_cells(too_large)


def _too_many_cells(status: int) -> Refused:
    return Refused(status, f"area is too large: it touches more than {MOST_CELLS} cells")


def _off_earth(latitude_deg: float, longitude_deg: float) -> Refused:
    return Refused(400, f"({latitude_deg}, {longitude_deg}) is no latitude and longitude in degrees")


def union(volumes: Iterable[Volume], too_large: int) -> Extents:
    """The extents of all `volumes`: their cells, lowest to highest, first to last. Raises Refused as the coverings."""
    given = tuple(volumes)
    rings = [volume.ring for volume in given if volume.radius_m is None]
    covered = [
        cover_circle(*volume.ring[0], volume.radius_m, too_large) for volume in given if volume.radius_m is not None
    ]
    if rings:
        covered.append(cover_polygons(rings, too_large))
    cells = covered[0] if len(covered) == 1 else distinct(np.concatenate(covered))
    return Extents(
        tuple(cells.tolist()),
        _least([volume.lower_m for volume in given]),
        _greatest([volume.upper_m for volume in given]),
        _least([volume.start_us for volume in given]),
        _greatest([volume.end_us for volume in given]),
        given,
    )


def _least(values: Sequence[N | None]) -> N | None:
    return None if None in values else min(values)  # type: ignore[type-var] # none of them is None


def _greatest(values: Sequence[N | None]) -> N | None:
    return None if None in values else max(values)  # type: ignore[type-var] # none of them is None
