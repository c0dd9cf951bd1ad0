"""How long to wait before the next attempt to reach a peer. Pure: the randomness comes in as an argument."""

from __future__ import annotations

import msgspec

from detente.airspace.altitude import check_range


class Backoff(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Doubling from `first_s` up to `longest_s`, each delay shortened by up to `jitter` of itself at random.

    The cap is what a peer that comes back after an hour waits at most; the jitter keeps many nodes from coming at once.
    """

    first_s: float = 0.5
    longest_s: float = 30.0
    jitter: float = 0.5

    def __post_init__(self) -> None:
        check_range("first_s", self.first_s, 0.001, 3600.0, "seconds")
        check_range("longest_s", self.longest_s, self.first_s, 86_400.0, "seconds")
        check_range("jitter", self.jitter, 0.0, 1.0, "of the delay")

    def delay_s(self, failures: int, fraction: float) -> float:
        """Seconds to wait after `failures` failures in a row (from 1); `fraction` in [0, 1) is the randomness."""
        doublings = min(max(failures, 1) - 1, 40)
        longest_now_s = min(self.longest_s, self.first_s * 2.0**doublings)
        return longest_now_s * (1.0 - self.jitter * fraction)
