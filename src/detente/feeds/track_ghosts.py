"""Ghosts: a ground radar's track, rebroadcast under an address beside the aircraft's own (TIS-B, address with "~").

A ghost would be in conflict with the aircraft that it is. The reports of a "~" track are taken for a ghost's only when
all of them, as long as one and the same other aircraft is heard, lie on that aircraft's track; before and after, the
aircraft may be known by its radar track alone, and that is kept. An aircraft without transponder that keeps in
formation with one that has one cannot be told from a ghost, and is dropped with them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from detente.airspace.geodesy import GEOD
from detente.feeds.track_columns import TrackColumns

NEAR_M = 463.0
"""A quarter of a nautical mile: rebroadcast positions lag by seconds."""

NEAR_FT = 400.0
NEAR_COURSE_DEG = 45.0
NEAR_S = 30.0
"""The other aircraft has a report within this time, so that its position between reports is known."""


class Ghosts:
    """Finds the "~" tracks that lie on one of the given flights."""

    def __init__(self, columns: TrackColumns, flights: Sequence[NDArray[np.intp]]) -> None:
        self._columns = columns
        self._flights = flights
        self._first_s = np.array([columns.time_s[rows[0]] for rows in flights])
        self._last_s = np.array([columns.time_s[rows[-1]] for rows in flights])

    def explained(self, rows: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Return which reports of a "~" track belong to a flight: all those while the flight is heard, or none."""
        times = self._columns.time_s[rows]
        ghostly = np.zeros(len(rows), dtype=np.bool_)
        candidates = np.flatnonzero((self._first_s <= times[-1] + NEAR_S) & (self._last_s >= times[0] - NEAR_S))
        for number in candidates.tolist():
            heard = (times >= self._first_s[number] - NEAR_S) & (times <= self._last_s[number] + NEAR_S)
            if not heard.all():
                # The rest must go on alone, so there is no slack: a report off the end of the track is not on it.
                heard = (times >= self._first_s[number]) & (times <= self._last_s[number])
            if heard.any() and self._on_track(rows[heard], self._flights[number]):
                ghostly |= heard
        return ghostly

    def _on_track(self, rows: NDArray[np.intp], other: NDArray[np.intp]) -> bool:
        columns = self._columns
        times, known = columns.time_s[rows], columns.time_s[other]
        after = np.clip(np.searchsorted(known, times), 0, len(known) - 1)
        before = np.maximum(after - 1, 0)
        nearest = np.where(np.abs(known[before] - times) < np.abs(known[after] - times), before, after)
        if (np.abs(known[nearest] - times) > NEAR_S).any():
            return False
        latitude = np.interp(times, known, columns.latitude_deg[other])
        longitude = np.interp(times, known, np.unwrap(columns.longitude_deg[other], period=360.0))
        distance = GEOD.inv(longitude, latitude, columns.longitude_deg[rows], columns.latitude_deg[rows])[2]
        if (np.asarray(distance) > NEAR_M).any():
            return False
        altitude = np.interp(times, known, columns.altitude_ft[other])
        if (np.abs(altitude - columns.altitude_ft[rows]) > NEAR_FT).any():
            return False
        turn = np.abs((columns.track_deg[other[nearest]] - columns.track_deg[rows] + 180.0) % 360.0 - 180.0)
        # A radar's course lags in a turn, so half of them are enough; two aircraft that cross agree in none.
        return int((turn > NEAR_COURSE_DEG).sum()) * 2 <= len(rows)
