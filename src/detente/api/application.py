"""The HTTP applications, of people and of peers: routes, who may use them, and how a refusal is answered."""

from __future__ import annotations

from functools import cache

import msgspec
import structlog
from litestar import Litestar, Response, Router
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.handlers import BaseRouteHandler
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme
from litestar.routes import HTTPRoute
from litestar.types import Receive, Scope, Send

from detente import __version__
from detente.airspace.refusal import Refusal
from detente.api.access import NotLetIn
from detente.api.asgi import exchange_of
from detente.api.large_bodies import TURNS, AnyRequest, PatientRequest
from detente.api.permissions import NEEDED_ROLE, may
from detente.api.routes import (
    accords,
    cards,
    carry,
    claims,
    console,
    details,
    humanitarian,
    journal,
    line,
    link,
    map_boundaries,
    matching,
    measures,
    members,
    node,
    notices,
    passkeys,
    people,
    plans,
    sign_in,
    stream,
    told,
    watch,
    zones,
)
from detente.api.service import Service, refused
from detente.api.views import Problem, problem_of, shown
from detente.node.loop import NodeStopped
from detente.room.decoding import refusal_of
from detente.settings.configuration import MEGABYTE

Connection = ASGIConnection[BaseRouteHandler, None, None, State]
CALLER = "caller"
"""Under this name the state of a request holds who asks."""
SERVICE = "service"
"""Under this name it holds the service of the node that is asked."""
log = structlog.get_logger()


class _OwnRouter(Router):
    """A router that is made for one application, which takes it as it is.

    Litestar copies every router deeply, with each handler and all that it holds, before it registers it, because a
    router may be in several applications. Of this one that copy was a third of a node's start.
    """

    def __deepcopy__(self, _: dict[int, object]) -> _OwnRouter:
        return self


class NodeApplication:
    """One of the applications below, as a node's: each request brings the node's service along."""

    def __init__(self, application: Litestar, service: Service) -> None:
        self._application = application
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take a request."""
        scope["state"] |= {SERVICE: self._service, TURNS: self._service.file_reading}
        await self._application(scope, receive, send)


@cache
def people_application(largest_body_mb: int) -> Litestar:
    """Return what nodes are to their own people and programs. Its OpenAPI document is at /openapi.json.

    To register all routes takes most of a node's start, so it is done once in a process, whatever nodes it runs.
    """
    protected = _OwnRouter(
        path="/",
        guards=[_check_caller],
        security=[{"token": []}],
        route_handlers=[
            node.router,
            cards.router,
            accords.router,
            plans.router,
            notices.router,
            details.router,
            humanitarian.router,
            measures.router,
            line.router,
            claims.router,
            zones.router,
            watch.router,
            members.router,
            carry.router,
            matching.router,
            people.router,
            passkeys.router,
            sign_in.router,
            stream.router,
            told.router,
            journal.router,
            map_boundaries.router,
        ],
    )
    described = OpenAPIConfig(
        title="Détente node",
        version=__version__,
        path="/openapi.json",
        render_plugins=[JsonRenderPlugin(path="/")],
        components=Components(
            security_schemes={
                "token": SecurityScheme(type="http", scheme="bearer", description="The token of a session.")
            }
        ),
    )
    application = _application(
        largest_body_mb,
        [protected, node.public_router, sign_in.public_router, passkeys.public_router, console.router],
        described,
    )
    unlisted = [route for route in routes_of(application) if route not in NEEDED_ROLE]
    if unlisted:
        raise LookupError(f"say in api/permissions.py who may: {unlisted}")
    return application


def routes_of(application: Litestar) -> list[str]:
    """Return every route of an application by its method and path, as the table of permissions writes them."""
    return [
        f"{method} {route.path_format}"
        for route in application.routes
        if isinstance(route, HTTPRoute)
        for method in sorted(route.methods)
        if method not in ("OPTIONS", "HEAD")
    ]


@cache
def stop_application(largest_body_mb: int) -> Litestar:
    """Return the application that takes in peers' STOP."""
    return _application(largest_body_mb, [link.router], None)


