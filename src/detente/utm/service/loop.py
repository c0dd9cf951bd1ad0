"""The single writer: decide, fold, make durable with all others that wait, and only then answer.

Commands are decided and folded one after another, at memory speed; their decisions go to the journal in batches, one
durable write at a time, while the next ones are decided. No answer, to a reader or a writer, is sent before everything
it was drawn from is on the disk. A journal that fails stops the service: what was not answered was not promised.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import msgspec
import structlog

from detente.record.journal import Journal
from detente.utm.answers import Answer
from detente.utm.moments import EPOCH
from detente.utm.refused import Refused
from detente.utm.representation import (
    Command,
    Decision,
    Policy,
    Representation,
    advance,
    decide,
    evolve,
    refusal_of,
)

DECISION = "decision"
"""The kind of the journal's entries that hold decisions."""
MOST_ENTRIES_A_BATCH = 4096
log = structlog.get_logger()
_encoder = msgspec.json.Encoder()


class CommandLoop:
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
        self._work = asyncio.Event()
        self._stopping = False
        self._thread = ThreadPoolExecutor(1, "journal")

    def now_us(self) -> int:
        """The time, later at every call, however the clock jumps."""
        return max(self._clock_us(), self.state.now_us + 1)

    def read(self) -> Representation:
        """The representation as of now; answer after `durable`."""
        advance(self.state, self.now_us())
        return self.state

    def execute(self, command: Command, subject: str, request_id: str = "", fingerprint: str = "") -> Answer:
        """Carry out a command; return what the client is answered once that is `durable`.

        Raises Refused; the refusal is on record too.
        """
        if self._stopping or self.failed.is_set():
            raise Refused(503, "the service stops")
        # What has ended by now must not be found, whatever the command is.
        advance(self.state, command.at_us)
        try:
            events = decide(self.state, command, self.policy)
        except Refused as refused:
            refusal = refusal_of(refused, command)
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
            while True:
                while not self._bodies:
                    if self._stopping:
                        return
                    self._work.clear()
                    await self._work.wait()
                await self._write_batch()
        except BaseException:
            self.failed.set()
            self._tell(self.number, is_durable=False)
            raise
        finally:
            self._thread.shutdown()

    def stop(self) -> None:
        """Let `run` return once everything that waits is written. Nothing new is taken."""
        self._stopping = True
        self._work.set()

    async def _write_batch(self) -> None:
        bodies, self._bodies = self._bodies[:MOST_ENTRIES_A_BATCH], self._bodies[MOST_ENTRIES_A_BATCH:]
        at = EPOCH + timedelta(microseconds=self.state.now_us)
        await asyncio.get_running_loop().run_in_executor(self._thread, self._journal.append, bodies, at)
        self._durable += len(bodies)
        self._tell(self._durable, is_durable=True)
        for notify in self.after_batch:
            notify()

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
        self._work.set()
