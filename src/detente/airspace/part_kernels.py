"""The exact predicate on parts: one leg of a trajectory, or one volume, against another.

A part is a row of floats (`T0` ...), a row of integers (`CURVE` ...) and a run of curve pieces (`ellipsoid_kernels`).
Doubt falls on the safe side: horizontally within TOLERANCE_M outside the minimum is a conflict. Vertically a separation
of exactly the minimum is separation, compared to a micrometre, because flight levels stand exactly 1,000 ft apart.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from detente.airspace.arrays import Floats, Integers
from detente.airspace.closest_kernels import CORNERS_MAX, clip, closest, distance_m
from detente.airspace.ellipsoid_kernels import geodetic, point_on, turns_around

TOLERANCE_M = 0.01
VERTICAL_TOLERANCE_M = 1e-6

# Columns of a part's floats.
T0, T1, SLACK_S, RADIUS_M, LATERAL_M, VERTICAL_M = 0, 1, 2, 3, 4, 5
NATIVE, FAMILY, ELLIPSOID = 6, 10, 14
"""Where each frame's four columns begin: height at the start, at the end, half the band, error of conversion."""
CENTRE_X, CENTRE_Y, CENTRE_Z, REACH_M = 18, 19, 20, 21
"""The sphere around the part's area, containment and circle radius not included."""
PART_FLOATS = 22

# Columns of a part's integers.
CURVE, CURVE_COUNT, MOVING, REFERENCE, PRESSURE, CLASS, PLAN = 0, 1, 2, 3, 4, 5, 6
PART_INTEGERS = 7

# Columns of an encounter.
START, END, FIRST_TIME, SECOND_TIME = 0, 1, 2, 3
FIRST_LATITUDE, FIRST_LONGITUDE, SECOND_LATITUDE, SECOND_LONGITUDE = 4, 5, 6, 7
FIRST_HEIGHT, SECOND_HEIGHT, HORIZONTAL, VERTICAL = 8, 9, 10, 11
REQUIRED_HORIZONTAL, REQUIRED_VERTICAL, REQUIRED_TIME, FRAME = 12, 13, 14, 15
ENCOUNTER_FLOATS = 16


@njit(cache=True)
def common_frame(first: Integers, second: Integers) -> int:
    """The frame in which two parts' heights are compared: as planned, their family's, or the ellipsoid's."""
    if first[REFERENCE] == second[REFERENCE]:
        return NATIVE
    if first[PRESSURE] == second[PRESSURE]:
        return FAMILY
    return ELLIPSOID


@njit(cache=True)
def meet(
    fa: Floats, ia: Integers, curves_a: Floats, fb: Floats, ib: Integers, curves_b: Floats, minima: Floats,
    detailed: bool, out: Floats,
) -> bool:  # fmt: skip
    """Whether two parts come inside `minima` (horizontal m, vertical m, time s); with `detailed` also fills `out`."""
    # What belongs to both parts is added up first, so that either order of them gives the same bits.
    tolerance_s = minima[2] + (fa[SLACK_S] + fb[SLACK_S])
    if fa[T0] - fb[T1] > tolerance_s or fb[T0] - fa[T1] > tolerance_s:
        return False
    reach_m = minima[0] + (fa[LATERAL_M] + fb[LATERAL_M])
    dx, dy, dz = fa[CENTRE_X] - fb[CENTRE_X], fa[CENTRE_Y] - fb[CENTRE_Y], fa[CENTRE_Z] - fb[CENTRE_Z]
    touch_m = reach_m + (fa[RADIUS_M] + fb[RADIUS_M]) + TOLERANCE_M
    if math.sqrt(dx * dx + dy * dy + dz * dz) > touch_m + fa[REACH_M] + fb[REACH_M]:
        return False
    frame = common_frame(ia, ib)
    required_m = minima[1] + (fa[VERTICAL_M] + fb[VERTICAL_M]) + (fa[frame + 3] + fb[frame + 3])
    gap_m = fa[frame + 2] + fb[frame + 2] + max(required_m - VERTICAL_TOLERANCE_M, VERTICAL_TOLERANCE_M)
    if ia[MOVING] == 1 and ib[MOVING] == 1:
        found = meet_moving(fa, ia, curves_a, fb, ib, curves_b, frame, tolerance_s, touch_m, gap_m, detailed, out)
    elif ia[MOVING] == 1:
        found = meet_area(fa, ia, curves_a, fb, ib, curves_b, frame, tolerance_s, touch_m, gap_m, detailed, out)
    elif ib[MOVING] == 1:
        found = meet_area(fb, ib, curves_b, fa, ia, curves_a, frame, tolerance_s, touch_m, gap_m, detailed, out)
        if found and detailed:
            swap(out, fa[T0], fa[T1], tolerance_s)
    else:
        found = meet_areas(fa, ia, curves_a, fb, ib, curves_b, frame, tolerance_s, touch_m, gap_m, detailed, out)
    if found and detailed:
        out[REQUIRED_HORIZONTAL], out[REQUIRED_VERTICAL] = reach_m, required_m
        out[REQUIRED_TIME] = tolerance_s
        # The geometric family's frame is the ellipsoid's.
        out[FRAME] = ELLIPSOID if frame == FAMILY and ia[PRESSURE] == 0 else frame
    return found


