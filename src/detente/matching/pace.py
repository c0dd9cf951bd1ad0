"""When a message of a run leaves, so that its time tells nothing of the plans behind it.

Masking takes longer the more of a list are tokens and not dummies, and covering plans the more plans there are. The
masked list leaves when a list full of tokens would have been ready, measured on this machine as it is loaded now;
every message leaves on the next beat of a steady pace.
"""

from __future__ import annotations

import math
import secrets
from time import perf_counter

from detente.matching import ristretto
from detente.matching.hash_to_group import hash_to_group

SAMPLE = 4_096
MARGIN = 1.25
"""So much longer than a full list should take, for a machine that is busier later than while it was measured."""


def full_list_s(capacity: int) -> float:
    """Seconds to wait before a masked list of `capacity` elements leaves, whatever is in it."""
    count = min(SAMPLE, capacity)
    messages = [secrets.token_bytes(9) for _ in range(count)]
    key = ristretto.scalar_from_uniform(secrets.token_bytes(ristretto.UNIFORM_BYTES))
    started = perf_counter()
    ristretto.multiply(key, hash_to_group(messages, b"pace"))
    return MARGIN * (perf_counter() - started) * capacity / count


def leaves_at(ready_s: float, earliest_s: float, pace_s: float) -> float:
    """The time at which a message leaves that is ready at `ready_s`: not before `earliest_s`, on a beat of the pace."""
    at = max(ready_s, earliest_s)
    return at if pace_s <= 0.0 else math.ceil(at / pace_s) * pace_s
