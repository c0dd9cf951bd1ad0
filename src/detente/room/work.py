"""How much work it is to decide a command, so that a peer is charged for what it asks for, and no less (R45)."""

from __future__ import annotations

from typing import NamedTuple

MOST_WORK = 50_000_000
"""For one message of a peer; some seconds."""


class Work(NamedTuple):
    """In pairs of pieces of outlines to compare; a million takes about a tenth of a second.

    `alone` follows from the command alone, `whole` also from what this node holds, which a peer may not be told.
    """

    alone: int
    whole: int


NO_WORK = Work(0, 0)
