"""Entries as they are stored, even in a damaged or hostile file; an entry that breaks the chain is marked."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from detente.airspace.refusal import Refusal
from detente.record.chain import Genesis, entry_hash, kind_field
from detente.record.export import entry_line, microseconds_text
from detente.record.printable import printable
from detente.record.rows import LAST_ENTRY_NUMBER, UnreadableRowError, stored_rows
from detente.record.segments import ArchivedRefusal, Segment, base_of, read_segments, segment_file
from detente.record.snapshot import open_snapshot
from detente.record.storage import SQLITE_ERRORS, read_genesis
from detente.record.walk import BrokenChainError

_SELECT_HASH = "SELECT hash FROM entry WHERE number = ?"


class StoredEntry(msgspec.Struct, frozen=True):
    """One row of the table `entry`. `follows` says whether its hash follows from it and the stored hash before it."""

    number: int
    at_us: int
    kind: str
    body: bytes
    hash: bytes
    signature: bytes | None
    follows: bool

    @property
    def at_text(self) -> str:
        """The entry's time in UTC; microseconds since 1970 when no calendar has it."""
        try:
            return microseconds_text(self.at_us)
        except OverflowError:
            return f"{self.at_us} us"

    def json(self) -> str:
        """The entry as `export` writes it, with ``"follows": false`` when it does not follow."""
        try:
            line = entry_line((self.number, self.at_us, printable(self.kind), self.body, self.hash, self.signature))
        except OverflowError:
            line = {"number": self.number, "at_us": self.at_us, "base64": self.body}
        if not self.follows:
            line["follows"] = False
        return msgspec.json.encode(line).decode()

    def body_text(self, limit_bytes: int) -> str:
        """The body's first bytes as text that a terminal can show, or in hexadecimal when it is no text."""
        shown = self.body[:limit_bytes]
        try:
            return printable(self.body.decode("utf-8")[: len(shown.decode("utf-8", "ignore"))])
        except UnicodeDecodeError:
            return shown.hex(" ", -4)


def stored_entries(path: Path, first: int = 1, last: int | None = None) -> Iterator[StoredEntry]:
    """Yield the entries `first` to `last` of the journal file `path` as they are stored; nothing is changed.

    Those in closed segments come from their files. Raises Refusal when the file is no journal, naming the entry at
    which SQLite cannot read on, and ArchivedRefusal for a segment that is not here.
    """
    with open_snapshot(path) as (connection, _):
        genesis, _ = read_genesis(connection, path)
        try:
            segments = read_segments(connection, genesis)
        except BrokenChainError as broken:
            raise _unreadable(path, broken.bad.number, str(broken.bad)) from None
        for segment in segments:
            if first <= segment.last and (last is None or segment.first <= last):
                file = segment_file(path, segment)
                if not file.is_file():
                    raise ArchivedRefusal(segment)
                until = segment.last if last is None else min(last, segment.last)
                with open_snapshot(file) as (closed, _):
                    yield from _stored_in(closed, file, genesis, segments, max(first, segment.first), until)
        base = base_of(segments, genesis).number
        begin = max(first, base + 1) if base else first
        if last is None or begin <= last:
            yield from _stored_in(connection, path, genesis, segments, begin, last)


def _stored_in(
    connection: sqlite3.Connection, path: Path, genesis: Genesis, segments: Sequence[Segment], first: int,
    last: int | None,
) -> Iterator[StoredEntry]:  # fmt: skip
    heads = {segment.last: segment.hash for segment in segments}
    heads[0] = genesis.hash
    connection.text_factory = _text
    number = max(first, 1) - 1
    try:
        before = None if number in heads else connection.execute(_SELECT_HASH, (number,)).fetchone()
        previous = heads.get(number) or (_bytes(before[0]) if before else b"")
        last_number = LAST_ENTRY_NUMBER if last is None else min(last, LAST_ENTRY_NUMBER)
        for row in stored_rows(connection, max(first, -LAST_ENTRY_NUMBER), last_number):
            entry = _stored(row, number + 1, previous)
            yield entry
            number, previous = entry.number, entry.hash
    except SQLITE_ERRORS as error:
        raise _unreadable(path, number, str(error)) from None
    except UnreadableRowError as error:
        raise _unreadable(path, error.number, error.detail) from None


def _unreadable(path: Path, number: int, detail: str) -> Refusal:
    return Refusal("record.entry_sqlite_read", f"{path}: entry {number}", detail)


def _stored(row: tuple[object, ...], number: int, previous: bytes) -> StoredEntry:
    stored_number, at_us, kind, body, digest, signature = row
    follows = False
    if (
        isinstance(at_us, int)
        and isinstance(kind, str)
        and isinstance(body, bytes)
        and stored_number == number
        and previous
    ):
        try:
            follows = entry_hash(previous, number, at_us, kind_field(kind), body) == digest
        except Refusal:
            follows = False
    return StoredEntry(
        number=stored_number if isinstance(stored_number, int) else 0,
        at_us=at_us if isinstance(at_us, int) else 0,
        kind=kind if isinstance(kind, str) else repr(kind),
        body=_bytes(body),
        hash=_bytes(digest),
        signature=None if signature is None else _bytes(signature),
        follows=follows,
    )


def _bytes(value: object) -> bytes:
    if isinstance(value, bytes):
        return value
    text = value if isinstance(value, str) else repr(value)
    return text.encode("utf-8", "surrogateescape")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")
