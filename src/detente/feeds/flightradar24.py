"""The track of one flight as Flightradar24 exports it: CSV with Timestamp, UTC, Callsign, Position and Altitude.

Altitudes are feet on standard pressure; zero is how it says that the aircraft is on the ground.
"""

from __future__ import annotations

from detente.airspace.refusal import Refusal
from detente.feeds.csv_rows import csv_rows
from detente.feeds.reports import UNKNOWN, Reports
from detente.feeds.source import Within, decimal_number, identifier_of, instant, printable_line
from detente.feeds.track_columns import TrackColumns

COLUMNS = ("timestamp", "callsign", "position", "altitude")
"""The columns without which a file is no such track; `utc`, `speed` and `direction` may be there."""


def read_flightradar24(content: bytes) -> TrackColumns:
    """Return the reports of the flight; raises Refusal naming line and column."""
    header, rows, lines = csv_rows(content)
    names = [name.lower() for name in header]
    for name in (*COLUMNS, "utc", "direction"):
        if names.count(name) > 1 or (name in COLUMNS and name not in names):
            raise Refusal(
                "feeds.columns_of_format", "columns", printable_line(", ".join(header)), columns=", ".join(COLUMNS)
            )
    reports = Reports()
    for line, row in zip(lines, rows, strict=True):
        with Within(f"line {line}"):
            _add(reports, {name: value.strip() for name, value in zip(names, row, strict=True)})
    return reports.columns()


def _add(reports: Reports, values: dict[str, str]) -> None:
    time_s = decimal_number(values["timestamp"], "Timestamp")
    if values.get("utc") and abs(instant(values["utc"], "UTC").timestamp() - time_s) >= 1.0:
        raise Refusal("feeds.time_of_timestamp", "UTC", printable_line(values["utc"]))
    latitude, comma, longitude = values["position"].partition(",")
    if not comma:
        raise Refusal("feeds.latitude_comma_longitude", "Position", printable_line(values["position"]))
    altitude_ft = decimal_number(values["altitude"], "Altitude") if values["altitude"] else UNKNOWN
    direction = values.get("direction", "")
    reports.add(
        time_s,
        decimal_number(latitude.strip(), "Position"),
        decimal_number(longitude.strip(), "Position"),
        altitude_ft,
        track_deg=decimal_number(direction, "Direction") if direction else UNKNOWN,
        on_ground=altitude_ft == 0.0,
        callsign=values["callsign"],
        flight_id=identifier_of(values["callsign"]) or "flight",
    )
