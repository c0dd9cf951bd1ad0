"""The life of the accords of two parties: proposed, countered, authorised, in force, suspended, resumed, ended.

What stands is a function of what each party has said, in the order in which that party said it; how the words of one
party and of the other came to be interleaved makes no difference. So both sides come to the same, whatever the mail.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

import msgspec

from detente.accord.facts import (
    AccordAuthorised,
    AccordDrafted,
    AccordEnded,
    AccordProposed,
    AccordResumed,
    AccordSuspended,
    Change,
    Fact,
    authorisation_bytes,
    change_bytes,
)
from detente.accord.terms import Accord, accord_hash, format_accord, parse_accord
from detente.airspace.refusal import Refusal

Verify = Callable[[bytes, bytes, bytes], bool]
"""Whether (public key, signature, message) fit together: Ed25519, given by the caller."""
MOST_ACCORDS = 1_000
_Said = TypeVar("_Said", bound=AccordProposed | AccordAuthorised | AccordSuspended | AccordResumed | AccordEnded)


class Standing(StrEnum):
    """Where an accord is in its life."""

    DRAFTED = "drafted"
    PROPOSED = "proposed"
    COUNTERED = "countered"
    AUTHORISED = "authorised"
    IN_FORCE = "in_force"
    SUSPENDED = "suspended"
    AMENDED = "amended"
    EXPIRED = "expired"
    ENDED = "ended"


class Side(msgspec.Struct, frozen=True):
    """A party of the talks by its name and its node's key (hex). `authority_key` is known of our own side only."""

    name: str
    public_key: str
    authority_key: str = ""


class AccordRecord(msgspec.Struct, frozen=True):
    """All that both parties said of one text. Each party is in each tuple once at most, sorted by its name.

    `suspensions` holds the last word of each party, a suspension or a resumption.
    """

    accord_hash: str
    text: str
    drafted: bool = False
    proposals: tuple[AccordProposed, ...] = ()
    authorisations: tuple[AccordAuthorised, ...] = ()
    suspensions: tuple[AccordSuspended | AccordResumed, ...] = ()
    ends: tuple[AccordEnded, ...] = ()

    @property
    def suspended_by(self) -> tuple[str, ...]:
        """The parties whose suspension stands."""
        return tuple(said.party for said in self.suspensions if isinstance(said, AccordSuspended))

    @property
    def authorised_by(self) -> tuple[str, ...]:
        """The parties whose authority signed."""
        return tuple(said.party for said in self.authorisations)


class Talks:
    """Everything said between two parties about accords. Changed by `evolve` alone."""

    def __init__(self, own: Side, peer: Side) -> None:
        self.own = own
        self.peer = peer
        self.records: dict[str, AccordRecord] = {}
        self.accords: dict[str, Accord] = {}

    def said_by(self, accord: str, party: str) -> AccordSuspended | AccordResumed | None:
        """Return the last word of a party on suspending an accord, or None."""
        record = self.records.get(accord)
        return next((said for said in record.suspensions if said.party == party), None) if record else None

    def ratified(self, accord: str) -> bool:
        """Whether both authorities signed."""
        return set(self.records[accord].authorised_by) == {self.own.name, self.peer.name}

    def standing(self, accord: str, at: datetime) -> Standing:
        """Return where an accord stands at a time (UTC)."""
        record, terms = self.records[accord], self.accords[accord]
        if record.ends:
            return Standing.ENDED
        if self.ratified(accord):
            return self._ratified_standing(record, terms, at)
        if terms.valid.end < at:
            return Standing.EXPIRED
        if record.authorisations:
            return Standing.AUTHORISED
        if any(said.answers == accord for other in self.records.values() for said in other.proposals):
            return Standing.COUNTERED
        return Standing.PROPOSED if record.proposals else Standing.DRAFTED

    def _ratified_standing(self, record: AccordRecord, terms: Accord, at: datetime) -> Standing:
        rank = (terms.version, record.accord_hash)
        if any(self.ratified(name) and (self.accords[name].version, name) > rank for name in self.records):
            return Standing.AMENDED
        if terms.valid.end < at:
            return Standing.EXPIRED
        if at < terms.valid.start:
            return Standing.AUTHORISED
        return Standing.SUSPENDED if record.suspended_by else Standing.IN_FORCE

    def current(self, at: datetime) -> str | None:
        """Return the hash of the accord that is in force or suspended at a time, or None."""
        live = (Standing.IN_FORCE, Standing.SUSPENDED)
        return next((name for name in self.records if self.standing(name, at) in live), None)


