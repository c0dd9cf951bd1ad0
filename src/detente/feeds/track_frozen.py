"""Positions that stand still while the aircraft flies on: a receiver repeats the last one it decoded."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detente.airspace.arrays import Floats
from detente.airspace.geodesy import GEOD

FASTEST_START_M_S2 = 5.0
"""Half of gravity along the path: what hovers leaves and stops with less."""

HOVERING_M_S = 60.0
"""What hovers does not come to a stop or leave at more than this from one report to the next."""

FROZEN_M = 500.0
"""A position that is this far from where the aircraft has flown meanwhile is wrong; what is nearer is let pass."""


def frozen(time_s: Floats, latitude_deg: Floats, longitude_deg: Floats) -> NDArray[np.bool_]:
    """Return which reports of one chain repeat a position that the aircraft has left; times must increase.

    The first report at a place is taken for true. Those after it are not, when the step to the next place, or from the
    last, is one that nothing makes from or to a standstill.
    """
    repeats = np.zeros(len(time_s), dtype=np.bool_)
    repeats[1:] = (np.diff(latitude_deg) == 0.0) & (np.diff(longitude_deg) == 0.0)
    if not repeats.any() or repeats[1:].all():
        return np.zeros(len(time_s), dtype=np.bool_)
    firsts = np.flatnonzero(~repeats)
    lasts = np.concatenate([firsts[1:] - 1, [len(time_s) - 1]])
    step_m = np.asarray(
        GEOD.inv(
            longitude_deg[firsts[:-1]], latitude_deg[firsts[:-1]], longitude_deg[firsts[1:]], latitude_deg[firsts[1:]]
        )[2]
    )
    step_s = time_s[firsts[1:]] - time_s[lasts[:-1]]
    sudden = (step_m > HOVERING_M_S * step_s) & (2.0 * step_m > FASTEST_START_M_S2 * step_s**2)
    speed_m_s = step_m / (time_s[firsts[1:]] - time_s[firsts[:-1]])
    stood_s = time_s[lasts] - time_s[firsts]
    left = np.concatenate([sudden & (speed_m_s * stood_s[:-1] > FROZEN_M), [False]])
    arrived = np.concatenate([[False], sudden & (speed_m_s * stood_s[1:] > FROZEN_M)])
    still_wrong = (left | arrived)[np.cumsum(~repeats) - 1]
    return np.asarray(repeats & still_wrong)
