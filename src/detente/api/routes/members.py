"""Members of a coalition over HTTP: who they are, what each was told, what each acknowledged."""

from __future__ import annotations

from datetime import datetime

import msgspec
from litestar import Router, get, post

from detente.accord.tagged import tag_of
from detente.api.routes.accords import keeping_of
from detente.api.service import Service
from detente.api.views import Done
from detente.members.coalition import (
    AcknowledgeMember,
    AddMember,
    MembersCommand,
    RemoveMember,
    TellMember,
    Told,
)
from detente.members.matters import Matter, find_matter
from detente.node.desks.members import MembersDesk, matters_of, said_to
from detente.picture.picture import Picture


class MemberRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A member, and the post of ours that acts."""

    member: str
    by: str = "watch"


class MatterRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A matter by its name or the beginning of it, and a member; `who` of the member acknowledges."""

    matter: str
    member: str
    by: str = "watch"
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
    return await service.loop.read(lambda picture: _view(service, picture))


@post("/add", status_code=200, summary="Speak for a member")
async def add_member(data: MemberRequest, service: Service) -> Done:
    """Speak for a member from now on. No peer is told."""
    parties = tuple(sorted(keeping_of(service).accords.talks))
    return await _do(service, AddMember(service.now(), data.member, data.by, parties))


@post("/remove", status_code=200, summary="Speak for a member no longer")
async def remove_member(data: MemberRequest, service: Service) -> Done:
    """Speak for a member no longer."""
    matters = await service.loop.read(lambda picture: tuple(_matters(service, picture)))
    told = said_to(keeping_of(service))
    return await _do(service, RemoveMember(service.now(), data.member, data.by, matters, told))


@post("/tell", status_code=200, summary="A member was told")
async def tell_member(data: MatterRequest, service: Service) -> Done:
    """Keep that a member was told of a matter."""
    matter = await _matter(service, data.matter)
    return await _do(service, TellMember(service.now(), matter, data.member, data.by))


@post("/acknowledge", status_code=200, summary="A member acknowledged")
async def acknowledge(data: MatterRequest, service: Service) -> Done:
    """Keep that a member acknowledged a matter. When all have, the peer is told so where the accord says it."""
    matter = await _matter(service, data.matter)
    told = said_to(keeping_of(service))
    return await _do(service, AcknowledgeMember(service.now(), matter, data.member, data.by, data.who, told))


async def _matter(service: Service, name: str) -> Matter:
    return await service.loop.read(lambda picture: find_matter(iter(_matters(service, picture)), name))


def _matters(service: Service, picture: Picture) -> list[Matter]:
    return list(matters_of(picture, service.line, keeping_of(service), service.now()))


async def _do(service: Service, command: MembersCommand) -> Done:
    outcome = await service.loop.decide_at(service.loop.desks.of_type(MembersDesk), command)
    return Done(tuple(tag_of(event) for event in outcome.events), outcome.journal_number)


def _view(service: Service, picture: Picture) -> MembersView:
    coalition = service.loop.desks.of_type(MembersDesk).coalition
    matters = dict.fromkeys([*_matters(service, picture), *coalition.told])
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
