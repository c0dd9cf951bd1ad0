"""Compiled: on which side of a line of short pieces positions are, and how far from it."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from detente.airspace.arrays import Floats

DEEP_M = 10_000.0
"""What is so far below the level of a position is hundreds of kilometres away; nearer, depth is no distance."""


@njit(cache=True, error_model="numpy", nogil=True)
def distances_to_line(line: Floats, here: Floats, latitude_deg: Floats, longitude_deg: Floats) -> Floats:
    """Shape [n, 2]: metres to the right of a line (negative on the left), and 1 where its nearest point is an end.

    `line`, shape [k, 3], and `here`, shape [n, 3], are points on the ellipsoid, Earth-centred, in metres. Distances are
    taken in the level plane of each position; what is on the other half of the Earth is kept away by its depth.
    """
    n, k = here.shape[0], line.shape[0]
    answer = np.zeros((n, 2))
    flat = np.empty((k, 3))
    for i in range(n):
        phi, lam = math.radians(latitude_deg[i]), math.radians(longitude_deg[i])
        sp, cp, sl, cl = math.sin(phi), math.cos(phi), math.sin(lam), math.cos(lam)
        best, which, at = math.inf, 0, 0.0
        for j in range(k):
            dx, dy, dz = line[j, 0] - here[i, 0], line[j, 1] - here[i, 1], line[j, 2] - here[i, 2]
            flat[j, 0] = -dx * sl + dy * cl
            flat[j, 1] = -dx * sp * cl - dy * sp * sl + dz * cp
            depth = dx * dx + dy * dy + dz * dz - flat[j, 0] ** 2 - flat[j, 1] ** 2
            flat[j, 2] = depth if depth > DEEP_M * DEEP_M else 0.0
        for j in range(k - 1):
            sx, sy = flat[j + 1, 0] - flat[j, 0], flat[j + 1, 1] - flat[j, 1]
            length = max(sx * sx + sy * sy, 1e-12)
            share = min(1.0, max(0.0, -(flat[j, 0] * sx + flat[j, 1] * sy) / length))
            x, y = flat[j, 0] + share * sx, flat[j, 1] + share * sy
            distance = x * x + y * y + flat[j, 2]
            if distance < best:
                best, which, at = distance, j, share
        dx, dy = 0.0, 0.0
        other = which + 1 if at >= 1.0 else which - 1 if at <= 0.0 else which
        if other < 0 or other > k - 2:
            answer[i, 1] = 1.0
            other = which
        # At a corner the nearest point belongs to two pieces: the sum of their directions says the side.
        for j in (which, other):
            sx, sy = flat[j + 1, 0] - flat[j, 0], flat[j + 1, 1] - flat[j, 1]
            length_m = math.sqrt(max(sx * sx + sy * sy, 1e-12))
            dx, dy = dx + sx / length_m, dy + sy / length_m
        x = flat[which, 0] + at * (flat[which + 1, 0] - flat[which, 0])
        y = flat[which, 1] + at * (flat[which + 1, 1] - flat[which, 1])
        # The position is the origin: the line runs counter-clockwise around one at its right.
        answer[i, 0] = math.sqrt(best) if dx * y - dy * x > 0.0 else -math.sqrt(best)
    return answer
