"""When snapshots are taken: by a child process, which holds the state as it was when it was forked, and at the end.

What counts is how much came since the last snapshot that is on the disk, in whatever run of the service: one that is
killed again and again, each time before enough came, takes its snapshots all the same.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import msgspec
import structlog

from detente.record.journal import Journal
from detente.utm.service.loop import DecisionLoop
from detente.utm.service.snapshot import remove_unfinished, write_snapshot

_LONGEST_REPORT = 4096
LONGEST_S = 900
"""A child that takes longer is stuck, as one may be that was forked amid its parent's threads: it ends itself."""
log = structlog.get_logger()


class SnapshotReport(msgspec.Struct, frozen=True):
    """What became of a snapshot: its size and how long it took, or why there is none."""

    size_bytes: int = 0
    seconds: float = 0.0
    error: str = ""


class Snapshots:
    """Takes a snapshot whenever `every` entries came since the last one that is on the disk.

    Attributes:
        newest: the number of the entry whose state the newest snapshot holds; 0 for none.
        last: what became of the last one that was tried; None before.
        taken, failed: how many were, since the start.
    """

    def __init__(self, loop: DecisionLoop, journal: Journal, directory: Path, every: int, newest: int) -> None:
        self.newest = newest
        self.last: SnapshotReport | None = None
        self.taken = self.failed = 0
        self._loop = loop
        self._journal = journal
        self._directory = directory
        self._every = every
        self._tried = newest
        self._child = 0
        self._reading = -1
        self._told = b""
        remove_unfinished(directory)

    def consider(self) -> None:
        """Begin a snapshot when enough came since the last, and none is being taken."""
        if self._child or self._loop.number - self._tried < self._every:
            return
        # A snapshot names the entry whose state it is, so that nothing may wait.
        while self._loop.backlog:
            self._loop.write_now()
        self._tried = self._loop.number
        self._reading, writing = os.pipe()
        try:
            self._child = os.fork()
        except OSError as error:
            os.close(self._reading)
            os.close(writing)
            self._note(SnapshotReport(error=str(error)))
            return
        if not self._child:
            self._be_child(writing)
        os.close(writing)
        self._told = b""
        asyncio.get_running_loop().add_reader(self._reading, self._hear)

    def take_last(self) -> None:
        """Take a snapshot before the process ends, unless nothing came since the last."""
        while self._child:
            self._hear()
        if self._loop.failed.is_set() or self._loop.number == self.newest:
            return
        self._tried = self._loop.number
        self._note(self._written())

    def _be_child(self, report: int) -> None:
        """Write the snapshot, say how it went, and end. Nothing of the parent's is held: no port, client or lock."""
        code = 1
        try:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(LONGEST_S)
            _close_all_but(report)
            told = self._written()
            os.write(report, msgspec.json.encode(told)[:_LONGEST_REPORT])
            code = 1 if told.error else 0
        finally:
            os._exit(code)

    def _written(self) -> SnapshotReport:
        started = time.perf_counter()
        head = self._journal.head
        try:
            size_bytes = write_snapshot(self._directory, self._loop.state, head.number, head.hash)
        except (OSError, MemoryError) as error:
            return SnapshotReport(error=f"{type(error).__name__}: {error}"[:300])
        return SnapshotReport(size_bytes, time.perf_counter() - started)

    def _hear(self) -> None:
        """Take in what the child says; it has ended once nothing more comes."""
        more = os.read(self._reading, _LONGEST_REPORT)
        if more:
            self._told += more
            return
        asyncio.get_running_loop().remove_reader(self._reading)
        os.close(self._reading)
        _, status = os.waitpid(self._child, 0)
        self._child = 0
        try:
            report = msgspec.json.decode(self._told, type=SnapshotReport)
        except msgspec.DecodeError:
            report = SnapshotReport(error=f"its process ended with {os.waitstatus_to_exitcode(status)}")
            # It could not remove what it had begun; a child that is killed each time would fill the disk.
            remove_unfinished(self._directory)
        self._note(report)

    def _note(self, report: SnapshotReport) -> None:
        self.last = report
        if report.error:
            self.failed += 1
            log.error("snapshot failed, the next start folds more", why=report.error, journal_number=self._tried)
            return
        self.taken += 1
        self.newest = self._tried
        log.info(
            "snapshot taken", journal_number=self._tried, size_bytes=report.size_bytes, seconds=round(report.seconds, 2)
        )


def _close_all_but(kept: int) -> None:
    """Close every descriptor but standard ones and `kept`: who holds a port or a lock keeps it from the next start."""
    for file in [*Path("/dev/fd").iterdir()]:
        descriptor = int(file.name)
        if descriptor > 2 and descriptor != kept:
            with suppress(OSError):  # the one that listed them is gone already
                os.close(descriptor)
