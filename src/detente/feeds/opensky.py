"""State vectors of the OpenSky Network: CSV of its history, and the JSON of its service.

Altitudes are barometric, in metres on standard pressure; `geoaltitude` is on another reference and left alone. A state
vector repeats the last known position for up to 15 s, so its time is that of the position and not of the vector.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from detente.airspace.altitude import FOOT_M
from detente.airspace.refusal import Refusal
from detente.feeds.csv_rows import csv_rows
from detente.feeds.report_values import without_null
from detente.feeds.reports import UNKNOWN, Reports, address
from detente.feeds.source import Within, brief, decimal_number, json_number, printable_line
from detente.feeds.track_columns import TrackColumns

COLUMNS = ("time", "icao24", "lat", "lon", "baroaltitude", "onground")
"""The columns without which a file is no history of state vectors."""

OPTIONAL_COLUMNS = ("lastposupdate", "heading", "callsign")
_STATE_LENGTH = 17


def read_history(content: bytes) -> TrackColumns:
    """Return the reports of a CSV file of state vectors; raises Refusal naming line and column."""
    header, rows, lines = csv_rows(content)
    places = _places([name.lower() for name in header])
    reports = Reports()
    for line, row in zip(lines, rows, strict=True):
        with Within(f"line {line}"):
            values = {name: without_null(row[place]) for name, place in places.items()}
            moment = "lastposupdate" if values.get("lastposupdate") else "time"
            reports.add(
                decimal_number(values[moment], moment),
                _number(values["lat"], "lat"),
                _number(values["lon"], "lon"),
                _number(values["baroaltitude"], "baroaltitude") / FOOT_M,
                track_deg=_number(values.get("heading", ""), "heading"),
                on_ground=_truth(values["onground"]),
                icao24=address(values["icao24"], "icao24"),
                callsign=values.get("callsign", ""),
            )
    return reports.columns()


def read_states(document: dict[str, Any]) -> TrackColumns:
    """Return the reports of an answer of the service; raises Refusal naming the state and its place."""
    states = document.get("states")
    if not isinstance(states, list):
        raise Refusal("feeds.list_of_states", "states", brief(states))
    reports = Reports()
    for index, state in enumerate(states):
        with Within(f"states[{index}]"):
            if not isinstance(state, list) or len(state) < _STATE_LENGTH or not isinstance(state[8], bool):
                raise Refusal("feeds.list_of_states", "", brief(state))
            latitude_deg, longitude_deg = _optional(state[6], "[6]"), _optional(state[5], "[5]")
            reports.add(
                json_number(state[4] if state[3] is None else state[3], "[3]"),
                # Without the time of the position it is nobody knows how old.
                UNKNOWN if state[3] is None else latitude_deg,
                longitude_deg,
                _optional(state[7], "[7]") / FOOT_M,
                track_deg=_optional(state[10], "[10]"),
                on_ground=state[8],
                icao24=address(state[0], "[0]"),
                callsign=state[1].strip() if isinstance(state[1], str) else "",
            )
    return reports.columns()


def _places(header: Sequence[str]) -> dict[str, int]:
    for name in (*COLUMNS, *OPTIONAL_COLUMNS):
        if header.count(name) > 1 or (name in COLUMNS and name not in header):
            raise Refusal(
                "feeds.columns_of_format", "columns", printable_line(", ".join(header)), columns=", ".join(COLUMNS)
            )
    return {name: header.index(name) for name in (*COLUMNS, *OPTIONAL_COLUMNS) if name in header}


def _number(text: str, field: str) -> float:
    return decimal_number(text, field) if text else UNKNOWN


def _optional(raw: object, field: str) -> float:
    return UNKNOWN if raw is None else json_number(raw, field)


def _truth(text: str) -> bool:
    if text.lower() not in {"true", "false", "0", "1"}:
        raise Refusal("feeds.true_or_false", "onground", printable_line(text))
    return text.lower() in {"true", "1"}
