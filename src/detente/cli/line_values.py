"""Values of line messages as people type them: ``where=35.33,40.14 height="10000ft MSL" when=2025-06-01T14:30Z``."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec

from detente.airspace.altitude import (
    Altitude,
    AltitudeBand,
    AltitudeReference,
    AltitudeUnit,
    Ellipsoid,
    Ground,
    MeanSeaLevel,
    Qfe,
    Qnh,
    StandardPressure,
)
from detente.airspace.plan import TimeWindow
from detente.airspace.position import Position
from detente.airspace.refusal import Refusal
from detente.line.location import read_location_code
from detente.line.parameters import (
    Bearing,
    Block,
    Duration,
    Frequency,
    Height,
    Length,
    LengthUnit,
    LineLanguage,
    Moment,
    Place,
    Reference,
    Spoken,
    Value,
    Window,
)
from detente.line.phrases import phrase_table

_NUMBER = r"-?\d{1,7}(?:\.\d{1,9})?"
_PLACE = re.compile(rf"({_NUMBER}), ?({_NUMBER})\Z", re.ASCII)
_LEVEL = re.compile(r"FL ?(\d{2,3})\Z", re.ASCII)
_HEIGHT = re.compile(rf"({_NUMBER})(?:\.\.({_NUMBER}))? ?(m|ft) (.+)\Z", re.ASCII)
_LEVELS = re.compile(r"FL ?(\d{2,3})\.\.FL ?(\d{2,3})\Z", re.ASCII)
_LENGTH = re.compile(rf"({_NUMBER}) ?(m|km|NM)\Z", re.ASCII)
_FREQUENCY = re.compile(rf"({_NUMBER}) ?(kHz|MHz)\Z", re.ASCII)
_DURATION = re.compile(r"(\d{1,9}) ?s\Z", re.ASCII)
_SETTING = re.compile(rf"(QNH|QFE|AGL) ?({_NUMBER})(?:/({_NUMBER}))?\Z", re.ASCII)


def values(code: str, typed: Sequence[str]) -> dict[str, Value]:
    """Return the parameters of a message code from ``name=value`` words; raises Refusal naming the one to mend."""
    kinds = phrase_table().code(code).parameters
    found: dict[str, Value] = {}
    for word in typed:
        name, equals, text = word.partition("=")
        if not equals or name not in kinds:
            raise Refusal("cli.name_value", code, word, kinds=", ".join(kinds) or "nothing")
        if name in found:
            raise Refusal("cli.each_parameter_once", code, word)
        found[name] = value(f"{code}.{name}", kinds[name], text.strip())
    return found


def value(field: str, kind: str, text: str) -> Value:
    """Return one typed value; raises Refusal with an example when it cannot be read in one way only."""
    return _READERS[kind](field, text)


def encoded(code: str, typed: Sequence[str]) -> dict[str, object]:
    """Return the parameters as the HTTP API takes them."""
    found: dict[str, object] = msgspec.to_builtins(values(code, typed))
    return found


def frequency_khz(field: str, text: str) -> int:
    """Return a frequency as it was typed, in kilohertz; raises Refusal without its unit."""
    return _frequency(field, text).kilohertz


def _frequency(field: str, text: str) -> Frequency:
    tuned = _FREQUENCY.match(text)
    if tuned is None:
        raise Refusal("cli.frequency_with_unit", field, text)
    return Frequency(round(float(tuned[1]) * (1000 if tuned[2] == "MHz" else 1)))


def _place(field: str, text: str) -> Place:
    found = _PLACE.match(text)
    if found is not None:
        return Place(Position(float(found[1]), float(found[2])))
    if re.fullmatch(r"[0-9A-Za-z]{4}-?[0-9A-Za-z]{4}-?[0-9A-Za-z]", text):
        return Place(read_location_code(text, field))
    raise Refusal("cli.degrees_north_east", field, text)


def _altitudes(field: str, text: str, *, both: bool = False) -> tuple[Altitude, Altitude]:
    example = "3000..4000ft MSL or FL100..FL120" if both else '"10000ft MSL", "FL100" or "3000m QNH1003"'
    levels = (_LEVELS if both else _LEVEL).match(text)
    if levels is not None:
        limits = [Altitude(float(n), AltitudeUnit.FLIGHT_LEVEL, StandardPressure()) for n in levels.groups()]
        return limits[0], limits[-1]
    found = _HEIGHT.match(text)
    if found is None or (found[2] is not None) != both:
        raise Refusal("cli.height_with_unit_reference", field, text, example=example)
    unit, reference = AltitudeUnit(found[3]), _reference(field, found[4])
    return Altitude(float(found[1]), unit, reference), Altitude(float(found[2] or found[1]), unit, reference)


def _reference(field: str, text: str) -> AltitudeReference:
    plain: dict[str, AltitudeReference] = {"MSL": MeanSeaLevel(), "WGS84": Ellipsoid(), "STD": StandardPressure()}
    if text in plain:
        return plain[text]
    found = _SETTING.match(text)
    if found is None:
        raise Refusal("cli.altitude_reference", field, text)
    kind, first, second = found[1], float(found[2]), found[3]
    if kind == "QNH":
        return Qnh(first)
    if kind == "AGL":
        return Ground(first)
    if second is None:
        raise Refusal("cli.qfe_with_field_elevation", field, text)
    return Qfe(first, float(second))


def _instant(field: str, text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise Refusal("cli.time_in_utc", field, text) from None
    return Moment(found).time


def _height(field: str, text: str) -> Height:
    return Height(_altitudes(field, text)[0])


def _block(field: str, text: str) -> Block:
    return Block(AltitudeBand(*_altitudes(field, text, both=True)))


def _moment(field: str, text: str) -> Moment:
    return Moment(_instant(field, text))


def _window(field: str, text: str) -> Window:
    start, slash, end = text.partition("/")
    if not slash:
        raise Refusal("cli.two_times", field, text)
    return Window(TimeWindow(_instant(field, start), _instant(field, end)))


def _length(field: str, text: str) -> Length:
    found = _LENGTH.match(text)
    if found is None:
        raise Refusal("cli.distance_with_unit", field, text)
    return Length(float(found[1]), LengthUnit(found[2]))


def _bearing(field: str, text: str) -> Bearing:
    if not re.fullmatch(r"\d{3}", text, re.ASCII):
        raise Refusal("cli.three_figures_degrees_true", field, text)
    return Bearing(int(text))


def _duration(field: str, text: str) -> Duration:
    found = _DURATION.match(text)
    if found is None:
        raise Refusal("cli.whole_seconds", field, text)
    return Duration(int(found[1]))


def _language(field: str, text: str) -> Spoken:
    if text not in set(LineLanguage):
        raise Refusal("cli.one_line_language", field, text, linelanguage=", ".join(LineLanguage))
    return Spoken(LineLanguage(text))


def _identifier(_: str, text: str) -> Reference:
    return Reference(text)


_READERS: dict[str, Callable[[str, str], Value]] = {
    "place": _place, "height": _height, "block": _block, "moment": _moment, "window": _window, "length": _length,
    "bearing": _bearing, "frequency": _frequency, "duration": _duration, "language": _language,
    "reference": _identifier,
}  # fmt: skip
