"""Radio checks: dated by both sides' word, due by the accord, overdue once; and alarms that a person takes."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from line_values import NOON
from line_world import DUTY, TERMS, Side, World

from detente.airspace.refusal import Refusal
from detente.line.alarms import AlarmKind
from detente.line.commands import RaiseAlarm, ReportRadio, TakeAlarms
from detente.line.events import LineAlarmRaised, LineRadioOverdue
from detente.line.radio import SAME_CHECK_S, RadioDuty, RadioReport, RadioStanding, reported
from length import quickly

GUARD, WORKING = 121_500, 130_000
DUTIES = (RadioDuty(GUARD, "distress", due=False), RadioDuty(WORKING, "working"))
WEEKLY = msgspec.structs.replace(TERMS, radio=DUTIES, radio_check_every_s=3_600.0)


def report(side: Side, peer: str, *, heard: bool = True, at: datetime | None = None, khz: int = WORKING) -> None:
    side.do(ReportRadio(side.now, side.party, peer, RadioReport(khz, f"{side.party} aircraft", heard, at or side.now)))


def standing(side: Side, peer: str, khz: int = WORKING) -> RadioStanding:
    return next(s for s in side.line.peers[peer].radio if s.frequency_khz == khz)


def test_a_check_is_dated_when_both_sides_say_that_they_heard() -> None:
    world = World(terms=WEEKLY)
    north, south = world.sides.values()
    report(north, "south")
    world.run(1)
    assert standing(south, "north").two_way_at is None, "one side's word dates nothing"
    report(south, "north", heard=False)
    world.run(1)
    assert standing(north, "south").two_way_at is None
    report(south, "north")
    world.run(1)
    for side, peer in ((north, "south"), (south, "north")):
        assert standing(side, peer).two_way_at == NOON
        theirs = standing(side, peer).theirs
        assert theirs is not None
        assert theirs.call_sign == f"{peer} aircraft"


def test_what_is_due_becomes_overdue_once_and_a_check_mends_it() -> None:
    world = World(terms=WEEKLY)
    north, south = world.sides.values()
    world.run(3_540, 60.0)
    assert not north.found(LineRadioOverdue)
    world.run(4 * 3_600, 60.0)
    for side, peer in ((north, "south"), (south, "north")):
        (event,) = side.found(LineRadioOverdue)
        assert isinstance(event, LineRadioOverdue)
        assert event.frequency_khz == WORKING, "the distress frequency is kept free"
        assert standing(side, peer).overdue
    report(north, "south")
    report(south, "north")
    world.run(1)
    assert not standing(north, "south").overdue
    assert not standing(south, "north").overdue
    left = south.watch(DUTY)
    assert left


def test_a_frequency_outside_the_plan_and_a_time_to_come_are_refused() -> None:
    world = World(terms=WEEKLY)
    north = world.sides["north"]
    with pytest.raises(Refusal, match="a frequency of the radio plan"):
        report(north, "south", khz=118_000)
    with pytest.raises(Refusal, match="not after now"):
        report(north, "south", at=north.now + timedelta(hours=1))
    with pytest.raises(Refusal):
        RadioReport(WORKING, "", True, NOON)
    report(north, "south")
    count = len(north.events)
    report(north, "south")
    assert len(north.events) == count, "the same report again changes nothing"


@settings(max_examples=quickly(200), deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 5_000)), max_size=12))
def test_the_date_is_the_latest_time_of_which_both_said_that_they_heard(said: list[tuple[bool, bool, int]]) -> None:
    held = RadioStanding(WORKING)
    last: dict[bool, RadioReport] = {}
    best: datetime | None = None
    for ours, heard, second in said:
        given_now = RadioReport(WORKING, "x", heard, NOON + timedelta(seconds=second))
        held = reported(held, given_now, ours=ours)
        if ours not in last or given_now.checked_at >= last[ours].checked_at:
            last[ours] = given_now
        if len(last) == 2 and all(one.heard for one in last.values()):
            early, late = sorted(one.checked_at for one in last.values())
            if (late - early).total_seconds() <= SAME_CHECK_S and (best is None or early > best):
                best = early
    assert held.two_way_at == best


def test_one_alarm_of_a_kind_waits_for_a_person_however_much_evidence_comes() -> None:
    world = World()
    _, south = world.sides.values()
    for number in range(50):
        south.do(RaiseAlarm(south.now, "north", AlarmKind.TWO_HISTORIES, f"number {number}"))
    south.do(RaiseAlarm(south.now, "north", AlarmKind.FLOODING, ""))
    south.do(RaiseAlarm(south.now, "nobody", AlarmKind.FLOODING, ""))
    assert len(south.found(LineAlarmRaised)) == 2
    south.watch(DUTY)
    left = south.watch(DUTY, "night")[0]
    assert left.hand_over is not None  # type: ignore[union-attr]
    assert left.hand_over.alarms == ("north two_histories", "north flooding")  # type: ignore[union-attr]
    with pytest.raises(Refusal, match="a post of the ladder"):
        south.do(TakeAlarms(south.now, "south", "north", "janitor"))
    south.do(TakeAlarms(south.now, "south", "north", DUTY))
    assert south.do(TakeAlarms(south.now, "south", "north", DUTY)) == []
    south.do(RaiseAlarm(south.now, "north", AlarmKind.TWO_HISTORIES, "again"))
    assert [alarm.taken_by for alarm in south.line.peers["north"].alarms] == [DUTY, DUTY, None]
    assert not world.sides["north"].line.peers["south"].alarms, "what we suspect is ours to know"
