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
from detente.link.envelope import MAX_BODY_BYTES, Envelope, read_envelope
from detente.link.key_rotated import ROTATED_KIND
from detente.link.receipt import DeliveryReceipt
from detente.link.reception import Judgement, judge_batch
from detente.link.session import SENT, Session
from detente.link.standing import Standing
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
from detente.record.rotation import KEY_ROTATED, keys_through, read_rotation
from detente.record.segments import ArchivedRefusal
from detente.room.channel import Channel, channel_of
from detente.room.link_faults import LinkFault, LinkFaultKind
from detente.room.message import Addressed, Heard
from detente.room.refused import RecordRefusedMessage
from detente.room.room import command_name
from detente.room.rooms import AnyRoom
from detente.room.set_back import SetBackMessage, in_words
from detente.room.tagged import tag_of, write_tagged
from detente.room.work import MOST_WORK

LARGEST_EVENT_BYTES = MAX_BODY_BYTES - 4096
LONGEST_CHAIN = 8
"""Reactions to reactions; a longer chain would be a fault of the program, and is cut."""
WORK_OF_A_READING = 500
"""What a peer is charged for each envelope that is read again in the journal on its account; see `room.work`."""

_ABOUT_THE_LINK = frozenset({tag_of(SetBackMessage), ROTATED_KIND})
"""The kinds of what is said of the link itself: where its history was set back, it is not said again as it was."""

T = TypeVar("T")
log = structlog.get_logger()


