"""Posts, watches and shifts: who can be called now, and what one shift hands over to the next (R8, R36)."""

from __future__ import annotations

from datetime import datetime

import msgspec

from detente.line.checks import LineStanding
from detente.line.parameters import LineLanguage


class Watch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A post that is manned: by which shift, since when (UTC), speaking what. Never a person's name."""

    post: str
    shift: str
    since: datetime
    languages: tuple[LineLanguage, ...]


class HandOver(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a shift hands over, drawn from the journal: counts since it began, and everything that is still open.

    `unanswered` nobody has taken; `not_understood` was read back wrong; `not_read_back` waits for it; `undelivered`
    went out and no receipt came; `ours_alone` no person of the other side has. All are message ids with the peer before
    them: "south north:3". `alarms` wait for a person: "south two_histories"; `radio_overdue` are frequencies:
    "south 130000 kHz".
    """

    post: str
    shift: str
    since: datetime
    until: datetime
    sent: int
    heard: int
    stops: int
    longest_to_first_human_s: float
    unanswered: tuple[str, ...]
    not_understood: tuple[str, ...]
    not_read_back: tuple[str, ...]
    undelivered: tuple[str, ...]
    lines: tuple[tuple[str, LineStanding], ...]
    alarms: tuple[str, ...] = ()
    radio_overdue: tuple[str, ...] = ()
    ours_alone: tuple[str, ...] = ()
