"""Cells of large or intricate volumes, found in a thread of their own: meanwhile everybody else is answered."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

from detente.utm.refused import Refused
from detente.utm.space import Extents, HeavyWork, union

MOST_OF_CLIENT = 4
MOST_AT_ONCE = 64
"""So many wait at most: one takes a second or two."""


class CoveringAside:
    """One thread for the cells that are too much work to be found at once."""

    def __init__(self) -> None:
        self._of_client: Counter[str] = Counter()
        # Compiled code leaves the interpreter to the loop while it works.
        self._thread = ThreadPoolExecutor(1, "covering")

    def begin(self, client: str, work: HeavyWork, done: Callable[[Future[Extents]], None]) -> None:
        """Begin work of a client; `done` is called in the event loop. Raises Refused (429, 503) when too much waits."""
        if self._of_client[client] >= MOST_OF_CLIENT:
            raise Refused(429, f"{client} has {MOST_OF_CLIENT} large requests under way; nothing was done, try again")
        if self._of_client.total() >= MOST_AT_ONCE:
            raise Refused(503, "the service is busy with large requests; nothing was done, try again")
        self._of_client[client] += 1
        running = asyncio.get_running_loop()
        future = self._thread.submit(union, work.volumes, work.too_large)
        end = partial(self._end, client, done)
        future.add_done_callback(lambda found: running.call_soon_threadsafe(end, found))

    def close(self) -> None:
        """Begin nothing that waits."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _end(self, client: str, done: Callable[[Future[Extents]], None], future: Future[Extents]) -> None:
        self._of_client[client] -= 1
        if not self._of_client[client]:
            del self._of_client[client]
        done(future)
