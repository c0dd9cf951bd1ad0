"""The way of a request: judged by its head, token and all, and answered once the answer is durable."""

from __future__ import annotations

import hashlib
import time
from concurrent.futures import CancelledError, Future
from datetime import UTC, datetime
from functools import partial
from typing import NamedTuple
from uuid import uuid4

import structlog

from detente.serving.exchange import Admitted, Exchange, answer_head
from detente.serving.rejected import Rejected
from detente.utm.access.tokens import Bearer, TokenJudge
from detente.utm.answers import constraint_document, encode, intent_document
from detente.utm.refused import Refused
from detente.utm.service.aside import CoveringAside
from detente.utm.service.auxiliary_endpoints import AUXILIARY_ENDPOINTS
from detente.utm.service.dss_endpoints import DSS_ENDPOINTS
from detente.utm.service.endpoint import JSON, Call, Endpoint, Handler, Reply, Router, Settings
from detente.utm.service.gate import Gate
from detente.utm.service.loop import DecisionLoop
from detente.utm.service.metrics import ServiceMetrics
from detente.utm.service.operators import Operators
from detente.utm.service.request_log import LONGEST_PATH, RequestLine, RequestLog
from detente.utm.service.rid_endpoints import RID_ENDPOINTS
from detente.utm.space import Extents, HeavyWork

LONGEST_REQUEST_ID = 200
_JSON = (b"content-type", JSON)
_HEADS = {status: answer_head(status, [_JSON]) for status in range(200, 600)}
_HEADS[401] = answer_head(401, [_JSON, (b"www-authenticate", b"Bearer")])
_NOBODY = Bearer("", frozenset(), 0.0)
_STOPPED = Refused(503, "the service stops; ask for the outcome when it is back")
log = structlog.get_logger()


class _Asked(NamedTuple):
    """What the head of a request asks for, who asks, and the path of the interface that it was found under."""

    handler: Handler
    parameters: tuple[str, ...]
    bearer: Bearer
    pattern: str


