"""The SQLite file of a journal: its tables, how it is made, and how it is opened for writing and for reading."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from detente.airspace.refusal import Refusal
from detente.record.chain import MAX_ENTRY_BODY_BYTES, Genesis, head_message
from detente.record.keys import NodeKey, sync_directory

EntryRow = tuple[int, int, str, bytes, bytes, bytes | None]
"""Number, microseconds, kind, body, hash, and the signature of the head where the entry ends a batch."""
APPLICATION_ID = 0x4474654A
"""The letters DteJ in the SQLite header, by which `file` and Détente tell a journal from another database."""
FORMAT_VERSION = 1
SEGMENTED_VERSION = 2
"""The format of a journal that has closed segments, and of their files."""
PAGE_BYTES = 4096
CREATE_JOURNAL = (
    "CREATE TABLE journal (journal_id BLOB NOT NULL, public_key BLOB NOT NULL, created_at_us INTEGER NOT NULL, "
    "signature BLOB NOT NULL)"
)
CREATE_ENTRY = (
    "CREATE TABLE entry (number INTEGER PRIMARY KEY, at_us INTEGER NOT NULL, kind TEXT NOT NULL, body BLOB NOT NULL, "
    "hash BLOB NOT NULL, signature BLOB)"
)
CREATE_SEGMENT = (
    "CREATE TABLE segment (first INTEGER NOT NULL, last INTEGER PRIMARY KEY, hash BLOB NOT NULL, "
    "batch_first INTEGER NOT NULL, signature BLOB NOT NULL, rotations BLOB NOT NULL, sha256 BLOB NOT NULL, "
    "size_bytes INTEGER NOT NULL)"
)
_TABLES = {
    FORMAT_VERSION: {CREATE_JOURNAL, CREATE_ENTRY},
    SEGMENTED_VERSION: {CREATE_JOURNAL, CREATE_ENTRY, CREATE_SEGMENT},
}
INSERT_ENTRY = "INSERT INTO entry (number, at_us, kind, body, hash, signature) VALUES (?, ?, ?, ?, ?, ?)"
INSERTED_TOGETHER = (64, 8, 1)
"""How many entries one statement takes. Between two statements the thread gives up the interpreter, and may wait for it
longer than the disk takes."""
WRITER_PRAGMAS = (
    "journal_mode = WAL",
    "synchronous = FULL",
    "fullfsync = ON",
    "checkpoint_fullfsync = ON",
    f"journal_size_limit = {64 * 1024 * 1024}",
)
"""The third and fourth make macOS, where fsync alone does not reach the disk, do what the others do."""
SQLITE_ERRORS = (sqlite3.Error, UnicodeDecodeError)
"""What a damaged or hostile file can raise: an error's message may quote the file, and need not be UTF-8."""
_MAX_ROW_BYTES = MAX_ENTRY_BODY_BYTES + 4096


class JournalStoppedError(Exception):
    """The journal takes no more entries: it is closed, or the disk failed under it.

    Whether the entries that were being written when the disk failed are recorded is known when it is opened anew.
    """


def write_ahead_path(path: Path) -> Path:
    """Return where SQLite keeps the write-ahead log of the database `path`."""
    return path.with_name(path.name + "-wal")


def create_database(path: Path, genesis: Genesis, key: NodeKey) -> None:
    """Make the empty journal `path` in one durable step: it is there whole, or it is not there."""
    temporary = path.with_name(path.name + ".new")
    for leftover in (temporary, Path(f"{temporary}-journal"), write_ahead_path(temporary)):
        leftover.unlink(missing_ok=True)
    # SQLite gives its log and index the mode of the database: only the owner reads what two parties said.
    os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    connection = connect(temporary, "rwc")
    try:
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {FORMAT_VERSION}")
        connection.execute("BEGIN")
        connection.execute(CREATE_JOURNAL)
        connection.execute(CREATE_ENTRY)
        signature = key.sign(head_message(0, 0, genesis.hash))
        row = (genesis.journal_id, genesis.public_key, genesis.created_at_us, signature)
        connection.execute("INSERT INTO journal VALUES (?, ?, ?, ?)", row)
        connection.execute("COMMIT")
        connection.execute("PRAGMA journal_mode = WAL")
    finally:
        connection.close()
    with temporary.open("rb") as stream:
        os.fsync(stream.fileno())
    temporary.rename(path)
    sync_directory(path.parent)


