"""What the HTTP API of claims takes and gives."""

from __future__ import annotations

from datetime import datetime
from typing import TypeVar

import msgspec

from detente.airspace.altitude import Altitude
from detente.airspace.plan import Volume4D
from detente.airspace.position import Position
from detente.claims.claims import (
    About,
    Answer,
    AnswerKind,
    ClosedAs,
    Incident,
    IncidentClass,
    IncidentClosing,
    IncidentReply,
    Intent,
    NoticeVerdict,
    RefusedBecause,
    ReplyKind,
    Request,
    RequestedAction,
    SeenHere,
    Statement,
)
from detente.claims.judging import explained_by
from detente.claims.review import Review, ReviewDifference, first_difference, read_review
from detente.claims.review_claim import ReviewClaim
from detente.claims.state import (
    ClaimsState,
    DeviationRecord,
    IncidentRecord,
    ObservationRecord,
    OccurrenceRecord,
    RequestRecord,
    ReviewRecord,
)
from detente.picture.observations import Observation, Verdict
from detente.picture.picture import Picture

C = TypeVar("C", bound=msgspec.Struct)


class _Text(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


def claim_from(text: msgspec.Struct, claim: type[C], **given: object) -> C:
    """Return a claim with the fields of a text that have the same names, and the fields that are given beside it."""
    shared = {name: getattr(text, name) for name in claim.__struct_fields__ if hasattr(text, name)}
    return claim(**shared | given)


class ObservationText(_Text, frozen=True):
    """What we saw, within these errors. It stays here unless `share_with` names who is told."""

    observation_id: str
    position: Position
    horizontal_error_m: float
    altitude: Altitude
    vertical_error_m: float
    time: datetime
    time_error_s: float
    evidence_sha256: str
    share_with: tuple[str, ...] = ()


class ShareText(_Text, frozen=True):
    """Who is told an observation of ours."""

    peer: str


class RequestText(_Text, frozen=True):
    """A request for information about an observation, or about an area and time."""

    peer: str
    request_id: str
    about: About


class AnswerText(_Text, frozen=True):
    """An answer to a peer's request; `reason` with "refused" and only with it."""

    peer: str
    request_id: str
    answer: AnswerKind
    reason: RefusedBecause | None = None
    notice_id: str | None = None
    words: str | None = None


class StatementText(_Text, frozen=True):
    """Our side of an occurrence that we open, or that `opener` has opened by a statement or an incident."""

    peer: str
    occurrence_id: str
    opener: str | None = None
    words: str | None = None
    volume: Volume4D | None = None
    evidence_sha256: tuple[str, ...] = ()


class IncidentText(_Text, frozen=True):
    """An incident that we report."""

    peer: str
    incident_id: str
    incident_class: IncidentClass
    volume: Volume4D
    evidence_sha256: tuple[str, ...]
    requested_action: RequestedAction
    observations: tuple[SeenHere, ...] = ()
    words: str | None = None


class ReplyText(_Text, frozen=True):
    """Our reply to a peer's incident; `due` with "under_investigation" and only with it."""

    peer: str
    incident_id: str
    reply: ReplyKind
    due: datetime | None = None
    incident_class: IncidentClass | None = None
    volume: Volume4D | None = None
    evidence_sha256: tuple[str, ...] = ()
    words: str | None = None


class ClosingText(_Text, frozen=True):
    """We close an incident that we reported."""

    peer: str
    incident_id: str
    closed_as: ClosedAs


class DeviationText(_Text, frozen=True):
    """We are outside our own volume since `left_at`, now somewhere in `volume`; told to every peer."""

    deviation_id: str
    volume: Volume4D
    left_at: datetime
    intent: Intent
    notice_id: str | None = None


class DeviationOverText(_Text, frozen=True):
    """Our deviation is over, since `over_at` or since now."""

    deviation_id: str
    over_at: datetime | None = None


class PositionText(_Text, frozen=True):
    """Where an aircraft of ours is, within these errors, to be held against the plan that it flies."""

    plan_id: str
    position: Position
    horizontal_error_m: float
    altitude: Altitude
    vertical_error_m: float
    time: datetime
    time_error_s: float = 0.0
    intent: Intent = Intent.CORRECTING


class ReviewText(_Text, frozen=True):
    """The period of the statistics to compute and compare with a peer, from `start` to before `end`."""

    peer: str
    start: datetime
    end: datetime


class VerdictRow(msgspec.Struct, frozen=True):
    """One notice, and each side's verdict by the party's name."""

    party: str
    notice_id: str
    verdicts: dict[str, Verdict]


class ObservationView(msgspec.Struct, frozen=True):
    """An observation, what explained it then and explains it now, and each side's verdicts, side by side."""

    observation: Observation
    undeclared: bool
    explained_by: tuple[str, ...]
    undeclared_then: bool
    shared_with: tuple[str, ...]
    not_taken: dict[str, str]
    verdicts: tuple[VerdictRow, ...]


class RequestView(msgspec.Struct, frozen=True):
    """A request, its answers, and where it stands: open, overdue, answered, refused, or not_taken."""

    peer: str
    ours: bool
    request: Request
    due: datetime
    state: str
    late: bool
    answers: tuple[Answer, ...]
    not_taken: str | None


class IncidentView(msgspec.Struct, frozen=True):
    """An incident as its reporter tells it, the replies, and each side's statements by party, side by side.

    `state` is open, overdue, the last reply's, or how the reporter closed it, or not_taken.
    """

    peer: str
    ours: bool
    incident: Incident
    due: datetime
    state: str
    overdue: bool
    replies: tuple[IncidentReply, ...]
    statements: dict[str, tuple[Statement, ...]]
    closing: IncidentClosing | None
    not_taken: str | None


class StatementsView(msgspec.Struct, frozen=True):
    """One occurrence: what each side states, by party."""

    peer: str
    opener: str
    occurrence_id: str
    statements: dict[str, tuple[Statement, ...]]
    not_taken: str | None


class ReviewView(msgspec.Struct, frozen=True):
    """Joint statistics: equal on both sides, or the first difference; None while only one side has told it."""

    peer: str
    review_id: str
    proposer: str
    start: datetime
    end: datetime
    sha256: dict[str, str]
    equal: bool | None
    difference: ReviewDifference | None
    not_taken: str | None
    document: str
    review: Review | None


class ClaimDone(msgspec.Struct, frozen=True):
    """A claim was made and is durable; an answer to it is due by `due`."""

    events: tuple[str, ...]
    journal_number: int
    due: datetime | None = None


def observation_view(claims: ClaimsState, picture: Picture, record: ObservationRecord) -> ObservationView:
    """Return one observation as it stands now."""
    by_party: dict[str, tuple[NoticeVerdict, ...]] = {claims.party: record.ours, **record.theirs}
    notices = sorted({(v.party, v.notice_id) for verdicts in by_party.values() for v in verdicts})
    rows = []
    for name in notices:
        found = {
            party: next((v.verdict for v in verdicts if (v.party, v.notice_id) == name), Verdict.OUTSIDE)
            for party, verdicts in by_party.items()
        }
        rows.append(VerdictRow(*name, found))
    explained = explained_by(picture, record.observation)
    not_taken = {peer: str(because) for peer, because in record.not_taken.items()}
    return ObservationView(
        record.observation, not explained, explained, record.undeclared, record.shared_with, not_taken, tuple(rows)
    )


def request_view(record: RequestRecord, at: datetime) -> RequestView:
    """Return one request as it stands at a time."""
    if record.not_taken is not None:
        state = "not_taken"
    elif record.answers:
        state = "refused" if record.refused else "answered"
    else:
        state = "overdue" if record.is_overdue(at) else "open"
    return RequestView(
        record.peer, record.request.party != record.peer, record.request, record.due, state, record.late,
        record.answers, record.not_taken,
    )  # fmt: skip


def incident_view(claims: ClaimsState, record: IncidentRecord, at: datetime) -> IncidentView:
    """Return one incident as it stands at a time."""
    incident = record.incident
    overdue = record.is_overdue(at)
    if record.not_taken is not None:
        state = "not_taken"
    elif record.closing is not None:
        state = str(record.closing.closed_as)
    elif overdue:
        state = "overdue"
    else:
        state = str(record.replies[-1].reply) if record.replies else "open"
    occurrence = claims.occurrences.get((record.peer, incident.party, incident.incident_id))
    return IncidentView(
        record.peer, incident.party != record.peer, incident, record.due, state, overdue, record.replies,
        {} if occurrence is None else by_party(occurrence), record.closing, record.not_taken,
    )  # fmt: skip


def statements_view(record: OccurrenceRecord) -> StatementsView:
    """Return what each side states of one occurrence."""
    return StatementsView(record.peer, record.opener, record.occurrence_id, by_party(record), record.not_taken)


def by_party(record: OccurrenceRecord) -> dict[str, tuple[Statement, ...]]:
    """Return the statements on one occurrence by who made them, each side's in its order."""
    return {party: record.of(party) for party in sorted({statement.party for statement in record.statements})}


def review_view(key: str, record: ReviewRecord) -> ReviewView:
    """Return one comparison of joint statistics."""
    known: ReviewClaim | None = record.ours or record.theirs
    assert known is not None
    digests = {claim.party: claim.sha256 for claim in (record.ours, record.theirs) if claim is not None}
    difference = None
    if record.ours is not None and record.theirs is not None:
        difference = first_difference(record.ours.document, record.theirs.document)
    document = "" if record.ours is None else record.ours.document
    return ReviewView(
        record.peer, key, known.proposer, known.start, known.end, digests, record.equal, difference, record.not_taken,
        document, read_review(document) if document else None,
    )  # fmt: skip


def deviation_records(claims: ClaimsState) -> list[DeviationRecord]:
    """Return every deviation that a party reported of itself, in order."""
    return [claims.deviations[key] for key in sorted(claims.deviations)]
