"""Fields of the sets of an airspace control order: positions, distances, levels and moments (MIL-STD-6040, ADatP-3)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from detente.airspace.altitude import FOOT_M, AltitudeBand, AltitudeUnit
from detente.airspace.plan import TimeWindow
from detente.airspace.position import Position
from detente.airspace.refusal import Refusal
from detente.feeds.degrees_text import degrees
from detente.feeds.notam_schedule import MONTHS
from detente.feeds.source import plausible_instant, printable_line
from detente.feeds.vertical_limits import (
    SURFACE,
    UNLIMITED,
    GroundElevation,
    VerticalLimit,
    above_ground,
    above_sea,
    band_between,
    flight_level,
)

DISTANCE_UNITS_M = {"NM": 1852.0, "KM": 1000.0, "M": 1.0, "FT": FOOT_M, "YD": 0.9144, "SM": 1609.344}
LONGEST_M = 1_000_000.0

_LABEL = re.compile(r"[A-Z]{2,8}:")
_POSITION = re.compile(r"(\d\d)(\d\d)(\d\d(?:\.\d+)?)?([NS])(\d\d\d)(\d\d)(\d\d(?:\.\d+)?)?([EW])\Z", re.ASCII)
_DISTANCE = re.compile(r"(\d{1,6}(?:\.\d+)?)(NM|KM|M|FT|YD|SM)\Z", re.ASCII)
_BEARING = re.compile(r"(\d{3})T\Z", re.ASCII)
_HEIGHT = re.compile(r"(\d{3})(AGL|GND|GL|AMSL|MSL)\Z", re.ASCII)
_LEVEL = re.compile(r"FL(\d{3})\Z", re.ASCII)
_MOMENT = re.compile(r"(\d\d)(\d\d)(\d\d)([A-Z])([A-Z]{3})(\d{4})?\Z", re.ASCII)


def without_label(field: str) -> str:
    """Return a field without the label that says how it is written, such as LATS: or RAFL:."""
    return _LABEL.sub("", field, count=1) if _LABEL.match(field) else field


def is_position(field: str) -> bool:
    """Whether a field is written as a position."""
    return _POSITION.match(without_label(field)) is not None


def position_of(field: str, name: str) -> Position:
    """Return a position written as 203632N0594256E or 2036N05942E."""
    match = _POSITION.match(without_label(field))
    if match is None:
        raise Refusal(
            "feeds_airspace.degrees_minutes_seconds", name, printable_line(field), such="LATS:203632N0594256E"
        )
    north, north_m, north_s, north_or_south, east, east_m, east_s, east_or_west = match.groups()
    return Position(
        degrees(north, north_m, north_s, north_or_south, name), degrees(east, east_m, east_s, east_or_west, name)
    )


def is_distance(field: str) -> bool:
    """Whether a field is written as a distance with its unit."""
    return _DISTANCE.match(without_label(field)) is not None


def distance_m(field: str, name: str) -> float:
    """Return a distance in metres, written with its unit: 15NM."""
    match = _DISTANCE.match(without_label(field))
    found = float(match[1]) * DISTANCE_UNITS_M[match[2]] if match is not None else -1.0
    if not 0.0 <= found <= LONGEST_M:
        raise Refusal("feeds_airspace.distance_with_unit", name, printable_line(field))
    return found


def bearing_deg(field: str, name: str) -> float:
    """Return a true bearing written as 330T."""
    match = _BEARING.match(without_label(field))
    if match is None or int(match[1]) > 360:
        raise Refusal("feeds_airspace.true_bearing", name, printable_line(field))
    return float(match[1])


def levels_of(fields: list[str], ground: GroundElevation | None) -> AltitudeBand:
    """Return the band of an EFFLEVEL set, such as RAFL:070AMSL-FL280; three digits are hundreds of feet."""
    ends = without_label(fields[0]).split("-") if len(fields) == 1 else []
    if len(ends) != 2:
        raise Refusal("feeds_airspace.levels_of_order", "EFFLEVEL", printable_line("/".join(fields)))
    lower, upper = (_level(text.replace(" ", ""), ground) for text in ends)
    return band_between(lower, upper, "EFFLEVEL")


def _level(text: str, ground: GroundElevation | None) -> VerticalLimit:
    if text in {"GL", "GND", "SFC", "MSL"}:
        return SURFACE
    if text in {"UNL", "UNLTD", "FL999"}:
        return UNLIMITED
    if level := _LEVEL.match(text):
        return flight_level(float(level[1]))
    height = _HEIGHT.match(text)
    if height is None:
        raise Refusal("feeds_airspace.levels_of_order", "EFFLEVEL", printable_line(text))
    feet = float(height[1]) * 100.0
    if height[2] in {"AMSL", "MSL"}:
        return above_sea(feet, AltitudeUnit.FOOT)
    return above_ground(feet, AltitudeUnit.FOOT, ground, "EFFLEVEL", text)


def moment_of(field: str, name: str, near: datetime | None) -> datetime:
    """Return a moment written as 141325ZFEB or 141325ZFEB2025, in UTC.

    One without a year is in the year that brings it nearest to `near`; raises Refusal where that is None.
    """
    match = _MOMENT.match(without_label(field))
    if match is None or match[4] != "Z" or match[5] not in MONTHS:
        raise Refusal("feeds_airspace.moment_of_order", name, printable_line(field))
    day, hour, minute, month = int(match[1]), int(match[2]), int(match[3]), MONTHS.index(match[5]) + 1
    if hour > 24 or minute > 59 or (hour == 24 and minute):
        raise Refusal("feeds_airspace.moment_of_order", name, field)
    if match[6] is None and near is None:
        raise Refusal("feeds_airspace.year_of_order", name, field)
    years = [int(match[6])] if match[6] is not None or near is None else [near.year - 1, near.year, near.year + 1]
    moments = [found for year in years if (found := _date(year, month, day)) is not None]
    if not moments:
        raise Refusal("feeds_airspace.moment_of_order", name, field)
    nearest = min(moments, key=lambda one: abs(one - near)) if near is not None else moments[0]
    return plausible_instant(nearest + timedelta(hours=hour, minutes=minute), name)


def _date(year: int, month: int, day: int) -> datetime | None:
    try:
        return datetime(year, month, day, tzinfo=UTC)
    except ValueError:
        return None


def window_between(start: str, end: str, near: datetime | None) -> TimeWindow:
    """Return the window between two moments; an end without a year is the first of that date after the start."""
    first = moment_of(start, "start", near)
    last = moment_of(end, "end", first)
    if last < first and _MOMENT.match(without_label(end))[6] is None:  # type: ignore[index] # it was just read
        last = moment_of(end, "end", first + timedelta(days=270))
    return TimeWindow(first, last)
