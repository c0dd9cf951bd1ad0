"""How much may be under way at once: more is refused, never queued."""

from __future__ import annotations

from collections import Counter

import msgspec

from detente.utm.refused import Refused


class Limits(msgspec.Struct, frozen=True):
    """Bounds of what is under way; over them requests get 503, or 429 when one client alone is the cause.

    Connections and bytes are bounded before, by the listener.

    `requests_a_second` is what one client may send for long, and at once after a second of rest; 0 sets no bound.
    """

    requests: int = 512
    requests_of_one_client: int = 256
    body_bytes: int = 16 * 1024 * 1024
    undurable_decisions: int = 8192
    requests_a_second: float = 0.0


class Gate:
    """Counts what is under way."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.requests = 0
        self._of_client: Counter[str] = Counter()
        self._left: dict[str, tuple[float, float]] = {}

    def enter(self, client: str, backlog: int, now_s: float) -> None:
        """Let a client's request in, or refuse it (429, 503); `now_s` is of a clock that only goes on."""
        limits = self.limits
        if self._of_client[client] >= limits.requests_of_one_client:
            raise Refused(429, f"{client} has too many requests under way; nothing was done, try again")
        if self.requests >= limits.requests or backlog > limits.undurable_decisions:
            raise Refused(503, "the service is busy; nothing was done, try again")
        if limits.requests_a_second:
            self._spend(client, now_s, limits.requests_a_second)
        self.requests += 1
        self._of_client[client] += 1

    def leave(self, client: str) -> None:
        """Count a request that was let in as answered."""
        self.requests -= 1
        self._of_client[client] -= 1
        if not self._of_client[client]:
            del self._of_client[client]

    def _spend(self, client: str, now_s: float, a_second: float) -> None:
        most = max(1.0, a_second)
        left, at_s = self._left.get(client, (most, now_s))
        left = min(most, left + (now_s - at_s) * a_second)
        self._left[client] = (left - 1.0 if left >= 1.0 else left, now_s)
        if left < 1.0:
            raise Refused(429, f"{client} may send {a_second:g} requests a second; nothing was done, try again")
