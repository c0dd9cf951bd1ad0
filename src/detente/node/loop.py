"""The command loop: one writer, which takes all that wait, decides one after another, and makes them durable at once.

A turn: decide and fold each request, seal the messages that peers must hear, append everything as one durable batch,
and only then answer. What is folded before it is durable is seen by nobody: readers wait for the end of the turn, and
a node whose append fails stops, answers nothing and forgets it all. Replay gives the picture that was durable.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from time import perf_counter
from typing import Any, Generic, TypeVar

import msgspec
import structlog

from detente.accord.facts import Fact
from detente.accord.tagged import tag_of
from detente.airspace.refusal import Refusal
from detente.link.envelope import MAX_BODY_BYTES, Envelope
from detente.link.links import Links
from detente.link.reception import Judgement, judge_batch
from detente.link.session import SENT, Session
from detente.node import suspicion
from detente.node.accord_keeping import AccordKeeping, Hands
from detente.node.desks.desk import Desk, Desks
from detente.node.lanes import LANE_HASH, Lanes, is_urgent
from detente.node.metrics import Metrics
from detente.node.peers import Peers
from detente.picture.commands import Command, RecordRefusedMessage
from detente.picture.decide import decide
from detente.picture.events import Event, decode_event, encode_event
from detente.picture.evolve import evolve
from detente.picture.messages import Message, command_of, messages_of, read_message, write_message
from detente.picture.picture import Picture
from detente.record.journal import Entry, GroupCommit, Journal
from detente.record.keys import NodeKey

EVENT = "event"
"""The kind of the journal's entries that hold events of the picture."""

LARGEST_EVENT_BYTES = MAX_BODY_BYTES - 4096
MOST_REQUESTS_A_TURN = 512
MOST_BYTES_A_TURN = 16 * 1024 * 1024
LONGEST_BREATH_S = 0.02

T = TypeVar("T")
log = structlog.get_logger()


class NodeStopped(Exception):  # noqa: N818 - it is no error of the one who asked
    """The node stops; what was asked has not been acknowledged and may or may not be in the journal."""


class Outcome(msgspec.Struct, frozen=True):
    """What a command led to: its events, and the number of the journal's last entry once they were durable."""

    events: tuple[Event, ...]
    journal_number: int


class _Request(Generic[T]):
    """What waits for a turn. A refusal, or the outcome once the turn is durable, answers it."""

    def __init__(self) -> None:
        self.answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self.refusal: Refusal | None = None

    def outcome(self, journal_number: int) -> T:
        raise NotImplementedError


class _Decide(_Request[Outcome]):
    def __init__(self, command: Command) -> None:
        super().__init__()
        self.command = command
        self.events: tuple[Event, ...] = ()

    def outcome(self, journal_number: int) -> Outcome:
        return Outcome(self.events, journal_number)


class DeskOutcome(msgspec.Struct, frozen=True):
    """What a command for a desk led to, and the number of the journal's last entry once it was durable."""

    events: tuple[Any, ...]
    journal_number: int


class _DecideAtDesk(_Request[DeskOutcome]):
    def __init__(self, desk: Desk, command: object) -> None:
        super().__init__()
        self.desk = desk
        self.command = command
        self.events: tuple[Any, ...] = ()

    def outcome(self, journal_number: int) -> DeskOutcome:
        return DeskOutcome(self.events, journal_number)


class _Receive(_Request[Judgement]):
    def __init__(self, body: bytes) -> None:
        super().__init__()
        self.body = body
        self.judgement: Judgement | None = None

    def outcome(self, journal_number: int) -> Judgement:  # noqa: ARG002
        assert self.judgement is not None
        return self.judgement


class _Record(_Request[None]):
    def __init__(self, entries: Sequence[tuple[str, bytes]]) -> None:
        super().__init__()
        self.entries = tuple(entries)

    def outcome(self, journal_number: int) -> None:
        """Nothing to say but that it is done."""


class _Tell(_Request[None]):
    def __init__(self, peer: str, messages: Sequence[Message]) -> None:
        super().__init__()
        self.peer = peer
        self.messages = tuple(messages)

    def outcome(self, journal_number: int) -> None:
        """Nothing to say but that it is done."""


class _OnAccords(_Request[tuple[Fact, ...]]):
    """What is to be done about accords within a turn."""

    def __init__(self, action: Callable[[AccordKeeping], tuple[Fact, ...]]) -> None:
        super().__init__()
        self.action = action
        self.kept: tuple[Fact, ...] = ()

    def outcome(self, journal_number: int) -> tuple[Fact, ...]:  # noqa: ARG002
        return self.kept


