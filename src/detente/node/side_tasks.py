"""The tasks beside the command loop: what the system denies one of them is said, and it is tried again.

A directory that was moved or unmounted, a file that cannot be written, a socket that cannot be had end no line. Nor
does a command of a task that is refused, as what it was for may be over by its turn. Only the command loop ends the
node, when its journal cannot be written.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec
import structlog

from detente.airspace.refusal import Refusal

AGAIN_S = (1.0, 5.0, 15.0)
"""After how long a task is begun again, by how often it has failed in a row."""
SAID_FOR = timedelta(seconds=30)
"""A task that has not failed for so long is well again."""
LONGEST_WHY = 300
_DENIED = (OSError, sqlite3.Error, Refusal)

log = structlog.get_logger()


class FailingTask(msgspec.Struct, frozen=True):
    """A task that was denied something: since when and when last (UTC), and what it said."""

    task: str
    since: Annotated[datetime, msgspec.Meta(tz=True)]
    failed_at: Annotated[datetime, msgspec.Meta(tz=True)]
    why: str


class SideTasks:
    """The tasks of one node that fail alone. `clock` gives the time in UTC."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._names: set[str] = set()
        self._clock = clock
        self._failed: dict[str, FailingTask] = {}

    def failing(self) -> tuple[FailingTask, ...]:
        """Return which tasks fail now, by name."""
        at = self._clock()
        return tuple(one for _, one in sorted(self._failed.items()) if at - one.failed_at <= SAID_FOR)

    def states(self) -> dict[str, bool]:
        """Return every task by name, and whether it fails now."""
        failing = {one.task for one in self.failing()}
        return {name: name in failing for name in sorted(self._names)}

    async def keep(self, name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Do `work`, and begin it again after OSError, sqlite3.Error and Refusal. Any other fault of it is raised."""
        self._names.add(name)
        in_a_row = 0
        while True:
            try:
                await work()
            except _DENIED as error:
                fault: Exception = error
            except ExceptionGroup as group:
                denied, others = group.split(_DENIED)
                if denied is None or others is not None:
                    raise
                fault = denied.exceptions[0]
            else:
                return
            in_a_row = in_a_row + 1 if self._note(name, fault) else 1
            await asyncio.sleep(AGAIN_S[min(in_a_row, len(AGAIN_S)) - 1])

    def _note(self, name: str, fault: Exception) -> bool:
        """Keep that a task has failed, and say it in the log where it is new; whether it failed before already."""
        at, why = self._clock(), f"{type(fault).__name__}: {fault}"[:LONGEST_WHY]
        before = next((one for one in self.failing() if one.task == name), None)
        self._failed[name] = FailingTask(name, at if before is None else before.since, at, why)
        if before is None or before.why != why:
            log.error("a task beside the line fails and is begun again", task=name, why=why, exc_info=fault)
        return before is not None