def decide(talks: Talks, fact: Fact, verify: Verify) -> list[Fact]:
    """Return what is to be kept of a fact: itself, with the text in its one form; nothing when it was said before.

    What the peer says of what it may say is taken as said, whether or not it makes a difference. Our own people are
    refused what could have no effect. Raises Refusal; nothing has then changed.
    """
    if fact.party not in (talks.own.name, talks.peer.name):
        raise Refusal("party", fact.party, f"{talks.own.name} or {talks.peer.name}")
    if isinstance(fact, AccordDrafted | AccordProposed):
        return _proposed(talks, fact)
    record = talks.records.get(fact.accord_hash)
    if record is None or not (record.proposals or record.ends or record.drafted):
        raise Refusal("accord_hash", fact.accord_hash, "the hash of an accord that was proposed")
    if fact.party == talks.own.name:
        _check_own(talks, record, fact)
    match fact:
        case AccordAuthorised():
            return _authorised(talks, record, fact, verify)
        case AccordSuspended(serial=serial) | AccordResumed(serial=serial):
            said = talks.said_by(record.accord_hash, fact.party)
            if said is not None and serial <= said.serial:
                return []
            _check_power(talks.accords[record.accord_hash], said, fact, verify)
            return [fact]
        case AccordEnded():
            if any(end.party == fact.party for end in record.ends):
                return []
            _check_power(talks.accords[record.accord_hash], None, fact, verify)
            return [fact]


def evolve(talks: Talks, fact: Fact) -> None:
    """Fold one decided fact in."""
    if isinstance(fact, AccordDrafted | AccordProposed):
        accord = parse_accord(fact.text)
        name = accord_hash(accord)
        talks.accords[name] = accord
        record = talks.records.get(name) or AccordRecord(name, fact.text)
        if isinstance(fact, AccordDrafted):
            record = msgspec.structs.replace(record, drafted=True)
        else:
            record = msgspec.structs.replace(record, proposals=_with(record.proposals, fact))
    else:
        record = talks.records[fact.accord_hash]
        match fact:
            case AccordAuthorised():
                record = msgspec.structs.replace(record, authorisations=_with(record.authorisations, fact))
            case AccordSuspended() | AccordResumed():
                others = tuple(said for said in record.suspensions if said.party != fact.party)
                record = msgspec.structs.replace(record, suspensions=_with(others, fact))
            case AccordEnded():
                record = msgspec.structs.replace(record, ends=_with(record.ends, fact))
    talks.records[record.accord_hash] = record


def shared_bytes(talks: Talks) -> bytes:
    """Return canonical bytes of what both parties know: equal on both sides once all mail is delivered."""
    shared = [
        msgspec.structs.replace(record, drafted=False, text="")
        for _, record in sorted(talks.records.items())
        if record.proposals or record.ends
    ]
    return msgspec.json.encode(shared, order="deterministic")


def _proposed(talks: Talks, fact: AccordDrafted | AccordProposed) -> list[Fact]:
    accord = parse_accord(fact.text)
    name = accord_hash(accord)
    sides = {side.name: side.public_key for side in (talks.own, talks.peer)}
    if {party.name: party.public_key for party in accord.parties} != sides:
        raise Refusal(
            "parties", ", ".join(f"{p.name} {p.public_key[:8]}..." for p in accord.parties),
            f"{talks.own.name} and {talks.peer.name}, with the keys on their cards",
            "An accord is between two parties; another party is another accord.",
        )  # fmt: skip
    if not accord.needs_authorities:
        raise Refusal(
            "parties[0].authority_key", None, "the key of each party's authority",
            "Add authority_key to both parties: it takes both authorities to put an accord in force.",
        )  # fmt: skip
    record = talks.records.get(name)
    if record is None and len(talks.records) >= MOST_ACCORDS:
        raise Refusal("text", f"{len(talks.records):,} accords", f"at most {MOST_ACCORDS:,} between two parties")
    if isinstance(fact, AccordDrafted):
        return [] if record is not None else [msgspec.structs.replace(fact, text=format_accord(accord))]
    if record is not None and any(said.party == fact.party for said in record.proposals):
        return []
    if fact.party == talks.own.name:
        _check_own_proposal(talks, fact, accord, name)
    return [msgspec.structs.replace(fact, text=format_accord(accord))]


