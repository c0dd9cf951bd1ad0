"""Surfaces and curves of GML 3.2 as AIXM 5.1 uses them (OGC 12-028r1), made areas.

A `GeodesicString` has geodesic edges; a `LineStringSegment` is straight in latitude and longitude. Angles of an arc are
bearings where latitude comes first (EPSG:4326), clockwise where the end is the larger one; where longitude comes first
(CRS84) they are measured from east against the clock.
"""

from __future__ import annotations

import math
from itertools import pairwise

from pyproj import Proj

from detente.airspace.altitude import FOOT_M
from detente.airspace.plan import Circle, Polygon
from detente.airspace.position import Position
from detente.airspace.refusal import Refusal
from detente.feeds.aixm_elements import HREF, References, check_known, only_child
from detente.feeds.outlines import Arc, arc_by_bearings, bearing_and_distance, corridor, outline, straight_in_degrees
from detente.feeds.source import Within, decimal_number, printable_line
from detente.feeds.xml_tree import Element

LATITUDE_FIRST = frozenset(
    {"urn:ogc:def:crs:EPSG::4326", "urn:ogc:def:crs:EPSG:4326", "http://www.opengis.net/def/crs/EPSG/0/4326",
     "https://www.opengis.net/def/crs/EPSG/0/4326", "urn:ogc:def:crs:EPSG:6.9:4326"}
)  # fmt: skip
LONGITUDE_FIRST = frozenset(
    {"urn:ogc:def:crs:OGC:1.3:CRS84", "urn:ogc:def:crs:OGC::CRS84", "http://www.opengis.net/def/crs/OGC/1.3/CRS84"}
)
LENGTH_UNITS_M = {
    "[nmi_i]": 1852.0, "nmi": 1852.0, "NM": 1852.0, "km": 1000.0, "KM": 1000.0, "m": 1.0, "M": 1.0, "[ft_i]": FOOT_M,
    "FT": FOOT_M, "ft": FOOT_M,
}  # fmt: skip
GAP_M, GAP_SHARE = 500.0, 0.02
"""Pieces of an outline have to meet within this; of an arc also within this share of its radius."""

MOST_POSITIONS = 20_000
MOST_RADIUS_M = 1_000_000.0
SURFACES = frozenset({"Surface", "ElevatedSurface"})
Piece = Position | Arc


def areas_of(projection: Element, references: References) -> list[Circle | Polygon]:
    """Return the areas of a `horizontalProjection`, one for each patch; raises Refusal naming line and element."""
    surface = only_child(projection, SURFACES)
    check_known(surface)
    reader = _Curves(references, surface.attributes.get("srsName", ""))
    patches = only_child(surface, frozenset({"patches"}))
    check_known(patches)
    areas = []
    for patch in patches.children:
        with Within(f"line {patch.line}: {patch.name}"):
            check_known(patch)
            if patch.all("interior"):
                raise Refusal("feeds.one_ring", "interior", f"{1 + len(patch.all('interior'))} rings")
            areas.append(reader.area(only_child(patch, frozenset({"exterior"}))))
    if not areas:
        raise Refusal("feeds_airspace.one_element_of", f"line {patches.line}: patches", 0, names="PolygonPatch")
    return areas


def corridor_of(centreline: Element, width: Element, references: References) -> list[Circle | Polygon]:
    """Return the areas of a line with a width."""
    curve = only_child(centreline, frozenset({"Curve", "ElevatedCurve"}))
    reader = _Curves(references, curve.attributes.get("srsName", ""))
    with Within(f"line {curve.line}: centreline"):
        pieces = reader.curve(curve)
        points = [piece for piece in pieces if isinstance(piece, Position)]
        if len(points) != len(pieces):
            raise Refusal("feeds_airspace.line_of_geodesics", "", "an arc")
        return list(corridor(points, length_m(width), ""))


def length_m(element: Element) -> float:
    """Return a length in metres by its unit; raises Refusal for one without, or beyond `MOST_RADIUS_M`."""
    unit = element.attributes.get("uom", "")
    place = f"line {element.line}: {element.name}"
    if unit not in LENGTH_UNITS_M:
        raise Refusal(
            "feeds_airspace.unit_of_length", f"{place}: uom", printable_line(unit), units=", ".join(LENGTH_UNITS_M)
        )
    found = decimal_number(element.text, place) * LENGTH_UNITS_M[unit]
    if not 0.0 < found <= MOST_RADIUS_M:
        raise Refusal("feeds_airspace.length_above_zero", place, element.text)
    return found


