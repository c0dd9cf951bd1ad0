"""The closest approach of two pieces over a convex region of their parameters.

Both curves are quadratic in their parameters with a bend that is small beside their length, so the squared chord is
nearly a convex quadratic form. It is linearised at the iterate, solved exactly over the polygon, and recentred; because
long parallel courses make a valley that is slightly concave, the polygon's corners are tried as well. What is left is
far below a millimetre for pieces of 20 km.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from detente.airspace.arrays import Floats
from detente.airspace.ellipsoid_kernels import geodesic_m, point_on

CORNERS_MAX = 12
"""A square cut by four half-planes has at most eight corners."""


@njit(cache=True)
def clip(corners: Floats, count: int, alpha: float, beta: float, gamma: float) -> int:
    """Cut a convex polygon (rows of `corners`) with ``alpha u1 + beta u2 <= gamma`` in place and count what is left."""
    if count == 0:
        return 0
    kept = np.empty((CORNERS_MAX, 2))
    n = 0
    previous = count - 1
    value_previous = alpha * corners[previous, 0] + beta * corners[previous, 1] - gamma
    for i in range(count):
        value = alpha * corners[i, 0] + beta * corners[i, 1] - gamma
        if (value <= 0.0) != (value_previous <= 0.0):
            share = value_previous / (value_previous - value)
            kept[n, 0] = corners[previous, 0] + share * (corners[i, 0] - corners[previous, 0])
            kept[n, 1] = corners[previous, 1] + share * (corners[i, 1] - corners[previous, 1])
            n += 1
        if value <= 0.0:
            kept[n, 0], kept[n, 1] = corners[i, 0], corners[i, 1]
            n += 1
        previous, value_previous = i, value
    for i in range(n):
        corners[i, 0], corners[i, 1] = kept[i, 0], kept[i, 1]
    return n


@njit(cache=True)
def chord_squared(first: Floats, i: int, u1: float, second: Floats, j: int, u2: float) -> float:
    """Squared chord in square metres between a point of piece i and a point of piece j."""
    x1, y1, z1 = point_on(first, i, u1)
    x2, y2, z2 = point_on(second, j, u2)
    return (x1 - x2) ** 2 + (y1 - y2) ** 2 + (z1 - z2) ** 2


@njit(cache=True)
def distance_m(first: Floats, i: int, u1: float, second: Floats, j: int, u2: float) -> float:
    """Geodesic in metres between a point of piece i and a point of piece j."""
    x1, y1, z1 = point_on(first, i, u1)
    x2, y2, z2 = point_on(second, j, u2)
    return geodesic_m(x1, y1, z1, x2 - x1, y2 - y1, z2 - z1)


@njit(cache=True)
def closest(first: Floats, i: int, second: Floats, j: int, corners: Floats, count: int) -> tuple[float, float, float]:
    """Parameters u1, u2 of the smallest chord between pieces i and j inside a convex polygon, and its square.

    `count` is 2 for a segment (both parameters tied to one time) and at least 3 for a polygon.
    """
    u1, u2 = 0.0, 0.0
    for k in range(count):
        u1 += corners[k, 0]
        u2 += corners[k, 1]
    u1 /= count
    u2 /= count
    best = chord_squared(first, i, u1, second, j, u2)
    best_u1, best_u2 = u1, u2
    for _ in range(4):
        x1, y1, z1 = point_on(first, i, u1)
        x2, y2, z2 = point_on(second, j, u2)
        bend1, bend2 = 1.0 - 2.0 * u1, 1.0 - 2.0 * u2
        ax, ay, az = (
            first[i, 3] + bend1 * first[i, 6],
            first[i, 4] + bend1 * first[i, 7],
            first[i, 5] + bend1 * first[i, 8],
        )
        bx, by, bz = (
            second[j, 3] + bend2 * second[j, 6],
            second[j, 4] + bend2 * second[j, 7],
            second[j, 5] + bend2 * second[j, 8],
        )
        # The linear model: |o + a u1 - b u2|, with o the difference at (0, 0) of the two tangents.
        ox, oy, oz = x1 - x2 - ax * u1 + bx * u2, y1 - y2 - ay * u1 + by * u2, z1 - z2 - az * u1 + bz * u2
        aa = ax * ax + ay * ay + az * az
        bb = bx * bx + by * by + bz * bz
        ab = ax * bx + ay * by + az * bz
        ao = ax * ox + ay * oy + az * oz
        bo = bx * ox + by * oy + bz * oz
        next_u1, next_u2 = minimum_of_form(aa, bb, ab, ao, bo, corners, count)
        value = chord_squared(first, i, next_u1, second, j, next_u2)
        moved = abs(next_u1 - u1) + abs(next_u2 - u2)
        u1, u2 = next_u1, next_u2
        if value < best:
            best, best_u1, best_u2 = value, u1, u2
        if moved < 1e-9:
            break
    for k in range(count):
        value = chord_squared(first, i, corners[k, 0], second, j, corners[k, 1])
        if value < best:
            best, best_u1, best_u2 = value, corners[k, 0], corners[k, 1]
    return best_u1, best_u2, best


@njit(cache=True)
def minimum_of_form(
    aa: float, bb: float, ab: float, ao: float, bo: float, corners: Floats, count: int
) -> tuple[float, float]:
    """Minimise ``aa u1^2 - 2 ab u1 u2 + bb u2^2 + 2 ao u1 - 2 bo u2`` over a convex polygon; return (u1, u2)."""
    if count >= 3:
        determinant = aa * bb - ab * ab
        if determinant > 1e-12 * aa * bb:
            u1 = (ab * bo - bb * ao) / determinant
            u2 = (aa * bo - ab * ao) / determinant
            inside_left, inside_right = True, True
            for k in range(count):
                following = (k + 1) % count
                cross = (corners[following, 0] - corners[k, 0]) * (u2 - corners[k, 1]) - (
                    corners[following, 1] - corners[k, 1]
                ) * (u1 - corners[k, 0])
                inside_left = inside_left and cross >= 0.0
                inside_right = inside_right and cross <= 0.0
            if inside_left != inside_right:
                return u1, u2
    best, best_u1, best_u2 = math.inf, corners[0, 0], corners[0, 1]
    for k in range(count if count >= 3 else 1):
        following = (k + 1) % count
        u1, u2 = corners[k, 0], corners[k, 1]
        d1, d2 = corners[following, 0] - u1, corners[following, 1] - u2
        curvature = aa * d1 * d1 - 2.0 * ab * d1 * d2 + bb * d2 * d2
        slope = (aa * u1 - ab * u2 + ao) * d1 + (bb * u2 - ab * u1 - bo) * d2
        share = 0.0
        if curvature > 0.0:
            share = min(1.0, max(0.0, -slope / curvature))
        elif slope < 0.0:
            share = 1.0
        u1 += share * d1
        u2 += share * d2
        value = aa * u1 * u1 - 2.0 * ab * u1 * u2 + bb * u2 * u2 + 2.0 * (ao * u1 - bo * u2)
        if value < best:
            best, best_u1, best_u2 = value, u1, u2
    return best_u1, best_u2