@njit(cache=True)
def swap(out: Floats, area_start_s: float, area_end_s: float, tolerance_s: float) -> None:
    """Exchange first and second in an encounter of a moving part with an area that is there from start to end.

    Start and end are in the times of the first: the area meets the other up to `tolerance_s` before and after it.
    """
    for a, b in ((FIRST_TIME, SECOND_TIME), (FIRST_LATITUDE, SECOND_LATITUDE), (FIRST_LONGITUDE, SECOND_LONGITUDE),
                 (FIRST_HEIGHT, SECOND_HEIGHT)):  # fmt: skip
        out[a], out[b] = out[b], out[a]
    out[START] = max(area_start_s, out[START] - tolerance_s)
    out[END] = min(area_end_s, out[END] + tolerance_s)


@njit(cache=True)
def share_within(rate: float, at_zero: float, lowest: float, highest: float) -> tuple[float, float]:
    """The part of [0, 1] where ``lowest <= at_zero + rate u <= highest``; empty as (1, 0)."""
    if rate == 0.0:
        if lowest <= at_zero <= highest:
            return 0.0, 1.0
        return 1.0, 0.0
    u_low, u_high = (lowest - at_zero) / rate, (highest - at_zero) / rate
    if u_low > u_high:
        u_low, u_high = u_high, u_low
    return max(0.0, u_low), min(1.0, u_high)


@njit(cache=True)
def meet_moving(
    fa: Floats, ia: Integers, curves_a: Floats, fb: Floats, ib: Integers, curves_b: Floats, frame: int,
    tolerance_s: float, touch_m: float, gap_m: float, detailed: bool, out: Floats,
) -> bool:  # fmt: skip
    """Two legs: the closest approach over the times and heights that count, a segment or a convex polygon."""
    i, j = ia[CURVE], ib[CURVE]
    za, zb = fa[frame], fb[frame]
    rise_a, rise_b = fa[frame + 1] - za, fb[frame + 1] - zb
    length_a, length_b = fa[T1] - fa[T0], fb[T1] - fb[T0]
    corners = np.empty((CORNERS_MAX, 2))
    if tolerance_s == 0.0:
        start, end = max(fa[T0], fb[T0]), min(fa[T1], fb[T1])
        ua0 = (start - fa[T0]) / length_a if length_a > 0.0 else 0.0
        ub0 = (start - fb[T0]) / length_b if length_b > 0.0 else 0.0
        ua1 = (end - fa[T0]) / length_a if length_a > 0.0 else 0.0
        ub1 = (end - fb[T0]) / length_b if length_b > 0.0 else 0.0
        apart = (za + rise_a * ua0) - (zb + rise_b * ub0)
        rate = rise_a * (ua1 - ua0) - rise_b * (ub1 - ub0)
        low, high = share_within(rate, apart, -gap_m, gap_m)
        if low > high:
            return False
        corners[0, 0], corners[0, 1] = ua0 + low * (ua1 - ua0), ub0 + low * (ub1 - ub0)
        corners[1, 0], corners[1, 1] = ua0 + high * (ua1 - ua0), ub0 + high * (ub1 - ub0)
        count = 2
    else:
        corners[0, 0], corners[0, 1] = 0.0, 0.0
        corners[1, 0], corners[1, 1] = 1.0, 0.0
        corners[2, 0], corners[2, 1] = 1.0, 1.0
        corners[3, 0], corners[3, 1] = 0.0, 1.0
        ahead_s = fb[T0] - fa[T0]
        count = clip(corners, 4, length_a, -length_b, ahead_s + tolerance_s)
        count = clip(corners, count, -length_a, length_b, tolerance_s - ahead_s)
        count = clip(corners, count, rise_a, -rise_b, gap_m - (za - zb))
        count = clip(corners, count, -rise_a, rise_b, gap_m + (za - zb))
        if count == 0:
            return False
        if count == 1:
            corners[1, 0], corners[1, 1] = corners[0, 0], corners[0, 1]
            count = 2
    u1, u2, square = closest(curves_a, i, curves_b, j, corners, count)
    if math.sqrt(square) > touch_m:
        return False
    between_m = distance_m(curves_a, i, u1, curves_b, j, u2)
    if between_m > touch_m:
        return False
    if detailed:
        x1, y1, z1 = point_on(curves_a, i, u1)
        x2, y2, z2 = point_on(curves_b, j, u2)
        out[FIRST_LATITUDE], out[FIRST_LONGITUDE] = geodetic(x1, y1, z1)
        out[SECOND_LATITUDE], out[SECOND_LONGITUDE] = geodetic(x2, y2, z2)
        out[FIRST_TIME], out[SECOND_TIME] = fa[T0] + u1 * length_a, fb[T0] + u2 * length_b
        out[FIRST_HEIGHT], out[SECOND_HEIGHT] = za + rise_a * u1, zb + rise_b * u2
        out[HORIZONTAL] = between_m
        out[VERTICAL] = abs(out[FIRST_HEIGHT] - out[SECOND_HEIGHT])
        low, high = window(curves_a, i, curves_b, j, corners, count, u1, touch_m)
        out[START], out[END] = fa[T0] + low * length_a, fa[T0] + high * length_a
    return True


