"""Plans from KML 2.2 (OGC 07-147r2): extruded polygons, paths with a time span, and gx:Track.

`absolute` altitudes are metres above mean sea level (EGM96), as the standard says; `relativeToGround` needs the
elevation of the ground, which KML does not carry; anything clamped to the ground has no altitude and is refused.
KML knows no containment, so the reader is told one.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec
import numpy as np

from detente.airspace.altitude import Altitude, AltitudeBand, AltitudeReference, AltitudeUnit, Ground, MeanSeaLevel
from detente.airspace.geodesy import GEOD
from detente.airspace.plan import DEFAULT_CLASS, Containment, Plan, Polygon, TimeWindow, Trajectory, Volume4D, Waypoint
from detente.airspace.position import Position
from detente.airspace.refusal import Refusal
from detente.feeds.dropped import Dropped, DropReason, dropped_in_order
from detente.feeds.plausibility import check_speeds
from detente.feeds.source import Within, decimal_number, instant, printable_line
from detente.feeds.xml_tree import Element, parse_xml

NAMESPACES = frozenset(
    {"http://www.opengis.net/kml/2.2", "http://www.google.com/kml/ext/2.2"}
    | {f"http://earth.google.com/kml/2.{minor}" for minor in range(3)}
)
CONTAINERS = frozenset({"kml", "Document", "Folder"})
OVERLAYS = frozenset({"GroundOverlay", "ScreenOverlay", "PhotoOverlay", "Tour"})
GEOMETRIES = frozenset(
    {"Point", "Model", "LineString", "LinearRing", "Polygon", "Track", "MultiTrack", "MultiGeometry"}
)
BELOW_ALL_GROUND_M = -500.0
"""No land is lower: an area extruded to the ground from an altitude above sea level begins here."""

NOMINAL_PATH = timedelta(seconds=20)
"""How long the nominal flight along a path without times takes; its span is widened by no more than that."""

HURRY_M = 1.0
"""Added to the lateral containment of such a path, because times of floats are coarse at the nominal flight's speed."""

_UNFIT = re.compile(r"[^A-Za-z0-9._:~-]+")


class KmlOptions(msgspec.Struct, frozen=True):
    """What KML does not say.

    Attributes:
        ground_elevation_m: elevation above mean sea level for altitudes above ground; None refuses them.
        ground_elevation_error_m: how far that may be wrong anywhere under the plans.
        containment: of every path and track; none unless it is given.
    """

    ground_elevation_m: float | None = None
    ground_elevation_error_m: float = 10.0
    containment: Containment = Containment(0.0, 0.0, 0.0)


class KmlPlans(NamedTuple):
    """The plans of a file and what was left out."""

    plans: tuple[Plan, ...]
    dropped: tuple[Dropped, ...]


def read_kml(content: bytes, options: KmlOptions | None = None) -> KmlPlans:
    """Return the plans of a KML file; raises Refusal naming line, placemark and field."""
    root = parse_xml(content, NAMESPACES)
    if root.name != "kml":
        raise Refusal(f"line {root.line}", printable_line(root.name), "the element kml")
    reader = _Reader(options or KmlOptions())
    reader.container(root, None)
    return KmlPlans(tuple(reader.plans), dropped_in_order(reader.dropped))


