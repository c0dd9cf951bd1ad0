"""Any state of a room as bytes that are equal for equal states, whatever way each came about."""

from __future__ import annotations

import hashlib
from array import array
from collections import deque
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING, Any

import msgspec

from detente.picture.picture import picture_bytes

if TYPE_CHECKING:
    from node_parts import NodeParts, Rooms

_PLAIN = (str, int, float, bool, bytes, type(None), datetime, timedelta)
_WORDS_PER_ROOM = 16


def state_of(value: Any) -> Any:
    """Return `value` in plain tuples, with what has no order in an order; functions are passed over."""
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, bytearray | array):
        return bytes(value)
    if isinstance(value, Mapping):
        return tuple(sorted(((repr(state_of(k)), state_of(v)) for k, v in value.items()), key=lambda row: row[0]))
    if isinstance(value, AbstractSet):
        return tuple(sorted(repr(state_of(one)) for one in value))
    if isinstance(value, list | tuple | deque):
        return tuple(state_of(one) for one in value)
    if isinstance(value, msgspec.Struct):
        fields = ((name, getattr(value, name)) for name in value.__struct_fields__)
        return (type(value).__name__, *((name, state_of(field)) for name, field in fields))
    names = sorted(vars(value)) if hasattr(value, "__dict__") else sorted(getattr(type(value), "__slots__", ()))
    fields = ((name, getattr(value, name)) for name in names)
    return (type(value).__name__, *((n, state_of(f)) for n, f in fields if not callable(f) and n not in _NO_STATE))


_NO_STATE = frozenset({
    "_picture", "_decoder", "_sealed_number", "_sealed_hash", "changes", "_meters", "_open", "stranger_budget",
    "_peer_budgets",
})  # fmt: skip
"""What is no part of the state that the journal holds: other rooms', and what a restart fills anew."""


def digest(value: Any) -> str:
    """A few characters that differ when the state does."""
    return hashlib.sha256(repr(state_of(value)).encode()).hexdigest()[:_WORDS_PER_ROOM]


def digests(node: NodeParts) -> dict[str, str]:
    """The state of every part of a running node."""
    return digests_of(node.rooms)


def digests_of(rooms: Rooms) -> dict[str, str]:
    """The state of every room."""
    parts = {type(desk).__name__: digest(desk) for desk in rooms.desks}
    return {
        "picture": hashlib.sha256(picture_bytes(rooms.picture)).hexdigest()[:_WORDS_PER_ROOM],
        "accords": digest(rooms.accords.talks), "told": digest(rooms.disclosing),
        "links": digest({str(s.outgoing): s for s in rooms.links if s.sent_number or s.received_number}), **parts,
    }  # fmt: skip
