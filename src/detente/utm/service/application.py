"""What stands between a connection and an endpoint: finds it, asks who it is, answers when the answer is durable."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from uuid import uuid4

import httptools
import structlog

from detente.utm.access.tokens import Bearer, TokenJudge
from detente.utm.answers import constraint_document, encode, intent_document
from detente.utm.refused import Refused
from detente.utm.service.auxiliary_endpoints import AUXILIARY_ENDPOINTS
from detente.utm.service.connection import Asked, refusal_reply
from detente.utm.service.dss_endpoints import DSS_ENDPOINTS
from detente.utm.service.endpoint import Admitted, Call, Endpoint, Reply, Router, Settings
from detente.utm.service.gate import Gate
from detente.utm.service.loop import DecisionLoop
from detente.utm.service.rid_endpoints import RID_ENDPOINTS

LONGEST_REQUEST_ID = 200
_NOBODY = Bearer("", frozenset(), 0.0)
_STOPPED = Refused(503, "the service stops; ask for the outcome when it is back")
log = structlog.get_logger()


class UtmService:
    """Answers requests out of a command loop. An `Answering` of connections."""

    def __init__(self, loop: DecisionLoop, judge: TokenJudge, settings: Settings, gate: Gate) -> None:
        self.most_bytes = gate.limits.body_bytes
        self._loop = loop
        self._judge = judge
        self._settings = settings
        self._gate = gate
        self._router = Router([*DSS_ENDPOINTS, *RID_ENDPOINTS, *AUXILIARY_ENDPOINTS])

    def admit(self, method: str, target: bytes, headers: dict[bytes, bytes]) -> Admitted:
        """Find who answers, and make sure that there is room. Raises Refused 400, 404, 405, 413 or 503."""
        raw_path, query_text = _parts_of(target)
        expected_bytes = _content_length(headers)
        if raw_path == "/healthy" and method == "GET":
            return Admitted(None, (), query_text, 0)
        route = self._router.find(raw_path)
        if route is None:
            raise Refused(404, "there is nothing at this path")
        endpoints, parameters = route
        endpoint = endpoints.get(method)
        if endpoint is None:
            raise Refused(405, f"this path takes {', '.join(sorted(endpoints))}")
        self._gate.enter(expected_bytes, self._loop.backlog)
        return Admitted(endpoint, parameters, query_text, expected_bytes)

    def forget(self, admitted: Admitted) -> None:
        """Release an admitted request that has been answered or will not arrive whole."""
        if admitted.endpoint is not None:
            self._gate.leave(admitted.expected_bytes)

    def answer(self, asked: Asked, done: Callable[[Reply], None]) -> None:
        """Decide a request now; call `done` with the answer once everything that it shows is on the disk."""
        admitted = asked.admitted
        assert admitted is not None
        client: str | None = None
        try:
            bearer = self._bearer(admitted.endpoint, asked.headers)
            call = self._call(asked, admitted, bearer)
            self._gate.enter_client(bearer.subject, time.monotonic())
            client = bearer.subject
            reply = self._served(admitted.endpoint, call)
        except Refused as refused:
            reply = refusal_reply(refused)
        except Exception:
            number = str(uuid4())
            log.exception("a request failed", target=asked.target, error=number)
            reply = refusal_reply(Refused(500, f"the service is at fault; report it as {number}"))

        def finish(is_durable: bool) -> None:  # noqa: FBT001 - called by the loop
            self.forget(admitted)
            if client is not None:
                self._gate.leave_client(client)
            done(reply if is_durable else refusal_reply(_STOPPED))

        if client is None:
            finish(is_durable=True)
        else:
            self._loop.when_durable(finish)

    def _bearer(self, endpoint: Endpoint | None, headers: dict[bytes, bytes]) -> Bearer:
        if endpoint is None or not endpoint.scopes:
            return _NOBODY
        bearer = self._judge.bearer(headers.get(b"authorization", b""), time.time())
        for needed in endpoint.scopes:
            if needed <= bearer.scopes:
                return bearer
        needs = " or ".join(" and ".join(sorted(needed)) for needed in endpoint.scopes)
        raise Refused(403, f"the access token lacks the scope {needs}")

    def _call(self, asked: Asked, admitted: Admitted, bearer: Bearer) -> Call:
        request_id = asked.headers.get(b"idempotency-key", b"").decode("latin-1")
        if len(request_id) > LONGEST_REQUEST_ID:
            raise Refused(400, f"a request id has {LONGEST_REQUEST_ID} characters at most")
        fingerprint = ""
        if request_id:
            path = asked.target.partition(b"?")[0]
            fingerprint = hashlib.sha256(b"\n".join((asked.method.encode(), path, asked.body))).hexdigest()[:32]
        return Call(
            self._loop,
            self._settings,
            bearer,
            admitted.parameters,
            admitted.query_text,
            asked.body,
            request_id,
            fingerprint,
        )

    def _served(self, endpoint: Endpoint | None, call: Call) -> Reply:
        if endpoint is None:
            if self._loop.failed.is_set():
                raise Refused(503, "the journal failed")
            return Reply(200, b"ok")
        try:
            return endpoint.handler(call)
        except Refused as refused:
            return self._refusal(refused, call.bearer.subject)

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


def _parts_of(target: bytes) -> tuple[str, bytes]:
    """The path, as it was written, and the query of a request's target."""
    if target.startswith(b"/"):
        path, _, query_text = target.partition(b"?")
        return path.decode("latin-1"), query_text
    try:
        url = httptools.parse_url(target)
    except httptools.HttpParserInvalidURLError as error:
        raise Refused(400, "the target of the request cannot be read") from error
    return (url.path or b"/").decode("latin-1"), url.query or b""


def _content_length(headers: dict[bytes, bytes]) -> int:
    text = headers.get(b"content-length", b"0")
    return int(text) if text.isdigit() else 0