class Pipeline:
    """Carries commands out and collects the entries that the turn will append.

    `clock` gives the time in UTC. `touched` are the names of the rooms that the turn has changed or is changing,
    `has_folded` whether anything in them is ahead of the journal.
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
        self._state = state
        self._journal = journal
        self._key = key
        self._clock = clock
        self._metrics = metrics
        self._standing = state.accords.standing(clock())
        self._losses = losses or Losses()
        self.entries: list[tuple[str, bytes]] = []
        self.size_bytes = 0
        self.touched: set[str] = set()
        self.has_folded = False

    def start_turn(self) -> None:
        """Forget the entries of the turn before."""
        self.entries, self.size_bytes, self.touched, self.has_folded = [], 0, set(), False

    def may_go_between(self, room: AnyRoom) -> bool:
        """Whether a command of this room may be decided amidst the turn, and be durable before it."""
        return bool(room.reads_rooms) and self.touched.isdisjoint(room.reads_rooms)

    def decide(self, command: Any) -> Stages[list[Any]]:  # noqa: ANN401 - a command of any room
        """Carry a command out, and what follows from it; give its events. Raises Refusal with nothing changed."""
        events = yield from self._carry_out(command)
        yield from self._react(events)
        return events

    def keep_act(self, by: ActingPerson, given: str, stages: Stages[None]) -> Stages[None]:
        """Go through the stages of what a person asked for; what they wrote down is kept as that person's act."""
        before = len(self.entries)
        yield from stages
        led_to = len(self.entries) - before
        if led_to:
            yield from self._carry_out(KeepAct(self._clock(), by, given, led_to))

    def judge(self, body: bytes) -> Stages[Judgement]:
        """Judge a batch of envelopes and write down what was received."""
        judgement = judge_batch(self._state.links, self._key, body, self._clock(), self._entry)
        yield from self.record(judgement.entries)
        return judgement

    def hear(self, envelope: Envelope) -> Stages[None]:
        """Decide what a peer's message asks for. It is received whatever it says: a refusal is kept on record."""
        yield from self._hear(envelope, lambda heard: heard)

    def hear_aside(self, envelope: Envelope) -> Stages[None]:
        """Decide what a well-signed envelope asks for that does not continue its chain: a STOP is shown (R9)."""
        yield from self._hear(envelope, lambda heard: self._state.rooms.of_command(heard).aside(heard))

    def take_back(
        self, session: Session, given: Sequence[Envelope], receipts: Sequence[DeliveryReceipt]
    ) -> Stages[bool]:
        """Take back our own envelopes that a peer gave back; give whether any was missing.

        `receipts` are what we signed for: for more than we hold when our journal was set back. What we have said since
        in the place of what is given back is void: it is said again after a message that tells the peer. Nothing more
        is said on a closed link: what was void there is told anew under the accord that stands, like all that had not
        arrived. Raises Refusal for envelopes that are not ours.
        """
        kept = session.kept_with(given) if given else session.sent_number
        taken = [envelope for envelope in given if envelope.number > kept]
        is_open = self._state.links.find(session.outgoing.recipient, session.outgoing.accord) is not None
        own_keys = keys_through(self._key.first, map(read_rotation, self._key.rotations))
        # Who closed a link is told on others what it has lost.
        signed_for = session.signed_for(receipts if is_open else (), own_keys)
        lost = signed_for > max(session.acknowledged_number, self._losses.signed_for.get(session.outgoing, 0))
        peer = self._state.peers.with_key(session.outgoing.recipient)
        if peer is None or not (taken or lost):
            return False
        at = self._clock()
        numbers = range(kept + 1, session.sent_number + 1)
        void = [read_envelope(self._entry(session.sent_entry(number)).body)[0] for number in numbers]
        on_planning = channel_of(session.outgoing.accord) is Channel.PLANNING
        partly = on_planning and self._state.disclosure.held_back_under(peer.name, session.outgoing.accord, at)
        for envelope in taken:
            if partly:
                self._keep_told(peer, envelope, at)
            self._write([(SENT, envelope.raw)])
        if taken:
            session.go_on_after(taken)
            self._losses.has_taken_back = True
        for envelope in taken:
            # What is told in part is in the words in which the peer was told it, and not in ours.
            if not partly:
                yield from self._say_again(peer, envelope, at)
        self._losses.signed_for[session.outgoing] = signed_for
        again = [(envelope.kind, envelope.body) for envelope in void if envelope.kind not in _ABOUT_THE_LINK]
        told = _told_once(
            SetBackMessage(kept, kept + len(taken), session.received_number, signed_for, len(again)), void
        )
        if is_open:
            sealed = session.seal(self._key, [write_tagged(told), *again], at)
            self._write([(SENT, envelope.raw) for envelope in sealed])
        log.warning("our journal was set back", peer=peer.name, **msgspec.structs.asdict(told))
        yield from self._react([LinkFault(at, peer.name, LinkFaultKind.OWN_SET_BACK, in_words(told))])
        return True

    def tell_what_another_gave_back(self, session: Session) -> Stages[None]:
        """Tell a peer that has said what it holds of ours which plans and notices it lacks, where there are others.

        It may have lost what another peer gave back to us. Before it has answered, what it is told could stand in the
        place of what it gives back itself. So each is told once after every start, and again when another, which
        answered later, gave something back.
        """
        peers = list(self._state.peers)
        answered = self._state.peers.with_key(session.outgoing.recipient)
        if answered is None or answered.planning is not session or len(peers) == 1:
            return
        losses = self._losses
        before = frozenset() if losses.has_taken_back else frozenset(losses.have_answered)
        losses.have_answered.add(answered.name)
        losses.has_taken_back = False
        for peer in peers:
            if peer.name in losses.have_answered - before:
                yield from self._catch_up(peer, self._clock())

    def find_lost(self, judgement: Judgement) -> Stages[None]:
        """Look whether receipts of ours, which came with what a peer says it holds, are for more than we hold.

        Of a closed link look whether the peer has lost what it had signed for: it is told under the accord that stands.
        """
        asked = judgement.asked
        if asked is None:
            return
        session = self._state.links.find(asked.direction.sender, asked.direction.accord)
        if session is None:
            yield from self._tell_anew(asked)
        elif judgement.given_back:
            yield from self.take_back(session, (), judgement.given_back)

    def _tell_anew(self, asked: Standing) -> Stages[None]:
        links, direction = self._state.links, asked.direction.reverse
        session, peer = (
            links.find_closed(direction.recipient, direction.accord),
            self._state.peers.with_key(direction.recipient),
        )
        if session is None or peer is None or peer.planning is None:
            return
        # A peer may hold more than we know of, where our journal was set back: that is no loss of the peer's.
        if asked.received >= self._losses.held_by_peer.get(direction, session.receipted_number):
            return
        if not _holds_ours(session, asked):
            return
        self._losses.held_by_peer[direction] = asked.received
        links.closed_meter(peer.key).charge_work(WORK_OF_A_READING * sum(one.sent_number for one in links))
        yield from self._catch_up(peer, self._clock())

    def record(self, entries: Sequence[tuple[str, bytes]]) -> Stages[None]:
        """Write down entries of the links, and let rooms react to what they show of a peer."""
        self._write(entries)
        for kind, body in entries:
            fault = fault_of(kind, body, self._state.links.own, self._name_of, self._clock())
            if fault is not None:
                yield from self._react([fault])

    def begin(self) -> Stages[None]:
        """After the replay: work under the accords that stand, and introduce our plans on channels that are new."""
        at = self._clock()
        self._standing = self._state.accords.standing(at)
        yield from self._adopt(at)
        for peer in self._state.peers:
            if peer.planning is not None and peer.planning.sent_number == 0:
                yield from self._catch_up(peer, at)

    def rotate(self) -> Stages[None]:
        """Write down the rotation of our key to its prepared successor, which signs as soon as that is durable."""
        assert self._key.successor is not None
        self._write([(KEY_ROTATED, self._key.successor.rotation.encode())])
        yield None

    def introduce_key(self) -> Stages[None]:
        """Say on every open channel that another key of ours signs than before, where it does."""
        for peer in self._state.peers:
            for session in peer.sessions.values():
                if session.own_signer != self._key.public:
                    self._write([(SENT, envelope.raw) for envelope in session.seal(self._key, [], self._clock())])
            yield None

    def take_in(self, change: Callable[[NodeState], None]) -> Stages[None]:
        """Work with other peers or another accord from now on; `change` raises Refusal with nothing changed."""
        self.touched.update(room.name for room in self._state.rooms)
        change(self._state)
        yield from self.begin()

    def may_follow(self) -> bool:
        """Whether time has changed which accords stand, or may have changed what peers may be told."""
        at = self._clock()
        return self._state.accords.standing(at) != self._standing or any(
            self._state.disclosure.holds_back(peer.name, at) for peer in self._state.peers
        )

    def follow(self) -> Stages[None]:
        """Work under the accords that stand now; tell each peer what it missed meanwhile, and what is due."""
        at = self._clock()
        self._state.peers.follow(at)
        yield from self.introduce_key()
        before, self._standing = self._standing, self._state.accords.standing(at)
        if before != self._standing:
            yield from self._adopt(at)
        for peer in self._state.peers:
            standing = self._standing.get(peer.name)
            if standing is not None and standing[1] and standing != before.get(peer.name):
                yield from self._catch_up(peer, at)
            else:
                yield from self._send(self._state.disclosure.due(at, peer.name))

    def _work_of(self, heard: Heard[Any]) -> Stages[int]:
        """Give the work that a peer is charged for its message; raises Refusal for one that cannot be decided."""
        room = self._state.rooms.of_command(heard)
        takes_long = room.may_take_long(heard)
        work = (yield lambda: room.work_of(heard)) if takes_long else room.work_of(heard)
        # How much it is held against may be what the peer must not know.
        return work.alone if self._state.disclosure.holds_back(heard.party, heard.at) else work.whole

    def _hear(self, envelope: Envelope, command_of: Callable[[Heard[Any]], Any]) -> Stages[None]:
        at = self._clock()
        peer = self._state.peers.with_key(envelope.direction.sender)
        assert peer is not None  # an open link is a peer's
        about = ""
        try:
            channel = channel_of(envelope.direction.accord)
            message = self._state.rooms.read_message(channel, envelope.kind, envelope.body)
            heard = Heard(at, peer.name, self._state.disclosure.understood(at, peer.name, message))
            steps = yield from self._work_of(heard)
            if steps > MOST_WORK:
                about = message.subject
                raise Refusal(  # noqa: TRY301 - it is kept on record, as every other
                    "node.plan_of_less_work", "plan", f"{steps:,} comparisons", most=MOST_WORK
                )
            self._state.links.meter(envelope.direction).charge_work(steps)
            command = command_of(heard)
            if command is not None:
                yield from self.decide(command)
        except Refusal as refusal:
            log.warning(
                "message refused", peer=peer.name, kind=envelope.kind, number=envelope.number, why=str(refusal)[:500]
            )
            if not about:
                self._state.links.charge_nonsense(envelope)
            yield from self.decide(
                RecordRefusedMessage(
                    at, peer.name, envelope.kind, refusal.field, repr(refusal.value), refusal.expected, refusal.mend,
                    about,
                )
            )  # fmt: skip

    def _keep_told(self, peer: Peer, envelope: Envelope, at: datetime) -> None:
        """Keep, before the envelope that told it, that a plan was told under an id that no other may have now."""
        with suppress(Refusal):
            message = self._state.rooms.read_message(Channel.PLANNING, envelope.kind, envelope.body)
            telling = self._state.disclosure.said_before(at, peer.name, message)
            if telling is not None:
                self._write([(TOLD, msgspec.json.encode(telling))])

    def _say_again(self, peer: Peer, envelope: Envelope, at: datetime) -> Stages[None]:
        """Let the room of a message of ours that was taken back know again what it said. Nobody is told twice."""
        channel = channel_of(envelope.direction.accord)
        try:
            message = self._state.rooms.read_message(channel, envelope.kind, envelope.body)
            room = self._state.rooms.of_command(Heard(at, peer.name, message))
            events = _guarded("say_again", lambda: room.said_before(at, peer.name, message))
        except Refusal as refusal:
            log.warning("said before, not known again", kind=envelope.kind, why=str(refusal)[:500])
            return
        for event in events:
            room.evolve(event)
            self._write([(room.name, room.encode(event))])
            # What another room did about it then, it has told the peer too.
            for command in list(room.reactions(event)):
                with suppress(Refusal):
                    yield from self._carry_out(command)

    def _carry_out(self, command: Any) -> Stages[list[Any]]:  # noqa: ANN401
        room, name = self._state.rooms.of_command(command), command_name(command)
        self.touched.add(room.name)

        def decision() -> list[tuple[Any, bytes]]:
            return _guarded(name, lambda: [(event, room.encode(event)) for event in room.decide(command)])

        try:
            need = room.need_of(command)
            if need is not None:
                self._state.accords.check(need, command.at)
            decided = (yield decision) if room.may_take_long(command) else decision()
            _check_size(name, decided)
        except Refusal:
            self._metrics.command(name, refused=True)
            raise
        self._metrics.command(name, refused=False)
        messages: list[Addressed] = []
        for event, body in decided:
            self.has_folded = True
            room.evolve(event)
            self._write([(room.name, body)])
            self._metrics.event(tag_of(event))
            messages.extend(room.messages_of(event))
            yield None
        events = [event for event, _ in decided]
        yield from self._send(self._state.disclosure.release(command.at, events, messages))
        if room.changes_standing and events:
            yield from self.follow()
        return events

    def _react(self, events: Iterable[Any]) -> Stages[None]:
        """Let the rooms react, first to what happened first; what cannot be carried out is passed over."""
        waiting = deque((event, 0) for event in events)
        while waiting:
            event, depth = waiting.popleft()
            for command in [command for room in self._state.rooms for command in room.reactions(event)]:
                if depth == LONGEST_CHAIN:
                    log.error("reactions go round in a circle", event_kind=tag_of(event), command=command_name(command))
                    continue
                with suppress(Refusal):
                    led_to = yield from self._carry_out(command)
                    waiting.extend((follows, depth + 1) for follows in led_to)
            yield None

    def _adopt(self, at: datetime) -> Stages[None]:
        self._state.peers.follow(at)
        yield from self.introduce_key()
        for room in self._state.rooms:
            for command in list(room.when_standing_changes(at)):
                try:
                    yield from self.decide(command)
                except Refusal as refusal:
                    log.error("accord not adopted", room=room.name, why=str(refusal))

    def _catch_up(self, peer: Peer, at: datetime) -> Stages[None]:
        if self._state.accords.may_plan(peer.name, at):
            unwritten = list(self.entries)
            known = yield lambda: self._known_to(peer, unwritten)
            yield from self._send(self._state.disclosure.catch_up(at, peer.name, known))

    def _send(self, released: Iterable[Released]) -> Stages[None]:
        alarms: list[object] = []
        for message in released:
            alarms += message.alarms
            peer = self._state.peers.named(message.peer)
            session = None if peer is None else peer.sessions.get(message.channel)
            if session is None:
                continue
            if message.telling is not None:
                self._write([(TOLD, msgspec.json.encode(message.telling))])
            sealed = session.seal(self._key, [write_tagged(message.message)], self._clock())
            self._write([(SENT, envelope.raw) for envelope in sealed])
            yield None
        for alarm in alarms:
            with suppress(Refusal):
                yield from self.decide(alarm)

    def _known_to(self, peer: Peer, unwritten: Sequence[tuple[str, bytes]]) -> KnownToPeer:
        """What a peer was sent about plans and notices; under another accord, what it holds receipted."""
        assert peer.planning is not None
        now = peer.planning.outgoing.accord
        held = {s.outgoing: s.receipted_number for s in self._state.links} | self._losses.held_by_peer
        receipted = {(way.recipient, way.accord): number for way, number in held.items()}
        # What the peer has lost is in the sum of what it had receipted: then each message counts by itself.
        has_lost = any(way.recipient == peer.key for way in self._losses.held_by_peer)
        try:
            before, sent = sent_to(self._journal, peer.key, in_sum=not has_lost)
        except ArchivedRefusal as gone:
            # What it is told twice changes nothing there.
            log.warning("a peer is told everything again", peer=peer.name, why=str(gone))
            before, sent = None, []
        sent += planning_sent((body for kind, body in unwritten if kind == SENT), peer.key)
        counts = (m for m in sent if m.accord == now or m.number <= receipted.get((peer.key, m.accord), 0))
        return KnownToPeer((read_planning(self._state, message) for message in counts), before)

    def _write(self, entries: Sequence[tuple[str, bytes]]) -> None:
        self.entries.extend(entries)
        self.size_bytes += sum(len(body) for _, body in entries)

    def _entry(self, number: int) -> Entry:
        return next(iter(self._journal.read(first=number)))

    def _name_of(self, key: bytes) -> str | None:
        peer = self._state.peers.with_key(key)
        return None if peer is None else peer.name


def _holds_ours(session: Session, asked: Standing) -> bool:
    """Whether what a peer says that it holds of ours is what we sent; also where that is in no segment here."""
    with suppress(ArchivedRefusal):
        return asked.received_hash == session.sent_hash(asked.received)
    return True


def _told_once(told: SetBackMessage, void: Sequence[Envelope]) -> SetBackMessage:
    """Return what a set-back comes to with those that were said in the place of what was given back, part by part."""
    for envelope in void:
        if envelope.kind == tag_of(SetBackMessage):
            before = msgspec.json.decode(envelope.body, type=SetBackMessage)
            told = msgspec.structs.replace(
                told, kept=min(told.kept, before.kept), heard=min(told.heard, before.heard),
                signed_for=max(told.signed_for, before.signed_for),
            )  # fmt: skip
    return told


def _guarded(name: str, decision: Callable[[], T]) -> T:
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
