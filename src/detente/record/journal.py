"""The journal of one node: append-only, hash-chained, signed batch by batch, durable before it is acknowledged."""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from detente.airspace.refusal import Refusal
from detente.record.acknowledged import AcknowledgedHead, acknowledged_path, read_acknowledged_head
from detente.record.chain import JOURNAL_ID_BYTES, Genesis, entry_hash, head_message, kind_field
from detente.record.entry import Entry, Head, NewEntry, Submission, from_microseconds, microseconds
from detente.record.group_commit import GroupCommit
from detente.record.keys import NodeKey
from detente.record.opening import OpenReport, check_and_report
from detente.record.storage import (
    EntryRow,
    JournalStoppedError,
    connect,
    connect_writer,
    create_database,
    insert_entries,
    write_ahead_path,
)
from detente.record.writer_lock import WriterLock

__all__ = ["Entry", "GroupCommit", "Head", "Journal", "JournalStoppedError", "NewEntry", "OpenReport"]

_log = logging.getLogger(__name__)
_SELECT_ALL = "SELECT number, at_us, kind, body, hash FROM entry WHERE number BETWEEN ? AND ? ORDER BY number"
_SELECT_KIND = (
    "SELECT number, at_us, kind, body, hash FROM entry WHERE number BETWEEN ? AND ? AND kind = ? ORDER BY number"
)
_ROW_OVERHEAD_BYTES = 256
_MAX_PAGE_BYTES = 4 * 1024 * 1024
_PAGE_GROWTH = 16


