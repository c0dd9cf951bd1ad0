"""What each party was told of us, from the journal: for the map as the other side sees it."""

from __future__ import annotations

import asyncio
from datetime import datetime

import msgspec
from litestar import Router, get

from detente.api.service import Service
from detente.node.disclosed_report import Disclosed

MOST_TOLD = 50_000


class ToldView(msgspec.Struct, frozen=True):
    """One message to a party: `content` is what it was sent; `level` and `because` say how much of a plan, and why."""

    at: datetime
    kind: str
    what: str
    level: str
    because: str
    content: msgspec.Raw


class ToldViews(msgspec.Struct, frozen=True):
    """The last messages to a party, in the order they were sent; `left_out` counts those before them."""

    told: tuple[ToldView, ...]
    left_out: int


@get("/peers/{peer:str}/told", summary="What a peer was told")
async def list_told(service: Service, peer: str) -> ToldViews:
    """List what a peer was sent, in full. The journal's file is read for it, beside the loop."""
    found = await asyncio.to_thread(service.disclosed, peer)
    return ToldViews(tuple(_view(row) for row in found[-MOST_TOLD:]), max(len(found) - MOST_TOLD, 0))


def _view(row: Disclosed) -> ToldView:
    return ToldView(row.at, row.kind, row.what, row.level, row.because, msgspec.Raw(row.body))


router = Router(path="/", route_handlers=[list_told], tags=["node"])
