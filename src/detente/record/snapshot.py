"""A journal file as it is at one moment, for reading: nothing in it or beside it changes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from detente.airspace.refusal import Refusal
from detente.record.storage import SQLITE_ERRORS, check_is_file, connect, connect_unwritten
from detente.record.write_ahead import LogState, read_log_state
from detente.record.writer_lock import is_being_written


@contextmanager
def open_snapshot(path: Path, *, is_own: bool = False) -> Iterator[tuple[sqlite3.Connection, LogState]]:
    """Give a read-only connection in one transaction, and the state of the write-ahead log when nobody writes.

    Nothing in the file or beside it changes. `is_own` says that the caller holds the writer's lock. Raises Refusal for
    what is no file or cannot be opened.
    """
    check_is_file(path)
    log = LogState()
    connection: sqlite3.Connection | None = None
    try:
        try:
            if not is_own and is_being_written(path):
                # A live journal is read through SQLite's own locks, beside its writer.
                connection = connect(path, "ro")
            else:
                log = read_log_state(path)
                connection = connect_unwritten(path, with_log=log.committed_bytes > 0)
            connection.execute("BEGIN")
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        except (*SQLITE_ERRORS, OSError) as error:
            raise Refusal("record.readable_journal", str(path), str(error)) from None
        yield connection, log
    finally:
        if connection is not None:
            connection.close()
