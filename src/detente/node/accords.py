"""The accords of one node: what was said about them with each peer, and which one stands with whom.

What is said travels on a link of its own with each paired party, the talks, which needs no accord and outlives them
all. It is kept in the journal under the kind `accord`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime

import msgspec

from detente.accord.facts import AccordDrafted, Fact
from detente.accord.life_cycle import AccordRecord, Side, Standing, Talks, decide, evolve
from detente.accord.provisions import NoticeKind, SafetyFunction
from detente.accord.tagged import read_tagged, write_tagged
from detente.accord.terms import Accord, accord_hash, format_accord
from detente.accord.widest import widest
from detente.airspace.plan import TimeWindow
from detente.airspace.refusal import Refusal
from detente.link.card import Card
from detente.link.links import Links
from detente.link.session import Session
from detente.node.peers import Peer, Peers, open_peers
from detente.picture.commands import AdoptAccord
from detente.picture.pair_terms import HorizonTerms, PairTerms
from detente.picture.picture import AccordInForce
from detente.record.keys import verify

ACCORD = "accord"
"""The kind of the journal's entries that hold what was said about accords."""

ACCORD_REFUSED = "accord_refused"
"""The kind of the journal's entries that hold what a peer said about accords and what was refused."""

TALKS_ACCORD = hashlib.sha256(b"detente-talks-1\n").hexdigest()
"""What stands for the accord's hash on the link of the talks."""

SAVES_LIVES = frozenset({SafetyFunction.STOP, SafetyFunction.EMERGENCY_ASSISTANCE})
"""What goes on between two parties whose accord has ended, has expired or has yet to begin."""

_FACTS: msgspec.json.Decoder[Fact] = msgspec.json.Decoder(Fact)


