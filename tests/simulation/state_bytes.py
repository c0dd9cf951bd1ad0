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

from detente.picture.picture import Picture, picture_bytes

if TYPE_CHECKING:
    from node_parts import NodeParts

    from detente.node.state import NodeState

_PLAIN = (str, int, float, bool, bytes, type(None), datetime, timedelta)
_EXACTLY_PLAIN = frozenset(_PLAIN)
_WORDS_PER_ROOM = 16


def state_of(value: Any) -> Any:
    """Return `value` in plain tuples, with what has no order in an order; functions are passed over."""
    if type(value) in _EXACTLY_PLAIN:
        return value
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
    "_picture", "_accords", "_plans", "_decoder",
    "_sealed_number", "_sealed_hash", "changes", "_meters", "_open", "stranger_budget",
    "_peer_budgets", "_answers",
})  # fmt: skip
"""What is no part of the state that the journal holds: other rooms', and what a restart fills anew."""


def digest(value: Any) -> str:
    """A few characters that differ when the state does."""
    return hashlib.sha256(repr(state_of(value)).encode()).hexdigest()[:_WORDS_PER_ROOM]


def _beside(picture: Picture) -> dict[str, Any]:
    """What decisions of the picture depend on beside its records."""
    names = ("classes", "conflicts_of", "measures_of", "left_before", "left_revisions", "left_notices")
    return {name: getattr(picture, name) for name in names} | {"watched": picture.watched}


def digests(node: NodeParts) -> dict[str, str]:
    """The state of every part of a running node."""
    return digests_of(node.state)


def digests_of(state: NodeState) -> dict[str, str]:
    """The state of every room, of the ledger of what was told and of the links."""
    parts = {room.name: digest(room.state) for room in state.rooms if room.state is not state.picture}
    return {
        "picture": hashlib.sha256(picture_bytes(state.picture)).hexdigest()[:_WORDS_PER_ROOM],
        "beside the picture": digest(_beside(state.picture)),
        "told": digest(state.disclosure),
        "links": digest({str(s.outgoing): s for s in state.links if s.sent_number or s.received_number}), **parts,
    }  # fmt: skip
