"""Time slices and timesheets of AIXM 5.1, made windows in UTC.

Days that a calendar of the state decides (WORK_DAY, HOL and their like) and hours that move with summer time are taken
at their widest: the airspace may hold then. What a timesheet excludes is taken off only where it says surely when.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta

from detente.airspace.plan import TimeWindow
from detente.airspace.position import Position
from detente.airspace.refusal import Refusal
from detente.feeds.airspace_volumes import AirspaceGatherer
from detente.feeds.aixm_elements import check_known, child_text, is_nil, only_child
from detente.feeds.daily_hours import DAY, WEEKDAYS, DailyHours, Schedule, TimeOfDay, joined, windows_of
from detente.feeds.daylight import DEPRESSIONS_DEG
from detente.feeds.source import Within, decimal_number, instant, printable_line
from detente.feeds.xml_tree import Element

CALENDAR_DAYS = frozenset({"WORK_DAY", "BEF_WORK_DAY", "AFT_WORK_DAY", "HOL", "BEF_HOL", "AFT_HOL", "BUSY_FRI"})
"""Days that only the state's calendar knows."""

SUMMER = timedelta(hours=1)
_CLOCK = re.compile(r"(\d\d):(\d\d)(?::00)?\Z", re.ASCII)
_DATE = re.compile(r"(\d\d)-(\d\d)\Z", re.ASCII)
_REFERENCE = re.compile(r"UTC(?:([+-]\d{1,2}))?\Z", re.ASCII)


def validity_of(slice_: Element) -> tuple[datetime | None, datetime | None] | None:
    """Return when a time slice is valid, None for a side that nobody knows; None for a slice that was taken back."""
    valid = slice_.child("validTime")
    if valid is None or is_nil(valid) or not valid.children:
        return None
    period = only_child(valid, frozenset({"TimePeriod", "TimeInstant"}))
    if period.name == "TimeInstant":
        raise Refusal("feeds_airspace.validity_of_slice", f"line {period.line}: TimeInstant", "an instant")
    return _position(period, "beginPosition"), _position(period, "endPosition")


def _position(period: Element, name: str) -> datetime | None:
    element = only_child(period, frozenset({name}))
    if element.attributes.get("indeterminatePosition") in {"unknown", "now", "after", "before"} and not element.text:
        return None
    return instant(element.text, f"line {element.line}: {name}")


def activation_windows(
    activation: Element, gatherer: AirspaceGatherer, valid: tuple[datetime | None, datetime | None],
    places: tuple[Position, ...],
) -> tuple[TimeWindow, ...]:  # fmt: skip
    """Return the windows of an activation within the validity of its time slice and the time that is asked about."""
    place = f"line {activation.line}: activation"
    spans = gatherer.asked_about(*valid, place)
    sheets = [only_child(one, frozenset({"Timesheet"})) for one in activation.all("timeInterval")]
    if not sheets:
        return spans
    included: list[TimeWindow] = []
    excluded: list[TimeWindow] = []
    for sheet in sheets:
        with Within(f"line {sheet.line}: Timesheet"):
            check_known(sheet)
            out = child_text(sheet, "excluded") == "YES"
            for schedule in _schedules(sheet, spans, out=out):
                for whole in spans:
                    (excluded if out else included).extend(windows_of(schedule, whole, places, "startTime"))
    if all(child_text(sheet, "excluded") == "YES" for sheet in sheets):
        included = list(spans)
    return tuple(_without(joined(included), joined(excluded)))


def _without(windows: Iterable[TimeWindow], taken: tuple[TimeWindow, ...]) -> Iterator[TimeWindow]:
    for window in windows:
        start = window.start
        for one in taken:
            if one.end <= start or one.start >= window.end:
                continue
            if one.start > start:
                yield TimeWindow(start, one.start)
            start = max(start, one.end)
        if start < window.end:
            yield TimeWindow(start, window.end)