class Kept(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a journal entry: one fact of the talks with `peer`."""

    peer: str
    fact: Fact


class AccordRefused(msgspec.Struct, frozen=True):
    """The body of a journal entry: a peer's fact that changed nothing, and why."""

    peer: str
    kind: str
    reason: str


class Talker(msgspec.Struct, frozen=True):
    """A paired party and the link of the talks with it. `key` is its public key (32 bytes)."""

    name: str
    key: bytes
    addresses: tuple[str, ...]
    session: Session


class AccordView(msgspec.Struct, frozen=True):
    """An accord with one peer as people see it."""

    peer: str
    accord_hash: str
    name: str
    version: int
    standing: Standing
    valid: TimeWindow
    proposed_by: tuple[str, ...]
    authorised_by: tuple[str, ...]
    suspended_by: tuple[str, ...]
    record: AccordRecord


def write_fact(fact: Fact) -> tuple[str, bytes]:
    """Return the envelope's kind and body for a fact."""
    return write_tagged(fact)


def read_fact(kind: str, body: bytes, party: str) -> Fact:
    """Return the fact in an envelope of `party` in the talks; raises Refusal when it is none that it may say."""
    fact = read_tagged(_FACTS, kind, body, "fact")
    if isinstance(fact, AccordDrafted):
        raise Refusal("fact", kind, "a fact that a party tells: a draft is told to nobody")
    if fact.party != party:
        raise Refusal("party", fact.party, f"{party}, who says it")
    return fact


class Accords:
    """The talks with every paired party, and the accord that the configuration names, which needs no authorities."""

    def __init__(self, own: Card, authority_key: str, trusted: list[Card], configured: Accord | None) -> None:
        side = Side(own.name, own.public_key, authority_key)
        self.own = own
        self.trusted = trusted
        self.configured = configured if configured is None or not configured.needs_authorities else None
        self.configured_hash = "" if self.configured is None else accord_hash(self.configured)
        self.talks = {card.name: Talks(side, Side(card.name, card.public_key)) for card in trusted}

    def open_talks(self, links: Links) -> dict[str, Talker]:
        """Open the link of the talks with every paired party; return them by name."""
        return {c.name: Talker(c.name, c.key, c.addresses, links.open(c.key, TALKS_ACCORD)) for c in self.trusted}

    def decide(self, peer: str, fact: Fact) -> list[Fact]:
        """Return what is to be kept of a fact about the accords with `peer`; raises Refusal."""
        talks = self.talks.get(peer)
        if talks is None:
            raise Refusal("peer", peer, f"a paired party: {', '.join(sorted(self.talks)) or '(none)'}", "Pair first.")
        if self.configured is not None and getattr(fact, "accord_hash", "") == self.configured_hash:
            raise Refusal(
                "accord_hash", self.configured_hash, "an accord that both sides' authorities signed",
                "This one stands in a file of the node and nobody signed it: propose one, `detente accord propose`.",
            )  # fmt: skip
        return decide(talks, fact, verify)

    def keep(self, body: bytes) -> None:
        """Fold one journal entry of the kind `accord` in. Of a party that is no longer paired it is passed over."""
        kept = msgspec.json.decode(body, type=Kept)
        if kept.peer in self.talks:
            evolve(self.talks[kept.peer], kept.fact)

    def current(self, peer: str, at: datetime) -> tuple[Accord, str] | None:
        """Return the accord with `peer` that is in force or suspended, and its hash."""
        talks = self.talks.get(peer)
        if talks is not None and (name := talks.current(at)) is not None:
            return talks.accords[name], name
        configured = self.configured
        if configured is None or configured.party(peer) is None or configured.party(self.own.name) is None:
            return None
        return configured, self.configured_hash

    def may_plan(self, peer: str, at: datetime) -> bool:
        """Whether plans, notices and measures may go to `peer` and come from it: an accord is in force with it."""
        talks = self.talks.get(peer)
        if talks is not None and (name := talks.current(at)) is not None:
            return talks.standing(name, at) is Standing.IN_FORCE
        found = self.current(peer, at)
        return found is not None and found[0].valid.start <= at <= found[0].valid.end

    def kept(self, peer: str, at: datetime) -> frozenset[SafetyFunction]:
        """Return what goes on with `peer` while planning does not (R32).

        In suspension it is what the terms keep. Before an accord begins and after it is over, what saves lives; with a
        party with whom none was ever agreed, nothing.
        """
        talks = self.talks.get(peer)
        if talks is not None and (name := talks.current(at)) is not None:
            return frozenset(talks.accords[name].provisions.suspension.keeps)
        return SAVES_LIVES if self.latest(peer, at) is not None else frozenset()

    def state_of(self, peer: str, at: datetime) -> str:
        """Return where the accord with `peer` stands, in a sentence without its stop."""
        talks = self.talks.get(peer)
        if talks is not None and (name := talks.current(at)) is not None:
            by = ", ".join(talks.records[name].suspended_by)
            return f"The accord is suspended by {by}" if by else "The accord is in force"
        return "No accord is in force"

    @property
    def ever_ratified(self) -> bool:
        """Whether an accord was ever authorised by both sides."""
        return any(talks.ratified(name) for talks in self.talks.values() for name in talks.records)

    def find(self, prefix: str) -> tuple[str, str]:
        """Return (peer, hash) of the one accord whose hash begins with `prefix`; raises Refusal for none or several."""
        found = [
            (peer, name) for peer, talks in self.talks.items() for name in talks.records if name.startswith(prefix)
        ]
        if len(found) != 1 or not prefix:
            raise Refusal("accord_hash", prefix, f"the beginning of the hash of one accord, not of {len(found)}")
        return found[0]

    def views(self, at: datetime) -> Iterator[AccordView]:
        """Yield the accord of the configuration, and every one that was ever drafted or proposed with each peer."""
        yield from self._configured_views(at)
        for peer, talks in sorted(self.talks.items()):
            for name, record in talks.records.items():
                terms = talks.accords[name]
                yield AccordView(
                    peer, name, terms.name, terms.version, talks.standing(name, at), terms.valid,
                    tuple(said.party for said in record.proposals), record.authorised_by, record.suspended_by, record,
                )  # fmt: skip

    def _configured_views(self, at: datetime) -> Iterator[AccordView]:
        terms = self.configured
        if terms is None:
            return
        name, record = self.configured_hash, AccordRecord(self.configured_hash, format_accord(terms))
        for peer in (party.name for party in terms.parties if party.name != self.own.name):
            current = self.current(peer, at)
            if at > terms.valid.end:
                standing = Standing.EXPIRED
            elif current is not None and current[1] != name:
                standing = Standing.AMENDED
            else:
                standing = Standing.IN_FORCE if at >= terms.valid.start else Standing.AUTHORISED
            yield AccordView(peer, name, terms.name, terms.version, standing, terms.valid, (), (), (), record)

    def latest(self, peer: str, at: datetime) -> tuple[Accord, str] | None:
        """Return the accord that stands with `peer`, or else the last that did."""
        talks = self.talks.get(peer)
        ratified = [] if talks is None else [(talks.accords[n].version, n) for n in talks.records if talks.ratified(n)]
        if (found := self.current(peer, at)) is not None or not ratified or talks is None:
            return found
        _, name = max(ratified)
        return talks.accords[name], name

    def peers(self, links: Links, at: datetime) -> Peers:
        """Open the link under the accord with each peer and close those under others; return the peers."""
        peers: dict[str, Peer] = {}
        unpaired: tuple[str, ...] = ()
        if self.configured is not None:
            opened = open_peers(self.configured, self.configured_hash, self.own, self.trusted, links)
            peers = {peer.name: peer for peer in opened}
            unpaired = opened.unpaired
        for card in self.trusted:
            found = self.latest(card.name, at)
            peer = peers.get(card.name)
            for name in (*self.talks[card.name].records, *([] if peer is None else [peer.session.outgoing.accord])):
                if found is None or name != found[1]:
                    links.close(card.key, name)
            if found is not None:
                peers[card.name] = Peer(card.name, card.key, card.addresses, links.open(card.key, found[1]))
        return Peers(tuple(peers.values()), unpaired)

    def standings(self, at: datetime) -> dict[str, tuple[str, bool]]:
        """Return, for each paired party with an accord that stands, its hash and whether planning goes on."""
        return {
            card.name: (found[1], self.may_plan(card.name, at))
            for card in self.trusted
            if (found := self.current(card.name, at)) is not None
        }

    def adoption(self, at: datetime, before: AccordInForce | None) -> AdoptAccord | None:
        """Return the command that makes the picture work under the accords that stand at a time; None when none does.

        One accord for all is adopted as it is. With several, each pair keeps its own terms. A peer of `before` with
        whom no accord stands any more keeps the terms it had, because what it notified holds until it expires.
        """
        found = {card.name: current for card in self.trusted if (current := self.current(card.name, at)) is not None}
        hashes = {name for _, name in found.values()}
        if self.configured is not None and hashes <= {self.configured_hash}:
            terms = self.configured
            parties = tuple(party.name for party in terms.parties)
            return AdoptAccord(
                at, self.own.name, self.configured_hash, terms.name, parties, terms.widest_minima, terms.valid,
                pairs=_pairs({name: (terms, self.configured_hash) for name in parties if name != self.own.name}),
            )  # fmt: skip
        if not found:
            return None
        accords = [terms for terms, _ in found.values()]
        kept = _kept_pairs(before, self.own.name, frozenset(found))
        name = next(iter(hashes)) if len(hashes) == 1 else _joint_hash(hashes)
        valid = TimeWindow(min(a.valid.start for a in accords), max(a.valid.end for a in accords))
        title = "+".join(sorted({terms.name for terms in accords}))
        parties = (self.own.name, *sorted({*found, *(pair.peer for pair in kept)}))
        return AdoptAccord(
            at,
            self.own.name,
            name,
            title,
            parties,
            widest([terms.widest_minima for terms in accords]),
            valid,
            pairs=(*_pairs(found, whole=bool(kept)), *kept),
        )


def _horizons(accord: Accord) -> HorizonTerms | None:
    if not accord.provisions.horizon_minima:
        return None
    return HorizonTerms(accord.provisions.horizons, *accord.horizon_tables)


def _kept_pairs(before: AccordInForce | None, own: str, present: frozenset[str]) -> tuple[PairTerms, ...]:
    """The terms of the peers of the accord before with whom none stands now."""
    if before is None:
        return ()
    held = {pair.peer: pair for pair in before.pairs}
    gone = sorted(set(before.parties) - present - {own})
    return tuple(held.get(peer) or PairTerms(peer, before.accord_hash, before.minima) for peer in gone)


def _pairs(found: dict[str, tuple[Accord, str]], *, whole: bool = False) -> tuple[PairTerms, ...]:
    """The terms with each peer; none where one accord holds for all and has neither lead times nor horizons' minima."""
    pairs = tuple(
        PairTerms(peer, name, terms.widest_minima, _lead_times(terms), _horizons(terms))
        for peer, (terms, name) in sorted(found.items())
    )
    if not whole and len({pair.accord_hash for pair in pairs}) == 1:
        return pairs if any(pair.lead_times_s or pair.horizons for pair in pairs) else ()
    return pairs


def _lead_times(accord: Accord) -> tuple[tuple[str, float], ...]:
    times = [(kind.value, accord.provisions.lead_times.of(kind)) for kind in NoticeKind]
    return tuple(times) if any(lead_s for _, lead_s in times) else ()


def _joint_hash(hashes: set[str]) -> str:
    return hashlib.sha256("\n".join(sorted(hashes)).encode()).hexdigest()


def view_of(accords: Accords, prefix: str, at: datetime) -> AccordView:
    """Return one accord by the beginning of its hash; raises Refusal."""
    found = [view for view in accords.views(at) if prefix and view.accord_hash.startswith(prefix)]
    if len({view.accord_hash for view in found}) != 1:
        accords.find(prefix)
    return found[0]


def encode_kept(peer: str, fact: Fact) -> bytes:
    """Return the body of the journal entry for a fact."""
    return msgspec.json.encode(Kept(peer, fact))


def encode_refused(peer: str, kind: str, refusal: Refusal) -> bytes:
    """Return the body of the journal entry for what was refused."""
    return msgspec.json.encode(AccordRefused(peer, kind, str(refusal)[:500]))
