"""Flown tracks from Parquet; the columns are those of `track_columns`. Needs the extra detente[parquet]."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from detente.airspace.arrays import Floats
from detente.airspace.refusal import Refusal
from detente.feeds.report_values import column_names, without_null
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
        raise Refusal("feeds.package_pyarrow", "", "Parquet") from None
    content = read_bytes(path, MAX_PARQUET_BYTES)
    try:
        return checked(_from_table(_read_table(content, pyarrow), pyarrow))
    except Refusal:
        raise
    except (pyarrow.ArrowException, OSError, ValueError, TypeError, KeyError, OverflowError, MemoryError) as error:
        raise Refusal("feeds.parquet_file_readable", "", printable_line(str(error))) from None


def _read_table(content: bytes, pyarrow: Any) -> pyarrow.Table:  # noqa: ANN401 - the module, read on demand
    written = pyarrow.parquet.read_schema(pyarrow.BufferReader(content)).names
    names = column_names(written)
    check_header(names)
    # Strings stay in a dictionary: a small hostile file could otherwise repeat a long one without end.
    texts = [old for old, name in zip(written, names, strict=True) if name in TEXTS]
    file = pyarrow.parquet.ParquetFile(
        pyarrow.BufferReader(content), read_dictionary=texts, coerce_int96_timestamp_unit="us"
    )
    if file.metadata.num_rows > MAX_REPORTS:
        raise Refusal("feeds.at_most_rows", "rows", file.metadata.num_rows, most=MAX_REPORTS)
    used = {old: name for old, name in zip(written, names, strict=True) if name in REQUIRED + OPTIONAL}
    table = file.read(columns=list(used), use_threads=False)
    table = table.rename_columns([used[old] for old in table.column_names])
    return _int96_as_utc(table, file, pyarrow).unify_dictionaries()


def _int96_as_utc(table: pyarrow.Table, file: Any, pyarrow: Any) -> pyarrow.Table:  # noqa: ANN401 - as above
    """Give the oldest kind of timestamp its zone: those who write it (Spark, Hive) write instants in UTC."""
    columns = [file.schema.column(number) for number in range(len(file.schema))]
    oldest = {column_names([column.path])[0] for column in columns if column.physical_type == "INT96"}
    if "timestamp" not in oldest:
        return table
    at = table.column_names.index("timestamp")
    return table.set_column(at, "timestamp", table["timestamp"].cast(pyarrow.timestamp("us", tz="UTC")))


def _from_table(table: pyarrow.Table, pyarrow: Any) -> TrackColumns:  # noqa: ANN401 - the module, read on demand
    kinds = pyarrow.types
    rows = table.num_rows

    def floats(name: str) -> Floats:
        if name not in table.column_names:
            return np.full(rows, np.nan)
        column = table[name]
        if not (kinds.is_floating(column.type) or kinds.is_integer(column.type) or kinds.is_decimal(column.type)):
            raise Refusal("feeds.column_numbers", name, str(column.type))
        return np.asarray(column.cast(pyarrow.float64()).to_numpy(), dtype=np.float64)

    def texts(name: str) -> Texts:
        if name not in table.column_names:
            return np.full(rows, "", dtype=object)
        column = table[name]
        if not kinds.is_dictionary(column.type) or not _is_text(kinds, column.type.value_type):
            raise Refusal("feeds.column_text", name, str(column.type))
        combined = column.combine_chunks()
        if isinstance(combined, pyarrow.ChunkedArray):
            combined = combined.chunk(0)
        words = np.array(
            [*(short_text(without_null(word or ""), name) for word in combined.dictionary.to_pylist()), ""],
            dtype=object,
        )
        return np.asarray(words[combined.indices.cast(pyarrow.int64()).fill_null(len(words) - 1).to_numpy()])

    stamps = table["timestamp"]
    if not kinds.is_timestamp(stamps.type) or stamps.type.tz is None:
        raise Refusal("feeds.timestamp_with_time_zone", "timestamp", str(stamps.type))
    if stamps.null_count:
        raise Refusal("feeds.time_every_row", "timestamp", f"{stamps.null_count} empty")
    ticks = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}[stamps.type.unit]
    on_ground = np.zeros(rows, dtype=np.bool_)
    if "onground" in table.column_names:
        if not kinds.is_boolean(table["onground"].type):
            raise Refusal("feeds.column_true_false", "onground", str(table["onground"].type))
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
        first_row=1,
    )


def _is_text(kinds: Any, kind: Any) -> bool:  # noqa: ANN401 - pyarrow carries no types
    return bool(kinds.is_string(kind) or kinds.is_large_string(kind))
