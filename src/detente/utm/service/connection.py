"""HTTP/1.1 as this service needs it: httptools reads, whole requests are answered in order, each answer is one write.

A request is decided in the event that brought its last byte, and its answer is written in the event that made it
durable: no task, queue or future stands between, which for small requests cost more than what was asked.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import Protocol, cast

import httptools

from detente.utm.answers import encode
from detente.utm.refused import Refused
from detente.utm.service.endpoint import Admitted, Reply

LONGEST_REQUEST_S = 10.0
"""How long a request may take to come, from its first byte to its last."""
LONGEST_IDLE_S = 75.0
LONGEST_HEAD = 65_536
_SWEEP_S = 1.0
_RETRY_AFTER_S = 1
_CLOSE = b"connection: close\r\n"


def _head(status: HTTPStatus) -> bytes:
    lines = [f"HTTP/1.1 {status.value} {status.phrase}", "content-type: application/json"]
    if status in (429, 503):
        lines.append(f"retry-after: {_RETRY_AFTER_S}")
    if status == 401:
        lines.append("www-authenticate: Bearer")
    return "\r\n".join([*lines, "content-length: "]).encode()


_HEADS = {status.value: _head(status) for status in HTTPStatus if status >= 200}


class Asked:
    """One request, as far as it has come.

    Attributes:
        admitted: what the service noted when it let the request in; None before.
        is_refused: it was answered before it was whole; its rest is dropped.
    """

    __slots__ = (
        "admitted",
        "begun_s",
        "body",
        "headers",
        "is_refused",
        "is_whole",
        "keep_alive",
        "method",
        "parts",
        "size",
        "target",
    )

    def __init__(self, begun_s: float) -> None:
        self.begun_s = begun_s
        self.method = ""
        self.target = b""
        self.headers: dict[bytes, bytes] = {}
        self.parts: list[bytes] = []
        self.size = 0
        self.body = b""
        self.keep_alive = True
        self.is_whole = False
        self.is_refused = False
        self.admitted: Admitted | None = None


class Answering(Protocol):
    """Who answers. Every request that `admit` let in is given to `answer` or to `forget`, once."""

    most_bytes: int

    def admit(self, method: str, target: bytes, headers: dict[bytes, bytes]) -> Admitted:
        """Let a request in, of which the head is there. Raises Refused."""

    def answer(self, asked: Asked, done: Callable[[Reply], None]) -> None:
        """Answer a request that is whole; `done` is called once, now or later."""

    def forget(self, admitted: Admitted) -> None:
        """The rest of a request will not come."""


class Connections:
    """All connections of one server, and the clock that ends those which keep it waiting."""

    def __init__(self, service: Answering, loop: asyncio.AbstractEventLoop) -> None:
        self.service = service
        self.loop = loop
        self.open: set[ClientConnection] = set()
        self.is_leaving = False
        self._last = asyncio.Event()
        self._timer = loop.call_later(_SWEEP_S, self._sweep)

    def connect(self) -> ClientConnection:
        """The protocol of a new connection."""
        return ClientConnection(self)

    def lost(self, connection: ClientConnection) -> None:
        """A connection is closed."""
        self.open.discard(connection)
        if self.is_leaving and not self.open:
            self._last.set()

    async def leave(self, within_s: float) -> None:
        """Close every connection, once what it asked is answered, or after `within_s` seconds."""
        self.is_leaving = True
        self._timer.cancel()
        for connection in [*self.open]:
            connection.close_when_idle()
        with contextlib.suppress(TimeoutError):
            if self.open:
                await asyncio.wait_for(self._last.wait(), within_s)
        for connection in [*self.open]:
            connection.abort()

    def _sweep(self) -> None:
        now_s = self.loop.time()
        for connection in [*self.open]:
            connection.look_at_clock(now_s)
        self._timer = self.loop.call_later(_SWEEP_S, self._sweep)


class ClientConnection(asyncio.Protocol):
    """One client's connection. Requests that are sent ahead of answers wait, and nothing more is read meanwhile."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._service = connections.service
        self._loop = connections.loop
        self._parser = httptools.HttpRequestParser(self)
        self._waiting: deque[Asked] = deque()
        self._newest = Asked(0.0)
        self._head_bytes = 0
        self._is_answering = False
        self._is_advancing = False
        self._is_reading = True
        self._is_writable = True
        self._since_s = self._loop.time()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        # uvloop's transports are no asyncio.Transport by name.
        self._transport = cast("asyncio.Transport", transport)
        self._connections.open.add(self)
        if self._connections.is_leaving:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Forget what was not yet given to the service; what was is carried out, and its answer dropped."""
        self._connections.lost(self)
        while self._waiting:
            self._forget(self._waiting.popleft())

    def data_received(self, data: bytes) -> None:
        """Read on."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserCallbackError:
            raise
        except httptools.HttpParserUpgrade:
            # It was answered in HTTP/1.1, which is all that is spoken here; what follows is in another protocol.
            return
        except httptools.HttpParserError:
            self._break_off(400, "this is no HTTP request that can be read")

    def pause_writing(self) -> None:
        """The client reads slowly: its next request waits."""
        self._is_writable = False

    def resume_writing(self) -> None:
        """Go on."""
        self._is_writable = True
        self._advance()

    def on_message_begin(self) -> None:
        """Called by the parser: a request begins."""
        self._newest = Asked(self._loop.time())
        self._head_bytes = 0
        self._waiting.append(self._newest)
        if self._is_answering or not self._is_writable:
            self._is_reading = False
            self._transport.pause_reading()

    def on_url(self, url: bytes) -> None:
        """Called by the parser, with a part of the target."""
        self._newest.target += url
        self._count_head(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by the parser: one header."""
        self._newest.headers[name.lower()] = value
        self._count_head(len(name) + len(value))

    def on_headers_complete(self) -> None:
        """Called by the parser: the body follows."""
        asked = self._newest
        asked.method = self._parser.get_method().decode("ascii")
        expects_word = asked.headers.get(b"expect", b"").lower() == b"100-continue"
        # A client that waits for a word before it sends its body may send none when it is refused.
        asked.keep_alive = self._parser.should_keep_alive() and not self._parser.should_upgrade() and not expects_word
        self._advance()
        if expects_word and asked.admitted is not None:
            asked.keep_alive = self._parser.should_keep_alive()
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        """Called by the parser: a part of the body."""
        asked = self._newest
        if asked.is_refused:
            return
        asked.size += len(body)
        asked.parts.append(body)
        if asked.admitted is not None and asked.size > self._service.most_bytes:
            self._refuse(asked, Refused(413, f"the body is over {self._service.most_bytes} bytes"))

    def on_message_complete(self) -> None:
        """Called by the parser: the request is whole."""
        self._newest.is_whole = True
        self._advance()

    def close_when_idle(self) -> None:
        """Close, now or after the answer that is due."""
        if not self._waiting and not self._is_answering:
            self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        self._transport.abort()

    def look_at_clock(self, now_s: float) -> None:
        """Break off a request that takes too long to come, close a connection that was idle for long."""
        if self._is_answering:
            return
        if not self._waiting or not self._is_writable:
            if now_s - self._since_s > LONGEST_IDLE_S:
                self._transport.abort()
        elif now_s - self._waiting[0].begun_s > LONGEST_REQUEST_S:
            self._break_off(408, f"the request did not come within {LONGEST_REQUEST_S:.0f} seconds")

    def _count_head(self, more: int) -> None:
        self._head_bytes += more
        if self._head_bytes > LONGEST_HEAD:
            self._break_off(431, f"the head of a request is {LONGEST_HEAD} bytes at most")

    def _advance(self) -> None:
        """Let in what has come, and answer what is whole, one request after the other."""
        if self._is_advancing:
            return
        self._is_advancing = True
        while self._waiting and not self._is_answering and self._is_writable and not self._transport.is_closing():
            asked = self._waiting[0]
            if asked.admitted is None and not asked.is_refused and asked.method:
                self._admit(asked)
            if not asked.is_whole:
                break
            self._waiting.popleft()
            if asked.is_refused:
                self._close_after(asked)
                continue
            self._is_answering = True
            asked.body = asked.parts[0] if len(asked.parts) == 1 else b"".join(asked.parts)
            asked.parts.clear()
            self._service.answer(asked, partial(self._done, asked))
        self._is_advancing = False
        if not self._is_reading and not self._is_answering and self._is_writable and not self._transport.is_closing():
            self._is_reading = True
            self._transport.resume_reading()

    def _admit(self, asked: Asked) -> None:
        try:
            asked.admitted = self._service.admit(asked.method, asked.target, asked.headers)
        except Refused as refused:
            self._refuse(asked, refused)

    def _refuse(self, asked: Asked, refused: Refused) -> None:
        self._forget(asked)
        asked.is_refused = True
        asked.parts.clear()
        self._write(asked, refusal_reply(refused))

    def _forget(self, asked: Asked) -> None:
        admitted, asked.admitted = asked.admitted, None
        if admitted is not None:
            self._service.forget(admitted)

    def _done(self, asked: Asked, reply: Reply) -> None:
        self._is_answering = False
        if self._transport.is_closing():
            return
        self._write(asked, reply)
        self._close_after(asked)
        self._advance()

    def _write(self, asked: Asked, reply: Reply) -> None:
        self._since_s = self._loop.time()
        if self._connections.is_leaving:
            asked.keep_alive = False
        head = b"%b%d\r\n%b\r\n" % (_HEADS[reply.status], len(reply.body), b"" if asked.keep_alive else _CLOSE)
        self._transport.writelines((head,) if asked.method == "HEAD" else (head, reply.body))

    def _close_after(self, asked: Asked) -> None:
        if not asked.keep_alive:
            self._transport.close()

    def _break_off(self, status: int, message: str) -> None:
        if self._transport.is_closing():
            return
        # Between a request and its answer nothing may be written, nor a second answer to what was refused.
        if not self._is_answering and not (self._waiting and self._waiting[0].is_refused):
            self._write(_LAST, refusal_reply(Refused(status, message)))
        self._transport.close()


_LAST = Asked(0.0)
_LAST.keep_alive = False


def refusal_reply(refused: Refused) -> Reply:
    """A refusal as a reply, without what it lacked."""
    return Reply(refused.status, encode({"message": refused.message}))
