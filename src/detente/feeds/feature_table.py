"""Plans as a table: each feature of a GeoJSON plan file is a row, each of its properties a column.

Texts and numbers stand as they are; what has members (heights, times, containment) is JSON in its cell.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import shapely
from shapely.geometry import mapping
from shapely.geometry.base import BaseGeometry

from detente.airspace.refusal import Refusal
from detente.feeds.geojson import TrajectoryProperties, VolumeProperties
from detente.feeds.source import Within, decimal_number, decode_json, printable_line

TEXT_COLUMNS = ("plan_id", "kind", "aircraft_class")
NUMBER_COLUMNS = ("radius_m", "part", "parts")
JSON_COLUMNS = tuple(
    field.name
    for kind in (VolumeProperties, TrajectoryProperties)
    for field in msgspec.structs.fields(kind)
    if field.name not in TEXT_COLUMNS + NUMBER_COLUMNS
)
PROPERTY_COLUMNS = TEXT_COLUMNS + NUMBER_COLUMNS + JSON_COLUMNS


def row_of(feature: Mapping[str, Any]) -> tuple[dict[str, str], BaseGeometry]:
    """Return the cells of a feature's row by their columns, without those that it does not have, and its geometry."""
    properties: dict[str, Any] = msgspec.to_builtins(feature["properties"])
    cells = {
        name: value if name in TEXT_COLUMNS else msgspec.json.encode(value).decode()
        for name, value in properties.items()
    }
    return cells, shapely.geometry.shape(feature["geometry"])


def feature_of(cells: Mapping[str, str], geometry: BaseGeometry) -> dict[str, Any]:
    """Return the feature of a row, whose empty cells are left out; raises Refusal naming the column."""
    if geometry.has_z:
        raise Refusal("feeds.two_numbers_longitude_latitude", "geometry", "three numbers")
    properties: dict[str, Any] = {}
    for name, text in cells.items():
        if text == "":
            continue
        with Within(name):
            if name in TEXT_COLUMNS:
                properties[name] = text
            elif name in NUMBER_COLUMNS:
                number = decimal_number(text, "")
                properties[name] = int(number) if number.is_integer() else number
            else:
                properties[name] = decode_json(text.encode())
    shape = mapping(geometry)
    return {
        "type": "Feature",
        "geometry": {"type": shape["type"], "coordinates": _lists(shape.get("coordinates"))},
        "properties": properties,
    }


def check_columns(names: list[str], geometry: str) -> None:
    """Raise Refusal for a column that nobody reads, one that is there twice, and where one is missing."""
    known = {*PROPERTY_COLUMNS, geometry}
    for name in names:
        if (name not in known and not name.startswith("x-")) or names.count(name) > 1:
            raise Refusal("routes.known_column", "columns", printable_line(name))
    for name in ("plan_id", "kind", geometry):
        if name not in names:
            raise Refusal(
                "feeds.columns_of_format", "columns", printable_line(", ".join(names)),
                columns=f"plan_id, kind, {geometry}",
            )  # fmt: skip


def _lists(value: Any) -> Any:  # noqa: ANN401 - numbers, nested as deep as the geometry
    return [_lists(part) for part in value] if isinstance(value, tuple | list) else value