class _Curves:
    """Curves in one reference system, and what they point to."""

    def __init__(self, references: References, system: str) -> None:
        self.references = references
        self.system = system

    def area(self, exterior: Element) -> Circle | Polygon:
        """The area inside of an exterior; a full circle stays one."""
        check_known(exterior)
        ring = only_child(exterior, frozenset({"Ring", "LinearRing"}))
        check_known(ring)
        system = ring.attributes.get("srsName", self.system)
        if ring.name == "LinearRing":
            points = self._positions(ring, system)
            return outline(_straight(points), "LinearRing")
        members = ring.children
        if len(members) == 1 and (circle := self._circle(members[0], system)) is not None:
            return circle
        pieces: list[Piece] = []
        for member in members:
            if member.name == "curveMember":
                pieces += self._member(member, system)
        _check_gaps(pieces, f"line {ring.line}: Ring")
        return outline(pieces, f"line {ring.line}: Ring")

    def curve(self, curve: Element, system: str = "") -> list[Piece]:
        """The pieces of a curve in order."""
        check_known(curve) if curve.name == "Curve" else None
        system = curve.attributes.get("srsName", system or self.system)
        segments = only_child(curve, frozenset({"segments"}))
        check_known(segments)
        pieces: list[Piece] = []
        for segment in segments.children:
            check_known(segment)
            pieces += self._segment(segment, segment.attributes.get("srsName", system))
        return pieces

    def _member(self, member: Element, system: str) -> list[Piece]:
        if HREF in member.attributes:
            target = self.references.to(member)
            return self.curve(_curve_within(target), system)
        check_known(member)
        curve = only_child(member, frozenset({"Curve", "OrientableCurve"}))
        if curve.name == "Curve":
            return self.curve(curve, system)
        base = only_child(curve, frozenset({"baseCurve"}))
        target = self.references.to(base) if HREF in base.attributes else base
        pieces = self.curve(_curve_within(target), system)
        return (
            [_reversed(piece) for piece in reversed(pieces)] if curve.attributes.get("orientation") == "-" else pieces
        )

    def _circle(self, member: Element, system: str) -> Circle | None:
        """The whole circle that is a member's only piece, or None."""
        curve = member.child("Curve")
        segments = curve.child("segments") if curve is not None else None
        if curve is None or segments is None or [one.name for one in segments.children] != ["CircleByCenterPoint"]:
            return None
        for one in (member, curve, segments, segments.children[0]):
            check_known(one)
        system = curve.attributes.get("srsName", system)
        centre, radius_m = self._centre_and_radius(segments.children[0], system)
        return Circle(centre, radius_m)

    def _segment(self, segment: Element, system: str) -> list[Piece]:
        place = f"line {segment.line}: {segment.name}"
        if segment.name == "CircleByCenterPoint":
            raise Refusal("feeds_airspace.circle_alone", place, "beside other segments")
        if segment.name == "ArcByCenterPoint":
            centre, radius_m = self._centre_and_radius(segment, system)
            start, end = (self._angle(only_child(segment, frozenset({n}))) for n in ("startAngle", "endAngle"))
            clockwise = end > start
            if system in LONGITUDE_FIRST:
                start, end, clockwise = 90.0 - start, 90.0 - end, not clockwise
            return [arc_by_bearings(centre, radius_m, start, end, clockwise=clockwise)]
        points = self._positions(segment, system)
        if segment.name == "Arc":
            if len(points) != 3:
                raise Refusal("feeds_airspace.arc_of_three_points", place, len(points))
            with Within(place):
                return [_arc_through(*points)]
        return list(_straight(points)) if segment.name == "LineStringSegment" else list(points)

    def _centre_and_radius(self, segment: Element, system: str) -> tuple[Position, float]:
        points = self._positions(segment, system)
        if len(points) != 1:
            raise Refusal("feeds_airspace.arc_with_a_centre", f"line {segment.line}: {segment.name}", len(points))
        return points[0], length_m(only_child(segment, frozenset({"radius"})))

    @staticmethod
    def _angle(element: Element) -> float:
        place = f"line {element.line}: {element.name}"
        if element.attributes.get("uom", "deg") not in {"deg", "DEG", "degree"}:
            raise Refusal("feeds_airspace.angle_in_degrees", f"{place}: uom", printable_line(element.attributes["uom"]))
        found = decimal_number(element.text, place)
        if not -720.0 <= found <= 720.0:
            raise Refusal("feeds_airspace.angle_in_degrees", place, element.text)
        return found

    def _positions(self, element: Element, system: str) -> list[Position]:
        """The positions of a segment, in the order of axes that its reference system has."""
        points: list[Position] = []
        for child in element.children:
            if child.name in {"pos", "posList"}:
                points += _numbers(child, child.attributes.get("srsName", system))
            elif child.name == "pointProperty":
                target = self.references.to(child) if HREF in child.attributes else child
                point = _point_within(target)
                points += _numbers(only_child(point, frozenset({"pos"})), point.attributes.get("srsName", system))
        if len(points) > MOST_POSITIONS:
            raise Refusal(
                "feeds.at_most_features", f"line {element.line}: {element.name}", len(points), most=MOST_POSITIONS
            )
        return points


