"""Compiled search for pairs of aircraft that will lose separation if both hold course, speed and climb.

Time is cut in slices. In each slice the aircraft are put, at their places of the slice's middle, in cells of latitude,
longitude and height (a counting sort), and each looks for those not faster than itself that are near enough to come
inside the minima before the slice ends. What is found so is a superset, by the bounds proved beside `reach`; the exact
predicate then decides, and a pair is reported by the slice that holds its first instant inside the minima, so once.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from detente.airspace.arrays import Floats, Integers
from detente.airspace.ellipsoid_kernels import SEMI_MAJOR_M, SEMI_MINOR_M, surface_point

TANGENT = 0
FLAT = 1
FLAT_RADIUS_M = 6_371_000.0
STATE_COLUMNS = 12
ALTITUDE, CLIMB, SPEED = 9, 10, 11
"""Columns of a state row that both models share; the first nine are the model's own (see `prepare`)."""

HORIZONTAL_MARGIN_M = 1.0
VERTICAL_MARGIN_M = 0.1
"""More than all rounding: the predicate's worst cancellation, at a grazing pass 2,000 km ahead, is under 0.1 m."""

HEIGHT_SPREAD_M = 0.5 * (SEMI_MAJOR_M**2 - SEMI_MINOR_M**2) / SEMI_MINOR_M
"""How fast the ellipsoid's support function changes with latitude, metres per radian, at most."""


@njit(cache=True, error_model="numpy", nogil=True)
def prepare(
    latitude_deg: Floats,
    longitude_deg: Floats,
    altitude_m: Floats,
    ground_speed_mps: Floats,
    track_deg: Floats,
    vertical_speed_mps: Floats,
    model: int,
) -> Floats:
    """State rows, shape [n, STATE_COLUMNS], of n aircraft.

    TANGENT: Earth-centred place on the ellipsoid, its outward unit normal, velocity over ground (three columns each).
    FLAT: latitude and longitude in radians, cosine and sine of half the latitude, velocity east and north, 0, 0, 0.
    """
    n = latitude_deg.shape[0]
    state = np.zeros((n, STATE_COLUMNS))
    for i in range(n):
        phi, lam, track = math.radians(latitude_deg[i]), math.radians(longitude_deg[i]), math.radians(track_deg[i])
        east, north = ground_speed_mps[i] * math.sin(track), ground_speed_mps[i] * math.cos(track)
        if model == FLAT:
            state[i, 0], state[i, 1] = phi, lam
            state[i, 2], state[i, 3] = math.cos(0.5 * phi), math.sin(0.5 * phi)
            state[i, 4], state[i, 5] = east, north
        else:
            state[i, 0], state[i, 1], state[i, 2] = surface_point(latitude_deg[i], longitude_deg[i])
            sin_phi, cos_phi, sin_lam, cos_lam = math.sin(phi), math.cos(phi), math.sin(lam), math.cos(lam)
            state[i, 3], state[i, 4], state[i, 5] = cos_phi * cos_lam, cos_phi * sin_lam, sin_phi
            state[i, 6] = -east * sin_lam - north * sin_phi * cos_lam
            state[i, 7] = east * cos_lam - north * sin_phi * sin_lam
            state[i, 8] = north * cos_phi
        state[i, ALTITUDE], state[i, CLIMB], state[i, SPEED] = altitude_m[i], vertical_speed_mps[i], ground_speed_mps[i]
    return state


@njit(cache=True, error_model="numpy", inline="always")
def relative(state: Floats, i: int, j: int, model: int) -> tuple[float, float, float]:
    """r.r, r.w and w.w of the pair's horizontal distance r and relative velocity w at time 0, in its own plane.

    TANGENT: the plane that is level halfway between both. FLAT: east-west distances scaled with the cosine of the mean
    latitude, tracks compared as they are (the model of BlueSky's StateBased; the antimeridian is no border here).
    """
    if model == FLAT:
        apart = state[j, 1] - state[i, 1]
        if apart > math.pi:
            apart -= 2.0 * math.pi
        elif apart < -math.pi:
            apart += 2.0 * math.pi
        dx = FLAT_RADIUS_M * apart * (state[i, 2] * state[j, 2] - state[i, 3] * state[j, 3])
        dy = FLAT_RADIUS_M * (state[j, 0] - state[i, 0])
        du, dv = state[j, 4] - state[i, 4], state[j, 5] - state[i, 5]
        return dx * dx + dy * dy, dx * du + dy * dv, du * du + dv * dv
    rx, ry, rz = state[j, 0] - state[i, 0], state[j, 1] - state[i, 1], state[j, 2] - state[i, 2]
    wx, wy, wz = state[j, 6] - state[i, 6], state[j, 7] - state[i, 7], state[j, 8] - state[i, 8]
    ux, uy, uz = state[j, 3] + state[i, 3], state[j, 4] + state[i, 4], state[j, 5] + state[i, 5]
    up_squared = ux * ux + uy * uy + uz * uz
    if up_squared < 1.0:  # more than 120 degrees apart: no plane is level for both, and no look-ahead reaches so far
        return math.inf, 0.0, 0.0
    r_up, w_up = rx * ux + ry * uy + rz * uz, wx * ux + wy * uy + wz * uz
    return (
        max(0.0, rx * rx + ry * ry + rz * rz - r_up * r_up / up_squared),
        rx * wx + ry * wy + rz * wz - r_up * w_up / up_squared,
        max(0.0, wx * wx + wy * wy + wz * wz - w_up * w_up / up_squared),
    )


