"""Time that passes only when nothing is left to do, and one event loop for each machine that lives in it.

A machine is a process: what it does runs on an event loop of its own, in one thread with all others. Which of two
machines goes first at the same instant, and how late a timer fires, is drawn from the seed; nothing else is left to
chance. A machine can be frozen for a while, and killed: then nothing of it runs any more, not even its `finally`.
"""

from __future__ import annotations

import asyncio
import heapq
import random
from asyncio import events
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context, copy_context
from typing import Any

SECOND_US = 1_000_000
MOST_RUNS_AT_ONCE = 10_000
TURNS_A_RUN = 64
SHARE_OF_SINGLE_TURNS = 0.1
LATEST_TIMER_US = 2_000
LONGEST_WORK_US = 20_000


class StuckError(Exception):
    """Virtual time stands still because something goes on for ever without waiting."""


class Timeline:
    """Virtual time in microseconds since the run began, and the machines in it.

    A machine that has its turn mostly goes on until it waits, and in one of ten cases lets others go between.
    With `is_even` nothing is drawn: a timer fires at once, and of two machines the older goes first.
    """

    def __init__(self, chance: random.Random, *, is_even: bool = False) -> None:
        self.is_even = is_even
        self._chance = chance
        self.now_us = 0
        self.callbacks = 0
        self._machines: list[MachineLoop] = []

    @property
    def now_s(self) -> float:
        """Seconds since the run began."""
        return self.now_us / SECOND_US

    def machine(self, name: str) -> MachineLoop:
        """Return the event loop of a new machine."""
        machine = MachineLoop(self, name)
        self._machines.append(machine)
        return machine

    def forget(self, machine: MachineLoop) -> None:
        """A machine runs no more."""
        self._machines.remove(machine)

    def run(self, until: Callable[[], bool]) -> None:
        """Let time pass until `until()`; raises StuckError when it cannot pass."""
        at_once = 0
        while not until():
            due_us, machine = self._next()
            if due_us > self.now_us:
                self.now_us, at_once = due_us, 0
            at_once += 1
            if at_once > MOST_RUNS_AT_ONCE:
                raise StuckError(f"{machine.name} does not wait at {self.now_s:.6f} s")
            is_single = not self.is_even and self._chance.random() < SHARE_OF_SINGLE_TURNS
            self.callbacks += machine.run_due(1 if is_single else TURNS_A_RUN)

    def late_us(self, most_us: int) -> int:
        """Return how late something is: from one microsecond, or nothing where time is even."""
        return 0 if self.is_even else 1 + int(self._chance.random() * most_us)

    def _next(self) -> tuple[int, MachineLoop]:
        earliest: int | None = None
        found: list[MachineLoop] = []
        now_us = self.now_us
        for machine in self._machines:
            due_us = machine.next_due_us(now_us)
            if due_us is None:
                continue
            if earliest is None or due_us < earliest:
                earliest, found = due_us, [machine]
            elif due_us == earliest:
                found.append(machine)
        if earliest is None:
            raise StuckError("nothing is left to happen")
        return earliest, found[0] if len(found) == 1 or self.is_even else self._chance.choice(found)


class Handle:
    """A callback that waits. Much lighter than asyncio's own, of which there are tens of thousands a run."""

    __slots__ = ("args", "callback", "context", "is_cancelled")

    def __init__(self, callback: Callable[..., object], args: tuple[Any, ...], context: Context | None) -> None:
        self.callback = callback
        self.args = args
        self.context = copy_context() if context is None else context
        self.is_cancelled = False

    def cancel(self) -> None:
        """Never run."""
        self.is_cancelled = True

    def cancelled(self) -> bool:
        """Whether it never runs."""
        return self.is_cancelled


