"""Events of claims, as the journal keeps them. `peer` is the other party; the claim itself says whose word it is."""

from __future__ import annotations

from datetime import datetime

import msgspec

from detente.claims.claims import (
    Answer,
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


class _ClaimsEvent(msgspec.Struct, frozen=True, tag_field="event", forbid_unknown_fields=True):
    """Every event says when it was decided (UTC, with the command)."""

    at: datetime


class ClaimsOpened(_ClaimsEvent, frozen=True, tag="claims_opened"):
    """From here on `party` takes claims with these peers, each under its accord, and no others."""

    party: str
    accords: dict[str, tuple[str, ClaimsTerms]]


class ObservationMade(_ClaimsEvent, frozen=True, tag="observation_made"):
    """We saw this. `explained_by` names what explained it then; nothing means undeclared."""

    observation: Observation
    verdicts: tuple[NoticeVerdict, ...]
    explained_by: tuple[str, ...]


class ObservationShared(_ClaimsEvent, frozen=True, tag="observation_shared"):
    """We told a peer what we saw and how we judge it, of the notices that both sides gave each other."""

    peer: str
    observation: Observation
    verdicts: tuple[NoticeVerdict, ...]


class ObservationHeard(_ClaimsEvent, frozen=True, tag="observation_heard"):
    """A peer told what it saw; `theirs` are its verdicts, `ours` what we tell it back."""

    peer: str
    observation: Observation
    theirs: tuple[NoticeVerdict, ...]
    ours: tuple[NoticeVerdict, ...]
    explained_by: tuple[str, ...]


class VerdictsHeard(_ClaimsEvent, frozen=True, tag="verdicts_heard"):
    """A peer told its verdicts on our observation."""

    peer: str
    observation_id: str
    verdicts: tuple[NoticeVerdict, ...]


class RequestAsked(_ClaimsEvent, frozen=True, tag="request_asked"):
    """A party asked the other; both know by when the answer is due."""

    peer: str
    request: Request
    due: datetime


class RequestAnswered(_ClaimsEvent, frozen=True, tag="request_answered"):
    """The other party answered."""

    peer: str
    answer: Answer


class RequestOverdue(_ClaimsEvent, frozen=True, tag="request_overdue"):
    """No answer came in time to what `asker` asked."""

    peer: str
    asker: str
    request_id: str


class StatementMade(_ClaimsEvent, frozen=True, tag="statement_made"):
    """A party stated its side of an occurrence."""

    peer: str
    statement: Statement


class IncidentReported(_ClaimsEvent, frozen=True, tag="incident_reported"):
    """A party reported an incident; both know by when a reply is due."""

    peer: str
    incident: Incident
    due: datetime


class IncidentReplied(_ClaimsEvent, frozen=True, tag="incident_replied"):
    """The other party replied."""

    peer: str
    reply: IncidentReply


class IncidentOverdue(_ClaimsEvent, frozen=True, tag="incident_overdue"):
    """A reply, or the result of an investigation, has not come in time to what `reporter` reported."""

    peer: str
    reporter: str
    incident_id: str
    due: datetime


class IncidentClosed(_ClaimsEvent, frozen=True, tag="incident_closed"):
    """The side that reported it closed an incident."""

    peer: str
    closing: IncidentClosing


class DeviationReported(_ClaimsEvent, frozen=True, tag="deviation_reported"):
    """A party said that it is outside its own volume; `late_by_s` is positive when it took longer than agreed."""

    peer: str
    deviation: Deviation
    late_by_s: float


class DeviationEnded(_ClaimsEvent, frozen=True, tag="deviation_ended"):
    """A party said that its deviation is over."""

    peer: str
    over: DeviationOver


class OwnAircraftOutside(_ClaimsEvent, frozen=True, tag="own_aircraft_outside"):
    """Our own aircraft was seen outside its plan. The deviation is reported to every peer that may hear it."""

    plan_id: str
    deviation_id: str
    observation: Observation


class OwnAircraftInside(_ClaimsEvent, frozen=True, tag="own_aircraft_inside"):
    """Our own aircraft may be inside its plan again."""

    plan_id: str
    deviation_id: str


class ClaimNotTaken(_ClaimsEvent, frozen=True, tag="claim_not_taken"):
    """`party` did not take a claim of the other, and tells it so. `claim` is the kind of its message."""

    peer: str
    party: str
    claim: str
    claim_id: str
    because: NotTakenBecause


class ReviewSaid(_ClaimsEvent, frozen=True, tag="review_said"):
    """A party told the other what it computed."""

    peer: str
    review: ReviewClaim


ClaimsEvent = (
    ClaimsOpened | ObservationMade | ObservationShared | ObservationHeard | VerdictsHeard | RequestAsked
    | RequestAnswered | RequestOverdue | StatementMade | IncidentReported | IncidentReplied | IncidentOverdue
    | IncidentClosed | DeviationReported | DeviationEnded | OwnAircraftOutside | OwnAircraftInside | ClaimNotTaken
    | ReviewSaid
)  # fmt: skip
