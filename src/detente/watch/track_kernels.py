"""Compiled motion of tracks: where one will be, how sure that is, and how a sighting moves it.

A track is a place on the WGS 84 ellipsoid in Earth-centred coordinates, with velocity and acceleration in the plane
that touches there: the same everywhere, poles and antimeridian included. Its covariance is alike in all directions, so
that six numbers say it (position, velocity, acceleration). Acceleration fades as R. A. Singer models it (IEEE
Transactions on Aerospace and Electronic Systems AES-6, 1970); what of it is across the velocity turns the velocity, so
a track in a turn goes on turning.
How large accelerations are expected follows how badly the last sightings fitted. Heights are filtered apart.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from detente.airspace.arrays import Floats, Integers
from detente.airspace.ellipsoid_kernels import Q_EQUATOR, Q_POLE
from detente.watch.accuracy import RADIAL_95

S_AT, S_LATITUDE, S_LONGITUDE, S_POINT, S_VELOCITY = 0, 1, 2, 3, 6
S_POSITION_VARIANCE, S_VELOCITY_VARIANCE, S_TIME_VARIANCE = 9, 10, 11
S_PRESSURE, S_PRESSURE_VARIANCE, S_GEOMETRIC, S_GEOMETRIC_VARIANCE, S_CLIMB = 12, 13, 14, 15, 16
S_SPEED, S_TRACK, S_ON_GROUND, S_INTEGRITY = 17, 18, 19, 20
SIGHTING_COLUMNS = 21
"""Columns of a sighting's row; what is not known is not a number. Point and velocity are three columns each."""

T_POINT, T_VELOCITY, T_ACCELERATION = 0, 3, 6
T_PP, T_PV, T_PA, T_VV, T_VA, T_AA = 9, 10, 11, 12, 13, 14
T_AT, T_MISFIT, T_PRESSURE, T_GEOMETRIC, T_LATITUDE, T_LONGITUDE = 15, 16, 17, 24, 31, 32
T_JUMPED, T_STALE, T_SHIFTED, T_LOW, T_GOOD, T_HITS, T_SHOWN, T_ON_GROUND, T_BORN = 33, 34, 35, 36, 37, 38, 39, 40, 41
T_NEAR, T_AGREED = 42, 43
TRACK_COLUMNS = 44
"""Columns of a track's row. T_PRESSURE and T_GEOMETRIC begin seven each: the height, its rate, three variances, when it
was heard, how many sightings agreed on it. The time of a doubt is that of the last sighting that gave rise to it."""
H_RATE, H_ZZ, H_ZV, H_VV, H_AT, H_AGREED = 1, 2, 3, 4, 5, 6

FADING_S = 20.0
"""Time constant of acceleration: Singer gives 60 s for slow turns, 10 to 20 s for evasive ones."""
CALM_MPS2 = 0.4
TURNING_MPS2 = 5.0
"""Deviation of acceleration of an aircraft that flies straight, and in a turn with 27 degrees of bank."""
TURN_MAX_RAD_S = 0.35
SPEED_MAX_MPS = 1_100.0
START_SPEED_MPS = 150.0
START_GROUND_MPS = 15.0
"""Deviation, each way, of the velocity of an aircraft of which only one position is known, in flight and on the ground.

A speed of 0 without a track is no velocity: receivers write it where they have none."""
CLIMB_BELIEVED_MPS = 60.0
"""A faster change of height (12,000 feet a minute) is followed only if the climb was reported or seen before."""
HEIGHT_LOST_S = 30.0
"""A height of which no good reading came for so long, while the aircraft was heard, is not known."""
UNHEARD_MPS2 = 1.5
UNHEARD_TURNING_MPS2 = 5.4
"""How an aircraft leaves its straight flight while it is not heard: half of this times the time squared, of 95 % of
aircraft, measured on the two recorded days 10 to 60 s after straight flight and after turns of 1.5 degrees a second."""
SLOWEST_REACH_MPS = 40.0
"""What is slower, as a helicopter in the hover, may be as fast as this before it is dropped."""
UNHEARD_CLIMB_NOISE = 0.25
"""As CLIMB_NOISE, of an aircraft that is not heard: measured, 95 % are within 110 m after 30 s and 250 m after 60 s."""
CLIMB_NOISE = 1.0
"""Power of the white noise of vertical acceleration, m^2/s^3."""
STILL_MPS = 2.0


