"""Latitudes and longitudes written in degrees, minutes and seconds, as files for people have them."""

from __future__ import annotations

from detente.airspace.refusal import Refusal

HEMISPHERES = {"N": 1.0, "S": -1.0, "E": 1.0, "W": -1.0}


def degrees(whole: str, minutes: str, seconds: str, hemisphere: str, field: str) -> float:
    """Return an angle in degrees, south and west negative; the parts are decimal digits, absent ones "" or "0".

    Sixty seconds are a minute: programs that round 59.7 seconds write them. Raises Refusal for sixty minutes and for
    more than sixty seconds, which are slips.
    """
    m, s = float(minutes or 0), float(seconds or 0)
    if m >= 60.0 or s > 60.0:
        raise Refusal("feeds_airspace.minutes_and_seconds", field, f"{whole}:{minutes}:{seconds}".rstrip(":"))
    return HEMISPHERES[hemisphere.upper()] * (int(whole) + m / 60.0 + s / 3600.0)
