"""The journal of one node: append-only, hash-chained, signed batch by batch, durable before it is acknowledged."""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import sqlite3
import threading
from bisect import bisect_left
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
from detente.record.rotation import KEY_ROTATED
from detente.record.segments import INSERT_SEGMENT, ArchivedRefusal, Segment, base_of, segment_file
from detente.record.storage import (
    CREATE_SEGMENT,
    PAGE_BYTES,
    SEGMENTED_VERSION,
    EntryRow,
    JournalStoppedError,
    connect,
    connect_unwritten,
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
_REMOVED_AT_ONCE = 500
"""Entries of a closed segment that are removed in one step, between which a batch may be written."""
_LEAST_FREE_BYTES, _FREE_SHARE = 64 * 1024 * 1024, 0.75
"""A file that is mostly what was removed is made small when it is opened."""


class Journal:
    """An open journal. One process writes it at a time; any thread of that process may call any method.

    Attributes:
        path: the SQLite file.
        genesis: the journal's id, public key and time of making.
        segments: those that are closed. Their entries are read from their files.
        report: what opening found, and what it cut.
        may_hold_closed: whether entries of closed segments may still be there for `remove_closed`.
    """

    def __init__(
        self,
        path: Path,
        key: NodeKey,
        lock: WriterLock,
        genesis: Genesis,
        segments: tuple[Segment, ...],
        report: OpenReport,
    ) -> None:
        """Use `Journal.open`, which checks the journal first."""
        self.path = path
        self.genesis = genesis
        self.segments = segments
        self.report = report
        self.may_hold_closed = bool(segments)
        self._key = key
        self._lock = lock
        self._head = report.head
        self._stopped = ""
        self._write_lock = threading.Lock()
        self._read_lock = threading.Lock()
        self._acknowledged = AcknowledgedHead(path)
        self._writer = connect_writer(path)
        self._reader = connect(path, "ro")
        # SQLite opens the log when it is first read: from then on the directory may be moved.
        self._reader.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        self._segment: tuple[Path, sqlite3.Connection] | None = None

    @classmethod
    def open(cls, path: Path | str, key: NodeKey) -> Self:
        """Open the journal `path` for writing with the node's key; make it when there is none.

        The whole chain and the newest signature are checked. Whatever a crash left after the last signed batch is cut,
        noted in `report`, and logged. `key` then knows its rotations. Raises Refusal when another process writes the
        journal, when it is of another key, when the file is no journal, and when an entry below a signed head is not
        what was signed: such a file is evidence, and is not changed.
        """
        file = Path(path).resolve()
        lock = WriterLock(file)
        try:
            if not file.exists():
                _create(file, key)
            genesis, segments, report = check_and_report(file, key)
            key.descend_from(genesis.public_key, (*(rotation.text for rotation in report.rotations), *report.missing))
            journal = cls(file, key, lock, genesis, segments, report)
        except BaseException as error:
            lock.release()
            if isinstance(error, (sqlite3.Error, OSError)):
                raise _unwritable(file, error) from None
            raise
        try:
            journal._cut_tail()
            journal._append_missing_rotations()
        except (sqlite3.Error, OSError, JournalStoppedError) as error:
            journal.close()
            cause = error.__cause__ if isinstance(error, JournalStoppedError) else error
            raise _unwritable(file, cause) from None
        if report.sentence:
            _log.warning("%s: %s", file, report.sentence)
        return journal

    @property
    def head(self) -> Head:
        """The newest durable entry's number and hash."""
        return self._head

    @property
    def base(self) -> Head:
        """The last entry of the newest closed segment; the genesis before the first."""
        return base_of(self.segments, self.genesis)

    @property
    def first_here(self) -> int:
        """The first entry from which on every entry is here: none of them is in a segment that was moved away."""
        here = itertools.takewhile(lambda segment: segment_file(self.path, segment).is_file(), reversed(self.segments))
        return min((segment.first for segment in here), default=self.base.number + 1)

    def check_here(self, first: int) -> None:
        """Raise ArchivedRefusal unless every entry from number `first` on is here."""
        for segment in self.segments:
            if segment.last >= first and not segment_file(self.path, segment).is_file():
                raise ArchivedRefusal(segment)

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
                    if kind == KEY_ROTATED:
                        self._check_successor(body)
                appended.append(own)
            if rows:
                if any(row[2] == KEY_ROTATED for row in rows):
                    self._key.give_way()
                rows[-1] = (*rows[-1][:5], self._key.sign(head_message(first, number, previous)))
                self._commit(rows)
                self._head = Head(number, previous)
            return appended

    def read(self, first: int = 1, kind: str | None = None) -> Iterator[Entry]:
        """Yield the entries from number `first` on, in order, up to the head when the first is asked for.

        With `kind` only those of that kind. Appending goes on meanwhile, and an iterator may be dropped half-way.
        Raises JournalStoppedError once the journal is closed, and ArchivedRefusal where an entry is in a segment that
        is not here; after a failed write, what is durable is still read.
        """
        last = self._head.number
        number = first
        page_bytes = 0
        while number <= last:
            # The first page is one entry, because many callers want no more; no read stays open between pages.
            page = self._read_page(number, last, kind, page_bytes)
            yield from page
            if not page:
                # Of this kind there is no more in the file that was read; another may follow it.
                number = self._last_of_file(number, last) + 1
                continue
            number = page[-1].number + 1
            page_bytes = min(max(page_bytes, _ROW_OVERHEAD_BYTES) * _PAGE_GROWTH, _MAX_PAGE_BYTES)

    def close_segments(self, segments: Sequence[Segment]) -> None:
        """Take what was written by `write_segments` as closed: from now on their entries are read from their files.

        Raises Refusal, with nothing changed, where they do not go on from those before or there is no space for it;
        JournalStoppedError when the disk fails.
        """
        with self._write_lock:
            if self._stopped:
                raise JournalStoppedError(self._stopped)
            number, held = self.base.number, self.segments
            for segment in segments:
                found = next(self.read(segment.last)) if segment.last <= self._head.number else None
                if segment.first != number + 1 or found is None or found.hash != segment.hash:
                    raise Refusal("record.segments_follow", "segments", segment.name, first=number + 1)
                if not segment_file(self.path, segment).is_file():
                    raise ArchivedRefusal(segment)
                number = segment.last
            try:
                self._writer.execute("BEGIN IMMEDIATE")
                if not held:
                    self._writer.execute(CREATE_SEGMENT)
                    self._writer.execute(f"PRAGMA user_version = {SEGMENTED_VERSION}")
                self._writer.executemany(INSERT_SEGMENT, [segment.row for segment in segments])
                self._writer.execute("COMMIT")
            except (sqlite3.Error, OSError) as error:
                raise self._failed(error) from error
            with self._read_lock:
                self.segments = (*held, *segments)
                self.may_hold_closed = True

    def remove_closed(self) -> bool:
        """Remove some of the entries that are in closed segments now; return whether any were left to remove.

        Raises Refusal when there is no space for it, and JournalStoppedError when the disk fails.
        """
        with self._write_lock:
            if self._stopped:
                raise JournalStoppedError(self._stopped)
            try:
                first = self._writer.execute("SELECT min(number) FROM entry").fetchone()[0]
                if first is None or first > self.base.number:
                    self.may_hold_closed = False
                    return False
                last = min(first + _REMOVED_AT_ONCE - 1, self.base.number)
                self._writer.execute("DELETE FROM entry WHERE number <= ?", (last,))
            except (sqlite3.Error, OSError) as error:
                raise self._failed(error) from error
            return True

    def close(self) -> None:
        """Finish the write in hand and close the file, which is then whole without a write-ahead log beside it."""
        with self._write_lock, self._read_lock:
            if self._lock.is_held:
                self._stopped = self._stopped or "the journal is closed"
                self._reader.close()
                self._leave_segment()
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
            reader, last = self._reader_of(first), self._last_of_file(first, last)
            if kind is None:
                cursor = reader.execute(_SELECT_ALL, (first, last))
            else:
                cursor = reader.execute(_SELECT_KIND, (first, last, kind))
            for number, at_us, entry_kind, body, stored_hash in cursor:
                page.append(Entry(number, from_microseconds(at_us), entry_kind, body, stored_hash))
                page_bytes -= len(body) + _ROW_OVERHEAD_BYTES
                if page_bytes <= 0:
                    break
            cursor.close()
        return page

    def _append_missing_rotations(self) -> None:
        """Write down again which keys came after the last one here, when the journal was set back to before them."""
        number, previous = self._head
        at_us = microseconds(datetime.now(UTC))
        rows: list[EntryRow] = []
        for text in self.report.missing:
            number += 1
            previous = entry_hash(previous, number, at_us, kind_field(KEY_ROTATED), text.encode())
            rows.append((number, at_us, KEY_ROTATED, text.encode(), previous, None))
        if rows:
            rows[-1] = (*rows[-1][:5], self._key.sign(head_message(self._head.number + 1, number, previous)))
            self._commit(rows)
            self._head = Head(number, previous)

    def _check_successor(self, rotation: bytes) -> None:
        if self._key.successor is None or self._key.successor.rotation.encode() != rotation:
            raise ValueError("a rotation is not that to the prepared successor")

    def _last_of_file(self, number: int, last: int) -> int:
        """The last entry, up to `last`, of the file in which entry `number` is."""
        segment = self._segment_of(number)
        return last if segment is None else min(last, segment.last)

    def _segment_of(self, number: int) -> Segment | None:
        place = bisect_left(self.segments, number, key=lambda segment: segment.last)
        return self.segments[place] if place < len(self.segments) else None

    def _reader_of(self, number: int) -> sqlite3.Connection:
        """The connection to the file in which entry `number` is; that of the last segment asked for is kept open."""
        segment = self._segment_of(number)
        if segment is None:
            return self._reader
        file = segment_file(self.path, segment)
        if not file.is_file():
            raise ArchivedRefusal(segment)
        if self._segment is None or self._segment[0] != file:
            self._leave_segment()
            self._segment = file, connect_unwritten(file, with_log=False)
        return self._segment[1]

    def _leave_segment(self) -> None:
        if self._segment is not None:
            self._segment[1].close()
            self._segment = None

    def _cut_tail(self) -> None:
        if self.report.unsigned_entries:
            self._writer.execute("DELETE FROM entry WHERE number > ?", (self._head.number,))
        free, pages = (self._writer.execute(f"PRAGMA {n}").fetchone()[0] for n in ("freelist_count", "page_count"))
        if free * PAGE_BYTES > _LEAST_FREE_BYTES and free > _FREE_SHARE * pages:
            # Without space for it, it waits for another time.
            with contextlib.suppress(sqlite3.OperationalError):
                self._writer.execute("VACUUM")
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
            raise self._stop(error) from error

    def _failed(self, error: Exception) -> Exception:
        """What a failed change that adds no entry comes to: without space for it nothing has changed."""
        if getattr(error, "sqlite_errorcode", None) != sqlite3.SQLITE_FULL:
            return self._stop(error)
        if self._writer.in_transaction:
            self._writer.rollback()
        return Refusal("record.place_for_segments", str(self.path), str(error))

    def _stop(self, error: Exception) -> JournalStoppedError:
        # After a failed fsync nobody knows what is on the disk (the pages may be marked clean): stop.
        self._stopped = f"{self.path}: the disk failed under the journal: {error}"
        with contextlib.suppress(sqlite3.Error):
            self._writer.rollback()
        return JournalStoppedError(self._stopped)


def _create(path: Path, key: NodeKey) -> None:
    log = write_ahead_path(path)
    if log.exists() and log.stat().st_size:
        raise Refusal(
            "record.journal_with_write_ahead", str(path), f"no such file, but {log.name} is there", log=log.name
        )
    known = read_acknowledged_head(path)
    if known is not None and known.number:
        raise Refusal(
            "record.journal_had_reached_entry", str(path), "no such file", number=known.number,
            path=acknowledged_path(path).name,
        )  # fmt: skip
    try:
        create_database(path, Genesis(os.urandom(JOURNAL_ID_BYTES), key.public, microseconds(datetime.now(UTC))), key)
    except (OSError, sqlite3.Error) as error:
        raise Refusal("record.place_where_journal_made", str(path), str(error)) from None


def _unwritable(path: Path, error: BaseException | None) -> Refusal:
    return Refusal("record.journal_writable", str(path), str(error))