@njit(cache=True, error_model="numpy", inline="always")
def time_inside(
    rr: float, rw: float, ww: float, height: float, climb: float, horizontal_m: float, vertical_m: float
) -> tuple[float, float]:
    """The open interval of time, in seconds from now, in which a pair is inside both minima; empty when out <= into.

    `height` and `climb` are the second aircraft's altitude and climb less the first's.
    """
    into, out = -math.inf, math.inf
    if ww > 0.0:
        closest = -rw / ww
        spare = horizontal_m * horizontal_m - (rr + rw * closest)
        if spare <= 0.0:
            return 0.0, 0.0
        half = math.sqrt(spare / ww)
        into, out = closest - half, closest + half
    elif rr >= horizontal_m * horizontal_m:
        return 0.0, 0.0
    if climb != 0.0:
        low, high = (-vertical_m - height) / climb, (vertical_m - height) / climb
        into, out = max(into, min(low, high)), min(out, max(low, high))
    elif abs(height) >= vertical_m:
        return 0.0, 0.0
    return into, out


@njit(cache=True, error_model="numpy", inline="always")
def reach(state: Floats, i: int, model: int, slice_s: float, middle_s: float, horizontal_m: float,
          cos_latitude: float) -> tuple[float, float]:  # fmt: skip
    """How far in latitude and longitude, in radians, an aircraft not faster than i may be from i in the charts.

    Let both be inside the minima at an instant of the slice. Neither moves faster than g, the speed of i, so at the
    slice's middle they are within D = horizontal_m + g slice_s in the pair's plane, and at time 0 they were within
    L = D + 2 g middle_s.

    FLAT. The chart is (lat + v t / r, lon + u t / (r cos lat)). The first differs between the two by the pair's dy / r
    exactly, so by at most D / r. The second differs from the pair's dx / (r cos m), m the mean latitude, by at most
    (t / r) (|u_i| |sec lat_i - sec m| + |u_j| |sec lat_j - sec m|), and each difference of secants is at most
    (L / 2 r) times the derivative of sec where |latitude| is largest, |lat_i| + L / r.

    TANGENT. The chart is the direction of Q = p + v t seen from the Earth's centre. |Q| is never less than the polar
    radius b (a tangent stays outside the ellipsoid), and projection to a ball does not lengthen, so directions differ
    by a chord of at most |Q_j - Q_i| / b. |Q_j - Q_i|^2 <= D^2 + a^2, a being the part along the pair's vertical e:
    normals that differ by B make |v.e| <= g B / 2, and (p_j - p_i).e = (h_j - h_i)(1 - cos B') / |n_i + n_j| with h the
    support function (from p = M n / h), below HEIGHT_SPREAD_M B^3 for B < 1; so a <= g t B + HEIGHT_SPREAD_M B^3, with
    B <= (a/b) 2 asin(L / 2b) < 1.01 L / b for L < 2,000 km, which the caller sees to. A cap of angular radius A around
    latitude f spans asin(sin A / cos f) in longitude, or all of it when it holds the pole.
    """
    g = state[i, SPEED]
    near = horizontal_m + g * slice_s + HORIZONTAL_MARGIN_M
    far = near + 2.0 * g * middle_s
    if model == FLAT:
        steepest = abs(state[i, 0]) + far / FLAT_RADIUS_M
        if steepest > 1.55:
            return near / FLAT_RADIUS_M, math.pi
        cosine, sine = math.cos(steepest), math.sin(steepest)
        slack = middle_s * g * far / FLAT_RADIUS_M * sine / (cosine * cosine)
        return near / FLAT_RADIUS_M, (near / cosine + slack) / FLAT_RADIUS_M
    bend = 1.01 * far / SEMI_MINOR_M
    along = g * middle_s * bend + HEIGHT_SPREAD_M * bend**3
    chord = math.sqrt(near * near + along * along) / SEMI_MINOR_M
    angle = 1.005 * chord  # 2 asin(c / 2) < 1.005 c for chords below 0.33
    if angle >= 0.999 * cos_latitude:
        return angle, math.pi
    ratio = angle / cos_latitude
    return angle, ratio * (1.0 + 0.5708 * ratio * ratio)  # at least asin: its series has no negative term


