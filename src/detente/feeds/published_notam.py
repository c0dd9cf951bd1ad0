"""Volumes as NOTAM-like text: where, how high and when, without a name or a purpose (R47; Annex 11, Doc 9554).

It is a draft for the office that publishes NOTAMs: numbers and location indicators are placeholders unless given. The
circle of the Q line holds the whole area, and every limit and time is rounded outwards.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import timedelta

from detente.airspace.plan import Circle, Volume4D
from detente.airspace.position import Position
from detente.airspace.refusal import Refusal
from detente.feeds.outlines import bearing_and_distance
from detente.feeds.published import PublishedLimit, limits_of, middle_of, ring_of
from detente.feeds.source import printable_line

NAUTICAL_MILE_M = 1852.0
NOWHERE = "ZZZZ"
MOST_CORNERS = 200
MINUTE = timedelta(minutes=1)


def published_notams(volumes: Sequence[Volume4D], region: str = NOWHERE) -> bytes:
    """Return one NOTAM-like text for each volume; `region` is the location indicator of the FIR."""
    if not (len(region) == 4 and region.isascii() and region.isalpha()):
        raise Refusal("feeds_airspace.location_indicator", "--fir", printable_line(region))
    texts = [_notam(volume, number, region.upper()) for number, volume in enumerate(volumes, start=1)]
    return ("\n\n".join(texts) + "\n").encode("ascii")


def _notam(volume: Volume4D, number: int, region: str) -> str:
    lower, upper = limits_of(volume)
    start, end = volume.time.start, volume.time.end
    first = start.replace(second=0, microsecond=0)
    last = end if end == end.replace(second=0, microsecond=0) else end.replace(second=0, microsecond=0) + MINUTE
    levels = f"{_level(lower, math.floor):03d}/{_level(upper, math.ceil):03d}"
    return (
        f"(X{number % 10_000:04d}/{first:%y} NOTAMN\n"
        f"Q) {region}/QRTCA/IV/BO/W/{levels}/{_circle(volume)}\n"
        f"A) {region} B) {first:%y%m%d%H%M} C) {last:%y%m%d%H%M}\n"
        f"E) AIRSPACE RESERVED WITHIN {_area(volume)}.\n"
        f"F) {lower.notam} G) {upper.notam})"
    )


def _level(limit: PublishedLimit, whole: Callable[[float], int]) -> int:
    """The limit of the Q line: a flight level that takes heights above the sea as if the pressure were standard."""
    match limit.reference:
        case "SFC":
            return 0
        case "UNL":
            return 999
        case "FL":
            return min(limit.value, 999)
        case "AGL":
            return 0 if whole is math.floor else 999
    return int(min(max(whole(limit.value / 100.0), 0), 999))


def _circle(volume: Volume4D) -> str:
    """The circle of the Q line about a centre in whole minutes: it holds every corner."""
    middle = middle_of(volume.area)
    north, east = round(middle.latitude_deg * 60.0), round(middle.longitude_deg * 60.0)
    centre = Position(max(-90.0, min(90.0, north / 60.0)), max(-180.0, min(180.0, east / 60.0)))
    radius_nm = math.ceil(
        max(bearing_and_distance(centre, corner)[1] for corner in ring_of(volume.area)) / NAUTICAL_MILE_M
    )
    if radius_nm > 998:
        raise Refusal("feeds_airspace.radius_of_notam", "area", f"{radius_nm} NM")
    return f"{_minutes(north, 2, 'NS')}{_minutes(east, 3, 'EW')}{max(radius_nm, 1):03d}"


def _minutes(total: int, digits: int, letters: str) -> str:
    return f"{abs(total) // 60:0{digits}d}{abs(total) % 60:02d}{letters[total < 0]}"


def _area(volume: Volume4D) -> str:
    if isinstance(volume.area, Circle):
        radius_nm = math.ceil(volume.area.radius_m / NAUTICAL_MILE_M * 10.0) / 10.0
        return f"RADIUS {radius_nm:.1f}NM OF {_place(volume.area.centre)}"
    corners = volume.area.vertices
    if len(corners) > MOST_CORNERS:
        return "THE CIRCLE OF ITEM Q"
    return " - ".join(_place(corner) for corner in (*corners, corners[0]))


def _place(position: Position) -> str:
    north, east = round(position.latitude_deg * 3600.0), round(position.longitude_deg * 3600.0)
    return f"{_seconds(north, 2, 'NS')} {_seconds(east, 3, 'EW')}"


def _seconds(total: int, digits: int, letters: str) -> str:
    size = abs(total)
    return f"{size // 3600:0{digits}d}{size // 60 % 60:02d}{size % 60:02d}{letters[total < 0]}"
