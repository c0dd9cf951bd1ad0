"""Messages of BaseStation (SBS, port 30003): one message a line, 22 fields without header.

Times are the clock of whoever wrote them, without zone; the reader is told the offset from UTC or refuses (R29).
Altitudes are feet on standard pressure. Source: "Socket Data and Bst Files", Kinetic.
"""

from __future__ import annotations

import io
from datetime import timedelta
from enum import IntEnum

from detente.airspace.refusal import Refusal
from detente.feeds.reports import UNKNOWN, Reports, address
from detente.feeds.source import Within, decimal_number, decode_text, instant, printable_line
from detente.feeds.track_columns import TrackColumns

MESSAGES = frozenset({"MSG", "MLAT"})
"""Messages of aircraft; multilateration writes its own under another name."""

OTHER_MESSAGES = frozenset({"SEL", "ID", "AIR", "STA", "CLK"})
"""Messages about the program's list of aircraft; none has a position."""

FIELDS = 22
WITH_POSITION = frozenset({"2", "3"})
WITHOUT_POSITION = frozenset("145678")


class SbsField(IntEnum):
    """Where a message has what, counted from 0."""

    ADDRESS = 4
    DATE = 6
    TIME = 7
    CALLSIGN = 10
    ALTITUDE = 11
    SPEED = 12
    TRACK = 13
    LATITUDE = 14
    LONGITUDE = 15
    CLIMB = 16
    ON_GROUND = 21


def read_sbs(content: bytes, utc_offset: timedelta | None) -> TrackColumns:
    """Return the reports of a file of messages; raises Refusal naming the line and the field."""
    if utc_offset is None:
        raise Refusal("feeds.utc_offset", "time", None)
    offset = _offset(utc_offset)
    text = decode_text(content, allow_mark=False)
    reports = Reports()
    callsigns: dict[str, str] = {}
    for number, line in enumerate(io.StringIO(text), start=1):
        if not line.strip():
            continue
        with Within(f"line {number}"):
            row = [value.strip() for value in line.split(",")]
            kind = row[0]
            if kind in MESSAGES:
                _message(reports, callsigns, row, offset)
            elif kind not in OTHER_MESSAGES:
                raise Refusal("feeds.kind_of_message", "", printable_line(kind))
    return reports.columns()


def _message(reports: Reports, callsigns: dict[str, str], row: list[str], offset: str) -> None:
    if len(row) != FIELDS:
        raise Refusal("feeds.fields_header", "", f"{len(row)} fields", count=FIELDS)
    kind = row[1]
    if kind not in WITH_POSITION | WITHOUT_POSITION:
        raise Refusal("feeds.kind_of_message", "transmission type", printable_line(kind))
    icao24 = address(row[SbsField.ADDRESS], "address")
    if row[SbsField.CALLSIGN]:
        callsigns[icao24] = row[SbsField.CALLSIGN]
    # Some programs write a position into messages of every kind.
    if kind in WITHOUT_POSITION and not (row[SbsField.LATITUDE] and row[SbsField.LONGITUDE]):
        return
    moment = f"{row[SbsField.DATE].replace('/', '-')}T{row[SbsField.TIME]}{offset}"
    reports.add(
        instant(moment, "time").timestamp(),
        _number(row[SbsField.LATITUDE], "latitude"),
        _number(row[SbsField.LONGITUDE], "longitude"),
        _number(row[SbsField.ALTITUDE], "altitude"),
        track_deg=_number(row[SbsField.TRACK], "track"),
        on_ground=_truth(row[SbsField.ON_GROUND]),
        icao24=icao24,
        callsign=callsigns.get(icao24, ""),
    )


def _offset(utc_offset: timedelta) -> str:
    minutes = round(utc_offset.total_seconds() / 60.0)
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"


def _number(text: str, field: str) -> float:
    return decimal_number(text, field) if text else UNKNOWN


def _truth(text: str) -> bool:
    """The flag is -1 or 1 where it is set."""
    if text not in {"", "0", "1", "-1"}:
        raise Refusal("feeds.true_or_false", "ground", printable_line(text))
    return text in {"1", "-1"}
