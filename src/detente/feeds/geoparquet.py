"""Plans as GeoParquet (OGC 23-050, version 1.1): the columns of `feature_table`, the geometry as well-known binary.

Needs the extra detente[parquet]. Positions are longitude and latitude on WGS 84; edges are geodesics, whatever the file
says of them, as in every other format here.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import shapely

from detente.airspace.plan import Plan
from detente.airspace.refusal import Refusal
from detente.feeds.feature_table import NUMBER_COLUMNS, PROPERTY_COLUMNS, check_columns, feature_of, row_of
from detente.feeds.geojson import MAX_FEATURES, features_of, plans_of_features
from detente.feeds.source import MAX_TEXT_BYTES, Within, brief, decode_json, printable_line, read_bytes
from detente.feeds.track_parquet import MAX_PARQUET_BYTES

GEOMETRY_COLUMN = "geometry"
BOX_COLUMN = "bbox"
"""What bounds each geometry, for those that search."""

WGS84_CODES = frozenset({("OGC", "CRS84"), ("EPSG", 4326)})
VERSIONS = ("1.0.", "1.1.")
PARQUET_MARK = b"PAR1"
MOST_METADATA_BYTES = 2**20
ROWS_AT_ONCE, LONGEST_VALUE = 8, 16 * 2**20


def read_geoparquet(path: Path) -> tuple[Plan, ...]:
    """Return the plans of a file; raises Refusal naming row and column, or saying that pyarrow is missing."""
    pyarrow = _pyarrow()
    content = read_bytes(path, MAX_PARQUET_BYTES)
    try:
        features = _features(content, pyarrow)
    except Refusal:
        raise
    except (pyarrow.ArrowException, OSError, ValueError, TypeError, KeyError, OverflowError, MemoryError) as error:
        raise Refusal("feeds.parquet_file_readable", "", printable_line(str(error))) from None
    return plans_of_features(features)


def _features(content: bytes, pyarrow: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - an extra, read on demand
    names = pyarrow.parquet.read_schema(pyarrow.BufferReader(content)).names
    # Values stay in a dictionary until their length is known: a small file could repeat a long one without end.
    texts = [name for name in names if name not in (*NUMBER_COLUMNS, BOX_COLUMN)]
    file = pyarrow.parquet.ParquetFile(pyarrow.BufferReader(content), read_dictionary=texts)
    if file.metadata.num_rows > MAX_FEATURES:
        raise Refusal("feeds.at_most_features", "rows", file.metadata.num_rows, most=MAX_FEATURES)
    _check_metadata((file.metadata.metadata or {}).get(b"geo", b"{}"))
    check_columns([name for name in names if name != BOX_COLUMN], GEOMETRY_COLUMN)
    features: list[dict[str, Any]] = []
    size = 0
    columns = [name for name in names if not name.startswith("x-") and name != BOX_COLUMN]
    for batch in file.iter_batches(batch_size=ROWS_AT_ONCE, columns=columns, use_threads=False):
        _check_lengths(batch, pyarrow)
        for row in batch.to_pylist():
            size += sum(len(value) for value in row.values() if isinstance(value, str | bytes))
            if size > MAX_TEXT_BYTES:
                shown = f"over {MAX_TEXT_BYTES:,} bytes"
                raise Refusal("feeds.at_most_bytes", "", shown, limit_bytes=MAX_TEXT_BYTES)
            with Within(f"row {len(features) + 1}"):
                geometry = _geometry(row.pop(GEOMETRY_COLUMN))
                features.append(feature_of({name: _cell(name, value) for name, value in row.items()}, geometry))
    return features


def has_geometry(path: Path) -> bool:
    """Whether the metadata at the end of a Parquet file says which of its columns is a geometry."""
    try:
        with path.open("rb") as stream:
            size = stream.seek(0, io.SEEK_END)
            stream.seek(max(size - MOST_METADATA_BYTES, 0))
            ending = stream.read(MOST_METADATA_BYTES)
    except OSError:
        return False
    return ending.endswith(PARQUET_MARK) and b'"primary_column"' in ending


def write_geoparquet(plans: Sequence[Plan]) -> bytes:
    """Return a GeoParquet file of `plans`, a row for each volume or trajectory; `read_geoparquet` gives them back."""
    pyarrow = _pyarrow()
    rows = [row_of(feature) for plan in plans for feature in features_of(plan)]
    columns: dict[str, Any] = {}
    for name in PROPERTY_COLUMNS:
        cells = [row.get(name) for row, _ in rows]
        if name in NUMBER_COLUMNS:
            columns[name] = pyarrow.array([None if cell is None else float(cell) for cell in cells], pyarrow.float64())
        else:
            columns[name] = pyarrow.array(cells, pyarrow.string())
    columns[GEOMETRY_COLUMN] = pyarrow.array([shapely.to_wkb(geometry) for _, geometry in rows], pyarrow.binary())
    kinds = sorted({geometry.geom_type for _, geometry in rows})
    geo = {
        "version": "1.1.0",
        "primary_column": GEOMETRY_COLUMN,
        "columns": {GEOMETRY_COLUMN: {"encoding": "WKB", "geometry_types": kinds, "edges": "spherical"}},
    }
    table = pyarrow.table(columns).replace_schema_metadata({"geo": json.dumps(geo)})
    sink = io.BytesIO()
    pyarrow.parquet.write_table(table, sink)
    return sink.getvalue()


def _pyarrow() -> Any:  # noqa: ANN401 - an extra, read on demand
    try:
        import pyarrow  # noqa: PLC0415 - an extra, and slow to import
        import pyarrow.compute  # noqa: PLC0415
        import pyarrow.parquet  # noqa: PLC0415
    except ImportError:
        raise Refusal("feeds.package_pyarrow", "", "Parquet") from None
    return pyarrow


def _check_lengths(batch: Any, pyarrow: Any) -> None:  # noqa: ANN401 - an extra, read on demand
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if not pyarrow.types.is_dictionary(column.type):
            continue
        lengths = pyarrow.compute.binary_length(column.dictionary)
        if (longest := pyarrow.compute.max(lengths).as_py() or 0) > LONGEST_VALUE:
            raise Refusal("feeds.at_most_characters", name, longest, most=LONGEST_VALUE)


def _check_metadata(text: bytes) -> None:
    with Within("geo"):
        document = decode_json(text)
        version = document.get("version") if isinstance(document, dict) else None
        if not isinstance(version, str) or not version.startswith(VERSIONS):
            raise Refusal("routes.version_of_format", "version", brief(version), version="1.0 or 1.1")
        if document.get("primary_column") != GEOMETRY_COLUMN:
            raise Refusal("routes.column_of_geometry", "primary_column", brief(document.get("primary_column")))
        columns = document.get("columns")
        column = columns.get(GEOMETRY_COLUMN) if isinstance(columns, dict) else None
        if not isinstance(column, dict) or column.get("encoding") != "WKB":
            encoding = column.get("encoding") if isinstance(column, dict) else column
            raise Refusal("routes.geometry_as_wkb", "encoding", brief(encoding))
        crs = column.get("crs", {"id": {"authority": "OGC", "code": "CRS84"}})
        name = crs.get("id") if isinstance(crs, dict) else None
        known = isinstance(name, dict) and (name.get("authority"), name.get("code")) in WGS84_CODES
        if not known:
            raise Refusal("feeds.wgs84_longitude_first", "crs", "another system" if crs is not None else None)


def _geometry(content: object) -> Any:  # noqa: ANN401 - shapely carries no types
    if not isinstance(content, bytes):
        raise Refusal("routes.geometry_as_wkb", GEOMETRY_COLUMN, brief(content))
    try:
        return shapely.from_wkb(content)
    except shapely.errors.GEOSException as error:
        raise Refusal("routes.geometry_as_wkb", GEOMETRY_COLUMN, printable_line(str(error))) from None


def _cell(name: str, value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if name in NUMBER_COLUMNS and isinstance(value, int | float) and not isinstance(value, bool):
        return repr(value)
    raise Refusal("feeds.column_text", name, brief(value))
