"""What two nodes tell each other about claims. The signature of the envelope is the party's under the claim."""

from __future__ import annotations

from typing import ClassVar

from detente.claims import claims as parts
from detente.claims.review_claim import ReviewClaim
from detente.picture.observations import Observation
from detente.room.activity import Activity, SafetyFunction
from detente.room.message import Message

LARGEST_CLAIM_BYTES = 256 * 1024
_IDS = ("observation_id", "request_id", "occurrence_id", "incident_id", "deviation_id", "claim_id", "key")


class _Claim(Message, frozen=True):
    """The first field of a claim is what its sender claims, or the id of what the claim is about."""

    @property
    def speaks_for(self) -> str | None:
        """The party whose word the claim says it is, which must be its sender; None where it does not say."""
        return getattr(self._first, "party", None)

    @property
    def subject(self) -> str:
        """The id of what is claimed, or of what the claim is about."""
        return next(str(getattr(held, name)) for held in (self._first, self) for name in _IDS if hasattr(held, name))

    @property
    def _first(self) -> object:
        return getattr(self, self.__struct_fields__[0])


class _OnRequests(_Claim, frozen=True):
    activity: ClassVar[Activity] = SafetyFunction.REQUESTS


class _OnIncidents(_Claim, frozen=True):
    activity: ClassVar[Activity] = SafetyFunction.INCIDENTS


class _OnDeviations(_Claim, frozen=True):
    activity: ClassVar[Activity] = SafetyFunction.SAFETY_OF_FLIGHT


class ObservationClaim(_OnRequests, frozen=True, tag="claim_observation"):
    """What the sender saw, and its verdicts."""

    observation: Observation
    verdicts: tuple[parts.NoticeVerdict, ...]


class VerdictsClaim(_OnRequests, frozen=True, tag="claim_verdicts"):
    """The sender's verdicts on an observation of the recipient."""

    observation_id: str
    verdicts: tuple[parts.NoticeVerdict, ...]


class RequestClaim(_OnRequests, frozen=True, tag="claim_request"):
    """The sender asks."""

    request: parts.Request


class AnswerClaim(_OnRequests, frozen=True, tag="claim_answer"):
    """The sender answers a request of the recipient."""

    answer: parts.Answer


class StatementClaim(_OnIncidents, frozen=True, tag="claim_statement"):
    """The sender's side of an occurrence."""

    statement: parts.Statement


class IncidentClaim(_OnIncidents, frozen=True, tag="claim_incident"):
    """The sender reports an incident."""

    incident: parts.Incident


class ReplyClaim(_OnIncidents, frozen=True, tag="claim_incident_reply"):
    """The sender replies to an incident of the recipient."""

    reply: parts.IncidentReply


class ClosingClaim(_OnIncidents, frozen=True, tag="claim_incident_closed"):
    """The sender closes its incident."""

    closing: parts.IncidentClosing


class DeviationClaim(_OnDeviations, frozen=True, tag="claim_deviation"):
    """The sender is outside its own volume."""

    deviation: parts.Deviation


class DeviationOverClaim(_OnDeviations, frozen=True, tag="claim_deviation_over"):
    """The sender's deviation is over."""

    over: parts.DeviationOver


class NotTakenClaim(_Claim, frozen=True, tag="claim_not_taken"):
    """The sender did not take this claim of the recipient."""

    claim: str
    claim_id: str
    because: parts.NotTakenBecause


class JointReviewClaim(_OnIncidents, frozen=True, tag="claim_review"):
    """What the sender computed of what both journals hold."""

    review: ReviewClaim


Claim = (
    ObservationClaim | VerdictsClaim | RequestClaim | AnswerClaim | StatementClaim | IncidentClaim | ReplyClaim
    | ClosingClaim | DeviationClaim | DeviationOverClaim | NotTakenClaim | JointReviewClaim
)  # fmt: skip
