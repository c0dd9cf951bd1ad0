"""The way of a command through a node, within one turn of its loop.

The room of a command decides it, its events are folded in and written down, the peers' messages pass disclosure and are
sealed, and then every room may react, in the order in which the rooms are listed. What is written down is durable with
the turn.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, TypeVar

import msgspec
import structlog

from detente.airspace.refusal import Refusal
from detente.disclosure.catching_up import KnownToPeer
from detente.disclosure.ledger import TOLD
from detente.disclosure.release import Released
from detente.link.allowance import Meter
from detente.link.envelope import MAX_BODY_BYTES, Envelope
from detente.link.judgement import Judgement
from detente.link.reception import judge_batch
from detente.link.session import SENT, Session
from detente.node.evidence import fault_of
from detente.node.losses import Losses
from detente.node.metrics import Metrics
from detente.node.peers import Peer
from detente.node.snapshots import planning_sent, read_planning, sent_to
from detente.node.stages import Stages
from detente.node.state import NodeState
from detente.people.commands import KeepAct
from detente.people.records import ActingPerson
from detente.record.journal import Entry, Journal
from detente.record.keys import NodeKey
from detente.record.rotation import KEY_ROTATED
from detente.record.segments import ArchivedRefusal
from detente.room.channel import URGENT_CHANNELS, channel_of
from detente.room.message import Addressed, Heard
from detente.room.refused import RecordRefusedMessage
from detente.room.room import command_name
from detente.room.rooms import AnyRoom
from detente.room.tagged import tag_of, write_tagged
from detente.room.work import MOST_WORK

LARGEST_EVENT_BYTES = MAX_BODY_BYTES - 4096
LONGEST_CHAIN = 8
"""Reactions to reactions; a longer chain would be a fault of the program, and is cut."""

T = TypeVar("T")
log = structlog.get_logger()


class Pipeline:
    """Carries commands out and collects the entries that the turn will append.

    `clock` gives the time in UTC. `losses` are those of journals that were set back. `touched` are the names of the
    rooms that the turn has changed or is about to change, `has_folded` whether anything in them is ahead of the
    journal, `has_sealed_urgent` whether envelopes on a channel of what is urgent are.
    """

    def __init__(
        self,
        state: NodeState,
        journal: Journal,
        key: NodeKey,
        clock: Callable[[], datetime],
        metrics: Metrics,
        losses: Losses | None = None,
    ) -> None:
        self.state = state
        self._journal = journal
        self.key = key
        self.clock = clock
        self._metrics = metrics
        self._standing = state.accords.standing(clock())
        self.losses = losses or Losses()
        self.entries: list[tuple[str, bytes]] = []
        self.size_bytes = 0
        self.touched: set[str] = set()
        self.has_folded = self.has_sealed_urgent = False

    def start_turn(self) -> None:
        """Forget the entries of the turn before."""
        self.entries, self.size_bytes, self.touched, self.has_folded = [], 0, set(), False
        self.has_sealed_urgent = False

    def may_go_between(self, room: AnyRoom) -> bool:
        """Whether a command of this room may be decided amidst the turn, and be durable before it."""
        return bool(room.reads_rooms) and self.touched.isdisjoint(room.reads_rooms) and not self.has_sealed_urgent

    def decide(self, command: Any) -> Stages[list[Any]]:  # noqa: ANN401 - a command of any room
        """Carry a command out, and what follows from it; give its events. Raises Refusal with nothing changed."""
        events = yield from self.carry_out(command)
        yield from self.react(events)
        return events

    def keep_act(self, by: ActingPerson, given: str, stages: Stages[None]) -> Stages[None]:
        """Go through the stages of what a person asked for; what they wrote down is kept as that person's act."""
        before = len(self.entries)
        yield from stages
        led_to = len(self.entries) - before
        if led_to:
            yield from self.carry_out(KeepAct(self.clock(), by, given, led_to))

    def judge(self, body: bytes) -> Stages[Judgement]:
        """Judge a batch of envelopes and write down what was received."""
        judgement = judge_batch(self.state.links, self.key, body, self.clock(), self.entry)
        yield from self.record(judgement.entries)
        return judgement

    def hear(self, envelope: Envelope) -> Stages[None]:
        """Decide what a peer's message asks for. It is received whatever it says: a refusal is kept on record."""
        yield from self._hear(envelope, lambda heard: heard)

    def hear_aside(self, envelope: Envelope) -> Stages[None]:
        """Decide what a well-signed envelope asks for that does not continue its chain: a STOP is shown (R9)."""
        yield from self._hear(envelope, lambda heard: self.state.rooms.of_command(heard).aside(heard))

    def record(self, entries: Sequence[tuple[str, bytes]]) -> Stages[None]:
        """Write down entries of the links, and let rooms react to what they show of a peer."""
        self.write(entries)
        for kind, body in entries:
            fault = fault_of(kind, body, self.state.links.own, self._name_of, self.clock())
            if fault is not None:
                yield from self.react([fault])

    def begin(self) -> Stages[None]:
        """After the replay: work under the accords that stand, and introduce our plans on channels that are new."""
        at = self.clock()
        self._standing = self.state.accords.standing(at)
        yield from self._adopt(at)
        for peer in self.state.peers:
            if peer.planning is not None and peer.planning.sent_number == 0:
                yield from self.catch_up(peer, at)

    def rotate(self) -> Stages[None]:
        """Write down the rotation of our key to its prepared successor, which signs as soon as that is durable."""
        assert self.key.successor is not None
        self.write([(KEY_ROTATED, self.key.successor.rotation.encode())])
        yield None

    def introduce_key(self) -> Stages[None]:
        """Say on every open channel that another key of ours signs than before, where it does."""
        for peer in self.state.peers:
            for session in peer.sessions.values():
                if session.own_signer != self.key.public:
                    self.seal(session, [])
            yield None

    def take_in(self, change: Callable[[NodeState], None]) -> Stages[None]:
        """Work with other peers or another accord from now on; `change` raises Refusal with nothing changed."""
        self.touched.update(room.name for room in self.state.rooms)
        change(self.state)
        yield from self.begin()

    def may_follow(self) -> bool:
        """Whether time has changed which accords stand, or may have changed what peers may be told."""
        at = self.clock()
        return self.state.accords.standing(at) != self._standing or any(
            self.state.disclosure.holds_back(peer.name, at) for peer in self.state.peers
        )

    def follow(self) -> Stages[None]:
        """Work under the accords that stand now; tell each peer what it missed meanwhile, and what is due."""
        at = self.clock()
        self.state.peers.follow(at)
        yield from self.introduce_key()
        before, self._standing = self._standing, self.state.accords.standing(at)
        if before != self._standing:
            yield from self._adopt(at)
        for peer in self.state.peers:
            standing = self._standing.get(peer.name)
            if standing is not None and standing[1] and standing != before.get(peer.name):
                yield from self.catch_up(peer, at)
            else:
                yield from self._send(self.state.disclosure.due(at, peer.name))

    def _work_of(self, command: Any, party: str, at: datetime) -> Stages[int]:  # noqa: ANN401 - of any room
        """Give the work that a peer is charged for its message, or for what follows; raises Refusal where none can be.

        How much it is held against may be what the peer must not know.
        """
        room = self.state.rooms.of_command(command)
        takes_long = room.may_take_long(command)
        work = (yield lambda: room.work_of(command)) if takes_long else room.work_of(command)
        return work.alone if self.state.disclosure.holds_back(party, at) else work.whole

    def _hear(self, envelope: Envelope, command_of: Callable[[Heard[Any]], Any]) -> Stages[None]:
        at = self.clock()
        peer = self.state.peers.with_key(envelope.direction.sender)
        assert peer is not None  # an open link is a peer's
        about = ""
        try:
            channel = channel_of(envelope.direction.accord)
            message = self.state.rooms.read_message(channel, envelope.kind, envelope.body)
            heard = Heard(at, peer.name, self.state.disclosure.understood(at, peer.name, message))
            steps = yield from self._work_of(heard, peer.name, at)
            if steps > MOST_WORK:
                about = message.subject
                raise Refusal(  # noqa: TRY301 - it is kept on record, as every other
                    "node.plan_of_less_work", "plan", f"{steps:,} comparisons", most=MOST_WORK
                )
            meter = self.state.links.meter(envelope.direction)
            meter.charge_work(steps)
            command = command_of(heard)
            if command is not None:
                events = yield from self.carry_out(command)
                yield from self.react(events, lambda follows: self._charge_reaction(meter, follows, peer.name, at))
        except Refusal as refusal:
            log.warning(
                "message refused", peer=peer.name, kind=envelope.kind, number=envelope.number, why=str(refusal)[:500]
            )
            if not about:
                self.state.links.charge_nonsense(envelope)
            yield from self.decide(
                RecordRefusedMessage(
                    at, peer.name, envelope.kind, refusal.field, repr(refusal.value), refusal.expected, refusal.mend,
                    about,
                )
            )  # fmt: skip

    def carry_out(self, command: Any) -> Stages[list[Any]]:  # noqa: ANN401
        """Carry a command out and give its events, before any room reacts to them; raises Refusal as `decide` does."""
        room, name = self.state.rooms.of_command(command), command_name(command)

        def decision() -> list[tuple[Any, bytes]]:
            return guarded(name, lambda: [(event, room.encode(event)) for event in room.decide(command)])

        try:
            need = room.need_of(command)
            if need is not None:
                self.state.accords.check(need, command.at)
            decided = (yield decision) if room.may_take_long(command) else decision()
            # Not before: a decision changes nothing, and while it is made beside the loop a STOP may go between.
            self.touched.add(room.name)
            _check_size(name, decided)
        except Refusal:
            self._metrics.command(name, refused=True)
            raise
        self._metrics.command(name, refused=False)
        messages: list[Addressed] = []
        for event, body in decided:
            self.has_folded = True
            room.evolve(event)
            self.write([(room.name, body)])
            self._metrics.event(tag_of(event))
            messages.extend(room.messages_of(event))
            yield None
        events = [event for event, _ in decided]
        yield from self._send(self.state.disclosure.release(command.at, events, messages))
        if room.changes_standing and events:
            yield from self.follow()
        return events

    def _charge_reaction(self, meter: Meter, command: Any, party: str, at: datetime) -> Stages[None]:  # noqa: ANN401
        """Charge a peer for what follows from its message, before it is carried out."""
        meter.charge_work((yield from self._work_of(command, party, at)))

    def react(self, events: Iterable[Any], charge: Callable[[Any], Stages[None]] | None = None) -> Stages[None]:
        """Let the rooms react, first to what happened first; what cannot be carried out is passed over.

        `charge` charges whoever is to be charged for a command that follows.
        """
        waiting = deque((event, 0) for event in events)
        while waiting:
            event, depth = waiting.popleft()
            for command in [command for room in self.state.rooms for command in room.reactions(event)]:
                if depth == LONGEST_CHAIN:
                    log.error("reactions go round in a circle", event_kind=tag_of(event), command=command_name(command))
                    continue
                with suppress(Refusal):
                    if charge is not None:
                        yield from charge(command)
                    led_to = yield from self.carry_out(command)
                    waiting.extend((follows, depth + 1) for follows in led_to)
            yield None

    def _adopt(self, at: datetime) -> Stages[None]:
        self.state.peers.follow(at)
        yield from self.introduce_key()
        for room in self.state.rooms:
            for command in list(room.when_standing_changes(at)):
                try:
                    yield from self.decide(command)
                except Refusal as refusal:
                    log.error("accord not adopted", room=room.name, why=str(refusal))

    def catch_up(self, peer: Peer, at: datetime) -> Stages[None]:
        """Tell a peer of plans and notices what it lacks, where planning goes on with it."""
        if self.state.accords.may_plan(peer.name, at):
            unwritten = list(self.entries)
            known = yield lambda: self._known_to(peer, unwritten)
            yield from self._send(self.state.disclosure.catch_up(at, peer.name, known))

    def _send(self, released: Iterable[Released]) -> Stages[None]:
        alarms: list[object] = []
        for message in released:
            alarms += message.alarms
            peer = self.state.peers.named(message.peer)
            session = None if peer is None else peer.sessions.get(message.channel)
            if session is None:
                continue
            if message.telling is not None:
                self.write([(TOLD, msgspec.json.encode(message.telling))])
            self.seal(session, [write_tagged(message.message)])
            yield None
        for alarm in alarms:
            with suppress(Refusal):
                yield from self.decide(alarm)

    def _known_to(self, peer: Peer, unwritten: Sequence[tuple[str, bytes]]) -> KnownToPeer:
        """What a peer was sent about plans and notices; under another accord, what it holds receipted."""
        assert peer.planning is not None
        now = peer.planning.outgoing.accord
        held = {s.outgoing: s.receipted_number for s in self.state.links} | self.losses.held_by_peer
        receipted = {(way.recipient, way.accord): number for way, number in held.items()}
        # What the peer has lost is in the sum of what it had receipted: then each message counts by itself.
        has_lost = any(way.recipient == peer.key for way in self.losses.held_by_peer)
        try:
            before, sent = sent_to(self._journal, peer.key, in_sum=not has_lost)
        except ArchivedRefusal as gone:
            # What it is told twice changes nothing there.
            log.warning("a peer is told everything again", peer=peer.name, why=str(gone))
            before, sent = None, []
        sent += planning_sent((body for kind, body in unwritten if kind == SENT), peer.key)
        counts = (m for m in sent if m.accord == now or m.number <= receipted.get((peer.key, m.accord), 0))
        return KnownToPeer((read_planning(self.state, message) for message in counts), before)

    def write(self, entries: Sequence[tuple[str, bytes]]) -> None:
        """Write down entries (kind, body); they are durable with the turn."""
        self.entries.extend(entries)
        self.size_bytes += sum(len(body) for _, body in entries)

    def write_sent(self, envelopes: Sequence[Envelope]) -> None:
        """Write down envelopes of ours. On the channels of what is urgent nothing goes before them from now on."""
        self.write([(SENT, envelope.raw) for envelope in envelopes])
        if any(channel_of(envelope.direction.accord) in URGENT_CHANNELS for envelope in envelopes):
            self.has_sealed_urgent = True

    def seal(self, session: Session, messages: Sequence[tuple[str, bytes]]) -> None:
        """Seal messages (kind, body) on a link, and write the envelopes down."""
        self.write_sent(session.seal(self.key, messages, self.clock()))

    def entry(self, number: int) -> Entry:
        """Return a durable entry of the journal by its number."""
        return next(iter(self._journal.read(first=number)))

    def _name_of(self, key: bytes) -> str | None:
        peer = self.state.peers.with_key(key)
        return None if peer is None else peer.name


def guarded(name: str, decision: Callable[[], T]) -> T:
    """Return `decision()`, which changes nothing; a fault of ours in it is a Refusal of the command `name`."""
    try:
        return decision()
    except Refusal:
        raise
    except Exception as error:
        # A fault of ours in a pure decision has changed nothing; one message must not stop the node for good.
        log.exception("a decision failed", command=name)
        raise Refusal("node.command_node_decide", name, type(error).__name__) from error


def _check_size(name: str, decided: Sequence[tuple[Any, bytes]]) -> None:
    largest = max((len(body) for _, body in decided), default=0)
    if largest > LARGEST_EVENT_BYTES:
        raise Refusal("node.at_most_bytes", name, f"{largest:,} bytes", most=LARGEST_EVENT_BYTES)
