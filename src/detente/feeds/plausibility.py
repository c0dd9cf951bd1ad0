"""What no aircraft does, so that a wrong unit or a swapped coordinate is caught where a plan comes in (R46).

One rule for every reader: reports of tracks are held against it one by one, plans as a whole, so that whatever became a
plan is a plan again when it is written and read.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np

from detente.airspace.altitude import AltitudeUnit
from detente.airspace.arrays import Floats
from detente.airspace.geodesy import GEOD
from detente.airspace.plan import Plan, Trajectory, Volume4D
from detente.airspace.refusal import Refusal

FASTEST_M_S = 1_000.0
"""The fastest aircraft that ever took off by itself reached 981 m/s; the exact predicate is stated up to this speed."""

HIGH_FLOOR_M, UNLIMITED_M = 15_000.0, 60_000.0
"""FL 250 to FL 350 written in metres begins above the first and ends below the second, which is none at all."""

STEEPEST_M_S = 300.0
"""59,000 ft/min: the fastest climb to height on record averages 150 m/s, and no service type is known to reach this."""

HIGHEST_M = 26_000.0
"""The highest sustained level flight on record is 25,929 m (SR-71, 1976); FL 260 written in metres is this too."""

POSITION_JITTER_M = 1_000.0
"""How far a position may be off by a time stamp that is seconds late: two reports may be this much further apart."""

HEIGHT_JITTER_M = 100.0
"""Likewise for height: readings come in steps of up to 100 ft, and late."""

LONGEST_DEGREE_M = 111_700.0
"""No degree of latitude, and none of longitude at the equator, is longer than this."""

FloatOrFloats = TypeVar("FloatOrFloats", float, Floats)

ROUNDING_M = 1.0
"""What a plan is allowed beyond the rule for reports: its times are in whole microseconds."""


def position_excess_m(
    latitude_deg: Floats, longitude_deg: Floats, next_latitude_deg: Floats, next_longitude_deg: Floats,
    seconds: Floats, fastest_m_s: float = FASTEST_M_S,
) -> Floats:  # fmt: skip
    """Return how much further apart two positions each are than any aircraft could fly in `seconds`, in metres.

    Above zero it is exact; below, a bound that costs a tenth of the geodesic's time.
    """
    allowed_m = fastest_m_s * np.asarray(seconds) + POSITION_JITTER_M
    north = np.abs(next_latitude_deg - latitude_deg)
    east = np.abs((next_longitude_deg - longitude_deg + 180.0) % 360.0 - 180.0)
    # No way is longer than along the meridian and then along the parallel.
    excess_m = LONGEST_DEGREE_M * (north + east * np.cos(np.radians(next_latitude_deg))) - allowed_m
    far = np.flatnonzero(excess_m > 0.0)
    distance_m = GEOD.inv(longitude_deg[far], latitude_deg[far], next_longitude_deg[far], next_latitude_deg[far])[2]
    excess_m[far] = distance_m - allowed_m[far]
    return np.asarray(excess_m)


def height_excess_m(height_m: FloatOrFloats, next_height_m: FloatOrFloats, seconds: FloatOrFloats) -> FloatOrFloats:
    """Return how much further apart two heights are than any aircraft could climb or dive in `seconds`.

    In metres; of single heights, or of arrays of one shape.
    """
    return abs(next_height_m - height_m) - STEEPEST_M_S * seconds - HEIGHT_JITTER_M


def check_plan(plan: Plan) -> None:
    """Raise Refusal naming the first part of `plan` that no aircraft can fly or need."""
    if isinstance(plan.intent, Trajectory):
        check_trajectory(plan.intent)
        return
    for number, volume in enumerate(plan.intent, start=1):
        check_volume(volume, f"part {number}: " if len(plan.intent) > 1 else "")


def check_volume(volume: Volume4D, place: str = "") -> None:
    """Raise Refusal for a volume above every aircraft, or a band in metres that must have been one in feet.

    What reaches from lower down beyond every aircraft, or has an upper limit that means none, is let pass.
    """
    lower, upper = volume.altitude.lower, volume.altitude.upper
    if lower.reading_m > HIGHEST_M:
        raise _too_high(f"{place}altitude.lower", lower.reading_m)
    in_metres = upper.unit is AltitudeUnit.METRE
    if in_metres and lower.reading_m > HIGH_FLOOR_M and HIGHEST_M < upper.reading_m < UNLIMITED_M:
        raise _too_high(f"{place}altitude.upper", upper.reading_m)


def check_trajectory(trajectory: Trajectory) -> None:
    """Raise Refusal naming the first waypoint that is too high or cannot be reached from the one before it.

    Waypoints may be passed early or late, as far as the containment says.
    """
    waypoints = trajectory.waypoints
    heights = np.array([waypoint.altitude.reading_m for waypoint in waypoints])
    above = np.flatnonzero(heights > HIGHEST_M)
    if above.size:
        raise _too_high(f"waypoints[{int(above[0])}].altitude", float(heights[above[0]]))
    if len(waypoints) < 2:
        return
    longitudes = np.array([waypoint.position.longitude_deg for waypoint in waypoints])
    latitudes = np.array([waypoint.position.latitude_deg for waypoint in waypoints])
    seconds = np.diff(np.array([waypoint.time.timestamp() for waypoint in waypoints]))
    allowed_s = seconds + 2.0 * trajectory.containment.along_time_s
    excess_m = position_excess_m(latitudes[:-1], longitudes[:-1], latitudes[1:], longitudes[1:], allowed_s)
    too_fast = np.flatnonzero(excess_m > ROUNDING_M)
    if too_fast.size:
        leg = int(too_fast[0])
        length_m = excess_m[leg] + FASTEST_M_S * allowed_s[leg] + POSITION_JITTER_M
        raise Refusal(
            "feeds.no_more_than_m", f"waypoints[{leg + 1}]", f"{length_m / 1000.0:,.1f} km after {seconds[leg]:,.1f} s",
            fastest_m_s=FASTEST_M_S,
        )  # fmt: skip
    too_steep = np.flatnonzero(height_excess_m(heights[:-1], heights[1:], allowed_s) > ROUNDING_M)
    if too_steep.size:
        leg = int(too_steep[0])
        raise Refusal(
            "feeds.no_steeper_than", f"waypoints[{leg + 1}].altitude",
            f"{heights[leg + 1] - heights[leg]:+,.0f} m after {seconds[leg]:,.1f} s", steepest_m_s=STEEPEST_M_S,
        )  # fmt: skip


def _too_high(field: str, height_m: float) -> Refusal:
    return Refusal("feeds.no_higher_than", field, f"{height_m:,.0f} m", highest_m=HIGHEST_M)
