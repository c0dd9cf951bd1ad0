"""Alarms about a peer: what its messages, and who answers at its address, show of honesty, for a person to look at."""

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
    OWN_SET_BACK = "own_set_back"
    KEY_REVOKED = "key_revoked"
    KEY_ROTATED = "key_rotated"
    OLD_KEY = "old_key"
    WRONG_ROTATION = "wrong_rotation"
    WRONG_OPENING = "wrong_opening"
    BROKEN_MATCH = "broken_match"
    BLANKET_MATCH = "blanket_match"
    MANY_MATCHED = "many_matched"
    UNFLOWN_PLANS = "unflown_plans"
    NOT_TAKEN = "not_taken"
    ANSWERS_SPENT = "answers_spent"
    HURRIED_PROBE = "hurried_probe"
    RESTLESS_PLAN = "restless_plan"
    WITHDRAWN_PROBES = "withdrawn_probes"
    SHRINKING_PROBES = "shrinking_probes"
    IMPOSTOR = "impostor"


class Alarm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One alarm; `taken_by` is the post where a person has it, None before."""

    kind: AlarmKind
    at: datetime
    detail: str
    taken_by: str | None = None
