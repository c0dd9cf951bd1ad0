"""Positions on WGS 84 and instants in UTC: the only datum and the only time scale inside Détente (R28, R29)."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import msgspec

from detente.airspace.refusal import Refusal


class Position(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """A point on the WGS 84 ellipsoid, in degrees. Longitude -180 and 180 are the same meridian and both accepted."""

    latitude_deg: float
    longitude_deg: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.latitude_deg) and -90.0 <= self.latitude_deg <= 90.0):
            raise Refusal(
                "latitude_deg",
                self.latitude_deg,
                "degrees north between -90 and 90",
                "Check that latitude and longitude are not swapped.",
            )
        if not (math.isfinite(self.longitude_deg) and -180.0 <= self.longitude_deg <= 180.0):
            raise Refusal("longitude_deg", self.longitude_deg, "degrees east between -180 and 180")


def utc(moment: datetime, field: str = "time") -> datetime:
    """Return `moment` in UTC; raises Refusal for a naive time, because local time is never guessed (R29).

    The first and the last year that a datetime can hold are refused too, so that a day more or less never overflows.
    """
    if moment.tzinfo is None:
        raise Refusal(
            field, moment.isoformat(), "a time with its offset from UTC", 'Write it as "2025-06-01T14:30:00Z".'
        )
    if not 1 < moment.year < 9999:
        raise Refusal(field, moment.isoformat(), "a time between the years 2 and 9998", "Check the year.")
    return moment.astimezone(UTC)


def posix_s(moment: datetime) -> float:
    """Seconds since 1970-01-01T00:00:00Z of an aware `moment` (exact to a microsecond until the year 2242)."""
    return moment.timestamp()


def from_posix_s(seconds: float) -> datetime:
    """The UTC instant `seconds` after 1970-01-01T00:00:00Z, rounded to a microsecond."""
    return datetime.fromtimestamp(seconds, UTC)
