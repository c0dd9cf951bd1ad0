"""Compiled search for the tracks that a sighting may be of, and the cost of each.

`names` of a track, shape [NAMES, 4], are whole numbers: the code of a name (NAMELESS for a sensor that gave none, FREE
for an empty place), its kind, its feed, its sensor. `heard` says when each was last heard. Names of a sighting, shape
[2, 2], are codes and kinds; what is FREE there is no name.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from detente.airspace.arrays import Floats, Integers
from detente.watch import track_kernels as tk
from detente.watch.track_kernels import error_of, grown, moved, spread_at

NAMES = 8
FREE, NAMELESS = -1, -2
ICAO, NOT_ICAO, IDENTITY = 0, 1, 2
OUTSIDE, INSIDE, REPEATED, OLDER = 0, 1, 2, 3

GATE = 16.0
"""A sighting is of a track only if it lies within four deviations; 0.03 % of true ones do not, were errors normal."""
GATE_MAX_M = 4_000.0
"""Without a name, nothing further away is of a track, however wrong both may be."""
NEW_NAME_GATE = 9.0
LATE_S = 10.0
"""How late a sighting of another sensor may come and still tell something of now."""
RENAME_S = 15.0
"""A feed that gave a track one name is believed to tell it from another name for this long."""
SAME_SCAN_S = 0.9
"""One sensor without names sees an aircraft no more often than this."""
CELL_M = 5_500.0
"""More than GATE_MAX_M and what the fastest aircraft flies in the second that is compared at once."""
CANDIDATES = 8
LOOKED_AT_MAX = 1_024
"""Tracks near one sighting that are looked at: a crowd beyond that is no traffic."""
DROPPED_S = 60.0
"""A track that nothing was heard of for so long is dropped; no sighting is of it any more."""


@njit(cache=True, error_model="numpy")
def conflicts(names: Integers, heard: Floats, own: Integers, feed: int, sensor: int, at: float) -> bool:
    """Whether what a track is named by says that a sighting is of another aircraft."""
    nameless = own[0, 0] == FREE and own[1, 0] == FREE
    for k in range(2):
        if own[k, 0] == FREE:
            continue
        differs, holds = False, False
        for e in range(NAMES):
            if names[e, 0] == FREE or names[e, 1] != own[k, 1]:
                continue
            if names[e, 0] == own[k, 0]:
                holds = True
            elif own[k, 1] == ICAO or (names[e, 2] == feed and abs(at - heard[e]) < RENAME_S):
                differs = True
        if differs and not holds:
            return True
    if nameless:
        for e in range(NAMES):
            if names[e, 0] != FREE and names[e, 3] == sensor and abs(at - heard[e]) < SAME_SCAN_S:
                return True
    return False


@njit(cache=True, error_model="numpy")
def height_misfit(track: Floats, sighting: Floats) -> float:
    """How badly the heights agree, in squared deviations; 0 where they cannot be compared."""
    worst = 0.0
    for base, column in ((tk.T_PRESSURE, tk.S_PRESSURE), (tk.T_GEOMETRIC, tk.S_GEOMETRIC)):
        z = sighting[column]
        age = sighting[tk.S_AT] - track[base + tk.H_AT]
        if z != z or track[base + tk.H_AGREED] < 1.0 or age > tk.HEIGHT_LOST_S:
            continue
        age = abs(age)
        variance = track[base + tk.H_ZZ] + age * age * track[base + tk.H_VV] + tk.CLIMB_NOISE * age**3 / 3.0
        off = z - track[base] - track[base + tk.H_RATE] * (sighting[tk.S_AT] - track[base + tk.H_AT])
        worst = max(worst, off * off / (variance + sighting[column + 1] + 900.0))
    return worst


@njit(cache=True, error_model="numpy")
def cost_by_place(track: Floats, sighting: Floats, place: Floats, gate: float) -> float:
    """Cost of a sighting without a known name; negative where it is outside the gate of place, velocity or height."""
    dt = sighting[tk.S_AT] - track[tk.T_AT]
    if dt < -LATE_S or dt > DROPPED_S:
        return -1.0
    moved(track, dt, place)
    speed = math.sqrt(place[3] ** 2 + place[4] ** 2 + place[5] ** 2)
    off = 0.0
    for k in range(3):
        off += (sighting[tk.S_POINT + k] - place[k]) ** 2
    total = spread_at(track, dt) + error_of(sighting, speed)
    if off > gate * total or off > GATE_MAX_M * GATE_MAX_M:
        return -1.0
    cost = off / total + 2.0 * math.log(total + 1.0)
    if sighting[tk.S_VELOCITY] == sighting[tk.S_VELOCITY]:
        slip = 0.0
        for k in range(3):
            slip += (sighting[tk.S_VELOCITY + k] - place[3 + k]) ** 2
        spread = sighting[tk.S_VELOCITY_VARIANCE] + (grown(track, dt)[3] if dt > 0.0 else track[tk.T_VV]) + 4.0
        if slip > gate * spread:
            return -1.0
        cost += slip / spread
    misfit = height_misfit(track, sighting)
    if misfit > gate:
        return -1.0
    return cost + misfit


@njit(cache=True, error_model="numpy")
def cost_by_name(track: Floats, sighting: Floats, place: Floats) -> float:
    """Cost of a sighting with the name of this track; negative where no aircraft could have got there."""
    dt = sighting[tk.S_AT] - track[tk.T_AT]
    if dt < -LATE_S or dt > DROPPED_S:
        return -1.0
    moved(track, dt, place)
    speed = math.sqrt(place[3] ** 2 + place[4] ** 2 + place[5] ** 2)
    error = error_of(sighting, speed)
    off, flown = 0.0, 0.0
    for k in range(3):
        off += (sighting[tk.S_POINT + k] - place[k]) ** 2
        flown += (sighting[tk.S_POINT + k] - track[k]) ** 2
    total = spread_at(track, dt) + error
    cost = off / total + 2.0 * math.log(total + 1.0)
    if off <= GATE * total and (flown <= (tk.SPEED_MAX_MPS * abs(dt) + 4.0 * math.sqrt(track[tk.T_PP] + error)) ** 2):
        return cost
    # It may have turned, or flown another way since: whatever it reaches at its speed is possible.
    fast = math.sqrt(track[3] ** 2 + track[4] ** 2 + track[5] ** 2)
    said = sighting[tk.S_SPEED]
    if said == said:
        fast = max(fast, min(said, fast + 30.0 + 3.0 * math.sqrt(track[tk.T_VV])))
    reach = (1.2 * fast + 15.0) * max(dt, 0.0) + 4.0 * math.sqrt(track[tk.T_PP] + error)
    if dt >= 0.0 and flown <= reach * reach:
        return cost
    return -1.0


@njit(cache=True, error_model="numpy")
def is_repeated(track: Floats, sighting: Floats) -> bool:
    """Whether a sighting gives the very coordinates of the last, though its aircraft flies."""
    if sighting[tk.S_LATITUDE] != track[tk.T_LATITUDE] or sighting[tk.S_LONGITUDE] != track[tk.T_LONGITUDE]:
        return False
    said = sighting[tk.S_SPEED]
    if said != said:
        said = math.sqrt(track[3] ** 2 + track[4] ** 2 + track[5] ** 2)
        return said > 5.0 and sighting[tk.S_ON_GROUND] == 0.0
    return bool(said > tk.STILL_MPS)


@njit(cache=True, error_model="numpy", nogil=True)
def judge_named(
    tracks: Floats, names: Integers, heard: Floats, sightings: Floats, own: Integers, sensors: Integers,
    pairs: Integers, costs: Floats,
) -> Integers:  # fmt: skip
    """What each pair of a sighting and a track with its name is: OUTSIDE, INSIDE (with its cost), REPEATED or OLDER.

    Each row of `pairs` is the sighting, the track and the code of the name; of `sensors` the feed and the sensor.
    """
    verdicts = np.zeros(pairs.shape[0], np.int64)
    place = np.empty(9)
    for p in range(pairs.shape[0]):
        i, j, code = pairs[p, 0], pairs[p, 1], pairs[p, 2]
        s, t, at = sightings[i], tracks[j], sightings[i, tk.S_AT]
        kind = ICAO
        before = -math.inf
        for e in range(NAMES):
            if names[j, e, 0] == code:
                kind = names[j, e, 1]
                if names[j, e, 3] == sensors[i, 1]:
                    before = heard[j, e]
        again = s[tk.S_LATITUDE] == t[tk.T_LATITUDE] and s[tk.S_LONGITUDE] == t[tk.T_LONGITUDE]
        if is_repeated(t, s) or (again and at == before):
            verdicts[p] = REPEATED
        elif at < before:
            verdicts[p] = OLDER
        elif not conflicts(names[j], heard[j], own[i], sensors[i, 0], sensors[i, 1], at):
            cost = cost_by_name(t, s, place)
            if cost >= 0.0:
                verdicts[p] = INSIDE
                costs[p] = cost - (60.0 if kind == ICAO else 30.0)
    return verdicts


@njit(cache=True, error_model="numpy", nogil=True)
def cells_of(tracks: Floats, slots: Integers, at: float) -> tuple[Integers, Integers]:
    """The tracks heard recently enough, sorted by the cell each is in at `at`; and the keys of the cells."""
    keys = np.empty(slots.shape[0], np.int64)
    kept = np.empty(slots.shape[0], np.int64)
    place = np.empty(9)
    n = 0
    for k in range(slots.shape[0]):
        t = tracks[slots[k]]
        dt = at - t[tk.T_AT]
        if dt > DROPPED_S or dt < -LATE_S - 1.0:
            continue
        moved(t, dt, place)
        kept[n] = slots[k]
        keys[n] = cell_key(math.floor(place[0] / CELL_M), math.floor(place[1] / CELL_M), math.floor(place[2] / CELL_M))
        n += 1
    order = np.argsort(keys[:n], kind="mergesort")
    return kept[:n][order], keys[:n][order]


@njit(cache=True, error_model="numpy")
def cell_key(x: float, y: float, z: float) -> int:
    """One number for a cell, next to that of the cell above it."""
    return ((int(x) + 4096) * 8192 + int(y) + 4096) * 8192 + int(z) + 4096


@njit(cache=True, error_model="numpy", nogil=True)
def candidates_by_place(
    tracks: Floats, names: Integers, heard: Floats, sightings: Floats, own: Integers, sensors: Integers,
    unsettled: Integers, slots: Integers, keys: Integers,
) -> tuple[Integers, Floats]:  # fmt: skip
    """Pairs of unsettled sightings and near tracks that are inside the gate, the cheapest CANDIDATES of each.

    `slots` and `keys` are from `cells_of`.
    """
    pairs = np.empty((unsettled.shape[0] * CANDIDATES, 2), np.int64)
    costs = np.empty(unsettled.shape[0] * CANDIDATES)
    place = np.empty(9)
    n = 0
    for u in range(unsettled.shape[0]):
        i = unsettled[u]
        s = sightings[i]
        first = n
        cell = (math.floor(s[tk.S_POINT] / CELL_M), math.floor(s[tk.S_POINT + 1] / CELL_M),
                math.floor(s[tk.S_POINT + 2] / CELL_M))  # fmt: skip
        looked_at = 0
        gate = GATE if own[i, 0, 0] == FREE and own[i, 1, 0] == FREE else NEW_NAME_GATE
        for dx in range(-1, 2):
            for dy in range(-1, 2):
                low = cell_key(cell[0] + dx, cell[1] + dy, cell[2] - 1)
                begin = np.searchsorted(keys, low)
                for k in range(begin, keys.shape[0]):
                    if keys[k] > low + 2 or looked_at >= LOOKED_AT_MAX:
                        break
                    looked_at += 1
                    j = slots[k]
                    if conflicts(names[j], heard[j], own[i], sensors[i, 0], sensors[i, 1], s[tk.S_AT]):
                        continue
                    cost = cost_by_place(tracks[j], s, place, gate)
                    if cost < 0.0:
                        continue
                    at = n
                    if n - first == CANDIDATES:
                        at = first + int(np.argmax(costs[first:n]))
                        if costs[at] <= cost:
                            continue
                    else:
                        n += 1
                    pairs[at, 0], pairs[at, 1], costs[at] = i, j, cost
    return pairs[:n], costs[:n]


@njit(cache=True, error_model="numpy", nogil=True)
def mark_heard(
    names: Integers, heard: Floats, slots: Integers, own: Integers, sensors: Integers, at: Floats
) -> Integers:
    """Note that each track was heard by its sighting's names; 1 for each that lacks a name, or its sensor."""
    lacking = np.zeros(slots.shape[0], np.int64)
    for i in range(slots.shape[0]):
        j = slots[i]
        count = 0
        for k in range(2):
            code = own[i, k, 0]
            if code == FREE and (k == 0 or count > 0):
                continue
            if code == FREE:
                code = NAMELESS
            count += 1
            found = False
            for e in range(NAMES):
                if names[j, e, 0] == code and names[j, e, 3] == sensors[i, 1]:
                    heard[j, e] = max(heard[j, e], at[i])
                    found = True
            if not found:
                lacking[i] = 1
    return lacking
