"""Members of a coalition over HTTP: who they are, what each was told, what each acknowledged."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import msgspec
from litestar import Router, get, post

from detente.api.service import Service, tags
from detente.api.views import Done
from detente.members.coalition import (
    AcknowledgeMember,
    AddMember,
    MembersCommand,
    RemoveMember,
    TellMember,
    Told,
)
from detente.members.matters import Matter, find_matter, matters_of
from detente.members.room import MembersRoom


class MemberRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A member, and the post of ours that acts."""

    member: str
    by: str = ""


class MatterRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A matter by its name or the beginning of it, and a member; `who` of the member acknowledges."""

    matter: str
    member: str
    by: str = ""
    who: str = "watch"


class MatterView(msgspec.Struct, frozen=True):
    """What became of a matter with each member; `complete_at` once all had acknowledged it."""

    name: str
    told: tuple[Told, ...]
    lacking: tuple[str, ...]
    complete_at: datetime | None


class InformedView(msgspec.Struct, frozen=True):
    """A peer said that all its members have acknowledged a matter of ours."""

    peer: str
    matter: str
    at: datetime


class MembersView(msgspec.Struct, frozen=True):
    """Our members, what each has to be told and was, and what peers said of theirs."""

    members: tuple[str, ...]
    matters: tuple[MatterView, ...]
    informed: tuple[InformedView, ...]


@get("/", summary="Show our members")
async def show_members(service: Service) -> MembersView:
    """Show our members, what each was told and acknowledged, and what peers said of theirs."""
    return await service.loop.read(lambda: _view(service))


@post("/add", status_code=200, summary="Speak for a member")
async def add_member(data: MemberRequest, service: Service) -> Done:
    """Speak for a member from now on. No peer is told."""
    by = service.post(data.by)
    return await _do(service, AddMember(service.now(), data.member, by))


@post("/remove", status_code=200, summary="Speak for a member no longer")
async def remove_member(data: MemberRequest, service: Service) -> Done:
    """Speak for a member no longer."""
    by = service.post(data.by)
    matters = await service.loop.read(lambda: tuple(_matters(service)))
    return await _do(service, RemoveMember(service.now(), data.member, by, matters))


@post("/tell", status_code=200, summary="A member was told")
async def tell_member(data: MatterRequest, service: Service) -> Done:
    """Keep that a member was told of a matter."""
    by = service.post(data.by)
    matter = await _matter(service, data.matter)
    return await _do(service, TellMember(service.now(), matter, data.member, by))


@post("/acknowledge", status_code=200, summary="A member acknowledged")
async def acknowledge(data: MatterRequest, service: Service) -> Done:
    """Keep that a member acknowledged a matter. When all have, the peer is told so where the accord says it."""
    by = service.post(data.by)
    matter = await _matter(service, data.matter)
    return await _do(service, AcknowledgeMember(service.now(), matter, data.member, by, data.who))


async def _matter(service: Service, name: str) -> Matter:
    return await service.loop.read(lambda: find_matter(_matters(service), name))


def _matters(service: Service) -> Iterator[Matter]:
    return matters_of(service.picture, service.line, service.accords, service.now())


async def _do(service: Service, command: MembersCommand) -> Done:
    outcome = await service.do(command)
    return Done(tags(outcome), outcome.journal_number)


def _view(service: Service) -> MembersView:
    coalition = service.state_of(MembersRoom)
    matters = {*_matters(service), *coalition.told}
    views = [
        MatterView(
            matter.name, tuple(coalition.told.get(matter, {}).values()), coalition.lacking(matter),
            coalition.complete.get(matter),
        )
        for matter in sorted(matters)
    ]  # fmt: skip
    informed = [
        InformedView(m.peer, f"{m.kind}/{service.party}/{m.reference}", at) for m, at in coalition.heard.items()
    ]
    return MembersView(tuple(sorted(coalition.members)), tuple(views), tuple(informed))


router = Router(
    path="/members", route_handlers=[show_members, add_member, remove_member, tell_member, acknowledge],
    tags=["members"],
)  # fmt: skip
