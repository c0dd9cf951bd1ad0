"""Where peers deliver their envelopes. No token: the signature on every envelope is the access."""

from __future__ import annotations

import asyncio

from litestar import Request, Response, Router, post
from litestar.datastructures import State

from detente.api.even_pace import hold
from detente.api.service import Service
from detente.link.answer import ANSWER_MEDIA_TYPE, ENVELOPES_PATH, MAX_BATCH_BYTES
from detente.node.admission import TOO_MANY


@post(
    ENVELOPES_PATH,
    summary="Take in a peer's envelopes",
    status_code=200,
    request_max_body_size=MAX_BATCH_BYTES + 1024,
    media_type=ANSWER_MEDIA_TYPE,
)
async def receive_envelopes(request: Request[None, None, State], service: Service) -> Response[bytes]:
    """Take in a batch of signed envelopes of one link and answer with signed receipts for what is held."""
    body = await request.body()
    began_s = asyncio.get_running_loop().time()
    with service.admission.place(body) as admitted:
        if not admitted:
            return Response(TOO_MANY, status_code=429, media_type=ANSWER_MEDIA_TYPE)
        judgement = await service.loop.receive(body)
    service.outbox.received(judgement)
    if judgement.accepted:
        await hold(service, judgement.accepted, began_s)
    return Response(judgement.answer, status_code=judgement.status, media_type=ANSWER_MEDIA_TYPE)


router = Router(path="/", route_handlers=[receive_envelopes], tags=["link"])
