"""Compiled: when a pair in straight relative motion is not well clear, one row of motion for each pair.

A row of motion is where the second aircraft is and how it moves as the first sees it: east, north, up in metres, and
the same in metres per second. Written from the mathematics of Muñoz, Narkawicz, Hagen, Upchurch, Dutle, Consiglio and
Chamberlain, "DAIDALUS: Detect and Avoid Alerting Logic for Unmanned Systems" (DASC 2015), of RTCA DO-365, and of Muñoz,
Narkawicz and Chamberlain, "A TCAS-II Resolution Advisory Detection Algorithm" (AIAA GNC 2013).
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from detente.airspace.arrays import Floats

EMPTY = (math.inf, -math.inf)


@njit(cache=True, error_model="numpy")
def time_in_tau_area(
    sx: float, sy: float, vx: float, vy: float, distance_m: float, tau_s: float
) -> tuple[float, float]:
    """The times at which a pair is within `distance_m`, or closes in to within it with a modified tau of `tau_s`.

    Modified tau is (distance_m² - r²) / (r · v) while r · v < 0. One that will pass outside `distance_m` is never in.
    Both conditions together hold for one interval: between its start and the entry into the circle the quadratic
    r² + tau_s (r · v) - distance_m² has no root.
    """
    rr, rv, vv = sx * sx + sy * sy, sx * vx + sy * vy, vx * vx + vy * vy
    inside = distance_m * distance_m - rr
    if vv == 0.0:
        return (-math.inf, math.inf) if inside >= 0.0 else EMPTY
    half_chord = rv * rv + vv * inside
    if half_chord < 0.0:
        return EMPTY
    slope = rv + 0.5 * tau_s * vv
    start = (-slope - math.sqrt(max(0.0, slope * slope - vv * (tau_s * rv - inside)))) / vv
    return start, (-rv + math.sqrt(half_chord)) / vv


@njit(cache=True, error_model="numpy")
def time_in_height(sz: float, vz: float, height_m: float, coaltitude_s: float) -> tuple[float, float]:
    """The times at which a pair is within `height_m`, or is at one height within `coaltitude_s`."""
    if vz == 0.0:
        return (-math.inf, math.inf) if abs(sz) <= height_m else EMPTY
    before = max(height_m, coaltitude_s * abs(vz))
    sign = 1.0 if vz > 0.0 else -1.0
    return (-sign * before - sz) / vz, (sign * height_m - sz) / vz


@njit(cache=True, error_model="numpy", nogil=True)
def times_not_well_clear(
    motion: Floats, distance_m: float, tau_s: float, height_m: float, coaltitude_s: float
) -> Floats:
    """Shape [n, 2]: from when to when, in seconds from now, a pair is not well clear; empty where the first is later.

    `motion` has shape [n, 6]. A pair that is not well clear now begins at 0 or before.
    """
    times = np.empty((motion.shape[0], 2))
    for k in range(motion.shape[0]):
        sx, sy, sz, vx, vy, vz = motion[k]
        start, end = time_in_tau_area(sx, sy, vx, vy, distance_m, tau_s)
        high_start, high_end = time_in_height(sz, vz, height_m, coaltitude_s)
        times[k, 0], times[k, 1] = max(start, high_start), min(end, high_end)
    return times


@njit(cache=True, error_model="numpy", nogil=True)
def advisory_now(
    motion: Floats, distance_m: Floats, tau_s: Floats, height_m: Floats, coaltitude_s: Floats, miss_m: Floats
) -> Floats:
    """1 for each pair that the logic of TCAS II advises on at this instant, else 0; thresholds have shape [n].

    Horizontally: within `distance_m`, or closing with a modified tau of at most `tau_s`. Vertically: within `height_m`,
    or at one height within `coaltitude_s`. A pair that will pass farther than `miss_m` is filtered out; pass infinity
    for no filter.
    """
    found = np.zeros(motion.shape[0])
    for k in range(motion.shape[0]):
        sx, sy, sz, vx, vy, vz = motion[k]
        rr, rv, vv = sx * sx + sy * sy, sx * vx + sy * vy, vx * vx + vy * vy
        inside = distance_m[k] * distance_m[k] - rr
        near = inside >= 0.0 or (rv < 0.0 and inside / rv <= tau_s[k])
        miss = rr if rv >= 0.0 or vv == 0.0 else max(0.0, rr - rv * rv / vv)
        level = abs(sz) <= height_m[k] or (sz * vz < 0.0 and -sz / vz <= coaltitude_s[k])
        if near and level and miss <= miss_m[k] * miss_m[k]:
            found[k] = 1.0
    return found
