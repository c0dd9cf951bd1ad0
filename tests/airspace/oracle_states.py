"""States of the published oracles, carried from their sphere or plane to the ellipsoid, and plans flown from them.

The oracles' Earth is a sphere or a plane. Degrees would mean other distances on the ellipsoid (half a per cent at the
equator, where the closest calls are decided by less), so places are carried over with their metres north and east of a
point, which is exact there and good to a few parts in a million a hundred kilometres on.
"""

from __future__ import annotations

import math

import numpy as np
from plan_strategies import moved, plan_of

from detente.airspace.plan import Plan
from detente.airspace.tactical import TacticalConflicts, Traffic

A_M = 6_378_137.0
E2 = (2.0 - 1.0 / 298.257223563) / 298.257223563


def on_ellipsoid(north_m, east_m, latitude_deg: float = 0.0, longitude_deg: float = 0.0):
    """Latitudes and longitudes of points so many metres north and east of a point of the ellipsoid."""
    sine = math.sin(math.radians(latitude_deg))
    across_m = A_M / math.sqrt(1.0 - E2 * sine * sine)
    along_m = across_m * (1.0 - E2) / (1.0 - E2 * sine * sine)
    latitude = latitude_deg + np.degrees(np.asarray(north_m) / along_m)
    longitude = longitude_deg + np.degrees(np.asarray(east_m) / (across_m * math.cos(math.radians(latitude_deg))))
    return latitude, (longitude + 180.0) % 360.0 - 180.0


def straight_plans(traffic: Traffic, names: list[str], duration_s: float) -> list[Plan]:
    """One leg for each aircraft: along the geodesic at the ground speed of its state, climbing as it does."""
    plans = []
    for k, name in enumerate(names):
        latitude, longitude = float(traffic.latitude_deg[k]), float(traffic.longitude_deg[k])
        height = float(traffic.altitude_m[k])
        there = moved(latitude, longitude, float(traffic.track_deg[k]), float(traffic.ground_speed_mps[k]) * duration_s)
        here = moved(latitude, longitude, 0.0, 0.0)
        top = height + float(traffic.vertical_speed_mps[k]) * duration_s
        plans.append(plan_of(name, [(here, height, 0.0), (there, top, duration_s)]))
    return plans


def rows_by_pair(found: TacticalConflicts, names: list[str]) -> dict[frozenset[str], int]:
    """The row of each pair of names."""
    return {frozenset((names[a], names[b])): k for k, (a, b) in enumerate(zip(found.first, found.second, strict=True))}


def distance_until(found: TacticalConflicts, row: int, horizon_s: float) -> float:
    """Smallest horizontal distance between now and `horizon_s`, metres."""
    closest_s, closest_m, now_m = found.closest_s[row], found.closest_m[row], found.distance_m[row]
    if closest_s <= 0.0:
        return now_m
    if closest_s <= horizon_s:
        return closest_m
    relative_mps = math.sqrt(max(0.0, now_m**2 - closest_m**2)) / closest_s
    return math.hypot(closest_m, relative_mps * (closest_s - horizon_s))
