"""A cut of the journal: what it has by now becomes closed segments, and a snapshot goes on from there.

What is heavy is done by a process of its own, from the journal alone, and changes nothing in it: python -m
detente.node.cutting DIR ENTRY MOST. The node then writes down what was made, and closes the segments.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from detente.airspace.refusal import Refusal
from detente.link.directory import NodeDirectory
from detente.node.beginning import empty_state, read_accord
from detente.node.snapshots import (
    CutRecord,
    Journalled,
    newest_cut,
    record_of,
    sent_before,
    started,
    write_snapshot,
)
from detente.node.state import NodeState
from detente.record.entry import Head
from detente.record.segments import Segment, StoredJournal, write_segments
from detente.settings.configuration import read_configuration

BESIDE_NICENESS = 10
_SHOWN_CHARACTERS = 500


class Prepared(msgspec.Struct, frozen=True):
    """What was made for a cut: the new segments, and the body of the journal's entry about it."""

    segments: list[Segment]
    record: CutRecord


def prepare(
    make: Callable[[], NodeState], journal_path: Path, base: Head, read: Journalled, until: int, most_entries: int,
    at: datetime,
) -> Prepared:  # fmt: skip
    """Write the segments up to the signed head `until`, and the snapshot of the state there; change nothing else.

    `base` is the last entry of the segments that are closed, `at` the time (UTC). Raises Refusal.
    """
    before = newest_cut(read, base.number + 1)
    state, _ = started(make, journal_path, base, read, until)
    segments = write_segments(journal_path, until, most_entries)
    if not segments:
        raise Refusal("record.segments_follow", "segments", until, first=base.number + 1)
    sent = sent_before(state, journal_path, read, before, until)
    snapshot = write_snapshot(journal_path, state, segments[-1].head, sent)
    earlier = None if before is None else before.snapshot
    return Prepared(segments, record_of(segments, snapshot, earlier, state, at))


async def prepared_beside(directory: Path, until: int, most_entries: int) -> Prepared:
    """Do the same in a process of its own, which has less of the machine than the node. Raises Refusal."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "detente.node.cutting", str(directory), str(until), str(most_entries),
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        out, errors = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    if process.returncode:
        said = errors.decode("utf-8", "replace").strip()[-_SHOWN_CHARACTERS:]
        raise Refusal("node.cut_prepared", "journal", said or f"exit code {process.returncode}")
    return msgspec.json.decode(out, type=Prepared)


def main(directory: Path, until: int, most_entries: int) -> int:
    """Prepare a cut of a node's journal and print what was made as JSON; 1, with the reason, when it cannot be."""
    os.nice(BESIDE_NICENESS)
    node = NodeDirectory(directory)
    configuration = read_configuration(node.config_path)
    accord = read_accord(directory / configuration.accord)
    try:
        journal = StoredJournal(node.journal_path)
        prepared = prepare(
            lambda: empty_state(node, configuration, accord), journal.path, journal.base, journal.read, until,
            most_entries, datetime.now(UTC),
        )  # fmt: skip
    except Refusal as refusal:
        sys.stderr.write(str(refusal))
        return 1
    sys.stdout.buffer.write(msgspec.json.encode(prepared))
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
