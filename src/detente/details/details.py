"""Details behind notices: who committed to what and when, and which details opened it later or failed to (R39). Pure.

Every commitment that a notice ever carried stays on record, so that one that is replaced before it is opened is seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec

from detente.airspace.refusal import Refusal
from detente.details.commitment import CommitmentOpening

NoticeKey = tuple[str, str]
"""Party and notice id."""


class _Command(msgspec.Struct, frozen=True, tag_field="command", forbid_unknown_fields=True):
    at: datetime
    party: str


class CommitDetails(_Command, frozen=True, tag="commit_details"):
    """Store an opening of our own, so that a notice may carry its commitment."""

    opening: CommitmentOpening


class SeeCommitment(_Command, frozen=True, tag="see_commitment"):
    """A notice of `party` carries this commitment."""

    notice_id: str
    commitment: str


class GiveDetails(_Command, frozen=True, tag="give_details"):
    """Open to `peer` what our notice committed to."""

    peer: str
    notice_id: str


class HearDetails(_Command, frozen=True, tag="hear_details"):
    """`party` opens what its notice committed to."""

    notice_id: str
    opening: CommitmentOpening


DetailsCommand = CommitDetails | SeeCommitment | GiveDetails | HearDetails


class _Event(msgspec.Struct, frozen=True, tag_field="event", forbid_unknown_fields=True):
    at: datetime


class DetailsKept(_Event, frozen=True, tag="details_kept"):
    """This opening is stored; no peer is told."""

    opening: CommitmentOpening


class CommitmentSeen(_Event, frozen=True, tag="commitment_seen"):
    """A notice of `party` carries this commitment."""

    party: str
    notice_id: str
    commitment: str


class DetailsGiven(_Event, frozen=True, tag="details_given"):
    """We opened our notice's commitment to `peer`."""

    peer: str
    notice_id: str
    opening: CommitmentOpening


class DetailsOpened(_Event, frozen=True, tag="details_opened"):
    """`party` gave details, and they match its commitment."""

    party: str
    notice_id: str
    opening: CommitmentOpening


class DetailsRefused(_Event, frozen=True, tag="details_refused"):
    """`party` gave details that match none of its commitments; they are recorded as its present account."""

    party: str
    notice_id: str
    expected: tuple[str, ...]
    opening: CommitmentOpening


DetailsEvent = DetailsKept | CommitmentSeen | DetailsGiven | DetailsOpened | DetailsRefused


class NoticeCommitment(msgspec.Struct, frozen=True):
    """One commitment of a notice: since when it is seen, and when it was opened with what."""

    commitment: str
    at: datetime
    opened_at: datetime | None = None
    opening: CommitmentOpening | None = None


class Details:
    """What is known of details: our own openings by commitment, and every notice's commitments in order."""

    def __init__(self) -> None:
        self.kept: dict[str, CommitmentOpening] = {}
        self.commitments: dict[NoticeKey, tuple[NoticeCommitment, ...]] = {}


def decide(details: Details, own: str, peers: Mapping[str, object], command: DetailsCommand) -> list[DetailsEvent]:
    """Return what follows from a command; raises Refusal with nothing changed. `peers` are those we talk with."""
    match command:
        case CommitDetails(at, _, opening):
            return [] if opening.commitment in details.kept else [DetailsKept(at, opening)]
        case SeeCommitment(at, party, notice_id, commitment):
            known = details.commitments.get((party, notice_id), ())
            return [] if any(c.commitment == commitment for c in known) else [
                CommitmentSeen(at, party, notice_id, commitment)
            ]  # fmt: skip
        case GiveDetails(at, _, peer, notice_id):
            if peer not in peers:
                raise Refusal("peer", peer, f"a party with an accord: {', '.join(sorted(peers)) or 'none'}")
            commitment = _committed(details, own, notice_id)[-1].commitment
            if commitment not in details.kept:
                raise Refusal("notice_id", notice_id, f"a notice whose commitment was made here, not {commitment}")
            return [DetailsGiven(at, peer, notice_id, details.kept[commitment])]
        case HearDetails(at, party, notice_id, opening):
            committed = _committed(details, party, notice_id)
            opened = next((c for c in committed if c.commitment == opening.commitment), None)
            if opened is None:
                return [DetailsRefused(at, party, notice_id, tuple(c.commitment for c in committed), opening)]
            return [] if opened.opening is not None else [DetailsOpened(at, party, notice_id, opening)]


def evolve(details: Details, event: DetailsEvent, own: str) -> None:
    """Fold an event in."""
    match event:
        case DetailsKept(_, opening):
            details.kept[opening.commitment] = opening
        case CommitmentSeen(at, party, notice_id, commitment):
            key = (party, notice_id)
            details.commitments[key] = (*details.commitments.get(key, ()), NoticeCommitment(commitment, at))
        case DetailsGiven(at, _, notice_id, opening):
            _opened(details, (own, notice_id), at, opening)
        case DetailsOpened(at, party, notice_id, opening):
            _opened(details, (party, notice_id), at, opening)
        case DetailsRefused():
            pass


def _committed(details: Details, party: str, notice_id: str) -> tuple[NoticeCommitment, ...]:
    commitments = details.commitments.get((party, notice_id))
    if not commitments:
        raise Refusal("notice_id", notice_id, f"a notice of {party} that carries a commitment")
    return commitments


def _opened(details: Details, key: NoticeKey, at: datetime, opening: CommitmentOpening) -> None:
    details.commitments[key] = tuple(
        NoticeCommitment(c.commitment, c.at, c.opened_at or at, opening) if c.commitment == opening.commitment else c
        for c in details.commitments[key]
    )
