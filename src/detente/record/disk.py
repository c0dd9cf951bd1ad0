"""How much room a journal's disk has, and for how many days it lasts at the journal's pace of the last week."""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from detente.airspace.refusal import Refusal
from detente.record.entry import from_microseconds
from detente.record.segments import Segment, read_segments
from detente.record.snapshot import open_snapshot
from detente.record.storage import read_genesis
from detente.record.walk import BrokenChainError

LOOK_BACK = timedelta(days=7)
SHORTEST_LOOK = timedelta(hours=1)
"""Of a younger journal nothing is foretold: its first minutes are no pace."""
MOST_DAYS_LEFT = 3650.0
_DAY = timedelta(days=1)
_SELECT_ENDS, _SELECT_TIME = "SELECT min(number), max(number) FROM entry", "SELECT at_us FROM entry WHERE number = ?"


class DiskRoom(msgspec.Struct, frozen=True):
    """The disk of a journal. `days_left` is None where nothing can be foretold, and 3650 for ten years or more."""

    free_bytes: int
    total_bytes: int
    days_left: float | None

    @property
    def free_share(self) -> float:
        """What share of the disk is free, 0 to 1."""
        return self.free_bytes / self.total_bytes if self.total_bytes else 0.0


def disk_room(
    path: Path, entries: range, time_of: Callable[[int], datetime], now: datetime, closed: Segment | None = None
) -> DiskRoom:
    """Return the room on the disk of the journal `path`, which has `entries`; `time_of` gives the time of one.

    `closed` is the newest closed segment, by whose file it is known how much an entry takes.

    Raises OSError when the file or its disk cannot be asked.
    """
    disk = os.statvfs(path.parent)
    free_bytes = disk.f_bavail * disk.f_frsize
    return DiskRoom(
        free_bytes, disk.f_blocks * disk.f_frsize, _days_left(path, free_bytes, entries, time_of, now, closed)
    )


def disk_room_of_file(path: Path, now: datetime) -> DiskRoom:
    """Return the same for a journal file that this process does not write. Raises Refusal when it is no journal."""
    with open_snapshot(path) as (connection, _):

        def time_of(number: int) -> datetime:
            return from_microseconds(connection.execute(_SELECT_TIME, (number,)).fetchone()[0])

        try:
            closed = read_segments(connection, read_genesis(connection, path)[0])[-1:]
        except BrokenChainError as broken:
            raise Refusal("record.journal_written", str(path), str(broken.bad)) from None
        first, last = connection.execute(_SELECT_ENDS).fetchone()
        entries = range(first or 1, (last or 0) + 1)
        return disk_room(path, entries, time_of, now, *closed)


def _days_left(
    path: Path, free_bytes: int, entries: range, time_of: Callable[[int], datetime], now: datetime,
    closed: Segment | None,
) -> float | None:  # fmt: skip
    if not entries:
        return None
    # Entries are in the order of their times but where a clock was set back, and this is an estimate.
    newer = len(entries) - bisect_left(entries, now - LOOK_BACK, key=time_of)
    elapsed = min(LOOK_BACK, now - time_of(entries[0]))
    if elapsed < SHORTEST_LOOK:
        return None
    size_bytes = sum(file.stat().st_size for file in (path, path.with_name(f"{path.name}-wal")) if file.exists())
    entry_bytes = size_bytes / len(entries)
    if closed is not None:
        entry_bytes = closed.size_bytes / (closed.last - closed.first + 1)
    bytes_a_day = entry_bytes * newer / (elapsed / _DAY)
    return min(MOST_DAYS_LEFT, free_bytes / bytes_a_day) if bytes_a_day else MOST_DAYS_LEFT
