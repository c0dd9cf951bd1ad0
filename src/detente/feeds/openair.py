"""Airspace as OpenAir has it: the records of WinPilot, and those that Naviter added (AA, AF, AG, AI, AX, AY).

Every airspace becomes a plan, whatever its class. OpenAir carries times only in AA: an airspace without them holds all
through the time that is asked about. A record that is not known is refused with its line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime

from detente.airspace.altitude import AltitudeUnit
from detente.airspace.plan import Circle, Polygon, TimeWindow
from detente.airspace.position import Position
from detente.airspace.refusal import Refusal
from detente.feeds.airspace_volumes import AirspaceGatherer, AirspaceOptions, Airspaces
from detente.feeds.daily_hours import joined
from detente.feeds.degrees_text import degrees
from detente.feeds.outlines import Arc, arc_by_bearings, corridor, outline
from detente.feeds.source import OTHER_MARKS, UTF8_MARK, Within, decimal_number, decode_text, instant, printable_line
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

NAUTICAL_MILE_M = 1852.0
LEFT_ALONE = frozenset({"AY", "AF", "AG", "AX", "AT", "TO", "TC", "SP", "SB"})
"""What sort of airspace it is, whom to call, and how it is drawn."""

MOST_PIECES = 20_000

_COORDINATE = r"(\d{1,3}):(\d{1,2}(?:\.\d+)?)(?::(\d{1,2}(?:\.\d+)?))?"
_POINT = re.compile(rf"\s*{_COORDINATE}\s*([NS])\s*{_COORDINATE}\s*([EW])\s*", re.ASCII | re.IGNORECASE)
_LEVEL = re.compile(r"FL\s*(\d{1,3})\Z", re.ASCII)
_HEIGHT = re.compile(r"(\d{1,6}(?:\.\d+)?)\s*(FT|F|M)\s*(AMSL|MSL|ALT|AGL|AGND|ASFC|GND|SFC)\Z", re.ASCII)
_SURFACE = frozenset({"GND", "SFC", "0FT AGL", "0 FT AGL"})
_UNLIMITED = frozenset({"UNL", "UNLIM", "UNLIMITED"})


def read_openair(content: bytes, options: AirspaceOptions) -> Airspaces:
    """Return the airspaces of an OpenAir file; raises Refusal naming line and record."""
    gatherer = AirspaceGatherer(options)
    current: _Airspace | None = None
    for number, line in enumerate(_text(content).splitlines(), start=1):
        record, _, value = line.partition("*")[0].strip().partition(" ")
        if not record:
            continue
        with Within(f"line {number}: {printable_line(record, 20)}"):
            if record.upper() == "AC":
                if current is not None:
                    current.finish(gatherer)
                current = _Airspace(number, options.ground)
            elif record.upper() in {"TO", "TC", "SP", "SB"} and current is None:
                pass
            elif current is None:
                raise Refusal("feeds_airspace.openair_record", "", printable_line(line), first="AC")
            else:
                current.take(record.upper(), value.strip())
    if current is not None:
        current.finish(gatherer)
    return gatherer.gathered()


@dataclass(slots=True)
class _Airspace:
    """One airspace as its records come in; `finish` says what is missing."""

    line: int
    ground: GroundElevation | None
    name: str = ""
    identifier: str = ""
    limits: dict[str, VerticalLimit] = field(default_factory=dict)
    times: list[tuple[datetime | None, datetime | None]] = field(default_factory=list)
    centre: Position | None = None
    clockwise: bool = True
    width_m: float | None = None
    circle: Circle | None = None
    pieces: list[Position | Arc] = field(default_factory=list)
    airway: list[Position] = field(default_factory=list)

    def take(self, record: str, value: str) -> None:
        """Take in one record; raises Refusal for one that is not known, or comes twice where one counts."""
        match record:
            case "AN" | "AI":
                kept = "name" if record == "AN" else "identifier"
                if getattr(self, kept):
                    raise Refusal("feeds_airspace.record_once", "", printable_line(value))
                setattr(self, kept, value)
            case "AL" | "AH":
                if record in self.limits:
                    raise Refusal("feeds_airspace.record_once", "", printable_line(value))
                self.limits[record] = _limit(value, self.ground)
            case "AA":
                self.times.append(_times(value))
            case "V":
                self._variable(value)
            case "DP":
                self.pieces.append(_point(value))
            case "DA" | "DB":
                self.pieces.append(self._arc(record, value))
            case "DC":
                if self.circle is not None:
                    raise Refusal("feeds_airspace.record_once", "", printable_line(value))
                self.circle = Circle(self._centre(), decimal_number(value, "radius") * NAUTICAL_MILE_M)
            case "DY":
                self.airway.append(_point(value))
            case _ if record not in LEFT_ALONE:
                raise Refusal(
                    "feeds_airspace.openair_record", "", printable_line(f"{record} {value}"), first="AC, AN, AL, AH, DP"
                )
        if len(self.pieces) + len(self.airway) > MOST_PIECES:
            raise Refusal("feeds.at_most_features", "", len(self.pieces), most=MOST_PIECES)

    def finish(self, gatherer: AirspaceGatherer) -> None:
        """Make the airspace a plan; raises Refusal naming what is missing or too much."""
        with Within(f"airspace of line {self.line} {printable_line(repr(self.name[:40]))}"):
            for record in ("AL", "AH"):
                if record not in self.limits:
                    raise Refusal("feeds_airspace.record_missing", record, None)
            band = band_between(self.limits["AL"], self.limits["AH"], "AH")
            areas = self._areas()
            windows = joined(
                window
                for start, end in self.times or [(None, None)]
                for window in gatherer.asked_about(start, end, "AA")
            )
            gatherer.add(self.identifier or self.name, [(area, band) for area in areas], windows)

    def _areas(self) -> tuple[Circle | Polygon, ...]:
        shapes = sum((self.circle is not None, bool(self.pieces), bool(self.airway)))
        if shapes != 1:
            raise Refusal("feeds_airspace.one_shape", "DP", "no shape" if not shapes else "several shapes")
        if self.circle is not None:
            return (self.circle,)
        if self.pieces:
            return (outline(self.pieces, "DP"),)
        if self.width_m is None:
            raise Refusal("feeds_airspace.record_missing", "V W=", None)
        return corridor(self.airway, self.width_m, "DY")

    def _variable(self, value: str) -> None:
        name, _, text = (part.strip() for part in value.partition("="))
        match name.upper():
            case "X":
                self.centre = _point(text)
            case "D" if text in {"+", "-"}:
                self.clockwise = text == "+"
            case "W":
                self.width_m = decimal_number(text, "W") * NAUTICAL_MILE_M
            case "Z" | "T":
                pass
            case _:
                raise Refusal(
                    "feeds_airspace.openair_record", "", printable_line(f"V {value}"), first="V X=, V D=+, V D=-, V W="
                )

    def _centre(self) -> Position:
        if self.centre is None:
            raise Refusal("feeds_airspace.record_missing", "V X=", None)
        return self.centre

    def _arc(self, record: str, value: str) -> Arc:
        centre, texts = self._centre(), value.split(",")
        if record == "DA":
            if len(texts) != 3:
                raise Refusal("feeds_airspace.radius_and_two_bearings", "", printable_line(value))
            radius_nm, start_deg, end_deg = (
                decimal_number(text.strip(), name) for text, name in zip(texts, ("radius", "start", "end"), strict=True)
            )
            if not 0.0 < radius_nm <= 1_000.0:
                raise Refusal("feeds_airspace.radius_and_two_bearings", "radius", radius_nm)
            if not (-360.0 <= start_deg <= 360.0 and -360.0 <= end_deg <= 360.0):
                raise Refusal("feeds_airspace.radius_and_two_bearings", "start", printable_line(value))
            return arc_by_bearings(centre, radius_nm * NAUTICAL_MILE_M, start_deg, end_deg, clockwise=self.clockwise)
        if len(texts) != 2:
            raise Refusal("feeds_airspace.start_and_end_of_arc", "", printable_line(value))
        return Arc(centre, _point(texts[0]), _point(texts[1]), self.clockwise)


def _text(content: bytes) -> str:
    """The file as text. Names are in whatever code page their country had; everything that is read is ASCII."""
    if content.startswith((*OTHER_MARKS, UTF8_MARK)):
        return decode_text(content, allow_mark=True)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _point(text: str) -> Position:
    match = _POINT.fullmatch(text)
    if match is None:
        raise Refusal("feeds_airspace.degrees_minutes_seconds", "", printable_line(text), such="54:25:00 N 010:40:00 E")
    north, north_m, north_s, north_or_south, east, east_m, east_s, east_or_west = match.groups()
    for minutes, seconds in ((north_m, north_s), (east_m, east_s)):
        if seconds is not None and "." in minutes:
            raise Refusal(
                "feeds_airspace.degrees_minutes_seconds", "", printable_line(text), such="54:25:00 N 010:40:00 E"
            )
    return Position(
        degrees(north, north_m, north_s, north_or_south, "latitude"),
        degrees(east, east_m, east_s, east_or_west, "longitude"),
    )


def _limit(text: str, ground: GroundElevation | None) -> VerticalLimit:
    words = " ".join(text.upper().split())
    if words in _SURFACE:
        return SURFACE
    if words in _UNLIMITED:
        return UNLIMITED
    if level := _LEVEL.match(words):
        return flight_level(float(level[1]))
    height = _HEIGHT.match(words)
    if height is None:
        raise Refusal("feeds_airspace.openair_limit", "", printable_line(text))
    unit = AltitudeUnit.METRE if height[2] == "M" else AltitudeUnit.FOOT
    if height[3] in {"AMSL", "MSL", "ALT"}:
        return above_sea(float(height[1]), unit)
    return above_ground(float(height[1]), unit, ground, "", printable_line(text))


def _times(text: str) -> tuple[datetime | None, datetime | None]:
    """Start and end of one AA record, None for a side that says NONE; NONE alone leaves both to NOTAMs."""
    if text.upper() == "NONE":
        return None, None
    sides = [part.strip() for part in text.split("/")]
    if len(sides) != 2 or all(side.upper() == "NONE" for side in sides):
        raise Refusal("feeds_airspace.openair_times", "", printable_line(text))
    start, end = (
        None if side.upper() == "NONE" else instant(_with_seconds(side), name)
        for side, name in zip(sides, ("start", "end"), strict=True)
    )
    if start is not None and end is not None:
        TimeWindow(start, end)
    return start, end


def _with_seconds(text: str) -> str:
    return re.sub(r"(T\d\d:\d\d)(?=Z|[+-])", r"\1:00", text)
