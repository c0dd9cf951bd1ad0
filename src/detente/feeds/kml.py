"""Plans from KML 2.2 and 2.3 (OGC 07-147r2, 12-007r2): extruded polygons, paths with a time span, and tracks.

Each element is read, or known to say nothing of airspace, or refused by name (`kml_elements`).

`absolute` altitudes are metres above mean sea level (EGM96), as the standard says; `relativeToGround` needs the
elevation of the ground, which KML does not carry; anything clamped to the ground has no altitude and is refused.
KML knows no containment, so the reader is told one. What this program wrote carries the plan itself (`carried`).
"""

from __future__ import annotations

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
from detente.feeds.carried import CARRIED, CarriedPlans
from detente.feeds.dropped import Dropped, DropReason, dropped_in_order
from detente.feeds.kml_drawing import drawn_in_kml
from detente.feeds.kml_elements import CONTAINERS, GEOMETRIES, NAMESPACES, OVERLAYS, check_elements
from detente.feeds.plausibility import check_trajectory
from detente.feeds.recorded_track import with_silences
from detente.feeds.routes import RouteOptions, straight_path
from detente.feeds.source import Within, decimal_number, identifier_of, instant, printable_line
from detente.feeds.xml_tree import Element, parse_xml

BELOW_ALL_GROUND_M = -500.0
"""No land is lower: an area extruded to the ground from an altitude above sea level begins here."""

NOMINAL_PATH = timedelta(seconds=20)
"""How long the nominal flight along a path without times takes; its span is widened by no more than that."""

HURRY_M = 1.0
"""Added to the lateral containment of such a path, because times of floats are coarse at the nominal flight's speed."""


