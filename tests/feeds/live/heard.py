"""Feeds that run in a test: what they hear, awaited by what has been heard and never by time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Self

from detente.feeds.live.health import FeedHealth
from detente.feeds.live.settings import FeedKind, FeedOptions, FeedSettings
from detente.feeds.live.supervisor import LiveFeeds
from detente.watch.sighting import Sighting

SURELY_S = 60.0
"""No test waits as long: it ends one that hangs."""


def settings(kind: FeedKind, where: str, name: str = "roof", **options: object) -> FeedSettings:
    return FeedSettings(name, kind, where, options=FeedOptions(**options))


class Ear:
    """Runs feeds and keeps what they heard."""

    def __init__(self, *feeds: FeedSettings, **patience: float) -> None:
        self.sightings: list[Sighting] = []
        self.batches: list[int] = []
        self._news = asyncio.Event()
        self.open = asyncio.Event()
        self.open.set()
        self.live = LiveFeeds(
            feeds, time.time, self._take, **{"first_wait_s": 0.01, "longest_wait_s": 0.05, **patience}
        )

    async def _take(self, batch: tuple[Sighting, ...]) -> None:
        await self.open.wait()
        self.sightings += batch
        self.batches.append(len(batch))
        self._news.set()

    async def __aenter__(self) -> Self:
        self._running = asyncio.create_task(self.live.run())
        return self

    async def __aexit__(self, *error: object) -> None:
        self._running.cancel()
        with suppress(asyncio.CancelledError):
            await self._running

    def health(self, name: str = "roof") -> FeedHealth:
        return next(one for one in self.live.health() if one.name == name)

    async def until(self, what: Callable[[], object]) -> None:
        """Wait until something holds; it is looked at again with each turn of the loop."""
        async with asyncio.timeout(SURELY_S):
            while not what():
                if self._running.done():
                    self._running.result()
                    assert what(), "the feeds have ended"
                    return
                await asyncio.sleep(0.001)

    async def port(self, name: str = "roof") -> int:
        await self.until(lambda: self.health(name).port)
        return self.health(name).port

    async def ended(self) -> None:
        async with asyncio.timeout(SURELY_S):
            await self._running


async def send(port: int, *pieces: bytes) -> None:
    """Connect to a port of this machine, send, and hang up."""
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
    writer.close()
    await writer.wait_closed()


class Server:
    """A receiver that sends the same bytes to everybody who connects, and then hangs up or stays."""

    def __init__(self, *pieces: bytes, stays: bool = False) -> None:
        self.pieces = pieces
        self.stays = stays
        self.calls = 0
        self.greetings: list[bytes] = []

    async def _call(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.calls += 1
        for piece in self.pieces:
            writer.write(piece)
            await writer.drain()
        if self.stays:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                while data := await reader.read(4096):
                    self.greetings.append(data)
        writer.close()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._call, "127.0.0.1", 0)
        self.where = f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *error: object) -> None:
        self._server.close()
