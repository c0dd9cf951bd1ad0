"""Curves on the WGS 84 ellipsoid as short quadratic pieces in Earth-centred coordinates, and distances between them.

A geodesic piece of length L is ``X(u) = A + u (B - A) + u (1 - u) K`` for u in [0, 1], where K is the outward normal at
its middle times kappa L^2 / 2, and kappa the normal curvature of the ellipsoid along the piece. For L <= 20 km this is
within 2 mm of the geodesic run at constant speed (held against pyproj in tests/airspace/test_ellipsoid_kernels.py).
There is no special case at the poles or at the antimeridian.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from detente.airspace.arrays import Floats

SEMI_MAJOR_M = 6_378_137.0
FLATTENING = 1.0 / 298.257223563
SEMI_MINOR_M = SEMI_MAJOR_M * (1.0 - FLATTENING)
ECCENTRICITY_SQUARED = FLATTENING * (2.0 - FLATTENING)
Q_EQUATOR = 1.0 / SEMI_MAJOR_M**2
Q_POLE = 1.0 / SEMI_MINOR_M**2
PIECE_LENGTH_M = 20_000.0
"""The longest piece that one quadratic stands for."""


@njit(cache=True)
def surface_point(latitude_deg: float, longitude_deg: float) -> tuple[float, float, float]:
    """Earth-centred coordinates in metres of a point on the ellipsoid."""
    phi = math.radians(latitude_deg)
    lam = math.radians(longitude_deg)
    sin_phi = math.sin(phi)
    prime_vertical_m = SEMI_MAJOR_M / math.sqrt(1.0 - ECCENTRICITY_SQUARED * sin_phi * sin_phi)
    rho = prime_vertical_m * math.cos(phi)
    return rho * math.cos(lam), rho * math.sin(lam), prime_vertical_m * (1.0 - ECCENTRICITY_SQUARED) * sin_phi


@njit(cache=True, nogil=True)
def surface_points(latitudes_deg: Floats, longitudes_deg: Floats) -> Floats:
    """Earth-centred coordinates, shape [n, 3] in metres, of n points on the ellipsoid."""
    points = np.empty((latitudes_deg.shape[0], 3))
    for i in range(latitudes_deg.shape[0]):
        points[i, 0], points[i, 1], points[i, 2] = surface_point(latitudes_deg[i], longitudes_deg[i])
    return points


@njit(cache=True)
def geodetic(x: float, y: float, z: float) -> tuple[float, float]:
    """Latitude and longitude in degrees of a point on the ellipsoid (exact there, by its normal)."""
    latitude_deg = math.degrees(math.atan2(z / (1.0 - ECCENTRICITY_SQUARED), math.hypot(x, y)))
    return latitude_deg, math.degrees(math.atan2(y, x))


@njit(cache=True, nogil=True)
def geodetic_points(points: Floats) -> tuple[Floats, Floats]:
    """Latitudes and longitudes in degrees of n points on the ellipsoid, shape [n, 3] in metres."""
    latitudes_deg, longitudes_deg = np.empty(points.shape[0]), np.empty(points.shape[0])
    for i in range(points.shape[0]):
        latitudes_deg[i], longitudes_deg[i] = geodetic(points[i, 0], points[i, 1], points[i, 2])
    return latitudes_deg, longitudes_deg


@njit(cache=True)
def set_piece(curves: Floats, row: int, a: Floats, b: Floats) -> None:
    """Write the piece from surface point `a` to `b` (no more than PIECE_LENGTH_M apart) into ``curves[row]``.

    A row is A, B - A, K: nine numbers in metres.
    """
    dx, dy, dz = b[0] - a[0], b[1] - a[1], b[2] - a[2]
    mx, my, mz = 0.5 * (a[0] + b[0]), 0.5 * (a[1] + b[1]), 0.5 * (a[2] + b[2])
    gx, gy, gz = Q_EQUATOR * mx, Q_EQUATOR * my, Q_POLE * mz
    gradient = math.sqrt(gx * gx + gy * gy + gz * gz)
    # kappa L^2 / 2 along the unit normal; L^2 cancels against the unit direction of the chord.
    bend = 0.5 * (Q_EQUATOR * (dx * dx + dy * dy) + Q_POLE * dz * dz) / (gradient * gradient)
    curves[row, 0], curves[row, 1], curves[row, 2] = a[0], a[1], a[2]
    curves[row, 3], curves[row, 4], curves[row, 5] = dx, dy, dz
    curves[row, 6], curves[row, 7], curves[row, 8] = bend * gx, bend * gy, bend * gz


@njit(cache=True, nogil=True)
def set_pieces(curves: Floats, starts: Floats, ends: Floats) -> None:
    """Write one piece for each row of `starts` and `ends`, both of shape [n, 3]."""
    for i in range(starts.shape[0]):
        set_piece(curves, i, starts[i], ends[i])


@njit(cache=True)
def point_on(curves: Floats, row: int, u: float) -> tuple[float, float, float]:
    """The point at parameter `u` of a piece, Earth-centred, in metres."""
    bend = u * (1.0 - u)
    return (
        curves[row, 0] + u * curves[row, 3] + bend * curves[row, 6],
        curves[row, 1] + u * curves[row, 4] + bend * curves[row, 7],
        curves[row, 2] + u * curves[row, 5] + bend * curves[row, 8],
    )


@njit(cache=True)
def geodesic_m(x: float, y: float, z: float, dx: float, dy: float, dz: float) -> float:
    """Length in metres of the geodesic from surface point (x, y, z) over the chord (dx, dy, dz).

    ``c + kappa^2 c^3 / 24 + 3 kappa^4 c^5 / 640`` with the normal curvature kappa at the middle of the chord:
    within 0.1 mm up to 100 km and 3 mm up to 200 km.
    """
    square = dx * dx + dy * dy + dz * dz
    gx, gy, gz = Q_EQUATOR * (x + 0.5 * dx), Q_EQUATOR * (y + 0.5 * dy), Q_POLE * (z + 0.5 * dz)
    bent = (Q_EQUATOR * (dx * dx + dy * dy) + Q_POLE * dz * dz) ** 2 / (gx * gx + gy * gy + gz * gz)
    # bent is (kappa c)^2 c^2; dividing once by the chord squared leaves the pure number (kappa c)^2.
    if square == 0.0:
        return 0.0
    ratio = bent / square
    return math.sqrt(square) * (1.0 + ratio / 24.0 + 3.0 * ratio * ratio / 640.0)


@njit(cache=True)
def turns_around(ring: Floats, first: int, count: int, x: float, y: float, z: float) -> bool:
    """Whether a ring of pieces (rows first .. first + count of the curves) goes around the point (x, y, z).

    Sums the change of bearing towards the ring's corners, seen from the point. A ring that goes around the antipode is
    told apart by the caller, who only asks for points within the ring's bounding sphere.
    """
    total = 0.0
    for i in range(count):
        a, b = first + i, first + (i + 1) % count
        ax, ay, az = ring[a, 0], ring[a, 1], ring[a, 2]
        bx, by, bz = ring[b, 0], ring[b, 1], ring[b, 2]
        px, py, pz = y * az - z * ay, z * ax - x * az, x * ay - y * ax
        qx, qy, qz = y * bz - z * by, z * bx - x * bz, x * by - y * bx
        sine = (px * (qy * z - qz * y) + py * (qz * x - qx * z) + pz * (qx * y - qy * x)) * -1.0
        cosine = (px * qx + py * qy + pz * qz) * math.sqrt(x * x + y * y + z * z)
        if sine != 0.0 or cosine != 0.0:
            total += math.atan2(sine, cosine)
    return abs(total) > math.pi
