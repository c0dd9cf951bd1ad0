"""Which volumes of two extents share a point: exactly, but for no more pairs than one request may have compared.

Two intents of 10,000 volumes each make a hundred million pairs, so bounds tell most of them apart first: heights,
times, and a cap of the earth around each volume. What was not compared counts as sharing a point where a key must hold
it: nothing relevant is ever missed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import numpy as np

from detente.airspace.altitude import Altitude, AltitudeBand, AltitudeUnit, Ellipsoid
from detente.airspace.arrays import Floats
from detente.airspace.plan import Circle, Plan, Polygon, TimeWindow
from detente.airspace.plan import Volume4D as PlanVolume
from detente.airspace.position import Position
from detente.airspace.refusal import Refusal
from detente.airspace.search import encounter
from detente.airspace.separation import Minima
from detente.utm.cells_kernels import SMALLEST_CURVATURE_RADIUS_M, unit_vectors
from detente.utm.dss.records import Occupied
from detente.utm.moments import SECOND_US
from detente.utm.space import Extents, Volume

SHARED_POINT = Minima(0.0, 0.0, 0.0)
LOWEST_M, HIGHEST_M = -8_000.0, 100_000.0
"""The interface's own bounds of heights; they stand for a volume without one."""
MOST_EXACT = 200
"""So many pairs are compared exactly for one request, a millisecond each."""
MOST_BOUNDED = 5_000_000
"""So many are compared by their bounds, another tenth; finding the bounds of one volume counts as `_BOUNDS_COST`."""
_BOUNDS_COST = 200
_WHOLE_EARTH = np.pi
# A geodesic of the ellipsoid strays from the great circle by far less than this share and these radians.
_PAD_SHARE, _PAD_RAD = 1.02, 1e-4


class _Side:
    """The volumes of one side, their bounds, and those as plans that were asked for."""

    def __init__(self, volumes: Sequence[Volume], start_us: int | None, end_us: int | None) -> None:
        self._volumes = volumes
        self._start_us, self._end_us = start_us, end_us
        self._plans: dict[int, Plan | None] = {}
        caps = [_cap(volume) for volume in volumes]
        self.centres = np.array([centre for centre, _ in caps])
        self.reaches = np.array([reach for _, reach in caps])
        self.lower_m = np.array([LOWEST_M if one.lower_m is None else one.lower_m for one in volumes])
        self.upper_m = np.array([HIGHEST_M if one.upper_m is None else one.upper_m for one in volumes])
        self.start_us = np.array([known(one.start_us, start_us) for one in volumes])
        self.end_us = np.array([known(one.end_us, end_us) for one in volumes])

    def may_share(self, other: _Side, k: int) -> list[int]:
        """The volumes that the bounds do not tell apart from volume `k` of the other side."""
        near = self.centres @ other.centres[k] >= np.cos(np.minimum(self.reaches + other.reaches[k], _WHOLE_EARTH))
        level = (self.lower_m <= other.upper_m[k]) & (self.upper_m >= other.lower_m[k])
        meanwhile = (self.start_us <= other.end_us[k]) & (self.end_us >= other.start_us[k])
        found: list[int] = np.flatnonzero(near & level & meanwhile).tolist()
        return found

    def plan(self, k: int) -> Plan | None:
        """A volume as a plan; None for one of which the airspace room takes another view."""
        if k not in self._plans:
            self._plans[k] = _plan(self._volumes[k], self._start_us, self._end_us)
        return self._plans[k]


class PartComparison:
    """The volumes of `extents` compared with those of others, within what one request may have compared.

    Attributes:
        is_over: something was not compared.
    """

    def __init__(self, extents: Extents) -> None:
        self.is_over = False
        self._extents = extents
        self._mine: _Side | None = None
        self._exact_left = MOST_EXACT
        self._bounded_left = MOST_BOUNDED

    def shared_pairs(self, other: Occupied) -> Iterator[tuple[int, int]]:
        """Which volume shares a point with which of the other's, by index, until enough was compared."""
        if self.is_over:
            return
        theirs, extents = other.volumes, self._extents
        if not self._may_go_on(bounded=_BOUNDS_COST * (len(theirs) + len(extents.volumes))):
            return
        if self._mine is None:
            self._mine = _Side(extents.volumes, extents.start_us, extents.end_us)
        first, second = self._mine, _Side(theirs, other.start_us, other.end_us)
        for k in range(len(extents.volumes)):
            if not self._may_go_on(bounded=len(theirs)):
                return
            for m in second.may_share(first, k):
                if not self._may_go_on(exact=1):
                    return
                if _share(first.plan(k), second.plan(m)):
                    yield k, m

    def _may_go_on(self, *, bounded: int = 0, exact: int = 0) -> bool:
        self._bounded_left -= bounded
        self._exact_left -= exact
        self.is_over = self._bounded_left < 0 or self._exact_left < 0
        return not self.is_over


def known(at_us: int | None, else_us: int | None) -> int:
    """A time, or that of the whole where a volume has none of its own."""
    found = else_us if at_us is None else at_us
    assert found is not None
    return found


def _cap(volume: Volume) -> tuple[Floats, float]:
    """The middle of a cap of the earth that holds a volume, as a unit vector, and its reach in radians."""
    corners = unit_vectors(np.array(volume.ring))
    if volume.radius_m is not None:
        return corners[0], volume.radius_m / SMALLEST_CURVATURE_RADIUS_M * _PAD_SHARE + _PAD_RAD
    middle = corners.mean(axis=0)
    length = float(np.sqrt(middle @ middle))
    if length < 0.1:
        return corners[0], _WHOLE_EARTH
    middle /= length
    # What is far smaller than half the earth holds the shortest ways between its points.
    reach = float(np.arccos(np.clip((corners @ middle).min(), -1.0, 1.0))) * _PAD_SHARE + _PAD_RAD
    return middle, reach if reach < 1.5 else _WHOLE_EARTH


def _share(first: Plan | None, second: Plan | None) -> bool:
    if first is None or second is None:
        return True
    try:
        return encounter(first, second, SHARED_POINT) is not None
    except Refusal:
        # The airspace room holds stricter views of what a plan is; what it cannot judge stays relevant.
        return True


def _plan(volume: Volume, start_us: int | None, end_us: int | None) -> Plan | None:
    start, end = known(volume.start_us, start_us), known(volume.end_us, end_us)
    lower = LOWEST_M if volume.lower_m is None else volume.lower_m
    upper = HIGHEST_M if volume.upper_m is None else volume.upper_m
    places = tuple(Position(latitude, longitude) for latitude, longitude in volume.ring)
    try:
        outline = Polygon(places) if volume.radius_m is None else Circle(places[0], volume.radius_m)
        band = AltitudeBand(_ellipsoid(lower), _ellipsoid(upper))
        return Plan("volume", (PlanVolume(outline, band, TimeWindow(_moment(start), _moment(end))),))
    except Refusal:
        return None


def _ellipsoid(height_m: float) -> Altitude:
    return Altitude(height_m, AltitudeUnit.METRE, Ellipsoid())


def _moment(at_us: int) -> datetime:
    return datetime.fromtimestamp(at_us / SECOND_US, UTC)
