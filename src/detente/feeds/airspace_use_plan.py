"""Airspace use plans (AUP, UUP) as the Polish agency PANSA publishes them: areas with their reservations, as JSON.

Its map is drawn from `airspace.pansa.pl/map-configuration/aup` and `/uup`: a list of GeoJSON features, each an area of
list BRAVO with its outline, its designator and the reservations held on it. The form is not described by the agency; it
is that of the two addresses, as programs that are public read it (jerzy99jerzy/air-alert-early-warning measured 382 kB
of it on 2026-09-14: `PLANNED` and `ACTIVATED`, `GND`, `A061`, `F245`, times with a zone). Levels are written as in ICAO
Doc 4444: F and a flight level, A and hundreds of feet above mean sea level. An UUP holds the whole plan as it stands,
not its changes: it takes the place of the AUP of its day, and is read alone.
"""

from __future__ import annotations

import re
from typing import Any

from detente.airspace.altitude import AltitudeUnit
from detente.airspace.plan import Polygon, TimeWindow
from detente.airspace.refusal import Refusal
from detente.feeds.airspace_volumes import AirspaceGatherer, AirspaceOptions, Airspaces
from detente.feeds.dropped import DropReason
from detente.feeds.geojson import check_members
from detente.feeds.source import Within, brief, decode_json, instant, printable_line
from detente.feeds.uas_zones import area_of_rings, json_list, json_object
from detente.feeds.vertical_limits import SURFACE, UNLIMITED, VerticalLimit, above_sea, band_between, flight_level

FEATURE = frozenset({"type", "id", "bbox", "geometry", "properties"})
AREA = frozenset(
    {"designator", "airspaceReservations", "activeH24", "airspaceElementType", "fbz", "fuaStatus", "section",
     "centroid", "popupHtml"}
)  # fmt: skip
"""The first three are read; the others say what sort of area it is, and how the agency's page shows it."""

RESERVATION = frozenset(
    {"startDate", "endDate", "lowerAltitude", "upperAltitude", "altitudeUnit", "reservationStatus", "unit", "remarks"}
)
"""All are read but the unit that manages the area and the remarks."""

HELD = ("PLANNED", "ACTIVATED")
"""The statuses of reservations that stand."""

_LEVEL = re.compile(r"([AF])(\d{3})\Z", re.ASCII)


def read_airspace_use_plan(content: bytes, options: AirspaceOptions) -> Airspaces:
    """Return the areas that are reserved, a volume for each reservation; raises Refusal naming area and field."""
    document = decode_json(content)
    if isinstance(document, dict):
        check_members(document, frozenset({"type", "features", "bbox"}))
        document = document.get("features")
    gatherer = AirspaceGatherer(options)
    for number, raw in enumerate(json_list(document, "")):
        with Within(f"[{number}]"):
            feature = json_object(raw, "")
            check_members(feature, FEATURE)
            area = json_object(feature.get("properties"), "properties")
            check_members(area, AREA, "properties: ")
        name = area.get("designator")
        with Within(f"[{number}] {printable_line(str(name), 40)}"):
            if not isinstance(name, str) or not name.strip():
                raise Refusal("feeds_airspace.identifier_of_zone", "designator", brief(name))
            _add(gatherer, name, feature, area)
    return gatherer.gathered()


def _add(gatherer: AirspaceGatherer, name: str, feature: dict[str, Any], area: dict[str, Any]) -> None:
    """Add an area at each of its reservations, or count it as left out."""
    if area.get("activeH24") not in (None, False):
        raise Refusal("feeds_airspace.reserved_by_times", "activeH24", brief(area["activeH24"]))
    reservations = json_list(area.get("airspaceReservations") or [], "airspaceReservations")
    if not reservations:
        gatherer.dropped[DropReason.INACTIVE] += 1
        return
    areas = _areas(json_object(feature.get("geometry"), "geometry"))
    for at, raw in enumerate(reservations):
        field = f"airspaceReservations[{at}]"
        held = json_object(raw, field)
        check_members(held, RESERVATION, f"{field}: ")
        status = held.get("reservationStatus")
        if status not in HELD:
            raise Refusal("feeds_airspace.status_of_reservation", f"{field}.reservationStatus", brief(status))
        if held.get("altitudeUnit") not in (None, "FL"):
            raise Refusal("feeds_airspace.level_of_use_plan", f"{field}.altitudeUnit", brief(held["altitudeUnit"]))
        lower, upper = (_limit(held.get(f"{end}Altitude"), f"{field}.{end}Altitude") for end in ("lower", "upper"))
        with Within(field):
            band = band_between(lower, upper, "upperAltitude")
        gatherer.add(name, [(one, band) for one in areas], _windows(gatherer, held, field))


def _windows(gatherer: AirspaceGatherer, held: dict[str, Any], field: str) -> tuple[TimeWindow, ...]:
    moments = []
    for member in ("startDate", "endDate"):
        text = held.get(member)
        if not isinstance(text, str):
            raise Refusal("feeds.date_time", f"{field}.{member}", brief(text))
        moments.append(instant(text, f"{field}.{member}"))
    return gatherer.asked_about(moments[0], moments[1], field)


def _areas(geometry: dict[str, Any]) -> list[Polygon]:
    check_members(geometry, frozenset({"type", "coordinates", "bbox"}), "geometry: ")
    kind, coordinates = geometry.get("type"), geometry.get("coordinates")
    if kind == "Polygon":
        return [area_of_rings(coordinates, "geometry.coordinates")]
    if kind != "MultiPolygon" or not coordinates:
        raise Refusal("feeds_airspace.polygon_or_circle", "geometry.type", brief(kind))
    found = json_list(coordinates, "geometry.coordinates")
    return [area_of_rings(one, f"geometry.coordinates[{at}]") for at, one in enumerate(found)]


def _limit(raw: object, field: str) -> VerticalLimit:
    text = raw.strip().upper() if isinstance(raw, str) else ""
    if text in ("GND", "SFC"):
        return SURFACE
    if text == "UNL":
        return UNLIMITED
    match = _LEVEL.match(text)
    if match is None:
        raise Refusal("feeds_airspace.level_of_use_plan", field, brief(raw))
    hundreds = float(match[2])
    return flight_level(hundreds) if match[1] == "F" else above_sea(100.0 * hundreds, AltitudeUnit.FOOT)
