"""Commands about claims. Each carries the time (UTC) and who asks: our own people, or a peer for itself (`Hear...`)."""

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
    Intent,
    NoticeVerdict,
    NotTakenBecause,
    Request,
    Statement,
)
from detente.claims.review_claim import ReviewClaim
from detente.claims.terms import ClaimsTerms
from detente.picture.observations import Observation


class _Command(msgspec.Struct, frozen=True, tag_field="command", forbid_unknown_fields=True):
    """Every command says when it was given (UTC) and by which party."""

    at: datetime
    party: str


class OpenClaims(_Command, frozen=True, tag="open_claims"):
    """Take claims with each of these peers under its accord (hash and terms), and with nobody else."""

    accords: dict[str, tuple[str, ClaimsTerms]]


class ClaimsTick(_Command, frozen=True, tag="claims_tick"):
    """Time passes: what is due and not answered is overdue."""


class MakeObservation(_Command, frozen=True, tag="make_observation"):
    """Keep what we saw; it is told to nobody."""

    observation: Observation


class ShareObservation(_Command, frozen=True, tag="share_observation"):
    """Tell a peer what we saw, with our verdicts."""

    peer: str
    observation_id: str


class HearObservation(_Command, frozen=True, tag="hear_observation"):
    """A peer tells what it saw, with its verdicts."""

    observation: Observation
    verdicts: tuple[NoticeVerdict, ...]


class HearVerdicts(_Command, frozen=True, tag="hear_verdicts"):
    """A peer tells its verdicts on our observation."""

    observation_id: str
    verdicts: tuple[NoticeVerdict, ...]


class AskRequest(_Command, frozen=True, tag="ask_request"):
    """Ask a peer; an observation of ours that it is about is told with it."""

    peer: str
    request: Request


class HearRequest(_Command, frozen=True, tag="hear_request"):
    """A peer asks us."""

    request: Request


class AnswerRequest(_Command, frozen=True, tag="answer_request"):
    """Answer a peer's request."""

    peer: str
    answer: Answer


class HearAnswer(_Command, frozen=True, tag="hear_answer"):
    """A peer answers our request."""

    answer: Answer


class MakeStatement(_Command, frozen=True, tag="make_statement"):
    """State our side of an occurrence to a peer. The number is counted here."""

    peer: str
    statement: Statement


class HearStatement(_Command, frozen=True, tag="hear_statement"):
    """A peer states its side of an occurrence."""

    statement: Statement


class ReportIncident(_Command, frozen=True, tag="report_incident"):
    """Report an incident to a peer."""

    peer: str
    incident: Incident


class HearIncident(_Command, frozen=True, tag="hear_incident"):
    """A peer reports an incident."""

    incident: Incident


class ReplyToIncident(_Command, frozen=True, tag="reply_to_incident"):
    """Reply to a peer's incident."""

    peer: str
    reply: IncidentReply


class HearIncidentReply(_Command, frozen=True, tag="hear_incident_reply"):
    """A peer replies to our incident."""

    reply: IncidentReply


class CloseIncident(_Command, frozen=True, tag="close_incident"):
    """Close an incident that we reported to a peer."""

    peer: str
    closing: IncidentClosing


class HearIncidentClosing(_Command, frozen=True, tag="hear_incident_closing"):
    """A peer closes an incident that it reported."""

    closing: IncidentClosing


class ReportDeviation(_Command, frozen=True, tag="report_deviation"):
    """Say to a peer that we are outside our own volume."""

    peer: str
    deviation: Deviation


class HearDeviation(_Command, frozen=True, tag="hear_deviation"):
    """A peer says that it is outside its own volume."""

    deviation: Deviation


class EndDeviation(_Command, frozen=True, tag="end_deviation"):
    """Say to a peer that our deviation is over."""

    peer: str
    over: DeviationOver


class HearDeviationOver(_Command, frozen=True, tag="hear_deviation_over"):
    """A peer says that its deviation is over."""

    over: DeviationOver


class HoldPosition(_Command, frozen=True, tag="hold_position"):
    """Hold a position of our own aircraft against its plan; outside, it is reported under `deviation_id` (R25)."""

    plan_id: str
    deviation_id: str
    observation: Observation
    intent: Intent


class HearNotTaken(_Command, frozen=True, tag="hear_not_taken"):
    """A peer says that it did not take a claim of ours."""

    claim: str
    claim_id: str
    because: NotTakenBecause


class SayReview(_Command, frozen=True, tag="say_review"):
    """Tell a peer what we computed of the journals that both hold."""

    peer: str
    review: ReviewClaim


class HearReview(_Command, frozen=True, tag="hear_review"):
    """A peer tells what it computed."""

    review: ReviewClaim


ClaimsCommand = (
    OpenClaims | ClaimsTick | MakeObservation | ShareObservation | HearObservation | HearVerdicts | AskRequest
    | HearRequest | AnswerRequest | HearAnswer | MakeStatement | HearStatement | ReportIncident | HearIncident
    | ReplyToIncident | HearIncidentReply | CloseIncident | HearIncidentClosing | ReportDeviation | HearDeviation
    | EndDeviation | HearDeviationOver | HoldPosition | HearNotTaken | SayReview | HearReview
)  # fmt: skip
