"""Journals for the tests of this room, and the tampering of somebody who can open SQLite but has not the key."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from detente.record.chain import entry_hash, kind_field
from detente.record.entry import Entry
from detente.record.journal import Journal
from detente.record.keys import NodeKey

AT = datetime(2025, 6, 1, 14, 30, 0, 123456, tzinfo=UTC)
BATCHES = (
    [("event", b"one"), ("sent", b"two, a longer one\x00\xff")],
    [("event", b"")],
    [("received", b"four"), ("receipt_sent", b"five"), ("event", b"six")],
    [("event", b"seven")],
)
"""Seven entries; signed heads at 2, 3, 6 and 7."""
FIRST_OF_BATCH = {1: 1, 2: 1, 3: 3, 4: 4, 5: 4, 6: 4, 7: 7}


def make_journal(path: Path, key: NodeKey | None = None, batches=BATCHES) -> list[Entry]:
    """Write a journal, close it cleanly, and return its entries."""
    with Journal.open(path, key or NodeKey.generate()) as journal:
        return [
            entry
            for place, batch in enumerate(batches)
            for entry in journal.append(batch, AT + timedelta(seconds=place))
        ]


def copy_journal(path: Path, target: Path) -> Path:
    """Copy the database file alone, as `cp` does."""
    shutil.copyfile(path, target)
    return target


def tamper(path: Path, *statements: str | tuple[str, tuple]) -> None:
    """Change a closed journal with plain SQL, leaving one file."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("PRAGMA synchronous = OFF")
        for statement in statements:
            connection.execute(*((statement,) if isinstance(statement, str) else statement))


def rows_of(path: Path) -> list[tuple]:
    """Every row of the table `entry`, read with plain SQL."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as connection:
        return connection.execute(
            "SELECT number, at_us, kind, body, hash, signature FROM entry ORDER BY number"
        ).fetchall()


def rehash(path: Path, first: int) -> None:
    """Compute the chain anew from entry `first`, as a forger without the key would."""
    rows = rows_of(path)
    previous = rows[first - 2][4]
    statements = []
    for number, at_us, kind, body, _, _ in rows[first - 1 :]:
        previous = entry_hash(previous, number, at_us, kind_field(kind), body)
        statements.append(("UPDATE entry SET hash = ? WHERE number = ?", (previous, number)))
    tamper(path, *statements)


def directory_state(directory: Path) -> dict[str, tuple[bytes, int]]:
    """Every file's bytes and time of change."""
    return {file.name: (file.read_bytes(), file.stat().st_mtime_ns) for file in sorted(directory.iterdir())}
