"""Our picture to TAK clients: the newest second of it over TCP, TLS or UDP, as events of Cursor on Target.

Whoever is slow gets the newest picture and not all that he missed; one that takes nothing in for SENDS_WITHIN_S is hung
up on. What is in the picture is decided by whoever shows it here.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping, Sequence

from detente.accord.disclosure import ClientLevel
from detente.airspace.refusal import Refusal
from detente.feeds.live.carriers import CONNECT_WITHIN_S, READ_BYTES
from detente.feeds.live.running import RunningFeed
from detente.feeds.live.where import Where

SENDS_WITHIN_S = 10.0
MOST_EVENTS = 2_000
"""In one second's picture."""


class PictureOut:
    """The newest picture at each level, for all feeds that send it."""

    def __init__(self) -> None:
        self._events: Mapping[ClientLevel, Sequence[bytes]] = {}
        self._number = 0
        self._news = asyncio.Event()

    def show(self, events: Mapping[ClientLevel, Sequence[bytes]]) -> None:
        """Send these from now on, in the place of what was shown before."""
        self._events = {level: list(some)[:MOST_EVENTS] for level, some in events.items()}
        self._number += 1
        self._news.set()
        self._news = asyncio.Event()

    async def next(self, level: ClientLevel, after: int) -> tuple[int, Sequence[bytes]]:
        """Return the newest picture and its number, as soon as there is one after a number."""
        while self._number <= after:
            await self._news.wait()
        return self._number, self._events.get(level, ())


async def send_tcp(feed: RunningFeed, where: Where, picture: PictureOut, tls: ssl.SSLContext | None = None) -> None:
    """Connect, and send until the other side hangs up or takes nothing in."""
    async with asyncio.timeout(CONNECT_WITHIN_S):
        reader, writer = await asyncio.open_connection(
            where.host, where.port, ssl=tls, server_hostname=where.host if tls else None
        )
    feed.connected()
    sending = asyncio.create_task(_send(feed, writer, picture))
    hearing = asyncio.create_task(_pass_over(reader))
    try:
        done, _ = await asyncio.wait((sending, hearing), return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in (sending, hearing):
            task.cancel()
        await asyncio.gather(sending, hearing, return_exceptions=True)
        writer.transport.abort()


async def send_udp(feed: RunningFeed, where: Where, picture: PictureOut) -> None:
    """Send a datagram for each event; ends when nobody takes them there."""
    loop = asyncio.get_running_loop()
    refused: asyncio.Future[None] = loop.create_future()
    transport, _ = await loop.create_datagram_endpoint(
        lambda: _Datagrams(refused), remote_addr=(where.host or "127.0.0.1", where.port)
    )
    feed.connected()
    number, level = 0, feed.settings.options.level
    try:
        while True:
            number, events = await picture.next(level, number)
            for event in events:
                transport.sendto(event)
            # What the system says of a datagram is heard in the next turn of the loop.
            await asyncio.sleep(0)
            if refused.done():
                refused.result()
            feed.sent(len(events))
    finally:
        transport.close()


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, refused: asyncio.Future[None]) -> None:
        self._refused = refused

    def error_received(self, exc: OSError) -> None:  # type: ignore[override]
        if not self._refused.done():
            self._refused.set_exception(exc)


async def _send(feed: RunningFeed, writer: asyncio.StreamWriter, picture: PictureOut) -> None:
    number, level = 0, feed.settings.options.level
    while True:
        number, events = await picture.next(level, number)
        writer.writelines(events)
        try:
            async with asyncio.timeout(SENDS_WITHIN_S):
                await writer.drain()
        except TimeoutError:
            raise Refusal("feeds_live.taken_in_time", "where", feed.settings.where, seconds=SENDS_WITHIN_S) from None
        feed.sent(len(events))


async def _pass_over(reader: asyncio.StreamReader) -> None:
    """Take no notice of what the other side says, until it hangs up."""
    while await reader.read(READ_BYTES):
        pass
