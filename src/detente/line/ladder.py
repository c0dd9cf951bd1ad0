"""Whom to call, and when: the escalation ladder as a function of the record, the watches and the time (R8, R9, R36).

The rungs follow the accord's deadlines from when the message came. A rung where nobody keeps watch is not waited for:
the next manned one is called at once, and everybody where nobody keeps watch at all. A STOP calls every post at once.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from detente.line.state import MessageRecord
from detente.line.terms import LineTerms

OVERDUE_S = 30.0
"""How long delivery may take where the ladder has one rung only."""
STOP_OVERDUE_S = 5.0
"""How long the delivery of a STOP may take."""


def due(record: MessageRecord, manned: Collection[str], terms: LineTerms, at: datetime) -> tuple[int, int]:
    """Return the rung (from 0) that must have been called by `at`, and how often all posts must have been after it."""
    elapsed_s = (at - record.since).total_seconds()
    last = len(terms.ladder) - 1
    again = max(0, int((elapsed_s - terms.ladder[last].after_s) // terms.again_s))
    if record.message.is_stop:
        return last, again
    step = max((n for n, rung in enumerate(terms.ladder) if rung.after_s <= elapsed_s), default=0)
    if not any(post in manned for post in terms.posts(step)):
        step = next((n for n in range(step, last) if terms.ladder[n].post in manned), last)
    return step, again


def alarms_due(record: MessageRecord, terms: LineTerms, at: datetime) -> int:
    """Return how often our posts must have been alarmed of a message of ours by `at`.

    Of one without a receipt: once, at the ladder's first deadline. Of a STOP: after 5 s without a receipt, at that
    deadline when no person has it, and from then on as often as the other side calls all its posts again.
    """
    elapsed_s = (at - record.since).total_seconds()
    deadline_s = terms.ladder[1].after_s if len(terms.ladder) > 1 else OVERDUE_S
    is_late = elapsed_s >= deadline_s
    if not record.message.is_stop:
        return int(is_late and not record.is_delivered)
    if is_late:
        return 2 + int((elapsed_s - deadline_s) // terms.again_s)
    return int(elapsed_s >= STOP_OVERDUE_S and not record.is_delivered)
