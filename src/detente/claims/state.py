"""Claims as they stand, folded from their events; changed by `evolve` alone."""

from __future__ import annotations

from collections import deque
from datetime import datetime

import msgspec

from detente.claims.claims import (
    Answer,
    AnswerKind,
    Deviation,
    DeviationOver,
    Incident,
    IncidentClosing,
    IncidentReply,
    NoticeVerdict,
    NotTakenBecause,
    Request,
    Statement,
)
from detente.claims.review_claim import ReviewClaim
from detente.claims.terms import ClaimsTerms
from detente.picture.observations import Observation

Key = tuple[str, str, str]
"""The peer, who opened it (we or the peer), and its id."""


class ObservationRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An observation, ours or a peer's, and how each side judges it.

    `explained_by` is what explained it when it was made or heard; nothing means that it was undeclared. `ours` are our
    verdicts; `theirs` those of each peer that knows it.
    """

    observation: Observation
    known_at: datetime
    explained_by: tuple[str, ...]
    ours: tuple[NoticeVerdict, ...] = ()
    theirs: dict[str, tuple[NoticeVerdict, ...]] = {}
    shared_with: tuple[str, ...] = ()
    not_taken: dict[str, NotTakenBecause] = {}

    @property
    def undeclared(self) -> bool:
        """Whether nothing that was known then explained it."""
        return not self.explained_by


class RequestRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A request with its answers, the last of which counts; the first ends the wait."""

    peer: str
    request: Request
    due: datetime
    known_at: datetime
    answers: tuple[Answer, ...] = ()
    overdue: bool = False
    not_taken: NotTakenBecause | None = None

    @property
    def is_open(self) -> bool:
        """Whether an answer is awaited."""
        return not self.answers and self.not_taken is None

    @property
    def late(self) -> bool:
        """Whether the first answer came after it was due, by the signed times of both sides."""
        return bool(self.answers) and self.answers[0].answered_at > self.due

    def is_overdue(self, at: datetime) -> bool:
        """Whether an answer is awaited that was due before `at`."""
        return self.is_open and at > self.due

    @property
    def refused(self) -> bool:
        """Whether the last answer is a refusal."""
        return bool(self.answers) and self.answers[-1].answer is AnswerKind.REFUSED


class IncidentRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An incident, the other side's replies, the last of which counts, and how it was closed.

    `due` is when the next word is due: of the first reply, or of the result of an investigation.
    """

    peer: str
    incident: Incident
    due: datetime
    known_at: datetime
    replies: tuple[IncidentReply, ...] = ()
    closing: IncidentClosing | None = None
    overdue: bool = False
    not_taken: NotTakenBecause | None = None

    @property
    def is_open(self) -> bool:
        """Whether the side that reported it has not closed it."""
        return self.closing is None and self.not_taken is None

    @property
    def awaits_reply(self) -> bool:
        """Whether the other side owes a word."""
        return self.is_open and (not self.replies or self.replies[-1].due is not None)

    def is_overdue(self, at: datetime) -> bool:
        """Whether the other side owes a word that was due before `at`."""
        return self.awaits_reply and at > self.due


class OccurrenceRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What both sides state of one occurrence, each in its own words, in the order in which it was known here."""

    peer: str
    opener: str
    occurrence_id: str
    statements: tuple[Statement, ...] = ()
    not_taken: NotTakenBecause | None = None

    def of(self, party: str) -> tuple[Statement, ...]:
        """Return the statements of one side, in its order."""
        return tuple(statement for statement in self.statements if statement.party == party)


class DeviationRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A party's word about its own deviation."""

    peer: str
    deviation: Deviation
    late_by_s: float
    known_at: datetime
    over: DeviationOver | None = None
    not_taken: NotTakenBecause | None = None


class ReviewRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The documents of both sides for one period and cut."""

    peer: str
    known_at: datetime
    ours: ReviewClaim | None = None
    theirs: ReviewClaim | None = None
    not_taken: NotTakenBecause | None = None

    @property
    def equal(self) -> bool | None:
        """Whether both sides computed the same bytes; None while one of them has not said."""
        if self.ours is None or self.theirs is None:
            return None
        return self.ours.sha256 == self.theirs.sha256


class ClaimsSnapshot(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All claims as plain records, in a fixed order."""

    party: str
    accords: tuple[tuple[str, str], ...]
    terms: tuple[tuple[tuple[str, str], ClaimsTerms], ...]
    since: tuple[tuple[str, datetime], ...]
    observations: tuple[ObservationRecord, ...]
    requests: tuple[RequestRecord, ...]
    incidents: tuple[IncidentRecord, ...]
    occurrences: tuple[OccurrenceRecord, ...]
    deviations: tuple[DeviationRecord, ...]
    outside: tuple[tuple[str, str], ...]
    reviews: tuple[ReviewRecord, ...]
    not_taken: tuple[tuple[str, int], ...]


class ClaimsState:
    """One node's claims with all its peers.

    Attributes:
        party: whose node it is; empty before claims are opened.
        accords: the hash of the accord with each peer with whom there is one now.
        terms: by (peer, hash of the accord), of former accords too.
        since: when claims were first taken with each peer.
        observations: by (party, observation id), ours and those that peers told.
        requests, incidents, occurrences, deviations: by `Key`.
        outside: ids of the deviations of our own plans whose aircraft was last seen outside, by plan.
        reviews: by (peer, key of the review).
        open_requests, open_incidents: keys of those that are not answered, and not closed.
        heard_at: when the last claims of each peer were heard, no older than a day before the last.
        not_taken: how many claims of each peer were not taken.
    """

    def __init__(self) -> None:
        self.party = ""
        self.accords: dict[str, str] = {}
        self.terms: dict[tuple[str, str], ClaimsTerms] = {}
        self.since: dict[str, datetime] = {}
        self.observations: dict[tuple[str, str], ObservationRecord] = {}
        self.requests: dict[Key, RequestRecord] = {}
        self.incidents: dict[Key, IncidentRecord] = {}
        self.occurrences: dict[Key, OccurrenceRecord] = {}
        self.deviations: dict[Key, DeviationRecord] = {}
        self.outside: dict[str, str] = {}
        self.reviews: dict[tuple[str, str], ReviewRecord] = {}
        self.open_requests: set[Key] = set()
        self.open_incidents: set[Key] = set()
        self.heard_at: dict[str, deque[datetime]] = {}
        self.not_taken: dict[str, int] = {}

    def terms_with(self, peer: str) -> ClaimsTerms:
        """Return the terms with a peer now; KeyError when there are none."""
        return self.terms[(peer, self.accords[peer])]

    def snapshot(self) -> ClaimsSnapshot:
        """Return all claims as plain records, in a fixed order."""
        return ClaimsSnapshot(
            self.party,
            tuple(sorted(self.accords.items())),
            tuple(sorted(self.terms.items(), key=lambda item: item[0])),
            tuple(sorted(self.since.items())),
            tuple(self.observations[key] for key in sorted(self.observations)),
            tuple(self.requests[key] for key in sorted(self.requests)),
            tuple(self.incidents[key] for key in sorted(self.incidents)),
            tuple(self.occurrences[key] for key in sorted(self.occurrences)),
            tuple(self.deviations[key] for key in sorted(self.deviations)),
            tuple(sorted(self.outside.items())),
            tuple(self.reviews[key] for key in sorted(self.reviews)),
            tuple(sorted(self.not_taken.items())),
        )
