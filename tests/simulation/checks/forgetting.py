"""Nothing is forgotten early: what leaves the state by `past` is over, so nobody who still needs it looks in vain."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from node_parts import empty_state
from station import Station

from detente.line.room import LineRoom
from detente.node.state import NodeState
from detente.picture.notices import NoticeState
from detente.record.entry import Entry
from detente.room.past import PAST, PastRoom


def check(station: Station) -> None:
    """Fold the journal in anew, and look before and after each time that the past was left."""
    assert station.life is not None
    state = empty_state(station)
    past = state.rooms.of_type(PastRoom)

    def watched() -> Iterator[Entry]:
        for entry in station.life.journal.read():
            needed = _needed(state, past.decode(entry.body).before) if entry.kind == PAST else {}
            yield entry
            for what, keys in needed.items():
                early = sorted(keys - _held(state)[what])
                assert not early, f"{station.name} has forgotten what is not over: {what} {early}"

    state.replay(watched())


def _held(state: NodeState) -> dict[str, set[Any]]:
    messages = state.rooms.of_type(LineRoom).state.messages
    return {"plans": set(state.picture.plans), "notices": set(state.picture.notices), "messages": set(messages)}


def _needed(state: NodeState, before: datetime) -> dict[str, set[Any]]:
    line = state.rooms.of_type(LineRoom).state
    return {
        "plans": {k for k, one in state.picture.plans.items() if one.live and one.plan.time.end >= before},
        "notices": {k for k, one in state.picture.notices.items() if one.state is NoticeState.IN_FORCE},
        "messages": set(line.waiting | line.undelivered | line.stops_alone),
    }
