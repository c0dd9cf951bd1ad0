"""Plans as CSV: the columns of `feature_table`, and the geometry as well-known text (OGC 06-103r4) in `wkt`.

Longitude comes before latitude, as in every well-known text on WGS 84 that map programs write.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

import shapely

from detente.airspace.plan import Plan
from detente.airspace.refusal import Refusal
from detente.feeds.csv_rows import csv_rows
from detente.feeds.feature_table import PROPERTY_COLUMNS, check_columns, feature_of, row_of
from detente.feeds.geojson import MAX_FEATURES, features_of, plans_of_features
from detente.feeds.source import Within, printable_line

GEOMETRY_COLUMN = "wkt"
LONGEST_WKT = 16 * 2**20


def read_plan_csv(content: bytes) -> tuple[Plan, ...]:
    """Return the plans of a table; raises Refusal naming line and column."""
    header, rows, lines = csv_rows(content)
    names = [name.lower() for name in header]
    check_columns(names, GEOMETRY_COLUMN)
    if len(rows) > MAX_FEATURES:
        raise Refusal("feeds.at_most_features", "rows", len(rows), most=MAX_FEATURES)
    features = []
    for line, row in zip(lines, rows, strict=True):
        with Within(f"line {line}"):
            cells = {name: value.strip() for name, value in zip(names, row, strict=True) if not name.startswith("x-")}
            features.append(feature_of(cells, _geometry(cells.pop(GEOMETRY_COLUMN))))
    return plans_of_features(features)


def write_plan_csv(plans: Sequence[Plan]) -> bytes:
    """Return a table of `plans`, one line for each volume or trajectory; `read_plan_csv` gives equal plans back."""
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, [*PROPERTY_COLUMNS, GEOMETRY_COLUMN], restval="", lineterminator="\n")
    writer.writeheader()
    for plan in plans:
        for feature in features_of(plan):
            cells, geometry = row_of(feature)
            writer.writerow({**cells, GEOMETRY_COLUMN: _text(geometry.geom_type, feature["geometry"]["coordinates"])})
    return stream.getvalue().encode()


def _geometry(text: str) -> Any:  # noqa: ANN401 - shapely carries no types
    if len(text) > LONGEST_WKT:
        raise Refusal("feeds.at_most_characters", GEOMETRY_COLUMN, printable_line(text), most=LONGEST_WKT)
    try:
        return shapely.from_wkt(text)
    except shapely.errors.GEOSException as error:
        raise Refusal("routes.well_known_text", GEOMETRY_COLUMN, printable_line(str(error))) from None


def _text(kind: str, coordinates: Any) -> str:  # noqa: ANN401 - numbers, nested as deep as the geometry
    """Well-known text to the last digit, which that of the library is not."""
    if kind == "Point":
        return f"POINT ({_pair(coordinates)})"
    if kind == "LineString":
        return f"LINESTRING ({', '.join(map(_pair, coordinates))})"
    return f"POLYGON ({', '.join('(' + ', '.join(map(_pair, ring)) + ')' for ring in coordinates)})"


def _pair(position: Sequence[float]) -> str:
    return f"{position[0]!r} {position[1]!r}"
