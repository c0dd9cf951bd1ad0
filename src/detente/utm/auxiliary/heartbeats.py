"""Heartbeats of the instances of a pool: who reported one last, and until when the next is due."""

from __future__ import annotations

import msgspec


class PutHeartbeat(msgspec.Struct, frozen=True, tag_field="command", tag="put heartbeat"):
    """Record a heartbeat of the instance `instance`."""

    at_us: int
    by: str
    instance: str
    endpoint: str
    source: str
    beat_us: int
    next_before_us: int | None


class HeartbeatRecorded(msgspec.Struct, frozen=True, tag_field="event", tag="heartbeat recorded"):
    """An instance gave a heartbeat."""

    instance: str
    endpoint: str
    reporter: str
    source: str
    beat_us: int
    index: int
    next_before_us: int | None


class Heartbeats:
    """The newest heartbeat of each instance."""

    def __init__(self) -> None:
        self.newest: dict[str, HeartbeatRecorded] = {}


def decide_heartbeat(state: Heartbeats, command: PutHeartbeat) -> list[HeartbeatRecorded]:
    """The event of a heartbeat; its index is one more than that of the instance's last."""
    last = state.newest.get(command.instance)
    index = last.index + 1 if last is not None else 1
    return [
        HeartbeatRecorded(
            command.instance,
            command.endpoint,
            command.by,
            command.source,
            command.beat_us,
            index,
            command.next_before_us,
        )
    ]


def evolve_heartbeat(state: Heartbeats, event: HeartbeatRecorded) -> bytes:
    """Fold a heartbeat in; no subscriber is notified."""
    state.newest[event.instance] = event
    return b"[]"
