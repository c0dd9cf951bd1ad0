"""The grid on the globe that both parties derive from whole numbers, and the bytes of a token.

Rows are bands of latitude of one height, counted from the south pole; each row is cut into as many equal columns as
cells fit around its edge nearer to the equator, by a rational approximation of the cosine that takes only whole
numbers, so that every machine draws the same cells. Columns are counted eastwards from 180 degrees west. There is no
cell without an owner at the poles or at the antimeridian. A cell is a range of latitudes and longitudes; nothing else
about it has to be the same on both sides: whoever covers a plan takes every cell that the plan may touch.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from detente.airspace.arrays import Floats, Integers
from detente.airspace.ellipsoid_kernels import surface_points

GRID_VERSION = 2
EQUATOR_DM = 400_750_170
DM_PER_DEGREE = 1_111_200
MICRODEGREES = 1_000_000
QUARTER = 90 * MICRODEGREES
FEWEST_COLUMNS = 16
"""Rows with fewer are around a pole."""
LONGEST_RADIUS_OF_CURVATURE_M = 6_399_594.0

# A packed token, from its highest bit: family (2), row (17), column (18), band (11), bin from the epoch's first (15).
ROW_BITS, COLUMN_BITS, BAND_BITS, BIN_BITS = 17, 18, 11, 15
BAND_ORIGIN = 1 << (BAND_BITS - 2)
"""Added to a band, so that heights below the datum pack as positive numbers."""
LOWEST_BAND, HIGHEST_BAND = -BAND_ORIGIN, (1 << BAND_BITS) - BAND_ORIGIN - 1
"""What lies beyond is in the outermost bands."""

# Families of token: heights of plans are compared on the frame that both have.
PRESSURE, GEOMETRIC, FIRST_PRESSURE, SECOND_PRESSURE = 0, 1, 2, 3
"""Both on pressure; both geometric; only the first party's plan on pressure; only the second's."""


@dataclass(frozen=True)
class Rows:
    """The rows of a grid: columns [n], and of each row's cells the centre's latitude, axis distance, height and reach.

    `axis_m` and `polar_m` are the cylindrical Earth-centred coordinates of the centres; `reach_m` bounds the straight
    distance from the centre to any point of the cell. `frames` [n, 5] has the sine and cosine of the centre's latitude
    and, in the plane that touches the Earth's figure there, half the width of a cell and how far it reaches to the
    south (negative) and to the north of the centre, in metres.
    """

    height_microdegrees: int
    columns: Integers
    axis_m: Floats
    polar_m: Floats
    reach_m: Floats
    frames: Floats


def columns_of(row: int, height_microdegrees: int, cell_dm: int) -> int:
    """How many cells are around one row, from whole numbers only."""
    south = row * height_microdegrees - QUARTER
    north = south + height_microdegrees
    nearest = 0 if south <= 0 <= north else min(abs(south), abs(north))
    # Bhaskara's cosine of x degrees, (32400 - 4 x^2) / (32400 + x^2), good to 0.2 %.
    square, whole = nearest * nearest, 32_400 * MICRODEGREES**2
    return max(1, EQUATOR_DM * (whole - 4 * square) // ((whole + square) * cell_dm))


@lru_cache(maxsize=8)
def grid_rows(cell_dm: int) -> Rows:
    """The rows of the grid of cells `cell_dm` wide."""
    height = cell_dm * MICRODEGREES // DM_PER_DEGREE
    count = -(-2 * QUARTER // height)
    columns = np.array([columns_of(row, height, cell_dm) for row in range(count)], dtype=np.int64)
    south_deg = (np.arange(count) * height - QUARTER) / MICRODEGREES
    north_deg = np.minimum(south_deg + height / MICRODEGREES, 90.0)
    middle_deg = 0.5 * (south_deg + north_deg)
    centres = surface_points(middle_deg, np.zeros(count))
    nearest_deg = np.where(
        (south_deg <= 0.0) & (north_deg >= 0.0), 0.0, np.minimum(np.abs(south_deg), np.abs(north_deg))
    )
    widest_m = surface_points(nearest_deg, np.zeros(count))[:, 0]
    half_height_m = LONGEST_RADIUS_OF_CURVATURE_M * np.radians(north_deg - south_deg) / 2.0
    half_width_m = np.minimum(np.pi * widest_m / columns, 2.0 * widest_m)
    reach_m = np.hypot(half_height_m, half_width_m)
    frames = _frames(south_deg, middle_deg, north_deg, widest_m, columns, reach_m)
    return Rows(height, columns, centres[:, 0].copy(), centres[:, 2].copy(), reach_m, frames)


def _frames(
    south_deg: Floats, middle_deg: Floats, north_deg: Floats, widest_m: Floats, columns: Integers, reach_m: Floats
) -> Floats:
    sine, cosine = np.sin(np.radians(middle_deg)), np.cos(np.radians(middle_deg))
    half = np.pi / columns

    def northing_m(latitude_deg: Floats, turn: Floats) -> Floats:
        """How far north of the centre a point is, in the plane that touches there, `turn` radians to the side."""
        edge = surface_points(latitude_deg, np.zeros(len(columns)))
        axis_m, polar_m = edge[:, 0] * np.cos(turn), edge[:, 2]
        centre = surface_points(middle_deg, np.zeros(len(columns)))
        return np.asarray(cosine * (polar_m - centre[:, 2]) - sine * (axis_m - centre[:, 0]))

    # Northing grows with latitude and is linear in the cosine of the turn, so its ends are at corners or in the middle.
    still = np.zeros(len(columns))
    to_south_m = np.minimum(northing_m(south_deg, still), northing_m(south_deg, half))
    to_north_m = np.maximum(northing_m(north_deg, still), northing_m(north_deg, half))
    width_m = widest_m * np.sin(np.minimum(half, np.pi / 2))
    # Around a pole cells are wedges: there the circle around the centre has to do.
    wedge = columns < FEWEST_COLUMNS
    return np.column_stack([
        sine, cosine, np.where(wedge, reach_m, width_m), np.where(wedge, -reach_m, to_south_m),
        np.where(wedge, reach_m, to_north_m),
    ])  # fmt: skip


def pack(family: int, row: int, column: int, band: int, time_bin: int) -> int:
    """One number for a token; `time_bin` is counted from the epoch's first bin."""
    value = (family << ROW_BITS) | row
    value = (value << COLUMN_BITS) | column
    value = (value << BAND_BITS) | (band + BAND_ORIGIN)
    return (value << BIN_BITS) | time_bin


class TokenFields(NamedTuple):
    """The fields of packed tokens, arrays of one length."""

    family: Integers
    row: Integers
    column: Integers
    band: Integers
    time_bin: Integers


def unpack(tokens: Integers) -> TokenFields:
    """The fields of packed tokens."""
    fields = []
    for bits in (BIN_BITS, BAND_BITS, COLUMN_BITS, ROW_BITS):
        fields.append(tokens & ((1 << bits) - 1))
        tokens = tokens >> bits
    time_bin, band, column, row = fields
    return TokenFields(tokens, row, column, band - BAND_ORIGIN, time_bin)


def pack_fields(fields: TokenFields) -> Integers:
    """Packed tokens of fields."""
    value = (fields.family << ROW_BITS) | fields.row
    value = (value << COLUMN_BITS) | fields.column
    value = (value << BAND_BITS) | (fields.band + BAND_ORIGIN)
    return np.asarray((value << BIN_BITS) | fields.time_bin)


def token_bytes(tokens: Integers) -> list[bytes]:
    """The bytes that are hashed: 8 for each packed token, big endian. The epoch and the grid are in the domain."""
    data = tokens.astype(">i8").tobytes()
    return [data[start : start + 8] for start in range(0, len(data), 8)]
