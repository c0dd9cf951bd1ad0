"""Flown tracks from Parquet; the columns are those of `track_columns`. Needs the extra detente[parquet]."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from detente.airspace.arrays import Floats
from detente.airspace.refusal import Refusal
from detente.feeds.source import printable_line, read_bytes
from detente.feeds.track_columns import (
    MAX_REPORTS,
    OPTIONAL,
    REQUIRED,
    TEXTS,
    Texts,
    TrackColumns,
    check_header,
    checked,
    short_text,
)

if TYPE_CHECKING:
    import pyarrow

MAX_PARQUET_BYTES = 512 * 2**20


def read_parquet_columns(path: Path) -> TrackColumns:
    """Return the reports of a Parquet file; raises Refusal naming row and column, or saying that pyarrow is missing."""
    try:
        import pyarrow  # noqa: PLC0415 - an extra, and slow to import
        import pyarrow.parquet  # noqa: PLC0415
    except ImportError:
        raise Refusal("", "Parquet", "the package pyarrow", "Install it: pip install 'detente[parquet]'.") from None
    content = read_bytes(path, MAX_PARQUET_BYTES)
    try:
        return checked(_from_table(_read_table(content, pyarrow), pyarrow))
    except Refusal:
        raise
    except (pyarrow.ArrowException, OSError, ValueError, TypeError, KeyError, OverflowError, MemoryError) as error:
        raise Refusal("", printable_line(str(error)), "a Parquet file that can be read") from None


def _read_table(content: bytes, pyarrow: Any) -> pyarrow.Table:  # noqa: ANN401 - the module, read on demand
    names = pyarrow.parquet.read_schema(pyarrow.BufferReader(content)).names
    check_header(names)
    # Strings stay in a dictionary: a small hostile file could otherwise repeat a long one without end.
    texts = [name for name in TEXTS if name in names]
    file = pyarrow.parquet.ParquetFile(pyarrow.BufferReader(content), read_dictionary=texts)
    if file.metadata.num_rows > MAX_REPORTS:
        raise Refusal("rows", file.metadata.num_rows, f"at most {MAX_REPORTS:,} rows", "Split the file.")
    table = file.read(columns=[name for name in REQUIRED + OPTIONAL if name in names], use_threads=False)
    return table.unify_dictionaries()


def _from_table(table: pyarrow.Table, pyarrow: Any) -> TrackColumns:  # noqa: ANN401 - the module, read on demand
    kinds = pyarrow.types
    rows = table.num_rows

    def floats(name: str) -> Floats:
        if name not in table.column_names:
            return np.full(rows, np.nan)
        column = table[name]
        if not (kinds.is_floating(column.type) or kinds.is_integer(column.type)):
            raise Refusal(name, str(column.type), "a column of numbers")
        return np.asarray(column.cast(pyarrow.float64()).to_numpy(), dtype=np.float64)

    def texts(name: str) -> Texts:
        if name not in table.column_names:
            return np.full(rows, "", dtype=object)
        column = table[name]
        if not kinds.is_dictionary(column.type) or not _is_text(kinds, column.type.value_type):
            raise Refusal(name, str(column.type), "a column of text")
        combined = column.combine_chunks()
        if isinstance(combined, pyarrow.ChunkedArray):
            combined = combined.chunk(0)
        words = np.array(
            [*(short_text(word or "", name) for word in combined.dictionary.to_pylist()), ""], dtype=object
        )
        return np.asarray(words[combined.indices.cast(pyarrow.int64()).fill_null(len(words) - 1).to_numpy()])

    stamps = table["timestamp"]
    if not kinds.is_timestamp(stamps.type) or stamps.type.tz is None:
        raise Refusal("timestamp", str(stamps.type), "a timestamp with time zone UTC", "Local times are never guessed.")
    if stamps.null_count:
        raise Refusal("timestamp", f"{stamps.null_count} empty", "a time in every row")
    ticks = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}[stamps.type.unit]
    on_ground = np.zeros(rows, dtype=np.bool_)
    if "onground" in table.column_names:
        if not kinds.is_boolean(table["onground"].type):
            raise Refusal("onground", str(table["onground"].type), "a column of true and false")
        on_ground = np.asarray(table["onground"].fill_null(False).to_numpy(), dtype=np.bool_)  # noqa: FBT003
    return TrackColumns(
        time_s=np.asarray(stamps.cast(pyarrow.int64()).to_numpy(), dtype=np.float64) / ticks,
        latitude_deg=floats("latitude"),
        longitude_deg=floats("longitude"),
        altitude_ft=floats("altitude"),
        track_deg=floats("track"),
        on_ground=on_ground,
        icao24=texts("icao24"),
        callsign=texts("callsign"),
        flight_id=texts("flight_id"),
    )


def _is_text(kinds: Any, kind: Any) -> bool:  # noqa: ANN401 - pyarrow carries no types
    return bool(kinds.is_string(kind) or kinds.is_large_string(kind))
