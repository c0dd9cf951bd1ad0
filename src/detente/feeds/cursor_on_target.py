"""Routes and shapes as Cursor on Target events (MITRE, event schema 2.0; TAK's drawing types).

A route (b-m-r) is a list of positions with heights above the ellipsoid; when it is flown and how fast it does not
say. A shape (u-d-c-c, u-d-f, u-d-r) is an area from the event's start to its stale time; its heights must be given,
because those that TAK writes have no fixed base. 9999999 stands for what is not known. Positions of things and
messages are no plans, and counted.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime

from detente.airspace.altitude import Altitude, AltitudeUnit, Ellipsoid
from detente.airspace.plan import Circle, Plan, Polygon, TimeWindow, Trajectory, Volume4D
from detente.airspace.position import Position, same_point
from detente.airspace.refusal import Refusal
from detente.feeds.carried import CARRIED, CarriedPlans
from detente.feeds.cot_drawing import drawn_in_events, shown_of
from detente.feeds.dropped import Dropped, DropReason, dropped_by_name
from detente.feeds.plausibility import check_volume
from detente.feeds.routes import RouteOptions, filled_up, straight_path
from detente.feeds.source import Within, decimal_number, identifier_of, instant, printable_line
from detente.feeds.xml_tree import Element, parse_xml

UNKNOWN_VALUE = 9_999_999.0
"""In place of a height or an error that is not known; so is whatever is larger."""

MOST_POINTS = 100_000
ROUTE, CIRCLE, FREEFORM, RECTANGLE = "b-m-r", "u-d-c-c", "u-d-f", "u-d-r"
POINT_OF_MAP = "b-m-p-"
POINTS = ("a-", POINT_OF_MAP)
"""Beginnings of the types of things at one place."""

NO_PLANS = ("b-t-", "b-a-", "b-f-", "b-i-", "b-r-", "t-", "u-rb-", "u-r-b-")
"""Beginnings of the types of messages, alarms, files, pictures and measurements."""

POINT_LINKS = frozenset({"b-m-p-w", "b-m-p-c", ""})
LEFT_ALONE = frozenset(
    {"contact", "remarks", "archive", "color", "strokeColor", "strokeWeight", "strokeStyle", "fillColor", "labels_on",
     "height", "height_unit", "tog", "creator", "clamped", "precisionlocation", "usericon", "link_attr",
     "__routeinfo", "__shapeExtras", "_flow-tags_", "marti", "uid", "status", "extrudeMode", "mission"}
)  # fmt: skip
"""Details that say who made it, how it looks and how it is shown."""

_TYPE = re.compile(r"[A-Za-z0-9_.*-]{1,80}\Z", re.ASCII)


def read_cursor_on_target(content: bytes, options: RouteOptions) -> tuple[tuple[Plan, ...], tuple[Dropped, ...]]:
    """Return one plan a route or shape, and how many events are neither; raises Refusal naming line and event."""
    root = parse_xml(content, frozenset())
    events = root.children if root.name == "events" else [root]
    plans: list[Plan] = []
    carried = CarriedPlans()
    taken: Counter[str] = Counter()
    dropped: Counter[tuple[DropReason, str]] = Counter()
    for number, event in enumerate(events, start=1):
        with Within(f"line {event.line}"):
            if event.name != "event":
                raise Refusal("routes.element_event", "", printable_line(event.name))
            kind = event.attributes.get("type", "")
            if not _TYPE.match(kind):
                raise Refusal("routes.type_of_event", "type", printable_line(kind))
            if kind.startswith(POINTS):
                dropped[DropReason.POINT, kind] += 1
            elif kind.startswith(NO_PLANS):
                dropped[DropReason.EVENT, kind] += 1
            elif kind in {ROUTE, CIRCLE, FREEFORM, RECTANGLE}:
                own = _detail(event).child(CARRIED)
                if own is not None:
                    _known_details(event, {"link", "shape", CARRIED})
                    carried.add(own.text, [shown_of(event)], f"line {event.line}")
                    continue
                plan_id = _plan_id(event) or f"event-{number}"
                taken[plan_id] += 1
                if taken[plan_id] > 1:
                    raise Refusal("feeds.identifier_no_other_plan", "uid", plan_id)
                intent = _route(event, options) if kind == ROUTE else (_shape(event, kind, options),)
                plans.append(Plan(plan_id, intent))
            else:
                raise Refusal("routes.type_of_event", "type", kind)
    for plan in carried.plans(drawn_in_events):
        if plan.plan_id in taken:
            raise Refusal("feeds.identifier_no_other_plan", "plan_id", plan.plan_id)
        plans.append(plan)
    return tuple(plans), dropped_by_name(dropped)


def _plan_id(event: Element) -> str:
    """The event's call sign with the beginning of its uid, which tells two of one call sign apart."""
    uid = identifier_of(event.attributes.get("uid", ""))
    contact = _detail(event).child("contact")
    callsign = identifier_of(contact.attributes.get("callsign", "")) if contact is not None else ""
    return f"{callsign}.{uid[:13]}" if callsign and uid else callsign or uid


