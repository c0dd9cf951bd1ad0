"""What two nodes say to each other about claims: one struct for each, told from events and understood as commands.

In an envelope the kind is the struct's tag, and the envelope's signature is the party's under the claim.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import msgspec

from detente.accord.tagged import read_tagged, tags_of, write_tagged
from detente.airspace.refusal import Refusal
from detente.claims import claims as parts
from detente.claims import commands, events
from detente.claims.commands import ClaimsCommand
from detente.claims.events import ClaimsEvent
from detente.claims.review_claim import ReviewClaim
from detente.picture.observations import Observation

LARGEST_CLAIM_BYTES = 256 * 1024


class _Claim(msgspec.Struct, frozen=True, tag_field="message", forbid_unknown_fields=True):
    pass


class ObservationClaim(_Claim, frozen=True, tag="claim_observation"):
    """What the sender saw, and its verdicts."""

    observation: Observation
    verdicts: tuple[parts.NoticeVerdict, ...]


class VerdictsClaim(_Claim, frozen=True, tag="claim_verdicts"):
    """The sender's verdicts on an observation of the recipient."""

    observation_id: str
    verdicts: tuple[parts.NoticeVerdict, ...]


class RequestClaim(_Claim, frozen=True, tag="claim_request"):
    """The sender asks."""

    request: parts.Request


class AnswerClaim(_Claim, frozen=True, tag="claim_answer"):
    """The sender answers a request of the recipient."""

    answer: parts.Answer


class StatementClaim(_Claim, frozen=True, tag="claim_statement"):
    """The sender's side of an occurrence."""

    statement: parts.Statement


class IncidentClaim(_Claim, frozen=True, tag="claim_incident"):
    """The sender reports an incident."""

    incident: parts.Incident


class ReplyClaim(_Claim, frozen=True, tag="claim_incident_reply"):
    """The sender replies to an incident of the recipient."""

    reply: parts.IncidentReply


class ClosingClaim(_Claim, frozen=True, tag="claim_incident_closed"):
    """The sender closes its incident."""

    closing: parts.IncidentClosing


class DeviationClaim(_Claim, frozen=True, tag="claim_deviation"):
    """The sender is outside its own volume."""

    deviation: parts.Deviation


class DeviationOverClaim(_Claim, frozen=True, tag="claim_deviation_over"):
    """The sender's deviation is over."""

    over: parts.DeviationOver


class NotTakenClaim(_Claim, frozen=True, tag="claim_not_taken"):
    """The sender did not take this claim of the recipient."""

    claim: str
    claim_id: str
    because: parts.NotTakenBecause


class JointReviewClaim(_Claim, frozen=True, tag="claim_review"):
    """What the sender computed of what both journals hold."""

    review: ReviewClaim


Claim = (
    ObservationClaim | VerdictsClaim | RequestClaim | AnswerClaim | StatementClaim | IncidentClaim | ReplyClaim
    | ClosingClaim | DeviationClaim | DeviationOverClaim | NotTakenClaim | JointReviewClaim
)  # fmt: skip

_DECODER: msgspec.json.Decoder[Claim] = msgspec.json.Decoder(Claim)
KINDS = tags_of(Claim)
"""The kinds of envelope that claims use."""


def write_claim(claim: Claim) -> tuple[str, bytes]:
    """Return the envelope's kind and body."""
    return write_tagged(claim)


def read_claim(kind: str, body: bytes) -> Claim:
    """Return the claim in an envelope; raises Refusal naming the field when it is not in order."""
    if len(body) > LARGEST_CLAIM_BYTES:
        raise Refusal(kind, f"{len(body):,} bytes", f"at most {LARGEST_CLAIM_BYTES:,} bytes")
    return read_tagged(_DECODER, kind, body, "claim")


def speaks_for(claim: Claim, sender: str) -> str:
    """Return the party whose word a claim says it is: it should be who sent it."""
    said = msgspec.structs.astuple(claim)[0]
    return str(getattr(said, "party", sender))


def command_of(claim: Claim, party: str, at: datetime) -> ClaimsCommand:
    """Return the command that what `party` claims, heard at `at`, asks for."""
    match claim:
        case ObservationClaim(observation, verdicts):
            return commands.HearObservation(at, party, observation, verdicts)
        case VerdictsClaim(observation_id, verdicts):
            return commands.HearVerdicts(at, party, observation_id, verdicts)
        case RequestClaim(request):
            return commands.HearRequest(at, party, request)
        case AnswerClaim(answer):
            return commands.HearAnswer(at, party, answer)
        case StatementClaim(statement):
            return commands.HearStatement(at, party, statement)
        case IncidentClaim(incident):
            return commands.HearIncident(at, party, incident)
        case ReplyClaim(reply):
            return commands.HearIncidentReply(at, party, reply)
        case ClosingClaim(closing):
            return commands.HearIncidentClosing(at, party, closing)
        case DeviationClaim(deviation):
            return commands.HearDeviation(at, party, deviation)
        case DeviationOverClaim(over):
            return commands.HearDeviationOver(at, party, over)
        case NotTakenClaim(kind, claim_id, because):
            return commands.HearNotTaken(at, party, kind, claim_id, because)
        case JointReviewClaim(review):
            return commands.HearReview(at, party, review)


def claims_of(event: ClaimsEvent, own: str) -> Iterator[tuple[str, Claim]]:
    """Yield (peer, what to say) for an event that our own party (`own`) brought about."""
    match event:
        case events.ObservationShared(peer=peer, observation=observation, verdicts=verdicts):
            yield peer, ObservationClaim(observation, verdicts)
        case events.ObservationHeard(peer=peer, observation=observation, ours=ours):
            yield peer, VerdictsClaim(observation.observation_id, ours)
        case events.RequestAsked(peer=peer, request=request) if request.party == own:
            yield peer, RequestClaim(request)
        case events.RequestAnswered(peer=peer, answer=answer) if answer.party == own:
            yield peer, AnswerClaim(answer)
        case events.StatementMade(peer=peer, statement=statement) if statement.party == own:
            yield peer, StatementClaim(statement)
        case events.IncidentReported(peer=peer, incident=incident) if incident.party == own:
            yield peer, IncidentClaim(incident)
        case events.IncidentReplied(peer=peer, reply=reply) if reply.party == own:
            yield peer, ReplyClaim(reply)
        case events.IncidentClosed(peer=peer, closing=closing) if closing.party == own:
            yield peer, ClosingClaim(closing)
        case events.DeviationReported(peer=peer, deviation=deviation) if deviation.party == own:
            yield peer, DeviationClaim(deviation)
        case events.DeviationEnded(peer=peer, over=over) if over.party == own:
            yield peer, DeviationOverClaim(over)
        case events.ClaimNotTaken(peer=peer, party=party, claim=claim, claim_id=claim_id, because=why) if party == own:
            yield peer, NotTakenClaim(claim, claim_id, why)
        case events.ReviewSaid(peer=peer, review=review) if review.party == own:
            yield peer, JointReviewClaim(review)
        case _:
            return
