"""What brings a batch of envelopes to an address of the peer and its answer back: HTTP between running nodes."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

import aiohttp

from detente.link.answer import ENVELOPES_MEDIA_TYPE, ENVELOPES_PATH, MAX_ANSWER_BYTES


class CarriageError(Exception):
    """No answer came back. The peer may have taken the batch all the same."""


class Carrier(Protocol):
    """The way of a batch to the peer's node."""

    async def carry(self, address: str, batch: bytes, connect_s: float, total_s: float) -> tuple[int, bytes]:
        """Return the HTTP status and the body of the answer, of at most a little more than MAX_ANSWER_BYTES.

        Gives up after `connect_s` seconds without a connection, or `total_s` in all. Raises CarriageError.
        """
        ...


OpenCarrier = Callable[[], AbstractAsyncContextManager[Carrier]]
"""Gives a carrier for as long as the context lasts."""


class HttpCarrier:
    """Carries over HTTP with a client that others may use too."""

    def __init__(self, client: aiohttp.ClientSession) -> None:
        self._client = client

    async def carry(self, address: str, batch: bytes, connect_s: float, total_s: float) -> tuple[int, bytes]:
        """POST the batch; a redirect is not followed."""
        timeout = aiohttp.ClientTimeout(total=total_s, sock_connect=connect_s)
        headers = {"Content-Type": ENVELOPES_MEDIA_TYPE}
        try:
            async with self._client.post(
                address + ENVELOPES_PATH, data=io.BytesIO(batch), headers=headers, timeout=timeout,
                allow_redirects=False,
            ) as response:  # fmt: skip
                data = bytearray()
                while len(data) <= MAX_ANSWER_BYTES and (chunk := await response.content.read(64 * 1024)):
                    data += chunk
                if len(data) > MAX_ANSWER_BYTES:
                    response.close()
                return response.status, bytes(data)
        except (aiohttp.ClientError, TimeoutError, OSError, UnicodeError) as error:
            raise CarriageError(f"{type(error).__name__}: {error}") from error


def open_client() -> aiohttp.ClientSession:
    """Return an HTTP client for links: no cookies, no proxies from the environment, no decompression."""
    return aiohttp.ClientSession(
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        auto_decompress=False,
        headers={"Accept-Encoding": "identity", "User-Agent": "detente"},
    )


@asynccontextmanager
async def open_http_carrier() -> AsyncIterator[Carrier]:
    """Give a carrier over HTTP; see `OpenCarrier`."""
    async with open_client() as client:
        yield HttpCarrier(client)
