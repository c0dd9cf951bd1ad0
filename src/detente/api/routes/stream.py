"""The event stream: Server-Sent Events whose ids are journal numbers, so that a listener misses nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

from litestar import Router, get
from litestar.params import Parameter
from litestar.response import Stream

from detente.airspace.refusal import Refusal
from detente.api.service import Service
from detente.node.accords import ACCORD
from detente.node.desks.claims import ClaimsDesk
from detente.node.desks.line import LineDesk
from detente.node.desks.matching import MatchingDesk
from detente.node.desks.members import MembersDesk
from detente.node.desks.zones import ZonesDesk
from detente.node.loop import EVENT
from detente.node.suspicion import DETAILS

HEARTBEAT_S = 15.0
EVENTS_A_CHUNK = 256


@get("/events", summary="The event stream", media_type="text/event-stream")
async def stream_events(
    service: Service,
    after: int | None = None,
    last_event_id: Annotated[str | None, Parameter(header="Last-Event-ID")] = None,
) -> Stream:
    """Stream events as they become durable: those after `Last-Event-ID` (or `after`), else those from now on."""
    return _stream(service, EVENT, after, last_event_id)


@get("/line/events", summary="The event stream of the line", media_type="text/event-stream")
async def stream_line_events(
    service: Service,
    after: int | None = None,
    last_event_id: Annotated[str | None, Parameter(header="Last-Event-ID")] = None,
) -> Stream:
    """Stream what happens on the line, as `/events` does for the picture."""
    return _stream(service, LineDesk.entry_kind, after, last_event_id)


@get("/matching/events", summary="The event stream of private matching", media_type="text/event-stream")
async def stream_matching_events(
    service: Service,
    after: int | None = None,
    last_event_id: Annotated[str | None, Parameter(header="Last-Event-ID")] = None,
) -> Stream:
    """Stream how runs go on, as `/events` does for the picture."""
    return _stream(service, MatchingDesk.entry_kind, after, last_event_id)


@get("/claims/events", summary="The event stream of claims", media_type="text/event-stream")
async def stream_claims_events(
    service: Service,
    after: int | None = None,
    last_event_id: Annotated[str | None, Parameter(header="Last-Event-ID")] = None,
) -> Stream:
    """Stream what both sides see, ask and complain of, as `/events` does for the picture."""
    return _stream(service, ClaimsDesk.entry_kind, after, last_event_id)


@get("/accords/events", summary="The event stream of accords", media_type="text/event-stream")
async def stream_accord_events(
    service: Service,
    after: int | None = None,
    last_event_id: Annotated[str | None, Parameter(header="Last-Event-ID")] = None,
) -> Stream:
    """Stream what is said of accords, as `/events` does for the picture."""
    return _stream(service, ACCORD, after, last_event_id)


@get("/zones/events", summary="The event stream of zones", media_type="text/event-stream")
async def stream_zone_events(
    service: Service,
    after: int | None = None,
    last_event_id: Annotated[str | None, Parameter(header="Last-Event-ID")] = None,
) -> Stream:
    """Stream what is said of zones and which posts are called, as `/events` does for the picture."""
    return _stream(service, ZonesDesk.entry_kind, after, last_event_id)


@get("/members/events", summary="The event stream of members", media_type="text/event-stream")
async def stream_member_events(
    service: Service,
    after: int | None = None,
    last_event_id: Annotated[str | None, Parameter(header="Last-Event-ID")] = None,
) -> Stream:
    """Stream what members were told and acknowledged, as `/events` does for the picture."""
    return _stream(service, MembersDesk.entry_kind, after, last_event_id)


@get("/details/events", summary="The event stream of details", media_type="text/event-stream")
async def stream_details_events(
    service: Service,
    after: int | None = None,
    last_event_id: Annotated[str | None, Parameter(header="Last-Event-ID")] = None,
) -> Stream:
    """Stream what notices committed to and what was opened, as `/events` does for the picture."""
    return _stream(service, DETAILS, after, last_event_id)


def _stream(service: Service, kind: str, after: int | None, last_event_id: str | None) -> Stream:
    if last_event_id is not None:
        if not last_event_id.isascii() or not last_event_id.isdigit() or len(last_event_id) > 15:
            raise Refusal("Last-Event-ID", last_event_id, "the number of a journal entry")
        number = int(last_event_id)
    elif after is not None:
        if not 0 <= after < 10**15:
            raise Refusal("after", after, "the number of a journal entry, or 0 for everything")
        number = after
    else:
        number = service.loop.journal.head.number
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return Stream(_events(service, number, kind), media_type="text/event-stream", headers=headers)


async def _events(service: Service, number: int, kind: str) -> AsyncIterator[bytes]:
    """Read the journal from `number` on, then wait for more; a slow listener holds nothing up and loses nothing."""
    name = b"picture" if kind == EVENT else kind.encode()
    news = asyncio.Event()
    service.loop.after_turn.append(news.set)
    stopping = asyncio.ensure_future(service.stopping.wait())
    try:
        yield b"retry: 1000\n\n"
        while not stopping.done():
            news.clear()
            chunk = []
            head = service.loop.journal.head.number
            for entry in service.loop.journal.read(first=number + 1, kind=kind):
                chunk.append(b"id: %d\nevent: %b\ndata: %b\n\n" % (entry.number, name, entry.body))
                number = entry.number
                if len(chunk) == EVENTS_A_CHUNK:
                    break
            else:
                number = max(number, head)
            if chunk:
                yield b"".join(chunk)
                continue
            waiting = asyncio.ensure_future(news.wait())
            done, _ = await asyncio.wait((waiting, stopping), timeout=HEARTBEAT_S, return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            if not done:
                yield b": still here\n\n"
    finally:
        service.loop.after_turn.remove(news.set)
        stopping.cancel()


router = Router(
    path="/",
    route_handlers=[
        stream_events,
        stream_line_events,
        stream_matching_events,
        stream_claims_events,
        stream_accord_events,
        stream_zone_events,
        stream_member_events,
        stream_details_events,
    ],
    tags=["stream"],
)
