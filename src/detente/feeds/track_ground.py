"""Reports that say the aircraft is on the ground while it flies on: a wrong switch says so for hours."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detente.airspace.arrays import Floats
from detente.feeds.plausibility import position_excess_m

FASTEST_ON_GROUND_M_S = 130.0
"""250 kt: nothing touches down or lifts off faster."""

WINDOW_S = 30.0
"""Speed is taken from a report so much before, and to one so much after."""


def too_fast_for_ground(
    time_s: Floats, latitude_deg: Floats, longitude_deg: Floats, on_ground: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Return, for each report that says it is on the ground, whether it goes too fast there, before and after it.

    At an end of the reports one of both decides. Times must not decrease.
    """
    said = np.flatnonzero(on_ground)
    before = np.searchsorted(time_s, time_s[said] - WINDOW_S, side="right") - 1
    after = np.searchsorted(time_s, time_s[said] + WINDOW_S, side="left")
    has_before, has_after = before >= 0, after < len(time_s)

    def fast(first: NDArray[np.intp], second: NDArray[np.intp]) -> NDArray[np.bool_]:
        excess_m = position_excess_m(
            latitude_deg[first], longitude_deg[first], latitude_deg[second], longitude_deg[second],
            time_s[second] - time_s[first], FASTEST_ON_GROUND_M_S,
        )  # fmt: skip
        return np.asarray(excess_m > 0.0)

    came = fast(np.maximum(before, 0), said) | ~has_before
    goes = fast(said, np.minimum(after, len(time_s) - 1)) | ~has_after
    return came & goes & (has_before | has_after)
