"""Compiled: where aircraft will be, straight or along their turn, at moments a step apart."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from detente.airspace.arrays import Floats
from detente.airspace.ellipsoid_kernels import SEMI_MAJOR_M, SEMI_MINOR_M

ECCENTRICITY = 1.0 - (SEMI_MINOR_M / SEMI_MAJOR_M) ** 2


@njit(cache=True, error_model="numpy", nogil=True)
def predicted_places(
    latitude_deg: Floats, longitude_deg: Floats, speed_mps: Floats, track_deg: Floats, turn_deg_s: Floats,
    turning_s: float, step_s: float, steps: int,
) -> tuple[Floats, Floats]:  # fmt: skip
    """Latitudes and longitudes in degrees on WGS 84, shape [n, steps + 1], now and after each step.

    An aircraft that turns goes on turning for `turning_s` seconds and is straight from then on. Within a step it flies
    the chord of its turn. Straight is along a geodesic, by the radii of curvature at the middle of each step.
    """
    n = latitude_deg.shape[0]
    latitude, longitude = np.empty((n, steps + 1)), np.empty((n, steps + 1))
    for i in range(n):
        phi, lam, course = math.radians(latitude_deg[i]), math.radians(longitude_deg[i]), math.radians(track_deg[i])
        rate = math.radians(turn_deg_s[i])
        latitude[i, 0], longitude[i, 0] = latitude_deg[i], longitude_deg[i]
        for k in range(steps):
            turned = rate * max(0.0, min(step_s, turning_s - k * step_s))
            half = 0.5 * turned
            length = speed_mps[i] * step_s * (math.sin(half) / half if half != 0.0 else 1.0)
            north, east = length * math.cos(course + half), length * math.sin(course + half)
            middle = phi + 0.5 * north / SEMI_MAJOR_M
            sine = math.sin(middle)
            root = math.sqrt(1.0 - ECCENTRICITY * sine * sine)
            across = max(math.cos(middle), 1e-6)
            moved = east * root / (SEMI_MAJOR_M * across)
            phi += north * root**3 / (SEMI_MAJOR_M * (1.0 - ECCENTRICITY))
            phi = min(0.5 * math.pi, max(-0.5 * math.pi, phi))
            lam += moved
            course += turned + moved * sine
            if lam > math.pi:
                lam -= 2.0 * math.pi
            elif lam < -math.pi:
                lam += 2.0 * math.pi
            latitude[i, k + 1], longitude[i, k + 1] = math.degrees(phi), math.degrees(lam)
    return latitude, longitude
