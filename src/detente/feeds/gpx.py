"""Tracks from GPX 1.0 and 1.1 (Topografix): each segment of a track is a trajectory.

`ele` is metres above mean sea level, as GNSS receivers give it (`geoidheight` is what lies between that and the
ellipsoid). GPX knows no containment, so the reader is told one. A route is flown from the start and at the speed that
came with it; a waypoint is a point and counted.
"""

from __future__ import annotations

from collections import Counter

from detente.airspace.altitude import Altitude, AltitudeUnit, MeanSeaLevel
from detente.airspace.plan import Containment, Plan, Trajectory, Waypoint
from detente.airspace.position import Position
from detente.airspace.refusal import Refusal
from detente.feeds.dropped import Dropped, DropReason, dropped_in_order
from detente.feeds.plausibility import check_trajectory
from detente.feeds.recorded_track import with_silences
from detente.feeds.routes import RouteOptions, filled_up, straight_path
from detente.feeds.source import Within, decimal_number, identifier_of, instant, printable_line
from detente.feeds.xml_tree import Element, check_children, parse_xml

NAMESPACES = frozenset({"http://www.topografix.com/GPX/1/0", "http://www.topografix.com/GPX/1/1"})
ABOUT = frozenset({"name", "cmt", "desc", "src", "link", "url", "urlname", "number", "type", "extensions"})
"""What says nothing of where and when, and where others may put what they like: left alone with all that is in them."""

KNOWN = {
    "gpx": frozenset({"metadata", "author", "email", "time", "keywords", "bounds", "wpt", "rte", "trk"}) | ABOUT,
    "trk": frozenset({"trkseg"}) | ABOUT,
    "trkseg": frozenset({"trkpt", "extensions"}),
    "rte": frozenset({"rtept"}) | ABOUT,
    "trkpt": frozenset(
        {"ele", "time", "magvar", "geoidheight", "sym", "fix", "sat", "hdop", "vdop", "pdop", "ageofdgpsdata",
         "dgpsid", "course", "speed"}
    ) | ABOUT,
}  # fmt: skip
KNOWN["rtept"] = KNOWN["trkpt"]
MOST_POINTS = 100_000
ONCE = frozenset({"ele", "time", "fix"})


def read_gpx(content: bytes, routes: RouteOptions) -> tuple[tuple[Plan, ...], tuple[Dropped, ...]]:
    """Return the plans of a GPX file and what was left out; raises Refusal naming line and field."""
    root = parse_xml(content, NAMESPACES)
    if root.name != "gpx":
        raise Refusal("feeds.element_gpx", f"line {root.line}", printable_line(root.name))
    _check(root)
    dropped: Counter[DropReason] = Counter({DropReason.POINT: len(root.all("wpt"))})
    plans: list[Plan] = []
    taken: Counter[str] = Counter()
    for number, route in enumerate(root.all("rte"), start=1):
        with Within(f"line {route.line}: rte"):
            _check(route)
            plan_id = identifier_of(_text(route, "name")) or f"route-{number}"
            taken[plan_id] += 1
            serial = f"~{taken[plan_id]}" if taken[plan_id] > 1 else ""
            plans.append(Plan(f"{plan_id}{serial}", _route(route, routes)))
    for number, track in enumerate(root.all("trk"), start=1):
        _check(track)
        name = track.child("name")
        plan_id = identifier_of(name.text if name is not None else "") or f"track-{number}"
        for segment in track.all("trkseg"):
            with Within(f"line {segment.line}: trkseg"):
                trajectory = _trajectory(segment, routes.containment, dropped)
            if trajectory is not None:
                taken[plan_id] += 1
                serial = f"~{taken[plan_id]}" if taken[plan_id] > 1 else ""
                plans.append(Plan(f"{plan_id}{serial}", trajectory))
    _check_names(plans)
    return tuple(plans), dropped_in_order(dropped)


def _trajectory(segment: Element, containment: Containment, dropped: Counter[DropReason]) -> Trajectory | None:
    _check(segment)
    waypoints: list[Waypoint] = []
    for point in segment.all("trkpt"):
        with Within(f"line {point.line}: trkpt"):
            _check(point)
            if _text(point, "fix") == "none":
                dropped[DropReason.NO_POSITION] += 1
                continue
            waypoint = _waypoint(point)
        if waypoints and waypoint == waypoints[-1]:
            dropped[DropReason.REPEATED_TIME] += 1
            continue
        waypoints.append(waypoint)
    if not waypoints:
        return None
    trajectory = Trajectory(tuple(waypoints), containment)
    check_trajectory(trajectory)
    trajectory, unheard = with_silences(trajectory)
    dropped[DropReason.SILENCE] += unheard
    return trajectory


def _route(route: Element, options: RouteOptions) -> Trajectory:
    positions: list[Position] = []
    heights: list[Altitude | None] = []
    for point in route.all("rtept"):
        with Within(f"line {point.line}: rtept"):
            _check(point)
            if point.child("time") is not None:
                raise Refusal("routes.time_of_point", "time", printable_line(_text(point, "time")))
            positions.append(_position(point))
            heights.append(_altitude(point) if point.child("ele") is not None else None)
    if not 2 <= len(positions) <= MOST_POINTS:
        raise Refusal("routes.points_of_route", "rtept", len(positions), most=MOST_POINTS)
    altitudes = filled_up(heights, MeanSeaLevel(), options)
    path = straight_path(positions, altitudes, options.needed_speed_m_s())
    return path.trajectory(options.needed_start(), options.containment)


def _waypoint(point: Element) -> Waypoint:
    if point.child("time") is None:
        raise Refusal("feeds.track_with_times", "time", None)
    if point.child("ele") is None or _text(point, "fix") == "2d":
        # A position in two dimensions comes with the height of before.
        raise Refusal("feeds.altitude_of_trackpoint", "ele", _text(point, "fix") or None)
    return Waypoint(_position(point), _altitude(point), instant(_text(point, "time"), "time"))


def _position(point: Element) -> Position:
    return Position(*(decimal_number(point.attributes.get(name, ""), name) for name in ("lat", "lon")))


def _altitude(point: Element) -> Altitude:
    return Altitude(decimal_number(_text(point, "ele"), "ele"), AltitudeUnit.METRE, MeanSeaLevel())


def _check(element: Element) -> None:
    check_children(element, KNOWN[element.name], KNOWN[element.name] - ONCE)


def _check_names(plans: list[Plan]) -> None:
    repeated = [name for name, count in Counter(plan.plan_id for plan in plans).items() if count > 1]
    if repeated:
        raise Refusal("feeds.identifier_no_other_plan", "name", repeated[0])


def _text(element: Element, name: str) -> str:
    child = element.child(name)
    return child.text if child is not None else ""
