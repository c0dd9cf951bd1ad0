"""Group commit: all who wait share one fsync."""

from __future__ import annotations

import queue
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from detente.record.chain import Entry
    from detente.record.journal import Journal, NewEntry

BATCH_ENTRIES_MAX = 4096


@dataclass
class _Waiting:
    entries: Sequence[NewEntry]
    at: datetime
    future: Future[list[Entry]]


class GroupCommit:
    """A thread that appends for many. After an append fails it takes nothing more: the journal's end is then unknown."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._waiting: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._failed: BaseException | None = None
        self._closing = False
        self._submitting = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    def submit(self, entries: Sequence[NewEntry], at: datetime) -> Future[list[Entry]]:
        """Ask for `entries` to be appended together; the future holds them once they are on disk, or what went wrong."""
        future: Future[list[Entry]] = Future()
        with self._submitting:
            if self._closing:
                future.set_exception(RuntimeError("the journal is closing"))
            else:
                self._waiting.put(_Waiting(entries, at, future))
        return future

    def close(self) -> None:
        """Append what waits, then stop; the journal stays open."""
        with self._submitting:
            self._closing = True
        self._waiting.put(None)
        self._thread.join()

    def _run(self) -> None:
        running = True
        while running:
            batch: list[_Waiting] = []
            count = 0
            item = self._waiting.get()
            while True:
                if item is None:
                    running = False
                    break
                batch.append(item)
                count += len(item.entries)
                if count >= BATCH_ENTRIES_MAX:
                    break
                try:
                    item = self._waiting.get_nowait()
                except queue.Empty:
                    break
            if batch:
                self._append(batch)

    def _append(self, batch: list[_Waiting]) -> None:
        if self._failed is not None:
            for one in batch:
                one.future.set_exception(self._failed)
            return
        try:
            made = self._journal.append([entry for one in batch for entry in one.entries], batch[-1].at)
        except BaseException as error:  # noqa: BLE001 - whatever it is, everyone who waits must hear of it
            self._failed = error
            for one in batch:
                one.future.set_exception(error)
            return
        begin = 0
        for one in batch:
            one.future.set_result(made[begin : begin + len(one.entries)])
            begin += len(one.entries)
