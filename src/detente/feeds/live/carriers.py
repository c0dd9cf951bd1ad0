"""How the bytes of a feed come: over TCP in both directions, TLS, UDP, HTTP, from files and standard input.

Each function hears one feed until its connection ends, and raises OSError or Refusal where it cannot be had.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import stat
import sys
from pathlib import Path
from typing import BinaryIO

import aiohttp

from detente.airspace.refusal import Refusal
from detente.feeds.live.aircraft_documents import LARGEST_DOCUMENT
from detente.feeds.live.running import RunningFeed
from detente.feeds.live.where import Where

READ_BYTES = 32_768
"""How much is decoded at a time: little enough that other feeds have their turn."""

CONNECT_WITHIN_S = 10.0
MOST_CALLERS = 16
"""Connections at the same time to a feed that listens."""

SILENCES_TO_HANG_UP = 6.0


async def hear_tcp(feed: RunningFeed, where: Where, greeting: bytes = b"", tls: ssl.SSLContext | None = None) -> None:
    """Connect, and hear until the other side hangs up or is silent for too long."""
    async with asyncio.timeout(CONNECT_WITHIN_S):
        reader, writer = await asyncio.open_connection(
            where.host, where.port, ssl=tls, server_hostname=where.host if tls else None
        )
    try:
        if greeting:
            writer.write(greeting)
            async with asyncio.timeout(CONNECT_WITHIN_S):
                await writer.drain()
        feed.connected()
        await _hear_stream(feed, reader)
    finally:
        writer.close()


async def hear_callers(feed: RunningFeed, where: Where, tls: ssl.SSLContext | None = None) -> None:
    """Listen, and hear everybody who connects, up to `MOST_CALLERS` at a time; never returns."""
    callers: set[asyncio.Task[None]] = set()

    async def called(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None or len(callers) >= MOST_CALLERS:
            writer.close()
            return
        callers.add(task)
        try:
            feed.connected()
            await _hear_stream(feed, reader)
        except (OSError, Refusal):
            pass  # he may call again
        finally:
            callers.discard(task)
            writer.close()

    server = await asyncio.start_server(called, where.host or None, where.port, ssl=tls)
    feed.listens_at(server.sockets[0].getsockname()[1])
    try:
        await server.serve_forever()
    finally:
        server.close()
        for task in callers:
            task.cancel()
        await asyncio.gather(*callers, return_exceptions=True)


async def _hear_stream(feed: RunningFeed, reader: asyncio.StreamReader) -> None:
    decoder = feed.new_decoder()
    patience_s = feed.settings.options.silent_s * SILENCES_TO_HANG_UP
    try:
        while True:
            try:
                async with asyncio.timeout(patience_s):
                    data = await reader.read(READ_BYTES)
            except TimeoutError:
                raise Refusal("feeds_live.heard_in_time", "where", feed.settings.where, silent_s=patience_s) from None
            if not data:
                return
            feed.hear(decoder, data)
            await asyncio.sleep(0)
    finally:
        feed.finish(decoder)


async def hear_http(feed: RunningFeed, where: Where) -> None:
    """Ask for a document again and again; never returns."""
    decoder = feed.new_decoder()
    limits = aiohttp.ClientTimeout(total=CONNECT_WITHIN_S)
    async with aiohttp.ClientSession(timeout=limits, auto_decompress=True) as session:
        first = True
        while True:
            async with session.get(where.path, allow_redirects=False) as answer:
                if answer.status != 200:
                    raise Refusal("feeds_live.answer", "where", answer.status)
                body = bytearray()
                async for piece in answer.content.iter_chunked(2**16):
                    body += piece
                    if len(body) > LARGEST_DOCUMENT:
                        raise Refusal("feeds.at_most_bytes", "where", len(body), limit_bytes=LARGEST_DOCUMENT)
            if first:
                feed.connected()
                first = False
            feed.hear(decoder, bytes(body))
            await asyncio.sleep(feed.settings.options.poll_s)


async def hear_changing_file(feed: RunningFeed, where: Where) -> None:
    """Read a file whenever it has changed; never returns."""
    decoder = feed.new_decoder()
    path, known = Path(where.path), None
    while True:
        found = await asyncio.to_thread(_changed, path, known)
        if found is not None:
            if known is None:
                feed.connected()
            known, content = found
            feed.hear(decoder, content)
        await asyncio.sleep(feed.settings.options.poll_s)


_Mark = tuple[int, int, int]


def _changed(path: Path, known: _Mark | None) -> tuple[_Mark, bytes] | None:
    """Return the content of a file and what tells it from others, unless that is `known`."""
    with _ordinary(path) as stream:
        state = os.fstat(stream.fileno())
        mark = (state.st_ino, state.st_mtime_ns, state.st_size)
        if mark == known:
            return None
        content = stream.read(LARGEST_DOCUMENT + 1)
    if len(content) > LARGEST_DOCUMENT:
        raise Refusal("feeds.at_most_bytes", "where", len(content), limit_bytes=LARGEST_DOCUMENT)
    return mark, content


async def hear_file(feed: RunningFeed, where: Where) -> None:
    """Hear a file from its beginning to its end; a pipe or a serial line as long as it lasts."""
    path = Path(where.path)
    if await asyncio.to_thread(_is_line, path):
        await _hear_pipe(feed, await asyncio.to_thread(path.open, "rb", 0))
        return
    with await asyncio.to_thread(_ordinary, path) as stream:
        feed.connected()
        decoder = feed.new_decoder()
        while data := await asyncio.to_thread(stream.read, READ_BYTES):
            feed.hear(decoder, data)
        feed.finish(decoder)


async def hear_standard_input(feed: RunningFeed) -> None:
    """Hear standard input until it ends."""
    if stat.S_ISREG(os.fstat(sys.stdin.fileno()).st_mode):
        await hear_file(feed, Where(feed.settings.place().carriage, path="/dev/stdin"))
        return
    await _hear_pipe(feed, sys.stdin.buffer)


async def _hear_pipe(feed: RunningFeed, stream: BinaryIO) -> None:
    reader = asyncio.StreamReader(limit=2 * READ_BYTES)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), stream
    )
    feed.connected()
    decoder = feed.new_decoder()
    try:
        while data := await reader.read(READ_BYTES):
            feed.hear(decoder, data)
            await asyncio.sleep(0)
    finally:
        feed.finish(decoder)
        transport.close()


def _is_line(path: Path) -> bool:
    """Whether a path is a pipe or a serial line, which may never end."""
    return path.is_fifo() or path.is_char_device()


def _ordinary(path: Path) -> BinaryIO:
    if not path.is_file():
        raise Refusal("feeds.file_readable", "where", "not a file" if path.exists() else "no such file")
    return path.open("rb")
