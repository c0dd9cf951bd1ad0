"""Segments: the parts that a journal has closed. Each is a journal file of its own, read-only, in a folder beside it.

The journal in use keeps, of each closed segment, its numbers, the hash of its last entry and the node's signature of
that head; and the rotations of the node's key in it, so that it is known who signs after it. So the chain goes on from
a signed head, a segment that was moved elsewhere is still accounted for, and one that is brought back is proven by the
hash that its last entry must have.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec

from detente.airspace.refusal import Refusal
from detente.record.chain import Genesis, head_message
from detente.record.entry import Entry, Head, from_microseconds
from detente.record.keys import sync_directory, verify
from detente.record.rotation import KEY_ROTATED, ROTATION_FORM, Rotation, keys_through, read_rotation, read_rotations
from detente.record.rows import LAST_ENTRY_NUMBER, Row
from detente.record.snapshot import open_snapshot
from detente.record.storage import (
    APPLICATION_ID,
    CREATE_ENTRY,
    CREATE_JOURNAL,
    CREATE_SEGMENT,
    PAGE_BYTES,
    SEGMENTED_VERSION,
    SQLITE_ERRORS,
    connect,
    insert_entries,
    read_genesis,
)
from detente.record.walk import BadEntry, BrokenChainError, JournalFault, Walk, check_genesis

SEGMENT_FOLDER = "segments"
_SELECT_SEGMENTS = (
    "SELECT first, last, hash, batch_first, signature, rotations, sha256, size_bytes FROM segment ORDER BY last"
)
INSERT_SEGMENT = (
    "INSERT INTO segment (first, last, hash, batch_first, signature, rotations, sha256, size_bytes) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
_TYPES = (int, int, bytes, int, bytes, bytes, bytes, int)
_ROWS_AT_ONCE = 1024


class Segment(msgspec.Struct, frozen=True):
    """A closed segment: entries `first` to `last`, of which the last has this hash.

    `signature` is the node's for the batch from `batch_first` to `last`; `rotations` are the exact texts of the
    rotations of its key that are in it; `sha256` and `size_bytes` are of its file.
    """

    first: int
    last: int
    hash: bytes
    batch_first: int
    signature: bytes
    rotations: tuple[str, ...]
    sha256: bytes
    size_bytes: int

    @property
    def head(self) -> Head:
        """Its last entry."""
        return Head(self.last, self.hash)

    @property
    def name(self) -> str:
        """The name of its file."""
        return f"{self.first:012d}-{self.last:012d}.sqlite"

    @property
    def row(self) -> tuple[int, int, bytes, int, bytes, bytes, bytes, int]:
        """The row of the table `segment`."""
        return (
            self.first, self.last, self.hash, self.batch_first, self.signature, "".join(self.rotations).encode(),
            self.sha256, self.size_bytes,
        )  # fmt: skip


class ArchivedRefusal(Refusal):
    """What was asked for is in a segment that is not here."""

    def __init__(self, segment: Segment) -> None:
        super().__init__(
            "record.segment_here", f"entries {segment.first:,} to {segment.last:,}", "archived", name=segment.name,
            next=segment.last + 1,
        )  # fmt: skip


def segment_folder(journal: Path) -> Path:
    """Return where the closed segments of the journal file `journal` are."""
    return journal.parent / SEGMENT_FOLDER


def segment_file(journal: Path, segment: Segment) -> Path:
    """Return where the file of a closed segment is, unless it is archived."""
    return segment_folder(journal) / segment.name


def base_of(segments: Sequence[Segment], genesis: Genesis) -> Head:
    """Return the head after which the journal in use goes on."""
    return segments[-1].head if segments else Head(0, genesis.hash)


def closed_rotations(segments: Iterable[Segment]) -> list[Rotation]:
    """Return the rotations of the node's key in closed segments, in order."""
    return [read_rotation(text) for segment in segments for text in segment.rotations]


def walk_after(
    connection: sqlite3.Connection,
    genesis: Genesis,
    segments: Sequence[Segment],
    known: Head | None = None,
    *,
    last: int = LAST_ENTRY_NUMBER,
    every_signature: bool = True,
) -> Walk:
    """Return the walk along what a file holds after the closed segments that it names; see `Walk`."""
    base, rotations = base_of(segments, genesis), closed_rotations(segments)
    return Walk(connection, genesis, base, known, rotations, last=last, every_signature=every_signature)


