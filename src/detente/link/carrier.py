"""What brings a batch of envelopes to an address of the peer and its answer back: HTTP over TLS, between nodes."""

from __future__ import annotations

import io
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

import aiohttp
import structlog

from detente.airspace.refusal import Refusal
from detente.link.answer import ENVELOPES_MEDIA_TYPE, ENVELOPES_PATH, MAX_ANSWER_BYTES
from detente.link.looking_up import LookUp
from detente.link.tls import LinkTls

log = structlog.get_logger()


class CarriageError(Exception):
    """No answer came back. The peer may have taken the batch all the same."""


class EnvelopeCarrier(Protocol):
    """The way of a batch to the peer's node."""

    async def carry(
        self, address: str, peer: bytes, batch: bytes, connect_s: float, total_s: float
    ) -> tuple[int, bytes]:
        """Return the HTTP status and the body of the answer, of at most a little more than MAX_ANSWER_BYTES.

        `peer` is the public key of the party that is to be there. Gives up after `connect_s` seconds without a
        connection, or `total_s` in all. Raises CarriageError.
        """
        ...


TellOfImpostor = Callable[[bytes, str], Awaitable[None]]
"""Tell people once that somebody else answers at an address of the party that has a public key."""

CARRIAGE_FAULTS = (aiohttp.ClientError, TimeoutError, OSError, UnicodeError, Refusal)
"""What a request raises where no answer comes."""

IMPOSTOR = "SOMEBODY ELSE ANSWERS THERE: it does not hold the key on the peer's card. Nothing was sent; ask by voice"

_OUT_OF_TIME = frozenset({9, 10})
"""OpenSSL's codes for a certificate that does not hold yet, and for one that held before."""

OpenCarrier = Callable[[], AbstractAsyncContextManager[EnvelopeCarrier]]
"""Gives a carrier for as long as the context lasts."""


class LinkClient:
    """An HTTP client for links, which calls every address as that of one party."""

    def __init__(self, session: aiohttp.ClientSession, tls: LinkTls) -> None:
        self._session = session
        self._tls = tls

    def request(
        self, method: str, address: str, path: str, peer: bytes, *, data: bytes | io.BytesIO, headers: dict[str, str],
        timeout: aiohttp.ClientTimeout,
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:  # fmt: skip
        """Ask `peer` (public key) at an address of its card; a redirect is not followed.

        Raises Refusal for an address that may not be called, and one of CARRIAGE_FAULTS where no answer comes.
        """
        return self._session.request(
            method, address.rstrip("/") + path, data=data, headers=headers, timeout=timeout, allow_redirects=False,
            ssl=self._tls.calling(address, peer),
        )  # fmt: skip


class HttpCarrier:
    """Carries over HTTP with a client that others may use too. `tell` hears of impostors."""

    def __init__(self, client: LinkClient, tell: TellOfImpostor) -> None:
        self._client = client
        self._tell = tell
        self._impostors_at: set[str] = set()

    async def carry(
        self, address: str, peer: bytes, batch: bytes, connect_s: float, total_s: float
    ) -> tuple[int, bytes]:
        """POST the batch."""
        timeout = aiohttp.ClientTimeout(total=total_s, sock_connect=connect_s)
        headers = {"Content-Type": ENVELOPES_MEDIA_TYPE}
        try:
            async with self._client.request(
                "POST", address, ENVELOPES_PATH, peer, data=io.BytesIO(batch), headers=headers, timeout=timeout
            ) as response:
                data = bytearray()
                while len(data) <= MAX_ANSWER_BYTES and (chunk := await response.content.read(64 * 1024)):
                    data += chunk
                if len(data) > MAX_ANSWER_BYTES:
                    response.close()
                self._impostors_at.discard(address)
                return response.status, bytes(data)
        except CARRIAGE_FAULTS as error:
            why = why_not_carried(error)
            if why == IMPOSTOR and address not in self._impostors_at:
                self._impostors_at.add(address)
                log.error("somebody else answers in a peer's place", address=address, peer_key=peer.hex())
                await self._tell(peer, address)
            raise CarriageError(why) from error


def why_not_carried(error: Exception) -> str:
    """Return in words why no answer came; whoever answers without the peer's key is called what it is."""
    cause = getattr(error, "certificate_error", error)
    if isinstance(error, aiohttp.ClientConnectorError) and cause is error:
        # Its own words show an object of the program.
        return f"{error.host}:{error.port}: {error.os_error.strerror or error.os_error}"
    if not isinstance(cause, ssl.SSLCertVerificationError):
        return f"{type(error).__name__}: {str(error) or 'no answer in time'}"
    if cause.verify_code in _OUT_OF_TIME:
        return "the certificate shown there is not of our time: compare the clocks of both nodes"
    return IMPOSTOR


@asynccontextmanager
async def open_client(tls: LinkTls) -> AsyncIterator[LinkClient]:
    """Give an HTTP client for links: no cookies, no proxies from the environment, no decompression."""
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(resolver=LookUp()),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        auto_decompress=False,
        headers={"Accept-Encoding": "identity", "User-Agent": "detente"},
    ) as session:
        yield LinkClient(session, tls)


@asynccontextmanager
async def open_http_carrier(tls: LinkTls, tell: TellOfImpostor) -> AsyncIterator[EnvelopeCarrier]:
    """Give a carrier over HTTP; see `OpenCarrier`."""
    async with open_client(tls) as client:
        yield HttpCarrier(client, tell)