class CommandLoop:
    """The single writer of one node's journal, picture and links.

    `clock` gives the time in UTC. `after_turn` functions are called after every turn that is durable.
    """

    def __init__(
        self,
        picture: Picture,
        links: Links,
        journal: Journal,
        commit: GroupCommit,
        key: NodeKey,
        clock: Callable[[], datetime],
        metrics: Metrics,
        desks: Desks,
    ) -> None:
        self.picture = picture
        self.desks = desks
        self.links = links
        self.journal = journal
        self.peers = Peers()
        self.lanes = Lanes()
        self.keeping: AccordKeeping | None = None
        self.clock = clock
        self.after_turn: list[Callable[[], None]] = []
        self.failed = False
        self._commit = commit
        self._key = key
        self._metrics = metrics
        self._waiting: deque[_Request[Any]] = deque()
        self._urgent: deque[_Request[Any]] = deque()
        self._work = asyncio.Event()
        self._turn_over = asyncio.Event()
        self._turn_over.set()
        self._stopping = False
        self._entries: list[tuple[str, bytes]] = []
        self._entries_bytes = 0
        self._breath_at = 0.0

    @property
    def key(self) -> NodeKey:
        """The node's key."""
        return self._key

    async def decide(self, command: Command) -> Outcome:
        """Carry out a command; returns when its events are durable. Raises Refusal when it cannot be carried out."""
        return await self._ask(_Decide(command))

    async def decide_at(self, desk: Desk, command: object, *, urgent: bool = False) -> DeskOutcome:
        """Carry out a command for a desk, before everything else that waits when it is `urgent`; see `decide`."""
        return await self._ask(_DecideAtDesk(desk, command), urgent=urgent)

    async def say(self, peer: str, fact: Fact) -> tuple[Fact, ...]:
        """Say a fact about the accords with `peer`; returns what was kept once it is durable. Raises Refusal."""
        return await self._ask(_OnAccords(lambda keeping: keeping.say(peer, fact)))

    async def begin_accords(self) -> None:
        """Adopt the accords that stand, after a replay, and open their links. Raises Refusal."""
        await self._ask(_OnAccords(AccordKeeping.begin))

    async def follow_accords(self) -> None:
        """Work under the accords that stand by now: time brings them into force and lets them expire."""
        if self.keeping is not None and self.keeping.has_changed():
            await self._ask(_OnAccords(AccordKeeping.follow))

    def hands(self) -> Hands:
        """Return what the keeping of accords may do within a turn."""

        def seal(session: Session, told: Sequence[tuple[str, bytes]]) -> None:
            self._put([(SENT, envelope.raw) for envelope in session.seal(self._key, told, self.clock())])

        return Hands(self._put, seal, self._events_of, lambda: self._entries, self.clock)

    async def receive(self, body: bytes) -> Judgement:
        """Take in a batch of envelopes; what the judgement's answer acknowledges is durable and decided."""
        return await self._ask(_Receive(body), urgent=is_urgent(body))

    async def record(self, entries: Sequence[tuple[str, bytes]], at: datetime) -> None:  # noqa: ARG002 - the turn's time
        """Append entries of the links, fold them in, and return when both are done."""
        await self._ask(_Record(entries))

    async def tell(self, peer: str, messages: Sequence[Message]) -> None:
        """Put messages for one peer into the journal, to be delivered."""
        await self._ask(_Tell(peer, messages))

    async def read(self, view: Callable[[Picture], T]) -> T:
        """Return `view` of the picture, in which everything is durable."""
        while not self._turn_over.is_set():
            await self._turn_over.wait()
        return view(self.picture)

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
        """Let `run` return once everything that was asked is answered. Nothing new is taken."""
        self._stopping = True
        self._work.set()

    async def _ask(self, request: _Request[T], *, urgent: bool = False) -> T:
        if self._stopping or self.failed:
            raise NodeStopped
        (self._urgent if urgent else self._waiting).append(request)
        self._work.set()
        return await request.answer

    async def _turn(self) -> None:
        self._turn_over.clear()
        started = self._breath_at = perf_counter()
        self._entries, self._entries_bytes = [], 0
        taken: list[_Request[Any]] = []
        try:
            while len(taken) < MOST_REQUESTS_A_TURN and self._entries_bytes < MOST_BYTES_A_TURN:
                # What is urgent goes before everything that waits, also in a turn that has begun (R9).
                queue = self._urgent or self._waiting
                # A batch of envelopes is judged by what the links hold, and they are folded at the end of a turn.
                if not queue or (isinstance(queue[0], _Receive) and any(isinstance(r, _Receive) for r in taken)):
                    break
                request = queue.popleft()
                taken.append(request)
                await self._carry_out(request)
                await self._breathe()
            appended = await self._append()
            self.links.absorb(appended)
        except BaseException:
            self._fail(taken)
            raise
        self._metrics.turn(len(taken), len(appended), perf_counter() - started)
        number = self.journal.head.number
        for request in taken:
            self._answer(request, number)
        self._turn_over.set()
        for notify in self.after_turn:
            notify()

    async def _append(self) -> list[Entry]:
        if not self._entries:
            return []
        started = perf_counter()
        appended = await asyncio.wrap_future(self._commit.submit(self._entries, self.clock()))
        self._metrics.append(perf_counter() - started)
        return appended

    async def _breathe(self) -> None:
        if perf_counter() - self._breath_at > LONGEST_BREATH_S:
            await asyncio.sleep(0)
            self._breath_at = perf_counter()

    def _answer(self, request: _Request[Any], number: int) -> None:
        if request.answer.done():
            return
        if request.refusal is not None:
            request.answer.set_exception(request.refusal)
        else:
            request.answer.set_result(request.outcome(number))

    def _fail(self, taken: list[_Request[Any]]) -> None:
        self.failed = True
        for request in (*taken, *self._urgent, *self._waiting):
            if not request.answer.done():
                request.answer.set_exception(NodeStopped())
                request.answer.exception()
        self._waiting.clear()
        self._urgent.clear()

    async def _carry_out(self, request: _Request[Any]) -> None:
        if isinstance(request, _Decide):
            try:
                request.events = tuple(self._events_of(request.command))
            except Refusal as refusal:
                request.refusal = refusal
        elif isinstance(request, _DecideAtDesk):
            try:
                request.events = tuple(self._desk_events_of(request.desk, request.command))
            except Refusal as refusal:
                request.refusal = refusal
        elif isinstance(request, _Receive):
            request.judgement = await self._receive_batch(request.body)
        elif isinstance(request, _Record):
            self._put(request.entries)
        elif isinstance(request, _OnAccords):
            try:
                request.kept = self._on_accords(request.action)
            except Refusal as refusal:
                request.refusal = refusal
        elif isinstance(request, _Tell):
            self._send([(request.peer, message) for message in request.messages])

    def _events_of(self, command: Command) -> list[Event]:
        """Decide a command and fold what follows; raises Refusal with nothing changed."""
        name = tag_of(command)
        try:
            decided = self._decided(command, name)
        except Refusal:
            self._metrics.command(name, refused=True)
            raise
        self._metrics.command(name, refused=False)
        for event, body in decided:
            evolve(self.picture, event)
            self._put([(EVENT, body)])
            self._metrics.event(tag_of(event))
            if self.keeping is None:
                self._send(list(messages_of(event, self.picture)))
            else:
                self.keeping.tell(event)
        if self.keeping is not None:
            self.keeping.tell_restricted([event for event, _ in decided])
        told = [p.name for p in self.peers if self.keeping is None or self.keeping.may_plan(p.name)]
        for event, _ in decided:
            for desk in self.desks:
                self._follow_at(desk, desk.commands_after(event, self.picture, told))
        return [event for event, _ in decided]

    def _follow_at(self, desk: Desk, commands: Iterable[Any]) -> None:
        """Carry out what follows at a desk from something that has happened; what cannot be is passed over."""
        for command in commands:
            with suppress(Refusal):
                self._desk_events_of(desk, command)

    def _desk_events_of(self, desk: Desk, command: object) -> list[Any]:
        """Decide a command at a desk, fold what follows, and seal what the peers must hear of it."""
        name = tag_of(command)
        try:
            need = desk.needs(command)
            if need is not None and self.keeping is not None:
                self.keeping.check_goes_on(need.peer, need.function)
            decided = self._guarded(name, lambda: [(event, desk.encode(event)) for event in desk.decide(command)])
            _check_size(name, decided)
        except Refusal:
            self._metrics.command(name, refused=True)
            raise
        self._metrics.command(name, refused=False)
        for event, body in decided:
            desk.evolve(event)
            self._put([(desk.entry_kind, body)])
            self._metrics.event(tag_of(event))
            for saying in desk.sayings(event):
                lanes = self.lanes.named(saying.peer)
                if lanes is not None:
                    sealed = lanes.sessions[saying.lane].seal(self._key, [(saying.kind, saying.body)], self.clock())
                    self._put([(SENT, envelope.raw) for envelope in sealed])
            for follows in desk.picture_commands(event, self.clock()):
                with suppress(Refusal):
                    self._events_of(follows)
        return [event for event, _ in decided]

    def _guarded(self, name: str, decision: Callable[[], T]) -> T:
        try:
            return decision()
        except Refusal:
            raise
        except Exception as error:
            # A fault of ours in a pure decision has changed nothing; one message must not stop the node for good.
            log.exception("a decision failed", command=name)
            raise Refusal(
                name, type(error).__name__, "a command that this node can decide", "The program is at fault: report it."
            ) from error

    def _decided(self, command: Command, name: str) -> list[tuple[Event, bytes]]:
        decided = self._guarded(name, lambda: [(event, encode_event(event)) for event in decide(self.picture, command)])
        _check_size(name, decided)
        return decided

    async def _receive_batch(self, body: bytes) -> Judgement:
        at = self.clock()
        judgement = judge_batch(self.links, self._key, body, at, self._entry)
        self._put(judgement.entries)
        for envelope in judgement.accepted:
            self._hear(envelope, at)
            await self._breathe()
        return judgement

    def _on_accords(self, action: Callable[[AccordKeeping], tuple[Fact, ...]]) -> tuple[Fact, ...]:
        assert self.keeping is not None
        kept = action(self.keeping)
        self.peers = self.keeping.peers
        return kept

    def _hear(self, envelope: Envelope, at: datetime) -> None:
        """Decide what a peer's message asks for. It is received whatever it says: a refusal is kept on record."""
        if self.keeping is not None and self.keeping.hears(envelope):
            self.peers = self.keeping.peers
            return
        if envelope.direction.accord in LANE_HASH.values():
            self._hear_on_lane(envelope, at)
            return
        peer = self.peers.with_key(envelope.direction.sender)
        assert peer is not None  # an open link is a peer's
        try:
            command = command_of(read_message(envelope.kind, envelope.body), peer.name, at)
            self._events_of(command if self.keeping is None else self.keeping.in_our_words(command))
        except Refusal as refusal:
            self._record_refused(peer.name, envelope, refusal, at)

    def _hear_on_lane(self, envelope: Envelope, at: datetime) -> None:
        peer = self.lanes.with_key(envelope.direction.sender) or self.peers.with_key(envelope.direction.sender)
        assert peer is not None  # an open link is a peer's
        try:
            desk = self.desks.of_message(envelope.kind)
            self._desk_events_of(desk, desk.command_of(peer.name, envelope.kind, envelope.body, at))
        except Refusal as refusal:
            self._record_refused(peer.name, envelope, refusal, at)

    def _record_refused(self, peer: str, envelope: Envelope, refusal: Refusal, at: datetime) -> None:
        log.warning("message refused", peer=peer, kind=envelope.kind, number=envelope.number, why=str(refusal)[:500])
        self.links.charge_nonsense(envelope)
        self._events_of(
            RecordRefusedMessage(
                at, peer, envelope.kind, refusal.field, repr(refusal.value), refusal.expected, refusal.mend
            )
        )

    def _entry(self, number: int) -> Entry:
        return next(iter(self.journal.read(first=number)))

    def _put(self, entries: Sequence[tuple[str, bytes]]) -> None:
        self._entries.extend(entries)
        self._entries_bytes += sum(len(body) for _, body in entries)
        for kind, body in entries:
            if kind in suspicion.KINDS:
                peer = suspicion.peer_of(kind, body, self.links.own, self._peer_of)
                if peer is not None:
                    for desk in self.desks:
                        self._follow_at(desk, desk.commands_on_evidence(peer, kind, body, self.clock()))

    def _peer_of(self, key: bytes) -> str | None:
        talkers = () if self.keeping is None else self.keeping.talkers.values()
        return next((peer.name for peer in (*self.lanes, *self.peers, *talkers) if peer.key == key), None)

    def _send(self, messages: list[tuple[str, Message]]) -> None:
        for name, message in messages:
            peer = self.peers.named(name)
            if peer is not None:
                sealed = peer.session.seal(self._key, [write_message(message)], self.clock())
                self._put([(SENT, envelope.raw) for envelope in sealed])


def _check_size(name: str, decided: Sequence[tuple[Any, bytes]]) -> None:
    largest = max((len(body) for _, body in decided), default=0)
    if largest > LARGEST_EVENT_BYTES:
        raise Refusal(name, f"{largest:,} bytes", f"at most {LARGEST_EVENT_BYTES:,} bytes", "Split or simplify it.")


def replay(
    journal: Journal, picture: Picture, links: Links, desks: Desks, other: Callable[[Entry], None] | None = None
) -> int:
    """Fold the whole journal into an empty picture, links and desks; return how many entries there were.

    Entries of kinds that are none of these go to `other`.
    """
    count = 0
    for entry in journal.read():
        desk = desks.of_entry(entry.kind)
        if entry.kind == EVENT:
            evolve(picture, decode_event(entry.body))
        elif desk is not None:
            desk.fold(entry.body)
        elif other is not None:
            other(entry)
        links.absorb((entry,))
        count += 1
    return count
