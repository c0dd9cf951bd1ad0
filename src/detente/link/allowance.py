"""How much a peer may send on one direction of a link, so that no peer starves another or fills the disk (R45).

An envelope over the allowance is not lost: it is refused before it is recorded, and the sender, whose journal holds it,
sends it again later. An accepted envelope whose message is not valid costs its sender a hundred times as much.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

NONSENSE_FACTOR = 100


class Allowance(msgspec.Struct, frozen=True):
    """Envelopes, bytes and work that may come at once, and how many more each second. Work is as in `room.work`."""

    envelopes: float
    envelopes_per_s: float
    size_bytes: float
    bytes_per_s: float
    work: float = 5e8
    work_per_s: float = 2e6


PLANNING_ALLOWANCE = Allowance(50_000.0, 50.0, 256e6, 256e3)
"""A day's plans of a large party at once; then 4 million envelopes a day. Of nonsense: 500 envelopes, then one in 2 s,
and no more than 2.6 MB, then 220 MB a day. Work for less than a minute of one core, then for a fifth of one."""
LINE_ALLOWANCE = Allowance(2_000.0, 5.0, 16e6, 16e3)
"""What people say to each other: of nonsense 20 messages, then one in 20 s."""

CLOSED_ALLOWANCE = PLANNING_ALLOWANCE
"""Questions about all links with a peer that were closed, together, and what is given back in answer."""


class Meter:
    """What is left of one direction's allowance. It is only in memory: a restart fills it again."""

    def __init__(self, allowance: Allowance) -> None:
        self._allowance = allowance
        self._envelopes = allowance.envelopes
        self._bytes = allowance.size_bytes
        self._work = allowance.work
        self._at: datetime | None = None

    def admits(self, at: datetime) -> bool:
        """Return whether one more envelope may come now, however large."""
        if self._at is not None:
            elapsed_s = max(0.0, (at - self._at).total_seconds())
            most = self._allowance
            self._envelopes = min(most.envelopes, self._envelopes + elapsed_s * most.envelopes_per_s)
            self._bytes = min(most.size_bytes, self._bytes + elapsed_s * most.bytes_per_s)
            self._work = min(most.work, self._work + elapsed_s * most.work_per_s)
        self._at = at
        return self._envelopes >= 1.0 and self._bytes > 0.0 and self._work > 0.0

    def charge(self, size_bytes: int, times: int = 1) -> None:
        """Take one envelope of this size off, `times` over; what is left may fall below zero."""
        self._envelopes -= times
        self._bytes -= size_bytes * times

    def charge_work(self, work: int) -> None:
        """Take off the work that an envelope made; what is left may fall below zero."""
        self._work -= work
