"""Airspace control orders of USMTF and ADatP-3 (ACO): each measure becomes a plan, whatever it is used for.

Read are where, how high and when: the shape of each ACMID, EFFLEVEL, APERIOD or the PERIOD of the order. Sets of text
and administration are known and left alone; any other set is refused by name. Three digits of a height are hundreds of
feet. Moments carry no year: it is that of the order's PERIOD where it says one, else the one nearest to the time that
is asked about.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from detente.airspace.plan import Circle, Polygon, TimeWindow
from detente.airspace.position import Position
from detente.airspace.refusal import Refusal
from detente.feeds.airspace_volumes import AirspaceGatherer, AirspaceOptions, Airspaces
from detente.feeds.control_order_sets import (
    bearing_deg,
    distance_m,
    is_distance,
    is_position,
    levels_of,
    moment_of,
    position_of,
    window_between,
    without_label,
)
from detente.feeds.daily_hours import DAY, LONGEST_SCHEDULE_DAYS, WEEKDAYS, joined
from detente.feeds.dropped import DropReason
from detente.feeds.outlines import Arc, arc_by_bearings, bearing_and_distance, corridor, outline, reached, sector
from detente.feeds.source import Within, decode_text, printable_line

LEFT_ALONE = frozenset(
    {"EXER", "OPER", "MSGID", "REF", "AMPN", "NARR", "RMKS", "GENTEXT", "POC", "AKNLDG", "DECL", "HEADING", "ACOID",
     "CANX", "AREA", "PERID", "MSGAMPN"}
)  # fmt: skip
"""Sets about the message, and words for people."""

SHAPES = frozenset({"CIRCLE", "POLYGON", "CORRIDOR", "GEOLINE", "APOINT", "AORBIT", "1TRACK", "RADARC", "POLYARC"})
DATUMS = frozenset({"WGE", "WGS84", "WGS-84", "W84", "WGD"})
STATES = frozenset({"ADD", "CHANGE", "DELETE"})
OPEN_ENDS = frozenset({"UFN", "INDEF"})
FREQUENCIES = {
    "DAILY": frozenset(range(7)),
    "WEEKDAYS": frozenset(range(5)),
    "WEEKENDS": frozenset({5, 6}),
    "MON WED FRI": frozenset({0, 2, 4}),
    "TUE THUR": frozenset({1, 3}),
}
MOST_SETS = 200_000

READ = SHAPES | {"ACMID", "ACSTAT", "EFFLEVEL", "APERIOD", "PERIOD", "GEODATUM", "CNTRLPT"}
"""A line that begins with one of these within another set is one of which the end was left out: // is missing."""

_SET = re.compile(r"[A-Z0-9]{2,8}(?=/)")
_HEADING_LINE = re.compile(r"(?:NATO )?(?:UNCLAS|UNCLASSIFIED|BT)\b[^/\n]*\n")
_DURATION = re.compile(r"(\d{1,3}) ?(DAY|DAYS|WEEK|WEEKS|WK|WKS)\Z")


class OrderSet(NamedTuple):
    """One set: its place in the message, its name and its fields."""

    number: int
    name: str
    fields: list[str]

    @property
    def place(self) -> str:
        """The set as a refusal names it."""
        return f"set {self.number}: {self.name}"


def read_control_order(content: bytes, options: AirspaceOptions) -> Airspaces:
    """Return the measures of an airspace control order; raises Refusal naming set, measure and field."""
    gatherer = AirspaceGatherer(options)
    order = _Order(gatherer)
    measure: list[OrderSet] = []
    for one in _sets(decode_text(content, allow_mark=True)):
        if one.name in {"ACMID", "ACSTAT"}:
            order.measure(measure)
            measure = []
        if one.name == "ACMID" or measure:
            measure.append(one)
        else:
            with Within(one.place):
                order.administration(one)
    order.measure(measure)
    return gatherer.gathered()


def _sets(text: str) -> Iterator[OrderSet]:
    text = text.upper().replace("\r", "")
    while heading := _HEADING_LINE.match(text.lstrip()):
        text = text.lstrip()[heading.end() :]
    *whole, rest = text.split("//")
    if len(whole) > MOST_SETS:
        raise Refusal("feeds.at_most_features", "", len(whole), most=MOST_SETS)
    for number, piece in enumerate([*whole, rest], start=1):
        lines = [line.strip() for line in piece.strip().split("\n")]
        joined_up = "".join(lines)
        if not joined_up or joined_up == "BT":
            continue
        name = _SET.match(joined_up)
        if name is None or number > len(whole):
            raise Refusal("feeds_airspace.set_of_order", f"set {number}", printable_line(joined_up))
        for line in lines[1:]:
            if line.partition("/")[0] in READ:
                raise Refusal("feeds_airspace.end_of_set", f"set {number}", printable_line(line))
        yield OrderSet(number, name[0], [field.strip() for field in joined_up.split("/")[1:]])


