"""Flight plans as ICAO messages (Doc 4444, Appendices 2 and 3): filed flight plans, fields 7 to 18.

The flight leaves its blocks at the estimated time and flies its route at the speeds filed, as if there were no
wind; the total elapsed time that is filed too says how wrong that may be, and widens the plan by the difference.
Between the ground and its level it climbs and sinks at the rate given beside the file.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from detente.airspace.plan import Plan, Trajectory
from detente.airspace.position import Position
from detente.airspace.refusal import Refusal
from detente.feeds.dropped import Dropped, DropReason, dropped_by_name
from detente.feeds.icao_route import coordinates, filed_route, place
from detente.feeds.routes import Leg, RouteOptions, flown, profile_of
from detente.feeds.source import Within, decode_text, plausible_instant, printable_line

MAX_MESSAGES = 50_000
MOST_ELEMENTS = 1_000_000
"""Of the routes of all messages together."""

LONGEST_MESSAGE = 20_000

_BEGINNING = re.compile(r"\(([A-Z]{3})(?=[-A-Z/0-9])")
_MESSAGE = re.compile(r"\(FPL[A-Z0-9/]{0,30}-([^()]*)\)\s*\Z")
_IDENTITY = re.compile(r"([A-Z0-9]{1,7})(?:/A[0-7]{4})?\Z", re.ASCII)
_RULES = re.compile(r"[IVYZ][SNGMX]?\Z", re.ASCII)
_TYPE = re.compile(r"(?:\d{1,2})?[A-Z][A-Z0-9]{1,3}/[LMHJ]\Z", re.ASCII)
_PLACE_TIME = re.compile(r"([A-Z]{4})([01]\d|2[0-3])([0-5]\d)\Z", re.ASCII)
_END = re.compile(r"([A-Z]{4})(\d\d)([0-5]\d)(?: [A-Z]{4}){0,2}\Z", re.ASCII)
_SUPPLEMENT = re.compile(r"[EPRSJDACN]/")
_INDICATOR = re.compile(r"(?:^| )([A-Z]{3,4})/")
_DATE = re.compile(r"(\d\d)(\d\d)(\d\d)\Z", re.ASCII)

NOT_NAMED, IN_FLIGHT = "ZZZZ", "AFIL"
LEFT_ALONE = frozenset(
    {"STS", "PBN", "NAV", "COM", "DAT", "SUR", "EET", "SEL", "TYP", "CODE", "REG", "OPR", "ORGN", "PER", "ALTN",
     "RALT", "TALT", "RIF", "RMK", "RVR", "RFP", "IFP", "SRC", "EUR", "AWR"}
)  # fmt: skip
"""Indicators of field 18 that say nothing of where the flight is when; DOF, DEP and DEST are read."""


class _Parts(NamedTuple):
    """The fields of a message by their number."""

    identity: str
    departure: str
    route: str
    destination: str
    other: Mapping[str, str]


def read_icao_plans(content: bytes, options: RouteOptions) -> tuple[tuple[Plan, ...], tuple[Dropped, ...]]:
    """Return one plan a message, and how many items were left alone; raises Refusal naming message and field."""
    text = decode_text(content, allow_mark=True).upper()
    beginnings = list(_BEGINNING.finditer(text))
    before = text[: beginnings[0].start() if beginnings else None].strip()
    if before:
        raise Refusal("routes.fpl_beginning", "line 1", printable_line(before))
    if len(beginnings) > MAX_MESSAGES:
        raise Refusal("routes.at_most_messages", "", len(beginnings), most=MAX_MESSAGES)
    plans: list[Plan] = []
    flights: Counter[str] = Counter()
    begun: set[tuple[str, datetime]] = set()
    dropped: Counter[tuple[DropReason, str]] = Counter()
    line, counted, elements = 1, 0, 0
    for at, beginning in enumerate(beginnings):
        end = beginnings[at + 1].start() if at + 1 < len(beginnings) else len(text)
        line, counted = line + text.count("\n", counted, beginning.start()), beginning.start()
        with Within(f"line {line}"):
            if beginning[1] != "FPL":
                raise Refusal("routes.fpl_message", "field 3", beginning[1])
            if end - beginning.start() > LONGEST_MESSAGE:
                raise Refusal("feeds.at_most_characters", "message", end - beginning.start(), most=LONGEST_MESSAGE)
            parts = _parts(text[beginning.start() : end])
            elements += len(parts.route.split())
            if elements > MOST_ELEMENTS:
                raise Refusal("routes.at_most_elements", "field 15", elements, most=MOST_ELEMENTS)
        with Within(f"flight plan {parts.identity}"):
            trajectory = _trajectory(parts, options)
            start = parts.identity, trajectory.waypoints[0].time
            if start in begun:
                raise Refusal("feeds.identifier_no_other_plan", "field 7", parts.identity)
            begun.add(start)
            flights[parts.identity] += 1
        serial = flights[parts.identity]
        plans.append(Plan(f"{parts.identity}~{serial}" if serial > 1 else parts.identity, trajectory))
        dropped.update((DropReason.FLIGHT_PLAN_ITEM, name) for name in parts.other if name in LEFT_ALONE)
    return tuple(plans), dropped_by_name(dropped)


def _parts(message: str) -> _Parts:
    whole = _MESSAGE.match(message)
    if whole is None:
        raise Refusal("routes.fpl_whole", "", printable_line(message.strip()[-40:]))
    fields = [" ".join(field.split()) for field in whole[1].split("-")]
    if len(fields) < 8:
        raise Refusal("routes.fpl_fields", "", f"{len(fields)} fields")
    # A hyphen among remarks begins no field.
    other = fields[7:]
    supplement = next((at for at, field in enumerate(other) if at and _SUPPLEMENT.match(field)), len(other))
    identity = _IDENTITY.match(fields[0])
    if identity is None:
        raise Refusal("routes.fpl_identity", "field 7", printable_line(fields[0]))
    for number, pattern, text in ((8, _RULES, fields[1]), (9, _TYPE, fields[2])):
        if not pattern.match(text):
            raise Refusal("routes.fpl_field", f"field {number}", printable_line(text))
    if not fields[3] or "/" not in fields[3]:
        raise Refusal("routes.fpl_field", "field 10", printable_line(fields[3]))
    return _Parts(identity[1], fields[4], fields[5], fields[6], _indicators("-".join(other[:supplement])))


def _indicators(text: str) -> dict[str, str]:
    """What each indicator of field 18 says; 0 says that there is none."""
    if text == "0":
        return {}
    starts = list(_INDICATOR.finditer(text))
    if not starts or starts[0].start() != 0:
        raise Refusal("routes.fpl_other", "field 18", printable_line(text))
    found: dict[str, str] = {}
    for at, start in enumerate(starts):
        name = start[1]
        value = text[start.end() : starts[at + 1].start() if at + 1 < len(starts) else len(text)].strip()
        if name in found and name not in LEFT_ALONE:
            raise Refusal("routes.element_once_in_field", f"field 18: {name}", printable_line(value))
        if name not in LEFT_ALONE | {"DOF", "DEP", "DEST"}:
            raise Refusal("routes.fpl_indicator", f"field 18: {name}", printable_line(value))
        found[name] = value
    return found


def _trajectory(parts: _Parts, options: RouteOptions) -> Trajectory:
    departure = _PLACE_TIME.match(parts.departure)
    if departure is None:
        raise Refusal("routes.fpl_departure", "field 13", printable_line(parts.departure))
    end = _END.match(parts.destination)
    if end is None:
        raise Refusal("routes.fpl_destination", "field 16", printable_line(parts.destination))
    start = _start(timedelta(hours=int(departure[2]), minutes=int(departure[3])), parts.other, options)
    in_flight = departure[1] == IN_FLIGHT
    with Within("field 13"):
        first = None if in_flight else _aerodrome(departure[1], parts.other.get("DEP"), options)
    with Within("field 16"):
        last = _aerodrome(end[1], parts.other.get("DEST"), options)
    with Within("field 15"):
        route = filed_route(parts.route, first, options)
        legs = [Leg(*leg) for leg in route.legs]
        legs.append(Leg(last, route.last_speed_m_s, route.last_level))
        profile = profile_of(options, route.unit, route.reference, from_ground=not in_flight, to_ground=True)
        way = flown(route.first, legs, profile, route.unit, route.reference)
    filed_s = int(end[2]) * 3600.0 + int(end[3]) * 60.0
    way.along_s += abs(filed_s - way.knots[-1].seconds)
    return way.trajectory(start, options.containment)


def _start(clock: timedelta, other: Mapping[str, str], options: RouteOptions) -> datetime:
    """The estimated off-block time: on the date of flight, or the next one from the start that was given."""
    if "DOF" in other:
        date = _DATE.match(other["DOF"])
        try:
            day = datetime(2000 + int(date[1]), int(date[2]), int(date[3]), tzinfo=UTC) if date else None
        except ValueError:
            day = None
        if day is None:
            raise Refusal("routes.fpl_date", "field 18: DOF", printable_line(other["DOF"]))
        return plausible_instant(day + clock, "field 18: DOF")
    if options.start is None:
        raise Refusal("routes.fpl_day", "field 18: DOF", None)
    from_then = options.needed_start()
    found = from_then.replace(hour=0, minute=0, second=0, microsecond=0) + clock
    return plausible_instant(found if found >= from_then else found + timedelta(days=1), "start")


def _aerodrome(name: str, other: str | None, options: RouteOptions) -> Position:
    """Where an aerodrome is: among the points that were given, or where field 18 says that one without a name is."""
    if name != NOT_NAMED:
        return place(name, options)
    if other is None:
        raise Refusal("routes.fpl_place_of_aerodrome", "", name)
    # A name may stand before or behind the position.
    words = other.split() or [""]
    return place(next((word for word in words if coordinates(word) is not None), words[0]), options)
