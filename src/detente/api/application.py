"""The HTTP application: routes, who may use them, and how a refusal is answered."""

from __future__ import annotations

from urllib.parse import urlsplit

import msgspec
import structlog
from litestar import Litestar, Request, Response, Router
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.handlers import BaseRouteHandler
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme

from detente import __version__
from detente.accord.decoding import refusal_of
from detente.airspace.refusal import Refusal
from detente.api.access import COOKIE
from detente.api.routes import (
    accords,
    carry,
    claims,
    details,
    line,
    link,
    matching,
    measures,
    members,
    node,
    notices,
    plans,
    stream,
    zones,
)
from detente.api.service import Service
from detente.api.views import Problem, problem_of, shown
from detente.node.loop import NodeStopped

MEGABYTE = 1024 * 1024
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
Connection = ASGIConnection[BaseRouteHandler, None, None, State]
AnyRequest = Request[None, None, State]

log = structlog.get_logger()


def make_application(service: Service) -> Litestar:
    """Return the application of one node. Its OpenAPI document is at /openapi.json."""

    def provide_service() -> Service:
        return service

    def require_token(connection: Connection, _: BaseRouteHandler) -> None:
        _check_token(connection, service)

    protected = Router(
        path="/",
        guards=[require_token],
        security=[{"token": []}],
        route_handlers=[
            node.router,
            accords.router,
            plans.router,
            notices.router,
            details.router,
            measures.router,
            line.router,
            claims.router,
            zones.router,
            members.router,
            carry.router,
            matching.router,
            stream.router,
        ],
    )
    return Litestar(
        route_handlers=[protected, node.public_router, link.router, matching.link_router],
        dependencies={"service": Provide(provide_service, sync_to_thread=False)},
        exception_handlers={
            Refusal: _answer_refusal,
            NodeStopped: _answer_stopped,
            HTTPException: _answer_http,
            UnicodeDecodeError: _answer_undecodable,
            RecursionError: _answer_undecodable,
            Exception: _answer_fault,
        },
        openapi_config=OpenAPIConfig(
            title="Détente node",
            version=__version__,
            path="/openapi.json",
            render_plugins=[JsonRenderPlugin(path="/")],
            components=Components(
                security_schemes={
                    "token": SecurityScheme(type="http", scheme="bearer", description="The token of the sign-in link.")
                }
            ),
        ),
        request_max_body_size=service.configuration.http.largest_body_mb * MEGABYTE,
        logging_config=None,
        signature_types=[Service],
    )


def _check_token(connection: Connection, service: Service) -> None:
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and service.access.allows(token.strip()):
        return
    cookie = connection.cookies.get(COOKIE)
    if cookie is not None and service.access.allows(cookie) and _from_here(connection):
        return
    refusal = Refusal(
        "Authorization", "(not shown)", 'a header "Authorization: Bearer TOKEN" or the cookie of the sign-in link',
        "Open the sign-in link that the node printed at its first start; `detente node --new-sign-in` makes a new one.",
    )  # fmt: skip
    refusal.add_note("401")
    raise refusal


def _from_here(connection: Connection) -> bool:
    """Whether a request with a cookie comes from the node's own pages: another site's page may not use the cookie."""
    origin = connection.headers.get("origin")
    if origin is None:
        return connection.scope.get("method") in SAFE_METHODS or "sec-fetch-site" not in connection.headers
    return urlsplit(origin).netloc == connection.headers.get("host")


def _answer_refusal(_: AnyRequest, refusal: Refusal) -> Response[Problem]:
    notes = getattr(refusal, "__notes__", [])
    status = int(notes[0]) if notes else 400
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    return Response(problem_of(refusal), status_code=status, headers=headers, media_type="application/json")


def _answer_stopped(_: AnyRequest, __: NodeStopped) -> Response[Problem]:
    refusal = Refusal("node", "stopping", "a running node", "Nothing was acknowledged: ask again when it runs.")
    return Response(problem_of(refusal), status_code=503, media_type="application/json")


def _answer_http(request: AnyRequest, error: HTTPException) -> Response[Problem]:
    cause = _decoding_error(error)
    if cause is not None:
        refusal = refusal_of(cause, "body")
        # Where there is no body at all, the complaint is about the handler's parameter of that name.
        refusal.field = "body" if refusal.field == "data" else refusal.field.removeprefix("data.")
        return Response(problem_of(refusal), status_code=400, media_type="application/json")
    extra = getattr(error, "extra", None)
    first = extra[0] if isinstance(extra, list) and extra else {}
    field = str(first.get("key", "")) if isinstance(first, dict) else ""
    message = str(first.get("message", "")) if isinstance(first, dict) else ""
    problem = Problem(
        field=field or ("body" if error.status_code in (400, 413) else "request"),
        value=shown(f"{request.method} {request.url.path}"),
        expected=message or error.detail or error.__class__.__name__,
        mend="See /openapi.json for what this node takes.",
        message=error.detail or error.__class__.__name__,
    )
    return Response(problem, status_code=error.status_code, headers=error.headers, media_type="application/json")


def _answer_undecodable(_: AnyRequest, error: Exception) -> Response[Problem]:
    refusal = Refusal("body", type(error).__name__, "JSON in UTF-8, nested no deeper than this API's documents")
    return Response(problem_of(refusal), status_code=400, media_type="application/json")


def _answer_fault(request: AnyRequest, error: Exception) -> Response[Problem]:
    log.error("a request failed", path=request.url.path, exc_info=error)
    refusal = Refusal(
        "request", type(error).__name__, "a request that this node can answer", "Report it, with the log."
    )
    return Response(problem_of(refusal), status_code=500, media_type="application/json")


def _decoding_error(error: BaseException) -> msgspec.ValidationError | None:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, msgspec.ValidationError):
            return cause
        cause = cause.__cause__ or cause.__context__
    return None
