"""Lines to be shown on a map: boundaries of flight information regions or of states, and any others, with their names.

They are orientation for people; nothing is computed with them, so neither heights nor times are asked for. GeoJSON and
KML need no more than a geometry; files of airspace are read as ever, for the four weeks from a time on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from detente.airspace.plan import Circle, Plan, TimeWindow
from detente.airspace.position import Position
from detente.airspace.refusal import Refusal
from detente.feeds.airspace_volumes import AirspaceOptions
from detente.feeds.dropped import Dropped
from detente.feeds.geojson import check_crs
from detente.feeds.kml import coordinates_of
from detente.feeds.kml_elements import NAMESPACES
from detente.feeds.kmz import kml_of
from detente.feeds.load import AIRSPACE_READERS
from detente.feeds.outlines import reached
from detente.feeds.recognition import PlanFormat, plan_format
from detente.feeds.source import Within, brief, decode_json, json_number, printable_line, read_bytes
from detente.feeds.vertical_limits import GroundElevation
from detente.feeds.xml_tree import Element, parse_xml

MOST_BYTES = 32 * 2**20
MOST_LINES = 20_000
MOST_POINTS = 300_000
"""More than that is slow to draw; all boundaries of all states at 1:10,000,000 have about 100,000 points."""
LONGEST_NAME = 80
NAME_PROPERTIES = ("name", "title", "designator", "ident", "id", "identifier", "plan_id")
"""Properties of a feature that may say what it is called, in any case; the first that does counts."""
HELD_FOR = timedelta(days=28)
"""Airspace that holds at some time of these is taken: a cycle of aeronautical information."""
CIRCLE_CORNERS = 72
DEEPEST = 20
CLOSED = {"LineString": False, "MultiLineString": False, "Polygon": True, "MultiPolygon": True}


class BoundaryLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A line as longitudes and latitudes on WGS 84; that of an area ends where it begins. `name` may be empty."""

    name: str
    points: tuple[tuple[float, float], ...]


class Boundaries(NamedTuple):
    """The lines of a file and what of it was left out."""

    lines: tuple[BoundaryLine, ...]
    dropped: tuple[Dropped, ...] = ()


def read_boundaries(path: Path, at: datetime, *, name: str = "") -> Boundaries:
    """Return the lines of a file, at least one; `name` is what its user calls it, its path when not said.

    Raises:
        Refusal: naming file, feature, field, value and mend; nothing else, whatever the file holds.
    """
    with Within(printable_line(name or str(path), 120)):
        found = plan_format(path)
        dropped: tuple[Dropped, ...] = ()
        match found:
            case PlanFormat.GEOJSON:
                lines = _lines_of_geojson(decode_json(read_bytes(path, MOST_BYTES)))
            case PlanFormat.KML:
                lines = _lines_of_kml(read_bytes(path, MOST_BYTES))
            case PlanFormat.KMZ:
                lines = _lines_of_kml(kml_of(read_bytes(path, MOST_BYTES)))
            case _ if found in AIRSPACE_READERS:
                options = AirspaceOptions(GroundElevation(0.0, 0.0), TimeWindow(at, at + HELD_FOR))
                plans, dropped = AIRSPACE_READERS[found](read_bytes(path, MOST_BYTES), options)
                lines = (line for plan in plans for line in _outlines(plan))
            case _:
                raise Refusal("feeds_airspace.format_with_boundaries", "", found.value)
        kept = _bounded(lines)
        if not kept:
            left_out = ", ".join(f"{entry.count} {entry.reason}" for entry in dropped) or "nothing"
            raise Refusal("feeds_airspace.at_least_one_line", "", f"no line (left out: {left_out})")
        return Boundaries(kept, dropped)


def check_amount(lines: int, points: int) -> None:
    """Raise Refusal for more lines or points than a map draws."""
    if lines > MOST_LINES or points > MOST_POINTS:
        raise Refusal(
            "feeds_airspace.at_most_lines", "", f"{lines:,} lines of {points:,} points",
            most_lines=MOST_LINES, most_points=MOST_POINTS,
        )  # fmt: skip


def _bounded(lines: Iterable[BoundaryLine]) -> tuple[BoundaryLine, ...]:
    """All of the lines, each once; raises Refusal as soon as there are too many."""
    kept: dict[BoundaryLine, None] = {}
    points = 0
    for line in lines:
        if line not in kept:
            kept[line] = None
            points += len(line.points)
            check_amount(len(kept), points)
    return tuple(kept)


def _line(name: object, positions: Iterable[Position], *, closed: bool) -> BoundaryLine:
    points = [(round(one.longitude_deg, 5), round(one.latitude_deg, 5)) for one in positions]
    if closed and points[0] != points[-1]:
        points.append(points[0])
    return BoundaryLine(printable_line(" ".join(str(name).split()), LONGEST_NAME), tuple(points))


