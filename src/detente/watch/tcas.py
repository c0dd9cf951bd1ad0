"""When TCAS II would advise: its sensitivity levels by the own aircraft's altitude, for traffic and for resolutions.

Thresholds: FAA, "Introduction to TCAS II, version 7.1" (2011), table 2; HMD as in Muñoz, Narkawicz and Chamberlain, "A
TCAS-II Resolution Advisory Detection Algorithm" (AIAA GNC 2013). It is for comparison and for what a crew will be told:
an aircraft's own equipment has better data and decides alone.
"""

from __future__ import annotations

import math

import numpy as np

from detente.airspace.altitude import FOOT_M
from detente.airspace.arrays import Floats, Integers
from detente.watch.well_clear_kernels import advisory_now

NAUTICAL_MILE_M = 1852.0
FLOORS_M = np.array([1_000.0, 2_350.0, 5_000.0, 10_000.0, 20_000.0, 42_000.0]) * FOOT_M
"""From each of these altitudes the next row of the tables holds."""
TRAFFIC_S = np.array([20.0, 25.0, 30.0, 40.0, 45.0, 48.0, 48.0])
TRAFFIC_M = np.array([0.3, 0.33, 0.48, 0.75, 1.0, 1.3, 1.3]) * NAUTICAL_MILE_M
TRAFFIC_HEIGHT_M = np.array([850.0, 850.0, 850.0, 850.0, 850.0, 850.0, 1_200.0]) * FOOT_M
RESOLUTION_S = np.array([0.0, 15.0, 20.0, 25.0, 30.0, 35.0, 35.0])
RESOLUTION_M = np.array([0.0, 0.2, 0.35, 0.55, 0.8, 1.1, 1.1]) * NAUTICAL_MILE_M
RESOLUTION_HEIGHT_M = np.array([0.0, 600.0, 600.0, 600.0, 600.0, 700.0, 800.0]) * FOOT_M
RESOLUTION_MISS_M = np.array([0.0, 1_215.0, 2_126.0, 3_342.0, 4_861.0, 6_683.0, 6_683.0]) * FOOT_M
WIDEST_M, HIGHEST_M, LONGEST_S = float(TRAFFIC_M.max()), float(TRAFFIC_HEIGHT_M.max()), float(TRAFFIC_S.max())


def advisories(motion: Floats, own_altitude_m: Floats) -> Integers:
    """Return 0 for none, 1 for a traffic and 2 for a resolution advisory, shape [n].

    `motion` has shape [n, 6] as in `well_clear.urgency`; `own_altitude_m`, on standard pressure, has shape [n]. Below
    1,000 ft there are no resolution advisories.
    """
    row = np.searchsorted(FLOORS_M, own_altitude_m, side="right")
    no_filter = np.full(len(motion), math.inf)
    traffic = advisory_now(motion, TRAFFIC_M[row], TRAFFIC_S[row], TRAFFIC_HEIGHT_M[row], TRAFFIC_S[row], no_filter)
    resolution = advisory_now(
        motion, RESOLUTION_M[row], RESOLUTION_S[row], RESOLUTION_HEIGHT_M[row], RESOLUTION_S[row],
        RESOLUTION_MISS_M[row],
    )  # fmt: skip
    return np.where((resolution > 0.0) & (row > 0), 2, np.where(traffic > 0.0, 1, 0))
