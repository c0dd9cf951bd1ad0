"""Quantities with their units: how the accord's text writes what its Structs hold in metres, seconds and kilohertz.

A field of a Struct that ends in `_m`, `_s` or `_khz` is written in the text without that ending, with the unit in the
value: `within_s` of 30.0 is `within = "30 s"`.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, get_args

import msgspec

from detente.accord.provisions import LEAD_TIME_TEMPLATES_S, LeadTimes
from detente.airspace.refusal import Refusal

_QUANTITY = re.compile(r"(?P<number>[0-9]{1,9}(?:\.[0-9]{1,9})?) ?(?P<unit>[A-Za-z]{1,3})\Z")
METRES = {"m": Decimal(1), "km": Decimal(1000), "ft": Decimal("0.3048"), "NM": Decimal(1852)}
SECONDS = {"s": Decimal(1), "min": Decimal(60), "h": Decimal(3600)}
LONG_SECONDS = {**SECONDS, "d": Decimal(86_400)}
KILOHERTZ = {"kHz": Decimal(1), "MHz": Decimal(1000)}
_ENDINGS = {"_m": METRES, "_s": LONG_SECONDS, "_khz": KILOHERTZ}
_EXAMPLES = {"m": '"5 NM"', "s": '"30 s"', "kHz": '"121.5 MHz"'}


def read_quantity(field: str, text: object, units: dict[str, Decimal]) -> float:
    """Return a number in the first of `units`, from text like "5 NM"; raises Refusal without its unit."""
    match = _QUANTITY.match(text) if isinstance(text, str) else None
    if match is None or match["unit"] not in units:
        example = _EXAMPLES[next(iter(units))]
        raise Refusal("accord.number_unit", field, text, units=", ".join(units), example=example)
    exact = Decimal(match["number"]) * units[match["unit"]]
    if exact * 1000 != (exact * 1000).to_integral_value():
        raise Refusal("accord.whole_number_thousandths_base", field, text)
    return float(exact)


def quantity_text(value: float, unit: str) -> str:
    """Return "30 s" for 30.0 and "s"; exact to a thousandth."""
    exact = Decimal(round(value * 1000)) / 1000
    return f"{exact:f} {unit}"


def plain_name(name: str) -> tuple[str, dict[str, Decimal] | None]:
    """Return a field's name in the text, and the units that its value is written in (None for no quantity)."""
    for ending, units in _ENDINGS.items():
        if name.endswith(ending):
            return name.removesuffix(ending), units
    return name, None


def from_text(value: Any, struct: type[msgspec.Struct], place: str) -> Any:  # noqa: ANN401 - a TOML value
    """Return a TOML table with quantities as numbers under the names of `struct`; other values as they are.

    Raises Refusal naming the field for a quantity without its unit, and for a field under the Struct's own name.
    """
    if not isinstance(value, dict):
        return value
    known = {plain_name(field.name)[0]: field for field in msgspec.structs.fields(struct)}
    read: dict[str, Any] = {}
    for name, inner in value.items():
        at = f"{place}.{name}" if place else name
        field = known.get(name)
        if field is None:
            raise Refusal("accord.only_fields_schema", at[:120], name[:120])
        units = plain_name(field.name)[1]
        nested = _own_struct(field.type)
        if units is not None:
            word = inner if struct is LeadTimes and isinstance(inner, str) else ""
            template = LEAD_TIME_TEMPLATES_S.get(word)
            read[field.name] = read_quantity(at, inner, units) if template is None else template
        elif nested is not None and isinstance(inner, list):
            read[name] = [from_text(row, nested, f"{at}[{number}]") for number, row in enumerate(inner)]
        elif nested is not None:
            read[name] = from_text(inner, nested, at)
        else:
            read[name] = inner
    return read


def to_text(struct: msgspec.Struct) -> dict[str, Any]:
    """Return the TOML table of a Struct: quantities as text with their units, nothing that is None."""
    table: dict[str, Any] = {}
    for field in msgspec.structs.fields(struct):
        value = getattr(struct, field.name)
        name, units = plain_name(field.name)
        if value is None:
            continue
        if units is not None:
            table[name] = quantity_text(value, next(iter(units)))
        elif isinstance(value, msgspec.Struct) and _own_struct(field.type) is not None:
            table[name] = to_text(value)
        elif isinstance(value, tuple) and _own_struct(field.type) is not None:
            table[name] = [to_text(row) for row in value]
        else:
            table[name] = _said(msgspec.to_builtins(value))
    return table


def _said(value: Any) -> Any:  # noqa: ANN401 - builtins of any shape
    """The same without what is None, which TOML does not have."""
    if isinstance(value, dict):
        return {name: _said(inner) for name, inner in value.items() if inner is not None}
    return value


def exact_decimals(value: Any) -> Any:  # noqa: ANN401 - builtins of any shape
    """Return builtins with every float as decimal text, so that no reader depends on how another prints a float."""
    if isinstance(value, float):
        return f"{Decimal(repr(value)).normalize() + 0:f}"
    if isinstance(value, dict):
        return {name: exact_decimals(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [exact_decimals(inner) for inner in value]
    return value


def _own_struct(kind: Any) -> type[msgspec.Struct] | None:  # noqa: ANN401 - a type, perhaps of a tuple or an option
    """The Struct of the accord's own tables in a field's type, or None."""
    for inner in (kind, *get_args(kind)):
        if isinstance(inner, type) and issubclass(inner, msgspec.Struct) and inner.__module__ == LeadTimes.__module__:
            return inner
    return None
