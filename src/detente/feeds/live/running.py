"""One feed while it runs: what it has heard, how it is doing, and the queue into which all feeds put sightings."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable

from detente.airspace.refusal import Refusal
from detente.feeds.live.decoding import MOST_REMEMBERED, Decoder
from detente.feeds.live.health import Clock, FeedHealth, FeedState, Rate, feed_error
from detente.feeds.live.settings import FeedSettings
from detente.watch.sighting import Sighting

MOST_WAITING = 100_000
"""Sightings that wait for whoever takes them; beyond it the oldest go."""

SEEN_WITHIN_S = 60.0
"""For how long an aircraft counts as one that a feed hears."""


class SightingQueue:
    """Sightings that wait to be taken, those of all feeds in the order in which they were heard."""

    def __init__(self, most: int = MOST_WAITING) -> None:
        self._most = most
        self._waiting: deque[tuple[RunningFeed, Sighting]] = deque()
        self._any = asyncio.Event()
        self._all_taken = asyncio.Event()
        self._all_taken.set()

    def put(self, feed: RunningFeed, sightings: Iterable[Sighting]) -> None:
        """Let sightings wait; where there are too many the oldest are dropped, and counted by their feed."""
        self._waiting.extend((feed, one) for one in sightings)
        while len(self._waiting) > self._most:
            dropped, _ = self._waiting.popleft()
            dropped.dropped += 1
        if self._waiting:
            self._any.set()
            self._all_taken.clear()

    async def some(self, most: int) -> tuple[Sighting, ...]:
        """Return up to `most` sightings, as soon as there is one."""
        await self._any.wait()
        count = min(most, len(self._waiting))
        taken = tuple(self._waiting.popleft()[1] for _ in range(count))
        if not self._waiting:
            self._any.clear()
        return taken

    def took(self) -> None:
        """Say that what `some` returned last has been taken in."""
        if not self._waiting:
            self._all_taken.set()

    async def emptied(self) -> None:
        """Return as soon as everything that was put here has been taken in."""
        await self._all_taken.wait()


class RunningFeed:
    """One feed: what carries its bytes calls it, and it keeps the account.

    Args:
        settings: which feed it is.
        clock: seconds since 1970-01-01 UTC, now.
        queue: where sightings go.

    Attributes:
        new_decoder: makes the decoder of one connection; set before the feed is heard.
        dropped: sightings and datagrams that nobody took in time.
        port: where it listens; 0 where it does not.
    """

    new_decoder: Callable[[], Decoder]

    def __init__(self, settings: FeedSettings, clock: Clock, queue: SightingQueue) -> None:
        self.settings = settings
        self.clock = clock
        self.dropped = 0
        self.port = 0
        self._queue = queue
        self.state = FeedState.CONNECTING
        self._since_s = clock()
        self._last_error: Refusal | None = None
        self._heard_s: float | None = None
        self._connections = self._messages = self._sightings = self._errors = self._unused = 0
        self._message_rate, self._sighting_rate = Rate(), Rate()
        self._seen_s: dict[str, float] = {}
        self._heard_since_wait = False

    def connected(self) -> None:
        """Say that there is a connection."""
        self._connections += 1
        self.became(FeedState.HEARING)

    def listens_at(self, port: int) -> None:
        """Say at which port it listens from now on."""
        self.port = port
        self.became(FeedState.HEARING)

    def became(self, state: FeedState, error: Refusal | None = None) -> None:
        """Say what the feed does now, and what went wrong if something did."""
        self.state = state
        self._since_s = self.clock()
        self._last_error = error or self._last_error

    def heard_since_asked(self) -> bool:
        """Whether there was any message since this was asked last: whether the next wait may be short again."""
        heard, self._heard_since_wait = self._heard_since_wait, False
        return heard

    def hear(self, decoder: Decoder, data: bytes) -> None:
        """Take in bytes of a stream, or a whole document."""
        now_s = self.clock()
        self._account(decoder, now_s, _decoded(_take, decoder, data, now_s))

    def hear_datagram(self, decoder: Decoder, data: bytes) -> None:
        """Take in a datagram: what is left of it at its end goes with no other."""
        now_s = self.clock()
        self._account(decoder, now_s, _decoded(_take_whole, decoder, data, now_s))

    def finish(self, decoder: Decoder) -> None:
        """Take in what is left at the end of a stream."""
        now_s = self.clock()
        self._account(decoder, now_s, _decoded(_finish, decoder, b"", now_s))

    def give(self, sightings: list[Sighting]) -> None:
        """Take in sightings that needed no decoder, as many messages."""
        now_s = self.clock()
        self._count(now_s, len(sightings), sightings)

    def sent(self, count: int) -> None:
        """Say that so many messages were taken in by the other side, of a feed that sends."""
        self._heard_s = self.clock()
        self._heard_since_wait = True
        self._messages += count
        self._message_rate.add(self._heard_s, count)

    def _account(self, decoder: Decoder, now_s: float, sightings: list[Sighting]) -> None:
        tally = decoder.tally
        self._errors += tally.errors
        self._unused += tally.unused
        self._last_error = tally.last_error or self._last_error
        messages = tally.messages
        tally.messages = tally.errors = tally.unused = 0
        tally.last_error = None
        self._count(now_s, messages, sightings)

    def _count(self, now_s: float, messages: int, sightings: list[Sighting]) -> None:
        if messages:
            self._heard_s = now_s
            self._heard_since_wait = True
            self._messages += messages
            self._message_rate.add(now_s, messages)
        if sightings:
            self._sightings += len(sightings)
            self._sighting_rate.add(now_s, len(sightings))
            for one in sightings:
                self._seen_s[one.address or one.identity] = now_s
            if len(self._seen_s) > 2 * MOST_REMEMBERED:
                self._forget(now_s)
            self._queue.put(self, sightings)

    def _forget(self, now_s: float) -> None:
        """Leave out aircraft not heard lately, and of the others the most that are remembered."""
        kept = sorted(self._seen_s.items(), key=lambda item: item[1])[-MOST_REMEMBERED:]
        self._seen_s = {name: at_s for name, at_s in kept if now_s - at_s <= SEEN_WITHIN_S}

    def health(self) -> FeedHealth:
        """Return how the feed is doing now."""
        now_s = self.clock()
        self._forget(now_s)
        state = self.state
        quiet_s = now_s - max(self._since_s, self._heard_s or 0.0)
        if state is FeedState.HEARING and quiet_s > self.settings.options.silent_s:
            state = FeedState.SILENT
        return FeedHealth(
            name=self.settings.name,
            kind=self.settings.kind,
            ours=self.settings.ours,
            state=state,
            at_s=now_s,
            heard_s=self._heard_s,
            messages=self._messages,
            sightings=self._sightings,
            errors=self._errors,
            unused=self._unused,
            dropped=self.dropped,
            connections=self._connections,
            messages_per_s=self._message_rate.per_s(now_s),
            sightings_per_s=self._sighting_rate.per_s(now_s),
            aircraft=len(self._seen_s),
            port=self.port,
            last_error=feed_error(self._last_error) if self._last_error is not None else None,
        )


def _take(decoder: Decoder, data: bytes, now_s: float) -> list[Sighting]:
    return decoder.take(data, now_s)


def _take_whole(decoder: Decoder, data: bytes, now_s: float) -> list[Sighting]:
    return [*decoder.take(data, now_s), *decoder.finish(now_s)]


def _finish(decoder: Decoder, _data: bytes, now_s: float) -> list[Sighting]:
    return decoder.finish(now_s)


def _decoded(
    step: Callable[[Decoder, bytes, float], list[Sighting]], decoder: Decoder, data: bytes, now_s: float
) -> list[Sighting]:
    """Let a decoder take in bytes. Decoders raise nothing; if one does after all, no other feed suffers from it."""
    try:
        return step(decoder, data, now_s)
    except Exception as error:  # noqa: BLE001 - strangers' bytes in a library's hands
        decoder.tally.wrong(Refusal("feeds_live.decoder_holds", "decoder", f"{type(error).__name__}: {error}"[:200]))
        return []
