"""The EGM96 geoid: how far mean sea level is from the WGS 84 ellipsoid.

The package contains a 30-minute grid (made by tools/make_geoid.py from NGA's public-domain EGM96), which is read on
first use. The grid never changes, so it counts as a constant and not as input.
"""

from __future__ import annotations

import lzma
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import ArrayLike

from detente.airspace.arrays import Floats

GRID_ERROR_M = 3.94
"""Measured by tools/make_geoid.py: worst difference between this grid and the 15-minute one, bilinear both."""

MODEL_ERROR_M = 1.16
"""Worst error of bilinear interpolation in the 15-minute grid against EGM96's harmonics (GeographicLib manual, geoid
heights, table of errors: 1.152 m)."""

GEOID_ERROR_M = GRID_ERROR_M + MODEL_ERROR_M
"""Bound of the error of `geoid_height_m` against EGM96."""

GEOID_SLOPE = 3.2e-4
"""The steepest slope of the interpolated geoid, in metres per metre, anywhere and in any direction (3.11e-4 near 30 N
79 E); so along a line of length L it bends from straight by no more than L times half of this."""

NODES_PER_DEGREE = 2
ROWS, COLUMNS = 361, 720


@cache
def _grid_m() -> Floats:
    """Heights in metres, shape (361, 721): rows north from -90 degrees, columns east from -180 to 180 degrees."""
    packed = files("detente.airspace").joinpath("data/egm96_30.xz").read_bytes()
    differences = np.frombuffer(lzma.decompress(packed), "<i2").reshape(ROWS, COLUMNS)
    grid = differences.astype(np.int64).cumsum(axis=0).cumsum(axis=1) / 10.0
    return np.concatenate([grid, grid[:, :1]], axis=1)


def geoid_height_m(latitudes_deg: ArrayLike, longitudes_deg: ArrayLike) -> Floats:
    """Height of the EGM96 geoid above the WGS 84 ellipsoid in metres, bilinear in the grid.

    Args:
        latitudes_deg: degrees north, -90 to 90, any shape.
        longitudes_deg: degrees east, -180 to 180, the same shape.

    Returns:
        Metres in the same shape, wrong by no more than `GEOID_ERROR_M`.
    """
    grid = _grid_m()
    row = (np.asarray(latitudes_deg, dtype=np.float64) + 90.0) * NODES_PER_DEGREE
    column = (np.asarray(longitudes_deg, dtype=np.float64) + 180.0) * NODES_PER_DEGREE
    south = np.clip(row.astype(np.intp), 0, ROWS - 2)
    west = np.clip(column.astype(np.intp), 0, COLUMNS - 1)
    north_part, east_part = row - south, column - west
    southern = grid[south, west] * (1.0 - east_part) + grid[south, west + 1] * east_part
    northern = grid[south + 1, west] * (1.0 - east_part) + grid[south + 1, west + 1] * east_part
    return np.asarray(southern * (1.0 - north_part) + northern * north_part)
