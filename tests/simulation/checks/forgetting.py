"""Nothing is forgotten early: what left the state by `past` was over, so nobody who still needs it looks in vain."""

from __future__ import annotations

from node_parts import empty_state
from station import Station

from detente.line.room import LineRoom
from detente.picture.notices import NoticeState
from detente.room.past import PAST, PastRoom


def check(station: Station) -> None:
    """Hold what the node has against its journal folded as if the past were never left."""
    assert station.life is not None
    assert station.life.node is not None
    state = station.life.node.state
    messages = state.rooms.of_type(LineRoom).state.messages
    before = state.rooms.of_type(PastRoom).state.before
    if before is None:
        return
    whole = empty_state(station)
    whole.replay(entry for entry in station.life.journal.read() if entry.kind != PAST)
    plans = {k for k, one in whole.picture.plans.items() if one.live and one.plan.time.end >= before}
    notices = {k for k, one in whole.picture.notices.items() if one.state is NoticeState.IN_FORCE}
    line = whole.rooms.of_type(LineRoom).state
    lacking = {
        "plans": plans - state.picture.plans.keys(),
        "notices": notices - state.picture.notices.keys(),
        "messages": (line.waiting | line.undelivered | line.stops_alone) - messages.keys(),
    }  # fmt: skip
    early = {what: sorted(keys) for what, keys in lacking.items() if keys}
    assert not early, f"{station.name} has forgotten what is not over: {early}"
