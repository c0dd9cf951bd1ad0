"""How an endpoint is described, and what it is given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from secrets import token_hex
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, unquote

import msgspec

from detente.utm.access.tokens import Bearer
from detente.utm.answers import encode
from detente.utm.moments import wire_microseconds
from detente.utm.refused import Refused
from detente.utm.representation import ServiceCommand, WriteOutcome
from detente.utm.service.loop import DecisionLoop
from detente.utm.space import Extents, Volume, union

WORK_AT_ONCE = 2_000_000
"""How much finding cells may be while everybody waits (see `MOST_WORK`): some ten milliseconds."""


class Settings(msgspec.Struct, frozen=True):
    """What the operator chose that the endpoints must know."""

    allow_http: bool
    instance: str
    pool: str
    public_endpoint: str
    version: str


JSON = b"application/json"


class Reply(NamedTuple):
    """Status and body of an answer, JSON unless it says otherwise."""

    status: int
    body: bytes
    media_type: bytes = JSON


@dataclass(slots=True, eq=False)
class Call:
    """One request, authenticated.

    Attributes:
        covered: what `cover` gives, where it was found aside.
    """

    loop: DecisionLoop
    settings: Settings
    bearer: Bearer
    parameters: tuple[str, ...]
    query_text: bytes
    body: bytes | bytearray
    request_id: str
    fingerprint: str
    covered: Extents | None = None
    now_us: int = field(init=False)

    def __post_init__(self) -> None:
        self.now_us = self.loop.now_us()

    def query(self, name: str) -> str | None:
        """The first value of a query parameter."""
        try:
            pairs = parse_qsl(self.query_text.decode("ascii"), keep_blank_values=True, errors="strict")
        except ValueError as error:
            raise Refused(400, "the query cannot be read") from error
        return next((value for key, value in pairs if key == name), None)

    def time(self, name: str) -> int | None:
        """The time in a query parameter, in microseconds; None where there is none."""
        text = self.query(name)
        if not text:
            return None
        try:
            # A plus sign in a query is a space, unless it was written %2B.
            return wire_microseconds(msgspec.convert(text.replace(" ", "+"), datetime))
        except msgspec.ValidationError as error:
            raise Refused(400, f"{name} {quote(text[:60])} is no RFC 3339 time") from error

    def cover(self, volumes: Sequence[Volume], too_large: int) -> Extents:
        """The union of volumes. Raises Refused (400 or `too_large`), and HeavyWork where it is to be found aside."""
        return union(volumes, too_large, WORK_AT_ONCE) if self.covered is None else self.covered

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
