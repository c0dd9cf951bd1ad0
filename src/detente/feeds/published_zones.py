"""Volumes as UAS zones of ED-318 and as airspaces of AIXM 5.1, without a name or a purpose (R47)."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from itertools import pairwise
from typing import Any
from xml.sax.saxutils import escape  # writes alone; nothing is parsed with it

import msgspec

from detente.airspace.altitude import FOOT_M
from detente.airspace.plan import Circle, Volume4D
from detente.airspace.position import Position
from detente.feeds.outlines import geodesic_in_degrees
from detente.feeds.published import PublishedLimit, limits_of, middle_of
from detente.feeds.vertical_limits import above_sea_m

NOWHERE_COUNTRY = "ZZZ"
AIXM_REFERENCES = {"AMSL": "MSL", "AGL": "SFC", "FL": "STD"}


def published_ed318(volumes: Sequence[Volume4D]) -> bytes:
    """Return a file of ED-318; flight levels, which it does not know, become metres above the sea, widened."""
    document = {
        "type": "FeatureCollection",
        "features": [_feature(volume, number) for number, volume in enumerate(volumes, start=1)],
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=1) + b"\n"


def _feature(volume: Volume4D, number: int) -> dict[str, Any]:
    if isinstance(volume.area, Circle):
        geometry: dict[str, Any] = {
            "type": "Point",
            "coordinates": _pair(volume.area.centre),
            "extent": {"subType": "Circle", "radius": volume.area.radius_m},
        }
    else:
        ring = (*volume.area.vertices, volume.area.vertices[0])
        points = [ring[0], *(point for a, b in pairwise(ring) for point in geodesic_in_degrees(a, b))]
        geometry = {"type": "Polygon", "coordinates": [[_pair(point) for point in points]]}
    return {
        "type": "Feature",
        "geometry": {**geometry, "layer": _layer(volume)},
        "properties": {
            "identifier": f"X{number:06d}", "country": NOWHERE_COUNTRY, "type": "CONDITIONAL", "variant": "COMMON",
            "zoneAuthority": [{"purpose": "INFORMATION"}],
            "limitedApplicability": [
                {"startDateTime": _moment(volume.time.start), "endDateTime": _moment(volume.time.end)}
            ],
        },
    }  # fmt: skip


def _layer(volume: Volume4D) -> dict[str, Any]:
    layer: dict[str, Any] = {"uom": "m"}
    at = middle_of(volume.area)
    for end, limit, side in zip(("lower", "upper"), limits_of(volume), (0, 1), strict=True):
        if limit.reference == "UNL":
            continue
        reference = "AGL" if limit.reference in {"SFC", "AGL"} else "AMSL"
        height_m = limit.value * FOOT_M
        if limit.reference == "FL":
            height_m = above_sea_m(getattr(volume.altitude, end), at.latitude_deg, at.longitude_deg)[side]
        layer |= {end: round(height_m, 3), f"{end}Reference": reference}
    return layer


def _pair(position: Position) -> list[float]:
    return [position.longitude_deg, position.latitude_deg]


def _moment(moment: Any) -> str:  # noqa: ANN401 - a datetime in UTC
    return str(moment.isoformat()).replace("+00:00", "Z")


def published_aixm(volumes: Sequence[Volume4D]) -> bytes:
    """Return a message of AIXM 5.1.1 with one airspace for each volume."""
    members = "\n".join(_member(volume, number) for number, volume in enumerate(volumes, start=1))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<message:AIXMBasicMessage xmlns:message="http://www.aixm.aero/schema/5.1.1/message" '
        'xmlns:aixm="http://www.aixm.aero/schema/5.1.1" xmlns:gml="http://www.opengis.net/gml/3.2" gml:id="message">\n'
        f"{members}\n</message:AIXMBasicMessage>\n"
    ).encode()


def _member(volume: Volume4D, number: int) -> str:
    tag = f"a{number}"
    identifier = uuid.uuid5(uuid.NAMESPACE_OID, msgspec.json.encode([number, volume]).decode())
    period = (
        f'<gml:TimePeriod gml:id="{tag}.{{part}}"><gml:beginPosition>{_moment(volume.time.start)}</gml:beginPosition>'
        f"<gml:endPosition>{_moment(volume.time.end)}</gml:endPosition></gml:TimePeriod>"
    )
    lower, upper = limits_of(volume)
    return (
        f'<message:hasMember><aixm:Airspace gml:id="{tag}">'
        f'<gml:identifier codeSpace="urn:uuid:">{identifier}</gml:identifier>'
        f'<aixm:timeSlice><aixm:AirspaceTimeSlice gml:id="{tag}.s">'
        f"<gml:validTime>{period.format(part='v')}</gml:validTime><aixm:interpretation>BASELINE</aixm:interpretation>"
        "<aixm:sequenceNumber>1</aixm:sequenceNumber><aixm:correctionNumber>0</aixm:correctionNumber>"
        f"<aixm:featureLifetime>{period.format(part='l')}</aixm:featureLifetime>"
        f"<aixm:type>OTHER</aixm:type><aixm:designator>{escape(f'X{number:06d}')}</aixm:designator>"
        f'<aixm:geometryComponent><aixm:AirspaceGeometryComponent gml:id="{tag}.g">'
        f'<aixm:operation>BASE</aixm:operation><aixm:theAirspaceVolume><aixm:AirspaceVolume gml:id="{tag}.w">'
        f"{_limit('upper', upper)}{_limit('lower', lower)}"
        f"<aixm:horizontalProjection>{_surface(volume, tag)}</aixm:horizontalProjection>"
        "</aixm:AirspaceVolume></aixm:theAirspaceVolume></aixm:AirspaceGeometryComponent></aixm:geometryComponent>"
        "</aixm:AirspaceTimeSlice></aixm:timeSlice></aixm:Airspace></message:hasMember>"
    )


def _limit(end: str, limit: PublishedLimit) -> str:
    if limit.reference in {"SFC", "UNL"}:
        return f"<aixm:{end}Limit>{'GND' if limit.reference == 'SFC' else 'UNL'}</aixm:{end}Limit>"
    unit = "FL" if limit.reference == "FL" else "FT"
    return (
        f'<aixm:{end}Limit uom="{unit}">{limit.value}</aixm:{end}Limit>'
        f"<aixm:{end}LimitReference>{AIXM_REFERENCES[limit.reference]}</aixm:{end}LimitReference>"
    )


def _surface(volume: Volume4D, tag: str) -> str:
    area = volume.area
    if isinstance(area, Circle):
        segment = (
            f'<gml:CircleByCenterPoint numArc="1"><gml:pos>{_words(area.centre)}</gml:pos>'
            f'<gml:radius uom="m">{area.radius_m!r}</gml:radius></gml:CircleByCenterPoint>'
        )
    else:
        places = " ".join(_words(vertex) for vertex in (*area.vertices, area.vertices[0]))
        segment = f"<gml:GeodesicString><gml:posList>{places}</gml:posList></gml:GeodesicString>"
    return (
        f'<aixm:Surface srsName="urn:ogc:def:crs:EPSG::4326" gml:id="{tag}.p"><gml:patches><gml:PolygonPatch>'
        f'<gml:exterior><gml:Ring><gml:curveMember><aixm:Curve gml:id="{tag}.c"><gml:segments>{segment}</gml:segments>'
        "</aixm:Curve></gml:curveMember></gml:Ring></gml:exterior></gml:PolygonPatch></gml:patches></aixm:Surface>"
    )


def _words(position: Position) -> str:
    return f"{position.latitude_deg!r} {position.longitude_deg!r}"