class Journal:
    """An open journal. One process writes it at a time; any thread of that process may call any method.

    Attributes:
        path: the SQLite file.
        genesis: the journal's id, public key and time of making.
        report: what opening found, and what it cut.
    """

    def __init__(self, path: Path, key: NodeKey, lock: WriterLock, genesis: Genesis, report: OpenReport) -> None:
        """Use `Journal.open`, which checks the journal first."""
        self.path = path
        self.genesis = genesis
        self.report = report
        self._key = key
        self._lock = lock
        self._head = report.head
        self._stopped = ""
        self._write_lock = threading.Lock()
        self._read_lock = threading.Lock()
        self._acknowledged = AcknowledgedHead(path)
        self._writer = connect_writer(path)
        self._reader = connect(path, "ro")

    @classmethod
    def open(cls, path: Path | str, key: NodeKey) -> Self:
        """Open the journal `path` for writing with the node's key; make it when there is none.

        The whole chain and the newest signature are checked. Whatever a crash left after the last signed batch is cut,
        noted in `report`, and logged. Raises Refusal when another process writes the journal, when it is of another
        key, when the file is no journal, and when an entry below a signed head is not what was signed: such a file is
        evidence, and is not changed.
        """
        file = Path(path).resolve()
        lock = WriterLock(file)
        try:
            if not file.exists():
                _create(file, key)
            genesis, report = check_and_report(file, key.public)
            journal = cls(file, key, lock, genesis, report)
        except BaseException as error:
            lock.release()
            if isinstance(error, (sqlite3.Error, OSError)):
                raise _unwritable(file, error) from None
            raise
        try:
            journal._cut_tail()
        except (sqlite3.Error, OSError) as error:
            journal.close()
            raise _unwritable(file, error) from None
        if report.sentence:
            _log.warning("%s: %s", file, report.sentence)
        return journal

    @property
    def head(self) -> Head:
        """The newest durable entry's number and hash."""
        return self._head

    def append(self, entries: Sequence[NewEntry], at: datetime) -> list[Entry]:
        """Append (kind, body) pairs as one batch, all or none, and return them when they are on the disk.

        `at` is the time of the command that caused them. Raises Refusal for a kind that is no lower-case word, a body
        over MAX_BODY_BYTES and a time without offset; JournalStoppedError when the disk fails, and from then on.
        """
        return self.append_group([Submission(entries, at)])[0]

    def append_group(self, submissions: Sequence[Submission]) -> list[list[Entry]]:
        """Append several callers' entries, in order, as one batch; return each caller's own. Raises as `append`."""
        with self._write_lock:
            if self._stopped:
                raise JournalStoppedError(self._stopped)
            number, previous = self._head
            first = number + 1
            appended: list[list[Entry]] = []
            rows: list[EntryRow] = []
            for submission in submissions:
                at, at_us = submission.at, submission.at_us
                own: list[Entry] = []
                for kind, body in submission.entries:
                    number += 1
                    previous = entry_hash(previous, number, at_us, kind_field(kind), body)
                    rows.append((number, at_us, kind, body, previous, None))
                    own.append(Entry(number, at, kind, body, previous))
                appended.append(own)
            if rows:
                rows[-1] = (*rows[-1][:5], self._key.sign(head_message(first, number, previous)))
                self._commit(rows)
                self._head = Head(number, previous)
            return appended

    def read(self, first: int = 1, kind: str | None = None) -> Iterator[Entry]:
        """Yield the entries from number `first` on, in order, up to the head when the first is asked for.

        With `kind` only those of that kind. Appending goes on meanwhile, and an iterator may be dropped half-way.
        Raises JournalStoppedError once the journal is closed; after a failed write, what is durable is still read.
        """
        last = self._head.number
        number = first
        page_bytes = 0
        while number <= last:
            # The first page is one entry, because many callers want no more; no read stays open between pages.
            page = self._read_page(number, last, kind, page_bytes)
            yield from page
            if not page:
                return
            number = page[-1].number + 1
            page_bytes = min(max(page_bytes, _ROW_OVERHEAD_BYTES) * _PAGE_GROWTH, _MAX_PAGE_BYTES)

    def close(self) -> None:
        """Finish the write in hand and close the file, which is then whole without a write-ahead log beside it."""
        with self._write_lock, self._read_lock:
            if self._lock.is_held:
                self._stopped = self._stopped or "the journal is closed"
                self._reader.close()
                self._writer.close()
                self._acknowledged.close()
                self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _read_page(self, first: int, last: int, kind: str | None, page_bytes: int) -> list[Entry]:
        page: list[Entry] = []
        with self._read_lock:
            if not self._lock.is_held:
                raise JournalStoppedError(self._stopped)
            if kind is None:
                cursor = self._reader.execute(_SELECT_ALL, (first, last))
            else:
                cursor = self._reader.execute(_SELECT_KIND, (first, last, kind))
            for number, at_us, entry_kind, body, stored_hash in cursor:
                page.append(Entry(number, from_microseconds(at_us), entry_kind, body, stored_hash))
                page_bytes -= len(body) + _ROW_OVERHEAD_BYTES
                if page_bytes <= 0:
                    break
            cursor.close()
        return page

    def _cut_tail(self) -> None:
        if self.report.unsigned_entries:
            self._writer.execute("DELETE FROM entry WHERE number > ?", (self._head.number,))
        # The log's torn frames go with the log; a reader that is busy with it only puts this off.
        self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        self._acknowledged.write(self._head)

    def _commit(self, rows: Sequence[EntryRow]) -> None:
        try:
            self._writer.execute("BEGIN IMMEDIATE")
            insert_entries(self._writer, rows)
            self._writer.execute("COMMIT")
            self._acknowledged.write(Head(rows[-1][0], rows[-1][4]))
        except (sqlite3.Error, OSError) as error:
            # After a failed fsync nobody knows what is on the disk (the pages may be marked clean): stop.
            self._stopped = f"{self.path}: the disk failed under the journal: {error}"
            with contextlib.suppress(sqlite3.Error):
                self._writer.rollback()
            raise JournalStoppedError(self._stopped) from error


def _create(path: Path, key: NodeKey) -> None:
    log = write_ahead_path(path)
    if log.exists() and log.stat().st_size:
        raise Refusal(
            str(path), f"no such file, but {log.name} is there", "a journal with its write-ahead log",
            f"The newest batches are in {log.name}: put the journal back beside it, or move it away to begin anew.",
        )  # fmt: skip
    known = read_acknowledged_head(path)
    if known is not None and known.number:
        raise Refusal(
            str(path), "no such file", f"the journal that had reached entry {known.number:,}",
            f"Put the journal back, or move {acknowledged_path(path).name} away to begin anew.",
        )  # fmt: skip
    try:
        create_database(path, Genesis(os.urandom(JOURNAL_ID_BYTES), key.public, microseconds(datetime.now(UTC))), key)
    except (OSError, sqlite3.Error) as error:
        raise Refusal(str(path), str(error), "a place where a journal can be made") from None


def _unwritable(path: Path, error: Exception) -> Refusal:
    return Refusal(str(path), str(error), "a journal that can be written")
