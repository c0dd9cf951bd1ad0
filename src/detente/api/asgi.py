"""Requests of a listener given to an ASGI application: one task for each, the body in one piece, answers as they come.

The listener takes the body before the application is asked, within the limits that its admission sets, so that an
application never waits for a client.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import structlog
from litestar.types import ASGIApp, Message, Scope

from detente.serving.exchange import Admitted, Exchange, answer_head
from detente.serving.rejected import Rejected

log = structlog.get_logger()
_EVENTS = b"text/event-stream"
_FRAMING = frozenset((b"content-length", b"transfer-encoding", b"connection"))


def exchange_of(scope: Scope) -> Exchange:
    """Return the exchange whose request an application was given."""
    extensions: Any = scope["extensions"]
    exchange: Exchange = extensions["exchange"]
    return exchange


class AsgiService:
    """Answers requests with an application. An `Answering` of connections.

    `admit` judges the head of a request, `refusal` words what the listener rejects; `scheme` is what clients speak.
    """

    def __init__(
        self,
        application: ASGIApp,
        admit: Callable[[Exchange], Admitted],
        refusal: Callable[[Rejected], tuple[bytes, bytes]],
        scheme: str = "http",
    ) -> None:
        self.admit = admit
        self.refusal = refusal
        self._application = application
        self._scheme = scheme
        self._tasks: set[asyncio.Task[None]] = set()

    def answer(self, exchange: Exchange) -> None:
        """Answer a request in a task of its own."""
        answering = _Answer(exchange)
        task = asyncio.get_running_loop().create_task(self._answer(answering), name="answer")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        exchange.when_gone = lambda: answering.client_has_gone(task)

    def answered(self, exchange: Exchange, status: int, size_bytes: int, seconds: float) -> None:
        """Nothing is noted of an answer: the application does so itself."""

    async def _answer(self, answering: _Answer) -> None:
        try:
            await self._application(self._scope(answering.exchange), answering.receive, answering.send)
        except Exception:
            log.exception("a request failed", path=answering.exchange.path)
        finally:
            if not answering.is_ended:
                answering.break_off(self.refusal)

    def _scope(self, exchange: Exchange) -> Any:  # noqa: ANN401 - the type that Litestar gives has keys of its own
        scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": exchange.version,
            "method": exchange.method,
            "scheme": self._scheme,
            "path": unquote(exchange.path.decode("latin-1")),
            "raw_path": exchange.path,
            "query_string": exchange.query,
            "root_path": "",
            "headers": list(exchange.headers.items()),
            "client": None,
            "server": None,
            "state": {},
            "extensions": {"exchange": exchange},
        }
        return scope


class _Answer:
    """One answer, as the application gives it."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.is_ended = False
        self._head = b""
        self._is_endless = False
        self._is_begun = False
        self._is_received = False
        self._gone = asyncio.Event()

    def client_has_gone(self, task: asyncio.Task[None]) -> None:
        """A command that was given is carried out; what is only being sent is not sent on."""
        self._gone.set()
        if self._is_begun:
            task.cancel()

    async def receive(self) -> Any:  # noqa: ANN401 - as ASGI has it
        """Give the body; after that, wait until the client has gone."""
        if not self._is_received:
            self._is_received = True
            body, self.exchange.body = bytes(self.exchange.body), b""
            return {"type": "http.request", "body": body, "more_body": False}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """Take a part of the answer."""
        exchange = self.exchange
        if message["type"] == "http.response.start":
            headers = [(name.lower(), value) for name, value in message["headers"]]
            self._is_endless = (b"content-type", _EVENTS) in [
                (name, value.partition(b";")[0]) for name, value in headers
            ]
            self._head = answer_head(message["status"], [one for one in headers if one[0] not in _FRAMING])
            return
        if message["type"] != "http.response.body" or self.is_ended:
            return
        body, has_more = message.get("body", b""), message.get("more_body", False)
        if not self._is_begun and not has_more:
            self.is_ended = True
            exchange.reply(self._head, body)
            return
        if not self._is_begun:
            self._is_begun = True
            exchange.begin(self._head, is_endless=self._is_endless)
            if exchange.is_over_at_end and exchange.way.is_ended:
                # Its end was seen before, when it might still have been an answer with an end.
                self.is_ended = True
                exchange.break_off()
                self._gone.set()
                return
        await exchange.write(body)
        if not has_more or exchange.is_head:
            self.is_ended = True
            exchange.end()
            self._gone.set()

    def break_off(self, refusal: Callable[[Rejected], tuple[bytes, bytes]]) -> None:
        """The application has failed, or was stopped."""
        self.is_ended = True
        if self._is_begun:
            self.exchange.break_off()
        else:
            self.exchange.keep_alive = False
            self.exchange.reply(*refusal(Rejected(500, "request", "a request that this node can answer")))
