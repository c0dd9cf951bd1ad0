"""What a shift hands over to the next, drawn from what the journal holds."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from detente.line.messages import ReceiptKind
from detente.line.phrases import phrase_table
from detente.line.state import LineState, MessageRecord
from detente.line.watch import HandOver, Watch


def summary(line: LineState, watch: Watch, until: datetime) -> HandOver:
    """Return the hand-over of a watch that ends at `until`."""
    records = [line.messages[key] for key in sorted(line.messages)]
    during = [record for record in records if record.since >= watch.since]

    def named(condition: Callable[[MessageRecord], bool]) -> tuple[str, ...]:
        return tuple(" ".join(record.key) for record in records if condition(record))

    def must_be_read_back(record: MessageRecord) -> bool:
        code = phrase_table().codes.get(record.message.code)
        return not record.is_ours and code is not None and code.read_back and not record.has(ReceiptKind.READ_BACK)

    return HandOver(
        post=watch.post,
        shift=watch.shift,
        since=watch.since,
        until=until,
        sent=sum(record.is_ours for record in during),
        heard=sum(not record.is_ours for record in during),
        stops=sum(record.message.is_stop for record in during),
        longest_to_first_human_s=max((r.to_human_s or 0.0 for r in during if not r.is_ours), default=0.0),
        unanswered=tuple(" ".join(key) for key in sorted(line.waiting)),
        not_understood=named(lambda record: bool(record.differences)),
        not_read_back=named(must_be_read_back),
        undelivered=tuple(" ".join(key) for key in sorted(line.undelivered)),
        alarms=open_alarms(line),
        radio_overdue=radio_overdue(line),
        ours_alone=named(lambda record: record.is_ours and record.taken_by is None),
        lines=tuple((peer, line.peers[peer].standing) for peer in sorted(line.open_lines)),
    )


def open_alarms(line: LineState) -> tuple[str, ...]:
    """Return the alarms that wait for a person: "south two_histories"."""
    return tuple(
        f"{peer} {alarm.kind}"
        for peer, held in sorted(line.peers.items())
        for alarm in held.alarms
        if alarm.taken_by is None
    )


def radio_overdue(line: LineState) -> tuple[str, ...]:
    """Return the frequencies on which a radio check is overdue: "south 130000 kHz"."""
    return tuple(
        f"{peer} {standing.frequency_khz} kHz"
        for peer in sorted(line.open_lines)
        for standing in line.peers[peer].radio
        if standing.overdue
    )
