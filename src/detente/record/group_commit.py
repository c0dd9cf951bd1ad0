"""Group commit: all callers that wait while one batch is being written share the next durable write."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from datetime import datetime
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple, Protocol, Self

from detente.record.entry import Entry, NewEntry, Submission
from detente.record.storage import JournalStoppedError

if TYPE_CHECKING:
    from detente.record.journal import Journal

_MAX_GROUP_ENTRIES = 8192
_LINGER_SHARE = 0.1
_MAX_LINGER_S = 0.002


class _Waiting(NamedTuple):
    submission: Submission
    future: Future[list[Entry]] | asyncio.Future[list[Entry]]


class Commit(Protocol):
    """The way of entries into the journal, in the order of `submit`."""

    def submit(self, entries: Sequence[NewEntry], at: datetime) -> Future[list[Entry]]:
        """Queue `entries`, recorded all or none; the future gives them when they are on the disk.

        Raises Refusal at once, as `Journal.append` does; the future raises JournalStoppedError when the disk fails.
        """
        ...


class GroupCommit:
    """Lets many threads and tasks append at once: those that wait share one durable write, in the order of `submit`.

    When a write fails, every caller in it gets JournalStoppedError, and so does every later caller: the journal's end
    is then unknown until the journal is opened again.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._queue: SimpleQueue[_Waiting | None] = SimpleQueue()
        self._closed = False
        self._closing = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="journal group commit", daemon=True)
        self._thread.start()

    def submit(self, entries: Sequence[NewEntry], at: datetime) -> Future[list[Entry]]:
        """Queue `entries`, recorded all or none; the future gives them when they are on the disk.

        Raises Refusal at once, as `Journal.append` does, and JournalStoppedError after `close`.
        """
        future: Future[list[Entry]] = Future()
        self._put(_Waiting(Submission(entries, at), future))
        return future

    async def append(self, entries: Sequence[NewEntry], at: datetime) -> list[Entry]:
        """Append `entries` from an asyncio task, all or none; return them when they are on the disk.

        Raises as `Journal.append`. A task that is cancelled while it waits may still have its entries recorded.
        """
        future: asyncio.Future[list[Entry]] = asyncio.get_running_loop().create_future()
        self._put(_Waiting(Submission(entries, at), future))
        return await future

    def close(self) -> None:
        """Write the entries that wait, then stop. The journal stays open."""
        with self._closing:
            if not self._closed:
                self._closed = True
                self._queue.put(None)
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _put(self, waiting: _Waiting) -> None:
        with self._closing:
            if self._closed:
                raise JournalStoppedError("the group commit is closed")
            self._queue.put(waiting)

    def _run(self) -> None:
        open_for_more = True
        linger_s = 0.0
        expected = 0
        while open_for_more:
            group, open_for_more = self._gather(expected, linger_s)
            if group:
                began_s = time.perf_counter()
                self._write(group)
                # Callers that were just answered often append again at once: a short wait for them saves a whole write.
                linger_s = min((time.perf_counter() - began_s) * _LINGER_SHARE, _MAX_LINGER_S)
                expected = len(group)

    def _gather(self, expected: int, linger_s: float) -> tuple[list[_Waiting], bool]:
        """Return the next group, and whether more may come. Waits `linger_s` at most for `expected` to be there."""
        group: list[_Waiting] = []
        count = 0
        waiting = self._queue.get()
        deadline_s = time.perf_counter() + linger_s
        while waiting is not None:
            if isinstance(waiting.future, asyncio.Future) or waiting.future.set_running_or_notify_cancel():
                group.append(waiting)
                count += len(waiting.submission.entries)
            if count >= _MAX_GROUP_ENTRIES:
                return group, True
            try:
                if len(group) >= expected:
                    waiting = self._queue.get_nowait()
                else:
                    waiting = self._queue.get(timeout=max(0.0, deadline_s - time.perf_counter()))
            except Empty:
                return group, True
        return group, False

    def _write(self, group: list[_Waiting]) -> None:
        outcomes: Sequence[list[Entry] | Exception]
        try:
            outcomes = self._journal.append_group([waiting.submission for waiting in group])
        except Exception as error:  # noqa: BLE001 - whatever it is, everyone who waits must hear of it
            outcomes = [error] * len(group)
        by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[list[Entry]], list[Entry] | Exception]]] = {}
        for waiting, outcome in zip(group, outcomes, strict=True):
            future = waiting.future
            if isinstance(future, asyncio.Future):
                by_loop.setdefault(future.get_loop(), []).append((future, outcome))
            elif isinstance(outcome, Exception):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)
        for loop, settled in by_loop.items():
            if not loop.is_closed():
                loop.call_soon_threadsafe(_settle, settled)


def _settle(outcomes: list[tuple[asyncio.Future[list[Entry]], list[Entry] | Exception]]) -> None:
    for future, outcome in outcomes:
        if not future.done():
            if isinstance(outcome, Exception):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)
