"""The command loop: one writer, which takes all that wait, decides one after another, and makes them durable at once.

A turn: carry out each request, append everything as one durable batch, and only then answer. What is folded before it
is durable is seen by nobody: readers wait for the end of the turn, and a node whose append fails stops, answers nothing
and forgets it all. Replay gives the state that was durable.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from http import HTTPStatus
from time import perf_counter
from typing import Any, Protocol, TypeVar

from detente.airspace.refusal import Refusal
from detente.link.answer import HTTP_STATUS, AnswerRefusal, DeliveryAnswer, RefusalReason, write_answer
from detente.link.envelope import Envelope
from detente.link.judgement import Judgement
from detente.link.receipt import DeliveryReceipt
from detente.link.reception import joined, parts_of
from detente.link.session import Session
from detente.node.losses import Losses
from detente.node.metrics import Metrics
from detente.node.news import News
from detente.node.pipeline import Pipeline
from detente.node.stages import Stages, all_at_once
from detente.node.state import NodeState
from detente.node.taking_back import tell_what_another_gave_back
from detente.node.turn_requests import Deciding, Doing, Outcome, Receiving, TakingBack, TurnRequest, WorkingOut
from detente.people.records import ActingPerson
from detente.record.group_commit import Commit
from detente.record.journal import Entry, Journal
from detente.record.keys import NodeKey
from detente.room.channel import Channel, channel_of_batch, is_urgent

MOST_REQUESTS_A_TURN = 512
MOST_BYTES_A_TURN = 16 * 1024 * 1024
LONGEST_BREATH_S = 0.02
LONGEST_TURN_S = 0.05
ABSORBED_AT_A_TIME = 256

T = TypeVar("T")
Beside = Callable[[Callable[[], Any]], Awaitable[Any]]
"""Calls a function that may take long; the rest of the program goes on."""


class Space(Protocol):
    """The space for what the loop writes."""

    def check(self, channel: Channel, size_bytes: int = 0) -> None:
        """Raise Refusal unless there is space for what belongs to a channel, of this size as it came."""
        ...


class _Endless:
    """A disk that is never full."""

    def check(self, channel: Channel, size_bytes: int = 0) -> None:
        """There is space for everything."""


class NodeStopped(Exception):  # noqa: N818 - it is no error of the one who asked
    """The node stops; what was asked has not been acknowledged and may or may not be in the journal."""


class CommandLoop:
    """The single writer of one node's journal, rooms and links.

    `clock` gives the time in UTC. `after_turn` functions are called after every turn that did more than read, once it
    is durable; `news` says what each has appended. `beside` calls what may take long, in a thread. `space` is that of
    the disk, which is checked before people's and peers' commands are taken in.

    While planning is decided beside the loop, and in the pauses between its stages, STOPs have turns of their own: they
    stand before it in the journal, and none of the two reads what the other changes.
    """

    def __init__(
        self,
        state: NodeState,
        journal: Journal,
        commit: Commit,
        key: NodeKey,
        clock: Callable[[], datetime],
        metrics: Metrics,
        beside: Beside = asyncio.to_thread,
        space: Space | None = None,
    ) -> None:
        self.rooms = state.rooms
        self.accords = state.accords
        self.disclosure = state.disclosure
        self.links = state.links
        self.peers = state.peers
        self.picture = state.picture
        self.journal = journal
        self.key = key
        self.clock = clock
        self.after_turn: list[Callable[[], None]] = []
        self.news = News()
        self.failed = False
        self._commit = commit
        self._metrics = metrics
        self._beside = beside
        self._space = space or _Endless()
        losses = Losses()
        self._pipeline, self._between = (Pipeline(state, journal, key, clock, metrics, losses) for _ in range(2))
        self._waiting: deque[TurnRequest[Any]] = deque()
        self._urgent: deque[TurnRequest[Any]] = deque()
        self._work = asyncio.Event()
        self._urgent_came = asyncio.Event()
        self._turn_over = asyncio.Event()
        self._turn_over.set()
        self._stopping = False
        self._breath_at = 0.0

    async def decide(
        self,
        command: Any,  # noqa: ANN401 - a command of any room
        *,
        urgent: bool = False,
        by: ActingPerson | None = None,
    ) -> Outcome:
        """Carry out a command, before everything else that waits when it is `urgent`; returns when it is durable.

        What it led to is kept as the act of the person `by`. Raises Refusal when it cannot be carried out.
        """
        return await self._ask(Deciding(command, by), urgent=urgent)

    async def receive(self, body: bytes, by: ActingPerson | None = None) -> Judgement:
        """Take in a batch of envelopes; what the judgement's answer acknowledges is durable and decided.

        `by` is the person who carried it here. A batch for which the disk has no space is refused as it came: nothing
        of it is kept.
        """
        try:
            self._space.check(channel_of_batch(body), len(body))
        except Refusal as refusal:
            refused = AnswerRefusal(RefusalReason.DISK_FULL, f"the disk is full: {refusal.value}; send it later")
            answer = write_answer(DeliveryAnswer(refused=refused))
            return Judgement(HTTP_STATUS[RefusalReason.DISK_FULL], answer)
        judgements: list[Judgement] = []
        for part in parts_of(body):
            judgements.append(await self._ask(Receiving(part, by), urgent=is_urgent(part)))
            if judgements[-1].status != HTTPStatus.OK:
                break
        return joined(judgements)

    def check_space(self, command: Any, size_bytes: int = 0) -> None:  # noqa: ANN401 - a command of any room
        """Raise Refusal when the disk has no space for a command of our own people, of this size as it came."""
        self._space.check(self.rooms.of_command(command).own_channel, size_bytes)

    def may_plan(self) -> bool:
        """Whether the disk has space for planning."""
        try:
            self._space.check(Channel.PLANNING)
        except Refusal:
            return False
        return True

    async def record(
        self,
        entries: Sequence[tuple[str, bytes]],
        at: datetime,  # noqa: ARG002 - the turn's time
        by: ActingPerson | None = None,
    ) -> None:
        """Append entries of the links, fold them in, and return when both are done.

        `by` is the person who carried here what they are about.
        """
        urgent = all(is_urgent(body) for _, body in entries)
        await self._ask(Doing(lambda pipeline: pipeline.record(entries), by), urgent=urgent)

    async def take_back(self, session: Session, given: Sequence[Envelope], receipts: Sequence[DeliveryReceipt]) -> bool:
        """Take back our own envelopes from a peer; see `taking_back`. Returns once it is durable.

        Raises Refusal for what is not ours.
        """
        return await self._ask(TakingBack(session, given, receipts), urgent=True)

    async def tell_what_another_gave_back(self, session: Session) -> None:
        """Tell the peer of a link, which has said what it holds; see `taking_back`."""
        await self._ask(Doing(lambda pipeline: tell_what_another_gave_back(pipeline, session)))

    async def rotate(self) -> None:
        """Let the prepared successor of our key sign from now on; returns when that is durable."""
        await self._ask(Doing(Pipeline.rotate))

    async def take_in(self, change: Callable[[NodeState], None]) -> None:
        """Work with other peers or another accord: `change` says so to the state. Raises Refusal as it does."""
        await self._ask(Doing(lambda pipeline: pipeline.take_in(change)))

    async def begin(self) -> None:
        """After a replay: work under the accords that stand, and open the channels with their parties."""
        await self._ask(Doing(Pipeline.begin))

    async def follow(self) -> None:
        """Work under the accords that stand by now: time brings them into force and lets them expire."""
        if self._pipeline.may_follow() and self.may_plan():
            await self._ask(Doing(Pipeline.follow))

    async def read(self, view: Callable[[], T]) -> T:
        """Return `view()` at a moment when everything in the rooms is durable."""
        while not self._turn_over.is_set():
            await self._turn_over.wait()
        return view()

    async def work_out(self, view: Callable[[], T]) -> T:
        """Return `view()`, which may take long, of rooms in which everything is durable. Planning waits, no STOP does.

        Raises what `view` raises, which must change nothing.
        """
        return await self._ask(WorkingOut(view))

    async def run(self) -> None:
        """Take turns until `stop`; raises what the append raised when the journal cannot be written."""
        while True:
            while not self._waiting and not self._urgent:
                if self._stopping:
                    return
                self._work.clear()
                await self._work.wait()
            # Whoever was woken by the last turn reads before this one begins.
            await asyncio.sleep(0)
            await self._turn()

    def stop(self) -> None:
        """Let `run` return after the turn that goes on, and STOPs that wait. What else waits or comes is refused."""
        self._stopping = True
        _refuse(self._waiting)
        self._waiting.clear()
        self._work.set()

    async def _ask(self, request: TurnRequest[T], *, urgent: bool = False) -> T:
        if self._stopping or self.failed:
            raise NodeStopped
        (self._urgent if urgent else self._waiting).append(request)
        self._work.set()
        if urgent:
            self._urgent_came.set()
        return await request.answer

    async def _turn(self) -> None:
        self._turn_over.clear()
        started = self._breath_at = perf_counter()
        self._pipeline.start_turn()
        taken: list[TurnRequest[Any]] = []
        try:
            while len(taken) < MOST_REQUESTS_A_TURN and self._pipeline.size_bytes < MOST_BYTES_A_TURN:
                # What is urgent goes before everything that waits, also in a turn that has begun (R9), and ends it.
                is_urgent_next = bool(self._urgent)
                queue = self._urgent or self._waiting
                if not queue or not _may_join(taken, queue[0]):
                    break
                request = queue.popleft()
                taken.append(request)
                try:
                    await self._walk(request.kept_stages(self._pipeline))
                except Refusal as refusal:
                    request.failure = refusal
                await self._pause()
                if not self._urgent and (is_urgent_next or perf_counter() - started > LONGEST_TURN_S):
                    break
            appended = await self._append(self._pipeline)
            for first in range(0, len(appended), ABSORBED_AT_A_TIME):
                self.links.absorb(appended[first : first + ABSORBED_AT_A_TIME])
                await self._pause()
        except BaseException:
            self._fail(taken)
            raise
        self._turn_over.set()
        self._finish(taken, appended, started)

    async def _urgent_turns(self) -> None:
        """In a pause of a turn, give what is urgent turns of its own, where neither reads what the other changes."""
        while (request := next((each for each in self._urgent if self._may_go_between(each)), None)) is not None:
            self._urgent.remove(request)
            started = perf_counter()
            is_readable = self._turn_over.is_set()
            self._turn_over.clear()
            self._between.start_turn()
            try:
                try:
                    all_at_once(request.kept_stages(self._between))
                except Refusal as refusal:
                    request.failure = refusal
                appended = await self._append(self._between)
                self.links.absorb(appended)
            except BaseException:
                self._fail([request])
                raise
            if is_readable:
                self._turn_over.set()
            self._finish([request], appended, started)

    def _may_go_between(self, request: TurnRequest[Any]) -> bool:
        return all(self._pipeline.may_go_between(room) for room in request.rooms(self.rooms))

    async def _walk(self, stages: Stages[None]) -> None:
        """Go through the stages of a request, with pauses in which others go on."""
        found: Any = None
        error: BaseException | None = None
        while True:
            try:
                work = stages.send(found) if error is None else stages.throw(error)
            except StopIteration:
                return
            found = error = None
            if work is None:
                await self._pause()
                continue
            task = await self._done_beside(work)
            error = task.exception()
            found = None if error is not None else task.result()

    async def _done_beside(self, work: Callable[[], Any]) -> asyncio.Future[Any]:
        """Call what only reads beside the loop. Meanwhile what is durable can be read, and what is urgent has turns."""
        task = asyncio.ensure_future(self._beside(work))
        if not self._pipeline.has_folded:
            self._turn_over.set()
        while not task.done():
            await self._urgent_turns()
            came = asyncio.ensure_future(self._urgent_came.wait())
            await asyncio.wait((task, came), return_when=asyncio.FIRST_COMPLETED)
            came.cancel()
            self._urgent_came.clear()
        self._turn_over.clear()
        return task

    async def _pause(self) -> None:
        if perf_counter() - self._breath_at > LONGEST_BREATH_S:
            await asyncio.sleep(0)
            await self._urgent_turns()
            self._breath_at = perf_counter()

    async def _append(self, pipeline: Pipeline) -> list[Entry]:
        if not pipeline.entries:
            return []
        started = perf_counter()
        appended = await asyncio.wrap_future(self._commit.submit(pipeline.entries, self.clock()))
        self._metrics.append(perf_counter() - started)
        return appended

    def _finish(self, taken: Sequence[TurnRequest[Any]], appended: Sequence[Entry], started: float) -> None:
        """Answer, and tell who waits for news, now that all is durable and folded in."""
        self._metrics.turn(len(taken), len(appended), perf_counter() - started)
        number = self.journal.head.number
        for request in taken:
            self._answer(request, number)
        self.news.tell(appended)
        # Who reads beside the loop whenever something has changed must not be called for that reading itself.
        if not all(request.only_reads for request in taken):
            for notify in self.after_turn:
                notify()

    def _answer(self, request: TurnRequest[Any], number: int) -> None:
        if request.answer.done():
            return
        if request.failure is not None:
            request.answer.set_exception(request.failure)
        else:
            request.answer.set_result(request.outcome(number))

    def _fail(self, taken: list[TurnRequest[Any]]) -> None:
        self.failed = True
        _refuse([*taken, *self._urgent, *self._waiting])
        self._waiting.clear()
        self._urgent.clear()


def _refuse(requests: Iterable[TurnRequest[Any]]) -> None:
    """Answer that the node stops; nobody need be there to hear it."""
    for request in requests:
        if not request.answer.done():
            request.answer.set_exception(NodeStopped())
            request.answer.exception()


def _may_join(taken: Sequence[TurnRequest[Any]], request: TurnRequest[Any]) -> bool:
    """Whether a request may be taken in the same turn. Links are folded at the end of a turn, and judged by that."""
    if taken and (request.is_alone or taken[-1].is_alone):
        return False
    return not (isinstance(request, Receiving) and any(isinstance(one, Receiving) for one in taken))