class _Reader:
    def __init__(self, options: KmlOptions) -> None:
        self.options = options
        self.plans: list[Plan] = []
        self.dropped: Counter[DropReason] = Counter()
        self.taken: set[str] = set()
        self.identifiers: set[str] = set()
        self.placemarks = 0

    def container(self, element: Element, inherited: Element | None) -> None:
        """Read what a container holds; a time primitive holds for everything below that has none."""
        time = _time_primitive(element) or inherited
        for child in element.children:
            if child.name in CONTAINERS:
                self.container(child, time)
            elif child.name == "Placemark":
                self.placemark(child, time)
            elif child.name == "NetworkLink":
                raise Refusal(
                    f"line {child.line}: NetworkLink", "a link", "plans inside the file",
                    "Save what the link shows, and check that file.",
                )  # fmt: skip
            elif child.name in OVERLAYS:
                self.dropped[DropReason.OVERLAY] += 1

    def placemark(self, element: Element, inherited: Element | None) -> None:
        """Turn one placemark into plans: its polygons into one, every path and track into its own."""
        self.placemarks += 1
        name = element.child("name")
        shown = printable_line(repr(name.text[:60])) if name is not None and name.text else f"{self.placemarks}"
        with Within(f"line {element.line}: placemark {shown}"):
            time = _time_primitive(element) or inherited
            geometries = [child for child in element.children if child.name in GEOMETRIES]
            flat = [part for geometry in geometries for part in _flattened(geometry)]
            if not flat:
                self.dropped[DropReason.NO_GEOMETRY] += 1
                return
            plan_id = self._plan_id(element, name)
            aircraft_class = _extended(element, "aircraft_class") or DEFAULT_CLASS
            volumes = [self._volume(part, time) for part in flat if part.name == "Polygon"]
            if volumes:
                self._add(Plan(plan_id, tuple(volumes), aircraft_class))
            for part in flat:
                if part.name in {"Point", "Model"}:
                    self.dropped[DropReason.POINT] += 1
                elif part.name != "Polygon":
                    path = self._track(part) if part.name == "Track" else self._path(part, time)
                    self._add(Plan(plan_id, path, aircraft_class))

    def _add(self, plan: Plan) -> None:
        plan_id, serial = plan.plan_id, 1
        while plan_id in self.taken:
            serial += 1
            plan_id = f"{plan.plan_id}~{serial}"
        self.taken.add(plan_id)
        self.plans.append(msgspec.structs.replace(plan, plan_id=plan_id))

    def _plan_id(self, element: Element, name: Element | None) -> str:
        """The placemark's id or else its name, in the letters of an identifier; a number where nothing is left."""
        identifier = element.attributes.get("id", "")
        if identifier:
            if identifier in self.identifiers:
                raise Refusal(
                    "id", printable_line(identifier), "an id that no other placemark has", "Change one of them."
                )
            self.identifiers.add(identifier)
        for candidate in (identifier, name.text if name is not None else ""):
            fit = _UNFIT.sub("-", candidate[:200]).strip("-._:~")[:50]
            if fit:
                return fit
        return f"placemark-{self.placemarks}"

    def _volume(self, polygon: Element, time: Element | None) -> Volume4D:
        with Within(f"line {polygon.line}: Polygon"):
            if polygon.child("innerBoundaryIs") is not None:
                raise Refusal("innerBoundaryIs", "a hole", "one boundary", "Leave out the hole, or split the area.")
            outer = polygon.child("outerBoundaryIs")
            ring = outer.child("LinearRing") if outer is not None else None
            if ring is None:
                raise Refusal("outerBoundaryIs", None, "a LinearRing")
            if _text(polygon, "extrude") not in {"1", "true"}:
                raise Refusal(
                    "extrude", _text(polygon, "extrude") or None, "1: an area reaches from the ground to its altitude",
                    "Extrude the area, or write it as GeoJSON with both limits.",
                )  # fmt: skip
            rows = _coordinates(ring)
            if rows[0][:2] != rows[-1][:2]:
                raise Refusal(
                    "coordinates", rows[-1][:2], f"the first position again, {rows[0][:2]}", "Close the ring."
                )
            area = Polygon(tuple(_position(row) for row in rows[:-1]))
            reference = self._reference(polygon)
            lower_m = 0.0 if isinstance(reference, Ground) else BELOW_ALL_GROUND_M
            upper_m = max(_height(row) for row in rows)
            metre = AltitudeUnit.METRE
            band = AltitudeBand(Altitude(lower_m, metre, reference), Altitude(upper_m, metre, reference))
            return Volume4D(area, band, TimeWindow(*_span(time)))

    def _path(self, line: Element, time: Element | None) -> Trajectory:
        """A path that may be anywhere along itself at any time of its span: KML does not say when it is where.

        That is written as a flight along it around the middle of the span, early or late by half the span.
        """
        with Within(f"line {line.line}: {line.name}"):
            start, end = _span(time)
            if (end - start) < timedelta(seconds=1):
                raise Refusal("TimeSpan", (end - start).total_seconds(), "a span of at least one second")
            rows = _coordinates(line)
            reference = self._reference(line)
            positions = [_position(row) for row in rows]
            nominal = min(end - start, NOMINAL_PATH)
            first = start + (end - start - nominal) / 2
            waypoints = tuple(
                Waypoint(position, Altitude(_height(row), AltitudeUnit.METRE, reference), first + nominal * share)
                for position, row, share in zip(positions, rows, _shares(positions), strict=True)
            )
            contained = self.options.containment
            early_or_late_s = (end - start + nominal).total_seconds() / 2 + contained.along_time_s
            return Trajectory(
                waypoints, Containment(contained.lateral_m + HURRY_M, contained.vertical_m, early_or_late_s)
            )

    def _track(self, track: Element) -> Trajectory:
        with Within(f"line {track.line}: Track"):
            times = [instant(when.text, f"line {when.line}: when") for when in track.all("when")]
            rows = []
            for coord in track.all("coord"):
                with Within(f"line {coord.line}: coord"):
                    rows.append(_row(coord.text.split()))
            if not rows or len(times) != len(rows):
                raise Refusal("when", f"{len(times)} times", f"one for each of {len(rows)} positions")
            reference = self._reference(track)
            waypoints = tuple(
                Waypoint(_position(row), Altitude(_height(row), AltitudeUnit.METRE, reference), time)
                for row, time in zip(rows, times, strict=True)
            )
            trajectory = Trajectory(waypoints, self.options.containment)
            check_speeds(trajectory)
            return trajectory

    def _reference(self, geometry: Element) -> AltitudeReference:
        mode = _text(geometry, "altitudeMode") or "clampToGround"
        if mode == "absolute":
            return MeanSeaLevel()
        if mode != "relativeToGround":
            raise Refusal(
                "altitudeMode", printable_line(mode), "absolute or relativeToGround",
                "What is clamped to the ground has no altitude.",
            )  # fmt: skip
        if self.options.ground_elevation_m is None:
            raise Refusal(
                "altitudeMode", mode, "absolute, or the elevation of the ground beside the file",
                "Give the elevation (detente check --ground-elevation 120m), or save with absolute altitudes.",
            )  # fmt: skip
        return Ground(self.options.ground_elevation_m, self.options.ground_elevation_error_m)


