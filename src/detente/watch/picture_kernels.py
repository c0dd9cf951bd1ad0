"""Compiled reading of all tracks at one time: as they are shown, and which two may be one aircraft."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from detente.airspace.arrays import Floats, Integers
from detente.airspace.ellipsoid_kernels import geodetic
from detente.watch import association_kernels as ak
from detente.watch import track_kernels as tk
from detente.watch.accuracy import LINEAR_95, RADIAL_95
from detente.watch.track_kernels import grown, moved

(
    LATITUDE, LONGITUDE, SPEED, TRACK, CLIMB, TURN, HORIZONTAL, VERTICAL, VELOCITY, PRESSURE, GEOMETRIC, OF_GEOMETRIC,
    DOUBTS, HEARD, NUMBER, ON_GROUND,
) = range(16)  # fmt: skip
SHOWN_COLUMNS = 16
COASTED, LOW_INTEGRITY, JUMPED, STALE, SHIFTED, GHOST, NO_HEIGHT, SHARED = 1, 2, 4, 8, 16, 32, 64, 128
"""Bits of the column DOUBTS."""

COASTED_S = 10.0
"""A track whose last position is older is coasted; ADS-B is heard more often, a radar turns about as fast."""
DOUBT_S = 30.0
"""How long a doubt stays after what gave rise to it."""
INTEGRITY_S = 60.0
"""How long what was said of integrity is held to be true."""
NO_HEIGHT_ERROR_M = 30_000.0
MERGED_S = 10.0
"""How long two tracks must agree in place, velocity and height to be taken for one aircraft."""
AGREE_GATE = 9.0
AGREE_MAX_M = 1_000.0


@njit(cache=True, error_model="numpy", nogil=True)
def shown_rows(tracks: Floats, slots: Integers, now_s: float) -> Floats:
    """Rows, shape [n, SHOWN_COLUMNS], of tracks as they are at `now_s`: degrees, metres, metres a second."""
    rows = np.empty((slots.shape[0], SHOWN_COLUMNS))
    place = np.empty(9)
    for i in range(slots.shape[0]):
        t, row = tracks[slots[i]], rows[i]
        dt = now_s - t[tk.T_AT]
        moved(t, dt, place)
        _, _, _, vv, _, _ = grown(t, max(dt, 0.0))
        row[LATITUDE], row[LONGITUDE] = geodetic(place[0], place[1], place[2])
        phi, lam = math.radians(row[LATITUDE]), math.radians(row[LONGITUDE])
        east = place[4] * math.cos(lam) - place[3] * math.sin(lam)
        north = place[5] * math.cos(phi) - math.sin(phi) * (place[3] * math.cos(lam) + place[4] * math.sin(lam))
        speed = math.hypot(east, north)
        row[SPEED] = speed
        row[TRACK] = math.degrees(math.atan2(east, north)) % 360.0
        nx, ny, nz = tk.normal_at(place[0], place[1], place[2])
        left = (
            place[6] * (ny * place[5] - nz * place[4])
            + place[7] * (nz * place[3] - nx * place[5])
            + place[8] * (nx * place[4] - ny * place[3])
        )
        rate = -left / (speed * speed) if speed >= 5.0 else 0.0
        row[TURN] = math.degrees(min(tk.TURN_MAX_RAD_S, max(-tk.TURN_MAX_RAD_S, rate)))
        row[HORIZONTAL] = tk.unheard_error_m(t, speed, max(dt, 0.0))
        row[VELOCITY] = RADIAL_95 * math.sqrt(vv)
        row[CLIMB], row[VERTICAL] = 0.0, NO_HEIGHT_ERROR_M
        row[PRESSURE] = row[GEOMETRIC] = row[OF_GEOMETRIC] = math.nan
        for base, column in ((tk.T_GEOMETRIC, GEOMETRIC), (tk.T_PRESSURE, PRESSURE)):
            h = t[base : base + 7]
            age = now_s - h[tk.H_AT]
            # While the aircraft itself is not heard, its height grows unsure as its place does, and is not lost.
            if h[tk.H_AGREED] < 2.0 or age - max(dt, 0.0) > tk.HEIGHT_LOST_S:
                continue
            row[column] = h[0] + h[tk.H_RATE] * age
            later = max(age, 0.0)
            spread = h[tk.H_ZZ] + later * (2.0 * h[tk.H_ZV] + later * h[tk.H_VV])
            spread += tk.UNHEARD_CLIMB_NOISE * later**3 / 3.0
            row[VERTICAL], row[CLIMB] = LINEAR_95 * math.sqrt(max(0.0, spread)), h[tk.H_RATE]
            if column == GEOMETRIC:
                row[OF_GEOMETRIC] = row[VERTICAL]
        row[HEARD], row[NUMBER], row[ON_GROUND] = t[tk.T_AT], t[tk.T_SHOWN], t[tk.T_ON_GROUND]
        row[DOUBTS] = doubts_of(t, now_s, math.isnan(row[PRESSURE]) and math.isnan(row[GEOMETRIC]))
    return rows


@njit(cache=True, error_model="numpy")
def doubts_of(track: Floats, now_s: float, no_height: bool) -> int:
    """The bits of what is doubtful about one track alone."""
    bits = 0
    if now_s - track[tk.T_AT] > COASTED_S:
        bits |= COASTED
    if track[tk.T_LOW] > track[tk.T_GOOD] + COASTED_S and now_s - track[tk.T_LOW] < INTEGRITY_S:
        bits |= LOW_INTEGRITY
    if now_s - track[tk.T_JUMPED] < DOUBT_S:
        bits |= JUMPED
    if now_s - track[tk.T_STALE] < DOUBT_S:
        bits |= STALE
    if now_s - track[tk.T_SHIFTED] < DOUBT_S:
        bits |= SHIFTED
    if track[tk.T_AGREED] > 0.0:
        bits |= GHOST
    if no_height and track[tk.T_ON_GROUND] == 0.0:
        bits |= NO_HEIGHT
    return bits


@njit(cache=True, error_model="numpy")
def told_apart(first: Integers, first_heard: Floats, second: Integers, second_heard: Floats) -> bool:
    """Whether two tracks are two aircraft by their names: two addresses, or one sensor that shows both at once."""
    for e in range(ak.NAMES):
        if first[e, 0] == ak.FREE:
            continue
        for f in range(ak.NAMES):
            if second[f, 0] == ak.FREE:
                continue
            if first[e, 1] == ak.ICAO and second[f, 1] == ak.ICAO and first[e, 0] != second[f, 0]:
                return True
            if first[e, 3] == second[f, 3] and abs(first_heard[e] - second_heard[f]) < ak.RENAME_S:
                return True
    return False


@njit(cache=True, error_model="numpy", nogil=True)
def agreeing(
    tracks: Floats, names: Integers, heard: Floats, slots: Integers, keys: Integers, suspects: Integers, now_s: float
) -> Integers:
    """Pairs, shape [n, 2], of suspects and the tracks that each has agreed with for MERGED_S.

    `slots` and `keys` are shown tracks by their cells. A suspect has no ICAO address, or one that another has too. Its
    row keeps since when it agrees, and with which track's number.
    """
    found = np.empty((suspects.shape[0], 2), np.int64)
    n = 0
    place, other = np.empty(9), np.empty(9)
    for j in suspects:
        t = tracks[j]
        best, partner = AGREE_GATE, -1
        moved(t, now_s - t[tk.T_AT], place)
        pp, _, _, vv, _, _ = grown(t, max(0.0, now_s - t[tk.T_AT]))
        cell = (math.floor(place[0] / ak.CELL_M), math.floor(place[1] / ak.CELL_M), math.floor(place[2] / ak.CELL_M))
        looked_at = 0
        for dx in range(-1, 2):
            for dy in range(-1, 2):
                low = ak.cell_key(cell[0] + dx, cell[1] + dy, cell[2] - 1)
                for k in range(np.searchsorted(keys, low), keys.shape[0]):
                    if keys[k] > low + 2 or looked_at >= ak.LOOKED_AT_MAX:
                        break
                    looked_at += 1
                    i = slots[k]
                    if i == j or told_apart(names[j], heard[j], names[i], heard[i]):
                        continue
                    o = tracks[i]
                    if now_s - o[tk.T_AT] > COASTED_S or now_s - t[tk.T_AT] > COASTED_S:
                        continue
                    moved(o, now_s - o[tk.T_AT], other)
                    off = (place[0] - other[0]) ** 2 + (place[1] - other[1]) ** 2 + (place[2] - other[2]) ** 2
                    slip = (place[3] - other[3]) ** 2 + (place[4] - other[4]) ** 2 + (place[5] - other[5]) ** 2
                    qq, _, _, ww, _, _ = grown(o, max(0.0, now_s - o[tk.T_AT]))
                    # Two estimates of one aircraft differ by more than their filters believe: their sources lag.
                    total = (
                        pp
                        + qq
                        + 900.0
                        + 0.5 * slip
                        + (1.0 * max(1.0, math.sqrt(other[3] ** 2 + other[4] ** 2 + other[5] ** 2))) ** 2
                    )
                    misfit = off / total
                    if misfit >= best or off > AGREE_MAX_M**2 or slip > AGREE_GATE * (vv + ww + 25.0):
                        continue
                    if heights_differ(t, o, now_s):
                        continue
                    best, partner = misfit, i
        if partner < 0:
            t[tk.T_AGREED], t[tk.T_NEAR] = 0.0, -math.inf
        elif t[tk.T_AGREED] != tracks[partner, tk.T_SHOWN]:
            t[tk.T_AGREED], t[tk.T_NEAR] = tracks[partner, tk.T_SHOWN], now_s
        elif now_s - t[tk.T_NEAR] >= MERGED_S:
            found[n, 0], found[n, 1] = j, partner
            n += 1
    return found[:n]


@njit(cache=True, error_model="numpy")
def heights_differ(first: Floats, second: Floats, now_s: float) -> bool:
    """Whether two tracks have heights of one kind that are further apart than their errors."""
    for base in (tk.T_PRESSURE, tk.T_GEOMETRIC):
        a, b = first[base : base + 7], second[base : base + 7]
        if min(a[tk.H_AGREED], b[tk.H_AGREED]) < 2.0 or now_s - min(a[tk.H_AT], b[tk.H_AT]) > tk.HEIGHT_LOST_S:
            continue
        off = (a[0] + a[tk.H_RATE] * (now_s - a[tk.H_AT])) - (b[0] + b[tk.H_RATE] * (now_s - b[tk.H_AT]))
        slow = 0.5 * abs(a[tk.H_RATE] + b[tk.H_RATE]) * 3.0
        if off * off > AGREE_GATE * (a[tk.H_ZZ] + b[tk.H_ZZ] + 900.0 + slow * slow):
            return True
    return False
