"""The numeric read-back: what the receiver holds, recomputed there in its own units, and judged by the sender (R11).

A place is read back as its location code and as distance and bearing from the agreed datum point; a height in the
receiver's unit with its reference; a time in UTC. The sender recomputes all of it from what it meant and names every
figure that differs. A place that moved out of its cell is always caught, and a shift of more than 22 m always leaves
the cell (`location.SURELY_CAUGHT_M`); so are a height that is off by a metre and a time that is off by a second.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import datetime

import msgspec

from detente.airspace.altitude import UNIT_M, Altitude, AltitudeReference, AltitudeUnit
from detente.airspace.position import utc
from detente.airspace.refusal import Refusal
from detente.line.location import distance_and_bearing, location_code
from detente.line.parameters import (
    LENGTH_M,
    Bearing,
    Block,
    Duration,
    Frequency,
    Height,
    Length,
    LengthUnit,
    Moment,
    Parameter,
    Place,
    Reference,
    Spoken,
    Value,
    Window,
)
from detente.line.terms import Datum


class PlaceReading(msgspec.Struct, frozen=True, tag_field="kind", tag="place", forbid_unknown_fields=True):
    """A place: its code, and from the datum point the distance in tenths of `unit` and the bearing in tenths."""

    name: str
    code: str
    distance_tenths: int
    unit: LengthUnit
    bearing_tenths: int


class HeightReading(msgspec.Struct, frozen=True, tag_field="kind", tag="height", forbid_unknown_fields=True):
    """A height in whole metres or feet on its reference."""

    name: str
    value: int
    unit: AltitudeUnit
    reference: AltitudeReference


class TimeReading(msgspec.Struct, frozen=True, tag_field="kind", tag="time", forbid_unknown_fields=True):
    """An instant, UTC."""

    name: str
    time: datetime

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "time", utc(self.time))


class LengthReading(msgspec.Struct, frozen=True, tag_field="kind", tag="length", forbid_unknown_fields=True):
    """A distance in hundredths of `unit`."""

    name: str
    hundredths: int
    unit: LengthUnit


class WordReading(msgspec.Struct, frozen=True, tag_field="kind", tag="word", forbid_unknown_fields=True):
    """Anything else, letter by letter: a bearing, a frequency, a reference, a language."""

    name: str
    text: str


Reading = PlaceReading | HeightReading | TimeReading | LengthReading | WordReading


class Units(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The units in which a side reads back: heights in metres or feet, distances in km or NM."""

    height: AltitudeUnit = AltitudeUnit.METRE
    length: LengthUnit = LengthUnit.KILOMETRE

    def __post_init__(self) -> None:
        if self.height is AltitudeUnit.FLIGHT_LEVEL:
            raise Refusal("line.m_or_ft", "height", self.height.value)
        if self.length is LengthUnit.METRE:
            raise Refusal("line.km_or_nm", "length", self.length.value)


class ReadBack(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A message read back: its code, and every figure in it in these units."""

    code: str
    units: Units
    readings: tuple[Reading, ...]


class ReadBackDifference(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A figure that was read back otherwise than it was meant: its name, what was meant and what was read."""

    name: str
    meant: str
    read: str


def read_back(code: str, parameters: tuple[Parameter, ...], units: Units, datum: Datum) -> ReadBack:
    """Return what to read back for a message as it is held, in `units` and from `datum`."""
    readings = [reading for p in parameters for reading in _readings(p.name, p.value, units, datum)]
    return ReadBack(code, units, tuple(readings))


def differences(
    code: str, parameters: tuple[Parameter, ...], given: ReadBack, datum: Datum
) -> tuple[ReadBackDifference, ...]:
    """Return every figure of `given` that is not what this message means; none when it was understood."""
    meant = read_back(code, parameters, given.units, datum)
    found: list[ReadBackDifference] = []
    if given.code != code:
        found.append(ReadBackDifference("code", code, given.code))
    read: dict[str, Reading] = {}
    for reading in given.readings:
        if reading.name in read:
            found.append(ReadBackDifference(reading.name, "once", "twice"))
        read[reading.name] = reading
    for expected in meant.readings:
        heard = read.pop(expected.name, None)
        if heard is None or not _same(expected, heard):
            found.append(
                ReadBackDifference(expected.name, reading_text(expected), "" if heard is None else reading_text(heard))
            )
    found += [ReadBackDifference(name, "", reading_text(extra)) for name, extra in read.items()]
    return tuple(found)


def reading_text(reading: Reading) -> str:
    """Return a reading as one line of figures and signs, the same in every language."""
    match reading:
        case PlaceReading(_, code, distance_tenths, unit, bearing_tenths):
            return f"{code}, {distance_tenths / 10:.1f} {unit}, {bearing_tenths / 10:05.1f}°"
        case HeightReading(_, value, unit, reference):
            figures = {k: v for k, v in msgspec.to_builtins(reference).items() if k != "kind"}
            rest = "".join(f" {figure:g}" for figure in figures.values())
            return f"{value} {unit} {str(reference.__struct_config__.tag).replace('_', ' ')}{rest}"
        case TimeReading(_, time):
            return time.strftime("%Y-%m-%d %H:%M:%SZ")
        case LengthReading(_, hundredths, unit):
            return f"{hundredths / 100:.2f} {unit}"
        case WordReading(_, text):
            return text


def _readings(name: str, value: Value, units: Units, datum: Datum) -> Iterator[Reading]:
    match value:
        case Place(position):
            distance_m, bearing_deg = distance_and_bearing(datum.position, position)
            distance_tenths = round(distance_m / LENGTH_M[units.length] * 10.0)
            code, bearing_tenths = location_code(position), round(bearing_deg * 10.0) % 3600
            yield PlaceReading(name, code, distance_tenths, units.length, bearing_tenths)
        case Height(altitude):
            yield _height(name, altitude, units)
        case Block(band):
            yield _height(f"{name}.lower", band.lower, units)
            yield _height(f"{name}.upper", band.upper, units)
        case Moment(time):
            yield TimeReading(name, time)
        case Window(window):
            yield TimeReading(f"{name}.start", window.start)
            yield TimeReading(f"{name}.end", window.end)
        case Length():
            yield LengthReading(name, round(value.metres / LENGTH_M[units.length] * 100.0), units.length)
        case Bearing(degrees):
            yield WordReading(name, f"{degrees:03d}")
        case Frequency(kilohertz):
            yield WordReading(name, f"{kilohertz}")
        case Duration(seconds):
            yield WordReading(name, f"{seconds} s")
        case Reference(text):
            yield WordReading(name, text)
        case Spoken(language):
            yield WordReading(name, str(language))


def _height(name: str, altitude: Altitude, units: Units) -> HeightReading:
    value = math.floor(altitude.reading_m / UNIT_M[units.height] + 0.5)
    return HeightReading(name, value, units.height, altitude.reference)


def _same(meant: Reading, read: Reading) -> bool:
    """Exactly, but for the last figure of distance and bearing, which the code beside them makes exact."""
    if isinstance(meant, PlaceReading) and isinstance(read, PlaceReading):
        around = abs(meant.bearing_tenths - read.bearing_tenths)
        near = abs(meant.distance_tenths - read.distance_tenths) <= 1 and min(around, 3600 - around) <= 1
        return near and meant.code == read.code and meant.unit == read.unit
    return meant == read
