"""Which claims are over and leave the state. Pure.

Joint statistics lose nothing by it: they are counted from what was exchanged, which the journal keeps.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from detente.claims.claims import SeenHere
from detente.claims.state import (
    ClaimsState,
    DeviationRecord,
    IncidentRecord,
    OccurrenceRecord,
    RequestRecord,
    ReviewRecord,
)


def forget(claims: ClaimsState, before: datetime) -> None:
    """Leave out what was over before a time (UTC): nothing more is awaited of it, and nobody has spoken of it since.

    An observation stays as long as a request or an incident is about it, statements as long as their incident. Of joint
    statistics the last with each peer stay, from which the next go on, and ours that the peer has yet to answer.
    """
    claims.requests = {key: one for key, one in claims.requests.items() if not _is_answered(one, before)}
    claims.incidents = {key: one for key, one in claims.incidents.items() if not _is_closed(one, before)}
    claims.occurrences = {
        key: one for key, one in claims.occurrences.items() if key in claims.incidents or not _is_said(one, before)
    }
    outside = set(claims.outside.values())
    claims.deviations = {
        key: one
        for key, one in claims.deviations.items()
        if (key[1] == claims.party and key[2] in outside) or not _has_ended(one, before, claims.party)
    }
    spoken_of = {(seen.party, seen.observation_id) for seen in _spoken_of(claims)}
    claims.observations = {
        key: one for key, one in claims.observations.items() if one.known_at >= before or key in spoken_of
    }
    last: dict[str, datetime] = {}
    for (peer, _), review in claims.reviews.items():
        last[peer] = max(last.get(peer, _end(review)), _end(review))
    claims.reviews = {
        (peer, key): one
        for (peer, key), one in claims.reviews.items()
        if one.known_at >= before or _end(one) == last[peer] or (one.theirs is None and one.not_taken is None)
    }


def _is_answered(record: RequestRecord, before: datetime) -> bool:
    answered = (answer.answered_at for answer in record.answers)
    return not record.is_open and max(record.known_at, record.due, *answered) < before


def _is_closed(record: IncidentRecord, before: datetime) -> bool:
    closed = () if record.closing is None else (record.closing.closed_at,)
    replied = (reply.replied_at for reply in record.replies)
    return not record.is_open and max((record.known_at, *closed, *replied)) < before


def _is_said(record: OccurrenceRecord, before: datetime) -> bool:
    return all(statement.said_at < before for statement in record.statements)


def _has_ended(record: DeviationRecord, before: datetime, own: str) -> bool:
    """Whether a deviation is over, or a peer has said nothing of it since the time of the volume that it named."""
    if record.over is not None or record.not_taken is not None:
        over_at = record.known_at if record.over is None else record.over.over_at
        return max(record.known_at, over_at) < before
    is_theirs = record.deviation.party != own
    return is_theirs and max(record.known_at, record.deviation.volume.time.end) < before


def _spoken_of(claims: ClaimsState) -> Iterator[SeenHere]:
    for request in claims.requests.values():
        if isinstance(request.request.about, SeenHere):
            yield request.request.about
    for incident in claims.incidents.values():
        yield from incident.incident.observations


def _end(record: ReviewRecord) -> datetime:
    review = record.ours or record.theirs
    return record.known_at if review is None else review.end
