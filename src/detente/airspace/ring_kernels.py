"""Rings of geodesic edges: the sphere around one, and whether its edges cross."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from detente.airspace.arrays import Floats, Integers
from detente.airspace.closest_kernels import CORNERS_MAX, closest
from detente.airspace.ellipsoid_kernels import Q_EQUATOR, Q_POLE, point_on
from detente.airspace.part_kernels import CENTRE_X, REACH_M


@njit(cache=True, nogil=True)
def ring_spheres(curves: Floats, first: Integers, count: Integers, floats: Floats) -> None:
    """Write into `floats` the centre, on the ellipsoid, and the reach in metres of each ring and its inside.

    The reach is NaN where a ring has no smaller side.
    """
    for row in range(first.shape[0]):
        x, y, z = 0.0, 0.0, 0.0
        for i in range(first[row], first[row] + count[row]):
            x += curves[i, 0]
            y += curves[i, 1]
            z += curves[i, 2]
        scale = math.sqrt(Q_EQUATOR * (x * x + y * y) + Q_POLE * z * z)
        # A mean near the Earth's centre belongs to a ring around a hemisphere.
        if scale < 0.1 * count[row]:
            floats[row, REACH_M] = math.nan
            continue
        x, y, z = x / scale, y / scale, z / scale
        furthest = 0.0
        for i in range(first[row], first[row] + count[row]):
            dx, dy, dz = curves[i, 0] - x, curves[i, 1] - y, curves[i, 2] - z
            furthest = max(furthest, math.sqrt(dx * dx + dy * dy + dz * dz))
        floats[row, CENTRE_X], floats[row, CENTRE_X + 1], floats[row, CENTRE_X + 2] = x, y, z
        # Half a per cent for the flattening and for edges that bow outwards between corners.
        floats[row, REACH_M] = furthest * 1.005 + 1.0 if count[row] > 1 else 0.0


@njit(cache=True, nogil=True)
def first_crossing(curves: Floats, first: Integers, count: Integers) -> tuple[int, int, int]:
    """The first ring with two edges that meet without being neighbours, and those edges; (-1, -1, -1) when none."""
    corners = np.zeros((CORNERS_MAX, 2))
    corners[1, 0], corners[2, 0], corners[2, 1], corners[3, 1] = 1.0, 1.0, 1.0, 1.0
    for row in range(first.shape[0]):
        start, n = first[row], count[row]
        for i in range(n):
            x1, y1, z1 = point_on(curves, start + i, 0.5)
            half_i = math.sqrt(curves[start + i, 3] ** 2 + curves[start + i, 4] ** 2 + curves[start + i, 5] ** 2)
            for j in range(i + 2, n):
                if i == 0 and j == n - 1:
                    continue
                x2, y2, z2 = point_on(curves, start + j, 0.5)
                half_j = math.sqrt(curves[start + j, 3] ** 2 + curves[start + j, 4] ** 2 + curves[start + j, 5] ** 2)
                if (x1 - x2) ** 2 + (y1 - y2) ** 2 + (z1 - z2) ** 2 > (0.51 * (half_i + half_j) + 0.01) ** 2:
                    continue
                if closest(curves, start + i, curves, start + j, corners, 4)[2] < 1e-12:
                    return row, i, j
    return -1, -1, -1
