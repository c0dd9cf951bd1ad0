"""The life of the accords of two parties: proposed, countered, authorised, in force, suspended, resumed, ended.

What stands is a function of what each party has said, in the order in which that party said it; how the words of one
party and of the other came to be interleaved makes no difference. So both sides come to the same, whatever the mail.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from functools import reduce
from typing import TypeVar

import msgspec

from detente.accord.messages import (
    AccordAct,
    AccordAuthorised,
    AccordDrafted,
    AccordEnded,
    AccordProposed,
    AccordResumed,
    AccordSuspended,
    Change,
    authorisation_bytes,
    change_bytes,
)
from detente.accord.terms import Accord, accord_hash, format_accord, parse_accord
from detente.airspace.refusal import Refusal

Verify = Callable[[bytes, bytes, bytes], bool]
"""Whether (public key, signature, message) fit together: Ed25519, given by the caller."""
MOST_ACCORDS = 1_000
MOST_CHARACTERS_PROPOSED = 8_000_000
"""In all texts that one of two parties has proposed to the other, or drafted for it. A usual accord has 10,000."""
NEVER = datetime.min.replace(tzinfo=UTC)
AnswerToProposal = AccordAuthorised | AccordSuspended | AccordResumed | AccordEnded
"""What is said of an accord that was proposed before."""
_Text = TypeVar("_Text", bound=AccordDrafted | AccordProposed)
_Said = TypeVar("_Said", bound=AccordProposed | AnswerToProposal)


class AccordState(StrEnum):
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
    def said(self) -> tuple[AccordProposed | AnswerToProposal, ...]:
        """All that was said of it, but for a draft."""
        return (*self.proposals, *self.authorisations, *self.suspensions, *self.ends)

    @property
    def suspended_by(self) -> tuple[str, ...]:
        """The parties whose suspension stands."""
        return tuple(said.party for said in self.suspensions if isinstance(said, AccordSuspended))

    @property
    def authorised_by(self) -> tuple[str, ...]:
        """The parties whose authority signed."""
        return tuple(said.party for said in self.authorisations)


class Talks:
    """Everything said between two parties about accords. Changed by `evolve` alone.

    `early` are words of ours that the peer gave back before it said again which accord they are about; `countered` are
    the hashes of the accords that a proposal answers.
    """

    def __init__(self, own: Side, peer: Side) -> None:
        self.own = own
        self.peer = peer
        self.records: dict[str, AccordRecord] = {}
        self.accords: dict[str, Accord] = {}
        self.countered: set[str] = set()
        self.early: list[AnswerToProposal] = []

    def past(self, before: datetime) -> set[str]:
        """Return the accords that were over before a time (UTC) for good, and of which nobody has said anything since.

        The last that both authorities signed is not among them: what goes on after its end goes by it.
        """
        ranks = [(self.accords[name].version, name) for name in self.records if self.ratified(name)]
        last = max(ranks, default=None)
        signed_at = max((one.at for one in self.records[last[1]].authorisations), default=before) if last else before
        return {
            name
            for name, record in self.records.items()
            if (last is None or name != last[1])
            and max((said.at for said in record.said), default=NEVER) < before
            and (record.ends or self.accords[name].valid.end < before or (self.ratified(name) and signed_at < before))
        }

    def leave(self, accords: set[str]) -> None:
        """Hold these accords no longer."""
        for name in accords:
            del self.records[name], self.accords[name]
        self.countered = {said.answers for record in self.records.values() for said in record.proposals}

    def said_by(self, accord: str, party: str) -> AccordSuspended | AccordResumed | None:
        """Return the last word of a party on suspending an accord, or None."""
        record = self.records.get(accord)
        return next((said for said in record.suspensions if said.party == party), None) if record else None

    def ratified(self, accord: str) -> bool:
        """Whether both authorities signed."""
        said = self.records[accord].authorisations
        return len(said) == 2 and {one.party for one in said} == {self.own.name, self.peer.name}

    def state(self, accord: str, at: datetime) -> AccordState:
        """Return where an accord stands at a time (UTC)."""
        record, terms = self.records[accord], self.accords[accord]
        if record.ends:
            return AccordState.ENDED
        if self.ratified(accord):
            return self._ratified_state(record, terms, at)
        if terms.valid.end < at:
            return AccordState.EXPIRED
        if record.authorisations:
            return AccordState.AUTHORISED
        if accord in self.countered:
            return AccordState.COUNTERED
        return AccordState.PROPOSED if record.proposals else AccordState.DRAFTED

    def _ratified_state(self, record: AccordRecord, terms: Accord, at: datetime) -> AccordState:
        rank = (terms.version, record.accord_hash)
        if any(self.ratified(name) and (self.accords[name].version, name) > rank for name in self.records):
            return AccordState.AMENDED
        if terms.valid.end < at:
            return AccordState.EXPIRED
        if at < terms.valid.start:
            return AccordState.AUTHORISED
        return AccordState.SUSPENDED if record.suspended_by else AccordState.IN_FORCE

    def current(self, at: datetime) -> str | None:
        """Return the hash of the accord that is in force or suspended at a time, or None."""
        live = (AccordState.IN_FORCE, AccordState.SUSPENDED)
        # A peer may propose very many, and this is asked for every message: only what both signed is looked at.
        return next((name for name in self.records if self.ratified(name) and self.state(name, at) in live), None)


def decide(talks: Talks, act: AccordAct, verify: Verify) -> list[AccordAct]:
    """Return what is kept of an act: the act itself, with the text in its one form; nothing when it was said before.

    What the peer says of what it may say is taken as said, whether or not it makes a difference. Our own people are
    refused what could have no effect. Raises Refusal; nothing has then changed.
    """
    if act.party not in (talks.own.name, talks.peer.name):
        raise Refusal("accord.own_or_peer", "party", act.party, own=talks.own.name, peer=talks.peer.name)
    if isinstance(act, AccordDrafted | AccordProposed):
        return _proposed(talks, act)
    record = talks.records.get(act.accord_hash)
    if record is None or not (record.proposals or record.ends or record.drafted):
        raise Refusal("accord.hash_accord_proposed", "accord_hash", act.accord_hash)
    if act.party == talks.own.name:
        _check_own(talks, record, act)
    if isinstance(act, AccordAuthorised):
        _check_authorisation(talks.accords[record.accord_hash], act, verify)
    elif not _is_known(record, act):
        said = None if isinstance(act, AccordEnded) else talks.said_by(record.accord_hash, act.party)
        _check_power(talks.accords[record.accord_hash], said, act, verify)
    return [] if _is_known(record, act) else [act]


def said_before(talks: Talks, act: AccordAct) -> list[AccordAct]:
    """Return what is kept of an act of ours that the peer gives back, after our journal was set back.

    It was decided when it was said. What the peer had said until then may not have come again, so what could have no
    effect is not asked here. Raises Refusal for a text that is no accord.
    """
    if isinstance(act, AccordDrafted | AccordProposed):
        record = talks.records.get(accord_hash(parse_accord(act.text)))
        is_known = record is not None and any(said.party == act.party for said in record.proposals)
    else:
        record = talks.records.get(act.accord_hash)
        is_known = act in talks.early if record is None else _is_known(record, act)
    return [] if is_known else [act]


def _is_known(record: AccordRecord, act: AnswerToProposal) -> bool:
    match act:
        case AccordAuthorised(party=party):
            return party in record.authorised_by
        case AccordEnded(party=party):
            return any(end.party == party for end in record.ends)
        case AccordSuspended(party=party, serial=serial) | AccordResumed(party=party, serial=serial):
            return any(said.party == party and serial <= said.serial for said in record.suspensions)


def evolve(talks: Talks, act: AccordAct) -> None:
    """Fold one decided act in."""
    if isinstance(act, AccordDrafted | AccordProposed):
        accord = parse_accord(act.text)
        name = accord_hash(accord)
        talks.accords[name] = accord
        record = talks.records.get(name) or AccordRecord(name, act.text)
        if isinstance(act, AccordDrafted):
            record = msgspec.structs.replace(record, drafted=True)
        else:
            record = msgspec.structs.replace(record, proposals=_with(record.proposals, act))
            talks.countered.add(act.answers)
        early, talks.early = talks.early, [one for one in talks.early if one.accord_hash != name]
        talks.records[name] = reduce(_answered, (one for one in early if one.accord_hash == name), record)
    elif act.accord_hash in talks.records:
        talks.records[act.accord_hash] = _answered(talks.records[act.accord_hash], act)
    else:
        talks.early.append(act)


def _answered(record: AccordRecord, act: AnswerToProposal) -> AccordRecord:
    match act:
        case AccordAuthorised():
            return msgspec.structs.replace(record, authorisations=_with(record.authorisations, act))
        case AccordSuspended() | AccordResumed():
            others = tuple(said for said in record.suspensions if said.party != act.party)
            return msgspec.structs.replace(record, suspensions=_with(others, act))
        case AccordEnded():
            return msgspec.structs.replace(record, ends=_with(record.ends, act))


def _proposed(talks: Talks, act: AccordDrafted | AccordProposed) -> list[AccordAct]:
    accord = parse_accord(act.text)
    name = accord_hash(accord)
    sides = {side.name: side.public_key for side in (talks.own, talks.peer)}
    if {party.name: party.public_key for party in accord.parties} != sides:
        raise Refusal(
            "accord.with_keys_on_cards", "parties",
            ", ".join(f"{p.name} {p.public_key[:8]}..." for p in accord.parties), own=talks.own.name,
            peer=talks.peer.name,
        )  # fmt: skip
    if not accord.needs_authorities:
        raise Refusal("accord.key_each_party_authority", "parties[0].authority_key", None)
    record = talks.records.get(name)
    if record is None and len(talks.records) >= MOST_ACCORDS:
        raise Refusal(
            "accord.at_most_between_two_parties", "text", f"{len(talks.records):,} accords", most=MOST_ACCORDS
        )
    if isinstance(act, AccordDrafted) and record is not None:
        return []
    if record is not None and any(said.party == act.party for said in record.proposals):
        return []
    if act.party == talks.own.name and isinstance(act, AccordProposed):
        _check_own_proposal(talks, act, accord, name)
    kept = _in_one_form(act, accord)
    _check_characters(talks, kept, name)
    return [kept]


def _check_characters(talks: Talks, act: AccordDrafted | AccordProposed, name: str) -> None:
    """Refuse a text when its party has proposed as much as one may, of what is held. The other side judges alike."""
    characters = len(act.text)
    for record in talks.records.values():
        is_theirs = any(said.party == act.party for said in record.proposals)
        is_draft = act.party == talks.own.name and isinstance(act, AccordDrafted) and record.drafted
        if record.accord_hash != name and (is_theirs or is_draft):
            characters += len(record.text)
    if characters > MOST_CHARACTERS_PROPOSED:
        raise Refusal(
            "accord.at_most_characters_proposed", "text", f"{characters:,} characters", most=MOST_CHARACTERS_PROPOSED
        )


def _in_one_form(act: _Text, accord: Accord) -> _Text:
    """Return the act with the text in its one form; raises Refusal where that is too long.

    It is read here once, where a decision may take long, so that folding finds it read.
    """
    text = format_accord(accord)
    parse_accord(text)
    return msgspec.structs.replace(act, text=text)


def _check_own_proposal(talks: Talks, act: AccordProposed, accord: Accord, name: str) -> None:
    ours = accord.party(talks.own.name)
    assert ours is not None
    if ours.authority_key != talks.own.authority_key:
        raise Refusal(
            "accord.our_authority_key", "authority_key", ours.authority_key,
            authority_key=talks.own.authority_key or "(none is set)",
        )  # fmt: skip
    if act.answers and act.answers not in talks.records:
        raise Refusal("accord.hash_proposal_other_party", "answers", act.answers)
    if accord.valid.end < act.at:
        raise Refusal("accord.time_after_now", "valid.end", accord.valid.end.isoformat(), at=act.at.isoformat())
    ratified = [talks.accords[other].version for other in talks.records if other != name and talks.ratified(other)]
    if ratified and accord.version <= max(ratified):
        raise Refusal("accord.newer_version", "version", accord.version, ratified=max(ratified))


def _check_own(talks: Talks, record: AccordRecord, act: AccordAct) -> None:
    """Refuse our own people what could have no effect."""
    state = talks.state(record.accord_hash, act.at)
    said = talks.said_by(record.accord_hash, talks.own.name)
    match act:
        case AccordAuthorised():
            ours = talks.accords[record.accord_hash].party(talks.own.name)
            assert ours is not None
            if not record.proposals:
                raise Refusal("accord.accord_proposed", "accord_hash", record.accord_hash)
            if not talks.own.authority_key or ours.authority_key != talks.own.authority_key:
                raise Refusal(
                    "accord.our_authority_key_accord", "authority_key", ours.authority_key,
                    authority_key=talks.own.authority_key or "(none is set)",
                )  # fmt: skip
            allowed = state not in (AccordState.ENDED, AccordState.EXPIRED, AccordState.AMENDED)
        case AccordSuspended(serial=serial):
            allowed = state in (AccordState.IN_FORCE, AccordState.SUSPENDED) and not isinstance(said, AccordSuspended)
            allowed = allowed and serial == (said.serial if said else 0) + 1
        case AccordResumed(serial=serial):
            allowed = isinstance(said, AccordSuspended) and serial == said.serial + 1
            allowed = allowed and state is not AccordState.ENDED
        case _:
            allowed = state is not AccordState.ENDED and bool(record.proposals)
    if not allowed:
        raise Refusal(_NOT_ALLOWED[type(act)], "accord_hash", f"{record.accord_hash} ({state})")


_NOT_ALLOWED: dict[type, str] = {
    AccordAuthorised: "accord.may_come_into_force",
    AccordSuspended: "accord.in_force_not_suspended",
    AccordResumed: "accord.suspended_by_us",
    AccordEnded: "accord.not_ended",
}


def _check_authorisation(accord: Accord, act: AccordAuthorised, verify: Verify) -> None:
    party = accord.party(act.party)
    assert party is not None
    message = authorisation_bytes(act.accord_hash, act.party, act.at)
    if not verify(bytes.fromhex(party.authority_key), bytes.fromhex(act.signature), message):
        raise Refusal(
            "accord.authorised_by_named_key", "signature", act.signature[:16] + "...", party=act.party,
            authority_key=party.authority_key,
        )  # fmt: skip


def _check_power(accord: Accord, said: AccordSuspended | AccordResumed | None, act: Change, verify: Verify) -> None:
    """Refuse a suspension, a resumption or an end by whoever may not.

    A party's authority always may, by its signature. A post may where the terms let it, and never takes back what the
    authority suspended. What a party may say follows from the terms and from what that party said before alone.
    """
    party = accord.party(act.party)
    assert party is not None
    if act.signature:
        key, signature = bytes.fromhex(party.authority_key), bytes.fromhex(act.signature)
        if not verify(key, signature, change_bytes(act)):
            raise Refusal(
                "accord.signed_by_named_key", "signature", act.signature[:16] + "...", party=act.party,
                authority_key=party.authority_key,
            )  # fmt: skip
        return
    posts = accord.provisions.suspension.posts
    if posts is not None and act.by not in posts:
        raise Refusal("accord.whom_accord_lets_do_it", "by", act.by, posts=", ".join(posts) or "the authority")
    if isinstance(act, AccordResumed) and isinstance(said, AccordSuspended) and said.signature:
        raise Refusal("accord.authority_that_suspended", "signature", "")


def _with(said: tuple[_Said, ...], act: _Said) -> tuple[_Said, ...]:
    return tuple(sorted((*said, act), key=lambda one: one.party))
