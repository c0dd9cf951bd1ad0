"""UAS geographical zones as EUROCAE ED-269 (JSON) and ED-318 (GeoJSON with layers) have them.

Every zone becomes a plan, whatever it restricts. Edges are straight in longitude and latitude, as GeoJSON says
(RFC 7946, 3.1.1). Members that say why a zone is there, and who is responsible, are known and left alone; any other
member is refused by name.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

from detente.airspace.altitude import AltitudeBand, AltitudeUnit, Ellipsoid
from detente.airspace.plan import Circle, Polygon, TimeWindow
from detente.airspace.position import Position
from detente.airspace.refusal import Refusal
from detente.feeds.airspace_volumes import AirspaceGatherer, AirspaceOptions, Airspaces
from detente.feeds.daily_hours import ALL_DAY, WEEKDAYS, DailyHours, Schedule, TimeOfDay, joined, windows_of
from detente.feeds.daylight import DEPRESSIONS_DEG
from detente.feeds.dropped import DropReason
from detente.feeds.geojson import check_members, positions_of
from detente.feeds.outlines import corners, outline_in_degrees
from detente.feeds.source import Within, brief, decimal_number, decode_json, instant, json_number, printable_line
from detente.feeds.vertical_limits import (
    SURFACE,
    UNLIMITED,
    GroundElevation,
    VerticalLimit,
    above_ground,
    above_sea,
    band_between,
)

UNITS = {"M": AltitudeUnit.METRE, "FT": AltitudeUnit.FOOT}
ABOUT_ZONE = frozenset(
    {"identifier", "country", "name", "type", "variant", "restriction", "restrictionConditions", "region", "reason",
     "otherReasonInfo", "regulationExemption", "uSpaceClass", "message", "zoneAuthority", "dataSource",
     "extendedProperties"}
)  # fmt: skip
"""Which zone it is, why it is there, and whom to ask."""

ED269_FILE = frozenset(
    {"title", "description", "formatVersion", "createdAt", "UASZoneList", "features", "type", "name", "provider",
     "issued", "validFrom", "validTo", "metadata", "technicalLimitation", "technicalLimitations"}
)  # fmt: skip
ED269_ZONE = ABOUT_ZONE | {"applicability", "geometry"}
ED269_LAYER = frozenset(
    {"uomDimensions", "lowerLimit", "lowerVerticalReference", "upperLimit", "upperVerticalReference",
     "horizontalProjection"}
)  # fmt: skip
ED318_FILE = frozenset({"type", "title", "name", "description", "metadata", "features", "bbox", "id"})
ED318_FEATURE = frozenset({"type", "id", "bbox", "properties", "geometry"})
ED318_ZONE = ABOUT_ZONE | {"limitedApplicability"}
ED318_GEOMETRY = frozenset({"type", "coordinates", "geometries", "bbox", "layer", "extent"})
ED318_LAYER = frozenset({"upper", "upperReference", "lower", "lowerReference", "uom"})

_TIME = re.compile(r"(\d\d):([0-5]\d)(?::(\d\d(?:\.\d+)?))?(Z|[+-]\d\d:[0-5]\d)\Z", re.ASCII)

ZonePart = tuple[Circle | Polygon, AltitudeBand]


def read_ed269(content: bytes, options: AirspaceOptions) -> Airspaces:
    """Return the zones of an ED-269 file; raises Refusal naming zone and field."""
    document = json_object(decode_json(content), "")
    check_members(document, ED269_FILE)
    listed = [name for name in ("UASZoneList", "features") if name in document]
    if len(listed) != 1:
        raise Refusal("feeds_airspace.list_of_zones", "UASZoneList", " and ".join(listed) or None)
    gatherer = AirspaceGatherer(options)
    for number, raw in enumerate(json_list(document[listed[0]], listed[0])):
        with Within(f"{listed[0]}[{number}]"):
            zone = json_object(raw, "")
            check_members(zone, ED269_ZONE)
        with Within(f"{listed[0]}[{number}] {_shown(zone)}"):
            layers = json_list(zone.get("geometry"), "geometry")
            parts = [_ed269_part(one, f"geometry[{at}]", options.ground) for at, one in enumerate(layers)]
            periods = json_list(zone.get("applicability") or [{}], "applicability")
            _add(gatherer, zone, parts, periods, "applicability")
    return gatherer.gathered()


def read_ed318(content: bytes, options: AirspaceOptions) -> Airspaces:
    """Return the zones of an ED-318 file; raises Refusal naming feature and field."""
    document = json_object(decode_json(content), "")
    check_members(document, ED318_FILE)
    gatherer = AirspaceGatherer(options)
    for number, raw in enumerate(json_list(document.get("features"), "features")):
        with Within(f"features[{number}]"):
            feature = json_object(raw, "")
            check_members(feature, ED318_FEATURE)
            zone = json_object(feature.get("properties"), "properties")
            check_members(zone, ED318_ZONE, "properties: ")
        with Within(f"features[{number}] {_shown(zone)}"):
            if feature.get("geometry") is None:
                gatherer.dropped[DropReason.NO_AREA] += 1
                continue
            parts = _ed318_parts(feature["geometry"], "geometry", None, options.ground)
            periods = json_list(zone.get("limitedApplicability") or [{}], "limitedApplicability")
            _add(gatherer, zone, parts, periods, "limitedApplicability")
    return gatherer.gathered()


def _add(
    gatherer: AirspaceGatherer, zone: dict[str, Any], parts: list[ZonePart], periods: list[Any], member: str
) -> None:
    if not parts:
        raise Refusal("feeds_airspace.list_of_zones", "geometry", "no area")
    places = tuple(corner for area, _ in parts for corner in corners(area))
    windows: list[TimeWindow] = []
    for at, period in enumerate(periods):
        windows += _windows(gatherer, json_object(period, f"{member}[{at}]"), places, f"{member}[{at}]")
    gatherer.add(_name(zone), parts, joined(windows))


def _windows(
    gatherer: AirspaceGatherer, period: dict[str, Any], places: tuple[Position, ...], field: str
) -> list[TimeWindow]:
    """The windows of one period: its dates, or all the time that is asked about, at the hours of its schedule."""
    check_members(
        period, frozenset({"permanent", "startDateTime", "endDateTime", "schedule", "dailyPeriod"}), f"{field}: "
    )
    permanent = period.get("permanent")
    if permanent not in (None, "YES", "NO", True, False):
        raise Refusal("feeds_airspace.yes_or_no", f"{field}.permanent", brief(permanent))
    start, end = (_moment(period.get(f"{name}DateTime"), f"{field}.{name}DateTime") for name in ("start", "end"))
    if permanent in ("YES", True) and end is not None:
        raise Refusal("feeds_airspace.permanent_without_end", f"{field}.endDateTime", end.isoformat())
    schedules = [
        _schedule(json_object(one, f"{field}.{name}[{at}]"), f"{field}.{name}[{at}]")
        for name in ("schedule", "dailyPeriod")
        for at, one in enumerate(json_list(period.get(name) or [], f"{field}.{name}"))
    ] or [Schedule((ALL_DAY,))]
    spans = gatherer.asked_about(start, end, field)
    return [window for whole in spans for one in schedules for window in windows_of(one, whole, places, field)]


def _schedule(entry: dict[str, Any], field: str) -> Schedule:
    check_members(entry, frozenset({"day", "startTime", "endTime", "startEvent", "endEvent"}), f"{field}: ")
    days = entry.get("day") or ["ANY"]
    weekdays: set[int] = set()
    for day in json_list([days] if isinstance(days, str) else days, f"{field}.day"):
        if day not in ("ANY", *WEEKDAYS):
            raise Refusal("feeds_airspace.day_of_week", f"{field}.day", brief(day))
        weekdays |= set(range(7)) if day == "ANY" else {WEEKDAYS.index(day)}
    start, start_offset = _time_of_day(entry, "start", field)
    end, end_offset = _time_of_day(entry, "end", field)
    offsets = {one for one in (start_offset, end_offset) if one is not None}
    if len(offsets) > 1:
        raise Refusal("feeds_airspace.one_offset", f"{field}.endTime", entry.get("endTime"))
    hours = DailyHours(start, end, frozenset(weekdays) if len(weekdays) < 7 else frozenset())
    return Schedule((hours,), offset=offsets.pop() if offsets else timedelta(0))


def _time_of_day(entry: dict[str, Any], which: str, field: str) -> tuple[TimeOfDay, timedelta | None]:
    """A time of day with its offset from UTC, or an event of the sun; midnight where neither is said."""
    text, event = entry.get(f"{which}Time"), entry.get(f"{which}Event")
    if text is not None and event is not None:
        raise Refusal("feeds_airspace.time_or_event", f"{field}.{which}Event", brief(event))
    if event is not None:
        if not isinstance(event, str) or event not in DEPRESSIONS_DEG:
            raise Refusal("feeds_airspace.event_of_sun", f"{field}.{which}Event", brief(event))
        return TimeOfDay(timedelta(0), event), None
    if text is None:
        return TimeOfDay(timedelta(days=1 if which == "end" else 0)), None
    match = _TIME.match(text) if isinstance(text, str) else None
    if match is None:
        raise Refusal("feeds_airspace.time_of_day", f"{field}.{which}Time", brief(text))
    after = timedelta(hours=int(match[1]), minutes=int(match[2]), seconds=float(match[3] or 0))
    if after > timedelta(days=1):
        raise Refusal("feeds_airspace.time_of_day", f"{field}.{which}Time", text)
    if match[4] == "Z":
        return TimeOfDay(after), timedelta(0)
    offset = timedelta(hours=int(match[4][1:3]), minutes=int(match[4][4:]))
    return TimeOfDay(after), -offset if match[4][0] == "-" else offset


def _ed269_part(raw: object, field: str, ground: GroundElevation | None) -> ZonePart:
    layer = json_object(raw, field)
    check_members(layer, ED269_LAYER, f"{field}: ")
    unit = _unit(layer.get("uomDimensions"), f"{field}.uomDimensions")
    lower, upper = (
        _limit(layer.get(f"{end}Limit"), layer.get(f"{end}VerticalReference"), unit, f"{field}.{end}Limit", ground)
        for end in ("lower", "upper")
    )
    with Within(field):
        band = band_between(lower or SURFACE, upper or UNLIMITED, "upperLimit")
    shape = json_object(layer.get("horizontalProjection"), f"{field}.horizontalProjection")
    place = f"{field}.horizontalProjection"
    check_members(shape, frozenset({"type", "coordinates", "center", "radius"}), f"{place}: ")
    if shape.get("type") == "Circle":
        if shape.get("coordinates") is not None:
            raise Refusal("feeds.known_member", f"{place}: coordinates", "beside a centre", known="center, radius")
        radius = _number(shape.get("radius"), f"{place}.radius")
        return _circle(shape.get("center"), radius * (0.3048 if unit is AltitudeUnit.FOOT else 1.0), place), band
    if shape.get("type") != "Polygon" or "radius" in shape or "center" in shape:
        raise Refusal("feeds_airspace.polygon_or_circle", f"{place}.type", brief(shape.get("type")))
    return area_of_rings(shape.get("coordinates"), f"{place}.coordinates"), band


def _ed318_parts(raw: object, field: str, outer: object, ground: GroundElevation | None) -> list[ZonePart]:
    geometry = json_object(raw, field)
    check_members(geometry, ED318_GEOMETRY, f"{field}: ")
    layer = geometry.get("layer") if geometry.get("layer") is not None else outer
    kind, coordinates = geometry.get("type"), geometry.get("coordinates")
    if kind == "GeometryCollection":
        inner = json_list(geometry.get("geometries"), f"{field}.geometries")
        if any(isinstance(one, dict) and one.get("type") == kind for one in inner):
            raise Refusal("feeds_airspace.polygon_or_circle", f"{field}.geometries", kind)
        return [
            part
            for at, one in enumerate(inner)
            for part in _ed318_parts(one, f"{field}.geometries[{at}]", layer, ground)
        ]
    extent = geometry.get("extent")
    if kind == "Point":
        shape = json_object(extent, f"{field}.extent")
        check_members(shape, frozenset({"subType", "radius"}), f"{field}.extent: ")
        if shape.get("subType") != "Circle":
            raise Refusal("feeds_airspace.polygon_or_circle", f"{field}.extent.subType", brief(shape.get("subType")))
        radius_m = _number(shape.get("radius"), f"{field}.extent.radius")
        areas: list[Circle | Polygon] = [_circle(coordinates, radius_m, field)]
    elif extent is not None or kind not in ("Polygon", "MultiPolygon"):
        raise Refusal("feeds_airspace.polygon_or_circle", f"{field}.type", brief(kind))
    elif kind == "Polygon":
        areas = [area_of_rings(coordinates, f"{field}.coordinates")]
    else:
        rings = json_list(coordinates, f"{field}.coordinates")
        areas = [area_of_rings(one, f"{field}.coordinates[{at}]") for at, one in enumerate(rings)]
    band = _ed318_band(layer, f"{field}.layer", ground)
    return [(area, band) for area in areas]


def _ed318_band(raw: object, field: str, ground: GroundElevation | None) -> AltitudeBand:
    layer = json_object(raw, field)
    check_members(layer, ED318_LAYER, f"{field}: ")
    unit = _unit(layer.get("uom") or "m", f"{field}.uom")
    lower, upper = (
        _limit(layer.get(end), layer.get(f"{end}Reference"), unit, f"{field}.{end}", ground)
        for end in ("lower", "upper")
    )
    with Within(field):
        return band_between(lower or SURFACE, upper or UNLIMITED, "upper")


def _limit(
    value: object, reference: object, unit: AltitudeUnit | None, field: str, ground: GroundElevation | None
) -> VerticalLimit | None:
    """A limit, or None where none is given; zero above ground is the surface."""
    if value is None:
        return None
    number = _number(value, field)
    if reference not in ("AGL", "AMSL", "WGS84"):
        raise Refusal("feeds_airspace.vertical_reference", f"{field}: reference", brief(reference))
    if unit is None:
        raise Refusal("feeds_airspace.metres_or_feet", f"{field}: unit", None)
    if reference == "AGL":
        return above_ground(number, unit, ground, field, f"{number:g} {unit} AGL")
    return above_sea(number, unit) if reference == "AMSL" else VerticalLimit(number, unit, Ellipsoid())


def _unit(raw: object, field: str) -> AltitudeUnit | None:
    if raw is None:
        return None
    unit = UNITS.get(raw.upper()) if isinstance(raw, str) else None
    if unit is None:
        raise Refusal("feeds_airspace.metres_or_feet", field, brief(raw))
    return unit


def _circle(centre: object, radius_m: float, field: str) -> Circle:
    (position,) = positions_of([centre], f"{field}: centre")
    with Within(field):
        if radius_m <= 0.0:
            raise Refusal("feeds.radius_area_around_point", "radius", radius_m)
        return Circle(position, radius_m)


def area_of_rings(rings: object, field: str) -> Polygon:
    """Return the area of a polygon's rings, of which there must be one, its edges straight in degrees."""
    found = json_list(rings, field)
    if len(found) != 1:
        raise Refusal("feeds.one_ring", field, f"{len(found)} rings")
    ring = json_list(found[0], f"{field}[0]")
    if not 4 <= len(ring) <= 10_001:
        raise Refusal("feeds.closed_ring_positions", f"{field}[0]", brief(ring))
    vertices = positions_of(ring, f"{field}[0]")
    if vertices[0] != vertices[-1]:
        raise Refusal("feeds.first_position_again_end", f"{field}[0]", brief(ring[-1]), ring=str(ring[0]))
    with Within(field):
        return outline_in_degrees(vertices)


