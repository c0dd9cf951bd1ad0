"""The JSON schema of the accord's text (TOML read as JSON), made from the same types that read it."""

from __future__ import annotations

from typing import Any

import msgspec

from detente.accord import provisions
from detente.accord.provisions import LEAD_TIME_TEMPLATES_S, Provisions
from detente.accord.quantities import METRES, SECONDS, plain_name
from detente.accord.terms import AccordText

TITLE = "The text of a Détente accord"
_REFERENCE = "#/$defs/"


def accord_schema() -> dict[str, Any]:
    """Return the schema (JSON Schema 2020-12) of an accord's text."""
    (text, tables), definitions = msgspec.json.schema_components(
        [AccordText, Provisions], ref_template="#/$defs/{name}"
    )
    for name, definition in definitions.items():
        if getattr(getattr(provisions, name, None), "__module__", "") == provisions.__name__:
            _write_quantities_as_text(definition, name)
        if name in ("_MinimaText", "_ClassMinimaText"):
            for field in ("horizontal", "vertical", "time"):
                definition["properties"][field] = _quantity_schema(SECONDS if field == "time" else METRES)
    document = definitions.pop(text["$ref"].removeprefix(_REFERENCE))
    optional = definitions.pop(tables["$ref"].removeprefix(_REFERENCE))
    document["properties"].update(optional["properties"])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **document,
        "title": TITLE,
        "$defs": dict(sorted(definitions.items())),
    }


def schema_text() -> str:
    """Return the schema as it is published: JSON, two spaces of indentation."""
    return msgspec.json.format(msgspec.json.encode(accord_schema(), order="deterministic"), indent=2).decode() + "\n"


def _write_quantities_as_text(definition: dict[str, Any], struct: str) -> None:
    properties: dict[str, Any] = {}
    for name, field in definition.get("properties", {}).items():
        plain, units = plain_name(name)
        if units is None:
            properties[plain] = field
            continue
        properties[plain] = _quantity_schema(units)
        if struct == "LeadTimes":
            properties[plain] = {"anyOf": [properties[plain], {"enum": sorted(LEAD_TIME_TEMPLATES_S)}]}
    if properties:
        definition["properties"] = properties
        definition["required"] = [plain_name(name)[0] for name in definition.get("required", ())]


def _quantity_schema(units: dict[str, Any]) -> dict[str, Any]:
    return {"type": "string", "pattern": rf"^[0-9]{{1,9}}(\.[0-9]{{1,9}})? ?({'|'.join(units)})$"}