class _Order:
    """What holds for the whole order, and the measures met so far."""

    def __init__(self, gatherer: AirspaceGatherer) -> None:
        self.gatherer = gatherer
        window = gatherer.options.window
        self.near: datetime | None = None if window is None else window.start + (window.end - window.start) / 2
        self.start: datetime | None = None
        self.end: datetime | None = None
        self.state = "ADD"

    def administration(self, one: OrderSet) -> None:
        """Take in a set that stands outside of any measure."""
        if one.name == "PERIOD":
            self._period(one)
        elif one.name == "GEODATUM":
            if not one.fields or one.fields[0] not in DATUMS:
                raise Refusal("feeds_airspace.datum_wgs84", "", printable_line("/".join(one.fields)))
        elif one.name == "ACSTAT":
            state = without_label(one.fields[0]) if one.fields else ""
            if state not in STATES:
                raise Refusal("feeds_airspace.status_of_measure", "", printable_line(state))
            self.state = state
        elif one.name not in LEFT_ALONE:
            raise Refusal("feeds_airspace.set_of_order", "", printable_line("/".join(one.fields)))

    def measure(self, sets: list[OrderSet]) -> None:
        """Make the sets of one measure a plan, or count it where it has no area or is deleted."""
        if not sets:
            return
        name = _name(sets[0])
        with Within(f"{sets[0].place} {printable_line(repr(name[:40]))}"):
            by_name: dict[str, list[OrderSet]] = {}
            for one in sets[1:]:
                by_name.setdefault(one.name, []).append(one)
                if one.name not in SHAPES | LEFT_ALONE | {"EFFLEVEL", "APERIOD", "CNTRLPT", "GEODATUM", "PERIOD"}:
                    raise Refusal("feeds_airspace.set_of_order", one.place, printable_line("/".join(one.fields)))
                if one.name in {"GEODATUM", "PERIOD"}:
                    with Within(one.place):
                        self.administration(one)
            if self.state == "DELETE":
                self.gatherer.dropped[DropReason.DELETED] += 1
                return
            shapes = [one for one in sets[1:] if one.name in SHAPES]
            if len(shapes) != 1:
                raise Refusal("feeds_airspace.one_shape_of_measure", "", ", ".join(s.name for s in shapes) or None)
            if shapes[0].name == "APOINT":
                with Within(shapes[0].place):
                    _points(shapes[0].fields, {})
                self.gatherer.dropped[DropReason.NO_AREA] += 1
                return
            with Within(shapes[0].place):
                areas = _areas(shapes[0], _named_points(by_name.get("CNTRLPT", [])))
            levels = by_name.get("EFFLEVEL", [])
            if len(levels) != 1:
                raise Refusal(
                    "feeds_airspace.record_once" if levels else "feeds_airspace.record_missing",
                    "EFFLEVEL",
                    len(levels) or None,
                )
            with Within(levels[0].place):
                band = levels_of(levels[0].fields, self.gatherer.options.ground)
            windows = joined(window for one in self._periods(by_name.get("APERIOD", [])) for window in one)
            self.gatherer.add(name, [(area, band) for area in areas], windows)

    def _period(self, one: OrderSet) -> None:
        if len(one.fields) < 2:
            raise Refusal("feeds_airspace.moment_of_order", "", printable_line("/".join(one.fields)))
        start, end = one.fields[:2]
        self.start = moment_of(start, "start", self.near)
        self.near = self.start
        self.end = None if without_label(end) in OPEN_ENDS else window_between(start, end, self.near).end

    def _periods(self, sets: list[OrderSet]) -> Iterator[tuple[TimeWindow, ...]]:
        if not sets:
            yield self.gatherer.asked_about(self.start, self.end, "APERIOD")
        for one in sets:
            with Within(one.place):
                mode, *fields = one.fields
                fields = [field for field in fields if field not in {"", "-"}]
                if mode == "DISCRETE" and len(fields) == 2:
                    yield self._discrete(*fields)
                elif mode == "INTERVAL" and len(fields) == 4:
                    yield tuple(self._interval(*fields))
                else:
                    raise Refusal("feeds_airspace.period_of_measure", "", printable_line("/".join(one.fields)))

    def _discrete(self, start: str, end: str) -> tuple[TimeWindow, ...]:
        if without_label(end) in OPEN_ENDS:
            return self.gatherer.asked_about(moment_of(start, "start", self.near), self.end, "end")
        window = window_between(start, end, self.near)
        return self.gatherer.asked_about(window.start, window.end, "end")

    def _interval(self, start: str, end: str, frequency: str, duration: str) -> Iterator[TimeWindow]:
        """The first window again on each of its days, for as long as the duration says."""
        first = window_between(start, end, self.near)
        days = FREQUENCIES.get(frequency)
        if frequency in WEEKDAYS:
            days = frozenset({WEEKDAYS.index(frequency)})
        if days is None:
            raise Refusal("feeds_airspace.period_of_measure", "frequency", printable_line(frequency))
        asked = self.gatherer.options.window
        if without_label(duration) in OPEN_ENDS:
            last = self.end or (asked.end if asked is not None else None)
            if last is None:
                raise Refusal("feeds_airspace.window_of_airspace", "duration", duration)
        elif length := _DURATION.match(duration):
            last = first.start + int(length[1]) * (7 * DAY if length[2].startswith("W") else DAY)
        else:
            last = moment_of(duration, "duration", first.start + timedelta(days=150))
        skipped = 0 if asked is None else max(0, (asked.start - first.end).days)
        until = last if asked is None else min(last, asked.end)
        number = (until - first.start).days + 1
        if number - skipped > LONGEST_SCHEDULE_DAYS:
            raise Refusal(
                "feeds_airspace.schedule_within_a_year", "duration", f"{number} days", most=LONGEST_SCHEDULE_DAYS
            )
        for day in range(skipped, number):
            begins, ends = first.start + day * DAY, first.end + day * DAY
            if begins.weekday() in days and begins < last:
                yield from self.gatherer.asked_about(begins, ends, "end")


