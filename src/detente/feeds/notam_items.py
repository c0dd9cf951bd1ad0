"""Items of a NOTAM that are more than a word: moments, and limits."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from detente.airspace.altitude import AltitudeBand, AltitudeUnit
from detente.airspace.refusal import Refusal
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

_SURFACE = frozenset({"SFC", "GND", "FL000"})
_UNLIMITED = frozenset({"UNL", "FL999"})
_LEVEL = re.compile(r"FL ?(\d{3})\Z", re.ASCII)
_HEIGHT = re.compile(r"(\d{1,5}) ?(FT|M) ?(AMSL|MSL|AGL|SFC)\Z", re.ASCII)
_MOMENT = re.compile(r"\d{10}\Z", re.ASCII)


def moment(text: str, field: str) -> datetime:
    """Return the UTC instant written as YYMMDDhhmm; 24:00 is the end of a day."""
    if not _MOMENT.match(text):
        raise Refusal("feeds.notam_moment", field, printable_line(text))
    year, month, day, hour, minute = (int(text[at : at + 2]) for at in range(0, 10, 2))
    if hour > 24 or minute > 59 or (hour == 24 and minute):
        raise Refusal("feeds.notam_moment", field, text)
    try:
        date = datetime(2000 + year, month, day, tzinfo=UTC)
    except ValueError:
        raise Refusal("feeds.notam_moment", field, text) from None
    return plausible_instant(date + timedelta(hours=hour, minutes=minute), field)


def band(lower: str, upper: str, ground: GroundElevation | None) -> AltitudeBand:
    """Return the band between two limits as F and G write them; see `band_between` for limits on two references."""
    low, high = (_limit(" ".join(text.split()), field, ground) for text, field in ((lower, "F"), (upper, "G")))
    return band_between(low, high, "G")


def _limit(text: str, field: str, ground: GroundElevation | None) -> VerticalLimit:
    if text in _SURFACE:
        return SURFACE
    if text in _UNLIMITED:
        return UNLIMITED
    if level := _LEVEL.match(text):
        return flight_level(float(level[1]))
    height = _HEIGHT.match(text)
    if height is None:
        raise Refusal("feeds.notam_limits", field, printable_line(text))
    unit = AltitudeUnit.FOOT if height[2] == "FT" else AltitudeUnit.METRE
    if height[3] in {"AMSL", "MSL"}:
        return above_sea(float(height[1]), unit)
    return above_ground(float(height[1]), unit, ground, field, text)
