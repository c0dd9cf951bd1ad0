"""Decide about alarms: raised once until a person has looked, so that a flood of evidence is one alarm."""

from __future__ import annotations

from detente.line.alarms import LONGEST_DETAIL, Alarm
from detente.line.commands import RaiseAlarm, TakeAlarms
from detente.line.decide_messages import check_post
from detente.line.events import LineAlarmRaised, LineAlarmsTaken, LineEvent
from detente.line.state import LineState


def raise_alarm(line: LineState, command: RaiseAlarm) -> list[LineEvent]:
    """A peer showed something; nothing when an alarm of the same kind still waits for a person."""
    held = line.peers.get(command.party)
    if held is None or any(alarm.kind is command.kind and alarm.taken_by is None for alarm in held.alarms):
        return []
    alarm = Alarm(command.kind, command.at, command.detail[:LONGEST_DETAIL])
    return [LineAlarmRaised(command.at, command.party, alarm)]


def take_alarms(line: LineState, command: TakeAlarms) -> list[LineEvent]:
    """A person has looked at everything about this peer until now."""
    check_post(line, command.peer, command.post)
    if all(alarm.taken_by is not None for alarm in line.peers[command.peer].alarms):
        return []
    return [LineAlarmsTaken(command.at, command.peer, command.post)]
