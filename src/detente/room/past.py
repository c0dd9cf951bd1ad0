"""What is over leaves the state by an event, so that a node that runs for years holds what is current and no more.

The event stands in the journal, and every part of the state leaves out the same on every replay. Nothing is lost: what
left the state is in the journal.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec

from detente.room.room import Room

PAST = "past"
"""The kind of the journal's entries after which what was over before a time is in no state any more."""
SHORTEST_HORIZON = timedelta(days=1)
UNANSWERED = timedelta(days=90)
"""For so long after its time stays what nobody has answered, closed or opened; what is over need not wait."""


def unanswered_before(before: datetime) -> datetime:
    """Return before when the time of what nobody has answered must have been for it to leave with what was over."""
    return before - UNANSWERED


class LeavePast(msgspec.Struct, frozen=True, tag_field="command", tag="leave_past", forbid_unknown_fields=True):
    """Leave out of the state what was over before a time, and on which nothing depends."""

    at: datetime
    before: datetime


class PastLeft(msgspec.Struct, frozen=True, tag_field="event", tag="past_left", forbid_unknown_fields=True):
    """What was over before a time (UTC) is in no state any more."""

    at: datetime
    before: datetime


class Past:
    """Up to when the past has left the state; None before the first time. Changed by the room's `evolve` alone."""

    def __init__(self) -> None:
        self.before: datetime | None = None


class _PastKept(msgspec.Struct, frozen=True):
    before: datetime | None


class PastRoom(Room[Past, LeavePast, PastLeft]):
    """Lets every part of the state forget: `forget` calls each with the time before which it was over."""

    name = PAST
    commands = LeavePast
    events = PastLeft
    kept = _PastKept

    def __init__(self, state: Past, forget: Callable[[datetime], None]) -> None:
        super().__init__(state)
        self._forget = forget

    def decide(self, command: LeavePast) -> list[PastLeft]:
        """Return that the past is left, where there is more of it than before; never what is a day old or less."""
        before = min(command.before, command.at - SHORTEST_HORIZON)
        left = self.state.before
        return [PastLeft(command.at, before)] if left is None or before > left else []

    def evolve(self, event: PastLeft) -> None:
        """Let everything forget."""
        self.state.before = event.before
        self._forget(event.before)
