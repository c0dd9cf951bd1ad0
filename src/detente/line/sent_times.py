"""Whether the time at which a peer says that it sent a message can be so, by our own clock."""

from __future__ import annotations

from detente.line.messages import ReceiptKind
from detente.line.state import LineState, MessageRecord

LONGEST_UNDER_WAY_S = 60.0
"""What came later than this after it was sent is marked: it was long under way, or the peer's clock is slow."""


def sent_at_off_s(line: LineState, record: MessageRecord) -> float | None:
    """Return how far off the sent-at time of a peer's message is, in seconds; None where it may be so, and for ours.

    Above zero it lies after the message came, which no delay explains: the clocks differ by so much at the least. Below
    zero it lies so long before. How much a clock may differ are the terms of the line (R29).
    """
    heard_at = next((r.at for r in record.receipts if r.kind is ReceiptKind.DELIVERED), record.since)
    if record.is_ours:
        return None
    off_s = (record.message.sent_at - heard_at).total_seconds()
    clock_alarm_s = line.terms[record.peer].clock_alarm_s
    is_far = off_s > clock_alarm_s or off_s < -max(clock_alarm_s, LONGEST_UNDER_WAY_S)
    return off_s if is_far else None
