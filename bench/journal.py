"""Acknowledged durable entries per second with 1, 8 and 64 writers: `GroupCommit` beside one INSERT and commit each.

Both write the same entries to SQLite with the same pragmas (WAL, synchronous=FULL) on the same disk, in turn. The plain
side has one connection and a lock, which serves many threads better than SQLite's own waiting. Ours also hashes, chains
and signs. The disk's own pace, one 4 KiB write and fdatasync after the other, stands beside it.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from detente.record.journal import GroupCommit, Journal
from detente.record.keys import NodeKey
from detente.record.storage import WRITER_PRAGMAS
from detente.record.verification import verify_journal
from results import write_section

WRITERS = (1, 8, 64)
SLICES = 16
SLICE_S = 0.25
BODY = os.urandom(400)
AT = datetime(2025, 6, 1, 14, 30, tzinfo=UTC)
INSERT = "INSERT INTO entry (at_us, kind, body) VALUES (?, ?, ?)"


def main() -> None:
    heading = (
        "writers | disk alone | plain INSERT + commit | threads | ratio | asyncio | ratio | entries a durable write"
    )
    rows = [f"| {heading} |", "|" + "---:|" * 8]
    # The checkout's own disk: /tmp is memory on many machines, and memory has nothing to wait for.
    with tempfile.TemporaryDirectory(dir=Path(__file__).parent, prefix=".journal-") as name:
        directory = Path(name)
        for writers in WRITERS:
            disk, plain, threads, tasks, shared = [], [], [], [], []
            for slice_ in range(SLICES):
                disk.append(disk_pace(directory / "pace"))
                plain.append(run_plain(directory / f"plain-{writers}-{slice_}.db", writers))
                pace, _ = run_journal(directory / f"threads-{writers}-{slice_}.db", writers, run_threads)
                threads.append(pace)
                pace, entries_a_write = run_journal(directory / f"tasks-{writers}-{slice_}.db", writers, run_tasks)
                tasks.append(pace)
                shared.append(entries_a_write)
            base, ours, ours_async = median(plain), median(threads), median(tasks)
            disk_alone = f"{min(disk):,.0f} · {median(disk):,.0f} · {max(disk):,.0f}/s"
            rows.append(
                f"| {writers} | {disk_alone} | {base:,.0f}/s | {ours:,.0f}/s | {ours / base:.1f} | {ours_async:,.0f}/s "
                f"| {ours_async / base:.1f} | {median(shared):.1f} |"
            )
            print(rows[-1], flush=True)
    note = (
        f"Acknowledged durable entries per second, bodies of {len(BODY)} bytes; median of {SLICES} slices of"
        f" {SLICE_S:g} s, each side in turn, because the disk's pace changes. The disk alone: writes of 4 KiB with"
        " fdatasync, one after the other; its slowest, median and fastest slice. Ours also hashes, chains and signs;"
        " every journal was verified."
    )
    table = "\n".join(rows)
    print(f"\n{note}\n\n{table}")
    write_section("journal", f"{note}\n\n{table}")


def disk_pace(path: Path) -> float:
    """Durable 4 KiB writes per second, one after the other."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
    try:
        began_s = time.perf_counter()
        count = 0
        while time.perf_counter() - began_s < SLICE_S:
            os.pwrite(descriptor, bytes(4096), 4096 * count)
            os.fdatasync(descriptor)
            count += 1
        return count / (time.perf_counter() - began_s)
    finally:
        os.close(descriptor)


def run_plain(path: Path, writers: int) -> float:
    """Entries per second of threads that each INSERT and commit one entry after the other."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    for pragma in WRITER_PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("CREATE TABLE entry (number INTEGER PRIMARY KEY, at_us INTEGER, kind TEXT, body BLOB)")
    lock = threading.Lock()

    def write() -> None:
        with lock:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(INSERT, (0, "event", BODY))
            connection.execute("COMMIT")

    try:
        return in_threads(writers, write)
    finally:
        connection.close()


def run_journal(path: Path, writers: int, run: Callable[[GroupCommit, int], float]) -> tuple[float, float]:
    """Entries per second of `run` on a new journal, and entries per durable write. The journal is then verified."""
    key = NodeKey.generate()
    with Journal.open(path, key) as journal, GroupCommit(journal) as commit:
        pace = run(commit, writers)
    found = verify_journal(path, key.public)
    if not found.ok:
        raise SystemExit(f"the journal does not verify: {found.bad}")
    return pace, found.head.number / found.batches


def run_threads(commit: GroupCommit, writers: int) -> float:
    """Threads that each wait for one entry after the other."""
    return in_threads(writers, lambda: commit.submit([("event", BODY)], AT).result())


def run_tasks(commit: GroupCommit, writers: int) -> float:
    """Asyncio tasks in one thread that each await one entry after the other."""

    async def writer(until_s: float) -> int:
        count = 0
        while time.perf_counter() < until_s:
            await commit.append([("event", BODY)], AT)
            count += 1
        return count

    async def all_writers() -> float:
        began_s = time.perf_counter()
        counts = await asyncio.gather(*(writer(began_s + SLICE_S) for _ in range(writers)))
        return sum(counts) / (time.perf_counter() - began_s)

    return asyncio.run(all_writers())


def in_threads(writers: int, write: Callable[[], object]) -> float:
    """Calls of `write` per second by `writers` threads."""
    counts = [0] * writers
    began_s = time.perf_counter()

    def writer(place: int) -> None:
        while time.perf_counter() - began_s < SLICE_S:
            write()
            counts[place] += 1

    threads = [threading.Thread(target=writer, args=(place,)) for place in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.perf_counter() - began_s)


if __name__ == "__main__":
    main()