@njit(cache=True, error_model="numpy")
def normal_at(x: float, y: float, z: float) -> tuple[float, float, float]:
    """The upward unit normal of the ellipsoid at a point on it."""
    nx, ny, nz = x * Q_EQUATOR, y * Q_EQUATOR, z * Q_POLE
    length = math.sqrt(nx * nx + ny * ny + nz * nz)
    return nx / length, ny / length, nz / length


@njit(cache=True, error_model="numpy", nogil=True)
def fill_velocities(rows: Floats) -> None:
    """Set the velocity columns of sightings from speed and track; not numbers where one is not known."""
    for i in range(rows.shape[0]):
        x, y, z = rows[i, S_POINT], rows[i, S_POINT + 1], rows[i, S_POINT + 2]
        _, _, nz = normal_at(x, y, z)
        lam, track = math.radians(rows[i, S_LONGITUDE]), math.radians(rows[i, S_TRACK])
        cos_phi = math.sqrt(max(0.0, 1.0 - nz * nz))
        east, north = rows[i, S_SPEED] * math.sin(track), rows[i, S_SPEED] * math.cos(track)
        rows[i, S_VELOCITY] = -east * math.sin(lam) - north * nz * math.cos(lam)
        rows[i, S_VELOCITY + 1] = east * math.cos(lam) - north * nz * math.sin(lam)
        rows[i, S_VELOCITY + 2] = north * cos_phi


@njit(cache=True, error_model="numpy")
def moved(track: Floats, dt: float, out: Floats) -> None:
    """Write point, velocity and acceleration (nine numbers) of a track `dt` seconds after its time, or before it."""
    x, y, z = track[0], track[1], track[2]
    nx, ny, nz = normal_at(x, y, z)
    vx, vy, vz = track[3], track[4], track[5]
    ax, ay, az = track[6], track[7], track[8]
    speed = math.sqrt(vx * vx + vy * vy + vz * vz)
    fade = math.exp(-abs(dt) / FADING_S)
    acting = math.copysign(FADING_S * (1.0 - fade), dt)
    if speed < 5.0:
        dx, dy, dz = vx * dt, vy * dt, vz * dt
        wx, wy, wz = vx + ax * acting, vy + ay * acting, vz + az * acting
        bx, by, bz = ax * fade, ay * fade, az * fade
    else:
        fx, fy, fz = vx / speed, vy / speed, vz / speed
        lx, ly, lz = ny * fz - nz * fy, nz * fx - nx * fz, nx * fy - ny * fx
        along = ax * fx + ay * fy + az * fz
        left = ax * lx + ay * ly + az * lz
        rate = min(TURN_MAX_RAD_S, max(-TURN_MAX_RAD_S, left / speed))
        half = 0.5 * rate * acting
        faster = min(SPEED_MAX_MPS, max(0.0, speed + along * acting))
        chord = 0.5 * (speed + faster) * dt * (math.sin(half) / half if abs(half) > 1e-9 else 1.0)
        c, s = math.cos(half), math.sin(half)
        dx, dy, dz = chord * (c * fx + s * lx), chord * (c * fy + s * ly), chord * (c * fz + s * lz)
        c, s = math.cos(2.0 * half), math.sin(2.0 * half)
        ux, uy, uz = c * fx + s * lx, c * fy + s * ly, c * fz + s * lz
        sx, sy, sz = c * lx - s * fx, c * ly - s * fy, c * lz - s * fz
        wx, wy, wz = faster * ux, faster * uy, faster * uz
        along *= fade
        left *= fade
        bx, by, bz = along * ux + left * sx, along * uy + left * sy, along * uz + left * sz
    x, y, z = x + dx, y + dy, z + dz
    scale = 1.0 / math.sqrt((x * x + y * y) * Q_EQUATOR + z * z * Q_POLE)
    out[0], out[1], out[2] = x * scale, y * scale, z * scale
    out[3], out[4], out[5] = wx, wy, wz
    out[6], out[7], out[8] = bx, by, bz
    level(out, 3)
    level(out, 6)


