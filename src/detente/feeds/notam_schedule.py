"""Item D of a NOTAM: on which days and at which hours it holds (ICAO Doc 8126, Appendix; OPADD 2.3.19).

Read are hours (0600-1100, H24, SR-SS, SR MINUS30-SS PLUS30, HJ, HN), days of the week (MON-FRI, SAT SUN), dates (05 07,
01-15, JAN 05-FEB 03), DAILY, hours from one date to another (05 0800-07 1600), and EXC with days or dates. Anything
else is refused as a whole.
"""

from __future__ import annotations

import re
from datetime import date, timedelta

from detente.airspace.plan import TimeWindow
from detente.airspace.position import Position
from detente.airspace.refusal import Refusal
from detente.feeds.daily_hours import (
    ALL_DAY,
    DAY,
    DailyHours,
    Schedule,
    TimeOfDay,
    weekday_range,
    windows_of,
)
from detente.feeds.source import printable_line

MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
LONGEST_DATES = 800

_HOUR = r"(?:\d{4}|(?:SR|SS)(?: ?(?:MINUS|PLUS) ?\d{1,3})?)"
_TOKEN = re.compile(
    r"(?P<weekdays>(?:MON|TUE|WED|THU|FRI|SAT|SUN)(?:-(?:MON|TUE|WED|THU|FRI|SAT|SUN))?)\b"
    r"|(?P<month>JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC)\b(?!-)"
    r"|(?P<span>\d\d \d{4}-(?:[A-Z]{3} )?\d\d \d{4})\b"
    rf"|(?P<hours>{_HOUR}-{_HOUR})(?!\d)"
    r"|(?P<dates>\d\d(?:-(?:[A-Z]{3} )?\d\d)?)(?![\d-])"
    r"|(?P<word>DAILY|DLY|H24|HJ|HN|EXC|EXCEPT|AND)\b",
    re.ASCII,
)
_SUN = re.compile(r"(SR|SS)(?: ?(MINUS|PLUS) ?(\d{1,3}))?\Z", re.ASCII)


def schedule_windows(
    text: str, whole: TimeWindow, places: tuple[Position, ...], field: str = "D"
) -> tuple[TimeWindow, ...]:
    """Return the windows of item D within B and C, or the whole where there is none.

    `places` are points between which the area lies, for hours by the sun. Raises Refusal for what is not read, and for
    a schedule that never holds between B and C.
    """
    if not text.strip():
        return (whole,)
    windows = windows_of(_Reader(text, whole, field).schedule(), whole, places, field)
    if not windows:
        raise Refusal("feeds.notam_schedule", field, printable_line(text))
    return windows


