"""Hours that recur, made windows in UTC: on which days, from when to when, by the clock or by the sun."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from operator import attrgetter
from typing import NamedTuple

from detente.airspace.plan import TimeWindow
from detente.airspace.position import Position
from detente.airspace.refusal import Refusal
from detente.feeds.daylight import event_times

LONGEST_SCHEDULE_DAYS = 366
MOST_WINDOWS = 2_000
WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
DAY = timedelta(days=1)


class TimeOfDay(NamedTuple):
    """So long after midnight or, with an `event`, after sunrise, sunset or the like; 24 hours end the day."""

    after: timedelta
    event: str = ""


class DailyHours(NamedTuple):
    """From when to when on which days; hours that end before they begin go on past midnight.

    Without `weekdays` and `dates` every day; with either, the days that it names; with both, those in both. `days_on`
    is how many days later the end is.
    """

    start: TimeOfDay
    end: TimeOfDay
    weekdays: frozenset[int] = frozenset()
    dates: frozenset[date] = frozenset()
    days_on: int = 0

    def hold_on(self, day: date) -> bool:
        """Whether the hours begin on a day."""
        return (not self.weekdays or day.weekday() in self.weekdays) and (not self.dates or day in self.dates)


ALL_DAY = DailyHours(TimeOfDay(timedelta(0)), TimeOfDay(DAY))


class Schedule(NamedTuple):
    """Hours of which any may hold, except on the days of `excluded`; their days are `offset` ahead of UTC's."""

    hours: tuple[DailyHours, ...]
    excluded: tuple[DailyHours, ...] = ()
    offset: timedelta = timedelta(0)


def windows_of(
    schedule: Schedule, whole: TimeWindow, places: tuple[Position, ...], field: str
) -> tuple[TimeWindow, ...]:
    """Return the windows in which a schedule holds within `whole`, in order, none touching another.

    `places` are points between which the area lies, for hours that go by the sun: they begin at the earliest time that
    the sun may say and end at the latest. Raises Refusal naming `field` for more than `LONGEST_SCHEDULE_DAYS`, or
    where the schedule never holds.
    """
    if schedule.hours == (ALL_DAY,) and not schedule.excluded:
        return (whole,)
    days = (whole.end - whole.start).days + 2
    if days > LONGEST_SCHEDULE_DAYS + 2:
        raise Refusal("feeds_airspace.schedule_within_a_year", field, f"{days - 2} days", most=LONGEST_SCHEDULE_DAYS)
    merged = joined(TimeWindow(start, end) for start, end in _spans(schedule, whole, places, field))
    if len(merged) > MOST_WINDOWS:
        raise Refusal("feeds_airspace.at_most_windows", field, len(merged), most=MOST_WINDOWS)
    return merged


def joined(windows: Iterable[TimeWindow]) -> tuple[TimeWindow, ...]:
    """Return windows in order, those that overlap or touch made one."""
    merged: list[TimeWindow] = []
    for one in sorted(windows, key=attrgetter("start", "end")):
        if merged and one.start <= merged[-1].end:
            merged[-1] = TimeWindow(merged[-1].start, max(one.end, merged[-1].end))
        else:
            merged.append(one)
    return tuple(merged)


def _spans(
    schedule: Schedule, whole: TimeWindow, places: tuple[Position, ...], field: str
) -> Iterator[tuple[datetime, datetime]]:
    first = (whole.start + schedule.offset).date() - (1 + max(one.days_on for one in schedule.hours)) * DAY
    last = (whole.end + schedule.offset).date()
    for number in range((last - first).days + 1):
        day = first + number * DAY
        if any(one.hold_on(day) for one in schedule.excluded):
            continue
        for one in schedule.hours:
            if not one.hold_on(day):
                continue
            start = _instant(one.start, day, schedule.offset, places, field)[0]
            end = _instant(one.end, day + one.days_on * DAY, schedule.offset, places, field)[1]
            if end <= start:
                end = _instant(one.end, day + (one.days_on + 1) * DAY, schedule.offset, places, field)[1]
            start, end = max(start, whole.start), min(end, whole.end)
            if start < end:
                yield start, end


def _instant(
    of_day: TimeOfDay, day: date, offset: timedelta, places: tuple[Position, ...], field: str
) -> tuple[datetime, datetime]:
    """The earliest and the latest instant that is meant; by the clock they are one."""
    if of_day.event:
        earliest, latest = event_times(of_day.event, day, places, field)
        return earliest + of_day.after, latest + of_day.after
    moment = datetime.combine(day, time(0), UTC) - offset + of_day.after
    return moment, moment


def weekday_range(first: str, last: str) -> frozenset[int]:
    """Return the days of the week from one name to another, over Sunday where it comes between."""
    start, end = WEEKDAYS.index(first), WEEKDAYS.index(last)
    return frozenset((start + step) % 7 for step in range((end - start) % 7 + 1))
