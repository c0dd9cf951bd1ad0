"""Plans as GeoJSON (RFC 7946): the schema is documented in docs/reference/plans-geojson.md.

A feature is one volume or one trajectory. Volumes of one plan are features with the same `plan_id` that count their
`part` of `parts`, or the polygons of a MultiPolygon. Edges and legs are geodesics of WGS 84. What is written is read
back equal.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import chain
from typing import Any

import msgspec

from detente.airspace.altitude import Altitude, AltitudeBand, AltitudeReference, AltitudeUnit
from detente.airspace.plan import (
    DEFAULT_CLASS,
    Circle,
    Containment,
    Plan,
    Polygon,
    TimeWindow,
    Trajectory,
    Volume4D,
    Waypoint,
)
from detente.airspace.position import Position
from detente.airspace.refusal import Refusal
from detente.feeds.feature_pieces import decoded, feature_pieces
from detente.feeds.plausibility import check_trajectory, check_volume
from detente.feeds.source import (
    Within,
    brief,
    convert,
    decode_json,
    json_number,
    placed,
    plausible_instant,
    printable_line,
)

MAX_FEATURES = 500_000
CRS_NAMES = frozenset({"urn:ogc:def:crs:OGC:1.3:CRS84", "urn:ogc:def:crs:OGC::CRS84", "EPSG:4326"})
DECORATION = frozenset(
    {"name", "title", "description", "stroke", "stroke-width", "stroke-opacity", "fill", "fill-opacity",
     "marker-color", "marker-size", "marker-symbol"}
)  # fmt: skip
"""Properties for people and drawing programs (simplestyle-spec); they and names that begin with "x-" are left alone."""

COLLECTION_MEMBERS = frozenset(
    {"type", "features", "crs", "bbox", "name", "title", "description", "generator", "copyright", "timestamp",
     "xy_coordinate_resolution", "$schema"}
)  # fmt: skip
FEATURE_MEMBERS = frozenset({"type", "geometry", "properties", "id", "bbox", "crs"})
GEOMETRY_MEMBERS = frozenset({"type", "coordinates", "bbox", "crs"})
"""What is read, or says nothing of airspace; any other member is refused by name unless it begins with "x-"."""


class AltitudeSeries(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One altitude for each waypoint on one reference; either one `unit` for all or `units` one by one."""

    reference: AltitudeReference
    values: tuple[float, ...]
    unit: AltitudeUnit | None = None
    units: tuple[AltitudeUnit, ...] | None = None


class VolumeProperties(
    msgspec.Struct, frozen=True, tag_field="kind", tag="volume", forbid_unknown_fields=True, omit_defaults=True
):
    """The properties of a Polygon, or of a Point with a radius."""

    plan_id: str
    altitude: AltitudeBand
    time: TimeWindow
    radius_m: float | None = None
    aircraft_class: str = DEFAULT_CLASS
    part: int = 1
    parts: int = 1


class TrajectoryProperties(
    msgspec.Struct, frozen=True, tag_field="kind", tag="trajectory", forbid_unknown_fields=True, omit_defaults=True
):
    """The properties of a LineString, or of a Point that is the only waypoint."""

    plan_id: str
    times: tuple[datetime, ...]
    altitudes: AltitudeSeries
    containment: Containment
    leg_containments: tuple[Containment, ...] = ()
    aircraft_class: str = DEFAULT_CLASS


Properties = VolumeProperties | TrajectoryProperties


def read_geojson(content: bytes) -> tuple[Plan, ...]:
    """Return the plans of a GeoJSON file in the order in which they begin; raises Refusal naming feature and field."""
    pieces = feature_pieces(content)
    if pieces is not None:
        _check_count(len(pieces))
        return plans_of_features(decoded(content, pieces))
    document = decode_json(content)
    if not isinstance(document, dict) or document.get("type") != "FeatureCollection":
        kind = document.get("type") if isinstance(document, dict) else type(document).__name__
        raise Refusal("feeds.featurecollection", "type", brief(kind))
    check_members(document, COLLECTION_MEMBERS)
    features = document.get("features")
    if not isinstance(features, list):
        raise Refusal("feeds.list_features", "features", brief(features))
    _check_count(len(features))
    return plans_of_features(_let_go(features))


def _check_count(features: int) -> None:
    if features > MAX_FEATURES:
        raise Refusal("feeds.at_most_features", "features", features, most=MAX_FEATURES)


