"""A decoder's complaint as a Refusal that names the field."""

from __future__ import annotations

import re

import msgspec

from detente.accord.allowed_words import allowed_words
from detente.airspace.refusal import Refusal

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
        return Refusal(field, cause.value, cause.expected, cause.mend)
    if found := _MISSING.match(what):
        return Refusal(_under(place, document, found["field"]), None, "this field to be given", "Add it.")
    if found := _UNKNOWN.match(what):
        field = found["field"][:_SHOWN_CHARACTERS]
        return Refusal(
            _under(place, document, field), field, "only the fields of the schema", "Remove it, or check its spelling."
        )
    if what.startswith("Expected `") and ", got `" in what:
        expected, got = what.removeprefix("Expected ").split(", got ", 1)
        plain = expected.replace("`", "")
        return Refusal(place, got.strip("`")[:_SHOWN_CHARACTERS], _TYPES.get(plain, plain))
    if what.startswith("Invalid enum value "):
        value = what.removeprefix("Invalid enum value ").strip("'")
        words = ", ".join(allowed_words(kind, path)) if kind is not None else ""
        expected = f"one of {words}" if words else "one of the words of the schema"
        return Refusal(place, value[:_SHOWN_CHARACTERS], expected, "Check its spelling.")
    if what == "Invalid RFC3339 encoded datetime":
        return Refusal(place, what, _TYPES["datetime"])
    return Refusal(place, what[:_SHOWN_CHARACTERS], "what the schema says for this field")


def _under(place: str, document: str, field: str) -> str:
    return field if place == document else f"{place}.{field}"
