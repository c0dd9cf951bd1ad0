"""Tracks of GPX and KML that a receiver recorded: a silence among their positions is no straight leg.

These formats hold planned paths too, whose waypoints are minutes apart. A recording is known by its positions, most of
which follow each other within half a minute.
"""

from __future__ import annotations

import numpy as np

from detente.airspace.plan import Containment, Trajectory
from detente.airspace.position import posix_s
from detente.feeds.track_containment import HeardReports, leg_containments, silences
from detente.feeds.tracks import TrackOptions

FEWEST_POSITIONS = 10
RECORDED_S = 30.0
"""Of a recording half of the positions at least follow the one before within this time."""


def with_silences(trajectory: Trajectory) -> tuple[Trajectory, int]:
    """Return the trajectory with the legs wider across which a recording has no position, and how many these are.

    By the rule of flown tracks (`track_containment`); a planned path stays as it is.
    """
    waypoints = trajectory.waypoints
    times_s = np.array([posix_s(waypoint.time) for waypoint in waypoints])
    if len(waypoints) < FEWEST_POSITIONS or np.median(np.diff(times_s)) > RECORDED_S:
        return trajectory, 0
    heard = HeardReports(
        times_s,
        np.array([waypoint.position.latitude_deg for waypoint in waypoints]),
        np.array([waypoint.position.longitude_deg for waypoint in waypoints]),
        np.array([waypoint.altitude.reading_m for waypoint in waypoints]),
        np.ones(len(waypoints), dtype=np.bool_),
    )
    unheard = silences(heard, TrackOptions().silence_s)
    if not unheard:
        return trajectory, 0
    legs = leg_containments(heard, np.arange(len(waypoints)), unheard, trajectory.containment)
    whole = Containment(
        max(leg.lateral_m for leg in legs), max(leg.vertical_m for leg in legs), trajectory.containment.along_time_s
    )
    return Trajectory(waypoints, whole, legs), len({one.first for one in unheard})
