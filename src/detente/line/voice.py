"""The line by voice: what an envelope bears, as a short code to be read aloud and typed in at the other end (R31).

A code packs the message into one number in base 31, in groups of seven characters with a check each
(`check_digits`). It bears coded messages, that a person has one, read-backs, and that one was right. A code is
not signed: what came by voice is marked so until its envelope comes by any carrier and says the same; one that says
otherwise is refused.

Free text has no code: it is not agreed, so it is spoken.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

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
from detente.airspace.refusal import Refusal
from detente.line.check_digits import ALPHABET, BASE, characters_of, number_of, with_checks, without_checks
from detente.line.location import COLUMNS, ROWS, cell_of, middle_of
from detente.line.messages import LineMessage, Receipt, ReceiptKind, message_id
from detente.line.parameters import (
    LONGEST_DURATION_S,
    Bearing,
    Block,
    Duration,
    Frequency,
    Height,
    Length,
    LengthUnit,
    LineLanguage,
    Moment,
    Parameter,
    Place,
    Reference,
    Spoken,
    Value,
    Window,
)
from detente.line.peer_messages import CodedMessage, ReadBackJudgedMessage, ReceiptMessage, SpokenMessage, TakenMessage
from detente.line.phrases import phrase_table
from detente.line.read_back import (
    HeightReading,
    LengthReading,
    PlaceReading,
    ReadBack,
    Reading,
    TimeReading,
    Units,
    WordReading,
)

FIELD = "voice_code"
EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
_KINDS = 4
_SECONDS = 2**32
_NUMBERS = 1_000_001
_UNITS = tuple(AltitudeUnit)
_LENGTHS = tuple(LengthUnit)
_LANGUAGES = tuple(LineLanguage)
_CODES = 1_000
_BIAS = 10_000
"""Added to heights, which may be below zero."""
_METRE_BIAS = 100_000
"""Likewise to elevations in hundredths of a metre."""


class _Packer:
    """Whole numbers of known sizes into one number, and out again in the same order."""

    def __init__(self, number: int = 0) -> None:
        self.number = number
        self.digits: list[tuple[int, int]] = []

    def put(self, value: int, size: int) -> None:
        if not 0 <= value < size:
            raise Refusal("line.value_below", FIELD, value, size=size)
        self.digits.append((value, size))

    def packed(self) -> int:
        number = 1
        for value, size in reversed(self.digits):
            number = number * size + value
        return number

    def take(self, size: int) -> int:
        self.number, value = divmod(self.number, size)
        return value


def voice_code(message: SpokenMessage) -> str:
    """Return the code of a coded message, that a person has it, of a read-back or that one was right; else "".

    What was read back wrong is said in words and read back again.
    """
    packer = _Packer()
    match message:
        case CodedMessage(content) if content.free_text is None:
            packer.put(0, _KINDS)
            _put_message(packer, content)
        case TakenMessage(id_, post):
            packer.put(1, _KINDS)
            _put_text(packer, id_)
            _put_text(packer, post)
        case ReceiptMessage(id_, Receipt(read_back=ReadBack() as given, post=post, at=at)) if post is not None:
            packer.put(2, _KINDS)
            _put_text(packer, id_)
            _put_text(packer, post)
            _put_time(packer, at)
            _put_read_back(packer, given)
        case ReadBackJudgedMessage(id_, ()):
            packer.put(3, _KINDS)
            _put_text(packer, id_)
        case _:
            return ""
    number = packer.packed()
    return with_checks(characters_of(number, max(1, math.ceil(math.log(number + 1, BASE) + 1e-9))))


def read_voice_code(text: str, sender: str, recipient: str) -> SpokenMessage:
    """Return what a typed code says that `sender` said to `recipient`.

    Raises Refusal naming the group to ask for again when a check does not fit, and for what is no code of this table.
    """
    packer = _Packer(number_of(without_checks(text, FIELD)))
    match packer.take(_KINDS):
        case 0:
            message: SpokenMessage = CodedMessage(_take_message(packer, sender, recipient))
        case 1:
            message = TakenMessage(_take_text(packer), _take_text(packer))
        case 3:
            message = ReadBackJudgedMessage(_take_text(packer), ())
        case _:
            id_, post, at = _take_text(packer), _take_text(packer), _take_time(packer)
            message = ReceiptMessage(id_, Receipt(ReceiptKind.READ_BACK, at, post, _take_read_back(packer)))
    if packer.number != 1:
        raise Refusal("line.whole_code_nothing_more", FIELD, text)
    return message


def _put_message(packer: _Packer, message: LineMessage) -> None:
    code = phrase_table().code(message.code)
    packer.put(code.number, _CODES)
    packer.put(message.number, _NUMBERS)
    _put_time(packer, message.sent_at)
    _put_answers(packer, message)
    for parameter in message.parameters:
        _put_value(packer, parameter.value)


def _take_message(packer: _Packer, sender: str, recipient: str) -> LineMessage:
    name = phrase_table().by_number(packer.take(_CODES))
    number, sent_at = packer.take(_NUMBERS), _take_time(packer)
    answered = packer.take(_NUMBERS)
    answers = message_id(recipient, answered) if answered else None
    kinds = phrase_table().code(name).parameters
    parameters = tuple(Parameter(key, _take_value(packer, kind)) for key, kind in kinds.items())
    return LineMessage(sender, recipient, number, name, sent_at, parameters, answers)


def _put_answers(packer: _Packer, message: LineMessage) -> None:
    packer.put(0 if message.answers is None else int(message.answers.rpartition(":")[2]), _NUMBERS)


def _put_value(packer: _Packer, value: Value) -> None:
    match value:
        case Place(position):
            packer.put(cell_of(position), ROWS * COLUMNS)
        case Height(altitude):
            _put_altitude(packer, altitude)
        case Block(band):
            _put_altitude(packer, band.lower)
            packer.put(round(band.upper.value) + _BIAS, 400_000)
        case Moment(time):
            _put_time(packer, time)
        case Window(window):
            _put_time(packer, window.start)
            packer.put(round((window.end - window.start).total_seconds()), _SECONDS)
        case Length(length, unit):
            packer.put(_LENGTHS.index(unit), len(_LENGTHS))
            packer.put(round(length * 10.0), 50_000_001)
        case Bearing(degrees):
            packer.put(degrees, 360)
        case Frequency(kilohertz):
            packer.put(kilohertz, 400_001)
        case Duration(seconds):
            packer.put(seconds, LONGEST_DURATION_S + 1)
        case Reference(text):
            _put_text(packer, text)
        case Spoken(language):
            packer.put(_LANGUAGES.index(language), len(_LANGUAGES))


def _take_value(packer: _Packer, kind: str) -> Value:
    match kind:
        case "place":
            return Place(middle_of(packer.take(ROWS * COLUMNS)))
        case "height":
            return Height(_take_altitude(packer))
        case "block":
            lower = _take_altitude(packer)
            upper = Altitude(float(packer.take(400_000) - _BIAS), lower.unit, lower.reference)
            return Block(AltitudeBand(lower, upper))
        case "moment":
            return Moment(_take_time(packer))
        case "window":
            start = _take_time(packer)
            return Window(TimeWindow(start, start + timedelta(seconds=packer.take(_SECONDS))))
        case "length":
            unit = _LENGTHS[packer.take(len(_LENGTHS))]
            return Length(packer.take(50_000_001) / 10.0, unit)
        case "bearing":
            return Bearing(packer.take(360))
        case "frequency":
            return Frequency(packer.take(400_001))
        case "duration":
            return Duration(packer.take(LONGEST_DURATION_S + 1))
        case "reference":
            return Reference(_take_text(packer))
        case _:
            return Spoken(_LANGUAGES[packer.take(len(_LANGUAGES))])


def _put_time(packer: _Packer, time: datetime) -> None:
    packer.put(math.floor((time - EPOCH).total_seconds()), _SECONDS)


def _take_time(packer: _Packer) -> datetime:
    return EPOCH + timedelta(seconds=packer.take(_SECONDS))


def _put_altitude(packer: _Packer, altitude: Altitude) -> None:
    packer.put(_UNITS.index(altitude.unit), len(_UNITS))
    packer.put(round(altitude.value) + _BIAS, 400_000)
    _put_reference(packer, altitude.reference)


def _take_altitude(packer: _Packer) -> Altitude:
    unit = _UNITS[packer.take(len(_UNITS))]
    value = packer.take(400_000) - _BIAS
    return Altitude(float(value), unit, _take_reference(packer))


def _put_reference(packer: _Packer, reference: AltitudeReference) -> None:
    """Settings and elevations to a hundredth, which is finer than they are given."""
    match reference:
        case Ellipsoid():
            packer.put(0, 6)
        case MeanSeaLevel():
            packer.put(1, 6)
        case StandardPressure():
            packer.put(2, 6)
        case Qnh(setting):
            packer.put(3, 6)
            packer.put(_hundredths(setting), 110_000)
        case Qfe(setting, elevation_m):
            packer.put(4, 6)
            packer.put(_hundredths(setting), 110_000)
            packer.put(_hundredths(elevation_m) + _METRE_BIAS, 1_000_000)
        case Ground(elevation_m, error_m):
            packer.put(5, 6)
            packer.put(_hundredths(elevation_m) + _METRE_BIAS, 1_000_000)
            packer.put(_hundredths(error_m), 100_001)


def _take_reference(packer: _Packer) -> AltitudeReference:
    match packer.take(6):
        case 0:
            return Ellipsoid()
        case 1:
            return MeanSeaLevel()
        case 2:
            return StandardPressure()
        case 3:
            return Qnh(packer.take(110_000) / 100.0)
        case 4:
            return Qfe(packer.take(110_000) / 100.0, (packer.take(1_000_000) - _METRE_BIAS) / 100.0)
        case _:
            return Ground((packer.take(1_000_000) - _METRE_BIAS) / 100.0, packer.take(100_001) / 100.0)


def _hundredths(value: float) -> int:
    hundredths = round(value * 100.0)
    if abs(value * 100.0 - hundredths) > 1e-6:
        raise Refusal("line.setting_or_elevation_hundredth", FIELD, value)
    return hundredths


def _put_text(packer: _Packer, text: str) -> None:
    packer.put(len(text), 128)
    for character in text:
        packer.put(ord(character) - 32, 95)


def _take_text(packer: _Packer) -> str:
    return "".join(chr(packer.take(95) + 32) for _ in range(packer.take(128)))


def _put_read_back(packer: _Packer, given: ReadBack) -> None:
    """The readings in the order of the message's code, which both sides know: names and kinds are not said."""
    packer.put(phrase_table().code(given.code).number, _CODES)
    packer.put(_UNITS.index(given.units.height), len(_UNITS))
    packer.put(_LENGTHS.index(given.units.length), len(_LENGTHS))
    for reading in given.readings:
        match reading:
            case PlaceReading(_, code, distance_tenths, _, bearing_tenths):
                for character in code.replace("-", ""):
                    packer.put(ALPHABET.index(character), BASE)
                packer.put(distance_tenths, 300_000)
                packer.put(bearing_tenths, 3_600)
            case HeightReading(_, value, _, reference):
                packer.put(value + _BIAS, 400_000)
                _put_reference(packer, reference)
            case TimeReading(_, time):
                _put_time(packer, time)
            case LengthReading(_, hundredths, _):
                packer.put(hundredths, 600_000_000)
            case WordReading(_, text):
                _put_text(packer, text)