@njit(cache=True, error_model="numpy")
def level(track: Floats, at: int) -> None:
    """Turn the vector at column `at` into the plane that touches at the track's point; its length stays."""
    nx, ny, nz = normal_at(track[0], track[1], track[2])
    x, y, z = track[at], track[at + 1], track[at + 2]
    before = x * x + y * y + z * z
    up = x * nx + y * ny + z * nz
    x, y, z = x - up * nx, y - up * ny, z - up * nz
    after = x * x + y * y + z * z
    scale = math.sqrt(before / after) if after > 0.0 else 0.0
    track[at], track[at + 1], track[at + 2] = x * scale, y * scale, z * scale


@njit(cache=True, error_model="numpy")
def grown(track: Floats, dt: float) -> tuple[float, float, float, float, float, float]:
    """The covariance `dt` seconds later, not negative: pp, pv, pa, vv, va, aa (Singer 1970, equations 12 and 14)."""
    deviation = CALM_MPS2 + restlessness(track) * (TURNING_MPS2 - CALM_MPS2)
    alpha = 1.0 / FADING_S
    h = alpha * dt
    e = math.exp(-h)
    if h < 0.05:
        w = dt * dt * (0.5 - h / 6.0)
        u = dt * (1.0 - 0.5 * h)
        q11, q12, q13 = dt**5 / 20.0, dt**4 / 8.0, dt**3 / 6.0
        q22, q23, q33 = dt**3 / 3.0, dt * dt / 2.0, dt
    else:
        w = (h - 1.0 + e) / alpha**2
        u = (1.0 - e) / alpha
        ee = e * e
        q11 = (1.0 - ee + 2.0 * h + 2.0 * h**3 / 3.0 - 2.0 * h * h - 4.0 * h * e) / (2.0 * alpha**5)
        q12 = (ee + 1.0 - 2.0 * e + 2.0 * h * e - 2.0 * h + h * h) / (2.0 * alpha**4)
        q13 = (1.0 - ee - 2.0 * h * e) / (2.0 * alpha**3)
        q22 = (4.0 * e - 3.0 - ee + 2.0 * h) / (2.0 * alpha**3)
        q23 = (ee + 1.0 - 2.0 * e) / (2.0 * alpha**2)
        q33 = (1.0 - ee) / (2.0 * alpha)
    q = 2.0 * alpha * deviation * deviation
    pp, pv, pa, vv, va, aa = track[T_PP], track[T_PV], track[T_PA], track[T_VV], track[T_VA], track[T_AA]
    return (
        pp + 2.0 * dt * pv + 2.0 * w * pa + dt * dt * vv + 2.0 * dt * w * va + w * w * aa + q * q11,
        pv + u * pa + dt * (vv + u * va) + w * (va + u * aa) + q * q12,
        e * (pa + dt * va + w * aa) + q * q13,
        vv + 2.0 * u * va + u * u * aa + q * q22,
        e * (va + u * aa) + q * q23,
        e * e * aa + q * q33,
    )


@njit(cache=True, error_model="numpy")
def unheard_error_m(track: Floats, speed: float, dt: float) -> float:
    """The radius that 95 % of errors of position are smaller than, `dt` seconds after the track was last heard.

    It grows by the errors of place and velocity, and by what an aircraft does that nobody sees: no turn leads away from
    the straight flight by more than 1.2 of the distance flown, which is half a circle.
    """
    restless = restlessness(track)
    leaves = UNHEARD_MPS2 + restless * (UNHEARD_TURNING_MPS2 - UNHEARD_MPS2)
    away = min(0.5 * leaves * dt * dt, 1.2 * max(speed, SLOWEST_REACH_MPS) * dt)
    spread = max(0.0, track[T_PP] + dt * (2.0 * track[T_PV] + dt * track[T_VV]))
    return math.sqrt(RADIAL_95 * RADIAL_95 * spread + away * away)


