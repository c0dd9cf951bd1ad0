"""The JSON Schema of a GeoJSON plan file, made from the types that read it.

`python -m detente.feeds.geojson_schema` prints it; src/detente/feeds/plans-geojson.schema.json is that text.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

from detente.feeds.geojson import DECORATION, MAX_FEATURES, Properties


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
    shapes = {
        "Point": {"$ref": "#/$defs/position"},
        "LineString": {"type": "array", "items": {"$ref": "#/$defs/position"}, "minItems": 2, "maxItems": 100_000},
        "Polygon": {"type": "array", "items": ring, "minItems": 1, "maxItems": 1},
    }
    geometries = [
        {
            "type": "object",
            "properties": {"type": {"const": name}, "coordinates": shape},
            "required": ["type", "coordinates"],
        }
        for name, shape in shapes.items()
    ]
    feature = {
        "type": "object",
        "properties": {"type": {"const": "Feature"}, "geometry": {"oneOf": geometries}, "properties": properties},
        "required": ["type", "geometry", "properties"],
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Plans of intended use of airspace",
        "type": "object",
        "properties": {
            "type": {"const": "FeatureCollection"},
            "features": {"type": "array", "items": feature, "maxItems": MAX_FEATURES},
        },
        "required": ["type", "features"],
        "$defs": {"position": position, **definitions},
    }


if __name__ == "__main__":
    print(json.dumps(json_schema(), indent=2))  # noqa: T201 - its purpose
