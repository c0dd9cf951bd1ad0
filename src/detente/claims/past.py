"""Which claims are over and leave the state. Pure.

Joint statistics lose nothing by it: they are counted from what was exchanged, which the journal keeps.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec

from detente.airspace.plan import Volume4D
from detente.claims.claims import AreaAndTime, SeenHere
from detente.claims.state import (
    ClaimsState,
    DeviationRecord,
    IncidentRecord,
    OccurrenceRecord,
    RequestRecord,
    ReviewRecord,
)
from detente.claims.taking import YEAR
from detente.picture.picture import Picture
from detente.room.past import unanswered_before


def forget(claims: ClaimsState, picture: Picture, before: datetime) -> None:
    """Leave out what was over before a time (UTC), and what nobody has answered, closed or ended for long after that.

    How long says `room.past`. An observation stays as long as a request or an incident is about it, statements as long
    as their incident. Of joint statistics the last with each peer stay, from which the next go on, and ours that the
    peer has yet to answer. An aircraft of ours that is outside its plan stays as long as the picture has the plan.
    """
    claims.requests = {key: one for key, one in claims.requests.items() if not _is_over(one, before)}
    claims.open_requests &= claims.requests.keys()
    claims.incidents = {
        key: one for key, one in claims.incidents.items() if not _is_closed(one, claims.occurrences.get(key), before)
    }
    claims.open_incidents &= claims.incidents.keys()
    claims.occurrences = {
        key: one for key, one in claims.occurrences.items() if key in claims.incidents or not _is_said(one, before)
    }
    claims.outside = {plan: name for plan, name in claims.outside.items() if (claims.party, plan) in picture.plans}
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
        if _end(one) == last[peer] or one.known_at >= (unanswered_before(before) if _is_unanswered(one) else before)
    }
    all_records: tuple[Mapping[Any, Any], ...] = (
        claims.observations, claims.requests, claims.incidents, claims.occurrences, claims.deviations, claims.reviews
    )  # fmt: skip
    kept = Counter[str]()
    for records in all_records:
        for (peer, *_), record in records.items():
            kept[peer] += len(msgspec.json.encode(record))
    claims.heard_bytes = {peer: kept[peer] for peer in claims.heard_bytes}


def _is_over(record: RequestRecord, before: datetime) -> bool:
    times = [record.known_at, record.due, *(answer.answered_at for answer in record.answers)]
    if not record.is_open:
        return max(times) < before
    about = record.request.about
    if isinstance(about, AreaAndTime):
        times.append(_end_of(about.volume, record.known_at))
    return max(times) < unanswered_before(before)


def _is_closed(record: IncidentRecord, said: OccurrenceRecord | None, before: datetime) -> bool:
    times = [record.known_at, *(reply.replied_at for reply in record.replies)]
    if record.closing is not None:
        times.append(record.closing.closed_at)
    if not record.is_open:
        return max(times) < before
    times += [record.due, _end_of(record.incident.volume, record.known_at)]
    if said is not None:
        times += [statement.said_at for statement in said.statements]
    return max(times) < unanswered_before(before)


def _is_said(record: OccurrenceRecord, before: datetime) -> bool:
    return all(statement.said_at < before for statement in record.statements)


def _has_ended(record: DeviationRecord, before: datetime, own: str) -> bool:
    """Whether a deviation is over, or nothing was said of it since the time of the volume that it named.

    Our own people have longer to say that theirs is over.
    """
    if record.over is not None or record.not_taken is not None:
        over_at = record.known_at if record.over is None else record.over.over_at
        return max(record.known_at, over_at) < before
    end = _end_of(record.deviation.volume, record.known_at)
    return max(record.known_at, end) < (unanswered_before(before) if record.deviation.party == own else before)


def _spoken_of(claims: ClaimsState) -> Iterator[SeenHere]:
    for request in claims.requests.values():
        if isinstance(request.request.about, SeenHere):
            yield request.request.about
    for incident in claims.incidents.values():
        yield from incident.incident.observations


def _is_unanswered(record: ReviewRecord) -> bool:
    return record.theirs is None and record.not_taken is None


def _end(record: ReviewRecord) -> datetime:
    review = record.ours or record.theirs
    return record.known_at if review is None else review.end


def _end_of(volume: Volume4D, known_at: datetime) -> datetime:
    """When a volume that a claim names is past; a far one counts for a year."""
    return min(volume.time.end, known_at + YEAR)
