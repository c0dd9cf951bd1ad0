"""Hours that recur: item D of NOTAMs, weeks, and the sun, each against windows written out by hand."""

from datetime import UTC, date, datetime, timedelta

import pytest

from detente.airspace.plan import TimeWindow
from detente.airspace.position import Position
from detente.airspace.refusal import Refusal
from detente.feeds.daily_hours import (
    ALL_DAY,
    DAY,
    MOST_WINDOWS,
    DailyHours,
    Schedule,
    TimeOfDay,
    joined,
    weekday_range,
    windows_of,
)
from detente.feeds.daylight import event_times
from detente.feeds.notam_schedule import schedule_windows

GREENWICH = Position(51.4769, 0.0)
WEEK = TimeWindow(datetime(2025, 6, 2, 6, tzinfo=UTC), datetime(2025, 6, 8, 18, tzinfo=UTC))  # Monday to Sunday


def at(text):
    """A moment of June 2025: "03 0600", or with its month, "0703 0600"."""
    day, clock = text.split()
    month = int(day[:-2] or 6)
    return datetime(2025, month, int(day[-2:]), tzinfo=UTC) + timedelta(hours=int(clock[:2]), minutes=int(clock[2:]))


def said(windows):
    return [f"{one.start:%d %H%M}-{one.end:%d %H%M}" for one in windows]


def in_week(text):
    return said(schedule_windows(text, WEEK, (GREENWICH,)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("WED", ["04 0000-05 0000"]),
        ("MON-TUE 0700-0900", ["02 0700-02 0900", "03 0700-03 0900"]),
        ("SAT SUN H24", ["07 0000-08 1800"]),
        ("SAT-MON 1000-1100", ["02 1000-02 1100", "07 1000-07 1100", "08 1000-08 1100"]),
        ("TUE 0800-0900 THU 1000-1100 1200-1300", ["03 0800-03 0900", "05 1000-05 1100", "05 1200-05 1300"]),
        ("04 06 0800-0900", ["04 0800-04 0900", "06 0800-06 0900"]),
        ("JUN 04-06 0800-0900", ["04 0800-04 0900", "05 0800-05 0900", "06 0800-06 0900"]),
        ("JUN 04 0800-0900 06 1000-1100", ["04 0800-04 0900", "06 1000-06 1100"]),
        ("04 0800-06 1600", ["04 0800-06 1600"]),
        ("FRI 2200-0400", ["06 2200-07 0400"]),
        ("EXC TUE-SAT", ["02 0600-03 0000", "08 0000-08 1800"]),
        ("DAILY 0700-0800 EXC TUE-SUN", ["02 0700-02 0800"]),
        ("0700-0800 EXC 03 04 05 06 07", ["02 0700-02 0800", "08 0700-08 0800"]),
        ("WED 0700-0800, FRI 0700-0800.", ["04 0700-04 0800", "06 0700-06 0800"]),
        ("WED 0800 - 0900", ["04 0800-04 0900"]),
        ("TUE 0800-1000 0930-1100", ["03 0800-03 1100"]),
    ],
)
def test_days_and_hours_of_item_d(text, expected):
    assert in_week(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "BY NOTAM", "MON-FRI 0700-1600 AND AS REQUIRED", "0700", "0700-2500", "2401-2402", "DAILY", "EXC",
        "07000-1600", "MON-FRI0700-1600", "XYZ 01 0700-0800", "06-04 0700-0800", "MON 0700-0800 EXC SUN 0900-1000",
        "0700-0800EXC MON", "-", "04 0800-03 1600",
    ],
)  # fmt: skip
def test_what_item_d_says_otherwise_is_refused(text):
    with pytest.raises(Refusal, match=r"D: .*expected (days and hours|dates that are meant)"):
        assert in_week(text) is None


def test_a_date_without_month_has_to_mean_one_day():
    quarter = TimeWindow(at("0601 0000"), at("0820 0000"))
    with pytest.raises(Refusal, match="Name the month"):
        schedule_windows("05 0700-0800", quarter, (GREENWICH,))
    found = schedule_windows("JUN 29-JUL 01 0700-0800 AUG 02 0900-1000", quarter, (GREENWICH,))
    assert [f"{one.start:%m%d %H}" for one in found] == ["0629 07", "0630 07", "0701 07", "0802 09"]


