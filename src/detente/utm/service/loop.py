"""The single writer: decide, fold, make durable with all others that wait, and only then answer.

Commands are decided and folded one after another, at memory speed; their decisions go to the journal in batches, one
durable write at a time, while the next ones are decided. No answer, to a reader or a writer, is sent before everything
it was drawn from is on the disk. A journal that fails stops the service: what was not answered was not promised.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta

import msgspec
import structlog

from detente.record.entry import UNIX_EPOCH
from detente.record.journal import Entry, Journal
from detente.utm.answers import WriteAnswer
from detente.utm.refused import Refused
from detente.utm.representation import (
    Decision,
    Policy,
    Representation,
    ServiceCommand,
    advance_time,
    decide,
    evolve,
    recorded_refusal,
)

DECISION = "decision"
"""The kind of the journal's entries that hold decisions."""
MOST_ENTRIES_A_BATCH = 4096
PROMPT_ENTRIES = 16
"""So many are given to an idle journal at once; fewer when the requests that have come are decided."""
log = structlog.get_logger()
_encoder = msgspec.json.Encoder()


class DecisionLoop:
    """The representation and its journal.

    Attributes:
        state: everything decided so far, durable or about to be.
        number: the journal's number of the newest decision in `state`.
        failed: set once the journal has failed.
    """

    def __init__(self, state: Representation, journal: Journal, policy: Policy, clock_us: Callable[[], int]) -> None:
        self.state = state
        self.policy = policy
        self.number = journal.head.number
        self.failed = asyncio.Event()
        self.after_batch: list[Callable[[], None]] = []
        self._journal = journal
        self._clock_us = clock_us
        self._durable = self.number
        self._bodies: list[tuple[str, bytes]] = []
        self._waiting: deque[tuple[int, Callable[[bool], None]]] = deque()
        self._ended = asyncio.Event()
        self._error: BaseException | None = None
        self._is_writing = False
        self._is_begun = True
        self._stopping = False
        self._thread = ThreadPoolExecutor(1, "journal")

    def now_us(self) -> int:
        """The time, later at every call, however the clock jumps."""
        return max(self._clock_us(), self.state.now_us + 1)

    def read(self) -> Representation:
        """The representation as of now; answer after `durable`."""
        advance_time(self.state, self.now_us())
        return self.state

    def execute(
        self, command: ServiceCommand, subject: str, request_id: str = "", fingerprint: str = ""
    ) -> WriteAnswer:
        """Carry out a command; return what the client is answered once that is `durable`.

        Raises Refused; the refusal is on record too.
        """
        if self._stopping or self.failed.is_set():
            raise Refused(503, "the service stops")
        # What has ended by now must not be found, whatever the command is.
        advance_time(self.state, command.at_us)
        try:
            events = decide(self.state, command, self.policy)
        except Refused as refused:
            refusal = recorded_refusal(refused, command)
            self._record(Decision(command.at_us, command.by, subject, request_id, fingerprint, refusal=refusal))
            raise
        decision = Decision(command.at_us, command.by, subject, request_id, fingerprint, tuple(events))
        answer = evolve(self.state, decision, answering=True)
        assert answer is not None
        self._record(decision)
        return answer

    def when_durable(self, finish: Callable[[bool], None]) -> None:
        """Call `finish` with True once everything that `state` now holds is on the disk; False if it will not be."""
        is_durable = self.number <= self._durable
        if is_durable or self.failed.is_set():
            finish(is_durable)
        else:
            self._waiting.append((self.number, finish))

    @property
    def backlog(self) -> int:
        """How many decisions wait for the disk."""
        return self.number - self._durable

    async def run(self) -> None:
        """Write batches until `stop`; raises what the journal raised when it fails."""
        try:
            await self._ended.wait()
        finally:
            self._thread.shutdown()
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        """Let `run` return once everything that waits is written. Nothing new is taken."""
        self._stopping = True
        if not self.backlog:
            self._ended.set()

    def write_now(self) -> None:
        """Write what waits, at once and in this thread. For those who are notified `after_batch`: nothing writes then.

        Under load a moment at which nothing waits may never come by itself.
        """
        if self._bodies:
            bodies, at = self._take()
            self._journal.append(bodies, at)
            self._durable += len(bodies)

    def _take(self) -> tuple[list[tuple[str, bytes]], datetime]:
        bodies, self._bodies = self._bodies[:MOST_ENTRIES_A_BATCH], self._bodies[MOST_ENTRIES_A_BATCH:]
        return bodies, UNIX_EPOCH + timedelta(microseconds=self.state.now_us)

    def _begin_batch(self) -> None:
        """Give the journal what waits, unless it is writing."""
        self._is_begun = True
        if self._is_writing or not self._bodies or self.failed.is_set():
            return
        self._is_writing = True
        bodies, at = self._take()
        running = asyncio.get_running_loop()
        written = self._thread.submit(self._journal.append, bodies, at)
        written.add_done_callback(lambda done: running.call_soon_threadsafe(self._end_batch, done, len(bodies)))

    def _end_batch(self, written: Future[list[Entry]], count: int) -> None:
        self._is_writing = False
        try:
            written.result()
            self._durable += count
            for notify in self.after_batch:
                notify()
        except BaseException as error:  # noqa: BLE001 - whatever it is, the journal is not to be trusted any more
            self._error = error
            self.failed.set()
            self._tell(self.number, is_durable=False)
            self._ended.set()
            return
        # The disk works on while those who wait are answered.
        self._begin_batch()
        self._tell(self._durable, is_durable=True)
        if self._stopping and not self.backlog:
            self._ended.set()

    def _tell(self, number: int, *, is_durable: bool) -> None:
        """Answer those who wait for entries up to `number`."""
        waiting = self._waiting
        while waiting and waiting[0][0] <= number:
            _, finish = waiting.popleft()
            try:
                finish(is_durable)
            except Exception:
                log.exception("an answer could not be given")

    def _record(self, decision: Decision) -> None:
        self._bodies.append((DECISION, _encoder.encode(decision)))
        self.number += 1
        if self._is_writing:
            return
        # What else has come by now shares the batch, but the disk does not wait for a long row of requests.
        if len(self._bodies) >= PROMPT_ENTRIES:
            self._begin_batch()
        elif self._is_begun:
            self._is_begun = False
            asyncio.get_running_loop().call_soon(self._begin_batch)
