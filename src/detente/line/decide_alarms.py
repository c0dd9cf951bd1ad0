"""Decide about alarms: raised once until a person has looked, so that a flood of evidence is one alarm."""

from __future__ import annotations

from detente.line.alarms import LONGEST_DETAIL, Alarm, AlarmKind
from detente.line.commands import RaiseAlarm, TakeAlarms
from detente.line.decide_messages import check_post
from detente.line.events import LineAlarmRaised, LineAlarmsTaken, LineEvent
from detente.line.state import LineState
from detente.room.message import Heard
from detente.room.set_back import SetBackMessage, in_words


def raise_alarm(line: LineState, command: RaiseAlarm) -> list[LineEvent]:
    """A peer showed something; nothing when an alarm of the same kind still waits for a person.

    Every rotation of a key is shown: they are few, and each is about another fingerprint.
    """
    held = line.peers.get(command.party)
    alarm = Alarm(command.kind, command.at, command.detail[:LONGEST_DETAIL])
    if held is None or any(
        one.kind is alarm.kind
        and one.taken_by is None
        and (one.kind is not AlarmKind.KEY_ROTATED or one.detail == alarm.detail)
        for one in held.alarms
    ):
        return []
    return [LineAlarmRaised(command.at, command.party, alarm)]


def hear_set_back(line: LineState, command: Heard[SetBackMessage]) -> list[LineEvent]:
    """A peer says itself that its journal was set back."""
    detail = in_words(command.message)
    return raise_alarm(line, RaiseAlarm(command.at, command.party, AlarmKind.SET_BACK, detail))


def take_alarms(line: LineState, command: TakeAlarms) -> list[LineEvent]:
    """A person has looked at everything about this peer until now."""
    check_post(line, command.peer, command.post)
    if all(alarm.taken_by is not None for alarm in line.peers[command.peer].alarms):
        return []
    return [LineAlarmsTaken(command.at, command.peer, command.post)]