def test_a_schedule_of_more_than_a_year_asks_for_a_window():
    years = TimeWindow(datetime(2025, 1, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC))
    with pytest.raises(Refusal, match="--window"):
        schedule_windows("0700-0800", years, (GREENWICH,))
    many = tuple(
        DailyHours(TimeOfDay(h * timedelta(hours=1)), TimeOfDay((h + 0.5) * timedelta(hours=1))) for h in range(24)
    )
    year = TimeWindow(datetime(2025, 1, 1, tzinfo=UTC), datetime(2025, 6, 1, tzinfo=UTC))
    with pytest.raises(Refusal, match=f"at most {MOST_WINDOWS:,} times"):
        windows_of(Schedule(many), year, (GREENWICH,), "D")


def test_hours_of_a_zone_east_of_greenwich_are_those_of_its_days():
    morning = DailyHours(TimeOfDay(timedelta(hours=1)), TimeOfDay(timedelta(hours=3)), weekdays=frozenset({0}))
    found = windows_of(Schedule((morning,), offset=timedelta(hours=2)), WEEK, (GREENWICH,), "")
    assert said(found) == []
    wider = TimeWindow(at("01 2200"), WEEK.end)
    assert said(windows_of(Schedule((morning,), offset=timedelta(hours=2)), wider, (GREENWICH,), "")) == [
        "01 2300-02 0100"
    ]


def test_windows_that_touch_are_one():
    parts = [TimeWindow(at("03 0600"), at("03 0700")), TimeWindow(at("03 0700"), at("03 0800"))]
    assert said(joined(reversed(parts))) == ["03 0600-03 0800"]
    assert weekday_range("SAT", "MON") == {5, 6, 0}
    assert ALL_DAY.end.after == DAY


@pytest.mark.parametrize(
    ("event", "day", "place", "published"),
    [
        # Almanac times, to the minute.
        ("SR", date(2025, 6, 21), GREENWICH, "0621 0343"),
        ("SS", date(2025, 6, 21), GREENWICH, "0621 2021"),
        ("SR", date(2025, 12, 21), GREENWICH, "1221 0804"),
        ("SS", date(2025, 12, 21), GREENWICH, "1221 1553"),
        ("SR", date(2025, 3, 20), Position(0.0, 0.0), "0320 0604"),
        ("SS", date(2025, 3, 20), Position(0.0, 0.0), "0320 1811"),
    ],
)
def test_the_sun_is_within_the_margin_of_almanacs(event, day, place, published):
    earliest, latest = event_times(event, day, (place,), "")
    assert earliest <= at(published) <= latest
    assert latest - earliest == timedelta(minutes=6)


def test_hours_by_the_sun_hold_from_the_earliest_to_the_latest_of_the_area():
    places = (Position(51.0, -3.0), Position(51.0, 3.0))
    day = TimeWindow(at("21 0000"), at("22 0000"))
    (found,) = schedule_windows("SR-SS", day, places)
    assert found.start == event_times("SR", date(2025, 6, 21), places[1:], "")[0]
    assert found.end == event_times("SS", date(2025, 6, 21), places[:1], "")[1]
    (longer,) = schedule_windows("SR MINUS30-SS PLUS30", day, places)
    half = timedelta(minutes=30)
    assert (longer.start, longer.end) == (found.start - half, found.end + half)
    assert schedule_windows("HJ", day, places) == (found,)
    night = schedule_windows("SS-SR", TimeWindow(at("21 1200"), at("22 1200")), places)
    assert len(night) == 1
    assert night[0].start < found.end < night[0].end


def test_where_the_sun_does_not_set_hours_by_it_are_refused():
    with pytest.raises(Refusal, match="the sun rises and sets"):
        schedule_windows("SR-SS", TimeWindow(at("21 0000"), at("22 0000")), (Position(75.0, 20.0),))
