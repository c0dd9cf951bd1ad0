"""How an endpoint is described, and what it is given."""

from __future__ import annotations

from collections.abc import Callable
from secrets import token_hex
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote

import msgspec

from detente.utm.access.tokens import Bearer
from detente.utm.answers import encode
from detente.utm.refused import Refused
from detente.utm.representation import ServiceCommand, WriteOutcome
from detente.utm.service.loop import DecisionLoop


class Settings(msgspec.Struct, frozen=True):
    """What the operator chose that the endpoints must know."""

    allow_http: bool
    instance: str
    pool: str
    public_endpoint: str
    version: str


class Reply(NamedTuple):
    """Status and JSON body of an answer."""

    status: int
    body: bytes


class Call:
    """One request, authenticated."""

    __slots__ = (
        "bearer",
        "body",
        "fingerprint",
        "loop",
        "now_us",
        "parameters",
        "query_text",
        "request_id",
        "settings",
    )

    def __init__(
        self,
        loop: DecisionLoop,
        settings: Settings,
        bearer: Bearer,
        parameters: tuple[str, ...],
        query_text: bytes,
        body: bytes,
        request_id: str,
        fingerprint: str,
    ) -> None:
        self.loop = loop
        self.settings = settings
        self.bearer = bearer
        self.parameters = parameters
        self.query_text = query_text
        self.body = body
        self.request_id = request_id
        self.fingerprint = fingerprint
        self.now_us = loop.now_us()

    def query(self, name: str) -> str | None:
        """The first value of a query parameter."""
        try:
            pairs = parse_qsl(self.query_text.decode("ascii"), keep_blank_values=True, errors="strict")
        except ValueError as error:
            raise Refused(400, "the query cannot be read") from error
        return next((value for key, value in pairs if key == name), None)

    def write(self, command: ServiceCommand, subject: str) -> Reply:
        """Carry out a command, or find that it was carried out for this request id before."""
        if self.request_id:
            outcome = self.loop.state.outcomes.get((self.bearer.subject, self.request_id))
            if outcome is not None:
                return self._again(outcome)
        answer = self.loop.execute(command, subject, self.request_id, self.fingerprint)
        return Reply(answer.status, answer.body())

    def _again(self, outcome: WriteOutcome) -> Reply:
        if outcome.fingerprint != self.fingerprint:
            raise Refused(422, "this request id was used for another request; use a new one")
        if not outcome.document:
            raise Refused(
                409,
                f"this request was carried out before ({outcome.what}, version {outcome.version}), but its answer was "
                f"too long to keep; get the entity, and tell the subscriptions that a query of its area finds",
            )
        if outcome.told is None:
            return Reply(outcome.status, outcome.document)
        return Reply(outcome.status, outcome.document[:-1] + b',"subscribers":' + outcome.told + b"}")


Handler = Callable[[Call], Reply]


class Endpoint(NamedTuple):
    """Method and path, `{}` for each parameter; sets of scopes of which one must be held whole; and what it does.

    Without any set of scopes no token is asked for.
    """

    method: str
    path: str
    scopes: tuple[frozenset[str], ...]
    handler: Handler


class Admitted(NamedTuple):
    """What was found out about a request from its head. Without an endpoint it asks whether the service is well."""

    endpoint: Endpoint | None
    parameters: tuple[str, ...]
    query_text: bytes
    expected_bytes: int


class Router:
    """Finds endpoints by path. A literal segment wins over a parameter."""

    def __init__(self, endpoints: list[Endpoint]) -> None:
        self._root: dict[str, object] = {}
        for endpoint in endpoints:
            node = self._root
            for segment in endpoint.path.strip("/").split("/"):
                node = node.setdefault(segment, {})  # type: ignore[assignment] # a tree of dictionaries
            methods = node.setdefault("/", {})
            assert isinstance(methods, dict)
            methods[endpoint.method] = endpoint

    def find(self, raw_path: str) -> tuple[dict[str, Endpoint], tuple[str, ...]] | None:
        """The endpoints of a path by method, and its parameters, decoded; None when there is no such path."""
        node: object = self._root
        parameters: list[str] = []
        for segment in raw_path.lstrip("/").split("/"):
            assert isinstance(node, dict)
            following = node.get(segment) if segment != "/" else None
            if following is None:
                following = node.get("{}")
                if following is None:
                    return None
                parameters.append(unquote(segment))
            node = following
        assert isinstance(node, dict)
        methods = node.get("/")
        return (methods, tuple(parameters)) if methods else None


def any_scope(*scopes: str) -> tuple[frozenset[str], ...]:
    """Any one of `scopes` will do."""
    return tuple(frozenset((scope,)) for scope in scopes)


def fresh_uuid() -> str:
    """A random version 4 UUID. By hand, because `uuid.uuid4` takes five times as long."""
    digits = token_hex(16)
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def json_reply(status: int, document: object) -> Reply:
    """A reply with a JSON document."""
    return Reply(status, encode(document))
