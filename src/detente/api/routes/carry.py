"""Parcels over the node's own API: envelopes to carry by hand or by mail, and those that were carried here."""

from __future__ import annotations

import asyncio

from litestar import Request, Response, Router, get, post
from litestar.datastructures import State

from detente.api.service import Service
from detente.link.parcel import MAX_PARCEL_BYTES, MEDIA_TYPE, as_mail, read_parcel
from detente.node.carrying import Carried


@get("/{peer:str}", summary="What to carry to a peer", media_type=MEDIA_TYPE)
async def write(service: Service, peer: str, *, mail: bool = False) -> Response[bytes]:
    """Give everything that a peer has not receipted as one file, sealed for it; `mail`: a mail with that file."""
    parcel = await service.carrying.parcel_for(peer)
    if mail:
        mailed = as_mail(parcel, service.party, peer, service.now())
        return Response(mailed, media_type="message/rfc822")
    return Response(parcel, media_type=MEDIA_TYPE)


@post("/", summary="Take in what was carried here", status_code=200, request_max_body_size=MAX_PARCEL_BYTES)
async def read(request: Request[None, None, State], service: Service) -> Carried:
    """Take in a file, or a mail with one attached. It is judged as what comes over HTTP is."""
    body = await request.body()
    parcel = await asyncio.to_thread(read_parcel, body, service.loop.key)
    return await service.carrying.take_in(parcel, service.by)


router = Router(path="/parcels", route_handlers=[write, read], tags=["line"])
