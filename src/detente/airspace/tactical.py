"""Tactical conflict detection: which aircraft will lose separation if all keep their course, speed and climb.

`detect` answers for all pairs at once and never misses one: the search over-reports and the exact predicate decides
(`tactical_kernels.py` proves the bounds). A pair is in conflict when its open interval of time with the horizontal
distance below `horizontal_m` and the vertical distance below `vertical_m` meets [0, look_ahead_s]. Relative motion is
straight in a plane of the pair's own; which plane is the `Plane` chosen.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum

import numba
import numpy as np
from numpy.typing import ArrayLike

from detente.airspace import tactical_kernels as kernels
from detente.airspace.altitude import check_range
from detente.airspace.arrays import Floats, Integers
from detente.airspace.cores import on_all_cores
from detente.airspace.refusal import Refusal

REACH_LIMIT_M = 2_000_000.0
"""The search's bounds are proved up to this distance; beyond it straight lines are no model of a round Earth."""

SLICES_MAX = 64
INLINE_MAX = 4_000
"""Below this many aircraft the search takes less time than starting a thread."""
CELLS_PER_AIRCRAFT = 3.0
SORT_COST = 110e-9
CANDIDATE_COST = 12e-9
"""Seconds per aircraft and slice, and per candidate pair; only their ratio matters, and only for speed."""


class Plane(IntEnum):
    """In which plane the relative motion of a pair is straight.

    TANGENT is level on the WGS 84 ellipsoid halfway between both aircraft: the same everywhere, poles and antimeridian
    included. Against pyproj's geodesics, with 100 to 250 m/s anywhere on Earth, its closest approach was wrong by at
    most 0.7 m and 0.012 s at a look-ahead of 300 s, 5 m and 0.1 s at 600 s, 40 m and 0.9 s at 1,200 s.

    FLAT is the model of BlueSky's StateBased, for comparison with it: a sphere of 6,371 km, east-west distance scaled
    by the cosine of the mean latitude, tracks compared as if all meridians were parallel. At 50 degrees of latitude and
    300 s that is wrong by up to two kilometres, near the poles it is meaningless. One thing differs from BlueSky's
    compiled detector, which finds no pair across the antimeridian: here such pairs are found.
    """

    TANGENT = kernels.TANGENT
    FLAT = kernels.FLAT


@dataclass(frozen=True, eq=False, slots=True)
class Traffic:
    """The state of n aircraft at one instant; every field is an array of shape [n].

    All altitudes are on the same reference; `track_deg` is clockwise from true north. Raises Refusal for arrays of
    different shapes, numbers that are not finite, or out of range.
    """

    latitude_deg: Floats
    longitude_deg: Floats
    altitude_m: Floats
    ground_speed_mps: Floats
    track_deg: Floats
    vertical_speed_mps: Floats

    def __post_init__(self) -> None:
        shape = np.shape(self.latitude_deg)
        for field, (lowest, highest, unit) in TRAFFIC_RANGES.items():
            array = as_array(getattr(self, field))
            if array.ndim != 1 or array.shape != shape:
                raise Refusal("airspace.shape_latitude_deg", field, np.shape(array), shape=str(shape))
            wrong = ~((array >= lowest) & (array <= highest))
            if wrong.any():
                at = int(np.argmax(wrong))
                raise Refusal(
                    "airspace.in_range", f"{field}[{at}]", float(array[at]), lowest=lowest, highest=highest, unit=unit
                )
            object.__setattr__(self, field, array)

    def __len__(self) -> int:
        return len(self.latitude_deg)


TRAFFIC_RANGES = {
    "latitude_deg": (-90.0, 90.0, "degrees north"),
    "longitude_deg": (-180.0, 360.0, "degrees east"),
    "altitude_m": (-2_000.0, 100_000.0, "metres"),
    "ground_speed_mps": (0.0, 10_000.0, "metres per second"),
    "track_deg": (-360.0, 360.0, "degrees clockwise from true north"),
    "vertical_speed_mps": (-2_000.0, 2_000.0, "metres per second"),
}


@dataclass(frozen=True, eq=False, slots=True)
class TacticalConflicts:
    """The pairs found, each once with ``first < second`` (indices into the traffic), in ascending order.

    Every field is an array of shape [pairs]. `closest_s` is the horizontal closest approach on courses without end, so
    it may lie in the past or beyond the look-ahead; `closest_m` is the horizontal distance then. `entry_s` is the first
    instant inside both minima, 0 for a pair that is inside already; `exit_s` the last, which is infinite for two that
    move alike. `distance_m` is the horizontal distance now.
    """

    first: Integers
    second: Integers
    closest_s: Floats
    closest_m: Floats
    entry_s: Floats
    exit_s: Floats
    distance_m: Floats

    def __len__(self) -> int:
        return len(self.first)


