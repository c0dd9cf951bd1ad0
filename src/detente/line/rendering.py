"""A message in the words of a language, as text and as it is said.

Figures are the same in every language, so that two officers compare the same signs: digits 0 to 9, a point before
decimals, a narrow no-break space between thousands (a comma means a decimal to half of the readers). In Arabic each
figure stands in an isolate (U+2066 to U+2069), so that it reads from left to right and never moves.
"""

from __future__ import annotations

from datetime import UTC, datetime

from detente.airspace.altitude import (
    FOOT_M,
    Altitude,
    AltitudeUnit,
    Ellipsoid,
    Ground,
    MeanSeaLevel,
    Qfe,
    Qnh,
    StandardPressure,
)
from detente.airspace.position import Position
from detente.line.location import location_code
from detente.line.parameters import (
    LENGTH_M,
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
from detente.line.phrases import PhraseTable, Words

NARROW_SPACE = "\u202f"
LEFT_TO_RIGHT_ISOLATE, RIGHT_TO_LEFT_ISOLATE, POP_ISOLATE = "\u2066", "\u2067", "\u2069"
_EXERCISE = {
    LineLanguage.ENGLISH: ("EXERCISE", "EKS-er-size"),
    LineLanguage.FRENCH: ("EXERCICE", "eg-zer-SEES"),
    LineLanguage.RUSSIAN: ("УЧЕНИЕ", "oo-CHEH-nee-yeh"),
    LineLanguage.ARABIC: ("تمرين", "tam-REEN"),
}
"""Before every message of an exercise, as it is written and as it is said. Not of the table that both sides sign."""
_LETTERS = (  # noqa: SIM905 - a list of 26 lines reads no better
    "AL-fah BRAH-voh CHAR-lee DELL-tah ECK-oh FOKS-trot GOLF hoh-TELL IN-dee-ah JEW-lee-ett KEY-loh LEE-mah MIKE "
    "no-VEM-ber OSS-cah pah-PAH keh-BECK ROW-me-oh see-AIR-rah TANG-go YOU-nee-form VIK-tah WISS-key ECKS-ray "
    "YANG-key ZOO-loo"
).split()
"""The spelling alphabet of ICAO Annex 10, volume II, with its pronunciation; the same in every language."""


def written(
    table: PhraseTable, language: LineLanguage, code: str, parameters: tuple[Parameter, ...], *, exercise: bool = False
) -> str:
    """Return a message as text. Right-to-left text is one isolate, so that it keeps its order beside other text.

    In an `exercise` the word for that stands first.
    """
    words = table.words[language]
    values = {parameter.name: _value(words, parameter.value, say=False) for parameter in parameters}
    return enclosed(words, _exercise(language, is_one=exercise, say=False) + words.phrases[code][0].format_map(values))


def said(
    table: PhraseTable, language: LineLanguage, code: str, parameters: tuple[Parameter, ...], *, exercise: bool = False
) -> str:
    """Return how a message is said by somebody who does not speak the language: its sounds, figures digit by digit."""
    words = table.words[language]
    values = {parameter.name: _value(words, parameter.value, say=True) for parameter in parameters}
    return _exercise(language, is_one=exercise, say=True) + words.phrases[code][1].format_map(values)


def _exercise(language: LineLanguage, *, is_one: bool, say: bool) -> str:
    return f"{_EXERCISE[language][1 if say else 0]} – " if is_one else ""


def not_agreed(table: PhraseTable, language: LineLanguage, text: str) -> str:
    """Return free text with the flag that it is no agreed text (R33). Its own direction stays inside an isolate."""
    words = table.words[language]
    return enclosed(words, words.words["not_agreed_text"][0].format(text=f"\u2068{text}{POP_ISOLATE}"))


def enclosed(words: Words, text: str) -> str:
    """Return right-to-left text inside its isolate; left-to-right text as it is."""
    return f"{RIGHT_TO_LEFT_ISOLATE}{text}{POP_ISOLATE}" if words.direction == "rtl" else text


def spelled(words: Words, figures: str) -> str:
    """Return figures and letters one by one as they are said."""
    sounds = []
    for character in figures.upper():
        if character.isascii() and character.isdigit():
            sounds.append(words.digits[int(character)])
        elif character.isascii() and character.isalpha():
            sounds.append(_LETTERS[ord(character) - ord("A")])
        elif character == ".":
            sounds.append(words.words["decimal"][1])
        elif character == "\N{MINUS SIGN}":
            sounds.append(words.words["minus"][1])
        elif sounds and sounds[-1] != ",":
            sounds.append(",")
    return " ".join(sounds).replace(" ,", ",").strip(", ")


def _value(words: Words, value: Value, *, say: bool) -> str:
    match value:
        case Place(position):
            code = _figures(words, location_code(position), say=say)
            return _word(words, "place", say=say, position=_figures(words, degrees(position), say=say), code=code)
        case Height(altitude):
            return _altitude(words, altitude, say=say)
        case Block(band):
            lower, upper = _altitude(words, band.lower, say=say), _altitude(words, band.upper, say=say)
            return _word(words, "block", say=say, lower=lower, upper=upper)
        case Moment(time):
            return _figures(words, utc_second(time), say=say)
        case Window(window):
            start, end = (_figures(words, utc_second(time), say=say) for time in (window.start, window.end))
            return _word(words, "window", say=say, start=start, end=end)
        case Length():
            return _figures(words, length_text(value), say=say)
        case Bearing(bearing):
            return _word(words, "bearing", say=say, degrees=_figures(words, f"{bearing:03d}", say=say))
        case Frequency(kilohertz):
            return _figures(words, frequency_text(kilohertz), say=say)
        case Duration(seconds):
            return _figures(words, f"{grouped(seconds)} s", say=say)
        case Reference(text):
            return _figures(words, text, say=say)
        case Spoken(language):
            return _word(words, str(language), say=say)


def _altitude(words: Words, altitude: Altitude, *, say: bool) -> str:
    reading = _figures(words, reading_text(altitude), say=say)
    match altitude.reference:
        case MeanSeaLevel():
            return _word(words, "mean_sea_level", say=say, reading=reading)
        case Ellipsoid():
            return _word(words, "ellipsoid", say=say, reading=reading)
        case StandardPressure():
            return _word(words, "standard", say=say, reading=reading)
        case Ground(elevation_m=elevation_m):
            elevation = _figures(words, f"{grouped(elevation_m)} m", say=say)
            return _word(words, "ground", say=say, reading=reading, elevation=elevation)
        case Qnh(pressure_hpa=pressure_hpa):
            setting = _figures(words, grouped(pressure_hpa, 1), say=say)
            return _word(words, "qnh", say=say, reading=reading, setting=setting)
        case Qfe(pressure_hpa=pressure_hpa, field_elevation_m=elevation_m):
            setting = _figures(words, grouped(pressure_hpa, 1), say=say)
            elevation = _figures(words, f"{grouped(elevation_m)} m", say=say)
            return _word(words, "qfe", say=say, reading=reading, setting=setting, elevation=elevation)


def _word(words: Words, key: str, *, say: bool, **values: str) -> str:
    return words.words[key][1 if say else 0].format_map(values)


def _figures(words: Words, text: str, *, say: bool) -> str:
    if say:
        return spelled(words, text)
    return f"{LEFT_TO_RIGHT_ISOLATE}{text}{POP_ISOLATE}" if words.direction == "rtl" else text


def reading_text(altitude: Altitude) -> str:
    """Return a reading in its own unit first and in the other beside it: "10 000 ft (3 048 m)"."""
    metres, feet = f"{grouped(altitude.reading_m)} m", f"{grouped(altitude.reading_m / FOOT_M)} ft"
    match altitude.unit:
        case AltitudeUnit.METRE:
            return f"{metres} ({feet})"
        case AltitudeUnit.FOOT:
            return f"{feet} ({metres})"
        case AltitudeUnit.FLIGHT_LEVEL:
            return f"FL{round(altitude.value):03d} ({feet}, {metres})"


def length_text(length: Length) -> str:
    """Return a distance in its own unit first and in another beside it: "5 NM (9.3 km)"."""
    other = LengthUnit.KILOMETRE if length.unit is LengthUnit.NAUTICAL_MILE else LengthUnit.NAUTICAL_MILE
    own = grouped(length.value, 0 if length.value == round(length.value) else 1)
    return f"{own} {length.unit} ({grouped(length.metres / LENGTH_M[other], 1)} {other})"


def frequency_text(kilohertz: int) -> str:
    """Return a frequency as it is tuned: "121.500 MHz" from 30 MHz on, "4 125 kHz" below."""
    return f"{kilohertz / 1000.0:.3f} MHz" if kilohertz >= 30_000 else f"{grouped(kilohertz)} kHz"


def utc_second(time: datetime) -> str:
    """Return date and time to the second, UTC: "2025-06-01 14:32:05Z"."""
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def grouped(value: float, decimals: int = 0) -> str:
    """Return a number with narrow spaces between thousands and a point before decimals."""
    return f"{value:,.{decimals}f}".replace(",", NARROW_SPACE).replace("-", "\N{MINUS SIGN}")


def degrees(position: Position) -> str:
    """Return degrees and decimal minutes: "34°00.00′N 020°00.00′E"."""
    return f"{_axis(position.latitude_deg, 'NS', 2)} {_axis(position.longitude_deg, 'EW', 3)}"


def _axis(value_deg: float, letters: str, width: int) -> str:
    whole, rest = divmod(round(abs(value_deg) * 6000.0), 6000)
    return f"{whole:0{width}d}°{rest / 100.0:05.2f}′{letters[value_deg < 0.0]}"
