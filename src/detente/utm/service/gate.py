"""How much may be under way at once: what comes on top is turned away at the door, never queued."""

from __future__ import annotations

from collections import defaultdict

import msgspec

from detente.utm.refused import Refused


class Limits(msgspec.Struct, frozen=True):
    """Bounds of what is under way; over them requests get 503, or 429 when one client alone is the cause.

    `requests_a_second` is what one client may send for long, and at once after a second of rest; 0 sets no bound.
    """

    requests: int = 512
    requests_of_one_client: int = 256
    bytes_in_hand: int = 256 * 1024 * 1024
    body_bytes: int = 16 * 1024 * 1024
    undurable_decisions: int = 8192
    requests_a_second: float = 0.0


class Gate:
    """Counts what is under way."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.requests = 0
        self.bytes_in_hand = 0
        self._of_client: defaultdict[str, int] = defaultdict(int)
        self._left: dict[str, tuple[float, float]] = {}

    def enter(self, body_bytes: int, backlog: int) -> None:
        """Let a request in, or refuse it (413, 503)."""
        limits = self.limits
        if body_bytes > limits.body_bytes:
            raise Refused(413, f"the body is over {limits.body_bytes} bytes")
        if (
            self.requests >= limits.requests
            or self.bytes_in_hand + body_bytes > limits.bytes_in_hand
            or backlog > limits.undurable_decisions
        ):
            raise Refused(503, "the service is busy; nothing was done, try again")
        self.requests += 1
        self.bytes_in_hand += body_bytes

    def leave(self, body_bytes: int) -> None:
        """A request that was let in is answered."""
        self.requests -= 1
        self.bytes_in_hand -= body_bytes

    def enter_client(self, client: str, now_s: float) -> None:
        """Count a request for its client at `now_s` on a clock that only goes on, or refuse it (429)."""
        if self.limits.requests_a_second:
            self._spend(client, now_s, self.limits.requests_a_second)
        if self._of_client[client] >= self.limits.requests_of_one_client:
            raise Refused(429, f"{client} has too many requests under way; nothing was done, try again")
        self._of_client[client] += 1

    def leave_client(self, client: str) -> None:
        """A client's request is answered."""
        left = self._of_client[client] - 1
        if left:
            self._of_client[client] = left
        else:
            del self._of_client[client]

    def _spend(self, client: str, now_s: float, a_second: float) -> None:
        most = max(1.0, a_second)
        left, at_s = self._left.get(client, (most, now_s))
        left = min(most, left + (now_s - at_s) * a_second)
        self._left[client] = (left - 1.0 if left >= 1.0 else left, now_s)
        if left < 1.0:
            raise Refused(429, f"{client} may send {a_second:g} requests a second; nothing was done, try again")
