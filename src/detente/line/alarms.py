"""Alarms about a peer: what its messages show of its honesty, for a person to look at (R38, R39, R45)."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

MOST_ALARMS = 32
"""Kept in the state with each peer; the journal has them all."""
LONGEST_DETAIL = 300


class AlarmKind(StrEnum):
    """What was found."""

    TWO_HISTORIES = "two_histories"
    FALSE_RECEIPT = "false_receipt"
    FLOODING = "flooding"
    SET_BACK = "set_back"
    WRONG_OPENING = "wrong_opening"
    BROKEN_MATCH = "broken_match"
    BLANKET_MATCH = "blanket_match"


class Alarm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One alarm; `taken_by` is the post where a person has it, None before."""

    kind: AlarmKind
    at: datetime
    detail: str
    taken_by: str | None = None
