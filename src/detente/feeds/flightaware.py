"""Tracks of FlightAware: the table of its track log as CSV, and the positions of its service, CSV or JSON (AeroAPI).

Altitudes are those of the transponder, on standard pressure: feet in the track log, hundreds of feet from the
service. The track log has times of day in a zone that only an abbreviation names, and no date; both must come with
it. Positions that FlightAware reckoned itself are left out.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from detente.airspace.refusal import Refusal
from detente.feeds.csv_rows import csv_rows
from detente.feeds.dropped import Dropped, DropReason, dropped_in_order
from detente.feeds.reports import UNKNOWN, Reports
from detente.feeds.routes import RouteOptions
from detente.feeds.source import (
    Within,
    brief,
    decimal_number,
    decode_json,
    identifier_of,
    instant,
    plausible_instant,
    printable_line,
)
from detente.feeds.track_columns import TrackColumns

LOG_COLUMNS = ("latitude", "longitude", "course", "kts", "mph", "feet", "rate", "reporting facility")
"""The columns of a track log beside the one of times, whose name has the zone in it."""

SERVICE_COLUMNS = ("timestamp", "latitude", "longitude", "altitude", "update_type")
SERVICE_OTHERS = frozenset({"fa_flight_id", "altitude_change", "groundspeed", "heading", "ident", "id", "registration"})
RECKONED = frozenset("PV")
"""Kinds of positions that nobody saw: projected and virtual."""

SEEN = frozenset("OZAMDXS")
HUNDRED = 100.0
NO_REPORT = ("departure", "arrival", "taxi", "left gate", "gate arrival", "gap in available data", "diverted")
RECKONED_BY = ("estimated", "approximate")
"""How the source of a row begins that says an occurrence, or that nobody saw the position."""

_TIME_COLUMN = re.compile(r"time(?: \(([a-z+\-\d:]{1,9})\))?\Z", re.ASCII)
_CLOCK = re.compile(r"(MON|TUE|WED|THU|FRI|SAT|SUN)[A-Z]* (\d{1,2}):([0-5]\d):([0-5]\d)(?: ?([AP]M))?\Z", re.ASCII)
_DAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
_THOUSANDS = re.compile(r"-?\d{1,3}(?:,\d{3})+\Z", re.ASCII)
_UTC_NAMES = frozenset({"utc", "gmt", "z"})


def is_track_log(names: set[str]) -> bool:
    """Whether these names, in small letters, are those of a track log's columns."""
    return names >= set(LOG_COLUMNS) and any(_TIME_COLUMN.match(name) for name in names)


def is_service_track(names: set[str]) -> bool:
    """Whether these names, in small letters, are those of positions as the service gives them."""
    return names >= set(SERVICE_COLUMNS)


def read_flightaware(
    content: bytes, utc_offset: timedelta | None, options: RouteOptions, flight_id: str
) -> tuple[TrackColumns, tuple[Dropped, ...]]:
    """Return the reports of the flight, and how many rows are none.

    Raises Refusal naming line and column, or what has to come with the file.
    """
    if content.lstrip().startswith(b"{"):
        return _of_answer(content, flight_id)
    header, rows, lines = csv_rows(content)
    names = [name.lower() for name in header]
    service = is_service_track(set(names))
    if not service and not is_track_log(set(names)):
        raise Refusal(
            "feeds.columns_of_format", "columns", printable_line(", ".join(header)), columns=", ".join(LOG_COLUMNS)
        )
    for name in names:
        known = (
            name in SERVICE_COLUMNS or name in SERVICE_OTHERS
            if service
            else name in LOG_COLUMNS or bool(_TIME_COLUMN.match(name))
        )
        if not known or names.count(name) > 1:
            raise Refusal("routes.known_column", "columns", printable_line(name))
    log = _Log(utc_offset, options, flight_id) if not service else None
    reports, dropped = Reports(), Counter[DropReason]()
    for line, row in zip(lines, rows, strict=True):
        with Within(f"line {line}"):
            values = {name: value.strip() for name, value in zip(names, row, strict=True)}
            if log is None:
                dropped[DropReason.RECKONED] += not _add_of_service(reports, values, flight_id)
                continue
            source = values["reporting facility"].lower()
            if source.startswith(NO_REPORT):
                dropped[DropReason.NO_REPORT] += 1
            elif source.startswith(RECKONED_BY):
                dropped[DropReason.RECKONED] += 1
            else:
                log.add(reports, names, values)
    return reports.columns(), dropped_in_order(dropped)


