"""One request and its answer, as far as they have come."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import NamedTuple, Protocol

from detente.serving.rejected import Rejected

RETRY_AFTER_S = 1
LOOK_BYTES = 1024
"""So much of a body is there when `Admitted.look` is asked, or all of a shorter one."""
_PHRASES = {status.value: status.phrase for status in HTTPStatus}


class Admitted(NamedTuple):
    """What the service says to the head of a request.

    Attributes:
        client: who asks, proved; empty for a stranger.
        most_bytes: how long the body may be; at 0 the request is answered from its head, whatever follows.
        look: says it again once the body's first LOOK_BYTES are there, for clients who prove in the body who they are.
        noted: what the service wants to find again.
    """

    client: str
    most_bytes: int
    look: Callable[[bytes], Admitted] | None = None
    noted: object = None


class Way(Protocol):
    """The connection on which an exchange is answered.

    `address` is where the client is; `user` the number of its account, for one that came through a socket file;
    `is_ended` says that the client sends no more.
    """

    address: str
    user: int | None
    is_ended: bool

    def send_whole(self, exchange: Exchange, head: bytes, body: bytes) -> None:
        """Send an answer that is there in full."""

    def send_part(self, data: bytes) -> None:
        """Send a piece of an answer."""

    def end_answer(self, exchange: Exchange) -> None:
        """The answer is sent, or will not be."""

    async def until_writable(self) -> None:
        """Wait until the client has read most of what was sent, or is gone."""


class Exchange:
    """A request and the way to answer it, once: by `reply`, or by `begin`, `write` and `end`.

    Attributes:
        begun_s: when its first byte came, by the event loop's clock.
        method: in capitals; empty until the head is whole. HEAD is asked as GET, and answered without the body.
        length: of the body, as the head says; None for one in chunks.
        size: how much of the body has come.
        charged: how many of its bytes the listener counts as in hand, and as those of the client `charged_to`.
        is_whole: nothing of it is still to come.
        is_refused: it was answered before it was whole; its rest is dropped.
        is_endless: the answer has no end of its own.
        is_gone: the client is gone: what is still answered is dropped.
        when_gone: called when the client is gone before the answer is sent.
    """

    # Most of a request is as most requests are: only what is not costs time to set.
    method = ""
    version = "1.1"
    target = b""
    path = b""
    query = b""
    length: int | None = 0
    body: bytes | bytearray = b""
    size = 0
    charged = 0
    charged_to = ""
    keep_alive = True
    is_head = False
    is_whole = False
    is_refused = False
    is_chunked = False
    is_endless = False
    is_gone = False
    admitted: Admitted | None = None
    when_gone: Callable[[], None] | None = None

    def __init__(self, way: Way, begun_s: float) -> None:
        self.way = way
        self.begun_s = begun_s
        self.headers: dict[bytes, bytes] = {}

    @property
    def expects_word(self) -> bool:
        """The client waits for a word before it sends the body."""
        return self.headers.get(b"expect", b"").lower() == b"100-continue" and self.version != "1.0"

    @property
    def is_over_at_end(self) -> bool:
        """It is over once the client sends no more: on a socket file no command ends one side and reads on."""
        return self.is_endless and self.way.user is not None

    def reply(self, head: bytes, body: bytes) -> None:
        """Answer in full. `head` is that of `answer_head`; what says how long the answer is follows it."""
        if self.is_gone:
            self.way.end_answer(self)
        else:
            self.way.send_whole(self, head, body)

    def begin(self, head: bytes, *, is_endless: bool = False) -> None:
        """Begin an answer whose length is not known. `head` is that of `answer_head`."""
        if self.is_gone:
            return
        self.is_endless = is_endless
        self.is_chunked = self.version == "1.1"
        self.keep_alive = self.keep_alive and self.is_chunked
        framing = b"transfer-encoding: chunked\r\n" if self.is_chunked else b""
        self.way.send_part(head + framing + (b"\r\n" if self.keep_alive else b"connection: close\r\n\r\n"))

    async def write(self, data: bytes) -> None:
        """Send a piece of an answer that was begun; wait while the client does not read."""
        if data and not self.is_gone and not self.is_head:
            self.way.send_part(b"%x\r\n%b\r\n" % (len(data), data) if self.is_chunked else data)
            await self.way.until_writable()

    def end(self) -> None:
        """End an answer that was begun."""
        if self.is_chunked and not self.is_head and not self.is_gone:
            self.way.send_part(b"0\r\n\r\n")
        self.way.end_answer(self)

    def break_off(self) -> None:
        """End an answer that was begun and cannot be finished, so that the client sees that it is not whole."""
        self.is_chunked = self.keep_alive = False
        self.way.end_answer(self)


class Answering(Protocol):
    """The service behind connections."""

    def admit(self, exchange: Exchange) -> Admitted:
        """Judge a request of which the head is there. Raises Rejected."""

    def answer(self, exchange: Exchange) -> None:
        """Answer a request that is whole, or that may have no body: now or later, in one of an exchange's ways."""

    def answered(self, exchange: Exchange, status: int, size_bytes: int, seconds: float) -> None:
        """Take note of an answer sent in full, a refusal too; `seconds` since the first byte of the request."""

    def refusal(self, rejected: Rejected) -> tuple[bytes, bytes]:
        """How this service words what was rejected: the head of the answer (see `answer_head`) and its body."""


def answer_head(status: int, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """The status line and headers of an answer, without what says how long it is and whether the connection stays."""
    lines = [b"HTTP/1.1 %d %b" % (status, _PHRASES.get(status, "").encode())]
    lines += [b"%b: %b" % header for header in headers]
    if status in (429, 503):
        lines.append(b"retry-after: %d" % RETRY_AFTER_S)
    return b"\r\n".join([*lines, b""])
