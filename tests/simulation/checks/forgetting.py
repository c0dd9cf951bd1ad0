"""Nothing is forgotten early, nor kept for ever: what leaves the state by `past` is over, or nobody has answered it.

Whoever still needs it looks for it in vain in no state; and of what nobody answers or opens there is no more with time.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from node_parts import empty_state
from station import Station

from detente.claims.room import ClaimsRoom
from detente.details.room import DetailsRoom
from detente.line.room import LineRoom
from detente.node.state import NodeState
from detente.picture.notices import NoticeState
from detente.record.entry import Entry
from detente.room.past import PAST, PastRoom, unanswered_before

Keys = dict[str, set[Any]]


def check(station: Station) -> None:
    """Fold the journal in anew, and look before and after each time that the past was left."""
    assert station.life is not None
    if next(station.life.journal.read(kind=PAST), None) is None:
        return
    state = empty_state(station)
    past = state.rooms.of_type(PastRoom)

    def watched() -> Iterator[Entry]:
        for entry in station.life.journal.read():
            if entry.kind != PAST:
                yield entry
                continue
            before = past.decode(entry.body).before
            needed, unanswered = _needed(state, before), _unanswered(state, unanswered_before(before))
            yield entry
            held = _held(state)
            for what, keys in needed.items():
                early = sorted(keys - held[what])
                assert not early, f"{station.name} has forgotten what is not over: {what} {early}"
            for what, keys in unanswered.items():
                late = sorted(keys & held[what])
                assert not late, f"{station.name} still holds what nobody has answered: {what} {late}"

    state.replay(watched())


def _held(state: NodeState) -> Keys:
    messages = state.rooms.of_type(LineRoom).state.messages
    claims, details = state.rooms.of_type(ClaimsRoom).state, state.rooms.of_type(DetailsRoom).state
    return {
        "plans": set(state.picture.plans), "notices": set(state.picture.notices), "messages": set(messages),
        "requests": set(claims.requests), "incidents": set(claims.incidents), "deviations": set(claims.deviations),
        "commitments": set(details.commitments), "openings": set(details.kept),
    }  # fmt: skip


def _needed(state: NodeState, before: datetime) -> Keys:
    line, long_before = state.rooms.of_type(LineRoom).state, unanswered_before(before)
    claims, details = state.rooms.of_type(ClaimsRoom).state, state.rooms.of_type(DetailsRoom).state
    return {
        "plans": {k for k, one in state.picture.plans.items() if one.live and one.plan.time.end >= before},
        "notices": {k for k, one in state.picture.notices.items() if one.state is NoticeState.IN_FORCE},
        "messages": set(line.waiting | line.undelivered | line.stops_alone),
        "requests": {k for k, one in claims.requests.items() if one.is_open and one.due >= long_before},
        "incidents": {k for k, one in claims.incidents.items() if one.is_open and one.due >= long_before},
        "commitments": {
            k for k, (*_, last) in details.commitments.items()
            if k in state.picture.notices and last.opened_at is None and last.at >= long_before
        },
    }  # fmt: skip


def _unanswered(state: NodeState, long_before: datetime) -> Keys:
    """What nobody has answered or opened since a time long ago, by what each record itself says."""
    claims, details = state.rooms.of_type(ClaimsRoom).state, state.rooms.of_type(DetailsRoom).state
    committed = {one.commitment for held in details.commitments.values() for one in held}
    return {
        "requests": {
            k for k, one in claims.requests.items() if one.is_open and max(one.due, one.known_at) < long_before
        },
        "incidents": {
            k for k, one in claims.incidents.items()
            if not one.replies and k not in claims.occurrences
            and max(one.due, one.known_at, one.incident.volume.time.end) < long_before
        },
        "deviations": {
            k for k, one in claims.deviations.items()
            if one.over is None and max(one.known_at, one.deviation.volume.time.end) < long_before
        },
        "commitments": {k for k, since in details.gone_since.items() if since < long_before},
        "openings": {
            k for k, one in details.kept.items() if k not in committed and one.details.time.end < long_before
        },
    }  # fmt: skip