class KmlOptions(msgspec.Struct, frozen=True):
    """Settings for what KML files do not say.

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


def read_kml(content: bytes, options: KmlOptions | None = None, routes: RouteOptions | None = None) -> KmlPlans:
    """Return the plans of a KML file; raises Refusal naming line, placemark and field.

    `routes` may say when and how fast a path without a time span is flown.
    """
    root = parse_xml(content, NAMESPACES)
    if root.name != "kml":
        raise Refusal("feeds.element_kml", f"line {root.line}", printable_line(root.name))
    reader = _Reader(options or KmlOptions(), routes or RouteOptions())
    reader.container(root, None)
    reader.take_carried()
    return KmlPlans(tuple(reader.plans), dropped_in_order(reader.dropped))


class _Reader:
    def __init__(self, options: KmlOptions, routes: RouteOptions) -> None:
        self.options = options
        self.routes = routes
        self.plans: list[Plan] = []
        self.dropped: Counter[DropReason] = Counter()
        self.taken: set[str] = set()
        self.identifiers: set[str] = set()
        self.placemarks = 0
        self.carried = CarriedPlans()

    def container(self, element: Element, inherited: Element | None) -> None:
        """Read what a container holds; a time primitive holds for everything below that has none."""
        check_elements(element, "container")
        time = _time_primitive(element) or inherited
        for child in element.children:
            if child.name in CONTAINERS:
                self.container(child, time)
            elif child.name == "Placemark":
                self.placemark(child, time)
            elif child.name == "NetworkLink":
                raise Refusal("feeds.plans_inside_file", f"line {child.line}: NetworkLink", "a link")
            elif child.name == "NetworkLinkControl" and child.child("Update") is not None:
                raise Refusal("feeds.plans_inside_file", f"line {child.line}: NetworkLinkControl", "an update")
            elif child.name in OVERLAYS:
                self.dropped[DropReason.OVERLAY] += 1

    def placemark(self, element: Element, inherited: Element | None) -> None:
        """Turn one placemark into plans: its polygons into one, every path and track into its own."""
        self.placemarks += 1
        name = element.child("name")
        shown = printable_line(repr(name.text[:60])) if name is not None and name.text else f"{self.placemarks}"
        with Within(f"line {element.line}: placemark {shown}"):
            check_elements(element)
            time = _time_primitive(element) or inherited
            geometries = [child for child in element.children if child.name in GEOMETRIES]
            flat = [part for geometry in geometries for part in _flattened(geometry)]
            if not flat:
                self.dropped[DropReason.NO_GEOMETRY] += 1
                return
            if feature := _extended(element, CARRIED):
                self.carried.add(feature, [*flat, *([time] if time is not None else [])], f"line {element.line}")
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

    def take_carried(self) -> None:
        """Take in the plans that this program wrote into the file, if they are still what is drawn."""
        for plan in self.carried.plans(drawn_in_kml):
            if plan.plan_id in self.taken:
                raise Refusal("feeds.identifier_no_other_plan", "plan_id", plan.plan_id)
            self._add(plan)

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
                raise Refusal("feeds.id_no_other_placemark", "id", printable_line(identifier))
            self.identifiers.add(identifier)
        for candidate in (identifier, name.text if name is not None else ""):
            if fit := identifier_of(candidate):
                return fit
        return f"placemark-{self.placemarks}"

    def _volume(self, polygon: Element, time: Element | None) -> Volume4D:
        with Within(f"line {polygon.line}: Polygon"):
            check_elements(polygon)
            if polygon.child("innerBoundaryIs") is not None:
                raise Refusal("feeds.one_boundary", "innerBoundaryIs", "a hole")
            outer = polygon.child("outerBoundaryIs")
            ring = outer.child("LinearRing") if outer is not None else None
            if outer is None or ring is None:
                raise Refusal("feeds.linearring", "outerBoundaryIs", None)
            check_elements(outer)
            check_elements(ring)
            mode = _text(ring, "altitudeMode")
            if mode and mode != _text(polygon, "altitudeMode"):
                raise Refusal("feeds.altitudemode_of_polygon", "LinearRing: altitudeMode", printable_line(mode))
            if _text(polygon, "extrude") not in {"1", "true"}:
                raise Refusal("feeds.extruded_area", "extrude", _text(polygon, "extrude") or None)
            rows = coordinates_of(ring)
            _check_closed(rows)
            area = Polygon(tuple(_position(row) for row in rows[:-1]))
            reference = self._reference(polygon)
            lower_m = 0.0 if isinstance(reference, Ground) else BELOW_ALL_GROUND_M
            upper_m = max(_height(row) for row in rows)
            metre = AltitudeUnit.METRE
            band = AltitudeBand(Altitude(lower_m, metre, reference), Altitude(upper_m, metre, reference))
            return Volume4D(area, band, TimeWindow(*_span(time)))

    def _path(self, line: Element, time: Element | None) -> Trajectory:
        """A path that may be anywhere along itself at any time of its span: KML does not say when it is where.

        That is written as a flight along it around the middle of the span, early or late by half the span. Without a
        span it is flown from the start and at the speed that came with it.
        """
        with Within(f"line {line.line}: {line.name}"):
            check_elements(line)
            if line.name == "LinearRing":
                _check_closed(coordinates_of(line))
            if time is None:
                return self._flown_path(line)
            start, end = _span(time)
            if (end - start) < timedelta(seconds=1):
                raise Refusal("feeds.span_at_least_one_second", "TimeSpan", (end - start).total_seconds())
            rows = _without_repetition(coordinates_of(line))
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

    def _flown_path(self, line: Element) -> Trajectory:
        if self.routes.start is None or self.routes.speed_m_s is None:
            raise Refusal("routes.span_or_start", "TimeSpan", None)
        rows = _without_repetition(coordinates_of(line))
        reference = self._reference(line)
        altitudes = [Altitude(_height(row), AltitudeUnit.METRE, reference) for row in rows]
        path = straight_path([_position(row) for row in rows], altitudes, self.routes.needed_speed_m_s())
        return path.trajectory(self.routes.needed_start(), self.options.containment)

    def _track(self, track: Element) -> Trajectory:
        with Within(f"line {track.line}: Track"):
            check_elements(track)
            times = [instant(when.text, f"line {when.line}: when") for when in track.all("when")]
            rows = []
            for coord in track.all("coord"):
                with Within(f"line {coord.line}: coord"):
                    if not coord.text:
                        raise Refusal("feeds.position_at_every_time", "", "no position")
                    rows.append(_row(coord.text.split()))
            if not rows or len(times) != len(rows):
                raise Refusal("feeds.one_for_each_positions", "when", f"{len(times)} times", count=len(rows))
            reference = self._reference(track)
            waypoints = tuple(
                Waypoint(_position(row), Altitude(_height(row), AltitudeUnit.METRE, reference), time)
                for row, time in zip(rows, times, strict=True)
            )
            trajectory = Trajectory(waypoints, self.options.containment)
            check_trajectory(trajectory)
            trajectory, unheard = with_silences(trajectory)
            self.dropped[DropReason.SILENCE] += unheard
            return trajectory

    def _reference(self, geometry: Element) -> AltitudeReference:
        mode = _text(geometry, "altitudeMode") or "clampToGround"
        if mode == "absolute":
            return MeanSeaLevel()
        if mode != "relativeToGround":
            raise Refusal("feeds.absolute_or_relativetoground", "altitudeMode", printable_line(mode))
        if self.options.ground_elevation_m is None:
            raise Refusal("feeds.absolute_or_elevation_ground", "altitudeMode", mode)
        return Ground(self.options.ground_elevation_m, self.options.ground_elevation_error_m)


def _flattened(geometry: Element) -> list[Element]:
    if geometry.name not in {"MultiGeometry", "MultiTrack"}:
        return [geometry]
    check_elements(geometry)
    if _text(geometry, "interpolate") in {"1", "true"}:
        raise Refusal("feeds.tracks_one_by_one", f"line {geometry.line}: interpolate", "1")
    parts = [part for child in geometry.children if child.name in GEOMETRIES for part in _flattened(child)]
    for part in parts:
        # A MultiTrack says the altitude mode once for all its tracks.
        mode = geometry.child("altitudeMode")
        if mode is not None and part.child("altitudeMode") is None:
            part.children.append(mode)
    return parts


def _time_primitive(element: Element) -> Element | None:
    times = element.all("TimeSpan") + element.all("TimeStamp")
    if len(times) > 1:
        raise Refusal("feeds.element_once", f"line {times[1].line}: {times[1].name}", f"a second one in {element.name}")
    for time in times:
        check_elements(time)
    return times[0] if times else None


def _span(time: Element | None) -> tuple[datetime, datetime]:
    if time is None or time.name != "TimeSpan":
        raise Refusal("feeds.timespan_with_begin_end", "TimeSpan", time.name if time is not None else None)
    with Within(f"line {time.line}: TimeSpan"):
        return instant(_text(time, "begin"), "begin"), instant(_text(time, "end"), "end")


def _text(element: Element, name: str) -> str:
    child = element.child(name)
    return child.text if child is not None else ""


def _extended(element: Element, name: str) -> str:
    data = element.child("ExtendedData")
    if data is None:
        return ""
    check_elements(data)
    named = [entry for entry in data.all("Data") if entry.attributes.get("name") == name]
    if len(named) > 1:
        raise Refusal("feeds.element_once", f"line {named[1].line}: {name}", "a second one in ExtendedData")
    return _text(named[0], "value") if named else ""


def coordinates_of(geometry: Element) -> list[tuple[float, ...]]:
    """Return the positions of a path or ring: longitude, latitude and, where it is given, the altitude in metres."""
    element = geometry.child("coordinates")
    tuples = element.text.split() if element is not None else []
    if len(tuples) < 2:
        raise Refusal("feeds.positions_longitude_latitude_altitude", "coordinates", f"{len(tuples)} positions")
    rows = []
    for index, text in enumerate(tuples):
        with Within(f"coordinates[{index}]"):
            rows.append(_row(text.split(",")))
    return rows


def _check_closed(rows: list[tuple[float, ...]]) -> None:
    if rows[0][:2] != rows[-1][:2]:
        raise Refusal("feeds.first_position_again", "coordinates", rows[-1][:2], rows=str(rows[0][:2]))


def _without_repetition(rows: list[tuple[float, ...]]) -> list[tuple[float, ...]]:
    """Drop each position that only repeats the one before it."""
    return [row for index, row in enumerate(rows) if index == 0 or row != rows[index - 1]]


def _row(texts: list[str]) -> tuple[float, ...]:
    if not 2 <= len(texts) <= 3 or "" in texts:
        raise Refusal("feeds.longitude_latitude_altitude", "", printable_line(",".join(texts)))
    return tuple(
        decimal_number(text, field) for text, field in zip(texts, ("longitude", "latitude", "altitude"), strict=False)
    )


def _position(row: tuple[float, ...]) -> Position:
    return Position(row[1], row[0])


def _height(row: tuple[float, ...]) -> float:
    if len(row) < 3:
        raise Refusal("feeds.altitude_with_every_position", "coordinates", row)
    return row[2]


def _shares(positions: list[Position]) -> list[float]:
    """The part of the whole length at which each position is, from 0 to 1, strictly increasing."""
    longitudes = np.array([position.longitude_deg for position in positions])
    latitudes = np.array([position.latitude_deg for position in positions])
    lengths = GEOD.inv(longitudes[:-1], latitudes[:-1], longitudes[1:], latitudes[1:])[2]
    short = np.flatnonzero(np.asarray(lengths) < 0.01)
    if short.size:
        raise Refusal("feeds.another_position", f"coordinates[{short[0] + 1}]", "the position before it")
    along = np.concatenate([[0.0], np.cumsum(lengths)])
    return [float(share) for share in along / along[-1]]
