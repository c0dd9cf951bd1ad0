"""Times on the wire: RFC 3339 text, kept as whole microseconds since 1970 in UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache

from detente.utm.refused import Refused

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
HOUR_US = 3600 * SECOND_US
DAY_US = 24 * HOUR_US


def wire_microseconds(moment: datetime) -> int:
    """Whole microseconds from 1970 to `moment`. Raises Refused (400) for a time without offset."""
    if moment.tzinfo is None:
        raise Refused(400, f"{moment.isoformat()} has no time zone; write it in UTC, with Z at the end")
    return (moment - _EPOCH) // _MICROSECOND


def rfc3339(at_us: int) -> str:
    """The text of a time, in UTC, to the microsecond where it is not a whole second."""
    second, fraction_us = divmod(at_us, SECOND_US)
    return f"{_second_text(second)}.{fraction_us:06d}Z" if fraction_us else f"{_second_text(second)}Z"


@lru_cache(maxsize=4096)
def _second_text(second: int) -> str:
    return (_EPOCH + timedelta(seconds=second)).isoformat()[:-6]
