"""The typed values that a message carries: each says its unit and reference, none is a bare number (R27, R28, R29).

What is sent is first rounded to what a person can say (`sayable`), so that every carrier bears the same values: places
to the middle of their cell of 31 m, heights to whole units, lengths to a tenth, times to the second.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from detente.airspace.altitude import UNIT_M, Altitude, AltitudeBand, check_range
from detente.airspace.plan import TimeWindow
from detente.airspace.position import Position, utc
from detente.airspace.refusal import Refusal
from detente.line.location import cell_of, middle_of

LONGEST_REFERENCE = 80
LONGEST_DURATION_S = 366 * 86_400


class LineLanguage(StrEnum):
    """A language of the phrase table, by its ISO 639-1 code."""

    ENGLISH = "en"
    FRENCH = "fr"
    RUSSIAN = "ru"
    ARABIC = "ar"


class LengthUnit(StrEnum):
    """A unit of distances along the ground."""

    METRE = "m"
    KILOMETRE = "km"
    NAUTICAL_MILE = "NM"


LENGTH_M = {LengthUnit.METRE: 1.0, LengthUnit.KILOMETRE: 1000.0, LengthUnit.NAUTICAL_MILE: 1852.0}


class Place(msgspec.Struct, frozen=True, tag_field="kind", tag="place", forbid_unknown_fields=True):
    """A point on WGS 84."""

    position: Position


class Height(msgspec.Struct, frozen=True, tag_field="kind", tag="height", forbid_unknown_fields=True):
    """An altitude with its unit and reference."""

    altitude: Altitude


class Block(msgspec.Struct, frozen=True, tag_field="kind", tag="block", forbid_unknown_fields=True):
    """A band of altitudes."""

    band: AltitudeBand


class Moment(msgspec.Struct, frozen=True, tag_field="kind", tag="moment", forbid_unknown_fields=True):
    """An instant, UTC."""

    time: datetime

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "time", utc(self.time))


class Window(msgspec.Struct, frozen=True, tag_field="kind", tag="window", forbid_unknown_fields=True):
    """From one instant to another, UTC."""

    window: TimeWindow


class Length(msgspec.Struct, frozen=True, tag_field="kind", tag="length", forbid_unknown_fields=True):
    """A distance along the ground, with its unit."""

    value: float
    unit: LengthUnit

    def __post_init__(self) -> None:
        check_range("value", self.metres, 0.0, 5_000_000.0, "metres")

    @property
    def metres(self) -> float:
        """The distance in metres."""
        return self.value * LENGTH_M[self.unit]


class Bearing(msgspec.Struct, frozen=True, tag_field="kind", tag="bearing", forbid_unknown_fields=True):
    """A direction in whole degrees true, 0 to 359."""

    degrees: int

    def __post_init__(self) -> None:
        check_range("degrees", self.degrees, 0, 359, "degrees true")


class Frequency(msgspec.Struct, frozen=True, tag_field="kind", tag="frequency", forbid_unknown_fields=True):
    """A radio frequency in kilohertz, from HF to UHF."""

    kilohertz: int

    def __post_init__(self) -> None:
        check_range("kilohertz", self.kilohertz, 2_000, 400_000, "kHz", "line.frequency")


class Duration(msgspec.Struct, frozen=True, tag_field="kind", tag="duration", forbid_unknown_fields=True):
    """A time span in whole seconds."""

    seconds: int

    def __post_init__(self) -> None:
        check_range("seconds", self.seconds, 0, LONGEST_DURATION_S, "seconds")


class Reference(msgspec.Struct, frozen=True, tag_field="kind", tag="reference", forbid_unknown_fields=True):
    """The identifier of a message, a plan, a notice or a post."""

    text: str

    def __post_init__(self) -> None:
        plain = self.text.isascii() and self.text.isprintable() and " " not in self.text
        if not (plain and 1 <= len(self.text) <= LONGEST_REFERENCE):
            raise Refusal("line.printable_ascii_characters_without", "text", self.text, most=LONGEST_REFERENCE)


class Spoken(msgspec.Struct, frozen=True, tag_field="kind", tag="language", forbid_unknown_fields=True):
    """A language."""

    language: LineLanguage


Value = Place | Height | Block | Moment | Window | Length | Bearing | Frequency | Duration | Reference | Spoken
KINDS: dict[str, type[Value]] = {
    "place": Place, "height": Height, "block": Block, "moment": Moment, "window": Window, "length": Length,
    "bearing": Bearing, "frequency": Frequency, "duration": Duration, "reference": Reference, "language": Spoken,
}  # fmt: skip


class Parameter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One named value of a message."""

    name: str
    value: Value


def sayable(value: Value) -> Value:
    """Return the value rounded to what can be said; an area never shrinks, a window never shortens."""
    match value:
        case Place(position):
            return Place(middle_of(cell_of(position)))
        case Height(altitude):
            return Height(_whole(altitude, round(altitude.value)))
        case Block(band):
            in_unit = band.upper.value
            if band.upper.unit is not band.lower.unit:
                in_unit = band.upper.reading_m / UNIT_M[band.lower.unit]
            upper = math.ceil(round(in_unit, 6))
            return Block(AltitudeBand(_whole(band.lower, math.floor(band.lower.value)), _whole(band.lower, upper)))
        case Moment(time):
            return Moment(_second(time))
        case Window(window):
            end = _second(window.end)
            return Window(TimeWindow(_second(window.start), end if end == window.end else end + timedelta(seconds=1)))
        case Length(length, unit):
            return Length(math.ceil(round(length * 10.0, 6)) / 10.0, unit)
        case _:
            return value


def _whole(altitude: Altitude, value: int) -> Altitude:
    return Altitude(float(value), altitude.unit, altitude.reference)


def _second(time: datetime) -> datetime:
    return time.replace(microsecond=0)