def _number(raw: object, field: str) -> float:
    """A number; some services write it as text."""
    return decimal_number(raw.strip(), field) if isinstance(raw, str) else json_number(raw, field)


def _moment(raw: object, field: str) -> datetime | None:
    if raw is None:
        return None
    if not isinstance(raw, str):
        raise Refusal("feeds.date_time", field, brief(raw))
    return instant(raw, field)


def _name(zone: dict[str, Any]) -> str:
    identifier = zone.get("identifier")
    if not isinstance(identifier, str):
        raise Refusal("feeds_airspace.identifier_of_zone", "identifier", brief(identifier))
    return identifier


def _shown(zone: dict[str, Any]) -> str:
    identifier = zone.get("identifier")
    return printable_line(repr(identifier[:40])) if isinstance(identifier, str) else "?"


def json_object(raw: object, field: str) -> dict[str, Any]:
    """Return what is a JSON object; raises Refusal naming `field` for anything else."""
    if not isinstance(raw, dict):
        raise Refusal("feeds.json_object", field, brief(raw))
    return raw


def json_list(raw: object, field: str) -> list[Any]:
    """Return what is a JSON list; raises Refusal naming `field` for anything else."""
    if not isinstance(raw, list):
        raise Refusal("feeds_airspace.json_list", field, brief(raw))
    return raw
