"""The HTTP application: finds the endpoint, asks who it is, answers when the answer is durable."""

from __future__ import annotations

import asyncio
import hashlib
import time
from typing import TYPE_CHECKING
from uuid import uuid4

import structlog

from detente.utm.access.tokens import Bearer, TokenJudge
from detente.utm.answers import constraint_document, encode, intent_document
from detente.utm.refused import Refused
from detente.utm.service.auxiliary_endpoints import AUXILIARY_ENDPOINTS
from detente.utm.service.dss_endpoints import DSS_ENDPOINTS
from detente.utm.service.endpoint import Call, Endpoint, Reply, Router, Settings
from detente.utm.service.gate import Gate
from detente.utm.service.loop import CommandLoop, ServiceStopped
from detente.utm.service.rid_endpoints import RID_ENDPOINTS

if TYPE_CHECKING:
    from litestar.types import HTTPScope as Scope
    from litestar.types import Receive, Send

RETRY_AFTER_S = b"1"
LONGEST_REQUEST_ID = 200
LONGEST_BODY_S = 10.0
_JSON = (b"content-type", b"application/json")
_NOBODY = Bearer("", frozenset(), 0.0)
log = structlog.get_logger()


class ClientGone(Exception):  # noqa: N818 - the client's affair
    """The client hung up before its request was whole."""


class Service:
    """Answers HTTP requests out of a command loop. `handle` is an ASGI application: it has no use for a framework."""

    def __init__(self, loop: CommandLoop, judge: TokenJudge, settings: Settings, gate: Gate) -> None:
        self._loop = loop
        self._judge = judge
        self._settings = settings
        self._gate = gate
        self._router = Router([*DSS_ENDPOINTS, *RID_ENDPOINTS, *AUXILIARY_ENDPOINTS])

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            reply = await self._answered(scope, dict(scope["headers"]), receive)
        except Refused as refused:
            reply = Reply(refused.status, encode({"message": refused.message}))
        except ClientGone:
            return
        except ServiceStopped:
            reply = Reply(503, encode({"message": "the service stops; ask for the outcome when it is back"}))
        except Exception:
            number = str(uuid4())
            log.exception("a request failed", path=scope["path"], error=number)
            reply = Reply(500, encode({"message": f"the service is at fault; report it as {number}"}))
        await _send(send, reply)

    async def _answered(self, scope: Scope, headers: dict[bytes, bytes], receive: Receive) -> Reply:
        raw_path = scope["raw_path"].decode("latin-1")
        method = scope["method"]
        if raw_path == "/healthy" and method == "GET":
            if self._loop.failed.is_set():
                raise Refused(503, "the journal failed")
            return Reply(200, b"ok")
        found = self._router.find(raw_path)
        if found is None:
            raise Refused(404, "there is nothing at this path")
        endpoints, parameters = found
        endpoint = endpoints.get(method)
        if endpoint is None:
            raise Refused(405, f"this path takes {', '.join(sorted(endpoints))}")
        expected_bytes = _content_length(headers)
        self._gate.enter(expected_bytes, self._loop.backlog)
        try:
            body = await _body(receive, self._gate.limits.body_bytes)
            return await self._served(endpoint, parameters, scope, headers, body)
        finally:
            self._gate.leave(expected_bytes)

    async def _served(
        self, endpoint: Endpoint, parameters: tuple[str, ...], scope: Scope, headers: dict[bytes, bytes], body: bytes
    ) -> Reply:
        bearer = _NOBODY
        if endpoint.scopes:
            bearer = self._judge.bearer(headers.get(b"authorization", b""), time.time())
            if not any(needed <= bearer.scopes for needed in endpoint.scopes):
                needs = " or ".join(" and ".join(sorted(needed)) for needed in endpoint.scopes)
                raise Refused(403, f"the access token lacks the scope {needs}")
        request_id = headers.get(b"idempotency-key", b"").decode("latin-1")
        if len(request_id) > LONGEST_REQUEST_ID:
            raise Refused(400, f"a request id has {LONGEST_REQUEST_ID} characters at most")
        fingerprint = ""
        if request_id:
            what = b"\n".join((endpoint.method.encode(), scope["raw_path"], body))
            fingerprint = hashlib.sha256(what).hexdigest()[:32]
        self._gate.enter_client(bearer.subject, time.monotonic())
        try:
            call = Call(
                self._loop, self._settings, bearer, parameters, scope["query_string"], body, request_id, fingerprint
            )
            try:
                reply = endpoint.handler(call)
            except Refused as refused:
                reply = self._refusal(refused, bearer.subject)
            await self._loop.durable()
        finally:
            self._gate.leave_client(bearer.subject)
        return reply

    def _refusal(self, refused: Refused, asker: str) -> Reply:
        document: dict[str, object] = {"message": refused.message}
        state = self._loop.state.dss
        if refused.missing_intents:
            document["missing_operational_intents"] = [
                intent_document(state, state.intents[name], asker) for name in refused.missing_intents
            ]
        if refused.missing_constraints:
            document["missing_constraints"] = [
                constraint_document(state, state.constraints[name], asker) for name in refused.missing_constraints
            ]
        return Reply(refused.status, encode(document))


async def _body(receive: Receive, most_bytes: int) -> bytes:
    message = await receive()
    if message["type"] == "http.request" and not message["more_body"] and len(message["body"]) <= most_bytes:
        return message["body"]
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(LONGEST_BODY_S):
            while True:
                if message["type"] != "http.request":
                    raise ClientGone
                size += len(message["body"])
                if size > most_bytes:
                    raise Refused(413, f"the body is over {most_bytes} bytes")
                parts.append(message["body"])
                if not message["more_body"]:
                    return b"".join(parts)
                message = await receive()
    except TimeoutError as error:
        raise Refused(408, f"the body did not come within {LONGEST_BODY_S:.0f} seconds") from error


def _content_length(headers: dict[bytes, bytes]) -> int:
    text = headers.get(b"content-length", b"0")
    return int(text) if text.isdigit() else 0


async def _send(send: Send, reply: Reply) -> None:
    headers = [_JSON, (b"content-length", str(len(reply.body)).encode())]
    if reply.status in (429, 503):
        headers.append((b"retry-after", RETRY_AFTER_S))
    if reply.status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body, "more_body": False})