class _Reader:
    """The words of one item D, from the first to the last."""

    def __init__(self, text: str, whole: TimeWindow, field: str) -> None:
        self.text, self.whole, self.field = text, whole, field
        self.hours: list[DailyHours] = []
        self.excluded: list[DailyHours] = []
        self.month: int | None = None
        self._begin_days()

    def schedule(self) -> Schedule:
        """Return what the words say."""
        words = " ".join(re.sub(r"[,/.;]", " ", self.text.upper()).split())
        words = re.sub(r" ?- ?", "-", words)
        at = 0
        except_days = False
        while at < len(words):
            match = _TOKEN.match(words, at)
            if match is None:
                raise self._refusal()
            at = match.end()
            if at < len(words):
                if words[at] != " ":
                    raise self._refusal()
                at += 1
            kind, word = match.lastgroup, match.group()
            if kind == "word" and word in ("EXC", "EXCEPT"):
                self._close_days(except_days=except_days)
                except_days = True
                self._begin_days()
            elif kind in ("hours", "span") or word in ("H24", "HJ", "HN"):
                if except_days:
                    raise self._refusal()
                self._add_hours(word, span=kind == "span")
            else:
                if self.given and not except_days:
                    self._begin_days()
                self._add_days(kind or "", word)
        self._close_days(except_days=except_days)
        if not self.hours:
            self.hours = [ALL_DAY]
        return Schedule(tuple(self.hours), tuple(self.excluded))

    def _begin_days(self) -> None:
        self.weekdays: set[int] = set()
        self.dates: set[date] = set()
        self.named = False
        self.given = False

    def _close_days(self, *, except_days: bool) -> None:
        """Days that ended without hours: those to leave out, or all of each day."""
        if except_days:
            if not self.named:
                raise self._refusal()
            if self.weekdays:
                self.excluded.append(ALL_DAY._replace(weekdays=frozenset(self.weekdays)))
            if self.dates:
                self.excluded.append(ALL_DAY._replace(dates=frozenset(self.dates)))
        elif self.named and not self.given:
            if not self.weekdays and not self.dates:
                raise self._refusal()
            self._add(ALL_DAY)

    def _add_days(self, kind: str, word: str) -> None:
        if kind == "weekdays":
            first, _, last = word.partition("-")
            self.weekdays |= weekday_range(first, last or first)
        elif kind == "month":
            self.month = MONTHS.index(word) + 1
            return
        elif kind == "dates":
            self.dates |= self._dates(word)
        elif word == "AND":
            return
        self.named = True

    def _add_hours(self, word: str, *, span: bool) -> None:
        self.given = True
        if span:
            self._add_span(word)
        elif word == "H24":
            self._add(ALL_DAY)
        elif word in ("HJ", "HN"):
            first, last = ("SR", "SS") if word == "HJ" else ("SS", "SR")
            self._add(DailyHours(TimeOfDay(timedelta(0), first), TimeOfDay(timedelta(0), last)))
        else:
            first, last = word.split("-")
            self._add(DailyHours(self._time(first), self._time(last)))

    def _add(self, hours: DailyHours) -> None:
        self.hours.append(hours._replace(weekdays=frozenset(self.weekdays), dates=frozenset(self.dates)))

    def _add_span(self, word: str) -> None:
        """From an hour on one date to an hour on a later one."""
        if self.named:
            raise self._refusal()
        first, last = word.split("-")
        day, clock = first.split()
        *later_month, later_day, later_clock = last.split()
        (start,) = self._dates(day)
        if later_month:
            self.month = self._month(later_month[0])
        (end,) = self._dates(later_day)
        if end < start:
            raise self._refusal()
        self.hours.append(
            DailyHours(self._time(clock), self._time(later_clock), dates=frozenset({start}), days_on=(end - start).days)
        )
        self._begin_days()

    def _dates(self, word: str) -> set[date]:
        first, _, last = word.partition("-")
        start = self._date(int(first))
        if not last:
            return {start}
        *month, day = last.split()
        if month:
            self.month = self._month(month[0])
        end = self._date(int(day), start)
        if not start <= end or (end - start).days > LONGEST_DATES:
            raise self._refusal()
        return {start + number * DAY for number in range((end - start).days + 1)}

    def _date(self, day: int, after: date | None = None) -> date:
        """The one date between B and C with that day, in the month that was named or else in any."""
        first, last = (self.whole.start - DAY).date(), self.whole.end.date()
        if (last - first).days > LONGEST_DATES:
            raise Refusal(
                "feeds_airspace.schedule_within_a_year", self.field, f"{(last - first).days} days", most=LONGEST_DATES
            )
        within = [first + number * DAY for number in range((last - first).days + 1)]
        fits = [
            one
            for one in within
            if one.day == day and (self.month is None or one.month == self.month) and (after is None or one >= after)
        ]
        inside = [one for one in fits if one >= self.whole.start.date()] or fits
        if after is not None and inside:
            return inside[0]
        if len(inside) != 1:
            raise Refusal("feeds_airspace.notam_date", self.field, printable_line(self.text))
        return inside[0]

    def _month(self, word: str) -> int:
        if word not in MONTHS:
            raise self._refusal()
        return MONTHS.index(word) + 1

    def _time(self, text: str) -> TimeOfDay:
        if sun := _SUN.match(text):
            minutes = int(sun[3] or 0) * (-1 if sun[2] == "MINUS" else 1)
            return TimeOfDay(timedelta(minutes=minutes), sun[1])
        hours, minutes = int(text[:2]), int(text[2:])
        if hours > 24 or minutes > 59 or (hours == 24 and minutes):
            raise self._refusal()
        return TimeOfDay(timedelta(hours=hours, minutes=minutes))

    def _refusal(self) -> Refusal:
        return Refusal("feeds.notam_schedule", self.field, printable_line(self.text))
