"""Decide about joint statistics, and about claims of ours that a peer did not take."""

from __future__ import annotations

from collections.abc import Iterator

from detente.accord.provisions import SafetyFunction
from detente.airspace.refusal import Refusal
from detente.claims import commands
from detente.claims.claims import NotTakenBecause
from detente.claims.events import ClaimNotTaken, ClaimsEvent, ReviewSaid
from detente.claims.state import ClaimsState
from detente.claims.taking import DAY, Allows, check_going_on, check_own, check_peer, not_taken
from detente.picture.picture import Picture

MOST_REVIEWS_A_DAY = 24
"""Reviews that one peer may propose in 24 hours: each is computed from the whole journal."""


def say(claims: ClaimsState, _: Picture, command: commands.SayReview, allows: Allows) -> list[ClaimsEvent]:
    """We tell a peer what we computed: our own proposal, or for the cut that it proposed."""
    review, peer = command.review, command.peer
    check_own(claims, review.party, peer)
    check_going_on(allows, peer, SafetyFunction.INCIDENTS)
    if review.proposer not in (peer, claims.party):
        raise Refusal("proposer", review.proposer, f"{claims.party} or {peer}")
    held = claims.reviews.get((peer, review.key))
    if held is not None and held.ours is not None:
        return []
    if review.proposer == peer and held is None:
        raise Refusal("review", review.key, f"a review that {peer} proposed")
    return [ReviewSaid(command.at, peer, review)]


def hear(claims: ClaimsState, _: Picture, command: commands.HearReview, allows: Allows) -> list[ClaimsEvent]:
    """A peer tells what it computed."""
    review, peer = command.review, command.party
    check_peer(claims, peer, review.party)
    held = claims.reviews.get((peer, review.key))
    if held is not None and held.theirs is not None:
        if held.theirs == review:
            return []
        raise Refusal("review", review.key, "one document of a side for one period and cut")
    if review.proposer == claims.party:
        if held is None:
            raise Refusal("review", review.key, f"a review that {claims.party} proposed")
        return [ReviewSaid(command.at, peer, review)]
    if review.proposer != peer:
        raise Refusal("proposer", review.proposer, f"{peer} or {claims.party}")
    recent = [r for (with_, _), r in claims.reviews.items() if with_ == peer and r.known_at > command.at - DAY]
    proposed = sum(r.theirs is not None and r.theirs.proposer == peer for r in recent)
    because = not_taken(claims, allows, peer, command.at, SafetyFunction.INCIDENTS)
    if proposed >= MOST_REVIEWS_A_DAY:
        because = NotTakenBecause.TOO_MANY
    if because is not None:
        return [ClaimNotTaken(command.at, peer, claims.party, "claim_review", review.key, because)]
    return [ReviewSaid(command.at, peer, review)]


def hear_not_taken(claims: ClaimsState, _: Picture, command: commands.HearNotTaken, __: Allows) -> list[ClaimsEvent]:
    """A peer did not take a claim of ours."""
    peer = command.party
    check_peer(claims, peer, peer)
    known = list(_claims_named(claims, peer, command.claim, command.claim_id))
    if not known:
        raise Refusal("claim_id", command.claim_id, f"a {command.claim} of ours that the party was told")
    if any(known):
        return []
    return [ClaimNotTaken(command.at, peer, peer, command.claim, command.claim_id, command.because)]


def _claims_named(claims: ClaimsState, peer: str, kind: str, claim_id: str) -> Iterator[bool]:
    """Yield, for each claim of ours that is meant, whether the peer has said something of it already."""
    key = (peer, claims.party, claim_id)
    match kind:
        case "claim_observation":
            observation = claims.observations.get((claims.party, claim_id))
            if observation is not None and peer in observation.shared_with:
                yield peer in observation.not_taken or peer in observation.theirs
        case "claim_request" if key in claims.requests:
            request = claims.requests[key]
            yield request.not_taken is not None or bool(request.answers)
        case "claim_incident" if key in claims.incidents:
            incident = claims.incidents[key]
            yield incident.not_taken is not None or bool(incident.replies)
        case "claim_deviation" if key in claims.deviations:
            yield claims.deviations[key].not_taken is not None
        case "claim_review" if (peer, claim_id) in claims.reviews:
            review = claims.reviews[(peer, claim_id)]
            yield review.not_taken is not None or review.theirs is not None
        case "claim_statement":
            yield from (
                record.not_taken is not None
                for (with_, _, name), record in claims.occurrences.items()
                if (with_, name) == (peer, claim_id) and record.of(claims.party)
            )
        case _:
            return
