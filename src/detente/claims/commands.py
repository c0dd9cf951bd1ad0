"""What our own people and the node's clock ask for about claims. Each command carries the time (UTC) and our party."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

import msgspec

from detente.claims.claims import (
    Answer,
    Deviation,
    DeviationOver,
    Incident,
    IncidentClosing,
    IncidentReply,
    Intent,
    Request,
    Statement,
)
from detente.claims.review_claim import ReviewClaim
from detente.claims.terms import ClaimsTerms
from detente.picture.observations import Observation
from detente.room.activity import SafetyFunction


class _Command(msgspec.Struct, frozen=True, tag_field="command", forbid_unknown_fields=True):
    """Every command says when it was given (UTC) and by which party."""

    at: datetime
    party: str


class OpenClaims(_Command, frozen=True, tag="open_claims"):
    """Take claims with these peers, each under its accord (hash and terms), and with nobody else."""

    accords: dict[str, tuple[str, ClaimsTerms]]


class ClaimsTick(_Command, frozen=True, tag="claims_tick"):
    """Time has passed: what was due and has not come is overdue."""


class MakeObservation(_Command, frozen=True, tag="make_observation"):
    """Keep what we saw; it is told to nobody."""

    observation: Observation


class HoldPosition(_Command, frozen=True, tag="hold_position"):
    """Hold a position of our own aircraft against its plan; outside, it is reported under `deviation_id` (R25)."""

    plan_id: str
    deviation_id: str
    observation: Observation
    intent: Intent


class ClaimToPeer(_Command, frozen=True):
    """A command that tells `peer` something, which needs that `activity` goes on with it (R32)."""

    activity: ClassVar[SafetyFunction]

    peer: str


class _RequestCommand(ClaimToPeer, frozen=True):
    activity = SafetyFunction.REQUESTS


class _IncidentCommand(ClaimToPeer, frozen=True):
    activity = SafetyFunction.INCIDENTS


class _DeviationCommand(ClaimToPeer, frozen=True):
    activity = SafetyFunction.SAFETY_OF_FLIGHT


class ShareObservation(_RequestCommand, frozen=True, tag="share_observation"):
    """Tell a peer what we saw, with our verdicts."""

    observation_id: str


class AskRequest(_RequestCommand, frozen=True, tag="ask_request"):
    """Ask a peer; an observation of ours that it is about is told with it."""

    request: Request


class AnswerRequest(_RequestCommand, frozen=True, tag="answer_request"):
    """Answer a peer's request."""

    answer: Answer


class MakeStatement(_IncidentCommand, frozen=True, tag="make_statement"):
    """State our side of an occurrence to a peer. The room counts the number."""

    statement: Statement


class ReportIncident(_IncidentCommand, frozen=True, tag="report_incident"):
    """Report an incident to a peer."""

    incident: Incident


class ReplyToIncident(_IncidentCommand, frozen=True, tag="reply_to_incident"):
    """Reply to a peer's incident."""

    reply: IncidentReply


class CloseIncident(_IncidentCommand, frozen=True, tag="close_incident"):
    """Close an incident that we reported to a peer."""

    closing: IncidentClosing


class ReportDeviation(_DeviationCommand, frozen=True, tag="report_deviation"):
    """Tell a peer that we are outside our own volume."""

    deviation: Deviation


class EndDeviation(_DeviationCommand, frozen=True, tag="end_deviation"):
    """Tell a peer that our deviation is over."""

    over: DeviationOver


class SayReview(_IncidentCommand, frozen=True, tag="say_review"):
    """Tell a peer what we computed of the journals that both hold."""

    review: ReviewClaim


ClaimsCommand = (
    OpenClaims | ClaimsTick | MakeObservation | HoldPosition | ShareObservation | AskRequest | AnswerRequest
    | MakeStatement | ReportIncident | ReplyToIncident | CloseIncident | ReportDeviation | EndDeviation | SayReview
)  # fmt: skip
