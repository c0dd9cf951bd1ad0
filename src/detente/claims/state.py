"""Claims as they stand, folded from their events; changed by `evolve` alone."""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta

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

DAY = timedelta(days=1)
ClaimKey = tuple[str, str, str]
"""The peer, the party that opened it (we or the peer), and its id."""


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
    """A request with its answers. The first ends the wait; the last counts."""

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
    """An incident, the replies of the other side, of which the last counts, and how it was closed.

    `due` is when the first reply is due or, under investigation, the result.
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
        """Whether a reply, or the result of an investigation, is awaited."""
        return self.is_open and (not self.replies or self.replies[-1].due is not None)

    def is_overdue(self, at: datetime) -> bool:
        """Whether a reply, or a result, is awaited that was due before `at`."""
        return self.awaits_reply and at > self.due


class OccurrenceRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What both sides state of one occurrence, in the order in which it came to be known here."""

    peer: str
    opener: str
    occurrence_id: str
    statements: tuple[Statement, ...] = ()
    not_taken: NotTakenBecause | None = None

    def of(self, party: str) -> tuple[Statement, ...]:
        """Return the statements of one side, in its order."""
        return tuple(statement for statement in self.statements if statement.party == party)


class DeviationRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a party reported of its own deviation."""

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
        """Whether both sides computed the same bytes; None while only one of them has told it."""
        if self.ours is None or self.theirs is None:
            return None
        return self.ours.sha256 == self.theirs.sha256


class ClaimsState:
    """One node's claims with all its peers.

    Attributes:
        party: whose node it is; empty before claims are opened.
        accords: the hash of the accord with each peer with whom there is one now.
        terms: by (peer, hash of the accord), of former accords too.
        since: when claims were first taken with each peer.
        observations: by (party, observation id), ours and those that peers told.
        requests, incidents, occurrences, deviations: by `ClaimKey`.
        outside: ids of the deviations of our own plans whose aircraft was last seen outside, by plan.
        reviews: by (peer, key of the review).
        open_requests, open_incidents: keys of those that are not answered, and not closed.
        heard_at: when the last claims of each peer were heard, no older than a day before the last.
        heard_bytes: how much is kept with each peer, and was heard of it since what was over left the last time.
        not_taken: how many claims of each peer were not taken.
    """

    def __init__(self) -> None:
        self.party = ""
        self.accords: dict[str, str] = {}
        self.terms: dict[tuple[str, str], ClaimsTerms] = {}
        self.since: dict[str, datetime] = {}
        self.observations: dict[tuple[str, str], ObservationRecord] = {}
        self.requests: dict[ClaimKey, RequestRecord] = {}
        self.incidents: dict[ClaimKey, IncidentRecord] = {}
        self.occurrences: dict[ClaimKey, OccurrenceRecord] = {}
        self.deviations: dict[ClaimKey, DeviationRecord] = {}
        self.outside: dict[str, str] = {}
        self.reviews: dict[tuple[str, str], ReviewRecord] = {}
        self.open_requests: set[ClaimKey] = set()
        self.open_incidents: set[ClaimKey] = set()
        self.heard_at: dict[str, deque[datetime]] = {}
        self.heard_bytes: dict[str, int] = {}
        self.not_taken: dict[str, int] = {}

    @property
    def heard(self) -> dict[str, list[datetime]]:
        """What is in `heard_at`, in lists."""
        return {peer: list(times) for peer, times in self.heard_at.items()}

    @heard.setter
    def heard(self, times: dict[str, list[datetime]]) -> None:
        """Set `heard_at` from lists."""
        self.heard_at = {peer: deque(heard) for peer, heard in times.items()}

    def terms_with(self, peer: str) -> ClaimsTerms:
        """Return the terms with a peer now; KeyError when there are none."""
        return self.terms[(peer, self.accords[peer])]


class ClaimsKept(msgspec.Struct, frozen=True):
    """`ClaimsState` as it is kept."""

    party: str
    accords: dict[str, str]
    terms: dict[tuple[str, str], ClaimsTerms]
    since: dict[str, datetime]
    observations: dict[tuple[str, str], ObservationRecord]
    requests: dict[ClaimKey, RequestRecord]
    incidents: dict[ClaimKey, IncidentRecord]
    occurrences: dict[ClaimKey, OccurrenceRecord]
    deviations: dict[ClaimKey, DeviationRecord]
    outside: dict[str, str]
    reviews: dict[tuple[str, str], ReviewRecord]
    open_requests: set[ClaimKey]
    open_incidents: set[ClaimKey]
    not_taken: dict[str, int]
    heard: dict[str, list[datetime]]
    heard_bytes: dict[str, int] = {}
