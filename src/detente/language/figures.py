"""Figures as people read them: UTC times, distances in NM and km, heights in feet and metres, positions.

A separation that was measured is rounded down and never up, so that 4.996 NM does not read as the 5 NM it broke.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime

from detente.language.wording import Language, text

_FOOT_M = 0.3048
NAUTICAL_MILE_M = 1852.0
LOWEST_LEVEL_FT = 10_000.0
"""Below this no altitude is told as a flight level, unless a planner gave it as one."""
NARROW_SPACE = "\u202f"
"""The no-break space that French puts between thousands."""


def number(language: Language, value: float, decimals: int = 0) -> str:
    """`value` with thousands and decimal separators of the language: "1,234.5", "1\u202f234,5"."""
    written = f"{value:,.{decimals}f}".replace("-", "\N{MINUS SIGN}")
    if float(f"{value:.{decimals}f}") == 0.0:
        written = written.lstrip("\N{MINUS SIGN}")
    if language is Language.FRENCH:
        return written.replace(",", NARROW_SPACE).replace(".", ",")
    return written


def counted(language: Language, key: str, count: int, /, **values: object) -> str:
    """Return the text under ``key.one`` or ``key.other``, as the language's plural rule says, with ``{count}`` filled.

    English is singular for 1, French for 0 and 1.
    """
    singular = abs(count) < 2 if language is Language.FRENCH else count == 1
    return text(language, f"{key}.{'one' if singular else 'other'}", count=number(language, count), **values)


def utc_time(moment: datetime) -> str:
    """Date and time to the second, "2025-06-01 14:32:05Z"; the same in every language."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def utc_clock(moment: datetime) -> str:
    """Time of day to the second, "14:32:05Z", where the date is said beside it."""
    return moment.astimezone(UTC).strftime("%H:%M:%SZ")


def distance(language: Language, distance_m: float, *, down: bool = False) -> str:
    """A horizontal distance, "4.20 NM (7.77 km)"; `down` rounds both figures down."""
    return f"{distance_nm(language, distance_m, down=down)} ({distance_km(language, distance_m, down=down)})"


def distance_nm(language: Language, distance_m: float, *, down: bool = False) -> str:
    """A horizontal distance in nautical miles, with two decimals below 10 NM and one above."""
    miles = distance_m / NAUTICAL_MILE_M
    decimals = 2 if miles < 10.0 else 1
    return f"{number(language, _rounded(miles, decimals, down=down), decimals)} NM"


def distance_km(language: Language, distance_m: float, *, down: bool = False) -> str:
    """A horizontal distance in metres below 1 km, else in kilometres."""
    if distance_m < 1000.0:
        return f"{number(language, _rounded(distance_m, 0, down=down))} m"
    decimals = 2 if distance_m < 10_000.0 else 1
    return f"{number(language, _rounded(distance_m / 1000.0, decimals, down=down), decimals)} km"


def height(language: Language, height_m: float, *, down: bool = False) -> str:
    """A vertical distance, "1,000 ft (305 m)"; `down` rounds both figures down."""
    feet = _rounded(height_m / _FOOT_M, 0, down=down)
    return f"{number(language, feet)} ft ({number(language, _rounded(height_m, 0, down=down))} m)"


def altitude(language: Language, altitude_m: float, *, standard_pressure: bool) -> str:
    """An altitude, "3,500 ft (1,067 m)"; on standard pressure led by its level, "FL 350, 35,000 ft (10,668 m)".

    Below 10,000 ft no level is said, because there people fly by another setting. To the nearest foot and metre:
    readings of altimeters, not differences.
    """
    written = height(language, altitude_m)
    if not standard_pressure:
        return written
    if altitude_m < LOWEST_LEVEL_FT * _FOOT_M - 1e-6:
        return text(language, "altitude.standard", altitude=written)
    return f"{flight_level(altitude_m)}, {written}"


def reading(language: Language, value: float, unit: str) -> str:
    """A reading in its own unit, others beside it: "120 m (394 ft)", "FL 095 (9,500 ft, 2,896 m)"."""
    match unit:
        case "m":
            return f"{_whole(language, value)} m ({number(language, value / _FOOT_M)} ft)"
        case "ft":
            return f"{_whole(language, value)} ft ({number(language, value * _FOOT_M)} m)"
        case "FL":
            feet, metres = number(language, value * 100.0), number(language, value * 100.0 * _FOOT_M)
            return f"{flight_level(value * 100.0 * _FOOT_M)} ({feet} ft, {metres} m)"
    raise ValueError(unit)


def flight_level(altitude_m: float) -> str:
    """The flight level nearest to a pressure altitude in metres, "FL 350"."""
    level = round(altitude_m / (100.0 * _FOOT_M))
    return f"FL {level:03d}" if level >= 0 else f"FL \N{MINUS SIGN}{-level:02d}"


def duration(language: Language, duration_s: float) -> str:
    """A length of time in its two largest units, "45 s", "1 min 30 s", "2 h 05 min"; below 10 s with a decimal.

    The second unit is left out when it is none: "10 min".
    """
    if abs(duration_s) < 9.95:
        return f"{number(language, duration_s, 0 if float(duration_s).is_integer() else 1)} s"
    seconds = round(abs(duration_s))
    sign = "\N{MINUS SIGN}" if duration_s < 0 else ""
    if seconds < 60:
        return f"{sign}{seconds} s"
    if seconds < 3600:
        return f"{sign}{seconds // 60} min" + (f" {seconds % 60:02d} s" if seconds % 60 else "")
    minutes = round(seconds / 60)
    return f"{sign}{number(language, minutes // 60)} h" + (f" {minutes % 60:02d} min" if minutes % 60 else "")


def position(latitude_deg: float, longitude_deg: float) -> str:
    """Degrees and decimal minutes as on charts of every language, "36°41.20′N 121°36.55′W" (to about 15 m)."""
    return f"{_axis(latitude_deg, 'NS', 2)} {_axis(longitude_deg, 'EW', 3)}"


def change(language: Language, kind: str, amount: float, plan: str) -> str:
    """What a measure does to a plan, without a full stop: "P-1 flies 1,000 ft (305 m) lower".

    `kind` is "delay" (`amount` in seconds), "level_change" or "lateral_offset" (metres, upward and to the right).
    """
    size = abs(amount)
    match kind:
        case "delay":
            key = "change.later" if amount >= 0.0 else "change.earlier"
            return text(language, key, plan=plan, duration=duration(language, size))
        case "level_change":
            key = "change.higher" if amount >= 0.0 else "change.lower"
            return text(language, key, plan=plan, height=height(language, size))
        case "lateral_offset":
            key = "change.right" if amount >= 0.0 else "change.left"
            return text(language, key, plan=plan, distance=distance(language, size))
    raise ValueError(kind)


def _whole(language: Language, value: float) -> str:
    """A number with a decimal only where it is small and has one."""
    return number(language, value, 0 if abs(value) >= 100.0 or abs(value - round(value)) < 0.05 else 1)


def _axis(degrees: float, letters: str, width: int) -> str:
    hundredths = round(abs(degrees) * 6000.0)
    whole, rest = divmod(hundredths, 6000)
    return f"{whole:0{width}d}°{rest / 100.0:05.2f}′{letters[degrees < 0.0]}"


def _rounded(value: float, decimals: int, *, down: bool) -> float:
    if not down:
        return value
    scale = 10.0**decimals
    # The millionth keeps a figure that is whole but for its last bit, such as 0.29 * 100, from losing a step.
    return math.floor(value * scale + 1e-6) / scale