def _take_read_back(packer: _Packer) -> ReadBack:
    code = phrase_table().by_number(packer.take(_CODES))
    units = Units(_UNITS[packer.take(len(_UNITS))], _LENGTHS[packer.take(len(_LENGTHS))])
    kinds = phrase_table().code(code).parameters
    readings = tuple(reading for name, kind in kinds.items() for reading in _take_readings(packer, name, kind, units))
    return ReadBack(code, units, readings)


def _take_readings(packer: _Packer, name: str, kind: str, units: Units) -> Iterator[Reading]:
    match kind:
        case "place":
            characters = "".join(ALPHABET[packer.take(BASE)] for _ in range(9))
            code = f"{characters[:4]}-{characters[4:8]}-{characters[8]}"
            yield PlaceReading(name, code, packer.take(300_000), units.length, packer.take(3_600))
        case "height":
            yield HeightReading(name, packer.take(400_000) - _BIAS, units.height, _take_reference(packer))
        case "block":
            for limit in ("lower", "upper"):
                value = packer.take(400_000) - _BIAS
                yield HeightReading(f"{name}.{limit}", value, units.height, _take_reference(packer))
        case "moment":
            yield TimeReading(name, _take_time(packer))
        case "window":
            yield TimeReading(f"{name}.start", _take_time(packer))
            yield TimeReading(f"{name}.end", _take_time(packer))
        case "length":
            yield LengthReading(name, packer.take(600_000_000), units.length)
        case _:
            yield WordReading(name, _take_text(packer))
