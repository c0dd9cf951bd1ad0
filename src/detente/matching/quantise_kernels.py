"""Covering of parts of plans with tokens: every cell, band and bin that a part, grown by the minima, may touch.

A cell is taken when, seen in the plane that touches the Earth at its centre, the part is no farther from the cell's
rectangle than the part's growth. No distance in that plane is longer than the straight line through the Earth, and
that is never longer than the geodesic; so no cell that the grown part touches is left out, wherever on Earth. Rounding
cannot leave one out either, because SLACK_M is added. Times are whole microseconds and heights whole feet, rounded
outward.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from detente.airspace.arrays import Floats, Integers
from detente.airspace.ellipsoid_kernels import point_on
from detente.airspace.part_kernels import (
    CENTRE_X,
    CENTRE_Y,
    CENTRE_Z,
    CURVE,
    CURVE_COUNT,
    MOVING,
    PLAN,
    REACH_M,
    T0,
    T1,
    within_area,
)
from detente.matching.grid import BAND_BITS, BAND_ORIGIN, BIN_BITS, COLUMN_BITS, HIGHEST_BAND, LOWEST_BAND, ROW_BITS

SLACK_M = 1.0
SLACK_S = 0.001
"""Inside a leg: some decimetres of flight, within SLACK_M."""
FOOT_M = 0.3048
FOOT_SLACK = 1e-7
LEVEL_HALF_FT = 1e-6
"""Less than the tolerance to which heights are compared, 3.3e-6 ft, and far more than FOOT_SLACK and rounding."""
SHORTEST_RADIUS_OF_CURVATURE_M = 6_335_439.0
ROW_SLACK_M = 50.0
"""The middle of a piece is up to 8 m under the surface."""

# Columns of a part's growth.
GROWTH_M, SLACK_MICROSECONDS, FIRST_FRAME, FIRST_HALF_M, SECOND_FRAME, SECOND_HALF_M = 0, 1, 2, 3, 4, 5
FIRST_FAMILY, SECOND_FAMILY = 6, 7
GROWTH_COLUMNS = 8
"""Metres sideways; microseconds early and late; for up to two families of token: the frame's column, half the height
in metres, and the family (-1 for none)."""


@njit(cache=True)
def room_for(tokens: Integers, owners: Integers, count: int) -> tuple[Integers, Integers]:
    """The arrays, twice as long when they are full."""
    if count < tokens.shape[0]:
        return tokens, owners
    more_tokens, more_owners = np.empty(2 * count, dtype=np.int64), np.empty(2 * count, dtype=np.int64)
    more_tokens[:count], more_owners[:count] = tokens[:count], owners[:count]
    return more_tokens, more_owners


@njit(cache=True)
def rows_within(z_m: float, axis_m: float, reach_m: float, height_deg: float, count: int) -> tuple[int, int]:
    """The first and last row whose centre may be within `reach_m` of a point near the surface."""
    latitude_deg = math.degrees(math.atan2(z_m * 1.0067394967422765, axis_m))
    share = (reach_m + ROW_SLACK_M) / (2.0 * SHORTEST_RADIUS_OF_CURVATURE_M)
    if share >= 1.0:
        return 0, count - 1
    span_deg = math.degrees(2.0 * math.asin(share)) + 1e-6
    first = math.floor((latitude_deg - span_deg + 90.0) / height_deg - 0.5)
    last = math.ceil((latitude_deg + span_deg + 90.0) / height_deg - 0.5)
    # The northernmost row may be cut off at the pole, so its centre may be farther south.
    return max(0, first), min(count - 1, last + 1)


@njit(cache=True)
def columns_within(
    x: float, y: float, z: float, axis_m: float, polar_m: float, reach_m: float, columns: int
) -> tuple[int, int]:
    """The first column, and how many, whose centres in one row may be within `reach_m` of a point."""
    own_axis_m = math.hypot(x, y)
    apart = (own_axis_m - axis_m) ** 2 + (z - polar_m) ** 2
    square = reach_m * reach_m - apart
    if square < 0.0:
        return 0, 0
    around = 4.0 * own_axis_m * axis_m
    if square >= around:
        return 0, columns
    half = 2.0 * math.asin(math.sqrt(square / around)) / (2.0 * math.pi) * columns
    middle = (math.atan2(y, x) + math.pi) / (2.0 * math.pi) * columns - 0.5
    first = math.ceil(middle - half - 1e-6)
    last = math.floor(middle + half + 1e-6)
    if last - first + 1 >= columns:
        return 0, columns
    return first, last - first + 1


@njit(cache=True)
def far_from_point(x: float, y: float, west: float, south: float, east: float, north: float) -> float:
    """The square of the distance from a point to a rectangle; 0 inside."""
    across = max(west - x, 0.0, x - east)
    along = max(south - y, 0.0, y - north)
    return across * across + along * along


@njit(cache=True)
def far_from_rectangle(
    ax: float, ay: float, bx: float, by: float, west: float, south: float, east: float, north: float
) -> float:
    """The square of the distance from a segment to a rectangle; 0 where they meet."""
    dx, dy = bx - ax, by - ay
    begin, end = 0.0, 1.0
    for rate, low, high in ((dx, west - ax, east - ax), (dy, south - ay, north - ay)):
        if rate == 0.0:
            if low > 0.0 or high < 0.0:
                begin = 2.0
        else:
            first, last = low / rate, high / rate
            begin, end = max(begin, min(first, last)), min(end, max(first, last))
    if begin <= end:
        return 0.0
    nearest = min(
        far_from_point(ax, ay, west, south, east, north), far_from_point(bx, by, west, south, east, north)
    )  # fmt: skip
    square = dx * dx + dy * dy
    if square > 0.0:
        for x, y in ((west, south), (west, north), (east, south), (east, north)):
            share = min(1.0, max(0.0, ((x - ax) * dx + (y - ay) * dy) / square))
            px, py = x - ax - share * dx, y - ay - share * dy
            nearest = min(nearest, px * px + py * py)
    return nearest


@njit(cache=True)
def cover_segment(
    cells: Integers, count: int, ax: float, ay: float, az: float, bx: float, by: float, bz: float, growth_m: float,
    height_deg: float, columns: Integers, axis_m: Floats, polar_m: Floats, reach_m: Floats, frames: Floats,
) -> tuple[Integers, int]:  # fmt: skip
    """Append the cells (row << COLUMN_BITS | column) that come within `growth_m` of a straight segment."""
    mx, my, mz = 0.5 * (ax + bx), 0.5 * (ay + by), 0.5 * (az + bz)
    dx, dy, dz = bx - ax, by - ay, bz - az
    square = dx * dx + dy * dy + dz * dz
    half_m = 0.5 * math.sqrt(square)
    widest = 0.0
    m_axis = math.hypot(mx, my)
    # Cells of neighbouring rows hardly differ, save at the poles.
    first_row, last_row = rows_within(mz, m_axis, half_m + growth_m, height_deg, columns.shape[0])
    for row in range(first_row, last_row + 1):
        widest = max(widest, reach_m[row])
    first_row, last_row = rows_within(mz, m_axis, half_m + growth_m + widest, height_deg, columns.shape[0])
    for row in range(first_row, last_row + 1):
        limit_m = growth_m + reach_m[row]
        first, number = columns_within(mx, my, mz, axis_m[row], polar_m[row], half_m + limit_m, columns[row])
        for step in range(number):
            column = (first + step) % columns[row]
            angle = 2.0 * math.pi * (column + 0.5) / columns[row] - math.pi
            east_x, east_y = -math.sin(angle), math.cos(angle)
            x, y, z = axis_m[row] * east_y, -axis_m[row] * east_x, polar_m[row]
            px, py, pz = x - ax, y - ay, z - az
            share = 0.0
            if square > 0.0:
                share = min(1.0, max(0.0, (px * dx + py * dy + pz * dz) / square))
            qx, qy, qz = px - share * dx, py - share * dy, pz - share * dz
            if qx * qx + qy * qy + qz * qz <= limit_m * limit_m:
                # The ends in the plane that touches at the centre, eastwards and northwards of it.
                sine, cosine = frames[row, 0], frames[row, 1]
                begin_east, end_east = -(px * east_x + py * east_y), (bx - x) * east_x + (by - y) * east_y
                begin_north = sine * (px * east_y - py * east_x) - cosine * pz
                end_north = cosine * (bz - z) - sine * ((bx - x) * east_y - (by - y) * east_x)
                apart = far_from_rectangle(
                    begin_east, begin_north, end_east, end_north,
                    -frames[row, 2], frames[row, 3], frames[row, 2], frames[row, 4],
                )  # fmt: skip
                if apart > growth_m * growth_m:
                    continue
                if count == cells.shape[0]:
                    more = np.empty(2 * count, dtype=np.int64)
                    more[:count] = cells
                    cells = more
                cells[count] = (row << COLUMN_BITS) | column
                count += 1
    return cells, count


@njit(cache=True)
def cover_inside(
    cells: Integers, count: int, f: Floats, integers: Integers, curves: Floats, height_deg: float, columns: Integers,
    axis_m: Floats, polar_m: Floats,
) -> tuple[Integers, int]:  # fmt: skip
    """Append the cells whose centres lie inside a ring."""
    x, y, z, reach = f[CENTRE_X], f[CENTRE_Y], f[CENTRE_Z], f[REACH_M]
    first_row, last_row = rows_within(z, math.hypot(x, y), reach, height_deg, columns.shape[0])
    for row in range(first_row, last_row + 1):
        first, number = columns_within(x, y, z, axis_m[row], polar_m[row], reach, columns[row])
        for step in range(number):
            column = (first + step) % columns[row]
            angle = 2.0 * math.pi * (column + 0.5) / columns[row] - math.pi
            cx, cy = axis_m[row] * math.cos(angle), axis_m[row] * math.sin(angle)
            if within_area(f, integers, curves, cx, cy, polar_m[row]):
                if count == cells.shape[0]:
                    more = np.empty(2 * count, dtype=np.int64)
                    more[:count] = cells
                    cells = more
                cells[count] = (row << COLUMN_BITS) | column
                count += 1
    return cells, count


@njit(cache=True)
def level_band(feet: float, band_ft: int) -> int:
    """The band of a height where every level is a band of its own: even for a level, odd for what is between two."""
    level = math.floor((feet + LEVEL_HALF_FT) / band_ft)
    return 2 * level if feet - level * band_ft <= LEVEL_HALF_FT else 2 * level + 1


@njit(cache=True)
def bands_of(low_m: float, high_m: float, band_ft: int, levels: bool) -> tuple[int, int]:
    """The first and last band that a closed range of heights touches, rounded outward.

    Levels are in the middle of bands, or with `levels` bands of their own, no higher than the tolerance to which two
    heights are compared: a plan that keeps one level away touches neither that level nor what is beyond it.
    """
    if band_ft == 0:
        return 0, 0
    if levels:
        first = level_band(low_m / FOOT_M - FOOT_SLACK, band_ft)
        last = level_band(high_m / FOOT_M + FOOT_SLACK, band_ft)
    else:
        low_ft = math.floor(low_m / FOOT_M - FOOT_SLACK)
        high_ft = math.ceil(high_m / FOOT_M + FOOT_SLACK)
        first, last = (low_ft + band_ft // 2) // band_ft, (high_ft + band_ft // 2) // band_ft
    return min(max(first, LOWEST_BAND), HIGHEST_BAND), min(max(last, LOWEST_BAND), HIGHEST_BAND)


@njit(cache=True)
def band_edges_ft(band: int, band_ft: int, levels: bool) -> tuple[float, float]:
    """The lower and upper edge of a band; the outermost bands have none on their outer side."""
    if levels:
        bottom_ft = (band // 2) * band_ft - LEVEL_HALF_FT
        top_ft = bottom_ft + 2.0 * LEVEL_HALF_FT if band % 2 == 0 else bottom_ft + band_ft + 2.0 * LEVEL_HALF_FT
    else:
        bottom_ft = float(band * band_ft - band_ft // 2)
        top_ft = bottom_ft + band_ft
    return (-1e9 if band == LOWEST_BAND else bottom_ft), (1e9 if band == HIGHEST_BAND else top_ft)


@njit(cache=True)
def emit(
    tokens: Integers, owners: Integers, count: int, cells: Integers, cell_count: int, family: int, first_band: int,
    last_band: int, first_bin: int, last_bin: int, owner: int,
) -> tuple[Integers, Integers, int]:  # fmt: skip
    """Append the product of cells, bands and bins of one family."""
    for k in range(cell_count):
        place = (family << (ROW_BITS + COLUMN_BITS)) | cells[k]
        for band in range(first_band, last_band + 1):
            upper = ((place << BAND_BITS) | (band + BAND_ORIGIN)) << BIN_BITS
            for time_bin in range(first_bin, last_bin + 1):
                tokens, owners = room_for(tokens, owners, count)
                tokens[count], owners[count] = upper | time_bin, owner
                count += 1
    return tokens, owners, count


@njit(cache=True, nogil=True)
def cover(
    start: int, stop: int, floats: Floats, integers: Integers, curves: Floats, growth: Floats, origin_s: float,
    bins: int, bin_s: int, band_ft: int, mixed_band_ft: int, levels: bool,
    height_deg: float, columns: Integers, axis_m: Floats, polar_m: Floats, reach_m: Floats, frames: Floats,
    cell_m: float, cap: int, too_large: Integers,
) -> tuple[Integers, Integers]:  # fmt: skip
    """Tokens of the parts ``start .. stop`` and the plan each belongs to; one may come more than once.

    Of a part that would take far more than `cap` tokens `too_large` becomes 1, and it has none.
    """
    tokens, owners = np.empty(4_096, dtype=np.int64), np.empty(4_096, dtype=np.int64)
    cells = np.empty(1_024, dtype=np.int64)
    count = 0
    bin_microseconds = bin_s * 1_000_000
    for part in range(start, stop):
        before = count
        f, n, g = floats[part], integers[part], growth[part]
        early = math.floor((f[T0] - origin_s) * 1e6 + 0.3) - int(g[SLACK_MICROSECONDS])
        late = math.ceil((f[T1] - origin_s) * 1e6 - 0.3) + int(g[SLACK_MICROSECONDS])
        if n[MOVING] == 0:
            # A window that is shrunk to less than nothing is its middle.
            middle = (early + late) // 2
            early, late = min(early, middle), max(late, middle)
        first_bin, last_bin = max(0, early // bin_microseconds), min(bins - 1, late // bin_microseconds)
        if first_bin > last_bin:
            continue
        across_m = f[REACH_M] + g[GROWTH_M]
        area = 3.2 * across_m * across_m if n[MOVING] == 0 else 8.0 * g[GROWTH_M] * across_m
        if area / (cell_m * cell_m) > 16 * cap:
            too_large[n[PLAN]] = 1
            continue
        if n[MOVING] == 0:
            cell_count = 0
            for edge in range(n[CURVE], n[CURVE] + n[CURVE_COUNT]):
                ax, ay, az = point_on(curves, edge, 0.0)
                bx, by, bz = point_on(curves, edge, 1.0)
                bend = 0.25 * math.sqrt(curves[edge, 6] ** 2 + curves[edge, 7] ** 2 + curves[edge, 8] ** 2)
                cells, cell_count = cover_segment(
                    cells, cell_count, ax, ay, az, bx, by, bz, g[GROWTH_M] + bend + SLACK_M,
                    height_deg, columns, axis_m, polar_m, reach_m, frames,
                )  # fmt: skip
            if n[CURVE_COUNT] > 1:
                cells, cell_count = cover_inside(cells, cell_count, f, n, curves, height_deg, columns, axis_m, polar_m)
            chosen = np.unique(cells[:cell_count])
            for which in range(2):
                family = int(g[FIRST_FAMILY + which])
                if family < 0:
                    continue
                frame, half_m = int(g[FIRST_FRAME + 2 * which]), g[FIRST_HALF_M + 2 * which]
                this_band_ft, own_levels = (band_ft, levels) if family < 2 else (mixed_band_ft, False)
                low, high = bands_of(f[frame] - half_m, f[frame] + half_m, this_band_ft, own_levels)
                if len(chosen) * (high - low + 1) * (last_bin - first_bin + 1) > 4 * cap:
                    too_large[n[PLAN]], count = 1, before
                    break
                tokens, owners, count = emit(
                    tokens, owners, count, chosen, len(chosen), family, low, high, first_bin, last_bin, n[PLAN]
                )
            continue
        edge = n[CURVE]
        length_s = f[T1] - f[T0]
        slack_s = g[SLACK_MICROSECONDS] * 1e-6
        for time_bin in range(first_bin, last_bin + 1):
            if count - before > 4 * cap:
                too_large[n[PLAN]], count = 1, before
                break
            begin, end = 0.0, 1.0
            if length_s > 0.0:
                opens_s = origin_s + time_bin * bin_s - f[T0]
                begin = min(1.0, max(0.0, (opens_s - slack_s - SLACK_S) / length_s))
                end = min(1.0, max(0.0, (opens_s + bin_s + slack_s + SLACK_S) / length_s))
            for which in range(2):
                family = int(g[FIRST_FAMILY + which])
                if family < 0:
                    continue
                frame, half_m = int(g[FIRST_FRAME + 2 * which]), g[FIRST_HALF_M + 2 * which]
                this_band_ft, own_levels = (band_ft, levels) if family < 2 else (mixed_band_ft, False)
                height_m, rise_m = f[frame], f[frame + 1] - f[frame]
                at_begin, at_end = height_m + begin * rise_m, height_m + end * rise_m
                rounding_m = 1e-6 if rise_m != 0.0 else 0.0
                low, high = bands_of(
                    min(at_begin, at_end) - half_m - rounding_m, max(at_begin, at_end) + half_m + rounding_m,
                    this_band_ft, own_levels,
                )  # fmt: skip
                steps = 1 if rise_m == 0.0 or low == high else high - low + 1
                for step in range(steps):
                    u0, u1 = begin, end
                    first_band, last_band = low, high
                    if steps > 1:
                        first_band = last_band = low + step
                        bottom_ft, top_ft = band_edges_ft(first_band, this_band_ft, own_levels)
                        bottom_m, top_m = bottom_ft * FOOT_M - half_m - 0.31, top_ft * FOOT_M + half_m + 0.31
                        share_low, share_high = (bottom_m - height_m) / rise_m, (top_m - height_m) / rise_m
                        u0 = min(1.0, max(u0, min(share_low, share_high)))
                        u1 = max(0.0, min(u1, max(share_low, share_high)))
                        if u0 > u1:
                            continue
                    ax, ay, az = point_on(curves, edge, u0)
                    bx, by, bz = point_on(curves, edge, u1)
                    bend = 0.25 * math.sqrt(curves[edge, 6] ** 2 + curves[edge, 7] ** 2 + curves[edge, 8] ** 2)
                    bend *= (u1 - u0) * (u1 - u0)
                    cells, cell_count = cover_segment(
                        cells, 0, ax, ay, az, bx, by, bz, g[GROWTH_M] + bend + SLACK_M,
                        height_deg, columns, axis_m, polar_m, reach_m, frames,
                    )  # fmt: skip
                    tokens, owners, count = emit(
                        tokens, owners, count, cells, cell_count, family, first_band, last_band,
                        time_bin, time_bin, n[PLAN],
                    )  # fmt: skip
    return tokens[:count], owners[:count]