def read_segments(connection: sqlite3.Connection, genesis: Genesis) -> tuple[Segment, ...]:
    """Return the closed segments that a journal file names; raises BrokenChainError for one that is not signed."""
    if connection.execute("PRAGMA user_version").fetchone()[0] != SEGMENTED_VERSION:
        return ()
    try:
        rows = connection.execute(_SELECT_SEGMENTS).fetchall()
    except SQLITE_ERRORS as error:
        raise BrokenChainError(BadEntry(1, 1, JournalFault.UNREADABLE, str(error))) from None
    segments: list[Segment] = []
    signer = genesis.public_key
    for row in rows:
        first = segments[-1].last + 1 if segments else 1
        if tuple(map(type, row)) != _TYPES or row[0] != first or not first <= row[3] <= row[1]:
            raise BrokenChainError(BadEntry(first, first, JournalFault.MALFORMED))
        number, last, digest, batch_first, signature, texts, sha256, size_bytes = row
        rotations = _rotations_named(first, last, genesis, signer, texts)
        signer = keys_through(signer, rotations)[-1]
        if not verify(signer, signature, head_message(batch_first, last, digest)):
            raise BrokenChainError(BadEntry(batch_first, last, JournalFault.NOT_SIGNED_BY_KEY, signer.hex()))
        exact = tuple(rotation.text for rotation in rotations)
        segment = Segment(number, last, digest, batch_first, signature, exact, sha256, size_bytes)
        segments.append(segment)
    return tuple(segments)


def _rotations_named(first: int, last: int, genesis: Genesis, signer: bytes, data: bytes) -> list[Rotation]:
    """The rotations in a row of the table `segment`, which lead on from the key that signed until then."""
    texts: list[str] = []
    end = 0
    try:
        while end < len(data):
            begin = end
            _, _, end = ROTATION_FORM.read(data, begin)
            texts.append(data[begin:end].decode())
        return read_rotations(genesis.public_key, signer, texts)
    except (Refusal, UnicodeDecodeError) as error:
        raise BrokenChainError(BadEntry(first, last, JournalFault.FALSE_ROTATION, str(error))) from None


def write_segments(journal: Path, until: int, most_entries: int) -> list[Segment]:
    """Copy what a live journal holds up to the signed head `until` into files of its segments, proven on the way.

    Each ends with a batch and has `most_entries` or a few more, the last one what is left. The journal is not changed:
    `Journal.close_segments` makes the segments its own. Files of the same names are replaced.
    Raises Refusal for a journal that is not as it was written, and where there is no space.
    """
    folder = segment_folder(journal)
    written: list[Segment] = []
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        for leftover in folder.glob("*.new*"):
            leftover.unlink()
        with open_snapshot(journal) as (connection, _):
            genesis, signature = read_genesis(connection, journal)
            held = read_segments(connection, genesis)
            walk = walk_after(connection, genesis, held, last=until)
            piece: list[Row] = []
            for row in walk.rows():
                piece.append(row)
                if row[5] is not None and (len(piece) >= most_entries or row[0] == until):
                    written.append(_write_segment(folder, genesis, signature, (*held, *written), piece))
                    piece = []
    except BrokenChainError as broken:
        raise Refusal("record.journal_written", str(journal), str(broken.bad)) from None
    except (*SQLITE_ERRORS, OSError) as error:
        raise Refusal("record.place_for_segments", str(folder), str(error)) from None
    return written


