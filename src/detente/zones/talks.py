"""The life of zones: proposed, countered, agreed, moved, released, expired.

What stands is a function of what each party has said of each zone, in the order in which that party said it; how the
words of the two came to be interleaved makes no difference. So both sides come to the same, whatever the mail.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from detente.accord.provisions import EscalationStep
from detente.airspace.plan import Polygon
from detente.airspace.refusal import Refusal
from detente.zones.messages import ZoneAccepted, ZoneMessage, ZoneProposed, ZoneRefused, ZoneReleased
from detente.zones.terms import ZoneTerms, version_of

MOST_ZONES = 1_000
MOST_VERSIONS = 100
MOST_HELD = 250_000
PIECES_OF_PROPOSAL = 10
"""What a proposal takes beside its vertices, a circle counting as one: 250,000 are some 100 MB."""
ZoneKey = tuple[str, str]
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
        return min(self.proposals, key=lambda proposal: (proposal.at, proposal.party))


class ZoneRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All that both parties said of one zone."""

    peer: str
    zone_id: str
    versions: tuple[Version, ...] = ()
    releases: tuple[ZoneReleased, ...] = ()

    def version(self, version: str) -> Version | None:
        """Return a version by its name, or None."""
        return next((found for found in self.versions if found.version == version), None)

    def named(self, version: str) -> Version:
        """Return a version by its name; raises Refusal where there is none."""
        found = self.version(version)
        if found is None:
            raise Refusal("zones.version_zone_proposed", "version", version)
        return found

    def is_past(self, before: datetime) -> bool:
        """Whether the windows of all its versions, and all that was said of it, were over before a time (UTC)."""
        times = [release.at for release in self.releases]
        for version in self.versions:
            times += [version.terms.time.end, *(word.at for word in version.words)]
            times += [proposal.at for proposal in version.proposals]
        return max(times) < before

    def proposals_by(self, party: str) -> int:
        """Return how many proposals a party has made."""
        return sum(proposal.party == party for version in self.versions for proposal in version.proposals)

    def pieces_by(self, party: str) -> int:
        """Return how much the proposals of a party take, in vertices."""
        proposals = (proposal for version in self.versions for proposal in version.proposals)
        return sum(pieces_of(proposal.terms) for proposal in proposals if proposal.party == party)

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
        answered = {proposal.answers for found in self.versions for proposal in found.proposals}
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
    """Every zone of one party, by peer and id. Changed by `evolve` and the room's `forget` alone.

    `left` are those that were over and have left: their ids are not used again.
    """

    def __init__(self) -> None:
        self.records: dict[ZoneKey, ZoneRecord] = {}
        self.left: set[ZoneKey] = set()


class ZonesKept(msgspec.Struct, frozen=True):
    """`Zones` as it is kept."""

    records: dict[ZoneKey, ZoneRecord]
    left: set[ZoneKey] = set()


class _Event(msgspec.Struct, frozen=True, tag_field="event", forbid_unknown_fields=True):
    at: datetime
    peer: str


class ZoneSaid(_Event, frozen=True, tag="zone_said", rename={"message": "fact"}):
    """A party said this of a zone; `at` is when it was kept here (UTC)."""

    message: ZoneMessage


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

    peer: str
    message: ZoneMessage


class ZoneTick(_Command, frozen=True, tag="zone_tick"):
    """Call the posts that are due by now, by the ladder of the accord with each peer."""


ZoneCommand = SayZone | ZoneTick


def evolve(zones: Zones, event: ZoneEvent) -> None:
    """Fold one decided event in."""
    if isinstance(event, ZonePostCalled):
        record = zones.records[(event.peer, event.zone_id)]
        changed = _changed(record, event.version, step=event.step)
    else:
        message = event.message
        record = zones.records.get((event.peer, message.zone_id)) or ZoneRecord(event.peer, message.zone_id)
        changed = _FOLDS[type(message)](record, message)
    zones.records[(event.peer, changed.zone_id)] = changed


def pieces_of(terms: ZoneTerms) -> int:
    """Return how much a proposal of these terms takes, in vertices."""
    return PIECES_OF_PROPOSAL + (len(terms.area.vertices) if isinstance(terms.area, Polygon) else 1)


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


def _rank(version: Version) -> tuple[int, str]:
    return version.number, version.version


def _changed(record: ZoneRecord, name: str, **changes: Any) -> ZoneRecord:  # noqa: ANN401 - fields of a version
    versions = tuple(
        msgspec.structs.replace(found, **changes) if found.version == name else found for found in record.versions
    )
    return msgspec.structs.replace(record, versions=versions)


def _fold_proposed(record: ZoneRecord, message: ZoneProposed) -> ZoneRecord:
    name = version_of(message.zone_id, message.terms)
    held = record.version(name)
    word = Word(message.party, agrees=True, by=message.by, at=message.at)
    if held is None:
        new = Version(name, message.number, message.terms, (message,), (word,))
        return msgspec.structs.replace(record, versions=(*record.versions, new))
    proposals = tuple(sorted((*held.proposals, message), key=lambda proposal: (proposal.party, proposal.at)))
    number = max(proposal.number for proposal in proposals)
    return _changed(record, name, proposals=proposals, words=_with(held, word), number=number)


def _fold_word(record: ZoneRecord, message: ZoneAccepted | ZoneRefused) -> ZoneRecord:
    reason = message.reason if isinstance(message, ZoneRefused) else ""
    word = Word(message.party, isinstance(message, ZoneAccepted), message.by, message.at, reason)
    return _changed(record, message.version, words=_with(record.named(message.version), word))


def _fold_released(record: ZoneRecord, message: ZoneReleased) -> ZoneRecord:
    releases = tuple(sorted((*record.releases, message), key=lambda release: release.party))
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