def _of_answer(content: bytes, flight_id: str) -> tuple[TrackColumns, tuple[Dropped, ...]]:
    """The reports of an answer of the service in JSON, which has the same names as its CSV."""
    document = decode_json(content)
    positions = document.get("positions") if isinstance(document, dict) else None
    if not isinstance(positions, list):
        raise Refusal("routes.json_list", "positions", brief(positions))
    reports, dropped = Reports(), Counter[DropReason]()
    for number, position in enumerate(positions):
        with Within(f"positions[{number}]"):
            if not isinstance(position, dict):
                raise Refusal("feeds.json_object", "", brief(position))
            for name in position:
                if name not in SERVICE_COLUMNS and name not in SERVICE_OTHERS:
                    raise Refusal("routes.known_column", printable_line(name), brief(position[name]))
            dropped[DropReason.RECKONED] += not _add_of_service(
                reports, {name: _text(position.get(name)) for name in (*SERVICE_COLUMNS, *SERVICE_OTHERS)}, flight_id
            )
    return reports.columns(), dropped_in_order(dropped)


def _text(value: object) -> str:
    """A value of JSON as CSV would have it."""
    if value is None:
        return ""
    return value if isinstance(value, str) else repr(value)


def _add_of_service(reports: Reports, values: Mapping[str, str], flight_id: str) -> bool:
    kind = values["update_type"].upper()
    if kind in RECKONED:
        return False
    if kind not in SEEN:
        raise Refusal("routes.kind_of_position", "update_type", printable_line(kind))
    heading = values.get("heading", "")
    reports.add(
        instant(values["timestamp"], "timestamp").timestamp(),
        decimal_number(values["latitude"], "latitude"),
        decimal_number(values["longitude"], "longitude"),
        decimal_number(values["altitude"], "altitude") * HUNDRED if values["altitude"] else UNKNOWN,
        track_deg=decimal_number(heading, "heading") if heading else UNKNOWN,
        flight_id=identifier_of(values.get("ident", "") or values.get("fa_flight_id", "")) or flight_id,
    )
    return True


class _Log:
    """The clock of a track log: each time is the next one after the time before it."""

    def __init__(self, utc_offset: timedelta | None, options: RouteOptions, flight_id: str) -> None:
        self.utc_offset = utc_offset
        self.options = options
        self.flight_id = flight_id
        self.before: datetime | None = None

    def add(self, reports: Reports, names: list[str], values: Mapping[str, str]) -> None:
        column = next(name for name in names if _TIME_COLUMN.match(name))
        time = self._time(column, values[column])
        feet = values["feet"]
        reports.add(
            time.timestamp(),
            decimal_number(values["latitude"], "latitude"),
            decimal_number(values["longitude"], "longitude"),
            decimal_number(feet.replace(",", "") if _THOUSANDS.match(feet) else feet, "feet") if feet else UNKNOWN,
            flight_id=self.flight_id,
        )

    def _time(self, column: str, text: str) -> datetime:
        found = _CLOCK.match(" ".join(text.upper().split()))
        hour = int(found[2]) if found is not None else 0
        if found is None or (not 1 <= hour <= 12 if found[5] else hour > 23):
            raise Refusal("routes.day_and_clock", column, printable_line(text))
        if found[5]:
            hour = hour % 12 + (12 if found[5] == "PM" else 0)
        clock = timedelta(hours=hour, minutes=int(found[3]), seconds=int(found[4]))
        day = _DAYS.index(found[1])
        zone = _TIME_COLUMN.match(column)
        offset = timedelta(0) if zone is not None and zone[1] in _UTC_NAMES else self.utc_offset
        if offset is None:
            raise Refusal("feeds.utc_offset", column, printable_line(text))
        if self.before is None:
            if self.options.start is None:
                raise Refusal("routes.day_of_clock", column, printable_line(text))
            self.before = (self.options.needed_start() + offset).replace(hour=0, minute=0, second=0, microsecond=0)
            days = (day - self.before.weekday()) % 7
        else:
            days = (day - self.before.weekday()) % 7
            if days > 1 or (days == 0 and clock < self._clock_before()):
                raise Refusal("routes.clock_in_order", column, printable_line(text))
        local = self.before.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=days) + clock
        self.before = local
        return plausible_instant((local - offset).replace(tzinfo=UTC), column)

    def _clock_before(self) -> timedelta:
        assert self.before is not None
        return timedelta(hours=self.before.hour, minutes=self.before.minute, seconds=self.before.second)
