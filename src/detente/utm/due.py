"""Names to check again once a time has passed, in buckets of time, so that a million cost little."""

from __future__ import annotations

import heapq

from detente.utm.moments import SECOND_US

_BUCKET_US = 5 * SECOND_US


def bucket_end(at_us: int) -> int:
    """Return when a name entered for `at_us` is due: the end of its bucket, so that it depends on the time alone."""
    return (at_us // _BUCKET_US + 1) * _BUCKET_US


class Due:
    """Names by the time at which they are due. The caller of `take` checks whether each still is."""

    def __init__(self) -> None:
        self._buckets: dict[int, list[str]] = {}
        self._order: list[int] = []

    def enter(self, name: str, at_us: int) -> None:
        """Let `take` return `name` some seconds after `at_us`, never before."""
        bucket = bucket_end(at_us) // _BUCKET_US
        names = self._buckets.get(bucket)
        if names is None:
            self._buckets[bucket] = [name]
            heapq.heappush(self._order, bucket)
        else:
            names.append(name)

    def take(self, now_us: int) -> list[str]:
        """The names that are due at `now_us`, oldest first; each is given once for each time it was entered."""
        due: list[str] = []
        while self._order and self._order[0] * _BUCKET_US <= now_us:
            due.extend(self._buckets.pop(heapq.heappop(self._order)))
        return due
