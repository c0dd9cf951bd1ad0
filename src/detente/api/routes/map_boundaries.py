"""The boundaries on the party's own map over HTTP: shown, added from a file, removed."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path

import msgspec
from litestar import Request, Router, get, post
from litestar.datastructures import State

from detente.api.given_file import given_file
from detente.api.service import Service
from detente.feeds.boundaries import Boundaries, read_boundaries
from detente.feeds.source import identifier_of
from detente.settings.map_boundaries import BoundarySet, add_boundaries, boundary_sets, remove_boundaries


class BoundariesAdded(msgspec.Struct, frozen=True):
    """Under which name a file's lines are shown, how many there are, and what of the file was left out and why."""

    name: str
    lines: int
    points: int
    left_out: dict[str, int]


class BoundariesRemoved(msgspec.Struct, frozen=True):
    """What is shown no longer."""

    name: str


@get("/", summary="Show the boundaries on the map")
async def show_boundaries(service: Service) -> list[BoundarySet]:
    """Give every set with all its lines: longitude before latitude, in degrees on WGS 84."""
    return await asyncio.to_thread(boundary_sets, service.directory)


@post("/", status_code=200, summary="Add boundaries from a file")
async def add_file(
    request: Request[None, None, State], service: Service, file: str = "boundaries", name: str | None = None
) -> BoundariesAdded:
    """Show the lines of a file, which is the body, on every console of the party; no peer is told.

    `file` is what its user calls it; `name` is the set's, the file's unless said. A set of the same name is replaced.
    """
    content = await request.body()
    chosen = name if name is not None else identifier_of(Path(file).stem) or "boundaries"
    async with service.file_reading:
        found = await asyncio.to_thread(_read, content, file, service.now())
        added = BoundarySet(chosen, found.lines)
        await asyncio.to_thread(add_boundaries, service.directory, added)
    left_out = {entry.reason.value: entry.count for entry in found.dropped}
    return BoundariesAdded(added.name, len(added.lines), added.points, left_out)


def _read(content: bytes, name: str, at: datetime) -> Boundaries:
    with given_file(content, name) as file:
        return read_boundaries(file, at, name=name)


@post("/{name:str}/remove", status_code=200, summary="Remove boundaries from the map")
async def remove_set(service: Service, name: str) -> BoundariesRemoved:
    """Show a set no longer."""
    async with service.file_reading:
        await asyncio.to_thread(remove_boundaries, service.directory, name)
    return BoundariesRemoved(name)


router = Router(path="/map/boundaries", route_handlers=[show_boundaries, add_file, remove_set], tags=["map"])
