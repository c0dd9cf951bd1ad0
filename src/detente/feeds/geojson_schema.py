"""The JSON Schema of a GeoJSON plan file, made from the types that read it.

`python -m detente.feeds.geojson_schema` prints it; src/detente/feeds/plans-geojson.schema.json is that text.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

from detente.feeds.geojson import (
    COLLECTION_MEMBERS,
    DECORATION,
    FEATURE_MEMBERS,
    GEOMETRY_MEMBERS,
    MAX_FEATURES,
    Properties,
)


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a plan file, as src/detente/feeds/plans-geojson.schema.json carries it."""
    (properties,), definitions = msgspec.json.schema_components([Properties], ref_template="#/$defs/{name}")
    for name in ("VolumeProperties", "TrajectoryProperties"):
        definition = definitions[name]
        definition["patternProperties"] = {"^x-": True}
        definition["properties"] |= dict.fromkeys(sorted(DECORATION), True)
    position = {
        "description": "Degrees east and degrees north on WGS 84; the altitude is among the properties.",
        "type": "array",
        "prefixItems": [
            {"type": "number", "minimum": -180, "maximum": 180},
            {"type": "number", "minimum": -90, "maximum": 90},
        ],
        "minItems": 2,
        "maxItems": 2,
    }
    ring = {"type": "array", "items": {"$ref": "#/$defs/position"}, "minItems": 4, "maxItems": 10_001}
    polygon = {"type": "array", "items": ring, "minItems": 1, "maxItems": 1}
    shapes = {
        "Point": {"$ref": "#/$defs/position"},
        "LineString": {"type": "array", "items": {"$ref": "#/$defs/position"}, "minItems": 2, "maxItems": 100_000},
        "Polygon": polygon,
        "MultiPolygon": {"type": "array", "items": polygon, "minItems": 1, "maxItems": 10_000},
    }
    geometries = [
        _closed({"type": {"const": name}, "coordinates": shape}, GEOMETRY_MEMBERS) for name, shape in shapes.items()
    ]
    feature = _closed(
        {"type": {"const": "Feature"}, "geometry": {"oneOf": geometries}, "properties": properties}, FEATURE_MEMBERS
    )
    collection = _closed(
        {
            "type": {"const": "FeatureCollection"},
            "features": {"type": "array", "items": feature, "maxItems": MAX_FEATURES},
        },
        COLLECTION_MEMBERS,
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Plans of intended use of airspace",
        **collection,
        "$defs": {"position": position, **definitions},
    }


def _closed(members: dict[str, Any], known: frozenset[str]) -> dict[str, Any]:
    """An object with these members, which it needs, and no others than the known ones and those marked "x-"."""
    return {
        "type": "object",
        "properties": members | dict.fromkeys(sorted(known - members.keys()), True),
        "patternProperties": {"^x-": True},
        "required": list(members),
        "additionalProperties": False,
    }


if __name__ == "__main__":
    print(json.dumps(json_schema(), indent=2))  # noqa: T201 - its purpose