def _outlines(plan: Plan) -> Iterator[BoundaryLine]:
    """What of a plan's areas is seen from above."""
    for volume in plan.intent if isinstance(plan.intent, tuple) else ():
        area = volume.area
        if isinstance(area, Circle):
            bearings = (360.0 * k / CIRCLE_CORNERS for k in range(CIRCLE_CORNERS))
            yield _line(plan.plan_id, (reached(area.centre, one, area.radius_m) for one in bearings), closed=True)
        else:
            yield _line(plan.plan_id, area.vertices, closed=True)


def _lines_of_geojson(document: object) -> Iterator[BoundaryLine]:
    if not isinstance(document, dict):
        raise Refusal("feeds.json_object", "", brief(document))
    check_crs(document)
    features = document.get("features") if document.get("type") == "FeatureCollection" else [document]
    if not isinstance(features, list):
        raise Refusal("feeds.list_features", "features", brief(features))
    for number, feature in enumerate(features):
        with Within(f"features[{number}]"):
            if not isinstance(feature, dict):
                raise Refusal("feeds.feature", "type", brief(feature))
            is_feature = feature.get("type") == "Feature"
            geometry = feature.get("geometry") if is_feature else feature
            yield from _lines_of_geometry(geometry, _name_of(feature) if is_feature else "", 0)


def _name_of(feature: dict[str, Any]) -> str:
    properties = feature.get("properties")
    said = {key.lower(): value for key, value in properties.items()} if isinstance(properties, dict) else {}
    for value in (*(said.get(key) for key in NAME_PROPERTIES), feature.get("id")):
        if isinstance(value, str | int) and str(value).strip():
            return str(value)
    return ""


def _lines_of_geometry(geometry: object, name: str, depth: int) -> Iterator[BoundaryLine]:
    """The lines of a geometry; a point has none, and neither has what is nowhere."""
    if geometry is None:
        return
    if not isinstance(geometry, dict) or depth > DEEPEST:
        raise Refusal("feeds_airspace.geometry_of_lines", "geometry", brief(geometry))
    kind, coordinates = geometry.get("type"), geometry.get("coordinates")
    if kind == "GeometryCollection":
        parts = geometry.get("geometries")
        for part in parts if isinstance(parts, list) else [parts]:
            yield from _lines_of_geometry(part, name, depth + 1)
    elif kind == "LineString":
        yield _line(name, _positions(coordinates, "coordinates"), closed=False)
    elif kind in CLOSED and isinstance(coordinates, list):
        rows = [ring for polygon in coordinates for ring in _list(polygon)] if kind == "MultiPolygon" else coordinates
        for number, row in enumerate(rows):
            yield _line(name, _positions(row, f"coordinates[{number}]"), closed=CLOSED[kind])
    elif kind not in {"Point", "MultiPoint"}:
        raise Refusal("feeds_airspace.geometry_of_lines", "geometry.type", brief(kind))


def _list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise Refusal("feeds.list_of_polygons", "coordinates", brief(value))
    return value


def _positions(rows: object, field: str) -> list[Position]:
    """Positions of a line, each with an altitude or without: it is not shown."""
    if not isinstance(rows, list) or len(rows) < 2:
        raise Refusal("feeds_airspace.positions_of_line", field, brief(rows))
    found = []
    for number, row in enumerate(rows):
        with Within(f"{field}[{number}]"):
            if not isinstance(row, list) or len(row) < 2:
                raise Refusal("feeds.position_longitude_latitude_degrees", "", brief(row))
            found.append(Position(json_number(row[1], "latitude"), json_number(row[0], "longitude")))
    return found


def _lines_of_kml(content: bytes) -> Iterator[BoundaryLine]:
    root = parse_xml(content, NAMESPACES)
    if root.name != "kml":
        raise Refusal("feeds.element_kml", f"line {root.line}", printable_line(root.name))
    for placemark in _below([root], "Placemark"):
        name = placemark.child("name")
        for kind in ("LineString", "LinearRing"):
            for drawn in _below([placemark], kind):
                with Within(f"line {drawn.line}: {kind}"):
                    positions = [Position(row[1], row[0]) for row in coordinates_of(drawn)]
                    yield _line(name.text if name is not None else "", positions, closed=kind == "LinearRing")


def _below(elements: Sequence[Element], name: str) -> Iterator[Element]:
    """Every element of a name below some others, in the order of the file."""
    waiting = list(reversed(elements))
    while waiting:
        element = waiting.pop()
        if element.name == name:
            yield element
        waiting.extend(reversed(element.children))
