"""When a subscription may run, in F3548 and in F3411 alike."""

from __future__ import annotations

import msgspec

from detente.utm.dss.records import Occupied
from detente.utm.moments import DAY_US, MINUTE_US
from detente.utm.refused import Refused
from detente.utm.space import Extents

LONGEST_SUBSCRIPTION_US = DAY_US
EARLIEST_START_US = 5 * MINUTE_US
"""How far in the past a start may lie, for clocks that differ."""


def subscription_window(asked: Extents, old: Occupied | None, now_us: int) -> Extents:
    """Return `asked` with a start and an end: as asked, as before, or now and a day later. Raises Refused (400)."""
    start_us, end_us = asked.start_us, asked.end_us
    old_start_us, old_end_us = (None, None) if old is None else (old.start_us, old.end_us)
    if start_us is None:
        start_us = now_us if old_start_us is None else old_start_us
    elif start_us < now_us - EARLIEST_START_US and start_us != old_start_us:
        raise Refused(400, "a subscription may not start more than five minutes in the past")
    if end_us is None:
        # As long as may be. The end before an update holds only where it is not left behind.
        end_us = old_end_us if old_end_us is not None and old_end_us >= now_us else start_us + LONGEST_SUBSCRIPTION_US
    if end_us < start_us:
        raise Refused(400, "a subscription may not end before it starts")
    if end_us < now_us:
        raise Refused(400, "a subscription may not end in the past")
    if end_us - start_us > LONGEST_SUBSCRIPTION_US:
        raise Refused(400, "a subscription may last 24 hours at most")
    return msgspec.structs.replace(asked, start_us=start_us, end_us=end_us)
