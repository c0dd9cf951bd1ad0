"""Tracks that may be one aircraft seen twice: decided where two files meet, told with the reason, and never left out.

A ground radar's track is rebroadcast under an address of its own ("~" before it: TIS-B), and two receivers hear one
aircraft. Such a pair is in conflict with itself. It cannot be told from an aircraft without transponder that flies in
formation with one that has one, so that the conflict stays, and people judge it.
"""

from __future__ import annotations

from enum import StrEnum

import numpy as np

from detente.airspace.arrays import Floats
from detente.airspace.geodesy import GEOD
from detente.airspace.plan import Plan, Trajectory
from detente.airspace.position import posix_s
from detente.feeds.flights import Flight
from detente.feeds.track_ghosts import NEAR_FT, NEAR_M

STEP_S = 4.0
LAGS_S = tuple(range(-10, 11))
"""A rebroadcast position, or the clock of another receiver, is late or early by some seconds."""

LEAST_COMMON_S = 30.0
"""Two aircraft that pass each other are near for less than this."""

NEAR_HEIGHT_M = NEAR_FT * 0.3048


class SameAircraft(StrEnum):
    """Why two tracks may be one aircraft; the value is the key of its text in room `language`."""

    SAME_ADDRESS = "same_address"
    REBROADCAST = "rebroadcast"


def same_aircraft(first: Flight, second: Flight) -> SameAircraft | None:
    """Return why two flights may be one aircraft, or None: all the time that both are heard they are in one place."""
    if first.icao24 and first.icao24 == second.icao24:
        reason = SameAircraft.SAME_ADDRESS
    elif first.icao24.startswith("~") or second.icao24.startswith("~"):
        reason = SameAircraft.REBROADCAST
    else:
        return None
    return reason if _in_one_place(first.plan, second.plan) else None


def _in_one_place(first: Plan, second: Plan) -> bool:
    start = max(first.time.start, second.time.start).timestamp()
    end = min(first.time.end, second.time.end).timestamp()
    if end - start < LEAST_COMMON_S:
        return False
    assert isinstance(first.intent, Trajectory)
    assert isinstance(second.intent, Trajectory)
    times = np.linspace(start, end, max(2, int((end - start) / STEP_S)))
    longitude, latitude, height_m = _places(first.intent, times)
    near = np.zeros(len(times), dtype=np.bool_)
    for lag_s in LAGS_S:
        east, north, up_m = _places(second.intent, times + lag_s)
        apart_m = np.asarray(GEOD.inv(longitude, latitude, east, north)[2])
        near |= (apart_m <= NEAR_M) & (np.abs(up_m - height_m) <= NEAR_HEIGHT_M)
    return bool(near.all())


def _places(trajectory: Trajectory, times: Floats) -> tuple[Floats, Floats, Floats]:
    """Longitudes and latitudes in degrees and heights in metres; outside the flight those of its ends."""
    waypoints = trajectory.waypoints
    longitudes = np.array([waypoint.position.longitude_deg for waypoint in waypoints])
    latitudes = np.array([waypoint.position.latitude_deg for waypoint in waypoints])
    heights = np.array([waypoint.altitude.reading_m for waypoint in waypoints])
    at = np.array([posix_s(waypoint.time) for waypoint in waypoints])
    if len(at) == 1:
        return tuple(np.full(len(times), values[0]) for values in (longitudes, latitudes, heights))  # type: ignore[return-value] # three of them
    within = np.clip(times, at[0], at[-1])
    leg = np.clip(np.searchsorted(at, within, side="right") - 1, 0, len(at) - 2)
    share = (within - at[leg]) / (at[leg + 1] - at[leg])
    azimuth, _, length = GEOD.inv(longitudes[leg], latitudes[leg], longitudes[leg + 1], latitudes[leg + 1])
    east, north, _ = GEOD.fwd(longitudes[leg], latitudes[leg], azimuth, share * length)
    return np.asarray(east), np.asarray(north), np.interp(within, at, heights)
