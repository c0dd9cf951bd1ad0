"""Flown tracks from Parquet; the columns are those of `track_columns`. Needs the extra detente[parquet]."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from detente.airspace.arrays import Floats
from detente.airspace.refusal import Refusal
from detente.feeds.report_values import column_names, without_null
from detente.feeds.source import GZIP_MARK, printable_line, read_beginning, read_bytes
from detente.feeds.track_columns import (
    OPTIONAL,
    REQUIRED,
    TEXTS,
    Texts,
    TrackColumns,
    check_header,
    checked,
    short_text,
    words_of,
)

if TYPE_CHECKING:
    import pyarrow

MAX_PARQUET_BYTES = 512 * 2**20
"""A file that has to be in memory as a whole, unpacked, is refused beyond this."""

BATCH_ROWS = 200_000


def parquet_columns(path: Path) -> Iterator[TrackColumns]:
    """Yield the reports of a Parquet file in batches, at least one.

    Raises Refusal naming row and column, or saying that pyarrow is missing.
    """
    try:
        import pyarrow  # noqa: PLC0415 - an extra, and slow to import
        import pyarrow.parquet  # noqa: PLC0415
    except ImportError:
        raise Refusal("feeds.package_pyarrow", "", "Parquet") from None
    # Packed as a whole it has to be unpacked as a whole.
    packed = read_beginning(path, 2) == GZIP_MARK
    content = read_bytes(path, MAX_PARQUET_BYTES) if packed else b""
    first_row = 1
    try:
        with pyarrow.BufferReader(content) if packed else pyarrow.OSFile(str(path)) as source:
            for table in _tables(source, pyarrow):
                yield checked(_from_table(table, first_row, pyarrow))
                first_row += table.num_rows
    except Refusal:
        raise
    except (pyarrow.ArrowException, OSError, ValueError, TypeError, KeyError, OverflowError, MemoryError) as error:
        raise Refusal("feeds.parquet_file_readable", "", printable_line(str(error))) from None


def _tables(source: Any, pyarrow: Any) -> Iterator[pyarrow.Table]:  # noqa: ANN401 - the module, read on demand
    written = pyarrow.parquet.read_schema(source).names
    names = column_names(written)
    check_header(names)
    # Strings stay in a dictionary: a small hostile file could otherwise repeat a long one without end.
    texts = [old for old, name in zip(written, names, strict=True) if name in TEXTS]
    used = {old: name for old, name in zip(written, names, strict=True) if name in REQUIRED + OPTIONAL}
    with pyarrow.parquet.ParquetFile(source, read_dictionary=texts, coerce_int96_timestamp_unit="us") as file:
        empty = pyarrow.schema([file.schema_arrow.field(name) for name in used]).empty_table()
        batches = file.iter_batches(BATCH_ROWS, columns=list(used), use_threads=False)
        tables = (pyarrow.Table.from_batches([batch]) for batch in batches if batch.num_rows)
        for table in chain((next(tables, empty),), tables):
            named = table.rename_columns([used[old] for old in table.column_names])
            yield _int96_as_utc(named, file, pyarrow).unify_dictionaries()


def _int96_as_utc(table: pyarrow.Table, file: Any, pyarrow: Any) -> pyarrow.Table:  # noqa: ANN401 - as above
    """Give the oldest kind of timestamp its zone: those who write it (Spark, Hive) write instants in UTC."""
    columns = [file.schema.column(number) for number in range(len(file.schema))]
    oldest = {column_names([column.path])[0] for column in columns if column.physical_type == "INT96"}
    if "timestamp" not in oldest:
        return table
    at = table.column_names.index("timestamp")
    return table.set_column(at, "timestamp", table["timestamp"].cast(pyarrow.timestamp("us", tz="UTC")))


def _from_table(table: pyarrow.Table, first_row: int, pyarrow: Any) -> TrackColumns:  # noqa: ANN401 - the module, read on demand
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
        return words_of(column, lambda word: short_text(without_null(word), name))

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
        first_row=first_row,
    )


def _is_text(kinds: Any, kind: Any) -> bool:  # noqa: ANN401 - pyarrow carries no types
    return bool(kinds.is_string(kind) or kinds.is_large_string(kind))
