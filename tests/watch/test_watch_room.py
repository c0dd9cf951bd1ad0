"""The room of the watch: what stands is written down once, somebody is called for it, and nothing of it can pile up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.accord.provisions import EscalationStep
from detente.airspace.refusal import Refusal
from detente.picture.picture import Picture
from detente.watch.alert import Alert, AlertKind, AlertLevel
from detente.watch.commands import (
    FlyPlan,
    KeepReports,
    PutFaults,
    RemoveReports,
    SayWatch,
    SeeAlerts,
    SeeConformance,
    SeeFeeds,
    TakeAlert,
    TellLive,
    WatchTick,
)
from detente.watch.events import (
    AlertEnded,
    AlertLevelChanged,
    AlertPostCalled,
    AlertRaised,
    AlertsHeldBack,
    AlertTaken,
    ConformanceCounted,
    FaultsPut,
    FeedLeft,
    FeedStandingChanged,
    PlanFlown,
    WatchStandingChanged,
)
from detente.watch.faults import FeedFault
from detente.watch.messages import NearReported
from detente.watch.records import MOST_OPEN_ALERTS, AlertSeen, ConformanceDay, FeedStanding, KeptHour, WatchState
from detente.watch.room import MOST_ALERTS_A_MINUTE, WatchRoom

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
LADDER = (EscalationStep(post="watch", within_s=30.0), EscalationStep(post="senior", within_s=60.0))


class Watched:
    """One room of the watch, and every event that it decided."""

    def __init__(self, ladder: tuple[EscalationStep, ...] = LADDER, party: str = "north") -> None:
        terms = {"south": SimpleNamespace(provisions=SimpleNamespace(escalation=ladder))}
        self.accords = SimpleNamespace(terms=lambda at: terms, party=party)
        self.picture = Picture()
        self.room = WatchRoom(WatchState(), self.accords, self.picture)  # type: ignore[arg-type]
        self.events: list[Any] = []

    def do(self, command: Any) -> list[Any]:
        events = self.room.decide(command)
        for event in events:
            written = self.room.decode(self.room.encode(event))
            assert written == event
            self.room.evolve(written)
        self.events += events
        return events

    def see(self, at: datetime, *alerts: AlertSeen, keeps: bool = False) -> list[Any]:
        return self.do(SeeAlerts(at, alerts, keeps))

    def again(self) -> WatchState:
        """The state as a replay makes it."""
        room = WatchRoom(WatchState(), self.accords, self.picture)  # type: ignore[arg-type]
        for event in self.events:
            room.evolve(event)
        return room.state

    def restored(self) -> WatchState:
        """The state as a snapshot makes it."""
        room = WatchRoom(WatchState(), self.accords, self.picture)  # type: ignore[arg-type]
        room.restore(self.room.keep())()
        assert room.keep() == self.room.keep()
        return room.state


def seen(key: str = "separation:a:b", level: AlertLevel = AlertLevel.CORRECTIVE, at: datetime = NOON) -> AlertSeen:
    return AlertSeen(Alert(key, AlertKind.SEPARATION, level, at.timestamp(), "watch.separation"))


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def test_an_alert_is_written_down_when_it_is_raised_changes_its_level_and_ends_and_not_between():
    watch = Watched()
    first = seen()
    assert watch.see(NOON, first) == [AlertRaised(NOON, first)]
    # Its figures change every second; that is no news.
    assert watch.see(after(1), seen(at=after(1))) == []
    worse = seen(level=AlertLevel.WARNING, at=after(2))
    assert watch.see(after(2), worse) == [AlertLevelChanged(after(2), worse)]
    assert watch.see(after(3)) == [AlertEnded(after(3), first.alert.key)]
    assert watch.see(after(4)) == []
    (ended,) = watch.room.state.ended
    assert (ended.since, ended.ended_at, ended.seen) == (NOON, after(3), worse)


def test_a_watch_that_has_just_begun_ends_nothing():
    watch = Watched()
    watch.see(NOON, seen())
    assert watch.see(after(1), keeps=True) == []
    assert [type(event) for event in watch.see(after(40))] == [AlertEnded]


def test_posts_are_called_one_after_another_until_a_person_has_it():
    watch = Watched()
    watch.see(NOON, seen())
    key = seen().alert.key
    assert watch.do(WatchTick(NOON)) == [AlertPostCalled(NOON, key, 0, "watch")]
    assert watch.do(WatchTick(after(29))) == []
    assert watch.do(WatchTick(after(30))) == [AlertPostCalled(after(30), key, 1, "senior")]
    assert watch.do(TakeAlert(after(31), key, "senior")) == [AlertTaken(after(31), key, "senior")]
    assert watch.do(TakeAlert(after(32), key, "senior")) == []
    assert watch.room.waiting() == []
    assert watch.do(WatchTick(after(600))) == []


def test_a_warning_calls_every_post_at_once():
    watch = Watched()
    watch.see(NOON, seen(level=AlertLevel.WARNING))
    assert watch.do(WatchTick(NOON)) == [AlertPostCalled(NOON, seen().alert.key, 1, "senior")]


def test_what_grows_more_urgent_waits_again_and_what_grows_less_does_not():
    watch = Watched()
    key = seen().alert.key
    watch.see(NOON, seen(level=AlertLevel.PREVENTIVE))
    watch.do(TakeAlert(NOON, key, "watch"))
    watch.see(after(60), seen(level=AlertLevel.CORRECTIVE))
    assert [record.waits_since for record in watch.room.waiting()] == [after(60)]
    assert watch.do(WatchTick(after(61))) == [AlertPostCalled(after(61), key, 0, "watch")]
    watch.do(TakeAlert(after(62), key, "watch"))
    watch.see(after(63), seen(level=AlertLevel.PREVENTIVE))
    assert watch.room.waiting() == []


def test_where_the_accord_names_nobody_the_usual_posts_are_called():
    watch = Watched(())
    watch.see(NOON, seen())
    assert watch.do(WatchTick(NOON)) == [AlertPostCalled(NOON, seen().alert.key, 0, "watch")]


def test_an_alert_that_does_not_stand_cannot_be_taken():
    watch = Watched()
    with pytest.raises(Refusal) as refused:
        watch.do(TakeAlert(NOON, "separation:a:b", "watch"))
    assert refused.value.code == "watch.alert_that_stands"
    watch.see(NOON, seen())
    with pytest.raises(Refusal):
        watch.do(TakeAlert(NOON, seen().alert.key, "no post"))


def test_a_flood_is_held_back_said_once_a_minute_and_warnings_go_first():
    watch = Watched()
    many = [seen(f"a{n:04}", AlertLevel.PREVENTIVE) for n in range(1_000)]
    urgent = [seen(f"w{n:04}", AlertLevel.WARNING) for n in range(50)]
    events = watch.see(NOON, *many, *urgent)
    raised = [event.seen.alert for event in events if isinstance(event, AlertRaised)]
    assert sum(alert.level is AlertLevel.WARNING for alert in raised) == 50
    assert len(raised) == MOST_ALERTS_A_MINUTE * 2 // 3
    assert events[-1] == AlertsHeldBack(NOON, len(many) + len(urgent) - len(raised))
    assert watch.see(after(1), *many, *urgent) == []
    # A third of the minute is left to what is to be done now.
    late = [*urgent, *(seen(f"x{n:04}", AlertLevel.WARNING) for n in range(500))]
    assert (
        len([e for e in watch.see(after(2), *many, *late) if isinstance(e, AlertRaised)]) == MOST_ALERTS_A_MINUTE // 3
    )
    # What still stands follows in the next minute.
    assert any(isinstance(event, AlertRaised) for event in watch.see(after(60), *many, *late))


def test_flicker_is_bounded_too():
    watch = Watched()
    for second in range(59):
        level = AlertLevel.CORRECTIVE if second % 2 else AlertLevel.PREVENTIVE
        watch.see(after(second), *(seen(f"a{n}", level) for n in range(50)))
    changes = [event for event in watch.events if isinstance(event, AlertRaised | AlertLevelChanged)]
    assert len(changes) <= MOST_ALERTS_A_MINUTE


def test_no_more_stand_than_fit():
    watch = Watched()
    for minute in range(20):
        watch.see(after(60 * minute), *(seen(f"w{n:05}", AlertLevel.WARNING) for n in range(5_000)))
    assert len(watch.room.state.open) == MOST_OPEN_ALERTS
    assert len(watch.see(after(3_600))) == MOST_OPEN_ALERTS


def test_feeds_are_written_down_when_they_change():
    watch = Watched()
    live, silent = (FeedStanding.LIVE, ""), (FeedStanding.SILENT, "nothing for 30 s")
    assert watch.do(SeeFeeds(NOON, {"north": live})) == [FeedStandingChanged(NOON, "north", *live)]
    assert watch.do(SeeFeeds(after(1), {"north": live})) == []
    assert watch.do(SeeFeeds(after(2), {"north": silent})) == [FeedStandingChanged(after(2), "north", *silent)]
    assert watch.do(SeeFeeds(after(3), {})) == [FeedLeft(after(3), "north")]


def test_whether_the_watch_runs_is_written_down_when_it_changes():
    watch = Watched()
    assert watch.do(SayWatch(NOON, runs=False, why="exit code 9")) == [WatchStandingChanged(NOON, False, "exit code 9")]
    assert watch.do(SayWatch(after(1), runs=False, why="exit code 9")) == []
    assert watch.do(SayWatch(after(2), runs=True, run=1)) == [WatchStandingChanged(after(2), True, "", 1)]
    assert watch.do(SayWatch(after(3), runs=True, run=1)) == []
    assert watch.do(SayWatch(after(4), runs=False, why="gone")) == [WatchStandingChanged(after(4), False, "gone", 1)]
    assert watch.do(SayWatch(after(5), runs=True, run=2)) == [WatchStandingChanged(after(5), True, "", 2)]
    # After the end of the node nothing said that it no longer ran; that it began again is said all the same.
    assert watch.do(SayWatch(after(6), runs=True, run=3)) == [WatchStandingChanged(after(6), True, "", 3)]


def test_the_digest_of_an_hour_is_kept_until_its_file_is_removed():
    watch = Watched()
    hour = KeptHour("2026-06-01T11.parquet", 12, 345, "0" * 64)
    assert len(watch.do(KeepReports(NOON, hour))) == 1
    assert watch.do(KeepReports(after(1), hour)) == []
    assert watch.room.state.hours == {hour.file: hour}
    assert len(watch.do(RemoveReports(after(2), hour.file))) == 1
    assert watch.do(RemoveReports(after(3), hour.file)) == []


def test_who_flies_a_plan_is_kept_while_the_plan_is_there():
    watch = Watched()
    with pytest.raises(Refusal) as refused:
        watch.do(FlyPlan(NOON, "43c6f1", "p-1"))
    assert refused.value.code == "watch.plan_of_ours"
    watch.picture.plans["north", "p-1"] = SimpleNamespace(live=True)  # type: ignore[assignment]
    assert watch.do(FlyPlan(NOON, "43c6f1", "p-1")) == [PlanFlown(NOON, "43c6f1", "p-1")]
    assert watch.do(FlyPlan(after(1), "43c6f1", "p-1")) == []
    watch.room.forget(NOON)
    assert watch.room.state.flown == {"43c6f1": "p-1"}
    watch.do(FlyPlan(after(2), "43c6f1", ""))
    assert watch.room.state.flown == {}
    watch.do(FlyPlan(after(3), "43c6f1", "p-1"))
    del watch.picture.plans["north", "p-1"]
    watch.room.forget(NOON)
    assert watch.room.state.flown == {}


def test_faults_are_put_into_feeds_of_an_exercise_alone_and_are_kept():
    shifted, silent = FeedFault.SHIFTED, FeedFault.SILENT
    with pytest.raises(Refusal) as refused:
        Watched().do(PutFaults(NOON, "drill", (shifted,)))
    assert refused.value.code == "watch.faults_in_exercise"
    watch = Watched(party="EXERCISE-north")
    assert watch.do(PutFaults(NOON, "drill", (silent, shifted, silent))) == [
        FaultsPut(NOON, "drill", (shifted, silent))
    ]
    assert watch.do(PutFaults(after(1), "drill", (shifted, silent))) == []
    assert watch.again().faults == {"drill": (shifted, silent)}
    watch.do(PutFaults(after(2), "drill", ()))
    assert watch.again().faults == {}
    watch.do(SeeFeeds(after(3), {"drill": (FeedStanding.LIVE, "")}))
    watch.do(PutFaults(after(3), "drill", (silent,)))
    watch.do(SeeFeeds(after(4), {}))
    assert watch.again().faults == {}


def test_what_ended_before_the_horizon_is_forgotten():
    watch = Watched()
    watch.see(NOON, seen("a"), seen("b"))
    watch.see(after(1), seen("b"))
    watch.see(after(100))
    watch.room.forget(after(50))
    assert [record.seen.alert.key for record in watch.room.state.ended] == ["b"]


def test_of_what_the_watch_finds_nothing_leaves_but_what_is_told_on_purpose():
    """Whatever happens in the room, a peer hears nothing of it but the reports that disclosure made."""
    watch = Watched()
    watch.see(NOON, seen())
    assert [list(watch.room.messages_of(event)) for event in watch.events] == [[]]
    report = NearReported(NOON)
    (told,) = watch.do(TellLive(NOON, "south", report, {}, 0))
    assert list(watch.room.messages_of(told)) == [("south", report, None)]


STEP = st.tuples(
    st.integers(0, 90),
    st.dictionaries(st.sampled_from("abcd"), st.sampled_from(AlertLevel), max_size=4),
    st.booleans(),
    st.sampled_from(["", "a", "b"]),
)


@given(st.lists(STEP, max_size=12))
def test_replay_and_snapshot_give_the_same_state(steps):
    watch, at = Watched(), NOON
    for wait_s, stand, keeps, taken in steps:
        at += timedelta(seconds=wait_s)
        watch.see(at, *(seen(key, level, at) for key, level in stand.items()), keeps=keeps)
        watch.do(WatchTick(at))
        if taken in watch.room.state.open:
            watch.do(TakeAlert(at, taken, "watch"))
        if not keeps:
            assert watch.room.state.open.keys() == stand.keys()
        assert stand.keys() <= watch.room.state.open.keys()
    here = vars(watch.room.state)
    assert vars(watch.again()) == here
    assert vars(watch.restored()) == here
    assert msgspec.json.encode(here)


def test_conformance_is_written_down_now_and_then_and_adds_up_over_the_runs_of_the_watch():
    watched = Watched()

    def counted(seconds: float, minutes: float, run: int = 1, **rest: Any) -> list[Any]:
        day = ConformanceDay("2026-06-01", seconds, seconds - 10.0, 1, 0)
        return watched.do(SeeConformance(NOON + timedelta(minutes=minutes), run, (day,), **rest))

    assert watched.do(SeeConformance(NOON, 1, (ConformanceDay("2026-06-01"),))) == []
    assert [type(one) for one in counted(60.0, 1)] == [ConformanceCounted]
    assert counted(120.0, 2) == []
    assert len(counted(660.0, 11)) == 1
    assert counted(660.0, 30) == []
    assert len(counted(700.0, 31, ends=True)) == 1
    assert len(counted(50.0, 40, run=2)) == 1
    # What the run that goes on has counted since takes the place of what was written of it.
    live = ConformanceDay("2026-06-01", 90.0, 80.0, 1, 1)
    (day,) = watched.room.state.conformance_days(2, [live])
    assert day == ConformanceDay("2026-06-01", 790.0, 770.0, 2, 1)
    (kept,) = watched.room.state.conformance_days(3, [])
    assert kept.flown_s == 750.0
    assert len(watched.do(SeeConformance(NOON + timedelta(days=1), 2, (live, ConformanceDay("2026-06-02", 5.0))))) == 2
    again = WatchRoom(WatchState(), watched.accords, watched.picture)  # type: ignore[arg-type]
    again.restore(watched.room.keep())()
    assert again.state.conformance == watched.room.state.conformance
