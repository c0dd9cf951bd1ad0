"""Tagged structs as what is sent and kept: the tag is the kind, the rest is JSON."""

from __future__ import annotations

from typing import Any, TypeVar, get_args

import msgspec

from detente.airspace.refusal import Refusal
from detente.room.decoding import refusal_of

T = TypeVar("T")


def tag_of(struct: Any) -> str:  # noqa: ANN401 - any tagged Struct, or its type
    """Return the tag under which a tagged Struct is encoded."""
    return str(struct.__struct_config__.tag)


def tags_of(union: Any) -> frozenset[str]:  # noqa: ANN401 - any union of tagged Structs
    """Return the tags of all members of a union."""
    return frozenset(tag_of(member) for member in get_args(union))


def write_tagged(struct: Any) -> tuple[str, bytes]:  # noqa: ANN401
    """Return the kind and the body of an envelope or entry that says this."""
    return tag_of(struct), msgspec.json.encode(struct)


def read_json(decoder: msgspec.json.Decoder[T], body: bytes, document: str) -> T:
    """Return what `decoder` reads in a body; raises Refusal naming the field, or `document`, if it is not in order."""
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise refusal_of(error, document, decoder.type) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refusal("room.json", document, str(error), document=document) from error


def read_tagged(decoder: msgspec.json.Decoder[T], kind: str, body: bytes, document: str) -> T:
    """Return what is in a body whose tag must be `kind`; raises Refusal as `read_json` does."""
    said = read_json(decoder, body, document)
    if tag_of(said) != kind:
        raise Refusal("room.kind_envelope", document, tag_of(said), kind=kind)
    return said
