"""Decide about joint statistics, and about claims of ours that a peer did not take."""

from __future__ import annotations

from collections.abc import Iterator

from detente.accord.accords import Accords
from detente.airspace.refusal import Refusal
from detente.claims import commands
from detente.claims.events import ClaimNotTaken, ClaimsEvent, ReviewSaid
from detente.claims.peer_messages import JointReviewClaim, NotTakenClaim
from detente.claims.state import DAY, ClaimsState
from detente.claims.taking import check_own, not_taken
from detente.picture.picture import Picture
from detente.room.message import Heard

MOST_REVIEWS_A_DAY = 24
"""Reviews that one peer may propose in 24 hours: each is computed from the whole journal."""


def say(claims: ClaimsState, command: commands.SayReview) -> list[ClaimsEvent]:
    """We tell a peer what we computed, as a proposal of ours or for the cut that the peer proposed."""
    review, peer = command.review, command.peer
    check_own(claims, review.party, peer)
    if review.proposer not in (peer, claims.party):
        raise Refusal("claims.party_or_peer", "proposer", review.proposer, party=claims.party, peer=peer)
    held = claims.reviews.get((peer, review.key))
    if held is not None and held.ours is not None:
        return []
    if review.proposer == peer and held is None:
        raise Refusal("claims.review_proposed", "review", review.key, peer=peer)
    return [ReviewSaid(command.at, peer, review)]


def hear(claims: ClaimsState, accords: Accords, _: Picture, command: Heard[JointReviewClaim]) -> list[ClaimsEvent]:
    """A peer tells us what it computed."""
    review, peer = command.message.review, command.party
    held = claims.reviews.get((peer, review.key))
    if held is not None and held.theirs is not None:
        if held.theirs == review:
            return []
        raise Refusal("claims.one_document_side", "review", review.key)
    if review.proposer == claims.party:
        if held is None:
            raise Refusal("claims.review_that_party_proposed", "review", review.key, party=claims.party)
        return [ReviewSaid(command.at, peer, review)]
    if review.proposer != peer:
        raise Refusal("claims.peer_or_party", "proposer", review.proposer, peer=peer, party=claims.party)
    recent = [r for (with_, _), r in claims.reviews.items() if with_ == peer and r.known_at > command.at - DAY]
    proposed = sum(r.theirs is not None and r.theirs.proposer == peer for r in recent)
    refused = not_taken(claims, accords, command, too_many=proposed >= MOST_REVIEWS_A_DAY)
    return [refused or ReviewSaid(command.at, peer, review)]


def hear_not_taken(claims: ClaimsState, command: Heard[NotTakenClaim]) -> list[ClaimsEvent]:
    """A peer did not take a claim of ours."""
    told, peer = command.message, command.party
    known = list(_claims_named(claims, peer, told.claim, told.claim_id))
    if not known:
        raise Refusal("claims.ours_party_told", "claim_id", told.claim_id, claim=told.claim)
    if any(known):
        return []
    return [ClaimNotTaken(command.at, peer, peer, told.claim, told.claim_id, told.because)]


def _claims_named(claims: ClaimsState, peer: str, kind: str, claim_id: str) -> Iterator[bool]:
    """Yield, for each claim of ours that is meant, whether the peer has answered or refused it already."""
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