@njit(cache=True, error_model="numpy")
def restlessness(track: Floats) -> float:
    """From 0 for a track whose last sightings were where they were expected to 1 for one in a turn."""
    return float(min(1.0, max(0.0, (track[T_MISFIT] - 1.5) / 3.0)))


@njit(cache=True, error_model="numpy")
def error_of(sighting: Floats, speed: float) -> float:
    """Variance, each way, of a sighting's position, with what its time may be wrong by at this speed."""
    said = sighting[S_SPEED]
    flown = said if said == said and said > speed else speed
    return float(sighting[S_POSITION_VARIANCE] + 0.5 * sighting[S_TIME_VARIANCE] * flown * flown)


@njit(cache=True, error_model="numpy")
def spread_at(track: Floats, dt: float) -> float:
    """Variance, each way, of the position `dt` seconds after the track's time, or before it."""
    if dt >= 0.0:
        return float(grown(track, dt)[0])
    back = float(track[T_PP] + 2.0 * dt * track[T_PV] + dt * dt * track[T_VV] + 0.25 * dt**4 * track[T_AA])
    return max(back, float(track[T_PP]))


@njit(cache=True, error_model="numpy")
def begin(track: Floats, sighting: Floats) -> None:
    """Set a row to a new track that this sighting alone has shown."""
    track[:] = 0.0
    for k in range(3):
        track[k] = sighting[S_POINT + k]
    moves = sighting[S_VELOCITY] == sighting[S_VELOCITY]
    if moves:
        for k in range(3):
            track[3 + k] = sighting[S_VELOCITY + k]
    speed = sighting[S_SPEED] if moves else 0.0
    track[T_PP] = error_of(sighting, speed)
    slow = START_GROUND_MPS if sighting[S_ON_GROUND] > 0.0 else START_SPEED_MPS
    track[T_VV] = sighting[S_VELOCITY_VARIANCE] if moves else slow * slow
    track[T_AA] = CALM_MPS2 * CALM_MPS2 * 4.0
    track[T_AT] = track[T_BORN] = sighting[S_AT]
    track[T_MISFIT], track[T_HITS] = 1.0, 1.0
    track[T_JUMPED] = track[T_STALE] = track[T_SHIFTED] = track[T_LOW] = track[T_GOOD] = track[T_NEAR] = -math.inf
    take_rest(track, sighting)


@njit(cache=True, error_model="numpy")
def take_rest(track: Floats, sighting: Floats) -> None:
    """Take what a sighting says beside position and velocity: heights, integrity, ground, the bare coordinates."""
    at = sighting[S_AT]
    track[T_LATITUDE], track[T_LONGITUDE] = sighting[S_LATITUDE], sighting[S_LONGITUDE]
    track[T_ON_GROUND] = sighting[S_ON_GROUND]
    if sighting[S_INTEGRITY] > 0.0:
        track[T_GOOD] = max(at, track[T_GOOD])
    elif sighting[S_INTEGRITY] < 0.0:
        track[T_LOW] = max(at, track[T_LOW])
    take_height(track[T_PRESSURE : T_PRESSURE + 7], sighting[S_PRESSURE], sighting[S_PRESSURE_VARIANCE], at,
                sighting[S_CLIMB])  # fmt: skip
    take_height(track[T_GEOMETRIC : T_GEOMETRIC + 7], sighting[S_GEOMETRIC], sighting[S_GEOMETRIC_VARIANCE], at,
                sighting[S_CLIMB])  # fmt: skip