def _name(one: OrderSet) -> str:
    labelled = [field for field in one.fields if field.startswith(("NAME:", "DESIG:"))]
    if labelled:
        return without_label(labelled[0])
    return one.fields[1] if len(one.fields) > 1 else ""


def _named_points(sets: list[OrderSet]) -> dict[str, Position]:
    """The control points of a measure by their names, which corridors may go by."""
    return {
        one.fields[1]: position_of(one.fields[2], one.place)
        for one in sets
        if len(one.fields) > 2 and is_position(one.fields[2])
    }


def _points(fields: list[str], named: dict[str, Position]) -> list[Position]:
    return [named[field] if field in named else position_of(field, f"field {n}") for n, field in enumerate(fields, 1)]


def _areas(one: OrderSet, named: dict[str, Position]) -> tuple[Circle | Polygon, ...]:
    """The areas of a shape; raises Refusal naming the field."""
    fields = one.fields
    match one.name:
        case "CIRCLE":
            (radius,), places = _distances(fields, 1)
            (centre,) = _exactly(places, 1, named)
            return (Circle(centre, radius),)
        case "POLYGON":
            return (outline(_points(fields, named), "fields"),)
        case "CORRIDOR":
            (width,), places = _distances(fields, 1)
            return corridor(_points(places, named), width, "fields")
        case "AORBIT":
            return _orbit(fields, named)
        case "RADARC":
            return (_radial_arc(fields, named),)
        case "POLYARC":
            return (_polygon_with_arc(fields, named),)
    raise Refusal("feeds_airspace.shape_with_width", "", one.name)


def _distances(fields: list[str], count: int) -> tuple[list[float], list[str]]:
    """The distances among the fields, of which there have to be so many, and the other fields."""
    found = [distance_m(field, "distance") for field in fields if is_distance(field)]
    if len(found) != count:
        raise Refusal("feeds_airspace.distance_with_unit", "distance", printable_line("/".join(fields)))
    return found, [field for field in fields if not is_distance(field)]


def _exactly(fields: list[str], count: int, named: dict[str, Position]) -> list[Position]:
    if len(fields) != count:
        raise Refusal("feeds_airspace.fields_of_set", "", printable_line("/".join(fields)), count=count)
    return _points(fields, named)


def _orbit(fields: list[str], named: dict[str, Position]) -> tuple[Circle | Polygon, ...]:
    """A racetrack about two points, or to the left or right of the line between them, with round ends."""
    (width,), rest = _distances(fields, 1)
    side = rest.pop() if len(rest) == 3 else "C"
    if side not in {"C", "L", "R", "-"}:
        raise Refusal("feeds_airspace.side_of_orbit", "alignment", printable_line(side))
    first, last = _exactly(rest, 2, named)
    if side in {"L", "R"}:
        turn = -90.0 if side == "L" else 90.0
        ahead, back = bearing_and_distance(first, last)[0], bearing_and_distance(last, first)[0]
        first, last = reached(first, ahead + turn, width / 2.0), reached(last, back - turn, width / 2.0)
    return (*corridor([first, last], width, "fields"), Circle(first, width / 2.0), Circle(last, width / 2.0))


def _radial_arc(fields: list[str], named: dict[str, Position]) -> Polygon | Circle:
    (inner, outer), rest = _distances(fields, 2)
    if len(rest) != 3 or inner >= outer:
        raise Refusal("feeds_airspace.fields_of_set", "", printable_line("/".join(fields)), count=5)
    (centre,) = _points(rest[:1], named)
    start, end = bearing_deg(rest[1], "first bearing"), bearing_deg(rest[2], "second bearing")
    if start % 360.0 == end % 360.0:
        # All round: with the disc within, which only makes it larger.
        return Circle(centre, outer)
    return sector(centre, start, end, inner, outer, "fields")


def _polygon_with_arc(fields: list[str], named: dict[str, Position]) -> Polygon:
    """An arc clockwise about an origin between two bearings, and then points."""
    if len(fields) < 5:
        raise Refusal("feeds_airspace.fields_of_set", "", printable_line("/".join(fields)), count=5)
    (origin,) = _points(fields[:1], named)
    radius = distance_m(fields[2], "radius")
    start, end = bearing_deg(fields[1], "first bearing"), bearing_deg(fields[3], "second bearing")
    arc: Arc = arc_by_bearings(origin, radius, start, end, clockwise=True)
    return outline([arc, *_points(fields[4:], named)], "fields")
