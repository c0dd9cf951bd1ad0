"""A decoder's complaint as a Refusal that names the field."""

from __future__ import annotations

import re

import msgspec

from detente.airspace.refusal import Refusal
from detente.room.allowed_words import allowed_words

_AT = re.compile(r"(?P<what>.*?)(?: - at `(?P<path>\$[^`]*|key in `[^`]*)`)?\Z", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(?P<field>[^`]*)`\Z")
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<field>.*)`\Z", re.DOTALL)
_SHOWN_CHARACTERS = 120
_TYPES = {
    "str": "text",
    "int": "a whole number",
    "array": "a list",
    "object": "a table of fields",
    "datetime": "a date and time with its offset, like 2025-06-01T14:30:00Z",
}


def refusal_of(error: msgspec.ValidationError, document: str, kind: object = None) -> Refusal:
    """Return the Refusal that says what `error` says, with the dotted path of the field inside `document`.

    With the type `kind` that was decoded, a word that is none of an enumeration's is answered with those that are.
    A Refusal that a Struct raised while it was built keeps its value, expectation and mend and gets the path in front.
    """
    match = _AT.match(str(error))
    what, path = (match["what"], match["path"] or "$") if match else (str(error), "$")
    place = path.removeprefix("$").lstrip(".") or document
    cause = error.__cause__
    if isinstance(cause, Refusal):
        field = cause.field if place == document else f"{place}.{cause.field}"
        return cause.at(field)
    if found := _MISSING.match(what):
        return Refusal("room.field_given", _under(place, document, found["field"]), None)
    if found := _UNKNOWN.match(what):
        field = found["field"][:_SHOWN_CHARACTERS]
        return Refusal("room.only_fields_schema", _under(place, document, field), field)
    if what.startswith("Expected `") and ", got `" in what:
        expected, got = what.removeprefix("Expected ").split(", got ", 1)
        plain = expected.replace("`", "")
        shown = got.strip("`")[:_SHOWN_CHARACTERS]
        return Refusal("room.value_of_type", place, shown, type=_TYPES.get(plain, plain))
    if what.startswith("Invalid enum value "):
        value = what.removeprefix("Invalid enum value ").strip("'")
        words = ", ".join(allowed_words(kind, path)) if kind is not None else ""
        return Refusal("room.one_word", place, value[:_SHOWN_CHARACTERS], words=words or "the words of the schema")
    if what == "Invalid RFC3339 encoded datetime":
        return Refusal("room.value_of_type", place, what, type=_TYPES["datetime"])
    return Refusal("room.what_schema_says", place, what[:_SHOWN_CHARACTERS])


def _under(place: str, document: str, field: str) -> str:
    return (field or document) if place == document else f"{place}.{field}"
