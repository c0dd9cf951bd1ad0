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
SPEED_UNITS_M_S = {"kt": NAUTICAL_MILE_M / 3600.0, "km/h": 1.0 / 3.6, "m/s": 1.0}
CLIMB_UNITS_M_S = {"ft/min": FOOT_M / 60.0, "m/s": 1.0}

_QUANTITY = re.compile(r"([+-]?\d{1,9}(?:\.\d{1,9})?)[ \u00a0\u202f]?([A-Za-z/]*)\Z", re.ASCII)
_SHARE = re.compile(r"\d{1,3}(?:\.\d{1,9})?\Z", re.ASCII)
_KINDS = {"nm": "cli.nautical_miles_not_nanometres", "FL": "cli.feet_not_levels", "": "cli.number_with_unit"}


def minima(text: str) -> Minima:
    """Return the minima written as "5NM,1000ft,0s": horizontal, vertical, and time, which is 0 s when left out."""
    parts = text.split(",")
    if not 2 <= len(parts) <= 3:
        raise Refusal("cli.horizontal_vertical_time_such", "--minima", text)
    return Minima(
        quantity(parts[0], HORIZONTAL_UNITS_M, "--minima horizontal"),
        quantity(parts[1], VERTICAL_UNITS_M, "--minima vertical"),
        quantity(parts[2], TIME_UNITS_S, "--minima time") if len(parts) == 3 else 0.0,
    )


def containment(text: str) -> Containment:
    """Return a containment written as "100m,30m,10s": sideways, up or down, early or late."""
    parts = text.split(",")
    if len(parts) != 3:
        raise Refusal("cli.sideways_vertical_time_such", "--containment", text)
    return Containment(
        quantity(parts[0], HORIZONTAL_UNITS_M, "--containment sideways"),
        quantity(parts[1], VERTICAL_UNITS_M, "--containment vertical"),
        quantity(parts[2], TIME_UNITS_S, "--containment time"),
    )


def share(text: str, field: str) -> float:
    """Return a share written as "10%", between 0 and 1."""
    number = text.strip().removesuffix("%").rstrip()
    if number == text.strip() or not _SHARE.match(number) or float(number) > 100.0:
        raise Refusal("cli.share_in_hundredths", field, text)
    return float(number) / 100.0


def elevation_m(text: str) -> float:
    """Return an elevation above mean sea level written as "616m" or "2021ft"."""
    return quantity(text, {"m": 1.0, "ft": FOOT_M}, "--ground-elevation")


def quantity(text: str, units: dict[str, float], field: str) -> float:
    """Return a number with one of `units` in the base unit; raises Refusal naming `field` and the units."""
    known = ", ".join(units)
    match = _QUANTITY.match(text.strip())
    if match is None:
        raise Refusal("cli.number_unit", field, text, known=known)
    number, unit = match.groups()
    if unit not in units:
        raise Refusal(_KINDS.get(unit, "cli.unit_of"), field, text, known=known)
    return float(number) * units[unit]
