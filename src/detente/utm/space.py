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

from detente.utm.cells_kernels import (
    CROSSING,
    OFF_EARTH,
    REPEATED,
    SOUND,
    TOO_LARGE,
    TOO_MANY_CELLS,
    TOO_MUCH_WORK,
    Cells,
    distinct,
    survey,
    survey_circles,
)
from detente.utm.refused import Refused

N = TypeVar("N", int, float)

Ring = Sequence[tuple[float, float]]
"""Latitudes and longitudes in degrees, without the closing vertex."""
EARTH_RADIUS_KM = 6371.01
"""The sphere on which S2 and the InterUSS suites measure areas."""
LARGEST_AREA_KM2 = 2500.0
LARGEST_AREA_SR = LARGEST_AREA_KM2 / EARTH_RADIUS_KM**2
LARGEST_RADIUS_M = 1000.0 * math.sqrt(LARGEST_AREA_KM2 / math.pi)
MOST_CELLS = 10_000
MOST_VERTICES = 10_000
MOST_CELLS_IN_ALL = 100_000
"""Of all volumes of one entity together."""
MOST_WORK = 300_000_000
"""How much finding the cells of one entity may be, in the steps that the kernels count: a second or two."""


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


class HeavyWork(Exception):  # noqa: N818 - nothing is wrong with it
    """Finding the cells of `volumes` is more work than `union` was allowed; it may be done where nobody waits."""

    def __init__(self, volumes: tuple[Volume, ...], too_large: int) -> None:
        self.volumes = volumes
        self.too_large = too_large
        super().__init__(f"{len(volumes)} volumes")


def cover_circles(circles: Sequence[Volume], too_large: int, most_work: int = MOST_WORK) -> tuple[Cells, int]:
    """Every cell that any of the circles touches, ascending, and the work that it was, over `most_work` if too much.

    Raises Refused 400 for a bad circle, `too_large` for one over LARGEST_AREA_KM2.
    """
    radii_m = [circle.radius_m or 0.0 for circle in circles]
    for radius_m in radii_m:
        if not 0.0 < radius_m < math.inf:
            raise Refused(400, "radius must be a positive number of metres")
        if radius_m > LARGEST_RADIUS_M:
            raise Refused(
                too_large, f"area is too large: a circle of {radius_m:g} m is over {LARGEST_AREA_KM2:.0f} km²"
            )
    centres = np.array([circle.ring[0] for circle in circles], dtype=np.float64)
    fault, k, cells, work = survey_circles(centres, np.array(radii_m), MOST_CELLS, most_work)
    if fault == OFF_EARTH:
        raise _off_earth(*circles[k].ring[0])
    if fault == TOO_MANY_CELLS:
        raise _too_many_cells(too_large)
    return cells, work


def cover_polygons(rings: Sequence[Ring], too_large: int, most_work: int = MOST_WORK) -> tuple[Cells, int]:
    """Every cell that any of the polygons touches, ascending, and the work that it was, over `most_work` if too much.

    Raises Refused 400 for a bad ring, `too_large` for one over LARGEST_AREA_KM2.
    """
    ends = []
    count = 0
    for ring in rings:
        if not 3 <= len(ring) <= MOST_VERTICES:
            raise Refused(400, f"a polygon has 3 to {MOST_VERTICES} vertices, not {len(ring)}")
        count += len(ring)
        ends.append(count)
    degrees = np.fromiter(chain.from_iterable(chain.from_iterable(rings)), np.float64, 2 * count).reshape(count, 2)
    fault, k, first, second, area_sr, cells, work = survey(
        degrees, np.array(ends, dtype=np.int64), LARGEST_AREA_SR, MOST_CELLS, most_work
    )
    if fault in (SOUND, TOO_MUCH_WORK):
        return cells, work
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


def union(volumes: Iterable[Volume], too_large: int, most_work: int = MOST_WORK) -> Extents:
    """The extents of all `volumes`: their cells, lowest to highest, first to last.

    Raises Refused as the coverings, HeavyWork when they are more than `most_work`, and Refused `too_large` when they
    are more than MOST_WORK.
    """
    given = tuple(volumes)
    circles = [volume for volume in given if volume.radius_m is not None]
    rings = [volume.ring for volume in given if volume.radius_m is None]
    covered: list[Cells] = []
    work = 0
    if circles:
        cells, work = cover_circles(circles, too_large, most_work)
        covered.append(cells)
    if rings and work <= most_work:
        cells, more = cover_polygons(rings, too_large, most_work - work)
        covered.append(cells)
        work += more
    if work > MOST_WORK:
        raise Refused(too_large, "all volumes together are too large, or have too many vertices: declare them apart")
    if work > most_work:
        raise HeavyWork(given, too_large)
    cells = covered[0] if len(covered) == 1 else distinct(np.concatenate(covered))
    if len(cells) > MOST_CELLS_IN_ALL:
        raise Refused(too_large, f"all volumes together touch more than {MOST_CELLS_IN_ALL} cells: declare them apart")
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
