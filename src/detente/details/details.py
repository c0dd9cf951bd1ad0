"""Details behind notices: who committed to what and when, and which details opened it later or failed to (R39). Pure.

The commitments that a notice has carried stay on record, so that one that is replaced before it is opened is seen: the
first of them and the newest, all others in the journal alone.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from detente.airspace.plan import Circle, Trajectory
from detente.details.commitment import CommitmentOpening
from detente.room.message import Message

MOST_OF_NOTICE = 100
MOST_OF_PARTY = 100_000
MOST_VERTICES_OF_PARTY = 250_000
"""In all details that one party has opened and that are held; with its commitments they are some 150 MB."""

NoticeKey = tuple[str, str]
"""Party and notice id."""


class DetailsOpening(Message, frozen=True, tag="details_given"):
    """The sender opens what its notice committed to. It may do so always, also while planning is suspended."""

    notice_id: str
    opening: CommitmentOpening


class _Command(msgspec.Struct, frozen=True, tag_field="command", forbid_unknown_fields=True):
    at: datetime


class CommitDetails(_Command, frozen=True, tag="commit_details"):
    """Store an opening of our own, so that a notice may carry its commitment."""

    opening: CommitmentOpening


class SeeCommitment(_Command, frozen=True, tag="see_commitment"):
    """A notice of `party` carries this commitment."""

    party: str
    notice_id: str
    commitment: str


class GiveDetails(_Command, frozen=True, tag="give_details"):
    """Open to `peer` what our notice committed to."""

    peer: str
    notice_id: str


DetailsCommand = CommitDetails | SeeCommitment | GiveDetails


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


class HeldDetails(msgspec.Struct, frozen=True):
    """How many commitments of one party are held, and how many vertices its opened details have, a circle as one."""

    commitments: int
    vertices: int

    def __add__(self, other: HeldDetails) -> HeldDetails:
        return HeldDetails(self.commitments + other.commitments, self.vertices + other.vertices)


class Details:
    """What is known of details: our own openings by commitment, and every notice's commitments in order.

    `gone_since` says of notices that are held no more before when they had gone. Changed by the room's `evolve` and
    `forget` alone.
    """

    def __init__(self) -> None:
        self.kept: dict[str, CommitmentOpening] = {}
        self.commitments: dict[NoticeKey, tuple[NoticeCommitment, ...]] = {}
        self.gone_since: dict[NoticeKey, datetime] = {}
        self._held: dict[str, HeldDetails] = {}

    def put(self, key: NoticeKey, commitments: tuple[NoticeCommitment, ...]) -> None:
        """Hold these commitments of a notice in the place of those that are held."""
        before = _held(self.commitments.get(key, ()))
        changed = _held(commitments) + HeldDetails(-before.commitments, -before.vertices)
        self._held[key[0]] = self.held_of(key[0]) + changed
        self.commitments[key] = commitments

    def keep_only(self, commitments: dict[NoticeKey, tuple[NoticeCommitment, ...]]) -> None:
        """Hold these commitments and no others."""
        self.commitments = commitments
        self._held = {}
        for (party, _), held in commitments.items():
            self._held[party] = self.held_of(party) + _held(held)

    def held_of(self, party: str) -> HeldDetails:
        """Return how much of a party is held."""
        return self._held.get(party, HeldDetails(0, 0))


def vertices_of(opening: CommitmentOpening) -> int:
    """Return how many vertices or waypoints opened details have, a circle counting as one."""
    intent = opening.details.intent
    if isinstance(intent, Trajectory):
        return len(intent.waypoints)
    return sum(1 if isinstance(volume.area, Circle) else len(volume.area.vertices) for volume in intent)


def _held(commitments: tuple[NoticeCommitment, ...]) -> HeldDetails:
    opened = (one.opening for one in commitments if one.opening is not None)
    return HeldDetails(len(commitments), sum(map(vertices_of, opened)))


class DetailsRecords(msgspec.Struct, frozen=True):
    """`Details` as it is kept."""

    kept: dict[str, CommitmentOpening]
    commitments: dict[NoticeKey, tuple[NoticeCommitment, ...]]
    gone_since: dict[NoticeKey, datetime] = {}
