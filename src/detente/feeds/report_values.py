"""What programs write into columns of position reports: nothing in many words, the ground, names in many spellings."""

from __future__ import annotations

from collections.abc import Sequence

from detente.airspace.refusal import Refusal
from detente.feeds.source import printable_line
from detente.feeds.track_columns import OPTIONAL, REQUIRED

GROUND = "ground"
"""In place of an altitude: the aircraft says that it is on the ground."""

NULL_WORDS = frozenset({"nan", "null", "none", "na", "n/a", "nat", "\\n", "-"})
"""How programs write that there is no value, in small letters."""

MEANING = frozenset(
    {"altitudeunit", "altitudeunits", "altunit", "altitudereference", "altituderef", "altitudedatum", "altitudetype",
     "datum", "crs", "epsg", "unit", "units", "timezone", "tz", "utcoffset", "qnh"}
)  # fmt: skip
"""Columns that say what others mean, in small letters alone: unread, they would change what is read."""


def without_null(text: str) -> str:
    """Return `text` without blanks around it; nothing where it says that there is no value."""
    stripped = text.strip()
    return "" if stripped.lower() in NULL_WORDS else stripped


def column_names(header: Sequence[str]) -> list[str]:
    """Return the header with the names that are read as `track_columns` spells them; others stay as they are.

    Raises Refusal for a column that says what another one means, such as the unit of the altitudes.
    """
    spelt = {_letters(name): name for name in REQUIRED + OPTIONAL}
    for name in header:
        if _letters(name) in MEANING:
            raise Refusal("feeds.column_of_meaning", "columns", printable_line(name))
    return [spelt.get(_letters(name), name) for name in header]


def _letters(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())
