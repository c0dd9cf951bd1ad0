"""The room of the watch: which alerts stand and who has them, how the feeds stand, what was kept, what peers are told.

Alerts come filtered; that they pile up all the same is bounded here, a minute at a time, so that no sky writes the
journal full. Of where ours are a peer is told what disclosure made of it, and what peers tell is held as it stands now.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

import msgspec

from detente.accord.accords import Accords
from detente.accord.provisions import DEFAULT_ESCALATION, EscalationStep
from detente.airspace.plan import check_identifier
from detente.airspace.refusal import Refusal
from detente.picture.picture import Picture
from detente.room.activity import Need
from detente.room.exercise import is_exercise
from detente.room.message import Addressed, Heard
from detente.room.room import Room
from detente.watch.alert import AlertLevel
from detente.watch.between import (
    after_alert,
    after_report,
    after_telling,
    heard_events,
    is_told,
    over_by_silence,
)
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
    WatchCommand,
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
    LiveHeard,
    LiveTold,
    PlanFlown,
    ReportsKept,
    ReportsRemoved,
    WatchEvent,
    WatchStandingChanged,
)
from detente.watch.messages import WatchMessage
from detente.watch.records import (
    LEVELS,
    LONGEST_WORDS,
    MOST_CONFORMANCE_DAYS,
    MOST_ENDED_ALERTS,
    MOST_FEEDS,
    MOST_FLOWN,
    MOST_KEPT_HOURS,
    MOST_OPEN_ALERTS,
    AlertRecord,
    AlertSeen,
    ConformanceDay,
    DayCounted,
    FeedRecord,
    ToldByPeer,
    ToldOfOurs,
    WatchKept,
    WatchStanding,
    WatchState,
    is_more_urgent,
)
from detente.zones.talks import posts_called

COUNTED_EVERY = timedelta(minutes=10)
"""So often it is written down how a day goes; a crash loses no more of it."""
MOST_ALERTS_A_MINUTE = 300
"""Raised or changed. A third of it is left to warnings alone."""


class WatchRoom(Room[WatchState, WatchCommand, WatchEvent]):
    """Keeps what the watch found. The accords say whom to call, the picture which plans of ours there are."""

    name = "watch"
    commands = WatchCommand
    events = WatchEvent
    messages = WatchMessage
    kept = WatchKept

    def __init__(self, state: WatchState, accords: Accords, picture: Picture) -> None:
        super().__init__(state)
        self._accords = accords
        self._picture = picture

    def need_of(self, command: WatchCommand | Heard[WatchMessage]) -> Need | None:
        """See `Room.need_of`."""
        if isinstance(command, Heard):
            return Need(command.party, command.message.activity)
        return Need(command.peer, command.report.activity) if isinstance(command, TellLive) else None

    def messages_of(self, event: WatchEvent) -> Iterable[Addressed]:
        """See `Room.messages_of`."""
        if isinstance(event, LiveTold):
            yield Addressed(event.peer, event.report)

    def decide(self, command: WatchCommand | Heard[WatchMessage]) -> list[WatchEvent]:
        """Return the events that a command leads to; what is so already gives none. Raises Refusal."""
        match command:
            case SeeAlerts():
                return self._alerts(command)
            case TakeAlert():
                return self._taken(command)
            case WatchTick(at=at):
                over = over_by_silence(self.state, at)
                return [*over, *self._calls(at, {one.key for one in over})]
            case TellLive(at=at, peer=peer, report=report, names=names, count=count):
                return [LiveTold(at, peer, report, names, count)]
            case Heard(at=at, party=party, message=message):
                found = self._accords.current(party, at)
                return [] if found is None else heard_events(self.state, found[0], at, party, message)
            case SeeFeeds():
                return list(self._feeds(command))
            case FlyPlan():
                return self._flown(command)
            case PutFaults(at=at, feed=feed, faults=faults):
                if not is_exercise(self._accords.party):
                    raise Refusal("watch.faults_in_exercise", "feed", feed)
                put = tuple(sorted(set(faults)))
                return [] if self.state.faults.get(feed, ()) == put else [FaultsPut(at, feed, put)]
            case SayWatch():
                return self._standing(command)
            case SeeConformance():
                return list(self._conformance(command))
            case KeepReports(at=at, hour=hour):
                return [] if self.state.hours.get(hour.file) == hour else [ReportsKept(at, hour)]
            case RemoveReports(at=at, file=file):
                return [ReportsRemoved(at, file)] if file in self.state.hours else []

    def evolve(self, event: WatchEvent) -> None:
        """Fold one decided event in."""
        state = self.state
        match event:
            case AlertRaised(at=at, seen=seen):
                state.open[seen.alert.key] = AlertRecord(seen, at, at)
                self._count(at, seen)
            case AlertLevelChanged(at=at, seen=seen):
                state.open[seen.alert.key] = _changed(state.open[seen.alert.key], seen, at)
                self._count(at, seen)
            case AlertEnded(at=at, key=key):
                state.ended.append(msgspec.structs.replace(state.open.pop(key), ended_at=at))
                del state.ended[:-MOST_ENDED_ALERTS]
            case AlertTaken(at=at, key=key, post=post):
                state.open[key] = msgspec.structs.replace(state.open[key], taken_by=post, taken_at=at)
            case AlertPostCalled(key=key, step=step, post=post):
                state.open[key] = msgspec.structs.replace(state.open[key], step=step, called=post)
            case AlertsHeldBack(at=at):
                state.held_back_at = at
            case _:
                self._evolve_others(event)

    def _evolve_others(self, event: WatchEvent) -> None:
        """Fold in what is no alert's."""
        state = self.state
        match event:
            case FeedStandingChanged(at=at, feed=feed, standing=standing, why=why):
                state.feeds[feed] = FeedRecord(standing, at, why)
            case FeedLeft(feed=feed):
                state.feeds.pop(feed, None)
                state.faults.pop(feed, None)
            case FaultsPut(feed=feed, faults=faults):
                state.faults = {name: those for name, those in {**state.faults, feed: faults}.items() if those}
            case PlanFlown(aircraft=aircraft, plan_id=plan_id):
                state.flown.pop(aircraft, None)
                if plan_id:
                    state.flown[aircraft] = plan_id
            case WatchStandingChanged(at=at, runs=runs, why=why, run=run):
                state.standing = WatchStanding(runs, at, why, run)
            case ConformanceCounted(at=at, run=run, day=day):
                state.conformance[day.day] = _counted(state.conformance.get(day.day), run, day, at)
                for name in sorted(state.conformance)[:-MOST_CONFORMANCE_DAYS]:
                    del state.conformance[name]
            case ReportsKept(hour=hour):
                state.hours[hour.file] = hour
                for file in sorted(state.hours)[:-MOST_KEPT_HOURS]:
                    del state.hours[file]
            case ReportsRemoved(file=file):
                state.hours.pop(file, None)
            case LiveTold(peer=peer):
                state.told[peer] = after_telling(state.told.get(peer, ToldOfOurs()), event)
            case LiveHeard(at=at, party=party, report=report):
                state.heard[party] = after_report(state.heard.get(party, ToldByPeer()), at, report)

    def forget(self, before: datetime) -> None:
        """See `Room.forget`: an alert is over when it has ended, and who flies a plan with it."""
        party = self._accords.party
        self.state.flown = {a: plan for a, plan in self.state.flown.items() if (party, plan) in self._picture.plans}
        self.state.ended = [one for one in self.state.ended if one.ended_at is None or one.ended_at >= before]

    def ladder(self, at: datetime) -> tuple[EscalationStep, ...]:
        """Return whom to call of ours and after how long: as the first accord says that stands, else as usual."""
        ladders = (accord.provisions.escalation for accord in self._accords.terms(at).values())
        return next((ladder for ladder in ladders if ladder), DEFAULT_ESCALATION)

    def waiting(self) -> list[AlertRecord]:
        """Return the alerts that no person has, the most urgent and the oldest first."""
        waiting = [record for record in self.state.open.values() if not record.taken_by]
        return sorted(waiting, key=_rank)

    def _alerts(self, command: SeeAlerts) -> list[WatchEvent]:
        state, at = self.state, command.at
        stand = {seen.alert.key: seen for seen in command.alerts}
        # What peers told ends when they say so, and takes no place from what our own sensors show.
        open_keys = {key for key in state.open if not is_told(key)}
        events: list[WatchEvent] = []
        if not command.keeps:
            events += [AlertEnded(at, key) for key in sorted(open_keys - stand.keys())]
        left = MOST_ALERTS_A_MINUTE - (state.counted if state.counted_from == _minute(at) else 0)
        room = MOST_OPEN_ALERTS - len(open_keys) + len(events)
        held_back = 0
        for seen in sorted(stand.values(), key=lambda seen: _urgency(seen.alert.level, seen.alert.key)):
            held = state.open.get(seen.alert.key)
            if held is not None and held.seen.alert.level is seen.alert.level:
                continue
            spare = 0 if seen.alert.level is AlertLevel.WARNING else MOST_ALERTS_A_MINUTE // 3
            if left <= spare or (held is None and room <= 0):
                held_back += 1
                continue
            left -= 1
            room -= held is None
            events.append(AlertRaised(at, seen) if held is None else AlertLevelChanged(at, seen))
        said = state.held_back_at
        if held_back and (said is None or _minute(said) != _minute(at)):
            events.append(AlertsHeldBack(at, held_back))
        return events

    def _taken(self, command: TakeAlert) -> list[WatchEvent]:
        check_identifier("post", command.post)
        held = self.state.open.get(command.key)
        if held is None:
            raise Refusal("watch.alert_that_stands", "alert", command.key)
        return [] if held.taken_by == command.post else [AlertTaken(command.at, command.key, command.post)]

    def _flown(self, command: FlyPlan) -> list[WatchEvent]:
        check_identifier("aircraft", command.aircraft)
        held = self.state.flown.get(command.aircraft, "")
        if held == command.plan_id:
            return []
        record = self._picture.plans.get((self._accords.party, command.plan_id))
        if command.plan_id and (record is None or not record.live):
            raise Refusal("watch.plan_of_ours", "plan_id", command.plan_id)
        if not held and len(self.state.flown) >= MOST_FLOWN:
            raise Refusal("watch.at_most_flown", "aircraft", command.aircraft, most=MOST_FLOWN)
        return [PlanFlown(command.at, command.aircraft, command.plan_id)]

    def _standing(self, command: SayWatch) -> list[WatchEvent]:
        held = self.state.standing
        run = command.run if command.runs or held is None else held.run
        said = WatchStandingChanged(command.at, command.runs, command.why[:LONGEST_WORDS], run)
        is_news = held is None or (held.runs, held.why, held.run) != (said.runs, said.why, said.run)
        return [said] if is_news else []

    def _conformance(self, command: SeeConformance) -> Iterator[WatchEvent]:
        for day in command.days:
            held = self.state.conformance.get(day.day)
            known = held.counted if held is not None and held.run == command.run else None
            if day == (known or ConformanceDay(day.day)):
                continue
            is_over = command.ends or day.day < f"{command.at:%Y-%m-%d}"
            if held is None or known is None or is_over or command.at - held.at >= COUNTED_EVERY:
                yield ConformanceCounted(command.at, command.run, day)

    def _calls(self, at: datetime, over: set[str]) -> Iterator[WatchEvent]:
        ladder = self.ladder(at)
        for record in self.waiting():
            if record.seen.alert.key in over:
                continue
            # What is to be done now is called out at every post at once, as a STOP is.
            is_now = record.seen.alert.level is AlertLevel.WARNING
            posts = tuple(step.post for step in ladder) if is_now else posts_called(ladder, record.waits_since, at)
            if len(posts) - 1 > record.step:
                yield AlertPostCalled(at, record.seen.alert.key, len(posts) - 1, posts[-1])

    def _feeds(self, command: SeeFeeds) -> Iterator[WatchEvent]:
        for feed in sorted(self.state.feeds.keys() - command.feeds.keys()):
            yield FeedLeft(command.at, feed)
        for feed, (standing, why) in sorted(command.feeds.items())[:MOST_FEEDS]:
            held = self.state.feeds.get(feed)
            if held is None or held.standing is not standing:
                yield FeedStandingChanged(command.at, feed, standing, why[:LONGEST_WORDS])

    def _count(self, at: datetime, seen: AlertSeen) -> None:
        minute = _minute(at)
        if is_told(seen.alert.key):
            party = seen.alert.subject
            self.state.heard[party] = after_alert(self.state.heard.get(party, ToldByPeer()), minute)
            return
        self.state.counted = 1 + (self.state.counted if self.state.counted_from == minute else 0)
        self.state.counted_from = minute


def _changed(record: AlertRecord, seen: AlertSeen, at: datetime) -> AlertRecord:
    """An alert at another level. One that has grown more urgent waits for a person again."""
    changed = msgspec.structs.replace(record, seen=seen)
    if not is_more_urgent(seen.alert.level, record.seen.alert.level):
        return changed
    return msgspec.structs.replace(changed, waits_since=at, step=-1, called="", taken_by="", taken_at=None)


def _counted(held: DayCounted | None, run: int, day: ConformanceDay, at: datetime) -> DayCounted:
    """What is written of a day once another figure of it is."""
    if held is None:
        return DayCounted(ConformanceDay(day.day), run, day, at)
    return DayCounted(held.before if run == held.run else held.total(), run, day, at)


def _minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)


def _urgency(level: AlertLevel, key: str) -> tuple[int, str]:
    return -LEVELS.index(level), key


def _rank(record: AlertRecord) -> tuple[int, datetime, str]:
    alert = record.seen.alert
    return -LEVELS.index(alert.level), record.waits_since, alert.key