def _flattened(geometry: Element) -> list[Element]:
    if geometry.name not in {"MultiGeometry", "MultiTrack"}:
        return [geometry]
    parts = [part for child in geometry.children if child.name in GEOMETRIES for part in _flattened(child)]
    for part in parts:
        # A MultiTrack says the altitude mode once for all its tracks.
        mode = geometry.child("altitudeMode")
        if mode is not None and part.child("altitudeMode") is None:
            part.children.append(mode)
    return parts


def _time_primitive(element: Element) -> Element | None:
    return element.child("TimeSpan") or element.child("TimeStamp")


def _span(time: Element | None) -> tuple[datetime, datetime]:
    if time is None or time.name != "TimeSpan":
        raise Refusal(
            "TimeSpan", time.name if time is not None else None, "a TimeSpan with begin and end",
            "Without it nobody knows when the airspace is used.",
        )  # fmt: skip
    with Within(f"line {time.line}: TimeSpan"):
        return instant(_text(time, "begin"), "begin"), instant(_text(time, "end"), "end")


def _text(element: Element, name: str) -> str:
    child = element.child(name)
    return child.text if child is not None else ""


def _extended(element: Element, name: str) -> str:
    data = element.child("ExtendedData")
    for entry in data.all("Data") if data is not None else []:
        if entry.attributes.get("name") == name:
            return _text(entry, "value")
    return ""


def _coordinates(geometry: Element) -> list[tuple[float, ...]]:
    element = geometry.child("coordinates")
    tuples = element.text.split() if element is not None else []
    if len(tuples) < 2:
        raise Refusal("coordinates", f"{len(tuples)} positions", "positions: longitude,latitude,altitude")
    rows = []
    for index, text in enumerate(tuples):
        with Within(f"coordinates[{index}]"):
            rows.append(_row(text.split(",")))
    return rows


def _row(texts: list[str]) -> tuple[float, ...]:
    if not 2 <= len(texts) <= 3 or "" in texts:
        raise Refusal(
            "",
            printable_line(",".join(texts)),
            "longitude,latitude,altitude",
            "There is no blank after a comma in KML.",
        )
    return tuple(
        decimal_number(text, field) for text, field in zip(texts, ("longitude", "latitude", "altitude"), strict=False)
    )


def _position(row: tuple[float, ...]) -> Position:
    return Position(row[1], row[0])


def _height(row: tuple[float, ...]) -> float:
    if len(row) < 3:
        raise Refusal(
            "coordinates", row, "an altitude with every position", "Add it in metres: longitude,latitude,altitude."
        )
    return row[2]


def _shares(positions: list[Position]) -> list[float]:
    """The part of the whole length at which each position is, from 0 to 1, strictly increasing."""
    longitudes = np.array([position.longitude_deg for position in positions])
    latitudes = np.array([position.latitude_deg for position in positions])
    lengths = GEOD.inv(longitudes[:-1], latitudes[:-1], longitudes[1:], latitudes[1:])[2]
    short = np.flatnonzero(np.asarray(lengths) < 0.01)
    if short.size:
        raise Refusal(
            f"coordinates[{short[0] + 1}]", "the position before it", "another position", "Drop the repetition."
        )
    along = np.concatenate([[0.0], np.cumsum(lengths)])
    return [float(share) for share in along / along[-1]]
