"""Position reports of flown tracks as columns, whatever file they come from.

One row is one report. The columns, by name:

- `timestamp`: UTC with its offset (CSV: ISO 8601; Parquet: a timestamp with time zone);
- `icao24`: the aircraft's address, hexadecimal in either case, with "~" before one that is not the aircraft's own;
- `latitude`, `longitude`: decimal degrees on WGS 84, empty where the report has none;
- `altitude`: feet on standard pressure (the altimeter set to 1013.25 hPa), empty where unknown;
- optional: `flight_id` (reports of one flight), `callsign`, `onground`, `track` (degrees true).

Other columns are left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detente.airspace.arrays import Floats
from detente.airspace.refusal import Refusal
from detente.feeds.source import EARLIEST, LATEST, printable_line

REQUIRED = ("timestamp", "icao24", "latitude", "longitude", "altitude")
OPTIONAL = ("flight_id", "callsign", "onground", "track")
TEXTS = ("icao24", "callsign", "flight_id")
LONGEST_TEXT = 64
MAX_REPORTS = 5_000_000
"""So many are in memory at a time, at the most."""

Texts = NDArray[np.object_]


@dataclass(frozen=True, slots=True)
class TrackColumns:
    """Reports in the order of the file; all arrays have one entry a report.

    Attributes:
        time_s: seconds since 1970-01-01T00:00:00Z.
        latitude_deg: degrees, NaN where the report has no position.
        longitude_deg: likewise.
        altitude_ft: feet on standard pressure, NaN where unknown.
        track_deg: course over ground, degrees true, NaN where unknown.
        on_ground: whether the source said so.
        icao24: address.
        callsign: empty where unknown.
        flight_id: empty where the file has none.
        first_row: the number of the file's first row, as people count the rows of the format.
        rows: for each report the number of its row from the first, counted from 0; None where these are all rows.
    """

    time_s: Floats
    latitude_deg: Floats
    longitude_deg: Floats
    altitude_ft: Floats
    track_deg: Floats
    on_ground: NDArray[np.bool_]
    icao24: Texts
    callsign: Texts
    flight_id: Texts
    first_row: int = 2
    rows: NDArray[np.int64] | None = None

    def row(self, report: int) -> int:
        """Return the row of a report, as people count."""
        return self.first_row + (report if self.rows is None else int(self.rows[report]))

    def since(self, report: int) -> TrackColumns:
        """Return the reports from this one on."""
        columns: dict[str, Any] = {name: getattr(self, name)[report:] for name in COLUMNS}
        return TrackColumns(**columns, first_row=self.first_row + report)


COLUMNS = tuple(field.name for field in fields(TrackColumns) if field.name not in {"first_row", "rows"})


def joined(batches: Iterable[TrackColumns]) -> TrackColumns:
    """Return batches, at least one, as one; raises Refusal for more than `MAX_REPORTS` reports."""
    held: list[TrackColumns] = []
    reports = 0
    for batch in batches:
        held.append(batch)
        reports += len(batch.time_s)
        if reports > MAX_REPORTS:
            raise Refusal("feeds.at_most_rows", "rows", f"over {MAX_REPORTS:,}", most=MAX_REPORTS)
    if len(held) == 1:
        return held[0]
    columns: dict[str, Any] = {name: np.concatenate([getattr(batch, name) for batch in held]) for name in COLUMNS}
    return TrackColumns(**columns, first_row=held[0].first_row)


def words_of(column: Any, meant: Callable[[str], str]) -> Texts:  # noqa: ANN401 - pyarrow carries no types
    """Return the words of a dictionary column of pyarrow, each kind of them made by `meant` once; nothing for null."""
    combined = column.combine_chunks()
    combined = combined.chunk(0) if hasattr(combined, "chunk") else combined
    words = np.array([*(meant(word or "") for word in combined.dictionary.to_pylist()), ""], dtype=object)
    return np.asarray(words[combined.indices.fill_null(len(words) - 1).to_numpy(zero_copy_only=False)])


def check_header(names: Sequence[str]) -> None:
    """Raise Refusal unless every required column is there once and no other column that is read is there twice."""
    for name in REQUIRED:
        if names.count(name) != 1:
            raise Refusal(
                "feeds.one_column", "columns", printable_line(", ".join(names)), name=name, required=", ".join(REQUIRED)
            )
    for name in OPTIONAL:
        if names.count(name) > 1:
            raise Refusal("feeds.every_column_once", "columns", name)


def short_text(text: str, name: str) -> str:
    """Return `text`, an address in lower case; raises Refusal when it is longer than any address or callsign."""
    if len(text) > LONGEST_TEXT:
        raise Refusal("feeds.at_most_characters", name, printable_line(text), most=LONGEST_TEXT)
    return text.lower() if name == "icao24" else text


def checked(columns: TrackColumns) -> TrackColumns:
    """Refuse the first row whose time, position or altitude no aircraft can have."""
    for name, values, lowest, highest, code in (
        ("timestamp", columns.time_s, EARLIEST.timestamp(), LATEST.timestamp(), "feeds.time_of_report"),
        ("latitude", columns.latitude_deg, -90.0, 90.0, "feeds.latitude_of_report"),
        ("longitude", columns.longitude_deg, -180.0, 180.0, "feeds.longitude_of_report"),
        ("altitude", columns.altitude_ft, -6_000.0, 200_000.0, "feeds.altitude_of_report"),
    ):
        bad = np.flatnonzero((values < lowest) | (values > highest))
        if bad.size:
            raise Refusal(code, f"row {columns.row(int(bad[0]))}: {name}", float(values[bad[0]]))
    return columns
