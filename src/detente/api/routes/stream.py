"""The event stream: Server-Sent Events whose ids are journal numbers, so that a listener misses nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Annotated

from litestar import Router, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import Parameter
from litestar.response import Stream

from detente.accord.room import AccordRoom
from detente.airspace.altitude import check_range
from detente.airspace.refusal import Refusal
from detente.api.service import Service
from detente.claims.room import ClaimsRoom
from detente.details.room import DetailsRoom
from detente.humanitarian.room import HumanitarianRoom
from detente.line.room import LineRoom
from detente.matching.room import MatchingRoom
from detente.members.room import MembersRoom
from detente.node.loop import CommandLoop
from detente.node.news import ANY_KIND
from detente.people.room import PeopleRoom
from detente.picture.room import PictureRoom
from detente.record.journal import Journal
from detente.room.rooms import AnyRoom
from detente.settings.heartbeat import LONGEST_HEARTBEAT_S
from detente.watch.room import WatchRoom
from detente.zones.room import ZonesRoom

EVENTS_A_CHUNK = 256
SHORTEST_HEARTBEAT_S = 0.5
MOST_CHUNKS = 64
"""Kept at a time for other streams that ask for the same."""


STREAMS: dict[str, tuple[type[AnyRoom], str]] = {
    "/events": (PictureRoom, "the picture"),
    "/line/events": (LineRoom, "the line"),
    "/matching/events": (MatchingRoom, "private matching"),
    "/claims/events": (ClaimsRoom, "claims"),
    "/accords/events": (AccordRoom, "accords"),
    "/zones/events": (ZonesRoom, "zones"),
    "/members/events": (MembersRoom, "members"),
    "/details/events": (DetailsRoom, "details"),
    "/humanitarian/events": (HumanitarianRoom, "humanitarian notices"),
    "/watch/events": (WatchRoom, "the watch"),
    "/people/events": (PeopleRoom, "people and what each did"),
}
"""The room whose events each path streams, and what people call it."""
NAMES = {room.name: b"picture" if room is PictureRoom else room.name.encode() for room, _ in STREAMS.values()}
"""What each kind of entry that is streamed is called there."""


def _handler(path: str, room: type[AnyRoom], subject: str) -> HTTPRouteHandler:
    async def stream_events(
        service: Service,
        after: int | None = None,
        last_event_id: Annotated[str | None, Parameter(header="Last-Event-ID")] = None,
    ) -> Stream:
        """Stream events as they become durable: those after `Last-Event-ID` (or `after`), else those from now on."""
        return _stream(service, room.name, after, last_event_id)

    return get(
        path,
        summary=f"The event stream of {subject}",
        media_type="text/event-stream",
        operation_id=f"stream_{room.__name__}",
    )(stream_events)


@get("/events/all", summary="The event streams of every subject in one", media_type="text/event-stream")
async def stream_all(
    service: Service,
    after: int | None = None,
    last_event_id: Annotated[str | None, Parameter(header="Last-Event-ID")] = None,
    heartbeat_s: float | None = None,
) -> Stream:
    """Stream the events of all rooms but that of people in the order of the journal; `event` names the room.

    `heartbeat_s` asks for heartbeats more often than the node is set to, for who must soon know that it is gone.
    """
    if heartbeat_s is not None:
        check_range("heartbeat_s", heartbeat_s, SHORTEST_HEARTBEAT_S, LONGEST_HEARTBEAT_S, "seconds")
    return _stream(service, ANY_KIND, after, last_event_id, heartbeat_s)


def _stream(
    service: Service, kind: str, after: int | None, last_event_id: str | None, heartbeat_s: float | None = None
) -> Stream:
    if last_event_id is not None:
        if not last_event_id.isascii() or not last_event_id.isdigit() or len(last_event_id) > 15:
            raise Refusal("api.number_journal_entry", "Last-Event-ID", last_event_id)
        number = int(last_event_id)
    elif after is not None:
        if not 0 <= after < 10**15:
            raise Refusal("api.journal_number_or_zero", "after", after)
        number = after
    else:
        number = service.loop.journal.head.number
    service.loop.journal.check_here(number + 1)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    configured_s = service.configuration.http.heartbeat_s
    often_s = min(heartbeat_s or configured_s, configured_s)
    events = event_stream(service.loop, number, kind, often_s, service.still_lets_in)
    return Stream(events, media_type="text/event-stream", headers=headers)


async def event_stream(
    loop: CommandLoop, number: int, kind: str, heartbeat_s: float, goes_on: Callable[[], bool] = lambda: True
) -> AsyncIterator[bytes]:
    """Yield the entries of a kind after `number`, then each as it becomes durable, and a heartbeat every `heartbeat_s`.

    It ends when it no longer `goes_on`, which is asked before anything is told: an open stream is in use. A slow
    listener holds nothing up and loses nothing. The journal is read when there is something of the kind to read.
    """
    clock = asyncio.get_running_loop().time
    heartbeat_at = clock() + heartbeat_s
    unread = loop.journal.head.number
    yield b"retry: 1000\n\n"
    while not loop.news.over and goes_on():
        if clock() >= heartbeat_at:
            heartbeat_at = clock() + heartbeat_s
            yield b": still here\n\n"
        elif unread > number:
            async with loop.news.past:
                chunk, number = _chunk(loop, number, kind)
                await asyncio.sleep(0)
            if chunk:
                yield chunk
        elif loop.news.last(kind) > number:
            chunk, number = _chunk(loop, number, kind)
            if chunk:
                yield chunk
        else:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(heartbeat_at):
                    await loop.news.after(kind, number)


def _chunk(loop: CommandLoop, number: int, kind: str) -> tuple[bytes, int]:
    """Return the next entries of a kind after `number`, and the number up to which there is none beside them.

    What hundreds of streams ask for after one turn is read once.
    """
    chunks = loop.news.chunks
    if (kind, number) not in chunks:
        if len(chunks) >= MOST_CHUNKS:
            chunks.clear()
        chunks[kind, number] = _read_chunk(loop.journal, number, kind)
    return chunks[kind, number]


def _read_chunk(journal: Journal, number: int, kind: str) -> tuple[bytes, int]:
    head = journal.head.number
    lines = []
    for entry in journal.read(first=number + 1, kind=kind or None):
        name = NAMES.get(entry.kind)
        if name is None or (kind == ANY_KIND and entry.kind == PeopleRoom.name):
            continue
        lines.append(b"id: %d\nevent: %b\ndata: %b\n\n" % (entry.number, name, entry.body))
        number = entry.number
        if len(lines) == EVENTS_A_CHUNK:
            return b"".join(lines), number
    return b"".join(lines), max(number, head)


router = Router(
    path="/",
    route_handlers=[stream_all, *(_handler(path, room, subject) for path, (room, subject) in STREAMS.items())],
    tags=["stream"],
)
