"""The life of zones: proposed, countered, agreed, moved, released, expired.

What stands is a function of what each party has said of each zone, in the order in which that party said it; how the
words of the two came to be interleaved makes no difference. So both sides come to the same, whatever the mail.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from detente.accord.provisions import EscalationStep
from detente.airspace.refusal import Refusal
from detente.zones.facts import ZoneAccepted, ZoneFact, ZoneProposed, ZoneRefused, ZoneReleased
from detente.zones.terms import ZoneTerms, version_of

MOST_ZONES = 1_000
MOST_VERSIONS = 100
Key = tuple[str, str]
"""The peer with whom a zone is talked about, and the zone's id."""
Ladder = tuple[EscalationStep, ...]


class ZoneStanding(StrEnum):
    """Where a zone is in its life."""

    PROPOSED = "proposed"
    COUNTERED = "countered"
    AGREED = "agreed"
    REFUSED = "refused"
    RELEASED = "released"
    EXPIRED = "expired"


class Word(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The last word of a party on a version: for it or against it, which post, when, and why not."""

    party: str
    agrees: bool
    by: str
    at: datetime
    reason: str = ""


class Version(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One version of a zone's terms. `words` has each party once at most, sorted; `proposed_by` said it first here."""

    version: str
    number: int
    terms: ZoneTerms
    proposals: tuple[ZoneProposed, ...]
    words: tuple[Word, ...]
    step: int = -1

    @property
    def agreed(self) -> bool:
        """Whether both parties are for it."""
        return sum(word.agrees for word in self.words) == 2

    @property
    def refused(self) -> bool:
        """Whether a party is against it."""
        return any(not word.agrees for word in self.words)

    @property
    def proposed(self) -> ZoneProposed:
        """The first proposal of it, by time."""
        return min(self.proposals, key=lambda said: (said.at, said.party))


class ZoneRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All that both parties said of one zone."""

    peer: str
    zone_id: str
    versions: tuple[Version, ...] = ()
    releases: tuple[ZoneReleased, ...] = ()

    def version(self, version: str) -> Version | None:
        """Return a version by its name, or None."""
        return next((found for found in self.versions if found.version == version), None)

    @property
    def agreed(self) -> Version | None:
        """The version that counts: of those agreed, the one with the highest number. None once it is released."""
        agreed = [found for found in self.versions if found.agreed]
        return None if self.releases or not agreed else max(agreed, key=_rank)

    @property
    def pending(self) -> tuple[Version, ...]:
        """The versions that wait for an answer, by number: newer than what is agreed, and answered by no other."""
        if self.releases:
            return ()
        agreed = self.agreed
        answered = {said.answers for found in self.versions for said in found.proposals}
        waiting = [
            found
            for found in self.versions
            if not found.agreed
            and not found.refused
            and found.version not in answered
            and (agreed is None or _rank(found) > _rank(agreed))
        ]
        return tuple(sorted(waiting, key=_rank))

    def standing(self, at: datetime) -> ZoneStanding:
        """Return where the zone stands at a time (UTC)."""
        if self.releases:
            return ZoneStanding.RELEASED
        if self.agreed is not None:
            return ZoneStanding.EXPIRED if self.agreed.terms.time.end < at else ZoneStanding.AGREED
        if not self.pending:
            return ZoneStanding.REFUSED
        last = self.pending[-1]
        if last.terms.time.end < at:
            return ZoneStanding.EXPIRED
        return ZoneStanding.COUNTERED if last.proposed.answers else ZoneStanding.PROPOSED


class Zones:
    """Every zone of one party, by peer and id. Changed by `evolve` alone."""

    def __init__(self) -> None:
        self.records: dict[Key, ZoneRecord] = {}


class _Event(msgspec.Struct, frozen=True, tag_field="event", forbid_unknown_fields=True):
    at: datetime
    peer: str


class ZoneSaid(_Event, frozen=True, tag="zone_said"):
    """A party said this of a zone; `at` is when it was kept here (UTC)."""

    fact: ZoneFact


class ZonePostCalled(_Event, frozen=True, tag="zone_post_called"):
    """A proposal waits for an answer, and the ladder of the party that owes it stands at this rung, from 0."""

    zone_id: str
    version: str
    step: int
    post: str


ZoneEvent = ZoneSaid | ZonePostCalled


class _Command(msgspec.Struct, frozen=True, tag_field="command", forbid_unknown_fields=True):
    at: datetime


class SayZone(_Command, frozen=True, tag="say_zone"):
    """Our own people say this of a zone with `peer`."""

    party: str
    peer: str
    fact: ZoneFact


class HearZone(_Command, frozen=True, tag="hear_zone"):
    """`peer` says this of a zone with us, `party`."""

    party: str
    peer: str
    fact: ZoneFact


class ZoneTick(_Command, frozen=True, tag="zone_tick"):
    """Call the posts that are due by now, by the ladder of the accord with each peer."""

    ladders: dict[str, Ladder]


ZoneCommand = SayZone | HearZone | ZoneTick


def decide(zones: Zones, command: ZoneCommand) -> list[ZoneEvent]:
    """Return the events that a command leads to; what was said before gives none.

    What a peer may say of its own is taken as said, whether or not it makes a difference; our own people are refused
    what could have no effect. Raises Refusal; nothing has then changed.
    """
    match command:
        case SayZone(at=at, party=party, peer=peer, fact=fact):
            if fact.party != party:
                raise Refusal("party", fact.party, f"{party}, whose node this is")
            _check_fact(zones, peer, (party, peer), fact)
            _check_own(zones.records.get((peer, fact.zone_id)), fact, at)
            return _said(zones, at, peer, fact)
        case HearZone(at=at, party=party, peer=peer, fact=fact):
            if fact.party != peer:
                raise Refusal("party", fact.party, f"{peer}, who says it")
            _check_fact(zones, peer, (party, peer), fact)
            return _said(zones, at, peer, fact)
        case ZoneTick(at=at, ladders=ladders):
            return list(_calls(zones, at, ladders))


def evolve(zones: Zones, event: ZoneEvent) -> None:
    """Fold one decided event in."""
    if isinstance(event, ZonePostCalled):
        record = zones.records[(event.peer, event.zone_id)]
        changed = _changed(record, event.version, step=event.step)
    else:
        fact = event.fact
        record = zones.records.get((event.peer, fact.zone_id)) or ZoneRecord(event.peer, fact.zone_id)
        changed = _FOLDS[type(fact)](record, fact)
    zones.records[(event.peer, changed.zone_id)] = changed


def posts_called(ladder: Ladder, since: datetime, at: datetime) -> tuple[str, ...]:
    """Return the posts whose turn has come, in order: each has its time before the next is called too (R8)."""
    waited_s, begins_s = (at - since).total_seconds(), 0.0
    called: list[str] = []
    for step in ladder:
        if waited_s < begins_s and called:
            break
        called.append(step.post)
        begins_s += step.within_s
    return tuple(called)


def overdue_s(ladder: Ladder, since: datetime, at: datetime) -> float:
    """Return for how many seconds every post of the ladder has been past its time; 0 while one is not."""
    return max(0.0, (at - since).total_seconds() - sum(step.within_s for step in ladder))


def next_number(record: ZoneRecord | None) -> int:
    """Return the number of the next version of a zone."""
    return 1 + max((found.number for found in record.versions), default=0) if record is not None else 1


def shared_bytes(zones: Zones) -> bytes:
    """Return canonical bytes of what both parties know: equal on both sides once all mail is delivered."""
    records = []
    for (_, zone_id), record in sorted(zones.records.items(), key=lambda item: item[0][1]):
        versions = sorted((msgspec.structs.replace(v, step=-1) for v in record.versions), key=_rank)
        releases = sorted(record.releases, key=lambda said: said.party)
        records.append((zone_id, versions, releases))
    return msgspec.json.encode(records)


def _rank(version: Version) -> tuple[int, str]:
    return version.number, version.version


def _check_fact(zones: Zones, peer: str, parties: tuple[str, str], fact: ZoneFact) -> None:
    """Refuse what may not be said. It depends on what the same party said before alone, so both sides refuse alike."""
    record = zones.records.get((peer, fact.zone_id))
    if isinstance(fact, ZoneProposed):
        if fact.terms.owner not in parties:
            raise Refusal("terms.owner", fact.terms.owner, f"one of {', '.join(parties)}")
        mine = 0 if record is None else _proposals_by(record, fact.party)
        if mine >= MOST_VERSIONS:
            raise Refusal("zone_id", fact.zone_id, f"at most {MOST_VERSIONS} proposals", "Release it; begin another.")
        zones_of_party = (r for r in zones.records.values() if r.peer == peer and _proposals_by(r, fact.party))
        if not mine and sum(1 for _ in zones_of_party) >= MOST_ZONES:
            raise Refusal("zone_id", fact.zone_id, f"at most {MOST_ZONES:,} zones of one party")
        return
    if record is None:
        raise Refusal("zone_id", fact.zone_id, "a zone that was proposed", "See: detente zone list.")
    if isinstance(fact, ZoneAccepted | ZoneRefused) and record.version(fact.version) is None:
        raise Refusal("version", fact.version, "a version of the zone that was proposed")


def _check_own(record: ZoneRecord | None, fact: ZoneFact, at: datetime) -> None:
    """Refuse our own people what could have no effect."""
    if record is not None and record.releases:
        raise Refusal("zone_id", fact.zone_id, "a zone that is not released", "Begin another one.")
    match fact:
        case ZoneProposed(terms=terms, number=number, answers=answers):
            if terms.time.end < at:
                raise Refusal("terms.time.end", terms.time.end.isoformat(), f"a time after now, {at.isoformat()}")
            if number != next_number(record):
                raise Refusal("number", number, f"{next_number(record)}, the next one")
            if answers and (record is None or record.version(answers) is None):
                raise Refusal("answers", answers, "a version of the zone that was proposed")
        case ZoneAccepted(version=version) | ZoneRefused(version=version):
            assert record is not None
            if version not in {found.version for found in record.pending}:
                raise Refusal("version", version, "a version that waits for an answer", "See: detente zone list.")
            mine = {said.party for said in _known(record, version).proposals}
            if isinstance(fact, ZoneAccepted) and fact.party in mine:
                raise Refusal("version", version, "a version of the other side's: nobody answers its own proposal")
        case ZoneReleased():
            pass


def _said(zones: Zones, at: datetime, peer: str, fact: ZoneFact) -> list[ZoneEvent]:
    record = zones.records.get((peer, fact.zone_id))
    if record is not None and not _says_more(record, fact):
        return []
    return [ZoneSaid(at, peer, fact)]


def _says_more(record: ZoneRecord, fact: ZoneFact) -> bool:
    """Whether a fact is not what the party's last word already says."""
    match fact:
        case ZoneProposed(terms=terms):
            version = record.version(version_of(fact.zone_id, terms))
            return version is None or fact not in version.proposals
        case ZoneAccepted(version=name) | ZoneRefused(version=name):
            said = next((word for word in _known(record, name).words if word.party == fact.party), None)
            return said is None or said.agrees is not isinstance(fact, ZoneAccepted)
        case ZoneReleased():
            return all(said.party != fact.party for said in record.releases)


def _proposals_by(record: ZoneRecord, party: str) -> int:
    return sum(said.party == party for version in record.versions for said in version.proposals)


def _known(record: ZoneRecord, name: str) -> Version:
    found = record.version(name)
    assert found is not None
    return found


def _calls(zones: Zones, at: datetime, ladders: dict[str, Ladder]) -> Iterator[ZonePostCalled]:
    for (peer, zone_id), record in sorted(zones.records.items()):
        ladder = ladders.get(peer)
        if ladder is None:
            continue
        for version in record.pending:
            posts = posts_called(ladder, version.proposed.at, at)
            if len(posts) - 1 > version.step and version.terms.time.end >= at:
                yield ZonePostCalled(at, peer, zone_id, version.version, len(posts) - 1, posts[-1])


def _changed(record: ZoneRecord, name: str, **changes: Any) -> ZoneRecord:  # noqa: ANN401 - fields of a version
    versions = tuple(
        msgspec.structs.replace(found, **changes) if found.version == name else found for found in record.versions
    )
    return msgspec.structs.replace(record, versions=versions)


def _fold_proposed(record: ZoneRecord, fact: ZoneProposed) -> ZoneRecord:
    name = version_of(fact.zone_id, fact.terms)
    held = record.version(name)
    word = Word(fact.party, agrees=True, by=fact.by, at=fact.at)
    if held is None:
        new = Version(name, fact.number, fact.terms, (fact,), (word,))
        return msgspec.structs.replace(record, versions=(*record.versions, new))
    proposals = tuple(sorted((*held.proposals, fact), key=lambda said: (said.party, said.at)))
    number = max(said.number for said in proposals)
    return _changed(record, name, proposals=proposals, words=_with(held, word), number=number)


def _fold_word(record: ZoneRecord, fact: ZoneAccepted | ZoneRefused) -> ZoneRecord:
    reason = fact.reason if isinstance(fact, ZoneRefused) else ""
    word = Word(fact.party, isinstance(fact, ZoneAccepted), fact.by, fact.at, reason)
    return _changed(record, fact.version, words=_with(_known(record, fact.version), word))


def _fold_released(record: ZoneRecord, fact: ZoneReleased) -> ZoneRecord:
    releases = tuple(sorted((*record.releases, fact), key=lambda said: said.party))
    return msgspec.structs.replace(record, releases=releases)


def _with(held: Version, word: Word) -> tuple[Word, ...]:
    others = (one for one in held.words if one.party != word.party)
    return tuple(sorted((*others, word), key=lambda one: one.party))


_FOLDS: dict[type, Callable[[ZoneRecord, Any], ZoneRecord]] = {
    ZoneProposed: _fold_proposed,
    ZoneAccepted: _fold_word,
    ZoneRefused: _fold_word,
    ZoneReleased: _fold_released,
}
