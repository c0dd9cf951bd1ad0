"""The checks before a journal is opened for writing: a torn tail is cut; damage below a signed head is refused."""

from __future__ import annotations

from pathlib import Path

import msgspec

from detente.airspace.refusal import Refusal
from detente.record.acknowledged import acknowledged_path, read_acknowledged_head
from detente.record.chain import Genesis
from detente.record.entry import Head
from detente.record.snapshot import open_snapshot
from detente.record.storage import SQLITE_ERRORS, read_genesis
from detente.record.walk import BadEntry, BrokenChainError, JournalFault, Walk, check_genesis

_MEND = (
    "Nothing was changed. The file is evidence: keep it, run `detente journal verify` on it, and go on from a copy "
    "that verifies."
)


class OpenReport(msgspec.Struct, frozen=True):
    """What opening found.

    Attributes:
        head: the newest signed entry.
        unfinished_bytes: bytes of an unfinished batch that a crash left in the write-ahead log; cut.
        unsigned_entries: entries behind the last signed head; cut.
    """

    head: Head
    unfinished_bytes: int
    unsigned_entries: int

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


def check_and_report(path: Path, public: bytes) -> tuple[Genesis, OpenReport]:
    """Return the genesis of the journal `path` and what opening will cut. The caller holds the writer's lock.

    Raises Refusal when the file is no journal, is not of the key `public`, or an entry below a signed head is bad.
    """
    with open_snapshot(path, is_own=True) as (connection, log):
        genesis, signature = read_genesis(connection, path)
        walk = Walk(connection, genesis, known=read_acknowledged_head(path), every_signature=False)
        try:
            check_genesis(genesis, signature, public)
            for _ in walk.rows():
                pass
            walk.check_whole(log)
            walk.check_known_reached()
            unsigned = walk.count_unsigned()
        except BrokenChainError as broken:
            raise _refusal(path, broken.bad) from None
        except SQLITE_ERRORS as error:
            raise Refusal(str(path), str(error), "a journal that SQLite can read", _MEND) from None
        return genesis, OpenReport(walk.head, log.unfinished_bytes, unsigned)


def _refusal(path: Path, bad: BadEntry) -> Refusal:
    if bad.fault is JournalFault.ANOTHER_KEY:
        return Refusal(str(path), bad.detail, "the journal of this node's key", "Is it the right directory?")
    if bad.fault in (JournalFault.ENDS_EARLY, JournalFault.NOT_THE_KNOWN_HEAD):
        name = acknowledged_path(path).name
        return Refusal(
            str(path), str(bad), f"the entries that were acknowledged, as {name} says",
            "Was a -wal removed, or an older copy put back? Put the newest back. If it is lost for good, tell the "
            f"peers, who hold receipts, and move {name} away.",
        )  # fmt: skip
    return Refusal(str(path), str(bad), "a journal as it was written", _MEND)
