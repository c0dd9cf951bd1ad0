"""Decide about joint statistics, and about claims of ours that a peer did not take."""

from __future__ import annotations

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
    key = (peer, claims.party, command.claim_id)
    observation = claims.observations.get((claims.party, command.claim_id))
    review = claims.reviews.get((peer, command.claim_id))
    known = {
        "claim_observation": observation is not None and peer in observation.shared_with,
        "claim_request": key in claims.requests,
        "claim_incident": key in claims.incidents,
        "claim_deviation": key in claims.deviations,
        "claim_statement": any(k[0] == peer and k[2] == command.claim_id for k in claims.occurrences),
        "claim_review": review is not None and review.ours is not None,
    }
    if not known.get(command.claim, False):
        raise Refusal("claim_id", command.claim_id, f"a {command.claim} of ours that the party was told")
    return [ClaimNotTaken(command.at, peer, peer, command.claim, command.claim_id, command.because)]