class MachineLoop(asyncio.AbstractEventLoop):
    """The event loop of one machine. What others do in threads it runs itself, a little later."""

    def __init__(self, timeline: Timeline, name: str) -> None:
        self.name = name
        self.is_dead = False
        self.frozen_until_us = 0
        self.failures: list[dict[str, Any]] = []
        self._timeline = timeline
        self._tasks: list[asyncio.Task[Any]] = []
        self._ready: deque[Handle] = deque()
        self._timers: list[tuple[int, int, Handle]] = []
        self._count = 0
        self._runs = False

    def next_due_us(self, now_us: int) -> int | None:
        """When this machine has something to do; None when it waits for others only."""
        due_us = now_us
        if not self._ready:
            timers = self._timers
            while timers and timers[0][2].is_cancelled:
                heapq.heappop(timers)
            if not timers:
                return None
            if timers[0][0] > now_us:
                due_us = timers[0][0]
        return max(due_us, self.frozen_until_us)

    def run_due(self, turns: int = 1) -> int:
        """Run what is due now, as so many turns of an event loop do; return how many callbacks there were."""
        now_us, timers, ready = self._timeline.now_us, self._timers, self._ready
        while timers and timers[0][0] <= now_us:
            ready.append(heapq.heappop(timers)[2])
        ran = 0
        before = events._get_running_loop()
        events._set_running_loop(self)
        self._runs = True
        try:
            for _ in range(turns):
                if not ready:
                    break
                ran += self._turn(ready)
        finally:
            self._runs = False
            events._set_running_loop(before)
        return ran

    def _turn(self, ready: deque[Handle]) -> int:
        ran = 0
        for _ in range(len(ready)):
            if not ready:  # killed by what has just run
                break
            handle = ready.popleft()
            if handle.is_cancelled:
                continue
            try:
                handle.context.run(handle.callback, *handle.args)
            except (SystemExit, KeyboardInterrupt):
                raise
            except BaseException as error:  # noqa: BLE001 - as asyncio's own loop does
                self.call_exception_handler({"message": f"in {handle.callback!r}", "exception": error})
            ran += 1
        return ran

    def kill(self) -> None:
        """Stop at once: no callback of this machine runs any more."""
        self.is_dead = True
        self._ready.clear()
        self._timers.clear()
        self._timeline.forget(self)

    def clear_away(self) -> None:
        """After the run: let the tasks of this machine end, so that nothing of them is left in the process."""
        if not self.is_dead:
            self.kill()
        for _ in range(100):
            if not self.count_tasks():
                break
            self.is_dead = False
            for task in self._tasks:
                task.cancel()
            while self._ready:
                self.run_due()
            self.is_dead = True
        self._ready.clear()
        self._timers.clear()

    def count_tasks(self) -> int:
        """Return how many tasks there are that are not done."""
        self._tasks = [task for task in self._tasks if not task.done()]
        return len(self._tasks)

    def time(self) -> float:
        """Seconds of the machine's monotonic clock."""
        return self._timeline.now_s

    def call_soon(
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> Handle:  # fmt: skip
        handle = Handle(callback, args, context)
        if not self.is_dead:
            self._ready.append(handle)
        return handle

    call_soon_threadsafe = call_soon

    def call_later(
        self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> Handle:
        return self._call_at_us(self._timeline.now_us + round(delay * SECOND_US), Handle(callback, args, context))

    def call_at(
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> Handle:
        return self._call_at_us(round(when * SECOND_US), Handle(callback, args, context))

    def _call_at_us(self, when_us: int, handle: Handle) -> Handle:
        if not self.is_dead:
            timeline = self._timeline
            due_us = (max(timeline.now_us, when_us)) + timeline.late_us(LATEST_TIMER_US)
            self._count += 1
            heapq.heappush(self._timers, (due_us, self._count, handle))
        return handle

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(
        self, coro: Coroutine[Any, Any, Any], *, name: str | None = None, context: Context | None = None
    ) -> asyncio.Task[Any]:
        task = asyncio.Task(coro, loop=self, name=name, context=context)
        self._tasks.append(task)
        return task

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:
        """Run `func` on this machine's own loop, a drawn while later: a thread's work without a thread."""
        future = self.create_future()

        def work() -> None:
            if future.cancelled():
                return
            try:
                result = func(*args)
            except Exception as error:  # noqa: BLE001 - whoever waits hears of it
                future.set_exception(error)
            else:
                future.set_result(result)

        self.call_later(self._timeline.late_us(LONGEST_WORK_US) / SECOND_US, work)
        return future

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Note what went wrong where nobody waits for it."""
        if not self.is_dead:
            self.failures.append(context)

    def default_exception_handler(self, context: dict[str, Any]) -> None:
        self.call_exception_handler(context)

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return self._runs

    def is_closed(self) -> bool:
        return self.is_dead
