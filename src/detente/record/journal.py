"""The journal: append-only entries in SQLite, one durable batch at a time, by one writer.

A batch is one transaction (WAL, synchronous=FULL) of its entries and their signed head, so that after a crash a batch is
there whole or not at all. What a crash left of an unfinished batch in the write-ahead log is cut by SQLite and said here.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import IO

import msgspec

from detente.airspace.refusal import Refusal
from detente.record.chain import (
    Entry,
    Head,
    entry_hash,
    from_microseconds,
    genesis_hash,
    head_message,
    microseconds,
)
from detente.record.group_commit import GroupCommit
from detente.record.keys import NodeKey, verify
from detente.record.log_tail import LogTail, unfinished_tail

__all__ = ["Entry", "GroupCommit", "Head", "Journal", "NewEntry", "OpenReport"]

FORMAT = 1
BODY_BYTES_MAX = 64 * 1024 * 1024
NewEntry = tuple[str, bytes]
SCHEMA = """
CREATE TABLE genesis (format INTEGER NOT NULL, public_key BLOB NOT NULL, identifier BLOB NOT NULL) STRICT;
CREATE TABLE entry (
    number INTEGER PRIMARY KEY, at_us INTEGER NOT NULL, kind TEXT NOT NULL, body BLOB NOT NULL, hash BLOB NOT NULL
) STRICT;
CREATE TABLE head (number INTEGER PRIMARY KEY, hash BLOB NOT NULL, signature BLOB NOT NULL) STRICT;
"""


class OpenReport(msgspec.Struct, frozen=True):
    """What opening found: bytes of an unfinished batch in the write-ahead log, and unsigned entries that were cut."""

    unfinished_bytes: int
    unsigned_entries: int

    @property
    def said(self) -> str:
        """One sentence for people, empty when nothing was cut."""
        parts = []
        if self.unfinished_bytes:
            parts.append(f"{self.unfinished_bytes} bytes of a batch that was never finished")
        if self.unsigned_entries:
            parts.append(f"{self.unsigned_entries} entries above the last signed head")
        return f"cut a torn tail: {' and '.join(parts)}; none of it had been acknowledged" if parts else ""


class Journal:
    """An open journal. One process at a time may hold it; within it, one thread at a time may append."""

    def __init__(
        self, connection: sqlite3.Connection, lock: IO[bytes], key: NodeKey, path: Path, tail: LogTail
    ) -> None:
        self._connection = connection
        self._lock = lock
        self._key = key
        self.path = path
        self.head, unsigned = _recover(connection, key, path)
        self.report = OpenReport(tail.unfinished_bytes, unsigned)

    @classmethod
    def open(cls, path: Path, key: NodeKey) -> Journal:
        """Open the journal at `path`, making it when there is none.

        Raises Refusal when another process holds it, when it is another key's journal, when it is no journal, or when an
        entry below its last signed head has been changed: that is not a crash but a forgery, and nothing is repaired.
        """
        lock = _locked(path)
        try:
            tail = unfinished_tail(path)
            try:
                connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            except sqlite3.Error as error:
                raise Refusal("journal", str(path), "a file that can be opened", str(error)) from error
            try:
                _prepare(connection, key)
                return cls(connection, lock, key, path, tail)
            except sqlite3.Error as error:
                connection.close()
                raise Refusal("journal", str(path), "a Détente journal", f"SQLite says: {error}.") from error
            except BaseException:
                connection.close()
                raise
        except BaseException:
            lock.close()
            raise

    def append(self, entries: Sequence[NewEntry], at: datetime) -> list[Entry]:
        """Append one durable batch of (kind, body) and return its entries once they are on disk.

        When it raises, nothing of the batch is in the journal.
        """
        if not entries:
            return []
        at_us = microseconds(at)
        moment = from_microseconds(at_us)
        made, rows = [], []
        number, chain = self.head.number, self.head.hash
        for kind, body in entries:
            if len(body) > BODY_BYTES_MAX:
                raise Refusal("body", f"{len(body)} bytes", f"at most {BODY_BYTES_MAX} bytes in one entry")
            number += 1
            chain = entry_hash(chain, number, at_us, kind.encode(), body)
            made.append(Entry(number, moment, kind, body, chain))
            rows.append((number, at_us, kind, body, chain))
        head = Head(number, chain)
        signature = self._key.sign(head_message(head))
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            self._connection.executemany("INSERT INTO entry VALUES (?, ?, ?, ?, ?)", rows)
            self._connection.execute("INSERT INTO head VALUES (?, ?, ?)", (head.number, head.hash, signature))
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise
        self.head = head
        return made

    def read(self, first: int = 1, kind: str | None = None) -> Iterator[Entry]:
        """Entries from number `first` on, in order, only of `kind` when given; what is appended meanwhile may be left out."""
        # Its own connection: SQLite lets readers go on beside the writer, and a cursor must not see a batch half made.
        reader = sqlite3.connect(f"{self.path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
        try:
            clause, values = "", [first]
            if kind is not None:
                clause, values = " AND kind = ?", [first, kind]  # type: ignore[list-item]
            query = f"SELECT number, at_us, kind, body, hash FROM entry WHERE number >= ?{clause} ORDER BY number"  # noqa: S608
            for number, at_us, found_kind, body, digest in reader.execute(query, values):
                yield Entry(number, from_microseconds(at_us), found_kind, body, digest)
        finally:
            reader.close()

    def close(self) -> None:
        """Close the file and let another process open it."""
        self._connection.close()
        self._lock.close()


def _locked(path: Path) -> IO[bytes]:
    """The journal's lock, held until closed or until the process dies."""
    try:
        lock = path.with_name(path.name + ".lock").open("ab")
    except OSError as error:
        raise Refusal(
            "journal", str(path), "a path in a directory that can be written", f"{error.strerror}."
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise Refusal(
            "journal", str(path), "a journal that no other process holds", "Stop the node that is running on it."
        ) from error
    return lock


def _prepare(connection: sqlite3.Connection, key: NodeKey) -> None:
    """Set durability, and lay the tables in an empty file."""
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0:
        connection.executescript(f"BEGIN IMMEDIATE; {SCHEMA} COMMIT;")
        connection.execute("INSERT INTO genesis VALUES (?, ?, ?)", (FORMAT, key.public, os.urandom(16)))


def _recover(connection: sqlite3.Connection, key: NodeKey, path: Path) -> tuple[Head, int]:
    """Find the last signed head, check it and the chain up to it, and cut what stands above it."""
    found = connection.execute("SELECT format, public_key, identifier FROM genesis").fetchall()
    if len(found) != 1 or found[0][0] != FORMAT:
        raise Refusal("journal", str(path), f"a Détente journal of format {FORMAT}")
    _, public, identifier = found[0]
    if public != key.public:
        raise Refusal(
            "journal", str(path), "the journal of this node's key", "The directory holds another node's journal or key."
        )
    chain = genesis_hash(public, identifier)
    row = connection.execute("SELECT number, hash, signature FROM head ORDER BY number DESC LIMIT 1").fetchone()
    head = Head(row[0], row[1]) if row else Head(0, chain)
    if row and not verify(public, row[2], head_message(head)):
        raise Refusal("journal", f"head at entry {head.number}", "a head signed by this node's key", _BROKEN)
    expected = 0
    for number, at_us, kind, body, digest in connection.execute(
        "SELECT number, at_us, kind, body, hash FROM entry WHERE number <= ? ORDER BY number", (head.number,)
    ):
        expected += 1
        chain = entry_hash(chain, number, at_us, kind.encode(), body)
        if number != expected or chain != digest:
            raise Refusal("journal", f"entry {expected}", "an entry that continues the chain", _BROKEN)
    if expected != head.number or chain != head.hash:
        raise Refusal("journal", f"entry {expected + 1}", f"entries up to the signed head {head.number}", _BROKEN)
    cut = connection.execute("DELETE FROM entry WHERE number > ?", (head.number,)).rowcount
    return head, cut


_BROKEN = "The journal was changed after it was written. Keep the file as evidence; run `detente journal verify` on it."
