"""Flight plans of Garmin and ForeFlight (FlightPlan v1, http://www8.garmin.com/xmlschemas/FlightPlanv1.xsd).

The route is the points of its table in the order in which it names them. ForeFlight adds when it begins and at how
many feet it is flown, but not on which reference. From and to an airport the aircraft climbs and sinks at the rate
given.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import NamedTuple

from detente.airspace.altitude import FOOT_M, Altitude
from detente.airspace.plan import Plan
from detente.airspace.position import Position
from detente.airspace.refusal import Refusal
from detente.feeds.dropped import Dropped, DropReason
from detente.feeds.routes import Leg, LegHeights, RouteOptions, flown, profile_of
from detente.feeds.source import Within, decimal_number, identifier_of, instant, printable_line
from detente.feeds.xml_tree import Element, check_children, parse_xml

NAMESPACES = frozenset({"http://www8.garmin.com/xmlschemas/FlightPlan/v1"})
AIRPORT = "AIRPORT"
KINDS = frozenset({"USER WAYPOINT", AIRPORT, "NDB", "VOR", "INT", "INT-VRP", ""})
MAX_POINTS = 1_000

KNOWN = {
    "flight-plan": frozenset(
        {"author", "link", "created", "file-description", "aircraft", "flight-data", "waypoint-table", "route",
         "extensions"}
    ),
    "flight-data": frozenset({"etd-zulu", "altitude-ft"}),
    "waypoint-table": frozenset({"waypoint"}),
    "waypoint": frozenset(
        {"identifier", "type", "country-code", "lat", "lon", "comment", "elevation", "altitude-ft",
         "waypoint-description", "symbol", "extensions"}
    ),
    "route": frozenset({"route-name", "route-description", "flight-plan-index", "route-point", "extensions"}),
    "route-point": frozenset({"waypoint-identifier", "waypoint-type", "waypoint-country-code", "extensions"}),
}  # fmt: skip
"""What is read, and what says nothing of airspace: who made it, what for, the elevation of the land at a point."""

REPEATED = frozenset({"waypoint", "route-point", "link", "extensions"})
_BASIC_TIME = re.compile(r"(\d{4})(\d\d)(\d\d)T(\d\d):?(\d\d):?(\d\d)Z\Z", re.ASCII)


class _Stop(NamedTuple):
    name: tuple[str, str, str]
    kind: str
    position: Position


def read_garmin(content: bytes, options: RouteOptions) -> tuple[tuple[Plan, ...], tuple[Dropped, ...]]:
    """Return the route as one plan, and how many points of the table are not on it; raises Refusal naming the line."""
    root = parse_xml(content, NAMESPACES)
    if root.name != "flight-plan":
        raise Refusal("routes.element_flight_plan", f"line {root.line}", printable_line(root.name))
    _check(root)
    table, route = (_child(root, name) for name in ("waypoint-table", "route"))
    _check(table)
    _check(route)
    for holder, listed in ((table, "waypoint"), (route, "route-point")):
        if not 2 <= (count := len(holder.all(listed))) <= MAX_POINTS:
            raise Refusal("routes.points_of_route", f"line {holder.line}: {holder.name}", count, most=MAX_POINTS)
    places = _places(table)
    stops = [_stop(point, places) for point in route.all("route-point")]
    name = route.child("route-name")
    plan_id = identifier_of(name.text if name is not None else "") or "route"
    data = root.child("flight-data")
    if data is not None:
        _check(data)
    with Within(f"line {route.line}: route"):
        start = _start(data) or options.needed_start()
        altitude = _altitude(data, options)
        speed_m_s = options.needed_speed_m_s()
        level = LegHeights(altitude.value, altitude.value)
        profile = profile_of(
            options, altitude.unit, altitude.reference,
            from_ground=stops[0].kind == AIRPORT, to_ground=stops[-1].kind == AIRPORT,
        )  # fmt: skip
        legs = [Leg(stop.position, speed_m_s, level) for stop in stops[1:]]
        way = flown(stops[0].position, legs, profile, altitude.unit, altitude.reference)
        plan = Plan(plan_id, way.trajectory(start, options.containment))
    used = {stop.name for stop in stops}
    unused = sum(identifier not in used for identifier in places)
    return (plan,), (Dropped(DropReason.POINT, unused),) if unused else ()


def _places(table: Element) -> dict[tuple[str, str, str], _Stop]:
    """The points of the table by identifier, type and country: points far apart may share the first."""
    found: dict[tuple[str, str, str], _Stop] = {}
    for point in table.all("waypoint"):
        with Within(f"line {point.line}: waypoint"):
            _check(point)
            identifier, kind = _text(point, "identifier").upper(), _text(point, "type").upper()
            if not identifier:
                raise Refusal("routes.name_of_point", "identifier", None)
            if kind not in KINDS:
                raise Refusal(
                    "routes.kind_of_waypoint", "type", printable_line(kind), kinds=", ".join(sorted(KINDS - {""}))
                )
            if height := _text(point, "altitude-ft"):
                raise Refusal("routes.one_altitude_of_route", "altitude-ft", printable_line(height))
            position = Position(decimal_number(_text(point, "lat"), "lat"), decimal_number(_text(point, "lon"), "lon"))
            stop = _Stop((identifier, kind, _text(point, "country-code").upper()), kind, position)
            known = found.setdefault(stop.name, stop)
            if known != stop:
                raise Refusal("routes.one_place_of_name", "identifier", printable_line(identifier))
    return found


def _stop(point: Element, places: dict[tuple[str, str, str], _Stop]) -> _Stop:
    with Within(f"line {point.line}: route-point"):
        _check(point)
        asked = tuple(
            _text(point, name).upper() for name in ("waypoint-identifier", "waypoint-type", "waypoint-country-code")
        )
        # What a point of the route leaves out is as the table has it.
        fitting = [
            stop
            for name, stop in places.items()
            if name[0] == asked[0] and all(not wanted or wanted == has for wanted, has in zip(asked, name, strict=True))
        ]
        if len({stop.position for stop in fitting}) != 1:
            raise Refusal("routes.point_of_table", "waypoint-identifier", printable_line(" ".join(asked).strip()))
        return fitting[0]


def _start(data: Element | None) -> datetime | None:
    text = _text(data, "etd-zulu") if data is not None else ""
    if not text:
        return None
    basic = _BASIC_TIME.match(text)
    return instant("{}-{}-{}T{}:{}:{}Z".format(*basic.groups()) if basic else text, "etd-zulu")


def _altitude(data: Element | None, options: RouteOptions) -> Altitude:
    text = _text(data, "altitude-ft") if data is not None else ""
    if not text:
        return options.needed_altitude()
    feet = decimal_number(text, "altitude-ft")
    if options.altitude is None:
        raise Refusal("routes.reference_of_altitude", "altitude-ft", printable_line(text))
    given_feet = options.altitude.reading_m / FOOT_M
    if abs(given_feet - feet) > 1.0:
        raise Refusal("routes.altitude_as_in_file", "altitude-ft", printable_line(text), given=round(given_feet))
    return options.altitude


def _check(element: Element) -> None:
    check_children(element, KNOWN[element.name], REPEATED)


def _child(root: Element, name: str) -> Element:
    child = root.child(name)
    if child is None:
        raise Refusal("routes.element_of_route", f"line {root.line}: {name}", None)
    return child


def _text(element: Element, name: str) -> str:
    child = element.child(name)
    return child.text if child is not None else ""
