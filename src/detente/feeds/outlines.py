"""Outlines that have arcs, parallels and widths, made polygons of geodesic edges that hold all of them.

An arc becomes the edges that touch it from outside, or its chords where the area lies around it: the polygon is never
smaller than the area, and nowhere more than `ARC_TOLERANCE_M` larger. A line that is straight in latitude and
longitude, such as a parallel, is followed within `LINE_TOLERANCE_M`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from detente.airspace.geodesy import GEOD
from detente.airspace.plan import Circle, Polygon
from detente.airspace.position import Position, same_point
from detente.airspace.refusal import Refusal
from detente.feeds.plausibility import LONGEST_DEGREE_M

ARC_TOLERANCE_M = 5.0
LINE_TOLERANCE_M = 1.0
EARTH_RADIUS_M = 6_356_752.0
"""The polar radius, the smallest: it overstates how far lines bend apart."""

STRAIGHT_ENOUGH_DEG = 0.02
"""Below `STEEPEST_LATITUDE_DEG` a line over so little longitude bends by less than `LINE_TOLERANCE_M`."""

STEEPEST_LATITUDE_DEG, WIDEST_AT_POLE_DEG = 89.0, 0.5
"""Closer to a pole a line over more longitude than this is refused; over less it bends by about `LINE_TOLERANCE_M`."""

ARC_MARGIN_M = 0.05
"""An arc of the ellipsoid is this much further out, at the most, than the plane says for `ARC_TOLERANCE_M`."""

RADIUS_SHARE, RADIUS_SLACK_M = 0.05, 200.0
"""How far the two ends of an arc may be from being at one distance from its centre; more is a slip."""

SNAP_SHARE, SNAP_M = 0.005, 20.0
LONGEST_CORRIDOR_LEG_M = 1_000_000.0
_SHORTEST_STEP_DEG = 0.05


class Arc(NamedTuple):
    """An arc from a start to an end around a centre, clockwise or not. Both ends are points of the outline."""

    centre: Position
    start: Position
    end: Position
    clockwise: bool


def bearing_and_distance(start: Position, end: Position) -> tuple[float, float]:
    """Return the azimuth at `start` in degrees, 0 to 360, and the length in metres of the geodesic to `end`."""
    azimuth, _, length_m = GEOD.inv(start.longitude_deg, start.latitude_deg, end.longitude_deg, end.latitude_deg)
    return float(azimuth) % 360.0, float(length_m)


def reached(start: Position, bearing_deg: float, distance_m: float) -> Position:
    """Return where the geodesic from `start` on an azimuth ends after a distance."""
    longitude, latitude, _ = GEOD.fwd(start.longitude_deg, start.latitude_deg, bearing_deg, distance_m)
    return Position(float(latitude), float(longitude))


def arc_by_bearings(centre: Position, radius_m: float, from_deg: float, to_deg: float, *, clockwise: bool) -> Arc:
    """Return the arc of a radius between two true bearings from its centre."""
    start = reached(centre, from_deg, radius_m)
    whole = (to_deg - from_deg) % 360.0 == 0.0
    return Arc(centre, start, start if whole else reached(centre, to_deg, radius_m), clockwise)


def outline(pieces: Sequence[Position | Arc], field: str) -> Polygon:
    """Return the polygon of an outline: points and arcs in order, the first point perhaps again at the end.

    Where an arc ends within `SNAP_SHARE` of its radius from the point beside it, that point is its end: bearings in
    whole degrees, and positions that were rounded, would make the outline cross itself.

    Raises Refusal naming `field` for an arc whose ends are at two distances from its centre.
    """
    pieces = _snapped(pieces)
    chords = _ring([point for piece in pieces for point in _chords(piece, field)])
    turns_clockwise = _signed_area(chords) < 0.0
    points: list[Position] = []
    for piece in pieces:
        if isinstance(piece, Arc) and piece.clockwise == turns_clockwise:
            points += _tangents(piece, field)
        else:
            points += _chords(piece, field)
    return Polygon(tuple(_ring(points)))


def sector(centre: Position, from_deg: float, to_deg: float, inner_m: float, outer_m: float, field: str) -> Polygon:
    """Return what lies clockwise between two true bearings and between two radii."""
    outer = arc_by_bearings(centre, outer_m, from_deg, to_deg, clockwise=True)
    if inner_m <= 0.0:
        return outline([outer, centre], field)
    return outline([outer, arc_by_bearings(centre, inner_m, to_deg, from_deg, clockwise=False)], field)


def corridor(points: Sequence[Position], width_m: float, field: str) -> tuple[Circle | Polygon, ...]:
    """Return what lies within half a width of a line of geodesics: a strip for each leg, a disc at each bend.

    Raises Refusal naming `field` for fewer than two points, or a leg too long to have straight sides.
    """
    points = [b for a, b in pairwise((None, *points)) if b is not None and not (a and same_point(a, b))]
    if len(points) < 2:
        raise Refusal("feeds_airspace.line_of_two_points", field, f"{len(points)} points")
    areas: list[Circle | Polygon] = [_strip(a, b, width_m / 2.0, field) for a, b in pairwise(points)]
    return (*areas, *(Circle(bend, width_m / 2.0) for bend in points[1:-1]))


def straight_in_degrees(start: Position, end: Position) -> list[Position]:
    """Return the points after `start`, `end` the last, that follow a line straight in latitude and longitude.

    The shorter way round is meant. The geodesic between neighbours is within `LINE_TOLERANCE_M` of that line.
    """
    east = (end.longitude_deg - start.longitude_deg + 180.0) % 360.0 - 180.0
    if max(abs(start.latitude_deg), abs(end.latitude_deg)) > STEEPEST_LATITUDE_DEG:
        if abs(east) > WIDEST_AT_POLE_DEG:
            raise Refusal("feeds_airspace.line_not_that_long", "", f"{abs(east):.1f} degrees of longitude at a pole")
        return [end]
    if abs(east) < STRAIGHT_ENOUGH_DEG or _bend_m(start, end, east) < LINE_TOLERANCE_M:
        return [end]
    middle = Position((start.latitude_deg + end.latitude_deg) / 2.0, _wrapped(start.longitude_deg + east / 2.0))
    return [*straight_in_degrees(start, middle), *straight_in_degrees(middle, end)]


def geodesic_in_degrees(start: Position, end: Position) -> list[Position]:
    """Return the points after `start`, `end` the last, between which lines straight in degrees follow the geodesic."""
    east = (end.longitude_deg - start.longitude_deg + 180.0) % 360.0 - 180.0
    steepest = max(abs(start.latitude_deg), abs(end.latitude_deg))
    if abs(east) < STRAIGHT_ENOUGH_DEG or steepest > STEEPEST_LATITUDE_DEG:
        return [end]
    if _bend_m(start, end, east) < LINE_TOLERANCE_M:
        return [end]
    bearing_deg, length_m = bearing_and_distance(start, end)
    middle = reached(start, bearing_deg, length_m / 2.0)
    return [*geodesic_in_degrees(start, middle), *geodesic_in_degrees(middle, end)]


def _bend_m(start: Position, end: Position, east: float) -> float:
    """How far sideways the geodesic is from the line straight in degrees, the most at its quarters."""
    on_geodesic = GEOD.npts(start.longitude_deg, start.latitude_deg, end.longitude_deg, end.latitude_deg, 3)
    north = end.latitude_deg - start.latitude_deg
    most_m = 0.0
    for longitude, latitude in on_geodesic:
        shrink = math.cos(math.radians(latitude))
        from_start = _wrapped(longitude - start.longitude_deg), latitude - start.latitude_deg
        across = (from_start[0] * north - from_start[1] * east) * shrink / math.hypot(east * shrink, north)
        most_m = max(most_m, abs(across) * LONGEST_DEGREE_M)
    return most_m


def outline_in_degrees(vertices: Sequence[Position]) -> Polygon:
    """Return the polygon whose edges are straight in latitude and longitude; the first vertex may be repeated."""
    ring = _ring(list(vertices))
    return Polygon(tuple(_ring([p for a, b in pairwise((*ring, ring[0])) for p in straight_in_degrees(a, b)])))


def corners(area: Circle | Polygon) -> tuple[Position, ...]:
    """Return points between which an area lies: its vertices, or of a circle the four outermost."""
    if isinstance(area, Polygon):
        return area.vertices
    return (area.centre, *(reached(area.centre, bearing, area.radius_m) for bearing in (0.0, 90.0, 180.0, 270.0)))


def _wrapped(longitude_deg: float) -> float:
    return (longitude_deg + 180.0) % 360.0 - 180.0


def _ring(points: list[Position]) -> list[Position]:
    """The points without those that repeat the one before, the first at the end included."""
    kept: list[Position] = []
    for point in points:
        if not kept or not same_point(point, kept[-1]):
            kept.append(point)
    while len(kept) > 1 and same_point(kept[0], kept[-1]):
        kept.pop()
    return kept


def _signed_area(ring: list[Position]) -> float:
    """Above zero for a ring that goes round against the clock."""
    longitudes, latitudes = ([getattr(p, name) for p in ring] for name in ("longitude_deg", "latitude_deg"))
    return float(GEOD.polygon_area_perimeter(longitudes, latitudes)[0])


def _snapped(pieces: Sequence[Position | Arc]) -> list[Position | Arc]:
    """The pieces, each arc between the points beside it where it ends near them."""
    snapped = list(pieces)
    for at, arc in enumerate(pieces):
        if not isinstance(arc, Arc) or same_point(arc.start, arc.end):
            continue
        near_m = SNAP_SHARE * bearing_and_distance(arc.centre, arc.start)[1] + SNAP_M
        start, end = (
            beside if isinstance(beside, Position) and bearing_and_distance(own, beside)[1] <= near_m else own
            for own, beside in ((arc.start, pieces[at - 1]), (arc.end, pieces[(at + 1) % len(pieces)]))
        )
        snapped[at] = arc._replace(start=start, end=end)
    return snapped


class _Sweep(NamedTuple):
    """An arc by azimuths: where it starts, how far it goes (clockwise above zero), and between which radii it lies."""

    start_deg: float
    sweep_deg: float
    least_m: float
    most_m: float

    @property
    def parts(self) -> int:
        half = math.acos(self.most_m / (self.most_m + ARC_TOLERANCE_M))
        return max(1, math.ceil(math.radians(abs(self.sweep_deg)) / (2.0 * half)))


def _sweep(arc: Arc, field: str) -> _Sweep:
    start_deg, start_m = bearing_and_distance(arc.centre, arc.start)
    end_deg, end_m = bearing_and_distance(arc.centre, arc.end)
    least_m, most_m = sorted((start_m, end_m))
    if most_m - least_m > RADIUS_SHARE * most_m + RADIUS_SLACK_M or least_m <= 0.0:
        raise Refusal("feeds_airspace.ends_of_arc_one_distance", field, f"{start_m:,.0f} m and {end_m:,.0f} m")
    sweep_deg = (end_deg - start_deg) % 360.0
    if sweep_deg < _SHORTEST_STEP_DEG / 100.0 and same_point(arc.start, arc.end):
        sweep_deg = 360.0
    return _Sweep(start_deg, sweep_deg if arc.clockwise else sweep_deg - 360.0 * (sweep_deg < 360.0), least_m, most_m)


def _chords(piece: Position | Arc, field: str) -> list[Position]:
    """Points on an arc, the smaller radius of its two ends: their chords lie on the side of the centre."""
    if isinstance(piece, Position):
        return [piece]
    sweep = _sweep(piece, field)
    azimuths = sweep.start_deg + sweep.sweep_deg * np.arange(1, sweep.parts) / sweep.parts
    return [piece.start, *_around(piece.centre, azimuths, sweep.least_m), piece.end]


def _tangents(arc: Arc, field: str) -> list[Position]:
    """Corners outside an arc, the larger radius of its two ends: the edges between them touch it."""
    sweep = _sweep(arc, field)
    azimuths = sweep.start_deg + sweep.sweep_deg * (np.arange(sweep.parts) + 0.5) / sweep.parts
    half = math.radians(abs(sweep.sweep_deg)) / (2 * sweep.parts)
    return [arc.start, *_around(arc.centre, azimuths, sweep.most_m / math.cos(half) + ARC_MARGIN_M), arc.end]


def _around(
    centre: Position, azimuths: np.ndarray[tuple[int], np.dtype[np.float64]], radius_m: float
) -> list[Position]:
    count = len(azimuths)
    if not count:
        return []
    longitudes, latitudes, _ = GEOD.fwd(
        np.full(count, centre.longitude_deg), np.full(count, centre.latitude_deg), azimuths, np.full(count, radius_m)
    )
    return [
        Position(float(latitude), float(longitude)) for latitude, longitude in zip(latitudes, longitudes, strict=True)
    ]


def _strip(start: Position, end: Position, half_m: float, field: str) -> Polygon:
    """The strip on both sides of a leg, its sides as much further out as geodesics bend together."""
    outbound, length_m = bearing_and_distance(start, end)
    if length_m > LONGEST_CORRIDOR_LEG_M:
        raise Refusal("feeds_airspace.line_not_that_long", field, f"{length_m / 1000.0:,.0f} km")
    inbound = bearing_and_distance(end, start)[0]
    side_m = half_m * (1.0 + (length_m / EARTH_RADIUS_M) ** 2 / 4.0)
    return Polygon(
        (
            reached(start, outbound - 90.0, side_m), reached(end, inbound + 90.0, side_m),
            reached(end, inbound - 90.0, side_m), reached(start, outbound + 90.0, side_m),
        )
    )  # fmt: skip