@njit(cache=True)
def nearest_at(first: Floats, i: int, second: Floats, j: int, corners: Floats, count: int, u1: float) -> float:
    """The smallest chord squared with the first parameter held at `u1`, over the polygon's slice there."""
    low, high = math.inf, -math.inf
    for k in range(count):
        a, b = k, (k + 1) % count
        from_u, to_u = corners[a, 0], corners[b, 0]
        if min(from_u, to_u) - 1e-12 <= u1 <= max(from_u, to_u) + 1e-12:
            if abs(to_u - from_u) < 1e-15:
                low = min(low, corners[a, 1], corners[b, 1])
                high = max(high, corners[a, 1], corners[b, 1])
            else:
                u2 = corners[a, 1] + (u1 - from_u) / (to_u - from_u) * (corners[b, 1] - corners[a, 1])
                low, high = min(low, u2), max(high, u2)
    if low > high:
        return math.inf
    ends = np.empty((2, 2))
    ends[0, 0], ends[0, 1], ends[1, 0], ends[1, 1] = u1, low, u1, high
    return closest(first, i, second, j, ends, 2)[2]


@njit(cache=True)
def window(
    first: Floats, i: int, second: Floats, j: int, corners: Floats, count: int, u1: float, touch_m: float
) -> tuple[float, float]:
    """From which to which first parameter the pieces are within `touch_m`, `u1` being inside; by bisection."""
    lowest, highest = corners[0, 0], corners[0, 0]
    for k in range(count):
        lowest, highest = min(lowest, corners[k, 0]), max(highest, corners[k, 0])
    limit = touch_m * touch_m
    bounds = (lowest, highest)
    found = np.empty(2)
    for side in range(2):
        outside, inside = bounds[side], u1
        if nearest_at(first, i, second, j, corners, count, outside) <= limit:
            inside = outside
        else:
            for _ in range(40):
                middle = 0.5 * (outside + inside)
                if nearest_at(first, i, second, j, corners, count, middle) <= limit:
                    inside = middle
                else:
                    outside = middle
        found[side] = inside
    return found[0], found[1]


