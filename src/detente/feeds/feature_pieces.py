"""The features of a GeoJSON file one after the other, without the whole file as objects.

A file of 16 MB takes 100 MB as objects of JSON. A file whose first member is its type and whose last is the list of
features, as programs write it, is cut into features first; any other is decoded whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from detente.airspace.refusal import Refusal
from detente.feeds.source import decode_json

_HEAD = re.compile(rb'\s*\{\s*"type"\s*:\s*"FeatureCollection"\s*,\s*"features"\s*:\s*(?=\[)')


class _Collection(msgspec.Struct):
    """The list of features, as it stands in the file."""

    features: msgspec.Raw


def feature_pieces(content: bytes) -> list[msgspec.Raw] | None:
    """Return the features of a file as they stand in it; None where the file must be decoded whole."""
    head = _HEAD.match(content)
    if head is None:
        return None
    try:
        features = memoryview(msgspec.json.decode(content, type=_Collection).features)
        pieces = msgspec.json.decode(features, type=list[msgspec.Raw])
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return None
    end = head.end() + len(features)
    # Of a member that stands twice the last would have been taken.
    if memoryview(content)[head.end() : end] != features or content[end:].strip() != b"}":
        return None
    return pieces


def decoded(content: bytes, pieces: list[msgspec.Raw]) -> Iterator[object]:
    """Yield each feature of a file as objects; raises Refusal for what is not the JSON that `decode_json` takes."""
    for piece in pieces:
        try:
            feature = decode_json(bytes(piece))
        except Refusal:
            decode_json(content)  # refuses it too, and knows the line of the file
            raise
        yield feature