def _check_own_proposal(talks: Talks, fact: AccordProposed, accord: Accord, name: str) -> None:
    ours = accord.party(talks.own.name)
    assert ours is not None
    if ours.authority_key != talks.own.authority_key:
        raise Refusal(
            "authority_key", ours.authority_key, f"our authority's key, {talks.own.authority_key or '(none is set)'}",
            "Set `authority` in detente.toml to the key that `detente accord authority` shows.",
        )  # fmt: skip
    if fact.answers and fact.answers not in talks.records:
        raise Refusal("answers", fact.answers, "the hash of a proposal of the other party")
    if accord.valid.end < fact.at:
        raise Refusal("valid.end", accord.valid.end.isoformat(), f"a time after now, {fact.at.isoformat()}")
    ratified = [talks.accords[other].version for other in talks.records if other != name and talks.ratified(other)]
    if ratified and accord.version <= max(ratified):
        raise Refusal("version", accord.version, f"more than {max(ratified)}, the version that was agreed last")


def _check_own(talks: Talks, record: AccordRecord, fact: Fact) -> None:
    """Refuse our own people what could have no effect."""
    standing = talks.standing(record.accord_hash, fact.at)
    said = talks.said_by(record.accord_hash, talks.own.name)
    match fact:
        case AccordAuthorised():
            ours = talks.accords[record.accord_hash].party(talks.own.name)
            assert ours is not None
            if not record.proposals:
                raise Refusal("accord_hash", record.accord_hash, "an accord that was proposed", "Propose it first.")
            if not talks.own.authority_key or ours.authority_key != talks.own.authority_key:
                raise Refusal(
                    "authority_key", ours.authority_key,
                    f"our authority's key, {talks.own.authority_key or '(none is set)'}",
                    "The accord names another authority for us, or detente.toml names none.",
                )  # fmt: skip
            allowed = standing not in (Standing.ENDED, Standing.EXPIRED, Standing.AMENDED)
        case AccordSuspended(serial=serial):
            allowed = standing in (Standing.IN_FORCE, Standing.SUSPENDED) and not isinstance(said, AccordSuspended)
            allowed = allowed and serial == (said.serial if said else 0) + 1
        case AccordResumed(serial=serial):
            allowed = isinstance(said, AccordSuspended) and serial == said.serial + 1
            allowed = allowed and standing is not Standing.ENDED
        case _:
            allowed = standing is not Standing.ENDED and bool(record.proposals)
    if not allowed:
        raise Refusal("accord_hash", f"{record.accord_hash} ({standing})", _WANTED[type(fact)])


_WANTED: dict[type, str] = {
    AccordAuthorised: "an accord that may still come into force",
    AccordSuspended: "an accord in force that we have not suspended",
    AccordResumed: "an accord that we have suspended",
    AccordEnded: "an accord that was proposed and has not ended",
}


def _authorised(talks: Talks, record: AccordRecord, fact: AccordAuthorised, verify: Verify) -> list[Fact]:
    party = talks.accords[record.accord_hash].party(fact.party)
    assert party is not None
    message = authorisation_bytes(record.accord_hash, fact.party, fact.at)
    if not verify(bytes.fromhex(party.authority_key), bytes.fromhex(fact.signature), message):
        raise Refusal(
            "signature", fact.signature[:16] + "...", f"{fact.party}'s authority's, {party.authority_key}",
            "Authorise with the key that the accord names.",
        )  # fmt: skip
    return [] if fact.party in record.authorised_by else [fact]


def _check_power(accord: Accord, said: AccordSuspended | AccordResumed | None, fact: Change, verify: Verify) -> None:
    """Refuse a suspension, a resumption or an end by whoever may not.

    A party's authority always may, by its signature. A post may where the terms let it, and never takes back what the
    authority suspended. What a party may say follows from the terms and from what that party said before alone.
    """
    party = accord.party(fact.party)
    assert party is not None
    if fact.signature:
        key, signature = bytes.fromhex(party.authority_key), bytes.fromhex(fact.signature)
        if not verify(key, signature, change_bytes(fact)):
            raise Refusal(
                "signature", fact.signature[:16] + "...", f"{fact.party}'s authority's, {party.authority_key}",
                "Sign with the key that the accord names.",
            )  # fmt: skip
        return
    posts = accord.provisions.suspension.posts
    if posts is not None and fact.by not in posts:
        raise Refusal(
            "by", fact.by, f"{', '.join(posts) or 'the authority'}, whom the accord lets do it",
            "Let a post of these act, or the authority sign: --key.",
        )  # fmt: skip
    if isinstance(fact, AccordResumed) and isinstance(said, AccordSuspended) and said.signature:
        raise Refusal("signature", "", "the authority's: it is the authority that suspended", "Sign with --key.")


def _with(said: tuple[_Said, ...], fact: _Said) -> tuple[_Said, ...]:
    return tuple(sorted((*said, fact), key=lambda one: one.party))