def _route(event: Element, options: RouteOptions) -> Trajectory:
    window = _window(event)
    points = []
    for link in _known_details(event, {"link"}):
        kind = link.attributes.get("type", "")
        if "point" not in link.attributes and not kind.startswith(POINT_OF_MAP):
            continue
        with Within(f"line {link.line}: link"):
            if kind not in POINT_LINKS:
                raise Refusal("routes.type_of_link", "type", printable_line(kind))
            # A point of the route that is only named is in another event, and would go unread.
            points.append(_point_of(link.attributes.get("point", "")))
    if not 2 <= len(points) <= MOST_POINTS:
        raise Refusal("routes.points_of_route", "link", len(points), most=MOST_POINTS)
    start, speed_m_s = options.needed_start(), options.needed_speed_m_s()
    heights = [None if hae_m is None else Altitude(hae_m, AltitudeUnit.METRE, Ellipsoid()) for _, hae_m in points]
    altitudes = filled_up(heights, Ellipsoid(), options)
    path = straight_path([position for position, _ in points], altitudes, speed_m_s)
    trajectory = path.trajectory(start, options.containment)
    if not window.start <= start <= trajectory.waypoints[-1].time <= window.end:
        raise Refusal(
            "routes.while_not_stale", "stale", window.end.isoformat(), start=window.start.isoformat(),
            flown=start.isoformat(), until=trajectory.waypoints[-1].time.isoformat(),
        )  # fmt: skip
    return trajectory


def _shape(event: Element, kind: str, options: RouteOptions) -> Volume4D:
    window = _window(event)
    details = _known_details(event, {"link", "shape", "closed"})
    links = [link for link in details if link.name == "link" and "point" in link.attributes]
    shapes = [child for child in details if child.name == "shape"]
    closed = any(child.name == "closed" and child.attributes.get("value") == "true" for child in details)
    area: Circle | Polygon
    if kind == CIRCLE:
        area = _circle(event, shapes)
    else:
        if shapes and links:
            raise Refusal("routes.one_outline", "shape", "links too")
        vertices = [_point_of(link.attributes["point"])[0] for link in links] or _polyline(shapes)
        if kind == RECTANGLE or closed:
            vertices = vertices[:-1] if len(vertices) > 4 and same_point(vertices[0], vertices[-1]) else vertices
        elif len(vertices) > 3 and same_point(vertices[0], vertices[-1]):
            vertices = vertices[:-1]
        elif links:
            raise Refusal("routes.closed_outline", "link", "an open line")
        area = Polygon(tuple(vertices))
    if options.heights is None:
        raise Refusal("routes.heights_of_area", "heights", None)
    volume = Volume4D(area, options.heights, window)
    check_volume(volume)
    return volume


