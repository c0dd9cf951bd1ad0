"""Compiled search for the delays at which one plan's parts come inside the minima of another's.

Two legs meet at a delay d when there are a point of each with heights and horizontal distance inside the minima and
``time of second - time of first - d`` within the tolerance. The points that count form a convex region of the two
parameters (the same one, cut and searched with the same kernels as the exact predicate), and the delay is linear on it:
what is forbidden is one interval, from the region's smallest difference of times to its largest.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from detente.airspace.closest_kernels import CORNERS_MAX, clip, closest, distance_m
from detente.airspace.part_kernels import (
    CENTRE_X,
    CENTRE_Y,
    CENTRE_Z,
    CLASS,
    CURVE,
    LATERAL_M,
    MOVING,
    PART_FLOATS,
    RADIUS_M,
    REACH_M,
    SLACK_S,
    T0,
    T1,
    TOLERANCE_M,
    VERTICAL_M,
    VERTICAL_TOLERANCE_M,
    common_frame,
    meet,
)  # fmt: skip

BISECTIONS = 40
"""Of an interval of at most a few hours: the edge is found to far below a microsecond, and rounded outwards."""
NOTHING, INTERVAL, ASK = 0, 1, 2
"""What a pair forbids: no delay, one interval of delays, or what only the predicate tells (a leg and an area)."""


@njit(cache=True)
def earliest_and_latest(
    fa: NDArray[np.float64], ia: NDArray[np.int64], curves_a: NDArray[np.float64],
    fb: NDArray[np.float64], ib: NDArray[np.int64], curves_b: NDArray[np.float64],
    frame: int, touch_m: float, gap_m: float, bounds: NDArray[np.float64],
) -> bool:  # fmt: skip
    """Smallest and largest difference of times, second less first, at which two legs are inside; False when never."""
    i, j = ia[CURVE], ib[CURVE]
    length_a, length_b = fa[T1] - fa[T0], fb[T1] - fb[T0]
    rise_a, rise_b = fa[frame + 1] - fa[frame], fb[frame + 1] - fb[frame]
    above_m = fa[frame] - fb[frame]
    corners = np.empty((CORNERS_MAX, 2))
    corners[0, 0], corners[0, 1] = 0.0, 0.0
    corners[1, 0], corners[1, 1] = 1.0, 0.0
    corners[2, 0], corners[2, 1] = 1.0, 1.0
    corners[3, 0], corners[3, 1] = 0.0, 1.0
    count = clip(corners, 4, rise_a, -rise_b, gap_m - above_m)
    count = clip(corners, count, -rise_a, rise_b, gap_m + above_m)
    if count == 0:
        return False
    count = at_least_a_segment(corners, count)
    u1, u2, square = closest(curves_a, i, curves_b, j, corners, count)
    if math.sqrt(square) > touch_m or distance_m(curves_a, i, u1, curves_b, j, u2) > touch_m:
        return False
    ahead_s = fb[T0] - fa[T0]
    inside_s = ahead_s + u2 * length_b - u1 * length_a
    cut = np.empty((CORNERS_MAX, 2))
    for side in range(2):
        sign = 1.0 if side == 0 else -1.0
        # Of the differences beyond `near`, none is inside when none beyond `far` is.
        near, far = sign * inside_s, sign * inside_s
        for k in range(count):
            far = min(far, sign * (ahead_s + corners[k, 1] * length_b - corners[k, 0] * length_a))
        for step in range(BISECTIONS + 1):
            middle = far if step == 0 else 0.5 * (near + far)
            for k in range(count):
                cut[k, 0], cut[k, 1] = corners[k, 0], corners[k, 1]
            kept = clip(cut, count, -sign * length_a, sign * length_b, middle - sign * ahead_s)
            inside = False
            if kept > 0:
                kept = at_least_a_segment(cut, kept)
                u1, u2, square = closest(curves_a, i, curves_b, j, cut, kept)
                inside = math.sqrt(square) <= touch_m and distance_m(curves_a, i, u1, curves_b, j, u2) <= touch_m
            if inside:
                near = middle
            else:
                far = middle
            if step == 0 and inside:
                break
        bounds[side] = sign * far
    return True


@njit(cache=True)
def at_least_a_segment(corners: NDArray[np.float64], count: int) -> int:
    """A lone corner twice, as `closest` wants it."""
    if count == 1:
        corners[1, 0], corners[1, 1] = corners[0, 0], corners[0, 1]
        return 2
    return count


@njit(cache=True)
def forbidden_by(
    fa: NDArray[np.float64], ia: NDArray[np.int64], curves_a: NDArray[np.float64],
    fb: NDArray[np.float64], ib: NDArray[np.int64], curves_b: NDArray[np.float64],
    minima: NDArray[np.float64], delay_max_s: float, bounds: NDArray[np.float64], later: NDArray[np.float64],
) -> int:  # fmt: skip
    """What a pair of parts forbids of the delays of the first between 0 and `delay_max_s`; an INTERVAL into `bounds`.

    `later` is room for a part.
    """
    tolerance_s = minima[2] + (fa[SLACK_S] + fb[SLACK_S])
    if fa[T0] - fb[T1] > tolerance_s or fb[T0] - (fa[T1] + delay_max_s) > tolerance_s:
        return NOTHING
    reach_m = minima[0] + (fa[LATERAL_M] + fb[LATERAL_M])
    dx, dy, dz = fa[CENTRE_X] - fb[CENTRE_X], fa[CENTRE_Y] - fb[CENTRE_Y], fa[CENTRE_Z] - fb[CENTRE_Z]
    touch_m = reach_m + (fa[RADIUS_M] + fb[RADIUS_M]) + TOLERANCE_M
    if math.sqrt(dx * dx + dy * dy + dz * dz) > touch_m + fa[REACH_M] + fb[REACH_M]:
        return NOTHING
    frame = common_frame(ia, ib)
    required_m = minima[1] + (fa[VERTICAL_M] + fb[VERTICAL_M]) + (fa[frame + 3] + fb[frame + 3])
    gap_m = fa[frame + 2] + fb[frame + 2] + max(required_m - VERTICAL_TOLERANCE_M, VERTICAL_TOLERANCE_M)
    if ia[MOVING] == 1 and ib[MOVING] == 1:
        if not earliest_and_latest(fa, ia, curves_a, fb, ib, curves_b, frame, touch_m, gap_m, bounds):
            return NOTHING
        bounds[0] -= tolerance_s
        bounds[1] += tolerance_s
    elif ia[MOVING] == 0 and ib[MOVING] == 0:
        bounds[0] = fb[T0] - fa[T1] - tolerance_s
        bounds[1] = fb[T1] - fa[T0] + tolerance_s
        shift(fa, 0.5 * (bounds[0] + bounds[1]), later)
        if not meet(later, ia, curves_a, fb, ib, curves_b, minima, False, later):
            return NOTHING
    else:
        return ASK
    return INTERVAL if bounds[1] >= 0.0 and bounds[0] <= delay_max_s else NOTHING


@njit(cache=True)
def shift(f: NDArray[np.float64], delay_s: float, later: NDArray[np.float64]) -> None:
    """Write part `f`, `delay_s` seconds later, into `later`."""
    for column in range(PART_FLOATS):
        later[column] = f[column]
    later[T0] += delay_s
    later[T1] += delay_s


@njit(cache=True, nogil=True)
def forbidden_delays(
    floats_a: NDArray[np.float64], integers_a: NDArray[np.int64], curves_a: NDArray[np.float64],
    floats_b: NDArray[np.float64], integers_b: NDArray[np.int64], curves_b: NDArray[np.float64],
    minima: NDArray[np.float64], delay_max_s: float,
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:  # fmt: skip
    """All pairs of parts of a plan and of its surroundings: intervals [n, 2], and rows [m, 2] of the pairs to ask.

    `minima` is [classes, classes, 3]. Delays of the plan outside all intervals are clear of all pairs not to be asked.
    """
    intervals, asked = np.empty((64, 2)), np.empty((64, 2), dtype=np.int64)
    interval_count, asked_count = 0, 0
    bounds, later = np.empty(2), np.empty(PART_FLOATS)
    for a in range(floats_a.shape[0]):
        for b in range(floats_b.shape[0]):
            verdict = forbidden_by(
                floats_a[a], integers_a[a], curves_a, floats_b[b], integers_b[b], curves_b,
                minima[integers_a[a, CLASS], integers_b[b, CLASS]], delay_max_s, bounds, later,
            )  # fmt: skip
            if verdict == INTERVAL:
                if interval_count == intervals.shape[0]:
                    intervals = np.concatenate((intervals, np.empty_like(intervals)))
                intervals[interval_count, 0], intervals[interval_count, 1] = bounds[0], bounds[1]
                interval_count += 1
            elif verdict == ASK:
                if asked_count == asked.shape[0]:
                    asked = np.concatenate((asked, np.empty_like(asked)))
                asked[asked_count, 0], asked[asked_count, 1] = a, b
                asked_count += 1
    return intervals[:interval_count], asked[:asked_count]


@njit(cache=True, nogil=True)
def first_clear(
    delays_s: NDArray[np.float64], asked: NDArray[np.int64],
    floats_a: NDArray[np.float64], integers_a: NDArray[np.int64], curves_a: NDArray[np.float64],
    floats_b: NDArray[np.float64], integers_b: NDArray[np.int64], curves_b: NDArray[np.float64],
    minima: NDArray[np.float64],
) -> int:  # fmt: skip
    """The number of the first of `delays_s` at which none of the pairs of rows `asked` meets; -1 when there is none."""
    later = np.empty(PART_FLOATS)
    suspect = 0
    for number in range(delays_s.shape[0]):
        clear = True
        for step in range(asked.shape[0]):
            # The pair that was in the way of the last delay is likely to be in the way of the next.
            k = (suspect + step) % asked.shape[0]
            a, b = asked[k, 0], asked[k, 1]
            shift(floats_a[a], delays_s[number], later)
            if meet(
                later, integers_a[a], curves_a, floats_b[b], integers_b[b], curves_b,
                minima[integers_a[a, CLASS], integers_b[b, CLASS]], False, later,
            ):  # fmt: skip
                suspect, clear = k, False
                break
        if clear:
            return number
    return -1
