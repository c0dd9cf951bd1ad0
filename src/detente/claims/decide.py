"""Decide a command about claims, or a claim that a peer made: the events that follow, or a Refusal and none. Pure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from detente.accord.accords import Accords
from detente.airspace.refusal import Refusal
from detente.claims import (
    commands,
    decide_deviations,
    decide_incidents,
    decide_observations,
    decide_requests,
    decide_reviews,
)
from detente.claims import peer_messages as messages
from detente.claims.commands import ClaimsCommand
from detente.claims.events import ClaimsEvent, ClaimsOpened, IncidentOverdue, RequestOverdue
from detente.claims.peer_messages import LARGEST_CLAIM_BYTES, Claim
from detente.claims.state import ClaimsState
from detente.claims.taking import check_peer
from detente.picture.picture import Picture
from detente.room.message import Heard
from detente.room.tagged import tag_of


def decide(
    claims: ClaimsState, accords: Accords, picture: Picture, command: ClaimsCommand | Heard[Claim]
) -> list[ClaimsEvent]:
    """Return the events that a command leads to, in order; nothing is changed.

    Raises Refusal for a command that cannot be carried out. What is already so gives no events.
    """
    kind: type = type(command)
    if isinstance(command, Heard):
        kind = type(command.message)
        _check_heard(claims, command)
    if kind in _BY_CLAIMS:
        return _BY_CLAIMS[kind](claims, command)
    return _BY_ALL[kind](claims, accords, picture, command)


def overdue(claims: ClaimsState, at: datetime) -> list[ClaimsEvent]:
    """Return an event for everything that is overdue by now and not yet recorded as overdue."""
    requests = [(key, claims.requests[key]) for key in sorted(claims.open_requests)]
    incidents = [(key, claims.incidents[key]) for key in sorted(claims.open_incidents)]
    return [
        *(RequestOverdue(at, *key) for key, held in requests if not held.overdue and held.is_overdue(at)),
        *(IncidentOverdue(at, *key, held.due) for key, held in incidents if not held.overdue and held.is_overdue(at)),
    ]


def _check_heard(claims: ClaimsState, command: Heard[Claim]) -> None:
    claim = command.message
    check_peer(claims, command.party, claim.speaks_for)
    size = len(msgspec.json.encode(claim))
    if size > LARGEST_CLAIM_BYTES:
        raise Refusal("claims.at_most_bytes", tag_of(claim), f"{size:,} bytes", most=LARGEST_CLAIM_BYTES)


def _open(claims: ClaimsState, command: commands.OpenClaims) -> list[ClaimsEvent]:
    hashes = {peer: name for peer, (name, _terms) in command.accords.items()}
    if (claims.party, claims.accords) == (command.party, hashes):
        return []
    return [ClaimsOpened(command.at, command.party, command.accords)]


def _tick(claims: ClaimsState, command: commands.ClaimsTick) -> list[ClaimsEvent]:
    return overdue(claims, command.at)


_BY_CLAIMS: dict[type, Callable[[ClaimsState, Any], list[ClaimsEvent]]] = {
    commands.OpenClaims: _open,
    commands.ClaimsTick: _tick,
    messages.VerdictsClaim: decide_observations.hear_verdicts,
    commands.AnswerRequest: decide_requests.answer,
    messages.AnswerClaim: decide_requests.hear_answer,
    commands.MakeStatement: decide_incidents.state,
    commands.ReportIncident: decide_incidents.report,
    commands.ReplyToIncident: decide_incidents.reply,
    messages.ReplyClaim: decide_incidents.hear_reply,
    commands.CloseIncident: decide_incidents.close,
    messages.ClosingClaim: decide_incidents.hear_closing,
    commands.ReportDeviation: decide_deviations.report_deviation,
    commands.EndDeviation: decide_deviations.end_deviation,
    messages.DeviationOverClaim: decide_deviations.hear_deviation_over,
    messages.NotTakenClaim: decide_reviews.hear_not_taken,
    commands.SayReview: decide_reviews.say,
}
"""Decisions that the claims alone settle."""
_BY_ALL: dict[type, Callable[[ClaimsState, Accords, Picture, Any], list[ClaimsEvent]]] = {
    commands.MakeObservation: decide_observations.make,
    commands.ShareObservation: decide_observations.share,
    messages.ObservationClaim: decide_observations.hear,
    commands.AskRequest: decide_requests.ask,
    messages.RequestClaim: decide_requests.hear,
    messages.StatementClaim: decide_incidents.hear_statement,
    messages.IncidentClaim: decide_incidents.hear,
    messages.DeviationClaim: decide_deviations.hear_deviation,
    commands.HoldPosition: decide_deviations.hold_position,
    messages.JointReviewClaim: decide_reviews.hear,
}
"""Decisions that the accords and the picture have a part in."""