def detect(
    traffic: Traffic, horizontal_m: float, vertical_m: float, look_ahead_s: float, plane: Plane = Plane.TANGENT
) -> TacticalConflicts:
    """Find every pair that comes inside both minima within `look_ahead_s` seconds from now.

    The answer does not depend on the number of cores. Raises Refusal for minima or a look-ahead that are negative or
    not finite, and when the fastest aircraft flies so far within the look-ahead that straight lines mean nothing.
    """
    check_range("horizontal_m", horizontal_m, 0.0, 200_000.0, "metres")
    check_range("vertical_m", vertical_m, 0.0, 20_000.0, "metres")
    check_range("look_ahead_s", look_ahead_s, 0.0, 86_400.0, "seconds")
    n = len(traffic)
    if n < 2 or horizontal_m == 0.0 or vertical_m == 0.0:
        return described(np.empty((0, kernels.STATE_COLUMNS)), plane, (horizontal_m, vertical_m), np.empty(0, np.int64))
    speed_max = float(traffic.ground_speed_mps.max())
    if horizontal_m + 2.0 * speed_max * look_ahead_s > REACH_LIMIT_M:
        raise Refusal(
            "airspace.look_ahead_within_reach", "look_ahead_s", look_ahead_s,
            reach_limit_m=(REACH_LIMIT_M - horizontal_m) / (2.0 * speed_max), speed_max=speed_max,
        )  # fmt: skip
    state = kernels.prepare(
        traffic.latitude_deg, traffic.longitude_deg, traffic.altitude_m,
        traffic.ground_speed_mps, traffic.track_deg, traffic.vertical_speed_mps, int(plane),
    )  # fmt: skip
    slices = slice_count(traffic, horizontal_m, vertical_m, look_ahead_s)
    minima = (float(horizontal_m), float(vertical_m), float(look_ahead_s))
    room = 1024 + 4 * n // slices

    def search(number: int, _: int) -> Integers:
        pairs = np.empty(room, dtype=np.int64)
        count = kernels.search_slice(state, int(plane), minima, number, slices, CELLS_PER_AIRCRAFT, pairs)
        if count > room:
            pairs = np.empty(count, dtype=np.int64)
            kernels.search_slice(state, int(plane), minima, number, slices, CELLS_PER_AIRCRAFT, pairs)
        return pairs[:count]

    if n < INLINE_MAX:
        parts = [search(number, number + 1) for number in range(slices)]
    else:
        parts = on_all_cores(search, slices, 1)
    return described(state, plane, minima[:2], np.sort(np.concatenate(parts)))


def described(state: Floats, plane: Plane, minima: tuple[float, float], keys: Integers) -> TacticalConflicts:
    """Return the conflicts whose sorted keys ``first * n + second`` are `keys`, with their times and distances."""
    first, second = np.divmod(keys, max(1, state.shape[0]))
    table = kernels.describe(state, int(plane), minima[0], minima[1], first, second)
    return TacticalConflicts(first, second, *(np.ascontiguousarray(column) for column in table.T))


def slice_count(traffic: Traffic, horizontal_m: float, vertical_m: float, look_ahead_s: float) -> int:
    """How many slices of time should make the search cheapest, for traffic spread evenly over its bounding box.

    Fewer slices mean less sorting, more slices mean fewer candidates. A wrong guess costs time, never a pair.
    """
    n = len(traffic)
    speed = float(traffic.ground_speed_mps.mean())
    climb = float(np.abs(traffic.vertical_speed_mps).max())
    low, high = float(traffic.latitude_deg.min()), float(traffic.latitude_deg.max())
    width = math.radians(float(np.ptp(traffic.longitude_deg))) * math.cos(math.radians(0.5 * (low + high)))
    area = max(1.0, kernels.FLAT_RADIUS_M**2 * math.radians(high - low) * width)
    depth = max(1.0, float(np.ptp(traffic.altitude_m)))
    best, best_cost = 1, math.inf
    threads = int(numba.get_num_threads())
    for slices in range(1, SLICES_MAX + 1):
        slice_s = look_ahead_s / slices
        wide = min(1.0, (3.0 * (horizontal_m + speed * slice_s)) ** 2 / area)
        high_share = min(1.0, 3.0 * (vertical_m + climb * slice_s) / depth)
        cost = math.ceil(slices / threads) * n * (SORT_COST + CANDIDATE_COST * n * wide * high_share)
        if cost < best_cost:
            best, best_cost = slices, cost
    return best


def as_array(values: ArrayLike) -> Floats:
    """Return `values` as a contiguous array of float64."""
    return np.ascontiguousarray(values, dtype=np.float64)