def _let_go(features: list[object]) -> Iterator[object]:
    """Yield the features, each kept no longer than it is read: as JSON they take more memory than as plans."""
    features.reverse()
    while features:
        yield features.pop()


def plans_of_features(features: Iterable[object]) -> tuple[Plan, ...]:
    """Return the plans of features in the order in which they begin; raises Refusal naming feature and field."""
    gathered = _Gathered()
    for index, feature in enumerate(features):
        if index >= MAX_FEATURES:
            raise Refusal("feeds.at_most_features", "features", f"over {MAX_FEATURES:,}", most=MAX_FEATURES)
        with Within(_place(index, feature)):
            gathered.add(index, feature)
    return gathered.plans()


def write_geojson(plans: Sequence[Plan]) -> bytes:
    """Return a GeoJSON file of `plans`, one feature a line; `read_geojson` gives equal plans back."""
    lines = [msgspec.json.encode(feature) for plan in plans for feature in features_of(plan)]
    return b'{"type":"FeatureCollection","features":[\n' + b",\n".join(lines) + b"\n]}\n"


class _Gathered:
    """The plans met so far, volumes still by part."""

    def __init__(self) -> None:
        self.order: dict[str, Plan | None] = {}
        self.parts: dict[str, dict[int, tuple[Volume4D, ...]]] = {}
        self.first: dict[str, tuple[int, VolumeProperties]] = {}

    def add(self, index: int, feature: object) -> None:
        """Take in one feature; raises Refusal with the field inside the feature."""
        if not isinstance(feature, dict) or feature.get("type") != "Feature":
            raise Refusal("feeds.feature", "type", brief(feature.get("type") if isinstance(feature, dict) else feature))
        check_members(feature, FEATURE_MEMBERS)
        geometry = feature.get("geometry")
        if not isinstance(geometry, dict):
            raise Refusal("feeds.polygon_point_or_linestring", "geometry", brief(geometry))
        check_members(geometry, GEOMETRY_MEMBERS, "geometry: ")
        raw = feature.get("properties")
        if not isinstance(raw, dict):
            raise Refusal("feeds.properties_plan", "properties", brief(raw))
        known = {name: value for name, value in raw.items() if name not in DECORATION and not name.startswith("x-")}
        properties: Properties = convert(known, Properties, "properties")
        if isinstance(properties, TrajectoryProperties):
            self._new(properties.plan_id)
            self.order[properties.plan_id] = _trajectory_plan(geometry, properties)
        else:
            self._add_volume(index, geometry, properties)

    def plans(self) -> tuple[Plan, ...]:
        """Return every plan; raises Refusal when a plan lacks a part."""
        for plan_id, (index, properties) in self.first.items():
            parts = self.parts[plan_id]
            missing = next((part for part in range(1, properties.parts + 1) if part not in parts), None)
            if missing is not None:
                raise Refusal(
                    "feeds.part_same_file", f"features[{index}] {plan_id!r}: properties.parts", properties.parts,
                    missing=missing, parts=properties.parts,
                )  # fmt: skip
            volumes = tuple(chain.from_iterable(parts[part] for part in range(1, properties.parts + 1)))
            self.order[plan_id] = Plan(plan_id, volumes, properties.aircraft_class)
        return tuple(plan for plan in self.order.values() if plan is not None)

    def _new(self, plan_id: str) -> None:
        if plan_id in self.order:
            raise Refusal("feeds.identifier_no_other_plan", "properties.plan_id", plan_id)

    def _add_volume(self, index: int, geometry: dict[str, Any], properties: VolumeProperties) -> None:
        plan_id = properties.plan_id
        if not 1 <= properties.part <= properties.parts <= 10_000:
            raise Refusal("feeds.parts_parts_no_more", "properties.part", properties.part)
        if plan_id not in self.first or properties.parts == 1:
            self._new(plan_id)
            # The identifier and the class are checked here, where the feature is still known.
            volumes = _volumes(geometry, properties)
            with Within("properties"):
                Plan(plan_id, volumes, properties.aircraft_class)
            self.order[plan_id] = None
            self.first[plan_id] = index, properties
            self.parts[plan_id] = {properties.part: volumes}
            return
        first = self.first[plan_id][1]
        if (properties.parts, properties.aircraft_class) != (first.parts, first.aircraft_class):
            raise Refusal(
                "feeds.parts_aircraft_class_plan", "properties", [properties.parts, properties.aircraft_class],
                parts=first.parts, aircraft_class=repr(first.aircraft_class),
            )  # fmt: skip
        if properties.part in self.parts[plan_id]:
            raise Refusal("feeds.every_part_once", "properties.part", properties.part)
        self.parts[plan_id][properties.part] = _volumes(geometry, properties)


