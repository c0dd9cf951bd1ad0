"""Distances, heights and times as people type them on the command line: a number and a unit, never a number alone."""

from __future__ import annotations

import re

from detente.airspace.altitude import FOOT_M
from detente.airspace.plan import Containment
from detente.airspace.refusal import Refusal
from detente.airspace.separation import Minima

NAUTICAL_MILE_M = 1852.0
HORIZONTAL_UNITS_M = {"NM": NAUTICAL_MILE_M, "nmi": NAUTICAL_MILE_M, "km": 1000.0, "m": 1.0, "ft": FOOT_M}
VERTICAL_UNITS_M = {"ft": FOOT_M, "m": 1.0, "km": 1000.0}
TIME_UNITS_S = {"s": 1.0, "min": 60.0}

_QUANTITY = re.compile(r"([+-]?\d{1,9}(?:\.\d{1,9})?)[ \u00a0\u202f]?([A-Za-z]*)\Z", re.ASCII)
_MENDS = {
    "nm": "Write NM: nm is a nanometre.",
    "FL": "A difference of ten flight levels is 1000ft.",
    "": "A number alone is never a distance: say the unit.",
}


def minima(text: str) -> Minima:
    """Return the minima written as "5NM,1000ft,0s": horizontal, vertical, and time, which is 0 s when left out."""
    parts = text.split(",")
    if not 2 <= len(parts) <= 3:
        raise Refusal(
            "--minima", text, 'horizontal, vertical and time, such as "5NM,1000ft,0s"', "Decimals take a dot."
        )
    return Minima(
        quantity(parts[0], HORIZONTAL_UNITS_M, "--minima horizontal"),
        quantity(parts[1], VERTICAL_UNITS_M, "--minima vertical"),
        quantity(parts[2], TIME_UNITS_S, "--minima time") if len(parts) == 3 else 0.0,
    )


def containment(text: str) -> Containment:
    """Return a containment written as "100m,30m,10s": sideways, up or down, early or late."""
    parts = text.split(",")
    if len(parts) != 3:
        raise Refusal("--containment", text, 'sideways, vertical and time, such as "100m,30m,10s"')
    return Containment(
        quantity(parts[0], HORIZONTAL_UNITS_M, "--containment sideways"),
        quantity(parts[1], VERTICAL_UNITS_M, "--containment vertical"),
        quantity(parts[2], TIME_UNITS_S, "--containment time"),
    )


def elevation_m(text: str) -> float:
    """Return an elevation above mean sea level written as "616m" or "2021ft"."""
    return quantity(text, {"m": 1.0, "ft": FOOT_M}, "--ground-elevation")


def quantity(text: str, units: dict[str, float], field: str) -> float:
    """Return a number with one of `units` in the base unit; raises Refusal naming `field` and the units."""
    known = ", ".join(units)
    match = _QUANTITY.match(text.strip())
    if match is None:
        raise Refusal(field, text, f"a number and a unit: {known}")
    number, unit = match.groups()
    if unit not in units:
        raise Refusal(field, text, f"a unit of {known}", _MENDS.get(unit, ""))
    return float(number) * units[unit]
