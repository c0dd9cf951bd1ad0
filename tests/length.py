"""How long tests run: a part of their length in every check, the whole with DETENTE_LENGTH=10 (`make test-whole`)."""

import os

TENTHS = int(os.environ.get("DETENTE_LENGTH", "1"))
MOST_EXAMPLES = 40
"""Of a property that is tried in every check."""


def at_length(whole: int) -> int:
    """Return how many of a number of examples of a test "at length" are tried: a tenth, and at least one."""
    return max(1, whole * TENTHS // 10)


def quickly(whole: int) -> int:
    """Return how many of a number of examples of a quick test are tried."""
    return whole if TENTHS == 10 else min(whole, MOST_EXAMPLES)