def _write_segment(
    folder: Path, genesis: Genesis, signature: bytes, before: Sequence[Segment], rows: Sequence[Row]
) -> Segment:
    head_signature = rows[-1][5]
    assert head_signature is not None  # a piece ends with its batch
    signed = [row[0] for row in rows if row[5] is not None]
    batch_first = signed[-2] + 1 if len(signed) > 1 else rows[0][0]
    first, last, digest = rows[0][0], rows[-1][0], rows[-1][4]
    rotations = tuple(row[3].decode() for row in rows if row[2] == KEY_ROTATED)
    segment = Segment(first, last, digest, batch_first, head_signature, rotations, b"", 0)
    temporary = folder / f"{segment.name}.new"
    os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    with closing(connect(temporary, "rw")) as connection:
        # Until it is whole and has its name the file is nothing: it is made durable once, at the end.
        for pragma in ("journal_mode = OFF", "synchronous = OFF", f"page_size = {PAGE_BYTES}"):
            connection.execute(f"PRAGMA {pragma}").fetchall()
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {SEGMENTED_VERSION}")
        connection.execute("BEGIN")
        for statement in (CREATE_JOURNAL, CREATE_ENTRY, CREATE_SEGMENT):
            connection.execute(statement)
        origin = (genesis.journal_id, genesis.public_key, genesis.created_at_us, signature)
        connection.execute("INSERT INTO journal VALUES (?, ?, ?, ?)", origin)
        connection.executemany(INSERT_SEGMENT, [each.row for each in before])
        for begin in range(0, len(rows), _ROWS_AT_ONCE):
            insert_entries(connection, rows[begin : begin + _ROWS_AT_ONCE])
        connection.execute("COMMIT")
    with temporary.open("rb") as stream:
        os.fsync(stream.fileno())
        sha256 = hashlib.file_digest(stream, "sha256").digest()
    segment = msgspec.structs.replace(segment, sha256=sha256, size_bytes=temporary.stat().st_size)
    temporary.chmod(0o400)
    temporary.replace(folder / segment.name)
    sync_directory(folder)
    return segment


@contextmanager
def opened_segment(
    journal: Path, segment: Segment, before: Sequence[Segment], genesis: Genesis, known: Head | None = None
) -> Iterator[Walk]:
    """Give a walk along one closed segment of a journal. `before` are the segments before it, `known` as for `Walk`.

    Raises ArchivedRefusal when it is not here, and BrokenChainError when the file is of another journal.
    """
    file = segment_file(journal, segment)
    if not file.is_file():
        raise ArchivedRefusal(segment)
    with open_snapshot(file) as (connection, log):
        found, signature = read_genesis(connection, file)
        check_genesis(found, signature, genesis.public_key)
        if found != genesis or read_segments(connection, genesis) != tuple(before):
            raise BrokenChainError(
                BadEntry(segment.first, segment.last, JournalFault.NOT_THE_KNOWN_HEAD, found.journal_id.hex())
            )
        walk = walk_after(connection, genesis, before, known)
        yield walk
        walk.check_whole(log)
        exact = tuple(rotation.text for rotation in walk.rotations[len(closed_rotations(before)) :])
        if walk.head != segment.head or exact != segment.rotations:
            raise BrokenChainError(
                BadEntry(segment.last, segment.last, JournalFault.NOT_THE_KNOWN_HEAD, walk.head.hash.hex())
            )


def proven_rows(journal: Path, first: int = 1) -> Iterator[Row]:
    """Yield the rows of a journal from entry `first` on, of its closed segments first, each proven by the chain.

    Raises ArchivedRefusal when a segment is not here, and BrokenChainError at the first bad entry.
    """
    with open_snapshot(journal) as (connection, _):
        genesis, _ = read_genesis(connection, journal)
        segments = read_segments(connection, genesis)
        for place, segment in enumerate(segments):
            if segment.last >= first:
                with opened_segment(journal, segment, segments[:place], genesis) as walk:
                    yield from (row for row in walk.rows() if row[0] >= first)
        rows = walk_after(connection, genesis, segments).rows()
        yield from (row for row in rows if row[0] >= first)


class StoredJournal:
    """A journal that another process may be writing, as this one reads it: every entry is proven by the chain."""

    def __init__(self, path: Path) -> None:
        """Raises Refusal when the file is no journal."""
        self.path = path
        with open_snapshot(path) as (connection, _):
            self.genesis, _ = read_genesis(connection, path)
            try:
                self.segments = read_segments(connection, self.genesis)
            except BrokenChainError as broken:
                raise self._refusal(broken) from None
        self.base = base_of(self.segments, self.genesis)

    def read(self, first: int = 1, kind: str | None = None) -> Iterator[Entry]:
        """Yield the entries from number `first` on, as `Journal.read` does; raises Refusal for a bad one."""
        try:
            for number, at_us, entry_kind, body, digest, _ in proven_rows(self.path, first):
                if kind is None or kind == entry_kind:
                    yield Entry(number, from_microseconds(at_us), entry_kind, body, digest)
        except BrokenChainError as broken:
            raise self._refusal(broken) from None

    def _refusal(self, broken: BrokenChainError) -> Refusal:
        return Refusal("record.journal_written", str(self.path), str(broken.bad))