def _place(index: int, feature: object) -> str:
    properties = feature.get("properties") if isinstance(feature, dict) else None
    plan_id = properties.get("plan_id") if isinstance(properties, dict) else None
    return (
        f"features[{index}] {printable_line(repr(plan_id[:64]))}" if isinstance(plan_id, str) else f"features[{index}]"
    )


def check_members(found: dict[str, Any], known: frozenset[str], place: str = "") -> None:
    """Raise Refusal for the first member that is neither known nor marked as the sender's own."""
    if not found.keys() <= known:
        unknown = next((name for name in found if name not in known and not name.startswith("x-")), None)
        if unknown is not None:
            shown, expected = printable_line(f"{place}{unknown}"), ", ".join(sorted(known))
            raise Refusal("feeds.known_member", shown, brief(found[unknown]), known=expected)
    if "crs" in found:
        check_crs(found)


def check_crs(member: dict[str, Any]) -> None:
    """Refuse the `crs` of GeoJSON before RFC 7946 unless it names longitude and latitude on WGS 84 (R28)."""
    crs = member.get("crs")
    if crs is None:
        return
    properties = crs.get("properties") if isinstance(crs, dict) else None
    name = properties.get("name") if isinstance(properties, dict) else None
    if not isinstance(name, str) or name not in CRS_NAMES:
        raise Refusal("feeds.wgs84_longitude_first", "crs", name if isinstance(name, str) else "another system")


def _volumes(geometry: dict[str, Any], properties: VolumeProperties) -> tuple[Volume4D, ...]:
    """Return one volume, or one for each polygon of a MultiPolygon."""
    for name in ("start", "end"):
        plausible_instant(getattr(properties.time, name), f"properties.time.{name}")
    kind, coordinates = geometry.get("type"), geometry.get("coordinates")
    areas: list[Circle | Polygon]
    if kind == "Point":
        if properties.radius_m is None:
            raise Refusal("feeds.radius_area_around_point", "properties.radius_m", None)
        (centre,) = positions_of([coordinates], "geometry.coordinates")
        with Within("properties"):
            areas = [Circle(centre, properties.radius_m)]
    elif kind not in ("Polygon", "MultiPolygon"):  # a tuple, for it may be anything
        raise Refusal("feeds.polygon_or_point", "geometry.type", brief(kind))
    elif properties.radius_m is not None:
        raise Refusal("feeds.no_radius_beside_polygon", "properties.radius_m", properties.radius_m)
    elif kind == "Polygon":
        areas = [_polygon(coordinates, "geometry.coordinates")]
    elif isinstance(coordinates, list) and coordinates:
        areas = [_polygon(rings, f"geometry.coordinates[{n}]") for n, rings in enumerate(coordinates)]
    else:
        raise Refusal("feeds.list_of_polygons", "geometry.coordinates", brief(coordinates))
    volumes = tuple(Volume4D(area, properties.altitude, properties.time) for area in areas)
    with Within("properties"):
        for volume in volumes:
            check_volume(volume)
    return volumes


def _polygon(rings: object, field: str) -> Polygon:
    if not isinstance(rings, list) or not rings:
        raise Refusal("feeds.one_ring_positions", field, brief(rings))
    if len(rings) > 1:
        raise Refusal("feeds.one_ring", field, f"{len(rings)} rings")
    ring = rings[0]
    if not isinstance(ring, list) or not 4 <= len(ring) <= 10_001:
        raise Refusal("feeds.closed_ring_positions", f"{field}[0]", brief(ring))
    vertices = positions_of(ring, f"{field}[0]")
    if vertices[0] != vertices[-1]:
        raise Refusal("feeds.first_position_again_end", f"{field}[0]", ring[-1], ring=ring[0])
    with Within(field):
        return Polygon(vertices[:-1])


