"""What no aircraft does, so that a wrong unit or a swapped coordinate is caught where a plan comes in (R46)."""

from __future__ import annotations

import numpy as np

from detente.airspace.geodesy import GEOD
from detente.airspace.plan import Trajectory
from detente.airspace.refusal import Refusal

FASTEST_M_S = 1_000.0
"""The fastest aircraft that ever took off by itself reached 981 m/s; the exact predicate is stated up to this speed."""


def check_speeds(trajectory: Trajectory) -> None:
    """Raise Refusal naming the first waypoint that cannot be reached from the one before it, even early or late."""
    waypoints = trajectory.waypoints
    if len(waypoints) < 2:
        return
    longitudes = np.array([waypoint.position.longitude_deg for waypoint in waypoints])
    latitudes = np.array([waypoint.position.latitude_deg for waypoint in waypoints])
    times = np.array([waypoint.time.timestamp() for waypoint in waypoints])
    lengths = GEOD.inv(longitudes[:-1], latitudes[:-1], longitudes[1:], latitudes[1:])[2]
    seconds = np.diff(times) + 2.0 * trajectory.containment.along_time_s
    too_fast = np.flatnonzero(np.asarray(lengths) > FASTEST_M_S * seconds + 1.0)
    if too_fast.size:
        leg = int(too_fast[0])
        raise Refusal(
            f"waypoints[{leg + 1}]",
            f"{lengths[leg] / 1000.0:,.1f} km after {times[leg + 1] - times[leg]:,.1f} s",
            f"no more than {FASTEST_M_S:,.0f} m/s",
            "Check the times, and that latitude and longitude are not swapped.",
        )
