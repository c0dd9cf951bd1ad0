"""The end of a journal file, read without a node and without walking through all of it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import msgspec

from detente.airspace.refusal import Refusal
from detente.record.acknowledged import read_acknowledged_head
from detente.record.chain import head_message
from detente.record.entry import from_microseconds
from detente.record.keys import verify
from detente.record.segments import base_of, read_segments
from detente.record.snapshot import open_snapshot
from detente.record.storage import SQLITE_ERRORS, read_genesis
from detente.record.walk import BrokenChainError

_LAST_SIGNED = (
    "SELECT number, at_us, hash, signature FROM entry WHERE signature IS NOT NULL AND number > ? "
    "ORDER BY number DESC LIMIT 2"
)
_LAST = "SELECT max(?, coalesce(max(number), 0)) FROM entry"


class JournalTail(msgspec.Struct, frozen=True):
    """How a journal ends.

    Attributes:
        number: the last signed entry's number, 0 for an empty journal.
        at: when its command was given (UTC), None where there is no entry, or none after the closed segments.
        is_signed: whether the newest batch is signed by the key that was asked for.
        unsigned: how many entries lie behind it; the next start cuts them.
        lacks: how many entries that were acknowledged are not there.
    """

    number: int
    at: datetime | None
    is_signed: bool
    unsigned: int
    lacks: int


def read_tail(path: Path, public: bytes) -> JournalTail:
    """Return how the journal `path`, live or not, ends, whose newest batch should be signed by the key `public`.

    Raises Refusal for what is no journal or cannot be read.
    """
    known = read_acknowledged_head(path)
    with open_snapshot(path) as (connection, _):
        genesis, signature = read_genesis(connection, path)
        try:
            segments = read_segments(connection, genesis)
            base = base_of(segments, genesis).number
            rows = connection.execute(_LAST_SIGNED, (base,)).fetchall()
            (last,) = connection.execute(_LAST, (base,)).fetchone()
            lacks = 0 if known is None else max(0, known.number - base)
            if not rows and segments:
                closed = segments[-1]
                message = head_message(closed.batch_first, closed.last, closed.hash)
                return JournalTail(base, None, verify(public, closed.signature, message), last - base, lacks)
            if not rows:
                is_signed = verify(genesis.public_key, signature, head_message(0, 0, genesis.hash))
                return JournalTail(0, None, is_signed, last, lacks)
            number, at_us, digest, signed = rows[0]
            first = rows[1][0] + 1 if len(rows) > 1 else base + 1
            is_signed = type(signed) is bytes and verify(public, signed, head_message(first, number, digest))
            lacks = 0 if known is None else max(0, known.number - number)
            return JournalTail(number, from_microseconds(at_us), is_signed, last - number, lacks)
        except BrokenChainError as broken:
            raise Refusal("record.journal_written", str(path), str(broken.bad)) from None
        except (*SQLITE_ERRORS, TypeError, ValueError, OverflowError) as error:
            raise Refusal("record.journal_sqlite_read", str(path), str(error)) from None