@njit(cache=True, error_model="numpy")
def take_height(height: Floats, z: float, variance: float, at: float, climb: float) -> None:
    """Move a height by a reading, unless no aircraft could have got there since; two that agree make a height."""
    if z != z:
        return
    known = climb == climb
    rate_variance = 2.34 * 2.34
    if height[H_AGREED] > 0.0:
        dt = at - height[H_AT]
        if dt <= 0.0:
            return
        believed = max(CLIMB_BELIEVED_MPS, 1.5 * abs(height[H_RATE]))
        if known:
            believed = max(believed, 1.5 * abs(climb))
        reach = believed * dt + 4.0 * math.sqrt(height[H_ZZ] + variance)
        if abs(z - height[0]) <= reach and dt <= HEIGHT_LOST_S:
            zz = height[H_ZZ] + dt * (2.0 * height[H_ZV] + dt * height[H_VV]) + CLIMB_NOISE * dt**3 / 3.0
            zv = height[H_ZV] + dt * height[H_VV] + CLIMB_NOISE * dt * dt / 2.0
            vv = height[H_VV] + CLIMB_NOISE * dt
            expected = height[0] + height[H_RATE] * dt
            off = z - expected
            total = zz + variance
            # What flew off faster than expected, yet could, is followed at once.
            if off * off > 9.0 * total:
                zz += off * off
                vv += (off / dt) ** 2
                zv += off * off / dt
                total = zz + variance
            height[0] = expected + zz / total * off
            height[H_RATE] += zv / total * off
            height[H_ZZ], height[H_ZV], height[H_VV] = zz - zz * zz / total, zv - zz * zv / total, vv - zv * zv / total
            if known:
                total = height[H_VV] + rate_variance
                off = climb - height[H_RATE]
                zv, vv = height[H_ZV], height[H_VV]
                height[0] += zv / total * off
                height[H_RATE] += vv / total * off
                height[H_ZZ] -= zv * zv / total
                height[H_ZV] -= zv * vv / total
                height[H_VV] -= vv * vv / total
            height[H_RATE] = min(600.0, max(-600.0, height[H_RATE]))
            height[H_AT] = at
            height[H_AGREED] += 1.0
            return
        # One that was shown before is lost only to what can be reached; one never shown gives way.
        if height[H_AGREED] >= 2.0 and abs(z - height[0]) > reach:
            return
    height[0], height[H_RATE] = z, climb if known else 0.0
    height[H_ZZ], height[H_ZV] = variance, 0.0
    height[H_VV] = rate_variance if known else 225.0
    height[H_AT], height[H_AGREED] = at, 1.0


