"""Flown tracks from CSV with a header line; the columns are those of `track_columns`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from detente.airspace.refusal import Refusal
from detente.feeds.csv_batches import UnusualError, csv_batches
from detente.feeds.csv_rows import csv_rows
from detente.feeds.report_values import GROUND, column_names, without_null
from detente.feeds.source import MAX_TEXT_BYTES, Within, decimal_number, instant, printable_line, read_bytes
from detente.feeds.track_columns import (
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


def csv_columns(path: Path) -> Iterator[TrackColumns]:
    """Yield the reports of a CSV file with a header line, in batches; raises Refusal naming line and column."""
    given = 0
    try:
        for batch in csv_batches(path, PARSERS):
            yield checked(batch)
            given += len(batch.time_s)
    except UnusualError as error:
        unusual = printable_line(str(error))
    else:
        return
    try:
        whole = read_row_by_row(path, MAX_TEXT_BYTES)
    except Refusal as refusal:
        if refusal.code != "feeds.at_most_bytes":
            raise
        # Too long to be read as a whole: what stood in the way of pieces is what its user can mend.
        raise Refusal(
            "feeds.long_table_plain", f"from row {given + 2:,} on", unusual, limit_bytes=MAX_TEXT_BYTES
        ) from None
    yield whole.since(given)


def read_row_by_row(path: Path, limit_bytes: int = MAX_TEXT_BYTES) -> TrackColumns:
    """Return the same reports from the file as a whole; raises Refusal naming line and column."""
    header, rows, _ = csv_rows(read_bytes(path, limit_bytes))
    header = column_names(header)
    check_header(header)
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
            altitude_ft=np.array(parsed("altitude", _altitude), dtype=np.float64),
            track_deg=np.array(parsed("track", _optional_number), dtype=np.float64),
            on_ground=np.array(parsed("onground", _truth), dtype=np.bool_)
            | np.array([_says_ground(value) for value in columns["altitude"]], dtype=np.bool_),
            icao24=_texts(columns["icao24"], "icao24"),
            callsign=_texts(columns.get("callsign", empty), "callsign"),
            flight_id=_texts(columns.get("flight_id", empty), "flight_id"),
        )
    )


def _timestamp(text: str, name: str) -> float:
    return instant(text.strip(), name).timestamp()


def _optional_number(text: str, name: str) -> float:
    known = without_null(text)
    return decimal_number(known, name) if known else float("nan")


def _says_ground(text: str) -> bool:
    return text.strip().lower() == GROUND


def _altitude(text: str, name: str) -> float:
    return float("nan") if _says_ground(text) else _optional_number(text, name)


def _truth(text: str, name: str) -> bool:
    word = without_null(text).lower()
    if word in TRUE_WORDS:
        return True
    if word in FALSE_WORDS:
        return False
    raise Refusal("feeds.true_or_false", name, printable_line(text))


def _ground(text: str, name: str) -> bool:  # noqa: ARG001 - as all parsers are called
    return _says_ground(text)


def _text(text: str, name: str) -> str:
    return short_text(without_null(text), name)


PARSERS: dict[str, Callable[[str, str], Any]] = {
    "timestamp": _timestamp, "latitude": _optional_number, "longitude": _optional_number, "altitude": _altitude,
    "track": _optional_number, "onground": _truth, "ground": _ground, "icao24": _text, "callsign": _text,
    "flight_id": _text,
}  # fmt: skip
"""How a word of a column is read, by the column's name; "ground" is what an altitude says of the ground."""


def _texts(values: list[str], name: str) -> Texts:
    array = np.empty(len(values), dtype=object)
    array[:] = [_text(value, name) for value in values]
    return array
