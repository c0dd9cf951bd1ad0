"""The node itself over HTTP: the picture, its standing, its accord and its peers."""

from __future__ import annotations

from litestar import Response, Router, get, post

from detente import __version__
from detente.accord.terms import Accord
from detente.accord.warnings import days_left
from detente.airspace.refusal import Refusal
from detente.api.service import Service, not_found
from detente.api.views import Health, PeerView, Readiness, Status
from detente.node.reloading import FoundChange
from detente.picture.picture import PictureSnapshot


@get("/picture", summary="The whole picture")
async def show_picture(service: Service) -> PictureSnapshot:
    """Return everything that is planned, told, in conflict and agreed."""
    return await service.read(lambda picture: picture.snapshot())


@get("/status", summary="The node in numbers")
async def show_status(service: Service, *, digest: bool = False) -> Status:
    """Return counts and whether all is settled; with `digest`, the SHA-256 of the picture's canonical bytes too."""
    return await service.status(digest=digest)


@get("/accord", summary="The accord in force")
async def show_accord(service: Service, peer: str | None = None) -> Accord:
    """Return the terms that stand, or stood last, with a peer; `peer` may be left out where one accord is for all."""
    return await service.loop.read(lambda: _accord_with(service, peer))


def _accord_with(service: Service, peer: str | None) -> Accord:
    terms = service.accords.terms(service.now())
    found = [accord for name, accord in terms.items() if peer in (None, name)]
    if not found and peer is None and service.accords.configured is not None:
        return service.accords.configured
    if not found:
        raise not_found("api.any_party_with_accord", "peer" if peer else "accord", peer or "")
    if any(accord != found[0] for accord in found):
        raise Refusal("api.one_accord_with_each", "peer", "", terms=", ".join(sorted(terms)))
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
    left = days_left(service.accords, service.now())
    return await service.read(
        lambda picture: service.metrics.render(
            picture,
            service.line,
            head,
            statuses,
            left,
            service.readings(),
            tuple(service.loop.disclosure.accounts(service.now())),
            len(service.people.sessions),
            service.watch_readings(),
            service.side_tasks.states(),
        )
    )


@post("/reload", summary="Take in what has changed in the node's directory", status_code=200)
async def reload(service: Service) -> tuple[FoundChange, ...]:
    """Read pairings, accord and configuration again; say of each change whether it is taken in or needs a restart."""
    return await service.reloader.reload()


@get("/healthy", summary="Whether the node can take commands")
async def show_health(service: Service) -> Response[Health]:
    """Answer 200 while the node can take commands, 503 while it stops. Needs no token and tells nothing else."""
    healthy = not (service.loop.failed or service.loop.news.over)
    return Response(Health(healthy), status_code=200 if healthy else 503)


@get("/ready", summary="Whether the node takes commands now")
async def show_readiness(service: Service) -> Response[Readiness]:
    """Answer 200 when the node takes commands now, else 503 with what it lacks. Needs no token."""
    lacks = await service.lacks()
    return Response(Readiness(not lacks, lacks), status_code=503 if lacks else 200)


@get("/", summary="Where to go", status_code=200)
async def show_root(service: Service) -> dict[str, str]:
    """Say whose node this is, which release it runs, and where its description is."""
    return {"party": service.party, "version": __version__, "openapi": "/openapi.json", "status": "/status"}


router = Router(
    path="/",
    route_handlers=[show_root, show_picture, show_status, show_accord, list_peers, show_metrics, reload],
    tags=["node"],
)
public_router = Router(path="/", route_handlers=[show_health, show_readiness], tags=["node"])
