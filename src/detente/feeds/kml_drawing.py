"""Plans drawn as KML 2.3 for map programs: trajectories as tracks, volumes as extruded areas, circles as polygons.

Heights are drawn as they were given, above the ground or as if above mean sea level; the plan itself is carried beside
its drawing (`carried`).
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape  # it writes, and reads nothing

import msgspec

from detente.airspace.altitude import Altitude, Ground
from detente.airspace.plan import Circle, Plan, Trajectory, Volume4D
from detente.airspace.position import Position
from detente.feeds.carried import CARRIED, Drawn
from detente.feeds.geojson import features_of
from detente.feeds.kml_elements import NAMESPACES
from detente.feeds.routes import beyond
from detente.feeds.xml_tree import parse_xml

CORNERS = 72
HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<kml xmlns="http://www.opengis.net/kml/2.2"'
    ' xmlns:gx="http://www.google.com/kml/ext/2.2">\n<Document>\n'
)
TAIL = "</Document>\n</kml>\n"


def write_kml(plans: Sequence[Plan]) -> bytes:
    """Return a KML file of `plans`; `read_kml` gives equal plans back as long as the drawing was not changed."""
    lines = [HEAD]
    for plan in plans:
        for feature, drawing in zip(features_of(plan), _drawings(plan), strict=True):
            carried = escape(msgspec.json.encode(feature).decode())
            lines.append(
                f"<Placemark><name>{escape(plan.plan_id)}</name>"
                f'<ExtendedData><Data name="{CARRIED}"><value>{carried}</value></Data></ExtendedData>'
                f"{drawing}</Placemark>\n"
            )
    return "".join([*lines, TAIL]).encode()


def drawn_in_kml(plan: Plan) -> Drawn:
    """Return the geometry of each part of a plan, and behind it its time."""
    parts = []
    for drawing in _drawings(plan):
        placemark = (
            parse_xml(f"{HEAD}<Placemark>{drawing}</Placemark>{TAIL}".encode(), NAMESPACES).children[0].children[0]
        )
        times = [child for child in placemark.children if child.name == "TimeSpan"]
        parts.append([child for child in placemark.children if child.name != "TimeSpan"] + times)
    return parts


def _drawings(plan: Plan) -> list[str]:
    return [_track(plan.intent)] if isinstance(plan.intent, Trajectory) else [_area(volume) for volume in plan.intent]


def _track(trajectory: Trajectory) -> str:
    waypoints = trajectory.waypoints
    whens = "".join(f"<when>{waypoint.time.isoformat().replace('+00:00', 'Z')}</when>" for waypoint in waypoints)
    coords = "".join(
        f"<gx:coord>{waypoint.position.longitude_deg!r} {waypoint.position.latitude_deg!r} "
        f"{waypoint.altitude.reading_m!r}</gx:coord>"
        for waypoint in waypoints
    )
    return f"<gx:Track>{_mode(waypoints[0].altitude)}{whens}{coords}</gx:Track>"


def _area(volume: Volume4D) -> str:
    upper = volume.altitude.upper
    ring = corners_of(volume)
    coordinates = " ".join(
        f"{corner.longitude_deg!r},{corner.latitude_deg!r},{upper.reading_m!r}" for corner in (*ring, ring[0])
    )
    begin, end = (moment.isoformat().replace("+00:00", "Z") for moment in (volume.time.start, volume.time.end))
    return (
        f"<TimeSpan><begin>{begin}</begin><end>{end}</end></TimeSpan><Polygon><extrude>1</extrude>{_mode(upper)}"
        f"<outerBoundaryIs><LinearRing><coordinates>{coordinates}</coordinates></LinearRing></outerBoundaryIs></Polygon>"
    )


def corners_of(volume: Volume4D) -> tuple[Position, ...]:
    """Return the corners of a volume's area; of a circle those of a polygon in it."""
    area = volume.area
    if not isinstance(area, Circle):
        return area.vertices
    return tuple(beyond(area.centre, 360.0 * corner / CORNERS, area.radius_m) for corner in range(CORNERS))


def _mode(altitude: Altitude) -> str:
    mode = "relativeToGround" if isinstance(altitude.reference, Ground) else "absolute"
    return f"<altitudeMode>{mode}</altitudeMode>"
