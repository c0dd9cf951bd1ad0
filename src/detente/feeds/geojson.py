"""Plans as GeoJSON (RFC 7946): the schema is documented in docs/reference/plans-geojson.md.

A feature is one volume or one trajectory. Volumes of one plan are features with the same `plan_id` that count their
`part` of `parts`. Edges and legs are geodesics of WGS 84. What is written is read back equal.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
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
from detente.feeds.plausibility import check_speeds
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
    aircraft_class: str = DEFAULT_CLASS


Properties = VolumeProperties | TrajectoryProperties


def read_geojson(content: bytes) -> tuple[Plan, ...]:
    """Return the plans of a GeoJSON file in the order in which they begin; raises Refusal naming feature and field."""
    document = decode_json(content)
    if not isinstance(document, dict) or document.get("type") != "FeatureCollection":
        kind = document.get("type") if isinstance(document, dict) else type(document).__name__
        raise Refusal("type", brief(kind), '"FeatureCollection"', "Put the features into one collection.")
    _check_crs(document)
    features = document.get("features")
    if not isinstance(features, list):
        raise Refusal("features", brief(features), "a list of features")
    if len(features) > MAX_FEATURES:
        raise Refusal("features", len(features), f"at most {MAX_FEATURES:,} features", "Split the file.")
    gathered = _Gathered()
    for index, feature in enumerate(features):
        with Within(_place(index, feature)):
            gathered.add(index, feature)
    return gathered.plans()


def write_geojson(plans: Sequence[Plan]) -> bytes:
    """Return a GeoJSON file of `plans`, one feature a line; `read_geojson` gives equal plans back."""
    lines = [msgspec.json.encode(feature) for plan in plans for feature in _features(plan)]
    return b'{"type":"FeatureCollection","features":[\n' + b",\n".join(lines) + b"\n]}\n"


class _Gathered:
    """The plans met so far, volumes still by part."""

    def __init__(self) -> None:
        self.order: dict[str, Plan | None] = {}
        self.parts: dict[str, dict[int, Volume4D]] = {}
        self.first: dict[str, tuple[int, VolumeProperties]] = {}

    def add(self, index: int, feature: object) -> None:
        """Take in one feature; raises Refusal with the field inside the feature."""
        if not isinstance(feature, dict) or feature.get("type") != "Feature":
            raise Refusal("type", brief(feature.get("type") if isinstance(feature, dict) else feature), '"Feature"')
        _check_crs(feature)
        geometry = feature.get("geometry")
        if not isinstance(geometry, dict):
            raise Refusal("geometry", brief(geometry), "a Polygon, a Point or a LineString")
        _check_crs(geometry)
        raw = feature.get("properties")
        if not isinstance(raw, dict):
            raise Refusal(
                "properties", brief(raw), "the properties of a plan", "docs/reference/plans-geojson.md lists them."
            )
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
                    f"features[{index}] {plan_id!r}: properties.parts", properties.parts,
                    f"part {missing} of {properties.parts} in the same file", "The file was cut, or a feature lost.",
                )  # fmt: skip
            volumes = tuple(parts[part] for part in range(1, properties.parts + 1))
            self.order[plan_id] = Plan(plan_id, volumes, properties.aircraft_class)
        return tuple(plan for plan in self.order.values() if plan is not None)

    def _new(self, plan_id: str) -> None:
        if plan_id in self.order:
            raise Refusal(
                "properties.plan_id", plan_id, "an identifier that no other plan of the file has",
                'Volumes of one plan count "part" of "parts"; anything else needs its own plan_id.',
            )  # fmt: skip

    def _add_volume(self, index: int, geometry: dict[str, Any], properties: VolumeProperties) -> None:
        plan_id = properties.plan_id
        if not 1 <= properties.part <= properties.parts <= 10_000:
            raise Refusal("properties.part", properties.part, "1 to parts, and parts no more than 10,000")
        if plan_id not in self.first or properties.parts == 1:
            self._new(plan_id)
            # The identifier and the class are checked here, where the feature is still known.
            volume = _volume(geometry, properties)
            with Within("properties"):
                Plan(plan_id, (volume,), properties.aircraft_class)
            self.order[plan_id] = None
            self.first[plan_id] = index, properties
            self.parts[plan_id] = {properties.part: volume}
            return
        first = self.first[plan_id][1]
        if (properties.parts, properties.aircraft_class) != (first.parts, first.aircraft_class):
            raise Refusal(
                "properties", [properties.parts, properties.aircraft_class],
                f"parts {first.parts} and aircraft_class {first.aircraft_class!r}, as the plan's other volumes say",
            )  # fmt: skip
        if properties.part in self.parts[plan_id]:
            raise Refusal("properties.part", properties.part, "every part once")
        self.parts[plan_id][properties.part] = _volume(geometry, properties)


def _place(index: int, feature: object) -> str:
    properties = feature.get("properties") if isinstance(feature, dict) else None
    plan_id = properties.get("plan_id") if isinstance(properties, dict) else None
    return (
        f"features[{index}] {printable_line(repr(plan_id[:64]))}" if isinstance(plan_id, str) else f"features[{index}]"
    )


def _check_crs(member: dict[str, Any]) -> None:
    """Refuse the `crs` of GeoJSON before RFC 7946 unless it names longitude and latitude on WGS 84 (R28)."""
    crs = member.get("crs")
    if crs is None:
        return
    properties = crs.get("properties") if isinstance(crs, dict) else None
    name = properties.get("name") if isinstance(properties, dict) else None
    if not isinstance(name, str) or name not in CRS_NAMES:
        raise Refusal(
            "crs", name if isinstance(name, str) else "another system", "WGS 84, longitude before latitude",
            "Convert the file first, for example: ogr2ogr -t_srs EPSG:4326 -lco RFC7946=YES new.geojson old.geojson",
        )  # fmt: skip


def _volume(geometry: dict[str, Any], properties: VolumeProperties) -> Volume4D:
    for name in ("start", "end"):
        plausible_instant(getattr(properties.time, name), f"properties.time.{name}")
    kind = geometry.get("type")
    area: Circle | Polygon
    if kind == "Point":
        if properties.radius_m is None:
            raise Refusal("properties.radius_m", None, "the radius of the area around the point, in metres")
        (centre,) = _positions([geometry.get("coordinates")], "geometry.coordinates")
        with Within("properties"):
            area = Circle(centre, properties.radius_m)
    elif kind == "Polygon":
        if properties.radius_m is not None:
            raise Refusal("properties.radius_m", properties.radius_m, "no radius beside a Polygon")
        area = _polygon(geometry.get("coordinates"))
    else:
        raise Refusal(
            "geometry.type", brief(kind), "a Polygon, or a Point with radius_m, for a volume",
            'Write a MultiPolygon as features that count "part" of "parts".',
        )  # fmt: skip
    return Volume4D(area, properties.altitude, properties.time)


def _polygon(rings: object) -> Polygon:
    if not isinstance(rings, list) or not rings:
        raise Refusal("geometry.coordinates", brief(rings), "one ring of positions")
    if len(rings) > 1:
        raise Refusal(
            "geometry.coordinates", f"{len(rings)} rings", "one ring", "Leave out the holes, or split the area."
        )
    ring = rings[0]
    if not isinstance(ring, list) or not 4 <= len(ring) <= 10_001:
        raise Refusal("geometry.coordinates[0]", brief(ring), "a closed ring of 4 to 10,001 positions")
    vertices = _positions(ring, "geometry.coordinates[0]")
    if vertices[0] != vertices[-1]:
        raise Refusal(
            "geometry.coordinates[0]", ring[-1], f"the first position again at the end, {ring[0]}", "Close the ring."
        )
    with Within("geometry"):
        return Polygon(vertices[:-1])


def _trajectory_plan(geometry: dict[str, Any], properties: TrajectoryProperties) -> Plan:
    kind, coordinates = geometry.get("type"), geometry.get("coordinates")
    if kind == "Point":
        coordinates = [coordinates]
    elif kind != "LineString" or not isinstance(coordinates, list):
        raise Refusal("geometry.type", brief(kind), "a LineString, or a Point for a single waypoint, for a trajectory")
    series = properties.altitudes
    if (series.unit is None) == (series.units is None):
        raise Refusal("properties.altitudes.unit", series.unit, "either unit or units", "Say m, ft or FL.")
    units = series.units if series.units is not None else (series.unit,) * len(series.values)
    for field, count in (
        ("times", len(properties.times)),
        ("altitudes.values", len(series.values)),
        ("altitudes.units", len(units)),
    ):
        if count != len(coordinates):
            raise Refusal(f"properties.{field}", f"{count} entries", f"one for each of {len(coordinates)} positions")
    waypoints = []
    columns = zip(_positions(coordinates, "geometry.coordinates"), series.values, units, properties.times, strict=True)
    for n, (position, value, unit, time) in enumerate(columns):
        with Within(f"properties.altitudes[{n}]"):
            altitude = Altitude(value, unit, series.reference)  # type: ignore[arg-type] # one of both is given
        with Within(f"properties.times[{n}]"):
            waypoints.append(Waypoint(position, altitude, time))
        plausible_instant(time, f"properties.times[{n}]")
    with Within("properties"):
        trajectory = Trajectory(tuple(waypoints), properties.containment)
        check_speeds(trajectory)
        return Plan(properties.plan_id, trajectory, properties.aircraft_class)


def _positions(raws: list[Any], field: str) -> tuple[Position, ...]:
    positions = []
    for raw in raws:
        try:
            positions.append(_position(raw))
        except Refusal as refusal:
            raise placed(f"{field}[{len(positions)}]", refusal) from None
    return tuple(positions)


def _position(raw: object) -> Position:
    if not isinstance(raw, list) or len(raw) < 2:
        raise Refusal("", brief(raw), "a position, [longitude, latitude] in degrees")
    if len(raw) > 2:
        raise Refusal(
            "", brief(raw), "two numbers, [longitude, latitude]",
            "An altitude goes into the properties, with its unit and reference.",
        )  # fmt: skip
    return Position(json_number(raw[1], "latitude"), json_number(raw[0], "longitude"))


def _features(plan: Plan) -> list[dict[str, Any]]:
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
        aircraft_class=plan.aircraft_class,
    )
    geometry = (
        {"type": "LineString", "coordinates": line} if len(line) > 1 else {"type": "Point", "coordinates": line[0]}
    )
    return {"type": "Feature", "geometry": geometry, "properties": properties}


def _coordinates(position: Position) -> tuple[float, float]:
    return position.longitude_deg, position.latitude_deg