@njit(cache=True, error_model="numpy")
def follow(track: Floats, sighting: Floats, place: Floats) -> None:
    """Move a track by a sighting that was found to be of it; `place` is room for nine numbers."""
    dt = sighting[S_AT] - track[T_AT]
    moved(track, dt, place)
    speed = math.sqrt(place[3] ** 2 + place[4] ** 2 + place[5] ** 2)
    error = error_of(sighting, speed)
    ox, oy, oz = (sighting[S_POINT] - place[0], sighting[S_POINT + 1] - place[1], sighting[S_POINT + 2] - place[2])
    off = ox * ox + oy * oy + oz * oz
    if dt < 0.0:
        # Heard late: held against where the track was then, and what that tells of now.
        total = spread_at(track, dt) + error
        g = track[T_PP] + dt * track[T_PV], track[T_PV] + dt * track[T_VV], track[T_PA] + dt * track[T_VA]
        track[T_PP] = max(track[T_PP] - g[0] * g[0] / total, 1e-6)
        track[T_VV] = max(track[T_VV] - g[1] * g[1] / total, 1e-6)
        track[T_AA] = max(track[T_AA] - g[2] * g[2] / total, 1e-8)
        track[T_PV] -= g[0] * g[1] / total
        track[T_PA] -= g[0] * g[2] / total
        track[T_VA] -= g[1] * g[2] / total
        shift(track, ox / total, oy / total, oz / total, g[0], g[1], g[2])
        take_height(track[T_PRESSURE : T_PRESSURE + 7], sighting[S_PRESSURE], sighting[S_PRESSURE_VARIANCE],
                    sighting[S_AT], sighting[S_CLIMB])  # fmt: skip
        track[T_HITS] += 1.0
        return
    pp, pv, pa, vv, va, aa = grown(track, dt)
    if off > 16.0 * (pp + error):
        # It flew off as it was not expected to, yet could: the place is the sighting's, the velocity what that took.
        pp, pv, pa, va = pp + off, off / max(dt, 1.0), 0.0, 0.0
        vv += pv / max(dt, 1.0) + 1.0
        aa = TURNING_MPS2 * TURNING_MPS2
    total = pp + error
    track[T_MISFIT] = 0.7 * track[T_MISFIT] + 0.3 * min(20.0, 0.5 * off / total)
    track[:9] = place
    track[T_PP], track[T_PV], track[T_PA] = pp - pp * pp / total, pv - pp * pv / total, pa - pp * pa / total
    track[T_VV], track[T_VA], track[T_AA] = vv - pv * pv / total, va - pv * pa / total, aa - pa * pa / total
    shift(track, ox / total, oy / total, oz / total, pp, pv, pa)
    if sighting[S_VELOCITY] == sighting[S_VELOCITY]:
        ox, oy, oz = (
            sighting[S_VELOCITY] - track[3],
            sighting[S_VELOCITY + 1] - track[4],
            sighting[S_VELOCITY + 2] - track[5],
        )
        off = ox * ox + oy * oy + oz * oz
        pv, vv, va = track[T_PV], track[T_VV], track[T_VA]
        total = vv + sighting[S_VELOCITY_VARIANCE]
        if off <= 25.0 * total:
            track[T_MISFIT] = max(track[T_MISFIT], 0.7 * track[T_MISFIT] + 0.3 * min(20.0, 0.5 * off / total))
            track[T_PP] -= pv * pv / total
            track[T_PV] -= pv * vv / total
            track[T_PA] -= pv * va / total
            track[T_VV] -= vv * vv / total
            track[T_VA] -= vv * va / total
            track[T_AA] -= va * va / total
            shift(track, ox / total, oy / total, oz / total, pv, vv, va)
        else:
            track[T_MISFIT] += 0.3
    for column in (T_PP, T_VV, T_AA):
        track[column] = max(track[column], 1e-6)
    track[T_AT] = sighting[S_AT]
    track[T_HITS] += 1.0
    take_rest(track, sighting)


@njit(cache=True, error_model="numpy")
def shift(track: Floats, ox: float, oy: float, oz: float, gp: float, gv: float, ga: float) -> None:
    """Shift point, velocity, acceleration along (ox, oy, oz) by their gains, and back onto ellipsoid and plane."""
    off = (ox, oy, oz)
    for k in range(3):
        track[k] += gp * off[k]
        track[3 + k] += gv * off[k]
        track[6 + k] += ga * off[k]
    x, y, z = track[0], track[1], track[2]
    scale = 1.0 / math.sqrt((x * x + y * y) * Q_EQUATOR + z * z * Q_POLE)
    track[0], track[1], track[2] = x * scale, y * scale, z * scale
    level(track, 3)
    level(track, 6)
    for at, most in ((3, SPEED_MAX_MPS), (6, 60.0)):
        length = math.sqrt(track[at] ** 2 + track[at + 1] ** 2 + track[at + 2] ** 2)
        if length > most:
            for k in range(3):
                track[at + k] *= most / length


@njit(cache=True, error_model="numpy", nogil=True)
def begin_all(tracks: Floats, slots: Integers, sightings: Floats) -> None:
    """Begin a track in each of `slots` with the sighting of the same place."""
    for i in range(slots.shape[0]):
        s = sightings[i]
        begin(tracks[slots[i]], s)


@njit(cache=True, error_model="numpy", nogil=True)
def follow_all(tracks: Floats, slots: Integers, sightings: Floats) -> None:
    """Move the track in each of `slots` by the sighting of the same place; no slot may come twice."""
    place = np.empty(9)
    for i in range(slots.shape[0]):
        follow(tracks[slots[i]], sightings[i], place)
