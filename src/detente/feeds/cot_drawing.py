"""Plans drawn as Cursor on Target events: trajectories as routes, volumes as circles and freeform shapes.

Heights are drawn where they are above the ellipsoid, as events have them, and are 9999999, not known, elsewhere; the
plan itself is carried beside its drawing (`carried`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from xml.sax.saxutils import escape, quoteattr  # it writes, and reads nothing

import msgspec

from detente.airspace.altitude import Altitude, Ellipsoid
from detente.airspace.plan import Circle, Plan, TimeWindow, Trajectory, Volume4D
from detente.airspace.position import Position
from detente.feeds.carried import CARRIED, Drawn
from detente.feeds.geojson import features_of
from detente.feeds.xml_tree import Element, parse_xml

UNKNOWN_HEIGHT = "9999999.0"


def write_events(plans: Sequence[Plan]) -> bytes:
    """Return events of `plans`; `read_cursor_on_target` gives equal plans back if the drawing was not changed."""
    events = []
    for plan in plans:
        features = [msgspec.json.encode(feature).decode() for feature in features_of(plan)]
        events += [_event(plan, part, feature) for part, feature in enumerate(features, start=1)]
    return "".join(['<?xml version="1.0" encoding="UTF-8"?>\n<events>\n', *events, "</events>\n"]).encode()


def drawn_in_events(plan: Plan) -> Drawn:
    """Return what of the event of each part of a plan draws it."""
    count = 1 if isinstance(plan.intent, Trajectory) else len(plan.intent)
    return [[shown_of(parse_xml(_event(plan, part, "").encode(), frozenset()))] for part in range(1, count + 1)]


def _event(plan: Plan, part: int, feature: str) -> str:
    intent = plan.intent
    if isinstance(intent, Trajectory):
        kind, window, at = "b-m-r", plan.time, intent.waypoints[0].position
        shape = "".join(
            f'<link uid="{part}.{number}" type="b-m-p-w" relation="c" '
            f'point="{_place(waypoint.position)},{_height(waypoint.altitude)}"/>'
            for number, waypoint in enumerate(intent.waypoints, start=1)
        )
    else:
        kind, window, at, shape = _of_volume(intent[part - 1])
    start, stale = (_moment(moment) for moment in (window.start, window.end))
    return (
        f'<event version="2.0" uid={quoteattr(f"{plan.plan_id}.{part}")} type="{kind}" time="{start}" start="{start}" '
        f'stale="{stale}" how="h-e"><point lat="{at.latitude_deg!r}" lon="{at.longitude_deg!r}" '
        f'hae="{UNKNOWN_HEIGHT}" ce="{UNKNOWN_HEIGHT}" le="{UNKNOWN_HEIGHT}"/><detail>'
        f"<contact callsign={quoteattr(plan.plan_id)}/>{shape}<{CARRIED}>{escape(feature)}</{CARRIED}></detail>"
        "</event>\n"
    )


def _of_volume(volume: Volume4D) -> tuple[str, TimeWindow, Position, str]:
    area = volume.area
    if isinstance(area, Circle):
        radius = repr(area.radius_m)
        ellipse = f'<shape><ellipse major="{radius}" minor="{radius}" angle="360"/></shape>'
        return "u-d-c-c", volume.time, area.centre, ellipse
    links = "".join(f'<link point="{_place(corner)}"/>' for corner in (*area.vertices, area.vertices[0]))
    return "u-d-f", volume.time, area.vertices[0], links


def _place(position: Position) -> str:
    return f"{position.latitude_deg!r},{position.longitude_deg!r}"


def _height(altitude: Altitude) -> str:
    return repr(altitude.reading_m) if isinstance(altitude.reference, Ellipsoid) else UNKNOWN_HEIGHT


def _moment(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def shown_of(event: Element) -> Element:
    """Return what of an event draws a plan: its type, times, place and shape; looks and names are left out."""
    attributes = {name: event.attributes.get(name, "") for name in ("type", "start", "stale")}
    details = [child for detail in event.all("detail") for child in detail.children]
    links = [
        Element("link", {"point": child.attributes["point"]}, child.line)
        for child in details
        if child.name == "link" and "point" in child.attributes
    ]
    ellipses = [one for child in details if child.name == "shape" for one in child.all("ellipse")]
    points = [
        Element("point", {name: point.attributes.get(name, "") for name in ("lat", "lon")}, point.line)
        for point in event.all("point")
    ]
    return Element("event", attributes, event.line, [*points, *links, *ellipses])
