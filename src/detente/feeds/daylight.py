"""When the sun rises and sets, for schedules that go by it (SR, SS, BMCT, EECT).

The formulas are those of NOAA's solar calculator, after Meeus, Astronomical Algorithms: within a minute of published
tables between 72 degrees north and south. Every time is taken earlier or later by `TABLE_ERROR`, so that a schedule
never ends before the published one.
"""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, time, timedelta

from detente.airspace.position import Position
from detente.airspace.refusal import Refusal

DEPRESSIONS_DEG = {"SR": 0.833, "SS": 0.833, "BMCT": 6.0, "EECT": 6.0}
"""How far the middle of the sun is below the horizon: refraction and half its disc, or civil twilight."""

MORNING = frozenset({"SR", "BMCT"})
TABLE_ERROR = timedelta(minutes=3)


def event_times(event: str, day: date, places: tuple[Position, ...], field: str) -> tuple[datetime, datetime]:
    """Return the earliest and the latest UTC instant at which the event may be over an area on a day.

    `places` are points between which the area lies; `day` is the date at those places. Raises Refusal naming `field`
    where the sun does not rise or set on that day.
    """
    moments = [_moment(event, day, place, field) for place in places]
    return min(moments) - TABLE_ERROR, max(moments) + TABLE_ERROR


def _moment(event: str, day: date, place: Position, field: str) -> datetime:
    guess = datetime.combine(day, time(12), UTC) - timedelta(hours=place.longitude_deg / 15.0)
    for _ in range(3):
        declination_rad, equation_min = _sun(guess)
        latitude_rad = math.radians(place.latitude_deg)
        sine = math.sin(math.radians(-DEPRESSIONS_DEG[event])) - math.sin(latitude_rad) * math.sin(declination_rad)
        cosine = sine / max(1e-12, math.cos(latitude_rad) * math.cos(declination_rad))
        if not -1.0 <= cosine <= 1.0:
            raise Refusal("feeds_airspace.sun_rises_and_sets", field, f"{event} on {day.isoformat()}")
        hours = math.degrees(math.acos(cosine)) / 15.0
        noon = datetime.combine(day, time(12), UTC) - timedelta(hours=place.longitude_deg / 15.0, minutes=equation_min)
        guess = noon - timedelta(hours=hours) if event in MORNING else noon + timedelta(hours=hours)
    return guess


def _sun(moment: datetime) -> tuple[float, float]:
    """The sun's declination in radians, and the equation of time in minutes."""
    centuries = (moment.timestamp() / 86_400.0 + 2_440_587.5 - 2_451_545.0) / 36_525.0
    mean_deg = (280.46646 + centuries * (36_000.76983 + centuries * 0.0003032)) % 360.0
    anomaly_deg = 357.52911 + centuries * (35_999.05029 - 0.0001537 * centuries)
    eccentricity = 0.016708634 - centuries * (0.000042037 + 0.0000001267 * centuries)
    anomaly = math.radians(anomaly_deg)
    centre_deg = (
        math.sin(anomaly) * (1.914602 - centuries * (0.004817 + 0.000014 * centuries))
        + math.sin(2 * anomaly) * (0.019993 - 0.000101 * centuries)
        + math.sin(3 * anomaly) * 0.000289
    )
    node = math.radians(125.04 - 1934.136 * centuries)
    apparent = math.radians(mean_deg + centre_deg - 0.00569 - 0.00478 * math.sin(node))
    obliquity = math.radians(23.0 + (26.0 + (21.448 - centuries * 46.815) / 60.0) / 60.0 + 0.00256 * math.cos(node))
    mean = math.radians(mean_deg)
    y = math.tan(obliquity / 2.0) ** 2
    equation = (
        y * math.sin(2 * mean) - 2 * eccentricity * math.sin(anomaly)
        + 4 * eccentricity * y * math.sin(anomaly) * math.cos(2 * mean)
        - 0.5 * y * y * math.sin(4 * mean) - 1.25 * eccentricity**2 * math.sin(2 * anomaly)
    )  # fmt: skip
    return math.asin(math.sin(obliquity) * math.sin(apparent)), 4.0 * math.degrees(equation)
