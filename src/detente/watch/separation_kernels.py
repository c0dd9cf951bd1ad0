"""Compiled: when two predicted aircraft come inside their minima, step by step along both predictions."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from detente.airspace.arrays import Floats, Integers
from detente.airspace.tactical_kernels import time_inside

ENTRY, CLOSEST, CLOSEST_M, CLOSEST_HEIGHT_M, NOW_M, NOW_HEIGHT_M, HEIGHT_KNOWN = range(7)
COLUMNS = 7
"""Columns of an answer; all times in seconds from now."""


@njit(cache=True, error_model="numpy", inline="always")
def height_between(pressure_a: float, geometric_a: float, pressure_b: float, geometric_b: float) -> float:
    """The second's height above the first on the reference that both have; not a number where they have none."""
    between = pressure_b - pressure_a
    if between == between:
        return between
    return geometric_b - geometric_a


@njit(cache=True, error_model="numpy")
def meeting_of(
    points_a: Floats, pressure_a: Floats, geometric_a: Floats, points_b: Floats, pressure_b: Floats,
    geometric_b: Floats, step_s: float, horizontal_m: float, vertical_m: float, answer: Floats,
) -> bool:  # fmt: skip
    """Whether two predictions come inside both minima, with the first entry and the horizontally closest moment inside.

    Each step is straight relative motion in the plane that is level halfway between both. Two whose heights cannot be
    compared are judged by their horizontal distance alone, and the answer says so.
    """
    steps = points_a.shape[0] - 1
    answer[ENTRY], answer[CLOSEST], answer[CLOSEST_M] = math.inf, math.inf, math.inf
    met = False
    for k in range(steps):
        rx, ry, rz = points_b[k, 0] - points_a[k, 0], points_b[k, 1] - points_a[k, 1], points_b[k, 2] - points_a[k, 2]
        wx = (points_b[k + 1, 0] - points_a[k + 1, 0] - rx) / step_s
        wy = (points_b[k + 1, 1] - points_a[k + 1, 1] - ry) / step_s
        wz = (points_b[k + 1, 2] - points_a[k + 1, 2] - rz) / step_s
        ux, uy, uz = points_a[k, 0] + points_b[k, 0], points_a[k, 1] + points_b[k, 1], points_a[k, 2] + points_b[k, 2]
        uu = ux * ux + uy * uy + uz * uz
        ru, wu = rx * ux + ry * uy + rz * uz, wx * ux + wy * uy + wz * uz
        rr = max(0.0, rx * rx + ry * ry + rz * rz - ru * ru / uu)
        rw = rx * wx + ry * wy + rz * wz - ru * wu / uu
        ww = max(0.0, wx * wx + wy * wy + wz * wz - wu * wu / uu)
        if uu < 1e13:  # more than a third of the Earth apart
            rr = math.inf
        height = height_between(pressure_a[k], geometric_a[k], pressure_b[k], geometric_b[k])
        after = height_between(pressure_a[k + 1], geometric_a[k + 1], pressure_b[k + 1], geometric_b[k + 1])
        known = height == height and after == after
        if k == 0:
            answer[NOW_M], answer[NOW_HEIGHT_M] = math.sqrt(rr), abs(height)
            answer[HEIGHT_KNOWN] = 1.0 if known else 0.0
        if not known:
            height, after = 0.0, 0.0
        into, out = time_inside(rr, rw, ww, height, (after - height) / step_s, horizontal_m, vertical_m)
        into, out = max(into, 0.0), min(out, step_s)
        if into >= out:
            continue
        if not met:
            met, answer[ENTRY] = True, k * step_s + into
        closest = min(out, max(into, -rw / ww if ww > 0.0 else into))
        distance_m = math.sqrt(max(0.0, rr + closest * (2.0 * rw + closest * ww)))
        if distance_m < answer[CLOSEST_M]:
            answer[CLOSEST], answer[CLOSEST_M] = k * step_s + closest, distance_m
            answer[CLOSEST_HEIGHT_M] = abs(height + (after - height) / step_s * closest)
    return met


@njit(cache=True, error_model="numpy", nogil=True)
def meetings(
    first: Integers, second: Integers, points: Floats, pressure: Floats, geometric: Floats, step_s: float,
    horizontal_m: Floats, vertical_m: Floats,
) -> Floats:  # fmt: skip
    """Shape [pairs, COLUMNS]: the meeting of each pair of rows; the entry is infinite for those that do not meet."""
    table = np.zeros((first.shape[0], COLUMNS))
    for p in range(first.shape[0]):
        i, j = first[p], second[p]
        meeting_of(
            points[i], pressure[i], geometric[i], points[j], pressure[j], geometric[j], step_s, horizontal_m[p],
            vertical_m[p], table[p],
        )  # fmt: skip
    return table


@njit(cache=True, error_model="numpy", nogil=True)
def near_rows(
    rows: Integers, others: Integers, points: Floats, reach_m: Floats, apart_m: float, pairs: Integers
) -> int:
    """Write each pair of one of `rows` and one of `others` that may come within `apart_m`, as ``row * n + other``.

    `reach_m`, shape [n], is how far each flies at most. Counts on when `pairs` is full. For the few aircraft that the
    search by height cannot take.
    """
    n = points.shape[0]
    found = 0
    for row in rows:
        for other in others:
            if row == other:
                continue
            dx = points[row, 0, 0] - points[other, 0, 0]
            dy = points[row, 0, 1] - points[other, 0, 1]
            dz = points[row, 0, 2] - points[other, 0, 2]
            most = apart_m + reach_m[row] + reach_m[other]
            if dx * dx + dy * dy + dz * dz <= most * most:
                if found < pairs.shape[0]:
                    pairs[found] = row * n + other
                found += 1
    return found


@njit(cache=True, error_model="numpy", nogil=True)
def clear_of_all(
    path: Floats, pressure: Floats, geometric: Floats, others: Integers, points: Floats, others_pressure: Floats,
    others_geometric: Floats, step_s: float, horizontal_m: Floats, vertical_m: Floats, no_nearer_m: Floats,
) -> bool:  # fmt: skip
    """Whether one changed path keeps the minima to all others; minima have one value for each of `others`.

    From one that is inside the minima already (`no_nearer_m` is not below zero) the path must come no nearer than that.
    """
    answer = np.zeros(COLUMNS)
    for p in range(others.shape[0]):
        j = others[p]
        met = meeting_of(
            path, pressure, geometric, points[j], others_pressure[j], others_geometric[j], step_s, horizontal_m[p],
            vertical_m[p], answer,
        )  # fmt: skip
        if met and (no_nearer_m[p] < 0.0 or answer[CLOSEST_M] < no_nearer_m[p]):
            return False
    return True
