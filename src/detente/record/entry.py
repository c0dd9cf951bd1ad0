"""What a journal holds: entries of raw bytes, and the head that stands for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import msgspec

from detente.airspace.position import utc
from detente.airspace.refusal import Refusal
from detente.record.chain import MAX_ENTRY_BODY_BYTES, kind_field

UNIX_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
NewEntry = tuple[str, bytes]
"""What a caller appends: the kind and the body."""


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One entry of a journal.

    Attributes:
        number: its place, from 1, without gaps.
        at: when the command that caused it was given, in UTC to the microsecond.
        kind: what the body is, a lower-case word such as ``event`` or ``sent``.
        body: the exact bytes; the journal never looks into them.
        hash: SHA-256 (32 bytes) over the hash before it and every field above (`chain.entry_hash`).
    """

    number: int
    at: datetime
    kind: str
    body: bytes
    hash: bytes


class Head(NamedTuple):
    """The newest entry's number and hash; of an empty journal, 0 and the hash of its genesis."""

    number: int
    hash: bytes


class Submission:
    """Entries that one caller appends together, checked: all of them are recorded, or none.

    Raises Refusal for a kind that is no lower-case word, a body that is not bytes or over MAX_BODY_BYTES, and a time
    without offset.
    """

    __slots__ = ("at", "at_us", "entries")

    def __init__(self, entries: Sequence[NewEntry], at: datetime) -> None:
        self.at = utc(at, "at")
        self.at_us = microseconds(self.at)
        self.entries = tuple(entries)
        for kind, body in self.entries:
            kind_field(kind)
            if type(body) is not bytes:
                raise Refusal("record.bytes_object", "body", type(body).__name__)
            if len(body) > MAX_ENTRY_BODY_BYTES:
                raise Refusal("record.at_most_bytes", "body", f"{len(body):,} bytes", most=MAX_ENTRY_BODY_BYTES)


def microseconds(moment: datetime) -> int:
    """Microseconds from 1970-01-01T00:00:00Z to an aware `moment`, exact."""
    return (moment - UNIX_EPOCH) // _MICROSECOND


def from_microseconds(at_us: int) -> datetime:
    """The UTC instant `at_us` microseconds after 1970-01-01T00:00:00Z. Raises OverflowError outside years 1 to 9999."""
    return UNIX_EPOCH + timedelta(microseconds=at_us)