def _circle(event: Element, shapes: list[Element]) -> Circle:
    ellipses = [child for shape in shapes for child in _children(shape, {"ellipse"}, frozenset({"link"}))]
    if not ellipses:
        raise Refusal("routes.ellipse_of_circle", "shape", None)
    radius_m = 0.0
    for ellipse in ellipses:
        with Within(f"line {ellipse.line}: ellipse"):
            major_m, minor_m = (decimal_number(ellipse.attributes.get(name, ""), name) for name in ("major", "minor"))
            if abs(major_m - minor_m) > 1e-6 * abs(major_m) or major_m <= 0.0:
                raise Refusal("routes.one_radius", "minor", minor_m, major=major_m)
        # Rings around one centre: the widest holds all.
        radius_m = max(radius_m, major_m)
    point = event.child("point")
    if point is None:
        raise Refusal("routes.point_of_event", "point", None)
    with Within(f"line {point.line}: point"):
        centre = Position(*(decimal_number(point.attributes.get(name, ""), name) for name in ("lat", "lon")))
        error_m = decimal_number(point.attributes["ce"], "ce") if "ce" in point.attributes else UNKNOWN_VALUE
        if error_m < 0.0:
            raise Refusal("routes.not_below_zero", "ce", error_m)
    return Circle(centre, radius_m + (error_m if error_m < UNKNOWN_VALUE else 0.0))


def _polyline(shapes: list[Element]) -> list[Position]:
    lines = [child for shape in shapes for child in _children(shape, {"polyline"}, frozenset({"link"}))]
    if len(lines) != 1 or lines[0].attributes.get("closed") != "true":
        raise Refusal("routes.closed_outline", "shape", f"{len(lines)} lines" if len(lines) != 1 else "an open line")
    vertices = []
    for vertex in _children(lines[0], {"vertex"}, frozenset()):
        with Within(f"line {vertex.line}: vertex"):
            vertices.append(
                Position(*(decimal_number(vertex.attributes.get(name, ""), name) for name in ("lat", "lon")))
            )
    if len(vertices) > 3 and same_point(vertices[0], vertices[-1]):
        vertices.pop()
    return vertices


def _window(event: Element) -> TimeWindow:
    times: dict[str, datetime] = {}
    for name in ("time", "start", "stale"):
        times[name] = instant(event.attributes.get(name, ""), name)
    return TimeWindow(times["start"], times["stale"])


def _point_of(text: str) -> tuple[Position, float | None]:
    """A position as "latitude,longitude" with perhaps the height above the ellipsoid in metres behind it."""
    parts = [part.strip() for part in text.split(",")]
    if not 2 <= len(parts) <= 3:
        raise Refusal("routes.latitude_longitude_height", "point", printable_line(text))
    numbers = [decimal_number(part, "point") for part in parts]
    known = len(numbers) == 3 and abs(numbers[2]) < UNKNOWN_VALUE
    return Position(numbers[0], numbers[1]), numbers[2] if known else None


def _detail(event: Element) -> Element:
    details = event.all("detail")
    if len(details) > 1:
        raise Refusal("feeds.element_once", f"line {details[1].line}: detail", "a second one in event")
    return details[0] if details else Element("detail", {}, event.line)


def _known_details(event: Element, read: set[str]) -> list[Element]:
    """The details of an event that are read; raises Refusal for one that is neither read nor left alone."""
    _children(event, {"point", "detail"}, frozenset())
    if len(event.all("point")) > 1:
        raise Refusal("feeds.element_once", "point", "a second one in event")
    return _children(_detail(event), read, LEFT_ALONE)


def _children(element: Element, read: set[str], alone: frozenset[str]) -> list[Element]:
    for child in element.children:
        if child.name not in read and child.name not in alone:
            raise Refusal(
                "routes.known_detail", f"line {child.line}: {printable_line(child.name)}", f"in {element.name}"
            )
    if element.text and element.name != "remarks":
        raise Refusal("feeds.elements_not_text", f"line {element.line}: {element.name}", printable_line(element.text))
    return [child for child in element.children if child.name in read]
