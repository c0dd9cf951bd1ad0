"""Verification of a journal file without a node: the whole chain, every signature, the first bad entry by number."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import msgspec

from detente.record.acknowledged import read_acknowledged_head
from detente.record.chain import Genesis
from detente.record.entry import Head
from detente.record.rows import Row
from detente.record.segments import ArchivedRefusal, Segment, opened_segment, read_segments, walk_after
from detente.record.snapshot import open_snapshot
from detente.record.storage import check_is_file, read_genesis, write_ahead_path
from detente.record.walk import BadEntry, BrokenChainError, JournalFault, Walk, check_genesis
from detente.record.writer_lock import is_being_written, lock_path

__all__ = ["BadEntry", "JournalFault", "Verification", "verify_journal"]

PROGRESS_ENTRIES = 65_536
"""How often `progress` is called."""


class Verification(msgspec.Struct, frozen=True):
    """The result of a verification.

    Attributes:
        path: the file.
        genesis: the journal's id, public key and time of making.
        head: the last proven entry's number and hash.
        batches: how many signed batches were proven.
        bad: the first bad entry, or None when all are good.
        is_key_given: whether the public key came from outside; if not, the file is only consistent with itself.
        is_head_given: whether the file was compared with a head from outside; if not, missing newest batches go unseen.
        unfinished_bytes: bytes of an unfinished batch in the write-ahead log, which are no part of the journal.
        signer: the public key that signs after its rotations.
        segments: how many closed segments the journal has; those in `archived` are not here. Their heads are signed,
            and what is here goes on from them.
        may_lack_log: a copy without the write-ahead log: if the node was running, the newest entries are not in it.
    """

    path: str
    genesis: Genesis
    head: Head
    batches: int
    bad: BadEntry | None
    is_key_given: bool
    is_head_given: bool
    unfinished_bytes: int
    may_lack_log: bool
    signer: bytes
    segments: int = 0
    archived: tuple[Segment, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether every entry is proven."""
        return self.bad is None


class Receiver(Protocol):
    """Takes a journal while it is verified: its genesis, its rows in order as they are proven, and the end."""

    def begin(self, genesis: Genesis, signature: bytes) -> None:
        """Take the genesis and its signature."""

    def row(self, row: Row) -> None:
        """Take the next row."""

    def end(self) -> None:
        """Take note that no more rows come, because the journal ends or the next is bad."""


def verify_journal(
    path: Path | str,
    public: bytes | None = None,
    head: Head | None = None,
    progress: Callable[[int], None] | None = None,
    receiver: Receiver | None = None,
) -> Verification:
    """Verify the journal file `path`, which may be a copy, and is not changed, nor is anything made beside it.

    Args:
        path: the file; a write-ahead log beside it (``-wal``) is read too.
        public: the public key (32 bytes) that it must be signed with; None takes the one in the file.
        head: an entry's number and hash known from outside, which the journal must contain; without it, the newest
            acknowledged head in the file beside the journal, if there is one.
        progress: called now and then with the number of entries proven so far.
        receiver: given every row as it is proven.

    Returns:
        The result; `bad` names the first bad entry.

    Raises:
        Refusal: the file is no journal, or cannot be read at all; ArchivedRefusal when the entry known from outside is
            in a segment that is not here.
    """
    file = Path(path)
    check_is_file(file)
    was_written = is_being_written(file)
    verification = _verify_once(file, public, head, progress, receiver)
    if not verification.ok and receiver is None and not was_written and is_being_written(file):
        # A node was started on the file while it was read without locks.
        verification = _verify_once(file, public, head, progress, receiver)
    return verification


def _verify_once(
    path: Path,
    public: bytes | None,
    head: Head | None,
    progress: Callable[[int], None] | None,
    receiver: Receiver | None,
) -> Verification:
    # Read before the journal: the head beside a live one moves on.
    known = head or read_acknowledged_head(path)
    with open_snapshot(path) as (connection, log):
        genesis, signature = read_genesis(connection, path)
        if receiver is not None:
            receiver.begin(genesis, signature)
        bad: BadEntry | None = None
        segments: tuple[Segment, ...] = ()
        archived: list[Segment] = []
        batches, walk = 0, Walk(connection, genesis)

        def follow() -> None:
            for row in walk.rows():
                if receiver is not None:
                    receiver.row(row)
                if row[0] % PROGRESS_ENTRIES == 0 and progress is not None:
                    progress(row[0])

        try:
            check_genesis(genesis, signature, public)
            segments = read_segments(connection, genesis)
            for place, segment in enumerate(segments):
                try:
                    with opened_segment(path, segment, segments[:place], genesis, known) as walk:
                        follow()
                        batches += walk.batches
                except ArchivedRefusal:
                    if head is not None and segment.first <= head.number <= segment.last:
                        raise
                    archived.append(segment)
            walk = walk_after(connection, genesis, segments, known)
            follow()
            walk.check_whole(log)
            walk.check_end()
        except BrokenChainError as broken:
            bad = broken.bad
        if receiver is not None:
            receiver.end()
        return Verification(
            path=str(path),
            genesis=genesis,
            head=walk.head,
            batches=batches + walk.batches,
            bad=bad,
            is_key_given=public is not None,
            is_head_given=head is not None,
            unfinished_bytes=log.unfinished_bytes,
            may_lack_log=not write_ahead_path(path).exists() and not lock_path(path).exists(),
            signer=walk.signer,
            segments=len(segments),
            archived=tuple(archived),
        )
