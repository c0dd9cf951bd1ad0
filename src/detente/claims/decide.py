"""Decide a command about claims: the events that follow from it, or a Refusal and none. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from detente.claims import (
    commands,
    decide_deviations,
    decide_incidents,
    decide_observations,
    decide_requests,
    decide_reviews,
)
from detente.claims.commands import ClaimsCommand
from detente.claims.events import ClaimsEvent, ClaimsOpened, IncidentOverdue, RequestOverdue
from detente.claims.state import ClaimsState
from detente.claims.taking import Allows
from detente.picture.picture import Picture


def decide(claims: ClaimsState, picture: Picture, command: ClaimsCommand, allows: Allows) -> list[ClaimsEvent]:
    """Return the events that `command` leads to, in order; nothing is changed.

    Raises Refusal for a command that cannot be carried out. What is already so gives no events.
    """
    return _DECISIONS[type(command)](claims, picture, command, allows)


def _open(claims: ClaimsState, _: Picture, command: commands.OpenClaims, __: Allows) -> list[ClaimsEvent]:
    now = {peer: name for peer, (name, _terms) in command.accords.items()}
    if (claims.party, claims.accords) == (command.party, now):
        return []
    return [ClaimsOpened(command.at, command.party, command.accords)]


def _tick(claims: ClaimsState, _: Picture, command: commands.ClaimsTick, __: Allows) -> list[ClaimsEvent]:
    events: list[ClaimsEvent] = []
    for key in sorted(claims.open_requests):
        request = claims.requests[key]
        if not request.overdue and request.is_overdue(command.at):
            events.append(RequestOverdue(command.at, *key))
    for key in sorted(claims.open_incidents):
        incident = claims.incidents[key]
        if not incident.overdue and incident.is_overdue(command.at):
            events.append(IncidentOverdue(command.at, *key, incident.due))
    return events


_DECISIONS: dict[type, Callable[[ClaimsState, Picture, Any, Allows], list[ClaimsEvent]]] = {
    commands.OpenClaims: _open,
    commands.ClaimsTick: _tick,
    commands.MakeObservation: decide_observations.make,
    commands.ShareObservation: decide_observations.share,
    commands.HearObservation: decide_observations.hear,
    commands.HearVerdicts: decide_observations.hear_verdicts,
    commands.AskRequest: decide_requests.ask,
    commands.HearRequest: decide_requests.hear,
    commands.AnswerRequest: decide_requests.answer,
    commands.HearAnswer: decide_requests.hear_answer,
    commands.MakeStatement: decide_incidents.state,
    commands.HearStatement: decide_incidents.hear_statement,
    commands.ReportIncident: decide_incidents.report,
    commands.HearIncident: decide_incidents.hear,
    commands.ReplyToIncident: decide_incidents.reply,
    commands.HearIncidentReply: decide_incidents.hear_reply,
    commands.CloseIncident: decide_incidents.close,
    commands.HearIncidentClosing: decide_incidents.hear_closing,
    commands.ReportDeviation: decide_deviations.report_deviation,
    commands.HearDeviation: decide_deviations.hear_deviation,
    commands.EndDeviation: decide_deviations.end_deviation,
    commands.HearDeviationOver: decide_deviations.hear_deviation_over,
    commands.HoldPosition: decide_deviations.hold_position,
    commands.HearNotTaken: decide_reviews.hear_not_taken,
    commands.SayReview: decide_reviews.say,
    commands.HearReview: decide_reviews.hear,
}