@njit(cache=True)
def meet_area(
    fm: Floats, im: Integers, curves_m: Floats, fv: Floats, iv: Integers, curves_v: Floats, frame: int,
    tolerance_s: float, touch_m: float, gap_m: float, detailed: bool, out: Floats,
) -> bool:  # fmt: skip
    """A leg against a volume: distance from the leg, while time and height count, to the area and its interior."""
    i = im[CURVE]
    length_s, rise_m = fm[T1] - fm[T0], fm[frame + 1] - fm[frame]
    low_t, high_t = share_within(length_s, fm[T0], fv[T0] - tolerance_s, fv[T1] + tolerance_s)
    low_z, high_z = share_within(rise_m, fm[frame] - fv[frame], -gap_m, gap_m)
    low, high = max(low_t, low_z), min(high_t, high_z)
    if low > high:
        return False
    corners = np.empty((CORNERS_MAX, 2))
    best, best_u1, best_u2, best_edge = math.inf, low, 0.0, -1
    enter, leave = math.inf, -math.inf
    for edge in range(iv[CURVE], iv[CURVE] + iv[CURVE_COUNT]):
        for k in range(4):
            corners[k, 0] = low if k in (0, 3) else high
            corners[k, 1] = 0.0 if k < 2 else 1.0
        u1, u2, square = closest(curves_m, i, curves_v, edge, corners, 4)
        if math.sqrt(square) > touch_m:
            continue
        between_m = distance_m(curves_m, i, u1, curves_v, edge, u2)
        if between_m > touch_m:
            continue
        if not detailed:
            return True
        if between_m < best:
            best, best_u1, best_u2, best_edge = between_m, u1, u2, edge
        from_u, to_u = window(curves_m, i, curves_v, edge, corners, 4, u1, touch_m)
        enter, leave = min(enter, from_u), max(leave, to_u)
    inside = False
    if iv[CURVE_COUNT] > 1:
        for u in (low, high):
            x, y, z = point_on(curves_m, i, u)
            if within_area(fv, iv, curves_v, x, y, z):
                if not detailed:
                    return True
                inside = True
                enter, leave = min(enter, u), max(leave, u)
                if best > 0.0 and best_edge == -1:
                    best_u1 = u
    if best_edge == -1 and not inside:
        return False
    if not detailed:
        return True
    if inside or (best_edge >= 0 and crosses(best)):
        best = 0.0
    x1, y1, z1 = point_on(curves_m, i, best_u1)
    x2, y2, z2 = x1, y1, z1
    if best > 0.0 and best_edge >= 0:
        x2, y2, z2 = point_on(curves_v, best_edge, best_u2)
    out[FIRST_LATITUDE], out[FIRST_LONGITUDE] = geodetic(x1, y1, z1)
    out[SECOND_LATITUDE], out[SECOND_LONGITUDE] = geodetic(x2, y2, z2)
    moment_s = fm[T0] + best_u1 * length_s
    out[FIRST_TIME], out[SECOND_TIME] = moment_s, min(max(moment_s, fv[T0]), fv[T1])
    height_m = fm[frame] + best_u1 * rise_m
    out[FIRST_HEIGHT] = height_m
    out[SECOND_HEIGHT] = min(max(height_m, fv[frame] - fv[frame + 2]), fv[frame] + fv[frame + 2])
    out[HORIZONTAL] = max(0.0, best - fv[RADIUS_M])
    out[VERTICAL] = abs(height_m - out[SECOND_HEIGHT])
    out[START], out[END] = fm[T0] + enter * length_s, fm[T0] + leave * length_s
    return True


@njit(cache=True)
def crosses(between_m: float) -> bool:
    """Whether a distance between two curves is none at all, to rounding."""
    return between_m < 1e-6


@njit(cache=True)
def within_area(f: Floats, integers: Integers, curves: Floats, x: float, y: float, z: float) -> bool:
    """Whether a surface point lies inside a polygon's ring."""
    dx, dy, dz = x - f[CENTRE_X], y - f[CENTRE_Y], z - f[CENTRE_Z]
    if dx * dx + dy * dy + dz * dz > f[REACH_M] * f[REACH_M]:
        return False
    return bool(turns_around(curves, integers[CURVE], integers[CURVE_COUNT], x, y, z))


