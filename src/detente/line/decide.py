"""Decide a command of the line: the events that follow from it, or a Refusal and none. Pure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from detente.airspace.plan import check_identifier
from detente.airspace.refusal import Refusal
from detente.line import commands, decide_alarms, decide_messages, decide_radio, decide_receipts, hand_over
from detente.line.alarms import AlarmKind
from detente.line.checks import Check, CheckAnswer, CheckResult, LineStanding, OnWatch, judge_check, standing
from detente.line.commands import LineCommand
from detente.line.events import (
    LineCheckAnswered,
    LineCheckAsked,
    LineCheckDone,
    LineDeliveryOverdue,
    LineEvent,
    LineOpened,
    LineStateChanged,
    LineWatchLeft,
    LineWatchTaken,
)
from detente.line.ladder import alarms_due
from detente.line.messages import Carrier
from detente.line.peer_messages import (
    CalledMessage,
    CheckAnswerMessage,
    CheckMessage,
    CheckResultMessage,
    CodedMessage,
    RadioReportMessage,
    ReadBackJudgedMessage,
    ReceiptMessage,
    TakenMessage,
)
from detente.line.phrases import phrase_table_hash
from detente.line.state import LineState, PeerLine
from detente.line.watch import Watch
from detente.room.message import Heard
from detente.room.set_back import SetBackMessage

MOST_CALLS_A_TICK = 32
"""Calls of posts at one tick, beside those for STOPs."""


def decide(line: LineState, command: LineCommand | Heard[Any]) -> list[LineEvent]:
    """Return the events that `command` leads to, in order; `line` is not changed.

    Raises Refusal, with nothing changed, for a command that cannot be carried out. What is already so gives no events.
    """
    asks = command.message if isinstance(command, Heard) else command
    return _DECISIONS[type(asks)](line, command)


def _open(line: LineState, command: commands.OpenLine) -> list[LineEvent]:
    if line.open_lines == command.lines and line.party in ("", command.party):
        return []
    return [LineOpened(command.at, command.party, command.lines)]


def _hear_message(line: LineState, command: Heard[CodedMessage], *, in_order: bool = True) -> list[LineEvent]:
    """A STOP that bears the number of another message is shown in its place, with an alarm."""
    message = command.message.content
    held = line.messages.get((command.party, message.message_id))
    heard = decide_messages.hear(line, command, in_order=in_order)
    if held is None or held.message == message:
        return heard
    detail = f"{message.message_id} was {held.message.code}, and is now a STOP, which is shown in its place"
    alarm = commands.RaiseAlarm(command.at, command.party, AlarmKind.TWO_HISTORIES, detail)
    return [*decide_alarms.raise_alarm(line, alarm), *heard]


def _hear_out_of_order(line: LineState, command: commands.HeardOutOfOrder) -> list[LineEvent]:
    return _hear_message(line, Heard(command.at, command.party, command.message), in_order=False)


def _hear_by_voice(line: LineState, command: commands.HeardByVoice) -> list[LineEvent]:
    """What came by voice counts as what came in an envelope; a coded message waits for its envelope to confirm it."""
    if isinstance(command.message, CodedMessage):
        return decide_messages.hear(line, Heard(command.at, command.party, command.message), Carrier.VOICE)
    return decide(line, Heard(command.at, command.party, command.message))


def _take_watch(line: LineState, command: commands.TakeWatch) -> list[LineEvent]:
    _our_post(line, command.party, command.post)
    check_identifier("shift", command.shift)
    if not command.languages:
        raise Refusal("line.at_least_one_language_spoken", "languages", ())
    languages = tuple(sorted(set(command.languages)))
    held = line.watches.get(command.post)
    if held is not None and (held.shift, held.languages) == (command.shift, languages):
        return []
    watch = Watch(command.post, command.shift, command.at, languages)
    left = None if held is None else hand_over.summary(line, held, command.at)
    return [LineWatchTaken(command.at, watch, left)]


def _leave_watch(line: LineState, command: commands.LeaveWatch) -> list[LineEvent]:
    _our_post(line, command.party, command.post)
    held = line.watches.get(command.post)
    if held is None:
        return []
    return [LineWatchLeft(command.at, command.post, hand_over.summary(line, held, command.at))]


def _our_post(line: LineState, party: str, post: str) -> None:
    if party != line.party:
        raise Refusal("line.our_own_party", "party", party, party=line.party)
    posts = sorted({rung.post for terms in line.open_lines.values() for rung in terms.ladder})
    if post not in posts:
        raise Refusal("line.post_ladder", "post", post, posts=", ".join(posts))


def _check_line(line: LineState, command: commands.CheckLine) -> list[LineEvent]:
    peer_line = decide_messages.peer_line(line, command.peer)
    return [LineCheckAsked(command.at, command.peer, Check(peer_line.asked + 1, command.at, _on_watch(line)))]


def _hear_check(line: LineState, command: Heard[CheckMessage]) -> list[LineEvent]:
    decide_messages.peer_line(line, command.party)
    answer = CheckAnswer(command.message.check.number, command.at, _on_watch(line))
    return [LineCheckAnswered(command.at, command.party, answer)]


def _hear_check_answer(line: LineState, command: Heard[CheckAnswerMessage]) -> list[LineEvent]:
    """Only the last question counts: what a slow carrier brings for an older one says nothing of the line now."""
    answer = command.message.answer
    peer_line = decide_messages.peer_line(line, command.party)
    answered = peer_line.ours is not None and peer_line.ours.number >= answer.number
    if answer.number > peer_line.asked or peer_line.asked_at is None:
        raise Refusal("line.check_asked_at_most", "answer.number", answer.number, asked=peer_line.asked)
    if answered or answer.number < peer_line.asked:
        return []
    check = Check(peer_line.asked, peer_line.asked_at, peer_line.asked_watch or _on_watch(line))
    result = judge_check(line.party, check, answer, command.at, line.terms[command.party])
    return _done(line, command.party, command.at, result)


def _hear_check_result(line: LineState, command: Heard[CheckResultMessage]) -> list[LineEvent]:
    result, peer_line = command.message.result, decide_messages.peer_line(line, command.party)
    if result.asker != command.party:
        raise Refusal("line.party_whose_check", "result.asker", result.asker, party=command.party)
    if peer_line.theirs is not None and peer_line.theirs.number >= result.number:
        return []
    return _done(line, command.party, command.at, result)


def _done(line: LineState, peer: str, at: datetime, result: CheckResult) -> list[LineEvent]:
    peer_line = line.peers[peer]
    other = peer_line.theirs if result.asker == line.party else peer_line.ours
    results = (result,) if other is None else (result, other)
    found: list[LineEvent] = [LineCheckDone(at, peer, result)]
    return found + _changed(at, peer, peer_line, standing(results, at, line.terms[peer]))


def _changed(at: datetime, peer: str, peer_line: PeerLine, now: LineStanding) -> list[LineEvent]:
    return [] if now == peer_line.standing else [LineStateChanged(at, peer, now)]


def _tick(line: LineState, command: commands.LineTick) -> list[LineEvent]:
    """Everything whose time has come: posts to call, late deliveries, checks to ask, lines gone silent."""
    found: list[LineEvent] = []
    # STOPs first; a flood of other messages is called for a few at a time, so that no tick takes long (R45).
    for key in sorted(line.waiting, key=lambda key: (not line.messages[key].message.is_stop, key)):
        record = line.messages[key]
        if len(found) < MOST_CALLS_A_TICK or record.message.is_stop:
            found += decide_messages.calls(line, record, command.at)
    for key in sorted(line.undelivered | line.stops_alone):
        record = line.messages[key]
        due = alarms_due(record, line.terms[record.peer], command.at)
        if due > record.alarms:
            found.append(LineDeliveryOverdue(command.at, *key, due - 1))
    for peer, terms in sorted(line.open_lines.items()):
        peer_line = line.peers[peer]
        now = standing(peer_line.results, command.at, terms)
        found += _changed(command.at, peer, peer_line, now)
        found += decide_radio.overdue(line, peer, command.at)
        asked_at = peer_line.asked_at
        if not _in_use(line, peer):
            continue
        if asked_at is None or (command.at - asked_at).total_seconds() >= terms.check_every_s:
            found.append(LineCheckAsked(command.at, peer, Check(peer_line.asked + 1, command.at, _on_watch(line))))
    return found


def _in_use(line: LineState, peer: str) -> bool:
    """Whether anybody has used the line with a peer: checks begin with the first watch, message or check."""
    peer_line = line.peers[peer]
    heard = peer_line.theirs is not None or any(key[0] == peer for key in line.waiting | line.undelivered)
    return bool(line.watches or peer_line.asked or heard)


def _on_watch(line: LineState) -> OnWatch:
    watches = [line.watches[post] for post in sorted(line.watches)]
    languages = tuple(sorted({language for watch in watches for language in watch.languages}))
    return OnWatch(tuple(watch.post for watch in watches), languages, phrase_table_hash())


_DECISIONS: dict[type, Callable[[LineState, Any], list[LineEvent]]] = {
    commands.OpenLine: _open,
    commands.SendLineMessage: decide_messages.send,
    commands.HeardByVoice: _hear_by_voice,
    CodedMessage: _hear_message,
    commands.HeardOutOfOrder: _hear_out_of_order,
    SetBackMessage: decide_alarms.hear_set_back,
    commands.DisplayLineMessage: decide_receipts.display,
    commands.TakeLineMessage: decide_receipts.take,
    commands.ReadBackLineMessage: decide_receipts.read_back_message,
    commands.PassOnLineMessage: decide_receipts.pass_on,
    ReceiptMessage: decide_receipts.hear_receipt,
    TakenMessage: decide_receipts.hear_taken,
    CalledMessage: decide_receipts.hear_called,
    ReadBackJudgedMessage: decide_receipts.hear_judged,
    commands.TakeWatch: _take_watch,
    commands.LeaveWatch: _leave_watch,
    commands.CheckLine: _check_line,
    CheckMessage: _hear_check,
    CheckAnswerMessage: _hear_check_answer,
    CheckResultMessage: _hear_check_result,
    commands.ReportRadio: decide_radio.report,
    RadioReportMessage: decide_radio.hear_report,
    commands.RaiseAlarm: decide_alarms.raise_alarm,
    commands.TakeAlarms: decide_alarms.take_alarms,
    commands.LineTick: _tick,
}