@njit(cache=True, error_model="numpy", nogil=True)
def search_slice(
    state: Floats,
    model: int,
    minima: tuple[float, float, float],
    number: int,
    slices: int,
    cells_per_aircraft: float,
    pairs: Integers,
) -> int:
    """Write each pair that comes inside the minima in slice `number` as ``first * n + second``; return their count.

    `minima` is horizontal_m, vertical_m, look_ahead_s. Counts on when `pairs` is full, for the caller to make room.
    Slices share nothing but `state`, which they only read: they may run on as many threads as there are.
    """
    horizontal_m, vertical_m, look_ahead_s = minima
    n = state.shape[0]
    slice_s = look_ahead_s / slices
    middle_s = (number + 0.5) * slice_s
    latitude, longitude, cosine = np.empty(n), np.empty(n), np.empty(n)
    low_latitude, high_latitude, low_longitude, high_longitude = math.inf, -math.inf, math.inf, -math.inf
    low_height, high_height, climb_max, speed_sum = math.inf, -math.inf, 0.0, 0.0
    for i in range(n):
        if model == FLAT:
            latitude[i] = state[i, 0] + state[i, 5] * middle_s / FLAT_RADIUS_M
            cosine[i] = state[i, 2] * state[i, 2] - state[i, 3] * state[i, 3]
            place = state[i, 1] + state[i, 4] * middle_s / (FLAT_RADIUS_M * max(cosine[i], 0.01))
        else:
            x = state[i, 0] + middle_s * state[i, 6]
            y = state[i, 1] + middle_s * state[i, 7]
            z = state[i, 2] + middle_s * state[i, 8]
            rho = math.sqrt(x * x + y * y)
            latitude[i], place = math.atan2(z, rho), math.atan2(y, x)
            cosine[i] = rho / math.sqrt(rho * rho + z * z)
        if i > 0:  # longitudes east or west of the first aircraft, so that traffic over the antimeridian stays together
            place -= longitude[0]
        longitude[i] = place - 2.0 * math.pi * math.floor(place / (2.0 * math.pi) + 0.5) if i > 0 else place
        height = state[i, ALTITUDE] + state[i, CLIMB] * middle_s
        low_height, high_height = min(low_height, height), max(high_height, height)
        low_latitude, high_latitude = min(low_latitude, latitude[i]), max(high_latitude, latitude[i])
        climb_max = max(climb_max, abs(state[i, CLIMB]))
        speed_sum += state[i, SPEED]
    longitude[0] = 0.0
    for i in range(n):
        low_longitude, high_longitude = min(low_longitude, longitude[i]), max(high_longitude, longitude[i])

    reach_m = horizontal_m + speed_sum / n * slice_s
    height_m = vertical_m + climb_max * slice_s
    # Measured: flat cells half as long as wide are the best of the shapes tried, by a tenth.
    row_step, height_m = 1.5 * reach_m / FLAT_RADIUS_M, 1.5 * height_m
    column_step = row_step / 3.0 / max(0.05, math.cos(0.5 * (low_latitude + high_latitude)))
    latitude_span, longitude_span = high_latitude - low_latitude, high_longitude - low_longitude
    height_span = high_height - low_height
    while (latitude_span / row_step + 1.0) * (longitude_span / column_step + 1.0) * (
        height_span / height_m + 1.0
    ) > cells_per_aircraft * n + 64.0:
        row_step, column_step, height_m = 1.2 * row_step, 1.2 * column_step, 1.2 * height_m
    row_count = int(latitude_span / row_step) + 1
    column_count = int(longitude_span / column_step) + 1
    layer_count = int(height_span / height_m) + 1

    starts = np.zeros(row_count * column_count * layer_count + 1, dtype=np.int32)
    cell = np.empty(n, dtype=np.int32)
    for i in range(n):
        height = state[i, ALTITUDE] + state[i, CLIMB] * middle_s
        row = int((latitude[i] - low_latitude) / row_step)
        column = int((longitude[i] - low_longitude) / column_step)
        layer = int((height - low_height) / height_m)
        cell[i] = (layer * row_count + row) * column_count + column
        starts[cell[i] + 1] += 1
    for c in range(starts.shape[0] - 1):
        starts[c + 1] += starts[c]
    order = np.empty(n, dtype=np.int32)
    candidates = np.empty(n, dtype=np.int32)
    heights, latitudes, speeds = np.empty(n), np.empty(n), np.empty(n)
    for i in range(n):
        position = starts[cell[i]]
        starts[cell[i]] = position + 1
        order[position] = i
        heights[position] = state[i, ALTITUDE] + state[i, CLIMB] * middle_s
        latitudes[position], speeds[position] = latitude[i], state[i, SPEED]
    # Each start has moved to its cell's end, which is the next cell's start.

    found = 0
    for q in range(n):
        i = order[q]
        speed = state[i, SPEED]
        latitude_reach, longitude_reach = reach(state, i, model, slice_s, middle_s, horizontal_m, cosine[i])
        height_reach = vertical_m + (abs(state[i, CLIMB]) + climb_max) * 0.5 * slice_s + VERTICAL_MARGIN_M
        reach_both_m = horizontal_m + 0.5 * slice_s * speed + HORIZONTAL_MARGIN_M
        count = 0
        height = heights[q]
        first_layer = max(0, math.floor((height - height_reach - low_height) / height_m))
        last_layer = min(layer_count - 1, math.floor((height + height_reach - low_height) / height_m))
        first_row = max(0, math.floor((latitude[i] - latitude_reach - low_latitude) / row_step))
        last_row = min(row_count - 1, math.floor((latitude[i] + latitude_reach - low_latitude) / row_step))
        west, east = longitude[i] - longitude_reach, longitude[i] + longitude_reach
        first_column = max(0, math.floor((west - low_longitude) / column_step))
        last_column = min(column_count - 1, math.floor((east - low_longitude) / column_step))
        # Beyond the border opposite the first aircraft the columns go on from the other end.
        beyond_first, beyond_last = column_count, -1
        if longitude_reach >= 0.5 * math.pi:
            first_column, last_column = 0, column_count - 1
        elif west < -math.pi:
            beyond_first = max(last_column + 1, math.floor((west + 2.0 * math.pi - low_longitude) / column_step))
            beyond_last = column_count - 1
        elif east >= math.pi:
            beyond_first = 0
            beyond_last = min(first_column - 1, math.floor((east - 2.0 * math.pi - low_longitude) / column_step))
        for layer in range(first_layer, last_layer + 1):
            for row in range(first_row, last_row + 1):
                base = (layer * row_count + row) * column_count
                for side in range(2):
                    a, b = (first_column, last_column) if side == 0 else (beyond_first, beyond_last)
                    if a > b:
                        continue
                    begin = starts[base + a - 1] if base + a > 0 else 0
                    for p in range(begin, starts[base + b]):
                        # No branch: which of these hold is close to random, and a wrong guess costs more than all.
                        close = (abs(heights[p] - height) <= height_reach) & (
                            abs(latitudes[p] - latitude[i]) <= latitude_reach
                        )
                        slower = (speeds[p] < speed) | ((speeds[p] == speed) & (order[p] < i))
                        candidates[count] = order[p]
                        count += close & slower
        for c in range(count):
            first, second = min(i, candidates[c]), max(i, candidates[c])
            rr, rw, ww = relative(state, first, second, model)
            near = reach_both_m + 0.5 * slice_s * state[candidates[c], SPEED]
            if rr + middle_s * (2.0 * rw + middle_s * ww) > near * near:
                continue
            into, out = time_inside(
                rr, rw, ww, state[second, ALTITUDE] - state[first, ALTITUDE],
                state[second, CLIMB] - state[first, CLIMB], horizontal_m, vertical_m,
            )  # fmt: skip
            if into >= out or out <= 0.0 or into > look_ahead_s:
                continue
            if slices == 1 or min(slices - 1, int(max(into, 0.0) / slice_s)) == number:
                if found < pairs.shape[0]:
                    pairs[found] = first * n + second
                found += 1
    return found


@njit(cache=True, error_model="numpy", nogil=True)
def describe(
    state: Floats, model: int, horizontal_m: float, vertical_m: float, first: Integers, second: Integers
) -> Floats:
    """Shape [pairs, 5]: seconds to closest approach, metres at it, seconds to entry, to exit, metres apart now."""
    table = np.empty((first.shape[0], 5))
    for k in range(first.shape[0]):
        i, j = first[k], second[k]
        rr, rw, ww = relative(state, i, j, model)
        into, out = time_inside(
            rr, rw, ww, state[j, ALTITUDE] - state[i, ALTITUDE], state[j, CLIMB] - state[i, CLIMB],
            horizontal_m, vertical_m,
        )  # fmt: skip
        closest = -rw / ww if ww > 0.0 else 0.0
        table[k, 0] = closest
        table[k, 1] = math.sqrt(max(0.0, rr + rw * closest))
        table[k, 2] = max(0.0, into)
        table[k, 3] = out
        table[k, 4] = math.sqrt(rr)
    return table