@njit(cache=True)
def meet_areas(
    fa: Floats, ia: Integers, curves_a: Floats, fb: Floats, ib: Integers, curves_b: Floats, frame: int,
    tolerance_s: float, touch_m: float, gap_m: float, detailed: bool, out: Floats,
) -> bool:  # fmt: skip
    """Two volumes: the areas' edges and interiors, the windows and the bands."""
    if abs(fa[frame] - fb[frame]) > gap_m:
        return False
    xa, ya, za = curves_a[ia[CURVE], 0], curves_a[ia[CURVE], 1], curves_a[ia[CURVE], 2]
    xb, yb, zb = curves_b[ib[CURVE], 0], curves_b[ib[CURVE], 1], curves_b[ib[CURVE], 2]
    best = math.inf
    x1, y1, z1, x2, y2, z2 = xa, ya, za, xb, yb, zb
    if ib[CURVE_COUNT] > 1 and within_area(fb, ib, curves_b, xa, ya, za):
        best, x2, y2, z2 = 0.0, xa, ya, za
    elif ia[CURVE_COUNT] > 1 and within_area(fa, ia, curves_a, xb, yb, zb):
        best, x1, y1, z1 = 0.0, xb, yb, zb
    if best > 0.0:
        corners = np.empty((CORNERS_MAX, 2))
        for k in range(4):
            corners[k, 0] = 0.0 if k in (0, 3) else 1.0
            corners[k, 1] = 0.0 if k < 2 else 1.0
        for i in range(ia[CURVE], ia[CURVE] + ia[CURVE_COUNT]):
            if far_from(curves_a, i, fb, touch_m):
                continue
            for j in range(ib[CURVE], ib[CURVE] + ib[CURVE_COUNT]):
                u1, u2, square = closest(curves_a, i, curves_b, j, corners, 4)
                if math.sqrt(square) > touch_m:
                    continue
                between_m = distance_m(curves_a, i, u1, curves_b, j, u2)
                if between_m < best:
                    best = between_m
                    x1, y1, z1 = point_on(curves_a, i, u1)
                    x2, y2, z2 = point_on(curves_b, j, u2)
                    if not detailed and best <= touch_m:
                        return True
    if best > touch_m:
        return False
    if detailed:
        out[FIRST_LATITUDE], out[FIRST_LONGITUDE] = geodetic(x1, y1, z1)
        out[SECOND_LATITUDE], out[SECOND_LONGITUDE] = geodetic(x2, y2, z2)
        out[HORIZONTAL] = max(0.0, best - fa[RADIUS_M] - fb[RADIUS_M])
        out[START], out[END] = max(fa[T0], fb[T0] - tolerance_s), min(fa[T1], fb[T1] + tolerance_s)
        out[FIRST_TIME] = out[START]
        out[SECOND_TIME] = min(max(out[START], fb[T0]), fb[T1])
        bottom = max(fa[frame] - fa[frame + 2], fb[frame] - fb[frame + 2])
        top = min(fa[frame] + fa[frame + 2], fb[frame] + fb[frame + 2])
        middle = 0.5 * (bottom + top)
        out[FIRST_HEIGHT] = min(max(middle, fa[frame] - fa[frame + 2]), fa[frame] + fa[frame + 2])
        out[SECOND_HEIGHT] = min(max(middle, fb[frame] - fb[frame + 2]), fb[frame] + fb[frame + 2])
        out[VERTICAL] = max(0.0, bottom - top)
    return True


@njit(cache=True)
def far_from(curves: Floats, row: int, f: Floats, touch_m: float) -> bool:
    """Whether a piece stays clear of another part's sphere."""
    x, y, z = point_on(curves, row, 0.5)
    dx, dy, dz = x - f[CENTRE_X], y - f[CENTRE_Y], z - f[CENTRE_Z]
    half_m = 0.5 * math.sqrt(curves[row, 3] ** 2 + curves[row, 4] ** 2 + curves[row, 5] ** 2) + 0.01
    return bool(math.sqrt(dx * dx + dy * dy + dz * dz) > touch_m + f[REACH_M] + 1.001 * half_m)


@njit(cache=True, nogil=True)
def meeting(
    rows_a: Integers, rows_b: Integers, floats_a: Floats, integers_a: Integers, curves_a: Floats, floats_b: Floats,
    integers_b: Integers, curves_b: Floats, minima: Floats,
) -> NDArray[np.bool_]:  # fmt: skip
    """The predicate over candidate pairs of rows; `minima` has shape [classes, classes, 3]."""
    found = np.zeros(rows_a.shape[0], dtype=np.bool_)
    unused = np.empty(0)
    for k in range(rows_a.shape[0]):
        a, b = rows_a[k], rows_b[k]
        found[k] = meet(
            floats_a[a], integers_a[a], curves_a, floats_b[b], integers_b[b], curves_b,
            minima[integers_a[a, CLASS], integers_b[b, CLASS]], False, unused,
        )  # fmt: skip
    return found


@njit(cache=True, nogil=True)
def encounters_of(
    rows_a: Integers, rows_b: Integers, floats_a: Floats, integers_a: Integers, curves_a: Floats, floats_b: Floats,
    integers_b: Integers, curves_b: Floats, minima: Floats, out: Floats,
) -> NDArray[np.bool_]:  # fmt: skip
    """The predicate with its details: row k of `out` ([n, ENCOUNTER_FLOATS]) is written where pair k meets."""
    found = np.zeros(rows_a.shape[0], dtype=np.bool_)
    for k in range(rows_a.shape[0]):
        a, b = rows_a[k], rows_b[k]
        found[k] = meet(
            floats_a[a], integers_a[a], curves_a, floats_b[b], integers_b[b], curves_b,
            minima[integers_a[a, CLASS], integers_b[b, CLASS]], True, out[k],
        )  # fmt: skip
    return found
