"""What the links show of a peer: a fault that somebody may have to look at (R38, R45)."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec


class LinkFaultKind(StrEnum):
    """What was found."""

    TWO_HISTORIES = "two_histories"
    FALSE_RECEIPT = "false_receipt"
    FLOODING = "flooding"
    SET_BACK = "set_back"
    OWN_SET_BACK = "own_set_back"
    OLD_KEY = "old_key"
    WRONG_ROTATION = "wrong_rotation"


class LinkFault(msgspec.Struct, frozen=True):
    """An event beside those of the rooms: what the journal of the links shows of `party`, or of us at its word."""

    at: datetime
    party: str
    kind: LinkFaultKind
    detail: str