def _numbers(element: Element, system: str) -> list[Position]:
    place = f"line {element.line}: {element.name}"
    if system not in LATITUDE_FIRST and system not in LONGITUDE_FIRST:
        raise Refusal("feeds_airspace.axes_by_urn", f"{place}: srsName", printable_line(system))
    words = element.text.split()
    if element.attributes.get("srsDimension", "2") != "2" or len(words) % 2 or not words:
        raise Refusal("feeds_airspace.pairs_of_numbers", place, f"{len(words)} numbers")
    values = [decimal_number(word, place) for word in words]
    pairs = list(zip(values[::2], values[1::2], strict=True))
    with Within(place):
        return [Position(a, b) if system in LATITUDE_FIRST else Position(b, a) for a, b in pairs]


def _straight(points: list[Position]) -> list[Position]:
    return [*points[:1], *(p for a, b in pairwise(points) for p in straight_in_degrees(a, b))]


def _reversed(piece: Piece) -> Piece:
    return Arc(piece.centre, piece.end, piece.start, not piece.clockwise) if isinstance(piece, Arc) else piece


def _curve_within(element: Element) -> Element:
    """The curve that is pointed to: itself, or the border of a feature."""
    return _first(element, frozenset({"Curve", "ElevatedCurve"}))


def _point_within(element: Element) -> Element:
    return _first(element, frozenset({"Point", "ElevatedPoint"}))


def _first(element: Element, names: frozenset[str]) -> Element:
    waiting = [element]
    while waiting:
        one = waiting.pop(0)
        if one.name in names:
            return one
        waiting += one.children
    raise Refusal(
        "feeds_airspace.one_element_of", f"line {element.line}: {element.name}", 0, names=", ".join(sorted(names))
    )


def _check_gaps(pieces: list[Piece], place: str) -> None:
    """Refuse an arc whose ends are not where its neighbours are: its angles or its centre were misread or mistyped."""
    ends = [
        (p.start, p.end, bearing_and_distance(p.centre, p.start)[1]) if isinstance(p, Arc) else (p, p, 0.0)
        for p in pieces
    ]
    for (_, before, first_m), (after, _, second_m) in zip(ends, (*ends[1:], *ends[:1]), strict=True):
        if first_m == second_m == 0.0:
            continue
        gap_m = bearing_and_distance(before, after)[1]
        if gap_m > GAP_M + GAP_SHARE * max(first_m, second_m):
            raise Refusal("feeds_airspace.arc_meets_neighbours", place, f"a gap of {gap_m:,.0f} m")


def _arc_through(start: Position, middle: Position, end: Position) -> Arc:
    """The arc from one point over another to a third, on the circle about the point that is as far from all three."""
    centre = middle
    for _ in range(20):
        plane = Proj(proj="aeqd", lat_0=centre.latitude_deg, lon_0=centre.longitude_deg, ellps="WGS84")
        (ax, ay), (bx, by), (cx, cy) = (plane(p.longitude_deg, p.latitude_deg) for p in (start, middle, end))
        twice = 2.0 * ((bx - ax) * (cy - ay) - (by - ay) * (cx - ax))
        if abs(twice) < 1.0:
            raise Refusal("feeds_airspace.arc_of_three_points", "", "points on one line")
        b2, c2 = (bx - ax) ** 2 + (by - ay) ** 2, (cx - ax) ** 2 + (cy - ay) ** 2
        x = ax + ((cy - ay) * b2 - (by - ay) * c2) / twice
        y = ay + ((bx - ax) * c2 - (cx - ax) * b2) / twice
        if math.hypot(x - ax, y - ay) > MOST_RADIUS_M:
            raise Refusal("feeds_airspace.length_above_zero", "radius", f"over {MOST_RADIUS_M:,.0f} m")
        longitude, latitude = plane(x, y, inverse=True)
        centre = Position(float(latitude), float(longitude))
        if math.hypot(x, y) < 0.001:
            break
    clockwise = twice < 0.0
    return Arc(centre, start, end, clockwise)
