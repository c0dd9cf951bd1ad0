"""Details behind notices: who committed to what and when, and which details opened it later or failed to (R39). Pure.

Every commitment that a notice ever carried stays on record, so that one that is replaced before it is opened is seen.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from detente.details.commitment import CommitmentOpening
from detente.room.message import Message

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


class Details:
    """What is known of details: our own openings by commitment, and every notice's commitments in order.

    `gone_since` says of notices that are held no more before when they had gone. Changed by the room's `evolve` and
    `forget` alone.
    """

    def __init__(self) -> None:
        self.kept: dict[str, CommitmentOpening] = {}
        self.commitments: dict[NoticeKey, tuple[NoticeCommitment, ...]] = {}
        self.gone_since: dict[NoticeKey, datetime] = {}


class DetailsRecords(msgspec.Struct, frozen=True):
    """`Details` as it is kept."""

    kept: dict[str, CommitmentOpening]
    commitments: dict[NoticeKey, tuple[NoticeCommitment, ...]]
    gone_since: dict[NoticeKey, datetime] = {}