class UtmService:
    """Answers requests out of a command loop. An `Answering` of connections."""

    def __init__(
        self,
        loop: DecisionLoop,
        judge: TokenJudge,
        settings: Settings,
        gate: Gate,
        operators: Operators,
        metrics: ServiceMetrics,
        request_log: RequestLog,
    ) -> None:
        self._operators = operators
        self._metrics = metrics
        self._request_log = request_log
        self._loop = loop
        self._judge = judge
        self._settings = settings
        self._gate = gate
        self._aside = CoveringAside()
        self._router = Router([*DSS_ENDPOINTS, *RID_ENDPOINTS, *AUXILIARY_ENDPOINTS])

    def admit(self, exchange: Exchange) -> Admitted:
        """Find who asks, and who answers. Raises Rejected 401, 403, 404 or 405."""
        path = exchange.path.decode("latin-1")
        if path in Operators.PATHS:
            if exchange.method != "GET":
                raise Rejected(405, "", "this path takes GET")
            authorization = exchange.headers.get(b"authorization", b"")
            handler = partial(self._answer_operators, path, authorization)
            return Admitted("", 0, None, _Asked(handler, (), _NOBODY, path))
        route = self._router.find(path)
        if route is None:
            raise Rejected(404, "", "there is nothing at this path")
        endpoints, parameters = route
        endpoint = endpoints.get(exchange.method)
        if endpoint is None:
            raise Rejected(405, "", f"this path takes {', '.join(sorted(endpoints))}")
        if not endpoint.scopes:
            return Admitted("", 0, None, _Asked(endpoint.handler, parameters, _NOBODY, endpoint.path))
        try:
            bearer = self._bearer(endpoint, exchange.headers)
        except Refused as refused:
            raise Rejected(refused.status, "", refused.message) from None
        asked = _Asked(endpoint.handler, parameters, bearer, endpoint.path)
        return Admitted(bearer.subject, self._gate.limits.body_bytes, None, asked)

    def refusal(self, rejected: Rejected) -> tuple[bytes, bytes]:
        """What was rejected as this interface words it."""
        field = f"{rejected.field}: " if rejected.field else ""
        mend = f" {rejected.mend}" if rejected.mend else ""
        return _HEADS[rejected.status], encode({"message": f"{field}{rejected.expected}{mend}"})

    def answer(self, exchange: Exchange) -> None:
        """Decide a request now; answer once everything that the answer shows is on the disk."""
        assert exchange.admitted is not None
        asked = exchange.admitted.noted
        assert isinstance(asked, _Asked)
        client = asked.bearer.subject
        if not client:
            _send(exchange, self._reply(exchange, asked, None))
            return
        try:
            self._gate.enter(client, self._loop.backlog, time.monotonic())
        except Refused as refused:
            _send(exchange, _refusal_reply(refused))
            return
        try:
            reply = self._reply(exchange, asked, None)
        except HeavyWork as work:
            try:
                self._aside.begin(client, work, partial(self._answer_covered, exchange, asked))
            except Refused as refused:
                self._finish(exchange, client, _refusal_reply(refused))
            return
        self._finish(exchange, client, reply)

    def answered(self, exchange: Exchange, status: int, size_bytes: int, seconds: float) -> None:
        """Count an answer, and log it unless an operator asked."""
        asked = None if exchange.admitted is None else exchange.admitted.noted
        pattern, client = (asked.pattern, asked.bearer.subject) if isinstance(asked, _Asked) else ("", "")
        method = "HEAD" if exchange.is_head else exchange.method
        self._metrics.answered(method, pattern, status, seconds)
        if pattern not in Operators.PATHS:
            path = exchange.target.partition(b"?")[0][:LONGEST_PATH].decode("ascii", "replace")
            line = RequestLine(
                datetime.now(UTC), exchange.way.address, client, method, path, status, exchange.size, size_bytes,
                round(seconds, 6),
            )  # fmt: skip
            self._request_log.note(line)

    def close(self) -> None:
        """Begin nothing more that is done aside."""
        self._aside.close()

    def _answer_covered(self, exchange: Exchange, asked: _Asked, covered: Future[Extents]) -> None:
        """Go on with a request whose cells were found aside."""
        try:
            reply = self._reply(exchange, asked, covered.result())
        except Refused as refused:
            reply = _refusal_reply(refused)
        except CancelledError:
            reply = _refusal_reply(_STOPPED)
        self._finish(exchange, asked.bearer.subject, reply)

    def _finish(self, exchange: Exchange, client: str, reply: Reply) -> None:
        def finish(is_durable: bool) -> None:  # noqa: FBT001 - called by the loop
            self._gate.leave(client)
            _send(exchange, reply if is_durable else _refusal_reply(_STOPPED))

        self._loop.when_durable(finish)

    def _reply(self, exchange: Exchange, asked: _Asked, covered: Extents | None) -> Reply:
        """The answer to a request. Raises HeavyWork where it is to be asked again with what was covered aside."""
        try:
            return asked.handler(self._call(exchange, asked, covered))
        except Refused as refused:
            return self._refusal(refused, asked.bearer.subject)
        except HeavyWork:
            raise
        except Exception:
            number = str(uuid4())
            log.exception("a request failed", target=exchange.target, error=number)
            return _refusal_reply(Refused(500, f"the service is at fault; report it as {number}"))

    def _bearer(self, endpoint: Endpoint, headers: dict[bytes, bytes]) -> Bearer:
        bearer = self._judge.bearer(headers.get(b"authorization", b""), time.time())
        for needed in endpoint.scopes:
            if needed <= bearer.scopes:
                return bearer
        needs = " or ".join(" and ".join(sorted(needed)) for needed in endpoint.scopes)
        raise Refused(403, f"the access token lacks the scope {needs}")

    def _answer_operators(self, path: str, authorization: bytes, call: Call) -> Reply:  # noqa: ARG002 - a handler
        return self._operators.answer(path, authorization)

    def _call(self, exchange: Exchange, asked: _Asked, covered: Extents | None) -> Call:
        request_id = exchange.headers.get(b"idempotency-key", b"").decode("latin-1")
        if len(request_id) > LONGEST_REQUEST_ID:
            raise Refused(400, f"a request id has {LONGEST_REQUEST_ID} characters at most")
        fingerprint = ""
        if request_id:
            path = exchange.target.partition(b"?")[0]
            fingerprint = hashlib.sha256(b"\n".join((exchange.method.encode(), path, exchange.body))).hexdigest()[:32]
        return Call(
            self._loop,
            self._settings,
            asked.bearer,
            asked.parameters,
            exchange.query,
            exchange.body,
            request_id,
            fingerprint,
            covered,
        )

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


def _refusal_reply(refused: Refused) -> Reply:
    """A refusal as a reply, without what it lacked."""
    return Reply(refused.status, encode({"message": refused.message}))


def _send(exchange: Exchange, reply: Reply) -> None:
    head = _HEADS[reply.status]
    exchange.reply(head if reply.media_type is JSON else head.replace(JSON, reply.media_type), reply.body)