@cache
def link_application(largest_body_mb: int) -> Litestar:
    """Return what nodes are to their peers: it takes in what they bring, and has nothing to ask for."""
    return _application(largest_body_mb, [link.router, matching.link_router], None)


def _provide_service(request: AnyRequest) -> Service:
    state = request.scope["state"]
    service: Service = state[SERVICE]
    caller = state.get(CALLER)
    return service if caller is None else service.asked_by(caller)


def _application(largest_body_mb: int, routers: list[Router], described: OpenAPIConfig | None) -> Litestar:
    return Litestar(
        route_handlers=routers,
        dependencies={"service": Provide(_provide_service, sync_to_thread=False)},
        exception_handlers={
            Refusal: _answer_refusal,
            NodeStopped: _answer_stopped,
            HTTPException: _answer_http,
            UnicodeDecodeError: _answer_undecodable,
            RecursionError: _answer_undecodable,
            Exception: _answer_fault,
        },
        openapi_config=described,
        request_class=PatientRequest,
        request_max_body_size=largest_body_mb * MEGABYTE,
        logging_config=None,
        signature_types=[Service],
    )


async def _check_caller(connection: Connection, _: BaseRouteHandler) -> None:
    """Let those go on who may ask this route. Raises Refusal (401, 403 or 429)."""
    service: Service = connection.scope["state"][SERVICE]
    exchange = exchange_of(connection.scope)
    found = service.access.caller(exchange.method.encode(), exchange.headers, exchange.way.user)
    if isinstance(found, NotLetIn):
        is_slowed = found is not NotLetIn.NOTHING and exchange.way.user is None
        if is_slowed and await service.failures.slow(exchange.way.address, found):
            raise refused(429, "api.fewer_failures", "Authorization", "(not shown)")
        if found is NotLetIn.PAGE_ELSEWHERE:
            raise refused(401, "api.page_of_this_node", "Origin", "(not shown)")
        raise refused(401, "api.session_of_person", "Authorization", "(not shown)")
    route = f"{exchange.method} {connection.scope['path_template']}"
    if not may(found, route):
        if found.role is None:
            raise refused(401, "api.session_of_person", "Authorization", "(not shown)")
        raise refused(403, "api.role_that_may", "role", str(found.role), needed=NEEDED_ROLE.get(route) or "(nobody)")
    connection.scope["state"][CALLER] = found


def _answer_refusal(_: AnyRequest, refusal: Refusal) -> Response[Problem]:
    notes = getattr(refusal, "__notes__", [])
    status = int(notes[0]) if notes else 400
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    return Response(problem_of(refusal), status_code=status, headers=headers, media_type="application/json")


def _answer_stopped(_: AnyRequest, __: NodeStopped) -> Response[Problem]:
    refusal = Refusal("api.running_node", "node", "stopping")
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
    asked = shown(f"{request.method} {request.url.path}")
    expected = message or error.detail or error.__class__.__name__
    refusal = Refusal(
        "api.request", field or ("body" if error.status_code in (400, 413) else "request"), asked, expected=expected
    )
    problem = problem_of(refusal)
    return Response(problem, status_code=error.status_code, headers=error.headers, media_type="application/json")


def _answer_undecodable(_: AnyRequest, error: Exception) -> Response[Problem]:
    refusal = Refusal("api.json_document", "body", type(error).__name__)
    return Response(problem_of(refusal), status_code=400, media_type="application/json")


def _answer_fault(request: AnyRequest, error: Exception) -> Response[Problem]:
    log.error("a request failed", path=request.url.path, exc_info=error)
    refusal = Refusal("api.request_node_answer", "request", type(error).__name__)
    return Response(problem_of(refusal), status_code=500, media_type="application/json")


def _decoding_error(error: BaseException) -> msgspec.ValidationError | None:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, msgspec.ValidationError):
            return cause
        cause = cause.__cause__ or cause.__context__
    return None
