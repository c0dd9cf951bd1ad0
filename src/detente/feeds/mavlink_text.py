"""MAVLink missions as plain text ("QGC WPL 110", https://mavlink.io/en/file_formats/).

The first item is home, above mean sea level, as Mission Planner and QGroundControl write it. The file does not say
what flies: it is read as of an aircraft that stays where it is in the air.
"""

from __future__ import annotations

import re

from detente.airspace.plan import Plan
from detente.airspace.position import Position
from detente.airspace.refusal import Refusal
from detente.feeds.missions import (
    FRAMES_MSL,
    MAX_ITEMS,
    WAYPOINT,
    Aircraft,
    Home,
    Kind,
    MissionItem,
    mission_trajectory,
)
from detente.feeds.qgroundcontrol import DRONE_CLASS, UNKNOWN
from detente.feeds.routes import RouteOptions
from detente.feeds.source import Within, decimal_number, decode_text, printable_line

FIRST_LINE = "QGC WPL 110"
FIELDS = 12
_WHOLE = re.compile(r"\d{1,6}\Z", re.ASCII)


def read_mavlink_text(content: bytes, options: RouteOptions, plan_id: str) -> tuple[Plan, ...]:
    """Return the mission as the plan `plan_id`; raises Refusal naming the line."""
    lines = decode_text(content, allow_mark=True).split("\n")
    if " ".join(lines[0].split()) != FIRST_LINE:
        raise Refusal("routes.first_line", "line 1", printable_line(lines[0].strip()), first_line=FIRST_LINE)
    items: list[MissionItem] = []
    for number, line in enumerate(lines[1:], start=2):
        if not line.strip():
            continue
        if len(items) > MAX_ITEMS:
            raise Refusal("routes.at_most_items", f"line {number}", len(items), most=MAX_ITEMS)
        with Within(f"line {number}"):
            items.append(_item(line.split(), len(items), f"line {number}"))
    if not items:
        raise Refusal("routes.mission_that_flies", "", "no items")
    first = items[0]
    if first.command != WAYPOINT or first.frame not in FRAMES_MSL or first.params[4:6] == (0.0, 0.0):
        raise Refusal("routes.home_first", first.place, list(first.params[4:7]))
    with Within(first.place):
        home = Home(Position(*first.params[4:6]), first.params[6])
    trajectory = mission_trajectory(home, Aircraft(Kind.HOVERING, None, None), items[1:], options)
    return (Plan(plan_id, trajectory, DRONE_CLASS),)


def _item(fields: list[str], expected: int, place: str) -> MissionItem:
    if len(fields) != FIELDS:
        raise Refusal("feeds.fields_header", "", f"{len(fields)} fields", count=FIELDS)
    numbers = []
    for field, text in zip(("index", "current", "frame", "command"), fields[:4], strict=True):
        if not _WHOLE.match(text):
            raise Refusal("routes.whole_number", field, printable_line(text))
        numbers.append(int(text))
    if numbers[0] != expected:
        raise Refusal("routes.items_in_order", "index", numbers[0], expected=expected)
    if fields[11] != "1":
        raise Refusal("routes.goes_on_by_itself", "autocontinue", printable_line(fields[11]))
    params = tuple(
        UNKNOWN if text.lower() == "nan" else decimal_number(text, f"param{at}")
        for at, text in enumerate(fields[4:11], start=1)
    )
    return MissionItem(place, numbers[3], numbers[2], params)
