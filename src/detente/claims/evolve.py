"""Fold events of claims into the claims."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec

from detente.claims import events
from detente.claims.events import ClaimsEvent
from detente.claims.state import (
    DAY,
    ClaimKey,
    ClaimsState,
    DeviationRecord,
    IncidentRecord,
    ObservationRecord,
    OccurrenceRecord,
    RequestRecord,
    ReviewRecord,
)

_replace = msgspec.structs.replace


def evolve(claims: ClaimsState, event: ClaimsEvent) -> None:
    """Fold one event in."""
    _FOLDS[type(event)](claims, event)


def _opened(claims: ClaimsState, event: events.ClaimsOpened) -> None:
    claims.party = event.party
    claims.accords = {peer: name for peer, (name, _) in event.accords.items()}
    for peer, (name, terms) in event.accords.items():
        claims.terms[(peer, name)] = terms
        claims.since.setdefault(peer, event.at)


def _observation_made(claims: ClaimsState, event: events.ObservationMade) -> None:
    record = ObservationRecord(event.observation, event.at, event.explained_by, event.verdicts)
    claims.observations[(claims.party, event.observation.observation_id)] = record


def _observation_shared(claims: ClaimsState, event: events.ObservationShared) -> None:
    key = (claims.party, event.observation.observation_id)
    record = claims.observations[key]
    claims.observations[key] = _replace(record, shared_with=(*record.shared_with, event.peer))


def _observation_heard(claims: ClaimsState, event: events.ObservationHeard) -> None:
    _heard_from(claims, event, event.peer)
    claims.observations[(event.peer, event.observation.observation_id)] = ObservationRecord(
        event.observation, event.at, event.explained_by, event.ours, {event.peer: event.theirs}
    )


def _verdicts_heard(claims: ClaimsState, event: events.VerdictsHeard) -> None:
    key = (claims.party, event.observation_id)
    record = claims.observations[key]
    claims.observations[key] = _replace(record, theirs={**record.theirs, event.peer: event.verdicts})


def _asked(claims: ClaimsState, event: events.RequestAsked) -> None:
    request = event.request
    key = (event.peer, request.party, request.request_id)
    claims.requests[key] = RequestRecord(event.peer, request, event.due, event.at)
    claims.open_requests.add(key)
    _heard_from(claims, event, request.party)


def _answered(claims: ClaimsState, event: events.RequestAnswered) -> None:
    asker = claims.party if event.answer.party == event.peer else event.peer
    key = (event.peer, asker, event.answer.request_id)
    record = claims.requests[key]
    claims.requests[key] = _replace(record, answers=(*record.answers, event.answer))
    claims.open_requests.discard(key)


def _request_overdue(claims: ClaimsState, event: events.RequestOverdue) -> None:
    key = (event.peer, event.asker, event.request_id)
    claims.requests[key] = _replace(claims.requests[key], overdue=True)


def _stated(claims: ClaimsState, event: events.StatementMade) -> None:
    statement = event.statement
    key = (event.peer, statement.opener, statement.occurrence_id)
    record = claims.occurrences.get(key) or OccurrenceRecord(event.peer, statement.opener, statement.occurrence_id)
    claims.occurrences[key] = _replace(record, statements=(*record.statements, statement))
    _heard_from(claims, event, statement.party)


def _reported(claims: ClaimsState, event: events.IncidentReported) -> None:
    incident = event.incident
    key = (event.peer, incident.party, incident.incident_id)
    claims.incidents[key] = IncidentRecord(event.peer, incident, event.due, event.at)
    claims.open_incidents.add(key)
    _heard_from(claims, event, incident.party)


def _replied(claims: ClaimsState, event: events.IncidentReplied) -> None:
    reply = event.reply
    reporter = claims.party if reply.party == event.peer else event.peer
    key = (event.peer, reporter, reply.incident_id)
    record = claims.incidents[key]
    due = record.due if reply.due is None else reply.due
    claims.incidents[key] = _replace(record, replies=(*record.replies, reply), due=due, overdue=False)


def _incident_overdue(claims: ClaimsState, event: events.IncidentOverdue) -> None:
    key = (event.peer, event.reporter, event.incident_id)
    claims.incidents[key] = _replace(claims.incidents[key], overdue=True)


def _closed(claims: ClaimsState, event: events.IncidentClosed) -> None:
    key = (event.peer, event.closing.party, event.closing.incident_id)
    claims.incidents[key] = _replace(claims.incidents[key], closing=event.closing, overdue=False)
    claims.open_incidents.discard(key)


def _deviated(claims: ClaimsState, event: events.DeviationReported) -> None:
    deviation = event.deviation
    record = DeviationRecord(event.peer, deviation, event.late_by_s, event.at)
    claims.deviations[(event.peer, deviation.party, deviation.deviation_id)] = record
    _heard_from(claims, event, deviation.party)


def _deviation_over(claims: ClaimsState, event: events.DeviationEnded) -> None:
    key = (event.peer, event.over.party, event.over.deviation_id)
    claims.deviations[key] = _replace(claims.deviations[key], over=event.over)


def _own_outside(claims: ClaimsState, event: events.OwnAircraftOutside) -> None:
    claims.outside[event.plan_id] = event.deviation_id


def _own_inside(claims: ClaimsState, event: events.OwnAircraftInside) -> None:
    claims.outside.pop(event.plan_id, None)


def _not_taken(claims: ClaimsState, event: events.ClaimNotTaken) -> None:
    """Count a claim that we did not take; mark one of ours that the peer did not take: no answer to it is awaited."""
    if event.party != event.peer:
        claims.not_taken[event.peer] = claims.not_taken.get(event.peer, 0) + 1
        return
    key: ClaimKey = (event.peer, claims.party, event.claim_id)
    if event.claim == "claim_observation":
        name = (claims.party, event.claim_id)
        record = claims.observations[name]
        claims.observations[name] = _replace(record, not_taken={**record.not_taken, event.peer: event.because})
    elif event.claim == "claim_request":
        claims.requests[key] = _replace(claims.requests[key], not_taken=event.because)
        claims.open_requests.discard(key)
    elif event.claim == "claim_incident":
        claims.incidents[key] = _replace(claims.incidents[key], not_taken=event.because)
        claims.open_incidents.discard(key)
    elif event.claim == "claim_deviation":
        claims.deviations[key] = _replace(claims.deviations[key], not_taken=event.because)
    elif event.claim == "claim_review":
        review = (event.peer, event.claim_id)
        claims.reviews[review] = _replace(claims.reviews[review], not_taken=event.because)
    else:
        for found in [k for k in claims.occurrences if (k[0], k[2]) == (event.peer, event.claim_id)]:
            claims.occurrences[found] = _replace(claims.occurrences[found], not_taken=event.because)


def _review(claims: ClaimsState, event: events.ReviewSaid) -> None:
    key = (event.peer, event.review.key)
    record = claims.reviews.get(key) or ReviewRecord(event.peer, event.at)
    side = "theirs" if event.review.party == event.peer else "ours"
    claims.reviews[key] = _replace(record, **{side: event.review})
    _heard_from(claims, event, event.review.party)


def _heard_from(claims: ClaimsState, event: Any, party: str) -> None:  # noqa: ANN401 - an event with a peer
    """Count what a peer has said; what `party`, our own, has said is not counted."""
    peer, at = event.peer, event.at
    if party != peer:
        return
    heard = claims.heard_at.setdefault(peer, deque())
    heard.append(at)
    while heard[0] <= at - DAY:
        heard.popleft()
    claims.heard_bytes[peer] = claims.heard_bytes.get(peer, 0) + len(msgspec.json.encode(event))


_FOLDS: dict[type, Callable[[ClaimsState, Any], None]] = {
    events.ClaimsOpened: _opened,
    events.ObservationMade: _observation_made,
    events.ObservationShared: _observation_shared,
    events.ObservationHeard: _observation_heard,
    events.VerdictsHeard: _verdicts_heard,
    events.RequestAsked: _asked,
    events.RequestAnswered: _answered,
    events.RequestOverdue: _request_overdue,
    events.StatementMade: _stated,
    events.IncidentReported: _reported,
    events.IncidentReplied: _replied,
    events.IncidentOverdue: _incident_overdue,
    events.IncidentClosed: _closed,
    events.DeviationReported: _deviated,
    events.DeviationEnded: _deviation_over,
    events.OwnAircraftOutside: _own_outside,
    events.OwnAircraftInside: _own_inside,
    events.ClaimNotTaken: _not_taken,
    events.ReviewSaid: _review,
}
