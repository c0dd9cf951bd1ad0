"""The node itself over HTTP: the picture, its standing, its accord, its peers, and sign-in."""

from __future__ import annotations

from litestar import Response, Router, get
from litestar.datastructures import Cookie
from litestar.response import Redirect

from detente.accord.terms import Accord
from detente.airspace.refusal import Refusal
from detente.api.access import COOKIE
from detente.api.service import Service, not_found
from detente.api.views import Health, PeerView, Status
from detente.picture.picture import PictureSnapshot

YEAR_S = 365 * 86_400


@get("/picture", summary="The whole picture")
async def show_picture(service: Service) -> PictureSnapshot:
    """Return everything that is planned, told, in conflict and agreed."""
    return await service.loop.read(lambda picture: picture.snapshot())


@get("/status", summary="The node in numbers")
async def show_status(service: Service, *, digest: bool = False) -> Status:
    """Return counts and whether all is settled; with `digest`, the SHA-256 of the picture's canonical bytes too."""
    return await service.status(digest=digest)


@get("/accord", summary="The accord in force")
async def show_accord(service: Service, peer: str | None = None) -> Accord:
    """Return the terms that stand, or stood last, with a peer; `peer` may be left out where one accord is for all."""
    return await service.loop.read(lambda _: _accord_with(service, peer))


def _accord_with(service: Service, peer: str | None) -> Accord:
    keeping = service.loop.keeping
    terms = {} if keeping is None else keeping.terms_by_peer()
    found = [accord for name, accord in terms.items() if peer in (None, name)]
    if not found and peer is None and service.accord is not None and not service.accord.needs_authorities:
        return service.accord
    if not found:
        raise not_found("peer" if peer else "accord", peer or "", "a party with an accord")
    if any(accord != found[0] for accord in found):
        raise Refusal("peer", "", f"one of {', '.join(sorted(terms))}: there is an accord with each of them")
    return found[0]


@get("/peers", summary="The other parties")
async def list_peers(service: Service) -> list[PeerView]:
    """List the other parties of the accord, and how the link with each stands."""
    return list(service.peers())


@get("/metrics", summary="Prometheus metrics", media_type="text/plain; version=0.0.4; charset=utf-8")
async def show_metrics(service: Service) -> bytes:
    """Return what the node counts, in Prometheus' text form."""
    statuses = service.outbox.statuses()
    head = service.loop.journal.head.number
    return await service.loop.read(lambda picture: service.metrics.render(picture, head, statuses))


@get("/healthy", summary="Whether the node can take commands")
async def show_health(service: Service) -> Response[Health]:
    """Answer 200 while the node can take commands, 503 while it stops. Needs no token and tells nothing else."""
    healthy = not (service.loop.failed or service.stopping.is_set())
    return Response(Health(healthy, service.loop.journal.head.number), status_code=200 if healthy else 503)


@get("/sign-in", summary="Sign in with the link", status_code=303)
async def sign_in(service: Service, token: str) -> Redirect:
    """Exchange the token of the sign-in link for a cookie."""
    if not service.access.allows(token):
        refusal = Refusal("token", "(not shown)", "the token of this node's sign-in link")
        refusal.add_note("401")
        raise refusal
    cookie = Cookie(
        key=COOKIE,
        value=token,
        httponly=True,
        samesite="strict",
        secure=service.configuration.http.secure_cookie,
        path="/",
        max_age=YEAR_S,
    )
    return Redirect(path="/", status_code=303, cookies=[cookie])


@get("/", summary="Where to go", status_code=200)
async def show_root(service: Service) -> dict[str, str]:
    """Say whose node this is and where its description is."""
    return {"party": service.party, "openapi": "/openapi.json", "status": "/status"}


router = Router(
    path="/",
    route_handlers=[show_root, show_picture, show_status, show_accord, list_peers, show_metrics],
    tags=["node"],
)
public_router = Router(path="/", route_handlers=[show_health, sign_in], tags=["node"])
