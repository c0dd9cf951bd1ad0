"""How a feed is doing: its state, its rates, what went wrong, all of it as figures that anybody can show."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from enum import StrEnum

import msgspec

from detente.airspace.refusal import Refusal
from detente.language.refused import refusal_line
from detente.language.wording import Language

RATE_OVER_S = 10


class FeedState(StrEnum):
    """What a feed is doing."""

    CONNECTING = "connecting"
    HEARING = "hearing"
    SILENT = "silent"
    WAITING = "waiting"
    ENDED = "ended"
    FAILED = "failed"


class FeedError(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What went wrong: the parts of a refusal, so that it can be said in any language."""

    code: str
    field: str
    shown: str
    parameters: dict[str, str | int | float]

    def sentence(self, language: Language) -> str:
        """Return it as one sentence."""
        return refusal_line(language, self.code, self.field, self.shown, self.parameters)


class FeedHealth(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A feed at one time.

    Attributes:
        at_s: now, on the clock of whoever hears.
        heard_s: when the last rightly formed message came; None where none has.
        messages, sightings, errors, unused: since the feed began; `unused` are messages that say nothing of a place.
        dropped: sightings and datagrams that nobody took in time.
        connections: how often it was connected.
        messages_per_s, sightings_per_s: over the last ten seconds.
        aircraft: how many different ones in the last minute.
        port: where it listens; 0 where it does not.
    """

    name: str
    kind: str
    ours: bool
    state: FeedState
    at_s: float
    heard_s: float | None
    messages: int
    sightings: int
    errors: int
    unused: int
    dropped: int
    connections: int
    messages_per_s: float
    sightings_per_s: float
    aircraft: int
    port: int
    last_error: FeedError | None

    @property
    def age_s(self) -> float | None:
        """How long ago the last message came."""
        return None if self.heard_s is None else max(self.at_s - self.heard_s, 0.0)


class Rate:
    """How many a second, over the last ten seconds of a clock that is given with each question."""

    __slots__ = ("_counts",)

    def __init__(self) -> None:
        self._counts: deque[tuple[int, int]] = deque(maxlen=RATE_OVER_S + 1)

    def add(self, now_s: float, count: int) -> None:
        """Count some that came now."""
        second = int(now_s)
        if self._counts and self._counts[-1][0] == second:
            count += self._counts.pop()[1]
        self._counts.append((second, count))

    def per_s(self, now_s: float) -> float:
        """Return the mean over the last ten whole seconds and the one that runs."""
        first = int(now_s) - RATE_OVER_S
        counts = [(second, count) for second, count in self._counts if first <= second <= now_s]
        if not counts:
            return 0.0
        return sum(count for _, count in counts) / max(now_s - counts[0][0], 1.0)


def feed_error(refusal: Refusal) -> FeedError:
    """Return a refusal as what went wrong with a feed."""
    return FeedError(refusal.code, refusal.field, refusal.shown, dict(refusal.parameters))


Clock = Callable[[], float]
"""Seconds since 1970-01-01 UTC, now."""