def _trajectory_plan(geometry: dict[str, Any], properties: TrajectoryProperties) -> Plan:
    kind, coordinates = geometry.get("type"), geometry.get("coordinates")
    if kind == "Point":
        coordinates = [coordinates]
    elif kind != "LineString" or not isinstance(coordinates, list):
        raise Refusal("feeds.linestring_or_point", "geometry.type", brief(kind))
    series = properties.altitudes
    if (series.unit is None) == (series.units is None):
        raise Refusal("feeds.either_unit_or_units", "properties.altitudes.unit", series.unit)
    units = series.units if series.units is not None else (series.unit,) * len(series.values)
    for field, count in (
        ("times", len(properties.times)),
        ("altitudes.values", len(series.values)),
        ("altitudes.units", len(units)),
    ):
        if count != len(coordinates):
            raise Refusal(
                "feeds.one_for_each_positions", f"properties.{field}", f"{count} entries", count=len(coordinates)
            )
    waypoints = []
    columns = zip(
        positions_of(coordinates, "geometry.coordinates"), series.values, units, properties.times, strict=True
    )
    for n, (position, value, unit, time) in enumerate(columns):
        with Within(f"properties.altitudes[{n}]"):
            altitude = _altitude(value, unit, series.reference)
        with Within(f"properties.times[{n}]"):
            waypoints.append(Waypoint(position, altitude, time))
        plausible_instant(time, f"properties.times[{n}]")
    with Within("properties"):
        trajectory = Trajectory(tuple(waypoints), properties.containment, properties.leg_containments)
        check_trajectory(trajectory)
        return Plan(properties.plan_id, trajectory, properties.aircraft_class)


@lru_cache(4_096)
def _altitude(value: float, unit: AltitudeUnit, reference: AltitudeReference) -> Altitude:
    """One object for an altitude that is there again and again, as levels are."""
    return Altitude(value, unit, reference)


def positions_of(raws: list[Any], field: str) -> tuple[Position, ...]:
    """Return positions written as lists of longitude and latitude; raises Refusal naming the first that is none."""
    positions = []
    for raw in raws:
        try:
            positions.append(_position(raw))
        except Refusal as refusal:
            raise placed(f"{field}[{len(positions)}]", refusal) from None
    return tuple(positions)


def _position(raw: object) -> Position:
    if not isinstance(raw, list) or len(raw) < 2:
        raise Refusal("feeds.position_longitude_latitude_degrees", "", brief(raw))
    if len(raw) > 2:
        raise Refusal("feeds.two_numbers_longitude_latitude", "", brief(raw))
    return Position(json_number(raw[1], "latitude"), json_number(raw[0], "longitude"))


def features_of(plan: Plan) -> list[dict[str, Any]]:
    """Return a plan as features: one for each of its volumes, or one for its trajectory."""
    if isinstance(plan.intent, Trajectory):
        return [_trajectory_feature(plan, plan.intent)]
    return [_volume_feature(plan, volume, part, len(plan.intent)) for part, volume in enumerate(plan.intent, start=1)]


def _volume_feature(plan: Plan, volume: Volume4D, part: int, parts: int) -> dict[str, Any]:
    area = volume.area
    if isinstance(area, Circle):
        geometry = {"type": "Point", "coordinates": _coordinates(area.centre)}
    else:
        ring = [_coordinates(vertex) for vertex in (*area.vertices, area.vertices[0])]
        geometry = {"type": "Polygon", "coordinates": [ring]}
    properties = VolumeProperties(
        plan_id=plan.plan_id,
        altitude=volume.altitude,
        time=volume.time,
        radius_m=area.radius_m if isinstance(area, Circle) else None,
        aircraft_class=plan.aircraft_class,
        part=part,
        parts=parts,
    )
    return {"type": "Feature", "geometry": geometry, "properties": properties}


def _trajectory_feature(plan: Plan, trajectory: Trajectory) -> dict[str, Any]:
    waypoints = trajectory.waypoints
    line = [_coordinates(waypoint.position) for waypoint in waypoints]
    units = tuple(waypoint.altitude.unit for waypoint in waypoints)
    same = all(unit is units[0] for unit in units)
    properties = TrajectoryProperties(
        plan_id=plan.plan_id,
        times=tuple(waypoint.time for waypoint in waypoints),
        altitudes=AltitudeSeries(
            reference=waypoints[0].altitude.reference,
            values=tuple(waypoint.altitude.value for waypoint in waypoints),
            unit=units[0] if same else None,
            units=None if same else units,
        ),
        containment=trajectory.containment,
        leg_containments=trajectory.leg_containments,
        aircraft_class=plan.aircraft_class,
    )
    geometry = (
        {"type": "LineString", "coordinates": line} if len(line) > 1 else {"type": "Point", "coordinates": line[0]}
    )
    return {"type": "Feature", "geometry": geometry, "properties": properties}


def _coordinates(position: Position) -> tuple[float, float]:
    return position.longitude_deg, position.latitude_deg
