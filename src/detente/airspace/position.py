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
            raise Refusal("airspace.degrees_north", "latitude_deg", self.latitude_deg)
        if not (math.isfinite(self.longitude_deg) and -180.0 <= self.longitude_deg <= 180.0):
            raise Refusal("airspace.degrees_east", "longitude_deg", self.longitude_deg)


def same_point(first: Position, second: Position) -> bool:
    """Whether both are one point of the Earth: longitudes -180 and 180 are one, and at a pole all longitudes are."""
    if first.latitude_deg != second.latitude_deg:
        return False
    return abs(first.longitude_deg - second.longitude_deg) in {0.0, 360.0} or abs(first.latitude_deg) == 90.0


def utc(moment: datetime, field: str = "time") -> datetime:
    """Return `moment` in UTC; raises Refusal for a naive time, because local time is never guessed (R29).

    The first and the last year that a datetime can hold are refused too, so that a day more or less never overflows.
    """
    if moment.tzinfo is None:
        raise Refusal("airspace.time_with_offset", field, moment.isoformat())
    if not 1 < moment.year < 9999:
        raise Refusal("airspace.time_between_years", field, moment.isoformat())
    return moment.astimezone(UTC)


def posix_s(moment: datetime) -> float:
    """Seconds since 1970-01-01T00:00:00Z of an aware `moment` (exact to a microsecond until the year 2242)."""
    return moment.timestamp()


def from_posix_s(seconds: float) -> datetime:
    """The UTC instant `seconds` after 1970-01-01T00:00:00Z, rounded to a microsecond."""
    return datetime.fromtimestamp(seconds, UTC)
