"""Fold one event into the line. Nothing is judged here: what was decided has happened."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from detente.line import events
from detente.line.alarms import MOST_ALARMS
from detente.line.events import LineEvent
from detente.line.messages import Carrier
from detente.line.radio import RadioStanding, reported
from detente.line.state import Key, LineState, MessageRecord, PeerLine

_replace = msgspec.structs.replace


def evolve(line: LineState, event: LineEvent) -> None:
    """Change `line` by one event that was decided on it."""
    _FOLDS[type(event)](line, event)


def _opened(line: LineState, event: events.LineOpened) -> None:
    line.party, line.open_lines = event.party, event.lines
    line.terms.update(event.lines)
    for peer, terms in event.lines.items():
        held = line.peers.setdefault(peer, PeerLine())
        if terms.radio and held.radio_since is None:
            line.peers[peer] = _replace(held, radio_since=event.at)


def _sent(line: LineState, event: events.LineMessageSent) -> None:
    message = event.message
    record = MessageRecord(message.recipient, message, event.at)
    line.messages[record.key] = record
    line.undelivered.add(record.key)
    if message.is_stop:
        line.stops_alone.add(record.key)
    held = line.peers[record.peer]
    # What we had said before our journal was set back may come again after what was said since.
    line.peers[record.peer] = _replace(held, sent=max(held.sent, message.number))


def _heard(line: LineState, event: events.LineMessageHeard) -> None:
    message, out_of_order = event.message, event.out_of_order
    record = MessageRecord(message.sender, message, event.at, event.carrier, out_of_order=out_of_order)
    line.messages[record.key] = record
    line.waiting.add(record.key)


def _confirmed(line: LineState, event: events.LineMessageConfirmed) -> None:
    _change(line, (event.peer, event.message_id), carrier=Carrier.ENVELOPE, out_of_order=False)


def _receipt_given(line: LineState, event: events.LineReceiptGiven) -> None:
    key = (event.peer, event.message_id)
    _change(line, key, receipts=(*line.messages[key].receipts, event.receipt))
    _delivered(line, key, event.at)


def _taken(line: LineState, event: events.LineMessageTaken) -> None:
    key = (event.peer, event.message_id)
    _change(line, key, taken_by=event.post, to_human_s=event.to_human_s)
    line.waiting.discard(key)
    line.stops_alone.discard(key)
    _delivered(line, key, event.at)


def _delivered(line: LineState, key: Key, at: datetime) -> None:
    """The first that comes back for a message of ours says that it is there."""
    if key in line.undelivered:
        line.undelivered.discard(key)
        _change(line, key, to_delivery_s=max(0.0, (at - line.messages[key].since).total_seconds()))


def _called(line: LineState, event: events.LinePostsCalled) -> None:
    _change(line, (event.peer, event.message_id), step=event.step, again=event.again)


def _judged(line: LineState, event: events.LineReadBackJudged) -> None:
    """Read back wrong, a message waits for a person of the receiving side again, from the first rung."""
    key = (event.peer, event.message_id)
    record = line.messages[key]
    if event.differences and not record.is_ours:
        waits_again: dict[str, Any] = {"since": event.at, "step": -1, "again": 0, "taken_by": None}
        line.waiting.add(key)
    elif event.differences:
        waits_again = {"step": -1, "taken_by": None}
        if record.message.is_stop:
            line.stops_alone.add(key)
    else:
        waits_again = {}
    _change(line, key, differences=event.differences, **waits_again)


def _overdue(line: LineState, event: events.LineDeliveryOverdue) -> None:
    _change(line, (event.peer, event.message_id), overdue=True, alarms=event.again + 1)


def _watch_taken(line: LineState, event: events.LineWatchTaken) -> None:
    line.watches[event.watch.post] = event.watch


def _watch_left(line: LineState, event: events.LineWatchLeft) -> None:
    line.watches.pop(event.post, None)


def _asked(line: LineState, event: events.LineCheckAsked) -> None:
    check = event.check
    line.peers[event.peer] = _replace(
        line.peers[event.peer], asked=check.number, asked_at=check.asked_at, asked_watch=check.watch
    )


def _nothing(line: LineState, event: events.LineCheckAnswered) -> None:
    """An answer is kept in the journal only; the asker's result tells what it came to."""


def _check_done(line: LineState, event: events.LineCheckDone) -> None:
    ours = event.result.asker == line.party
    change: dict[str, Any] = {"ours" if ours else "theirs": event.result}
    line.peers[event.peer] = _replace(line.peers[event.peer], **change)


def _state_changed(line: LineState, event: events.LineStateChanged) -> None:
    line.peers[event.peer] = _replace(line.peers[event.peer], standing=event.standing)


def _radio_reported(line: LineState, event: events.LineRadioReported) -> None:
    khz = event.report.frequency_khz
    standing = _radio(line, event.peer, khz)
    _set_radio(line, event.peer, reported(standing, event.report, ours=event.party == line.party))


def _radio_overdue(line: LineState, event: events.LineRadioOverdue) -> None:
    _set_radio(line, event.peer, _replace(_radio(line, event.peer, event.frequency_khz), overdue=True))


def _radio(line: LineState, peer: str, khz: int) -> RadioStanding:
    found = (standing for standing in line.peers[peer].radio if standing.frequency_khz == khz)
    return next(found, RadioStanding(khz))


def _set_radio(line: LineState, peer: str, standing: RadioStanding) -> None:
    held = line.peers[peer]
    others = [other for other in held.radio if other.frequency_khz != standing.frequency_khz]
    ordered = sorted([*others, standing], key=lambda one: one.frequency_khz)
    line.peers[peer] = _replace(held, radio=tuple(ordered))


def _alarm_raised(line: LineState, event: events.LineAlarmRaised) -> None:
    held = line.peers[event.peer]
    line.peers[event.peer] = _replace(held, alarms=(*held.alarms, event.alarm)[-MOST_ALARMS:])


def _alarms_taken(line: LineState, event: events.LineAlarmsTaken) -> None:
    held = line.peers[event.peer]
    alarms = tuple(_replace(a, taken_by=event.post) if a.taken_by is None else a for a in held.alarms)
    line.peers[event.peer] = _replace(held, alarms=alarms)


def _change(line: LineState, key: Key, **changes: Any) -> None:  # noqa: ANN401 - fields of a record
    line.messages[key] = _replace(line.messages[key], **changes)


_FOLDS: dict[type, Callable[[LineState, Any], None]] = {
    events.LineOpened: _opened,
    events.LineMessageSent: _sent,
    events.LineMessageHeard: _heard,
    events.LineMessageConfirmed: _confirmed,
    events.LineReceiptGiven: _receipt_given,
    events.LineMessageTaken: _taken,
    events.LinePostsCalled: _called,
    events.LineReadBackJudged: _judged,
    events.LineDeliveryOverdue: _overdue,
    events.LineWatchTaken: _watch_taken,
    events.LineWatchLeft: _watch_left,
    events.LineCheckAsked: _asked,
    events.LineCheckAnswered: _nothing,
    events.LineCheckDone: _check_done,
    events.LineStateChanged: _state_changed,
    events.LineRadioReported: _radio_reported,
    events.LineRadioOverdue: _radio_overdue,
    events.LineAlarmRaised: _alarm_raised,
    events.LineAlarmsTaken: _alarms_taken,
}
