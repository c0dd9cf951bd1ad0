"""How long the tests "at length" run: a tenth of their length in every check, the whole with DETENTE_LENGTH=10."""

import os

TENTHS = int(os.environ.get("DETENTE_LENGTH", "1"))


def at_length(whole: int) -> int:
    """Return how many of a number of examples are tried: at least one."""
    return max(1, whole * TENTHS // 10)