def _schedules(sheet: Element, spans: tuple[TimeWindow, ...], *, out: bool) -> Iterator[Schedule]:
    """What a timesheet says; of one that excludes, only what is sure."""
    reference = _REFERENCE.match(child_text(sheet, "timeReference"))
    if reference is None:
        raise Refusal(
            "feeds_airspace.time_reference", "timeReference", printable_line(child_text(sheet, "timeReference"))
        )
    offset = timedelta(hours=int(reference[1] or 0))
    day, til = child_text(sheet, "day") or "ANY", child_text(sheet, "dayTil")
    for name, word in (("day", day), ("dayTil", til)):
        if word not in {"", "ANY", *WEEKDAYS, *CALENDAR_DAYS}:
            raise Refusal("feeds_airspace.day_of_timesheet", name, printable_line(word))
    dates, sure = _dates(sheet, spans)
    if out and (not sure or day in CALENDAR_DAYS or til in CALENDAR_DAYS):
        return
    # On days that only a calendar knows it may hold from the hour of any day to that of the next.
    weekdays = frozenset({WEEKDAYS.index(day)}) if day in WEEKDAYS else frozenset()
    days_on = (WEEKDAYS.index(til) - WEEKDAYS.index(day)) % 7 if til in WEEKDAYS and day in WEEKDAYS else 0
    if til and til != day and days_on == 0:
        weekdays, days_on = frozenset(), 1
    start, end = _time(sheet, "start"), _time(sheet, "end")
    if dates is None:
        return
    hours = DailyHours(start, end, weekdays, dates, days_on)
    summer = child_text(sheet, "daylightSavingAdjust") == "YES" and not (start.event or end.event)
    if summer and out:
        # Surely out only where both clocks say so.
        hours = hours._replace(end=TimeOfDay(end.after - SUMMER))
        summer = False
        if hours.end.after <= start.after:
            return
    yield Schedule((hours,), offset=offset)
    if summer:
        yield Schedule((hours,), offset=offset + SUMMER)


def _time(sheet: Element, which: str) -> TimeOfDay:
    text, event = child_text(sheet, f"{which}Time"), child_text(sheet, f"{which}Event")
    if event:
        if event not in DEPRESSIONS_DEG or text:
            # With a time beside it, EARLIEST or LATEST of both is meant.
            raise Refusal("feeds_airspace.event_of_sun", f"{which}Event", printable_line(event))
        relative = sheet.child(f"{which}TimeRelativeEvent")
        minutes = 0.0
        if relative is not None:
            minutes = decimal_number(relative.text, f"{which}TimeRelativeEvent")
            if relative.attributes.get("uom") != "MIN" or abs(minutes) > 720.0:
                raise Refusal(
                    "feeds_airspace.minutes_about_event", f"{which}TimeRelativeEvent", printable_line(relative.text)
                )
        return TimeOfDay(timedelta(minutes=minutes), event)
    if not text:
        return TimeOfDay(DAY if which == "end" else timedelta(0))
    clock = _CLOCK.match(text)
    if clock is None or int(clock[1]) > 24 or int(clock[2]) > 59 or (clock[1] == "24" and clock[2] != "00"):
        raise Refusal("feeds_airspace.clock_of_timesheet", f"{which}Time", printable_line(text))
    return TimeOfDay(timedelta(hours=int(clock[1]), minutes=int(clock[2])))


def _dates(sheet: Element, spans: tuple[TimeWindow, ...]) -> tuple[frozenset[date] | None, bool]:
    """The days of the year on which a timesheet holds, all where it says none; None for none of those asked about.

    Also whether that is sure: the days on which clocks change are not.
    """
    first, last = child_text(sheet, "startDate"), child_text(sheet, "endDate")
    if not first and not last:
        return frozenset(), True
    if {first, last} & {"SDLST", "EDLST", "SDHLST", "EDHLST"}:
        return frozenset(), False
    ends = []
    for name, text in (("startDate", first or "01-01"), ("endDate", last or "31-12")):
        match = _DATE.match(text)
        if match is None or not 1 <= int(match[2]) <= 12 or not 1 <= int(match[1]) <= 31:
            raise Refusal("feeds_airspace.date_of_timesheet", name, printable_line(text))
        ends.append((int(match[2]), int(match[1])))
    start, end = ends
    days = set()
    for span in spans:
        if (span.end - span.start).days > 400:
            raise Refusal(
                "feeds_airspace.schedule_within_a_year", "startDate", f"{(span.end - span.start).days} days", most=400
            )
        day = (span.start - 2 * DAY).date()
        while day <= (span.end + DAY).date():
            at = (day.month, day.day)
            if start <= at <= end if start <= end else (at >= start or at <= end):
                days.add(day)
            day += DAY
    return (frozenset(days) if days else None), True
