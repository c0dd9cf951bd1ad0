"""Flown tracks from CSV with a header line; the columns are those of `track_columns`."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from detente.airspace.refusal import Refusal
from detente.feeds.source import Within, decimal_number, decode_text, instant, printable_line, read_bytes
from detente.feeds.track_columns import (
    MAX_REPORTS,
    OPTIONAL,
    REQUIRED,
    Texts,
    TrackColumns,
    check_header,
    checked,
    short_text,
)

TRUE_WORDS = frozenset({"true", "1", "t", "yes"})
FALSE_WORDS = frozenset({"", "false", "0", "f", "no"})


def read_csv_columns(path: Path) -> TrackColumns:
    """Return the reports of a CSV file with a header line; raises Refusal naming line and column."""
    text = decode_text(read_bytes(path), allow_mark=True)
    if "\0" in text:
        raise Refusal(f"character {text.index(chr(0)):,}", "a zero byte", "text")
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        check_header(header)
        rows: list[list[str]] = []
        for row in reader:
            if len(rows) >= MAX_REPORTS:
                raise Refusal(f"line {reader.line_num}", f"over {MAX_REPORTS:,} rows", "fewer rows", "Split the file.")
            if not row:
                continue
            if len(row) != len(header):
                raise Refusal(
                    f"line {reader.line_num}", f"{len(row)} fields", f"{len(header)} fields, as the header has"
                )
            rows.append(row)
    except csv.Error as error:
        raise Refusal(f"line {reader.line_num}", printable_line(str(error)), "comma-separated values") from None
    columns = {name: [row[index] for row in rows] for index, name in enumerate(header) if name in REQUIRED + OPTIONAL}
    empty = [""] * len(rows)

    def parsed(name: str, parse: Callable[[str, str], Any]) -> list[Any]:
        values = columns.get(name, empty)
        try:
            return [parse(value, name) for value in values]
        except Refusal:
            for line, value in enumerate(values, start=2):
                with Within(f"row {line}"):
                    parse(value, name)
            raise

    return checked(
        TrackColumns(
            time_s=np.array(parsed("timestamp", _timestamp), dtype=np.float64),
            latitude_deg=np.array(parsed("latitude", _optional_number), dtype=np.float64),
            longitude_deg=np.array(parsed("longitude", _optional_number), dtype=np.float64),
            altitude_ft=np.array(parsed("altitude", _optional_number), dtype=np.float64),
            track_deg=np.array(parsed("track", _optional_number), dtype=np.float64),
            on_ground=np.array(parsed("onground", _truth), dtype=np.bool_),
            icao24=_texts(columns["icao24"], "icao24"),
            callsign=_texts(columns.get("callsign", empty), "callsign"),
            flight_id=_texts(columns.get("flight_id", empty), "flight_id"),
        )
    )


def _timestamp(text: str, name: str) -> float:
    return instant(text.strip(), name).timestamp()


def _optional_number(text: str, name: str) -> float:
    stripped = text.strip()
    return decimal_number(stripped, name) if stripped else float("nan")


def _truth(text: str, name: str) -> bool:
    word = text.strip().lower()
    if word in TRUE_WORDS:
        return True
    if word in FALSE_WORDS:
        return False
    raise Refusal(name, printable_line(text), "true or false")


def _texts(values: list[str], name: str) -> Texts:
    array = np.empty(len(values), dtype=object)
    array[:] = [short_text(value.strip(), name) for value in values]
    return array
