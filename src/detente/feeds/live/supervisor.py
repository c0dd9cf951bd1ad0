"""Any number of feeds at once: each is heard, and connected again when its connection ends; one takes it all in."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp

from detente.airspace.refusal import Refusal
from detente.feeds.live.carriers import (
    hear_callers,
    hear_changing_file,
    hear_file,
    hear_http,
    hear_standard_input,
    hear_tcp,
)
from detente.feeds.live.datagrams import hear_udp
from detente.feeds.live.health import Clock, FeedHealth, FeedState
from detente.feeds.live.kinds import decoder_of, greeting_of
from detente.feeds.live.replaying import read_replay, replayed
from detente.feeds.live.running import MOST_WAITING, RunningFeed, SightingQueue
from detente.feeds.live.sending import PictureOut, send_tcp, send_udp
from detente.feeds.live.settings import FeedKind, FeedSettings
from detente.feeds.live.tls import calling_tls, listening_tls
from detente.feeds.live.where import Carriage
from detente.feeds.source import printable_line
from detente.watch.sighting import Sighting

Take = Callable[[tuple[Sighting, ...]], Awaitable[None]]
"""What takes a batch of sightings in: the next batch waits until it is done."""

LARGEST_BATCH = 5_000
FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 60.0


class LiveFeeds:
    """The feeds of a node, running.

    Args:
        settings: which feeds.
        clock: seconds since 1970-01-01 UTC, now: the time at which something was heard.
        take: gets sightings in batches, in the order in which they were heard. While it works others wait, up to
            `most_waiting`; beyond that the oldest are dropped, and counted by their feed.
        first_wait_s, longest_wait_s: how long a feed waits before it connects again: twice as long each time, until
            something was heard.

    `picture` is what the feeds that send do send.
    """

    def __init__(
        self,
        settings: tuple[FeedSettings, ...],
        clock: Clock,
        take: Take,
        *,
        first_wait_s: float = FIRST_WAIT_S,
        longest_wait_s: float = LONGEST_WAIT_S,
        most_waiting: int = MOST_WAITING,
    ) -> None:
        self._take = take
        self.picture = PictureOut()
        self._waits_s = (first_wait_s, longest_wait_s)
        self._queue = SightingQueue(most_waiting)
        self._feeds = [RunningFeed(one, clock, self._queue) for one in settings]

    async def run(self) -> None:
        """Hear all feeds until each has ended or failed for good, and all sightings are taken; or until cancelled."""
        feeds = [asyncio.create_task(self._keep_on(feed)) for feed in self._feeds]
        taking = asyncio.create_task(self._hand_on())
        emptied: asyncio.Task[None] | None = None
        try:
            while emptied is None or not emptied.done():
                running = {task for task in feeds if not task.done()}
                if not running and emptied is None:
                    emptied = asyncio.create_task(self._queue.emptied())
                waited_for = {taking, *running} | (set() if emptied is None else {emptied})
                done, _ = await asyncio.wait(waited_for, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()  # whoever takes sightings may have failed
        finally:
            everything = [*feeds, taking, *([] if emptied is None else [emptied])]
            for task in everything:
                task.cancel()
            await asyncio.gather(*everything, return_exceptions=True)

    def health(self) -> tuple[FeedHealth, ...]:
        """Return how each feed is doing, in the order of the settings."""
        return tuple(feed.health() for feed in self._feeds)

    async def _hand_on(self) -> None:
        while True:
            batch = await self._queue.some(LARGEST_BATCH)
            await self._take(batch)
            self._queue.took()

    async def _keep_on(self, feed: RunningFeed) -> None:
        """Hear one feed, again and again."""
        first_s, longest_s = self._waits_s
        wait_s = first_s
        try:
            if not feed.settings.sends:
                # Some libraries take seconds to load, the first time minutes: others are heard meanwhile.
                feed.new_decoder = await asyncio.to_thread(decoder_of, feed.settings)
        except Refusal as error:
            feed.became(FeedState.FAILED, error)
            return
        while True:
            try:
                await (self._send(feed) if feed.settings.sends else _hear(feed))
            except Refusal as refusal:
                why = refusal
            except (OSError, aiohttp.ClientError, TimeoutError) as failure:
                why = _unreached(feed, failure)
            else:
                if feed.settings.place().carriage in _ENDING:
                    feed.became(FeedState.ENDED)
                    return
                why = Refusal("feeds_live.hung_up", "where", feed.settings.where)
            feed.became(FeedState.WAITING, why)
            wait_s = first_s if feed.heard_since_asked() else wait_s
            await asyncio.sleep(wait_s)
            wait_s = min(2.0 * wait_s, longest_s)
            feed.became(FeedState.CONNECTING)

    async def _send(self, feed: RunningFeed) -> None:
        """Send our picture until the connection ends."""
        where = feed.settings.place()
        match where.carriage:
            case Carriage.TLS:
                await send_tcp(feed, where, self.picture, calling_tls(feed.settings.options))
            case Carriage.UDP:
                await send_udp(feed, where, self.picture)
            case _:
                await send_tcp(feed, where, self.picture)


_ENDING = frozenset({Carriage.FILE, Carriage.STANDARD_INPUT})


async def _hear(feed: RunningFeed) -> None:
    """Hear a feed until its connection ends."""
    settings = feed.settings
    where = settings.place()
    if settings.kind is FeedKind.REPLAY:
        await _replay(feed, Path(where.path))
        return
    match where.carriage:
        case Carriage.TCP:
            await hear_tcp(feed, where, greeting_of(settings))
        case Carriage.TLS:
            await hear_tcp(feed, where, greeting_of(settings), calling_tls(settings.options))
        case Carriage.LISTEN:
            await hear_callers(feed, where, listening_tls(settings.options))
        case Carriage.UDP:
            await hear_udp(feed, where)
        case Carriage.HTTP:
            await hear_http(feed, where)
        case Carriage.STANDARD_INPUT:
            await hear_standard_input(feed)
        case Carriage.FILE if settings.kind is FeedKind.AIRCRAFT_JSON:
            await hear_changing_file(feed, where)
        case Carriage.FILE:
            await hear_file(feed, where)


async def _replay(feed: RunningFeed, path: Path) -> None:
    options = feed.settings.options
    replay = await asyncio.to_thread(read_replay, path, options.speed, options.times)
    feed.connected()
    async with contextlib.aclosing(replayed(replay, feed.settings.name, feed.clock)) as batches:
        async for batch in batches:
            feed.give(batch)


def _unreached(feed: RunningFeed, failure: Exception) -> Refusal:
    if isinstance(failure, TimeoutError):
        reason = "no answer"
    else:
        reason = getattr(failure, "strerror", None) or str(failure) or type(failure).__name__
    return Refusal("feeds_live.reached", "where", feed.settings.where, reason=printable_line(str(reason), 200))
