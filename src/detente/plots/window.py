"""The rectangle of the Earth that a picture shows, flat: an azimuthal equidistant plane around its middle.

Distances from the middle are exact, and nothing special happens at the antimeridian or at a pole.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import cached_property

import numpy as np
import pyproj
import shapely

from detente.airspace.arrays import Floats
from detente.airspace.position import Position
from detente.plots.basemap import Basemap, Degrees

Metres = Floats
"""Points as rows of metres east and north of the window's middle."""


class MapWindow:
    """A rectangle that reaches `half_width_m` east and west, and `half_height_m` north and south of `centre`."""

    def __init__(self, centre: Position, half_width_m: float, half_height_m: float) -> None:
        """Both halves must be above zero."""
        self.centre = centre
        self.half_width_m = half_width_m
        self.half_height_m = half_height_m
        self._plane = pyproj.Proj(
            proj="aeqd", lat_0=centre.latitude_deg, lon_0=centre.longitude_deg, ellps="WGS84", units="m"
        )

    @property
    def radius_m(self) -> float:
        """From the middle to a corner."""
        return math.hypot(self.half_width_m, self.half_height_m)

    @property
    def corners(self) -> Metres:
        """The lower left and the upper right corner."""
        return np.array(((-self.half_width_m, -self.half_height_m), (self.half_width_m, self.half_height_m)))

    def project(self, points: Degrees) -> Metres:
        """Rows of longitude and latitude as rows of metres east and north; points far outside come along too."""
        return np.column_stack(self._plane(points[:, 0], points[:, 1])).astype(np.float64)

    def unproject(self, points: Metres) -> Degrees:
        """The reverse of `project`, longitudes within -180 to 180."""
        return np.column_stack(self._plane(points[:, 0], points[:, 1], inverse=True)).astype(np.float64)

    def clip(self, lines: Iterable[Degrees], tolerance_m: float = 0.0) -> list[Metres]:
        """Cut lines to the rectangle and leave out bends smaller than `tolerance_m`; a line may come back in pieces."""
        projected = [self.project(line) for line in lines if len(line) > 1]
        return cut_lines(projected, self.half_width_m, self.half_height_m, tolerance_m)

    def land(self, basemap: Basemap, tolerance_m: float = 0.0) -> list[list[Metres]]:
        """Land within the rectangle: for each piece its outline, then its lakes."""
        pieces: list[list[Metres]] = []
        for polygon in basemap.land(self.centre, self.radius_m):
            flat = shapely.transform(polygon, self.project)
            if tolerance_m:
                flat = shapely.simplify(flat, tolerance_m, preserve_topology=False)
            cut = shapely.clip_by_rect(flat, *self._rectangle)
            for part in shapely.get_parts(cut):
                if isinstance(part, shapely.Polygon) and not part.is_empty:
                    rings = (part.exterior, *part.interiors)
                    pieces.append([shapely.get_coordinates(ring) for ring in rings])
        return pieces

    @cached_property
    def _rectangle(self) -> tuple[float, float, float, float]:
        return -self.half_width_m, -self.half_height_m, self.half_width_m, self.half_height_m


def cut_lines(
    lines: Sequence[Metres], half_width_m: float, half_height_m: float, tolerance_m: float = 0.0
) -> list[Metres]:
    """Cut lines of a plane to the rectangle around its origin; bends smaller than `tolerance_m` are left out."""
    if not lines:
        return []
    shapes = shapely.linestrings(
        np.concatenate(lines), indices=np.repeat(np.arange(len(lines)), [len(line) for line in lines])
    )
    if tolerance_m:
        shapes = shapely.simplify(shapes, tolerance_m, preserve_topology=False)
    cut = shapely.clip_by_rect(shapes, -half_width_m, -half_height_m, half_width_m, half_height_m)
    parts = shapely.get_parts(shapely.get_parts(cut))
    pieces = parts[(shapely.get_type_id(parts) == shapely.GeometryType.LINESTRING) & ~shapely.is_empty(parts)]
    return [shapely.get_coordinates(part) for part in pieces]


def window_around(
    paths: Sequence[Degrees], *, least_aspect: float, most_aspect: float, margin: float = 0.06, least_m: float = 300.0
) -> MapWindow:
    """The smallest window that shows all `paths`, with `margin` around them as a share of the larger side.

    Its width over its height is between the two aspects, and no half is under `least_m`. With nothing to show, the
    window is around 0 N 0 E.
    """
    points = np.concatenate(paths) if paths else np.zeros((1, 2))
    # Twice: the second plane stands in the middle of the first one's rectangle, not of the crowd.
    middle = _mean_position(points)
    low, high = np.zeros(2), np.zeros(2)
    for _ in range(2):
        window = MapWindow(middle, 1.0, 1.0)
        flat = window.project(points)
        low, high = flat.min(axis=0), flat.max(axis=0)
        degrees = window.unproject(((low + high) / 2.0)[None, :])[0]
        middle = Position(float(degrees[1]), float(degrees[0]))
    half = np.maximum((high - low) / 2.0 + margin * float((high - low).max()), least_m)
    width, height = float(half[0]), float(half[1])
    width = max(width, height * least_aspect)
    height = max(height, width / most_aspect)
    return MapWindow(middle, width, height)


def _mean_position(points: Degrees) -> Position:
    longitudes, latitudes = np.radians(points[:, 0]), np.radians(points[:, 1])
    x = float(np.mean(np.cos(latitudes) * np.cos(longitudes)))
    y = float(np.mean(np.cos(latitudes) * np.sin(longitudes)))
    z = float(np.mean(np.sin(latitudes)))
    return Position(math.degrees(math.atan2(z, math.hypot(x, y))), math.degrees(math.atan2(y, x)))
