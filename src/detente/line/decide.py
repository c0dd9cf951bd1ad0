"""Decide a command of the line: the events that follow from it, or a Refusal and none. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from detente.airspace.plan import check_identifier
from detente.airspace.refusal import Refusal
from detente.line import commands, decide_alarms, decide_messages, decide_radio, decide_receipts, hand_over
from detente.line.checks import (
    Check,
    CheckAnswer,
    CheckResult,
    LineStanding,
    OnWatch,
    judge_check,
    standing,
)
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
from detente.line.ladder import overdue_at
from detente.line.phrases import phrase_table_hash
from detente.line.state import LineState, PeerLine
from detente.line.watch import Watch


def decide(line: LineState, command: LineCommand) -> list[LineEvent]:
    """Return the events that `command` leads to, in order; `line` is not changed.

    Raises Refusal, with nothing changed, for a command that cannot be carried out. What is already so gives no events.
    """
    return _DECISIONS[type(command)](line, command)


def _open(line: LineState, command: commands.OpenLine) -> list[LineEvent]:
    if (line.party, line.open_lines) == (command.party, command.lines):
        return []
    return [LineOpened(command.at, command.party, command.lines)]


def _take_watch(line: LineState, command: commands.TakeWatch) -> list[LineEvent]:
    _our_post(line, command.party, command.post)
    check_identifier("shift", command.shift)
    if not command.languages:
        raise Refusal("languages", (), "at least one language that is spoken at the post")
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
        raise Refusal("party", party, f"our own party, {line.party}")
    posts = sorted({rung.post for terms in line.open_lines.values() for rung in terms.ladder})
    if post not in posts:
        raise Refusal("post", post, f"a post of a ladder: {', '.join(posts) or 'none'}")


def _check_line(line: LineState, command: commands.CheckLine) -> list[LineEvent]:
    peer_line = decide_messages.peer_line(line, command.peer)
    return [LineCheckAsked(command.at, command.peer, Check(peer_line.asked + 1, command.at, _on_watch(line)))]


def _hear_check(line: LineState, command: commands.HearCheck) -> list[LineEvent]:
    decide_messages.peer_line(line, command.party)
    answer = CheckAnswer(command.check.number, command.at, _on_watch(line))
    return [LineCheckAnswered(command.at, command.party, answer)]


def _hear_check_answer(line: LineState, command: commands.HearCheckAnswer) -> list[LineEvent]:
    """Only the last question counts: what a slow carrier brings for an older one says nothing of the line now."""
    peer_line = decide_messages.peer_line(line, command.party)
    answered = peer_line.ours is not None and peer_line.ours.number >= command.answer.number
    if command.answer.number > peer_line.asked or peer_line.asked_at is None:
        raise Refusal("answer.number", command.answer.number, f"a check that was asked, at most {peer_line.asked}")
    if answered or command.answer.number < peer_line.asked:
        return []
    check = Check(peer_line.asked, peer_line.asked_at, peer_line.asked_watch or _on_watch(line))
    result = judge_check(line.party, check, command.answer, command.at, line.terms[command.party])
    return _done(line, command, result)


def _hear_check_result(line: LineState, command: commands.HearCheckResult) -> list[LineEvent]:
    peer_line = decide_messages.peer_line(line, command.party)
    if command.result.asker != command.party:
        raise Refusal("result.asker", command.result.asker, f"{command.party}, whose check it was")
    if peer_line.theirs is not None and peer_line.theirs.number >= command.result.number:
        return []
    return _done(line, command, command.result)


def _done(
    line: LineState, command: commands.HearCheckAnswer | commands.HearCheckResult, result: CheckResult
) -> list[LineEvent]:
    peer_line = line.peers[command.party]
    other = peer_line.theirs if result.asker == line.party else peer_line.ours
    results = (result,) if other is None else (result, other)
    found: list[LineEvent] = [LineCheckDone(command.at, command.party, result)]
    now = standing(results, command.at, line.terms[command.party])
    return found + _changed(command.at, command.party, peer_line, now)


def _changed(at: Any, peer: str, peer_line: PeerLine, now: LineStanding) -> list[LineEvent]:  # noqa: ANN401
    return [] if now == peer_line.standing else [LineStateChanged(at, peer, now)]


def _tick(line: LineState, command: commands.LineTick) -> list[LineEvent]:
    """Everything whose time has come: posts to call, late deliveries, checks to ask, lines gone silent."""
    found: list[LineEvent] = []
    for key in sorted(line.waiting):
        found += decide_messages.calls(line, line.messages[key], command.at)
    for key in sorted(line.undelivered):
        record = line.messages[key]
        if not record.overdue and overdue_at(record, line.terms[record.peer]) <= command.at:
            found.append(LineDeliveryOverdue(command.at, *key))
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
    commands.HearLineMessage: decide_messages.hear,
    commands.DisplayLineMessage: decide_receipts.display,
    commands.TakeLineMessage: decide_receipts.take,
    commands.ReadBackLineMessage: decide_receipts.read_back_message,
    commands.PassOnLineMessage: decide_receipts.pass_on,
    commands.HearReceipt: decide_receipts.hear_receipt,
    commands.HearTaken: decide_receipts.hear_taken,
    commands.HearCalled: decide_receipts.hear_called,
    commands.HearReadBackJudged: decide_receipts.hear_judged,
    commands.TakeWatch: _take_watch,
    commands.LeaveWatch: _leave_watch,
    commands.CheckLine: _check_line,
    commands.HearCheck: _hear_check,
    commands.HearCheckAnswer: _hear_check_answer,
    commands.HearCheckResult: _hear_check_result,
    commands.ReportRadio: decide_radio.report,
    commands.HearRadioReport: decide_radio.hear_report,
    commands.RaiseAlarm: decide_alarms.raise_alarm,
    commands.TakeAlarms: decide_alarms.take_alarms,
    commands.LineTick: _tick,
}
