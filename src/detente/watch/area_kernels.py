"""Compiled: which aircraft may reach which disc within the look-ahead."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from detente.airspace.arrays import Floats


@njit(cache=True, error_model="numpy", nogil=True)
def may_reach(points: Floats, reach_m: Floats, binds: NDArray[np.bool_], centres: Floats, radii_m: Floats,
              sides: NDArray[np.int64]) -> NDArray[np.bool_]:  # fmt: skip
    """Which of n aircraft may come into any of the discs that bind its side; shapes [n, 3], [n], [discs, 3 sides]."""
    found = np.zeros(points.shape[0], dtype=np.bool_)
    for i in range(points.shape[0]):
        for d in range(centres.shape[0]):
            if not binds[d, sides[i]]:
                continue
            dx, dy, dz = points[i, 0] - centres[d, 0], points[i, 1] - centres[d, 1], points[i, 2] - centres[d, 2]
            most = radii_m[d] + reach_m[i]
            if dx * dx + dy * dy + dz * dz <= most * most:
                found[i] = True
                break
    return found
