"""NOTAMs in the form of ICAO (Annex 15, Doc 8126): a warning or a restriction of airspace becomes one circle.

The circle is that of the Q line, which covers all that the text in E describes; the text is for people, and not read.
Limits are those of F and G, or the flight levels of the Q line. D may say on which days and at which hours it holds. A
NOTAM whose end is estimated or permanent holds to the end of the time that is asked about.
"""

from __future__ import annotations

import re
from datetime import datetime

from detente.airspace.plan import Circle, TimeWindow
from detente.airspace.position import Position
from detente.airspace.refusal import Refusal
from detente.feeds.airspace_volumes import AirspaceGatherer, AirspaceOptions, Airspaces
from detente.feeds.degrees_text import degrees
from detente.feeds.dropped import DropReason
from detente.feeds.notam_items import band, moment
from detente.feeds.notam_schedule import schedule_windows
from detente.feeds.outlines import corners
from detente.feeds.source import Within, decode_text, printable_line

NAUTICAL_MILE_M = 1852.0
ROUNDING_M = 1_400.0
"""The centre of a Q line is in whole minutes: so far may it be from the real one."""

WHOLE_REGION_NM = 999
AIRSPACE = frozenset("RW")
"""Subjects of the Q code that use or close airspace: restrictions (R) and warnings (W)."""

MAX_NOTAMS = 20_000

_BEGINNING = re.compile(r"\(?\b([A-Z]\d{4}/\d{2}) NOTAM([NRC])(?: [A-Z]\d{4}/\d{2})?\s")
_ITEMS = re.compile(
    r"Q\) ?(?P<Q>[^)]{1,80}?) A\) ?(?P<A>[A-Z0-9 ]{4,60}?) B\) ?(?P<B>[^)]{1,40}?) C\) ?(?P<C>[^)]{1,40}?) "
    r"(?:D\) ?(?P<D>[^)]{1,300}?) )?E\) (?P<E>.*)\Z"
)
_ANOTHER = re.compile(r"\S* ?NOTAM[NRC]\b(?= )(?=.* Q\))|\bQ\) ?[A-Z]{4}/Q[A-Z]{4}/.*|![A-Z]{3} \d.*")
_LIMITS = re.compile(r" F\) ?([^()]{1,30}?) G\) ?([^()]{1,30}?) ?\)?\Z")
_Q_LINE = re.compile(r"[A-Z]{4}/Q([A-Z])[A-Z]{3}/[IVK ]{0,3}/[NBOMK ]{0,4}/[AEWK ]{0,3}/(\d{3})/(\d{3})/([^/]{14})\Z")
_PLACE = re.compile(r"(\d\d)([0-5]\d)([NS])(\d{3})([0-5]\d)([EW])(\d{3})\Z", re.ASCII)
ABOUT = ("CREATED:", "SOURCE:")
"""How lines begin that some services put behind a NOTAM."""


def read_notams(content: bytes, options: AirspaceOptions) -> Airspaces:
    """Return the plans of a file of NOTAMs, and how many are about something else than airspace, or another time.

    Raises Refusal naming NOTAM and item.
    """
    text = decode_text(content, allow_mark=True)
    beginnings = list(_BEGINNING.finditer(text))
    before = text[: beginnings[0].start() if beginnings else None].strip()
    if before:
        raise Refusal("feeds.notam_number", "line 1", printable_line(before))
    if len(beginnings) > MAX_NOTAMS:
        raise Refusal("feeds.at_most_notams", "", len(beginnings), most=MAX_NOTAMS)
    gatherer = AirspaceGatherer(options)
    numbers: set[str] = set()
    for at, beginning in enumerate(beginnings, start=1):
        end = beginnings[at].start() if at < len(beginnings) else len(text)
        number, kind = beginning.groups()
        with Within(f"NOTAM {number}"):
            if number in numbers:
                raise Refusal("feeds.identifier_no_other_plan", "number", number)
            numbers.add(number)
            if kind == "C":
                raise Refusal("feeds.notam_in_force", "", "a NOTAM that cancels another")
            _add(gatherer, number.replace("/", "-"), _in_one_line(text[beginning.end() : end]))
    return gatherer.gathered()


def _add(gatherer: AirspaceGatherer, name: str, body: str) -> None:
    items = _ITEMS.match(body)
    if items is None:
        raise Refusal("feeds.notam_items", "", printable_line(body))
    if swallowed := _ANOTHER.search(items["E"]):
        # Its number is not written as numbers are: it would go unread as words of this one.
        raise Refusal("feeds.notam_number", "E", printable_line(swallowed[0]))
    qualifiers = _Q_LINE.match(items["Q"])
    if qualifiers is None:
        raise Refusal("feeds.notam_q_line", "Q", printable_line(items["Q"]))
    if qualifiers[1] not in AIRSPACE:
        gatherer.dropped[DropReason.NO_AIRSPACE] += 1
        return
    limits = _LIMITS.search(items["E"])
    if limits is None and re.search(r" [FG]\)", items["E"]):
        raise Refusal("feeds.notam_limits", "F", printable_line(items["E"][-60:]))
    lower, upper = limits.groups() if limits is not None else (f"FL{qualifiers[2]}", f"FL{qualifiers[3]}")
    altitude = band(lower, upper, gatherer.options.ground)
    area = area_of_q_line(qualifiers[4], "Q")
    start, end = moment(items["B"], "B"), _end(items["C"], gatherer.options.window)
    spans = gatherer.asked_about(start, end, "C")
    windows = [one for whole in spans for one in _windows(items["D"] or "", start, end, whole, area)]
    gatherer.add(name, [(area, altitude)], windows)


def _windows(
    schedule: str, start: datetime, end: datetime | None, asked: TimeWindow, area: Circle
) -> tuple[TimeWindow, ...]:
    """The windows of item D between B and C in which the NOTAM is asked about. Dates in D count from B."""
    whole = TimeWindow(start, max(end or asked.end, asked.end))
    if not schedule.strip():
        return (asked,)
    found = schedule_windows(schedule, whole, corners(area))
    return tuple(
        TimeWindow(max(one.start, asked.start), min(one.end, asked.end))
        for one in found
        if one.start <= asked.end and one.end >= asked.start
    )


def _in_one_line(body: str) -> str:
    lines = (line.strip() for line in body.split("\n"))
    return " ".join(" ".join(line for line in lines if not line.startswith(ABOUT)).split())


def _end(text: str, asked: TimeWindow | None) -> datetime | None:
    """The end, or None for one that is estimated or permanent: it holds until another NOTAM ends it."""
    if text != "PERM" and not text.endswith("EST"):
        return moment(text, "C")
    if asked is None:
        raise Refusal("feeds.notam_end", "C", printable_line(text))
    if text != "PERM":
        moment(text.removesuffix("EST").strip(), "C")
    return None


def area_of_q_line(text: str, field: str) -> Circle:
    """Return the circle at the end of a Q line, such as 4712N00723E005, with the rounding of its centre added."""
    match = _PLACE.match(text)
    if match is None:
        raise Refusal("feeds.notam_q_line", field, printable_line(text))
    north, north_minutes, north_or_south, east, east_minutes, east_or_west, radius_nm = match.groups()
    if int(radius_nm) == WHOLE_REGION_NM:
        raise Refusal("feeds.notam_area", field, f"radius {radius_nm}")
    with Within(field):
        centre = Position(
            degrees(north, north_minutes, "", north_or_south, "latitude"),
            degrees(east, east_minutes, "", east_or_west, "longitude"),
        )
        return Circle(centre, int(radius_nm) * NAUTICAL_MILE_M + ROUNDING_M)
