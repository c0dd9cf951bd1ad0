"""The accords inside the command loop: what is said of them is kept and sent, what follows from them takes effect.

It works within a turn of the loop and through the loop's own hands: what it puts down is durable with the turn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime

import msgspec
import structlog

from detente.accord.facts import AccordDrafted, Fact
from detente.accord.provisions import SafetyFunction
from detente.accord.terms import Accord
from detente.airspace.refusal import Refusal
from detente.disclosure.disclosing import TOLD, Disclosing, Telling, plan_of
from detente.disclosure.told import told_by, untold
from detente.link.envelope import Envelope, read_envelope
from detente.link.links import Links
from detente.link.session import SENT, Session
from detente.node.accords import (
    ACCORD,
    ACCORD_REFUSED,
    TALKS_ACCORD,
    Accords,
    Talker,
    encode_kept,
    encode_refused,
    read_fact,
    write_fact,
)
from detente.node.peers import Peer, Peers
from detente.picture.commands import Command
from detente.picture.events import ConflictCleared, ConflictFound, Event, PlanAmended, PlanDeclared
from detente.picture.messages import (
    MeasureAccepted,
    MeasureProposed,
    MeasureRefused,
    Message,
    NoMeasureFound,
    messages_of,
    read_message,
    write_message,
)
from detente.picture.messages import PlanAmended as PlanAmendedMessage
from detente.picture.picture import Picture
from detente.record.journal import Entry, Journal

log = structlog.get_logger()


class Hands:
    """What the keeping may do in a turn: put entries down, seal messages on a link, carry out a command."""

    def __init__(
        self,
        put: Callable[[Sequence[tuple[str, bytes]]], None],
        seal: Callable[[Session, Sequence[tuple[str, bytes]]], None],
        carry_out: Callable[[Command], object],
        waiting: Callable[[], Sequence[tuple[str, bytes]]],
        clock: Callable[[], datetime],
    ) -> None:
        self.put = put
        self.seal = seal
        self.carry_out = carry_out
        self.waiting = waiting
        self.clock = clock


class AccordKeeping:
    """The accords of one node at work. `peers` are those of the accords that stand, `talkers` all who are paired."""

    def __init__(
        self, accords: Accords, disclosing: Disclosing, picture: Picture, links: Links, journal: Journal, hands: Hands
    ) -> None:
        self.accords = accords
        self.disclosing = disclosing
        self.talkers: dict[str, Talker] = accords.open_talks(links)
        self.peers = Peers()
        self._picture = picture
        self._links = links
        self._journal = journal
        self._hands = hands
        self._standings: dict[str, tuple[str, bool]] = {}

    def begin(self) -> tuple[Fact, ...]:
        """After the replay: adopt what stands, open the links, and introduce our plans on those that are new."""
        at = self._hands.clock()
        self._standings = self.accords.standings(at)
        self._adopt(at)
        for peer in self.peers:
            if peer.session.sent_number == 0:
                self._tell_all(peer)
        return ()

    def has_changed(self) -> bool:
        """Whether time has changed what stands, or may have changed what may be told."""
        at = self._hands.clock()
        return self.accords.standings(at) != self._standings or any(self._restricted(peer.name) for peer in self.peers)

    def terms_by_peer(self) -> dict[str, Accord]:
        """Return the accord with each peer: the one that stands, or else the last that did."""
        at = self._hands.clock()
        found = {peer.name: self.accords.latest(peer.name, at) for peer in self.peers}
        return {name: latest[0] for name, latest in found.items() if latest is not None}

    def may_plan(self, peer: str) -> bool:
        """Whether an accord is in force with `peer`, neither suspended nor over."""
        return self.accords.may_plan(peer, self._hands.clock())

    def in_force_with(self, peer: str) -> Accord | None:
        """Return the accord that is in force with `peer`, or None while there is none."""
        found = self.accords.current(peer, self._hands.clock())
        return found[0] if found is not None and self.may_plan(peer) else None

    def allows(self, peer: str, function: SafetyFunction) -> bool:
        """Whether this may go on with `peer`: as planning does, or in suspension, as far as the terms say (R32)."""
        if self.may_plan(peer):
            return True
        return function in self.accords.kept(peer, self._hands.clock())

    def check_goes_on(self, peer: str, function: SafetyFunction | None) -> None:
        """Raise Refusal unless this goes on with `peer`: a safety function, or planning for None."""
        if self.may_plan(peer) or (function is not None and self.allows(peer, function)):
            return
        at = self._hands.clock()
        known = sorted({*self.talkers, *(one.name for one in self.peers)})
        if peer not in known:
            raise Refusal("peer", peer, f"a paired party: {', '.join(known) or '(none)'}", "Pair first.")
        kept = ", ".join(sorted(self.accords.kept(peer, at)))
        raise Refusal(
            "peer", peer, f"an accord under which {function or 'planning'} goes on",
            f"{self.accords.state_of(peer, at)}; what goes on is: {kept or 'nothing'}.",
        )  # fmt: skip

    def holds_back(self, peer: str) -> bool:
        """Whether accord or own policy may keep anything from `peer`."""
        return self._restricted(peer)

    def may_settle(self, peer: str) -> bool:
        """Whether measures may be exchanged with `peer`: planning goes on and nothing is held back from it."""
        return self.may_plan(peer) and not self._restricted(peer)

    def may_settle_conflict(self, conflict_id: str) -> bool:
        """Whether measures may be exchanged about a conflict: also where a match has opened our plan to the peer."""
        record = self._picture.conflicts.get(conflict_id) or self._picture.cleared.get(conflict_id)
        if record is None:
            return False
        peer, own = record.conflict.other(self._picture.party).party, record.conflict.of(self._picture.party)
        return self.may_settle(peer) or (self.may_plan(peer) and self.disclosing.tells_openly(peer, own.plan_id))

    def say(self, name: str, fact: Fact) -> tuple[Fact, ...]:
        """Keep and send what our own people say about the accords with a peer; raises Refusal, nothing changed."""
        own = self.accords.own.name
        if fact.party != own:
            raise Refusal("party", fact.party, f"{own}, whose node this is")
        kept = self._keep(name, fact)
        told = [write_fact(one) for one in kept if not isinstance(one, AccordDrafted)]
        if told:
            self._hands.seal(self.talkers[name].session, told)
        self.follow()
        return kept

    def hears(self, envelope: Envelope) -> bool:
        """Take an envelope of the talks in; return False for one of another link.

        What the peer may not say is kept as refused.
        """
        if envelope.direction.accord != TALKS_ACCORD:
            return False
        talker = next(t for t in self.talkers.values() if t.key == envelope.direction.sender)
        try:
            self._keep(talker.name, read_fact(envelope.kind, envelope.body, talker.name))
        except Refusal as refusal:
            log.warning("accord fact refused", peer=talker.name, kind=envelope.kind, why=str(refusal))
            self._links.charge_nonsense(envelope)
            self._hands.put([(ACCORD_REFUSED, encode_refused(talker.name, envelope.kind, refusal))])
        self.follow()
        return True

    def follow(self) -> tuple[Fact, ...]:
        """Work under what stands now; tell each peer what it missed while planning stopped, and what is now due."""
        at = self._hands.clock()
        before, self._standings = self._standings, self.accords.standings(at)
        if before != self._standings:
            self._adopt(at)
        for peer in self.peers:
            standing = self._standings.get(peer.name)
            if standing is not None and standing[1] and standing != before.get(peer.name):
                self._tell_all(peer)
            elif self._restricted(peer.name) and self.may_plan(peer.name):
                self._tell_due(peer, None)
        return ()

    def tell(self, event: Event) -> None:
        """Seal for each peer what it may hear of an event that was just folded in, where nothing is held back.

        Where something is, of notices only; see `tell_restricted`.
        """
        for name, message in messages_of(event, self._picture):
            if not self.may_plan(name):
                continue
            allowed: Message | None = message
            if self._restricted(name) and not self._is_about_matched(message):
                allowed = self.disclosing.of_other_event(message, name)
            peer_or_none = self.peers.named(name)
            if peer_or_none is not None and allowed is not None:
                self._hands.seal(peer_or_none.session, [write_message(allowed)])

    def tell_restricted(self, decided: Sequence[Event]) -> None:
        """Seal for each peer from whom something is held back what it is to hear of all that a command led to.

        At once, not event by event: the order would tell the plans' names, and a conflict that ends while another
        begins would tell that a plan has changed.
        """
        own = {name for event in decided if (name := plan_of(event, self._picture.party)) is not None}
        said = [told for event in decided for told in messages_of(event, self._picture)]
        for peer in self.peers:
            if not self._restricted(peer.name) or not self.may_plan(peer.name):
                continue
            if own:
                measures = {
                    message.plan.plan_id: message.measure_id
                    for name, message in said
                    if name == peer.name and isinstance(message, PlanAmendedMessage) and message.measure_id is not None
                }
                self._tell_due(peer, own, measures)
            if theirs := {name for event in decided for name in _plans_of(self._picture, event, peer.name)}:
                self._answer(peer, theirs)

    def in_our_words(self, command: Command) -> Command:
        """Return what a peer asks for in our own words; raises Refusal for a plan that it was not told of."""
        party = getattr(command, "party", "")
        return self.disclosing.in_our_words(self._picture, command) if self._restricted(party) else command

    def _is_about_matched(self, message: Message) -> bool:
        """Whether a message is about a measure for a conflict that both sides have opened their plans of."""
        match message:
            case MeasureProposed(measure=measure):
                return self.may_settle_conflict(measure.conflict_id)
            case MeasureAccepted(measure_id=measure_id) | MeasureRefused(measure_id=measure_id):
                return self.may_settle_conflict(self._picture.measures[measure_id].measure.conflict_id)
            case NoMeasureFound(conflict_id=conflict_id):
                return self.may_settle_conflict(conflict_id)
            case _:
                return False

    def _answer(self, peer: Peer, only: Iterable[str] | None) -> None:
        at = self._hands.clock()
        found = self.accords.latest(peer.name, at)
        assert found is not None
        self._seal_told(peer, self.disclosing.answers_due(self._picture, found, peer.name, at, only))

    def _adopt(self, at: datetime) -> None:
        self.peers = self.accords.peers(self._links, at)
        command = self.accords.adoption(at, self._picture.accord)
        if command is not None:
            try:
                self._hands.carry_out(command)
            except Refusal as refusal:
                if self._picture.accord is None:
                    raise
                log.error("accord not adopted", why=str(refusal))

    def _keep(self, name: str, fact: Fact) -> tuple[Fact, ...]:
        kept = tuple(self.accords.decide(name, fact))
        for one in kept:
            body = encode_kept(name, one)
            self.accords.keep(body)
            self._hands.put([(ACCORD, body)])
        return kept

    def _restricted(self, peer: str) -> bool:
        found = self.accords.latest(peer, self._hands.clock())
        return found is not None and self.disclosing.restricts(found[0])

    def _tell_all(self, peer: Peer) -> None:
        """Seal what the peer must still hear so that it knows what it may know of ours."""
        if not self.may_plan(peer.name):
            return
        told = (
            told_by(self._sent_to(peer)) if not self._restricted(peer.name) or peer.session.sent_number == 0 else None
        )
        if self._restricted(peer.name):
            self._tell_due(peer, None)
        if told is not None:
            for message in untold(self._picture, told):
                allowed: Message | None = message
                if self._restricted(peer.name):
                    allowed = self.disclosing.of_other_event(message, peer.name)
                if allowed is not None:
                    self._hands.seal(peer.session, [write_message(allowed)])

    def _tell_due(
        self, peer: Peer, only: Iterable[str] | None, measures: Mapping[str, str] | None = None
    ) -> None:  # fmt: skip
        at = self._hands.clock()
        found = self.accords.latest(peer.name, at)
        assert found is not None
        self._seal_told(peer, self.disclosing.due(self._picture, found, peer.name, at, only, measures))
        if only is None:
            self._answer(peer, None)

    def _seal_told(self, peer: Peer, due: Iterable[tuple[Telling, Message]]) -> None:
        for telling, message in due:
            self._hands.put([(TOLD, msgspec.json.encode(telling))])
            self._hands.seal(peer.session, [write_message(message)])

    def _sent_to(self, peer: Peer) -> Iterator[Message]:
        """What was sent to a peer under any accord: under others than now, what it signed receipts for."""
        receipted = {session.outgoing: session.receipted_number for session in self._links}
        bodies = [entry.body for entry in self._journal.read(kind=SENT)]
        bodies += [body for kind, body in self._hands.waiting() if kind == SENT]
        known = {*self.accords.talks[peer.name].records, *self._picture.former_accords}
        planning = known | {peer.session.outgoing.accord}
        for body in bodies:
            envelope, _ = read_envelope(body)
            direction = envelope.direction
            if direction.recipient != peer.key or direction.accord not in planning:
                continue
            if direction == peer.session.outgoing or envelope.number <= receipted.get(direction, 0):
                yield read_message(envelope.kind, envelope.body)


def _plans_of(picture: Picture, event: Event, peer: str) -> Iterator[str]:
    """The ids of the plans of a peer that an event is about."""
    match event:
        case PlanDeclared(party=party, plan=plan) | PlanAmended(party=party, plan=plan) if party == peer:
            yield plan.plan_id
        case ConflictFound(conflict=conflict):
            yield from (each.plan_id for each in (conflict.first, conflict.second) if each.party == peer)
        case ConflictCleared(conflict_id=conflict_id):
            both = picture.cleared.get(conflict_id) or picture.conflicts.get(conflict_id)
            assert both is not None
            yield from (each.plan_id for each in (both.conflict.first, both.conflict.second) if each.party == peer)
        case _:
            pass


def keeps(entry: Entry, accords: Accords, disclosing: Disclosing) -> None:
    """Fold one journal entry in, at replay; those of other kinds are passed over."""
    if entry.kind == ACCORD:
        accords.keep(entry.body)
    elif entry.kind == TOLD:
        disclosing.fold(entry.body)