def connect_writer(path: Path) -> sqlite3.Connection:
    """Return a connection that writes durably: a commit returns when its batch is on the disk."""
    connection = connect(path, "rw")
    for pragma in WRITER_PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    return connection


def connect(path: Path, mode: str, *, parameters: str = "") -> sqlite3.Connection:
    """Return a connection without implicit transactions that any one thread at a time may use."""
    uri = f"file:{quote(os.fsencode(path.absolute()))}?mode={mode}{parameters}"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MAX_ROW_BYTES)
    connection.execute("PRAGMA trusted_schema = OFF")
    return connection


def connect_unwritten(path: Path, *, with_log: bool) -> sqlite3.Connection:
    """Return a connection that reads a file which nobody writes, and changes nothing in it or beside it.

    With a log, SQLite would make an index of it in a third file: without locks (the VFS "unix-none") and in exclusive
    mode it keeps that index in memory. The log must then have committed frames, or SQLite would remove it at the end.
    """
    if not with_log:
        return connect(path, "ro", parameters="&immutable=1")
    connection = connect(path, "ro", parameters="&vfs=unix-none")
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    return connection


def insert_entries(connection: sqlite3.Connection, rows: Sequence[EntryRow]) -> None:
    """Insert entries within a transaction, in few statements."""
    at = 0
    for size in INSERTED_TOGETHER:
        statement = INSERT_ENTRY + ", (?, ?, ?, ?, ?, ?)" * (size - 1)
        while len(rows) - at >= size:
            connection.execute(statement, [value for row in rows[at : at + size] for value in row])
            at += size


def check_is_file(path: Path) -> None:
    """Raise Refusal unless `path` is a file with something in it."""
    try:
        status = path.stat()
    except (OSError, ValueError) as error:
        raise Refusal(
            "record.detente_journal_file", str(path), getattr(error, "strerror", None) or str(error)
        ) from None
    if not stat.S_ISREG(status.st_mode):
        raise Refusal(
            "record.detente_journal_file", str(path),
            "a directory" if stat.S_ISDIR(status.st_mode) else "no regular file",
        )  # fmt: skip
    if status.st_size == 0:
        raise Refusal("record.detente_journal_copied", str(path), "an empty file")


def read_genesis(connection: sqlite3.Connection, path: Path) -> tuple[Genesis, bytes]:
    """Return the journal's genesis and its signature, after checking that the tables are the ones of this format.

    Raises Refusal for another database, another format, other tables, or a file that SQLite cannot read.
    """
    try:
        application_id = connection.execute("PRAGMA application_id").fetchone()[0]
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        statements = {row[0] for row in connection.execute("SELECT sql FROM sqlite_schema LIMIT 10")}
        if application_id != APPLICATION_ID:
            raise Refusal("record.detente_journal_file", str(path), "another SQLite database")
        if version not in _TABLES:
            raise Refusal("record.journal_format", str(path), f"format {version}", format_version=SEGMENTED_VERSION)
        if statements != _TABLES[version]:
            raise Refusal("record.tables_journal_entry_detente", str(path), "other tables")
        rows = connection.execute("SELECT journal_id, public_key, created_at_us, signature FROM journal").fetchmany(2)
    except SQLITE_ERRORS as error:
        raise _unreadable(path, error) from None
    if len(rows) != 1 or [type(value) for value in rows[0]] != [bytes, bytes, int, bytes]:
        raise Refusal("record.one_row_id_key", str(path), "another content of the table `journal`")
    return Genesis(*rows[0][:3]), rows[0][3]


def _unreadable(path: Path, error: Exception) -> Refusal:
    return Refusal("record.detente_journal", str(path), str(error))
