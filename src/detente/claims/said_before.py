"""What our party had claimed before its journal was set back is known again: the peer holds it, and holds us to it.

What answers a claim of the peer's that was lost too is not known again: that claim comes once more, to be answered
anew.
"""

from __future__ import annotations

from datetime import datetime

from detente.accord.accords import Accords
from detente.claims import commands
from detente.claims import peer_messages as messages
from detente.claims.decide import decide
from detente.claims.events import ClaimNotTaken, ClaimsEvent, ObservationShared
from detente.claims.peer_messages import Claim
from detente.claims.state import ClaimsState
from detente.picture.picture import Picture


def said_before(
    claims: ClaimsState, accords: Accords, picture: Picture, at: datetime, peer: str, claim: Claim
) -> list[ClaimsEvent]:
    """Return the events of a claim that our party had made to `peer`; none for one that is known.

    Raises Refusal for what does not fit what is held by now.
    """
    own = claims.party
    if isinstance(claim, messages.ObservationClaim):
        seen = claim.observation
        made = decide(claims, accords, picture, commands.MakeObservation(at, own, seen))
        held = claims.observations.get((own, seen.observation_id))
        told = held is not None and peer in held.shared_with
        return [*made, *([] if told else [ObservationShared(at, peer, seen, claim.verdicts)])]
    if isinstance(claim, messages.NotTakenClaim):
        return [ClaimNotTaken(at, peer, own, claim.claim, claim.claim_id, claim.because)]
    command = _said_as(at, own, peer, claim)
    return [] if command is None else decide(claims, accords, picture, command)


def _said_as(at: datetime, own: str, peer: str, claim: Claim) -> commands.ClaimsCommand | None:
    """The command with which our people had made a claim; None for verdicts, which come with what they are on."""
    match claim:
        case messages.RequestClaim(request):
            return commands.AskRequest(at, own, peer, request)
        case messages.AnswerClaim(answer):
            return commands.AnswerRequest(at, own, peer, answer)
        case messages.StatementClaim(statement):
            return commands.MakeStatement(at, own, peer, statement)
        case messages.IncidentClaim(incident):
            return commands.ReportIncident(at, own, peer, incident)
        case messages.ReplyClaim(reply):
            return commands.ReplyToIncident(at, own, peer, reply)
        case messages.ClosingClaim(closing):
            return commands.CloseIncident(at, own, peer, closing)
        case messages.DeviationClaim(deviation):
            return commands.ReportDeviation(at, own, peer, deviation)
        case messages.DeviationOverClaim(over):
            return commands.EndDeviation(at, own, peer, over)
        case messages.JointReviewClaim(review):
            return commands.SayReview(at, own, peer, review)
        case _:
            return None
