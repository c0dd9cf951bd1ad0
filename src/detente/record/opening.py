"""The checks before a journal is opened for writing: a torn tail is cut; damage below a signed head is refused."""

from __future__ import annotations

from pathlib import Path

import msgspec

from detente.airspace.refusal import Refusal
from detente.record.acknowledged import acknowledged_path, read_acknowledged_head
from detente.record.chain import Genesis
from detente.record.entry import Head
from detente.record.keys import NodeKey
from detente.record.rotation import Rotation, keys_through
from detente.record.segments import Segment, read_segments, walk_after
from detente.record.snapshot import open_snapshot
from detente.record.storage import SQLITE_ERRORS, read_genesis
from detente.record.walk import BadEntry, BrokenChainError, JournalFault, Walk, check_genesis


class OpenReport(msgspec.Struct, frozen=True):
    """What opening found.

    Attributes:
        head: the newest signed entry.
        unfinished_bytes: bytes of an unfinished batch that a crash left in the write-ahead log; cut.
        unsigned_entries: entries behind the last signed head; cut.
        rotations: the rotations of the node's key, in order.
        missing: those after them that the key knows of: the journal was set back to before them.
    """

    head: Head
    unfinished_bytes: int
    unsigned_entries: int
    rotations: tuple[Rotation, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """One sentence for people; empty when nothing was cut."""
        parts = []
        if self.unfinished_bytes:
            parts.append(f"{self.unfinished_bytes:,} bytes of a batch that was never finished")
        if self.unsigned_entries:
            parts.append(f"{self.unsigned_entries:,} entries that no signed head covers")
        if not parts:
            return ""
        return f"a torn tail was cut behind entry {self.head.number}: {' and '.join(parts)}; none was acknowledged"


def check_and_report(path: Path, key: NodeKey) -> tuple[Genesis, tuple[Segment, ...], OpenReport]:
    """Return the genesis of the journal `path`, its closed segments and what opening will cut.

    Of the segments only the signed heads are checked, not their files. The caller holds the writer's lock. Raises
    Refusal when the file is no journal, is not one that `key` signs or goes on with, or an entry below a signed head is
    bad.
    """
    with open_snapshot(path, is_own=True) as (connection, log):
        genesis, signature = read_genesis(connection, path)
        try:
            check_genesis(genesis, signature, None)
            segments = read_segments(connection, genesis)
            known = read_acknowledged_head(path)
            walk = walk_after(connection, genesis, segments, known, every_signature=False)
            for _ in walk.rows():
                pass
            missing = _missing_rotations(path, walk, key)
            walk.check_whole(log)
            walk.check_known_reached()
            unsigned = walk.count_unsigned()
        except BrokenChainError as broken:
            raise _refusal(path, broken.bad) from None
        except SQLITE_ERRORS as error:
            raise Refusal("record.journal_sqlite_read", str(path), str(error)) from None
        return genesis, segments, OpenReport(walk.head, log.unfinished_bytes, unsigned, tuple(walk.rotations), missing)


def _missing_rotations(path: Path, walk: Walk, key: NodeKey) -> tuple[str, ...]:
    """The rotations that lead from the journal's last key to `key`; raises Refusal where it is not one of its line."""
    if walk.signer == key.public:
        return ()
    known = tuple(rotation.text for rotation in walk.rotations)
    if key.first == walk.first_key and key.rotations[: len(known)] == known:
        return key.rotations[len(known) :]
    newer = key.public in keys_through(walk.first_key, walk.rotations)
    code = "record.journal_newer_node_key" if newer else "record.journal_node_key"
    raise Refusal(code, str(path), walk.signer.hex(), public=key.public.hex())


def _refusal(path: Path, bad: BadEntry) -> Refusal:
    if bad.fault in (JournalFault.ENDS_EARLY, JournalFault.NOT_THE_KNOWN_HEAD):
        name = acknowledged_path(path).name
        return Refusal("record.entries_acknowledged_says", str(path), str(bad), name=name)
    return Refusal("record.journal_written", str(path), str(bad))
