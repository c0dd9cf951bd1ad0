"""The accords of one party: what was said about them with each peer, which one stands with whom, and what goes on.

An accord of the node's configuration that names no authorities stands without being signed, until one that both
authorities signed takes its place.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from detente.accord.life_cycle import AccordState, Side, Talks, evolve
from detente.accord.messages import AccordAct, AccordDrafted, AccordProposed
from detente.accord.terms import Accord, accord_hash, parse_accord
from detente.airspace.refusal import Refusal
from detente.room.activity import Activity, Need, Ordinary, SafetyFunction

SAVES_LIVES = frozenset({SafetyFunction.STOP, SafetyFunction.EMERGENCY_ASSISTANCE})
"""What goes on between two parties whose accord has ended, has expired or has yet to begin."""


class Accords:
    """The talks with every paired party, and the accord of the configuration. Changed by the room's `evolve` alone.

    Raises Refusal for a configured accord that gives our own party or a paired one another key than its card does.

    Attributes:
        own: our own party.
        talks: by the peer's name, with every paired party.
        configured: the accord of the configuration that needs no authorities, and `configured_hash` its hash.
        acts: (peer, act) of everything that was said, in order: what of it counts depends on who is paired.
        had_others: whether there were talks with a party that is paired no longer.
        unpaired: the parties of the configured accord whose cards are not trusted yet.
        left: (peer, hash) of the accords that were over and are held no more: nothing that is said of them counts.
    """

    def __init__(self, own: Side, peers: Sequence[Side], configured: Accord | None) -> None:
        self.own = own
        self.talks = {peer.name: Talks(own, peer) for peer in peers}
        self.acts: list[tuple[str, AccordAct]] = []
        self.had_others = False
        self.left: set[tuple[str, str]] = set()
        self.configure(configured)

    def configure(self, configured: Accord | None) -> None:
        """Stand by another accord of the configuration; raises Refusal as a new object does, with nothing changed."""
        stands = configured if configured is None or not configured.needs_authorities else None
        self.unpaired = () if stands is None else _unpaired(stands, self.own, self.talks)
        self.configured = stands
        self.configured_hash = "" if stands is None else accord_hash(stands)

    def pair(self, peer: Side) -> None:
        """Talk with one more party, and know what was said with it when it was paired before."""
        talks = self.talks[peer.name] = Talks(self.own, peer)
        for party, act in self.acts:
            if party == peer.name:
                evolve(talks, act)

    def unpair(self, peer: str) -> None:
        """Talk with a party no longer."""
        self.had_others = self.had_others or bool(self.talks[peer].records)
        del self.talks[peer]

    def forget(self, before: datetime) -> None:
        """Hold no more what was over before a time (UTC); of a party that is not paired now all stays."""
        for peer, talks in self.talks.items():
            past = talks.past(before)
            texts = {talks.records[name].text for name in past}

            def is_past(act: AccordAct, names: set[str] = past, texts: set[str] = texts) -> bool:
                return (
                    act.text in texts if isinstance(act, AccordDrafted | AccordProposed) else act.accord_hash in names
                )

            self.acts = [(party, act) for party, act in self.acts if party != peer or not is_past(act)]
            talks.leave(past)
            self.left |= {(peer, name) for name in past}

    def has_left(self, peer: str, act: AccordAct) -> bool:
        """Whether an act is about an accord that was over and is held no more."""
        if not self.left:
            return False
        if isinstance(act, AccordDrafted | AccordProposed):
            return (peer, accord_hash(parse_accord(act.text))) in self.left
        return (peer, act.accord_hash) in self.left

    def authorise_by(self, authority_key: str) -> None:
        """Take the signatures of another authority for ours from now on: its key as hexadecimal digits, or none."""
        self.own = msgspec.structs.replace(self.own, authority_key=authority_key)
        for talks in self.talks.values():
            talks.own = self.own

    @property
    def party(self) -> str:
        """The name of our own party."""
        return self.own.name

    def current(self, peer: str, at: datetime) -> tuple[Accord, str] | None:
        """Return the accord with `peer` that is in force or suspended, and its hash."""
        if (signed := self._signed(peer, at)) is not None:
            return signed
        configured = self.configured
        if configured is None or configured.party(peer) is None or configured.party(self.party) is None:
            return None
        return configured, self.configured_hash

    def latest(self, peer: str, at: datetime) -> tuple[Accord, str] | None:
        """Return the accord that stands with `peer`, or else the last that did, and its hash."""
        talks = self.talks.get(peer)
        ratified = [] if talks is None else [(talks.accords[n].version, n) for n in talks.records if talks.ratified(n)]
        if (found := self.current(peer, at)) is not None or not ratified or talks is None:
            return found
        _, name = max(ratified)
        return talks.accords[name], name

    def with_hash(self, peer: str, accord: str) -> Accord | None:
        """Return the accord of this hash that was ever spoken of with `peer`, or None."""
        if accord == self.configured_hash:
            return self.configured
        talks = self.talks.get(peer)
        return None if talks is None else talks.accords.get(accord)

    def in_force(self, peer: str, at: datetime) -> Accord | None:
        """Return the accord that is in force with `peer`; None while it is suspended, and where there is none."""
        found = self.current(peer, at)
        return found[0] if found is not None and self.may_plan(peer, at) else None

    def terms(self, at: datetime) -> dict[str, Accord]:
        """Return the accord with each paired party that stands, or else the last that did, by the party's name."""
        found = {peer: self.latest(peer, at) for peer in sorted(self.talks)}
        return {peer: latest[0] for peer, latest in found.items() if latest is not None}

    def hashes(self, at: datetime) -> dict[str, str]:
        """Return the hashes of the accords that `terms` gives."""
        found = {peer: self.latest(peer, at) for peer in sorted(self.talks)}
        return {peer: latest[1] for peer, latest in found.items() if latest is not None}

    def may_plan(self, peer: str, at: datetime) -> bool:
        """Whether plans, notices and measures may go to `peer` and come from it: an accord is in force with it."""
        talks = self.talks.get(peer)
        if talks is not None and (name := talks.current(at)) is not None:
            return talks.state(name, at) is AccordState.IN_FORCE
        found = self.current(peer, at)
        return found is not None and found[0].valid.start <= at <= found[0].valid.end

    def kept(self, peer: str, at: datetime) -> frozenset[SafetyFunction]:
        """Return what goes on with `peer` while planning does not (R32).

        In suspension it is what the terms keep. Before an accord begins and after it is over, what saves lives; with a
        party with whom none was ever agreed, nothing.
        """
        if (signed := self._signed(peer, at)) is not None:
            return frozenset(signed[0].provisions.suspension.keeps)
        return SAVES_LIVES if self.latest(peer, at) is not None else frozenset()

    def allows(self, peer: str, activity: Activity, at: datetime) -> bool:
        """Whether this may go on with `peer`: as planning does, or in suspension, as far as the terms say (R32)."""
        return activity is Ordinary.ALWAYS or self.may_plan(peer, at) or activity in self.kept(peer, at)

    def check(self, need: Need, at: datetime) -> None:
        """Raise Refusal unless what is needed goes on."""
        peer, activity = need
        if self.allows(peer, activity, at):
            return
        known = sorted({*self.talks, *self.unpaired})
        if peer not in known:
            raise Refusal("accord.paired_party", "peer", peer, known=", ".join(known))
        kept = ", ".join(sorted(self.kept(peer, at)))
        raise Refusal(
            "accord.accord_lets_activity_go_on", "peer", peer, activity=activity, peer=self._state(peer, at),
            kept=kept or "nothing",
        )  # fmt: skip

    def suspended_by(self, peer: str, at: datetime) -> tuple[str, ...]:
        """Return the parties that have suspended the accord with `peer`."""
        signed = self._signed(peer, at)
        return () if signed is None else self.talks[peer].records[signed[1]].suspended_by

    def find(self, prefix: str) -> tuple[str, str]:
        """Return (peer, hash) of the one accord whose hash begins with `prefix`; raises Refusal for none or several."""
        found = [
            (peer, name) for peer, talks in self.talks.items() for name in talks.records if name.startswith(prefix)
        ]
        if len(found) != 1 or not prefix:
            raise Refusal("accord.beginning_of_one_hash", "accord_hash", prefix, count=len(found))
        return found[0]

    @property
    def ever_ratified(self) -> bool:
        """Whether an accord was ever authorised by both sides, or talked of with a party that is paired no longer."""
        return self.had_others or any(talks.ratified(name) for talks in self.talks.values() for name in talks.records)

    def standing(self, at: datetime) -> dict[str, tuple[str, bool]]:
        """Return, for each paired party with an accord that stands, its hash and whether planning goes on."""
        found = {peer: self.current(peer, at) for peer in self.talks}
        return {peer: (held[1], self.may_plan(peer, at)) for peer, held in found.items() if held is not None}

    def _signed(self, peer: str, at: datetime) -> tuple[Accord, str] | None:
        """The accord with `peer` that both authorities signed and that is in force or suspended."""
        talks = self.talks.get(peer)
        name = None if talks is None else talks.current(at)
        return None if talks is None or name is None else (talks.accords[name], name)

    def _state(self, peer: str, at: datetime) -> str:
        if by := ", ".join(self.suspended_by(peer, at)):
            return f"The accord is suspended by {by}"
        return "No accord is in force" if self._signed(peer, at) is None else "The accord is in force"


def _unpaired(accord: Accord, own: Side, talks: dict[str, Talks]) -> tuple[str, ...]:
    """The parties of an accord that are not paired. Two parties must not mean different keys by the same name."""
    ours = accord.party(own.name)
    if ours is None or ours.public_key != own.public_key:
        raise Refusal(
            "accord.own_party_with_its_key", f"accord {accord.name}, parties",
            own.name if ours is None else ours.public_key, own=own.name, public_key=own.public_key,
        )  # fmt: skip
    unpaired: list[str] = []
    for party in accord.parties:
        if party.name == own.name:
            continue
        if party.name not in talks:
            unpaired.append(party.name)
        elif talks[party.name].peer.public_key != party.public_key:
            raise Refusal(
                "accord.key_on_trusted_card", f"accord {accord.name}, parties.{party.name}.public_key",
                party.public_key, public_key=talks[party.name].peer.public_key,
            )  # fmt: skip
    return tuple(unpaired)
