"""Temporary zones over HTTP: propose, counter, accept, refuse, move, release, show."""

from __future__ import annotations

from datetime import datetime

import msgspec
from litestar import Router, get, post

from detente.airspace.refusal import Refusal
from detente.api.service import Service, not_found
from detente.picture.entering import Entering, entering
from detente.zones.messages import ZoneAccepted, ZoneMessage, ZoneProposed, ZoneRefused, ZoneReleased
from detente.zones.room import ZonesRoom
from detente.zones.talks import (
    SayZone,
    Version,
    ZoneRecord,
    Zones,
    ZoneStanding,
    next_number,
    overdue_s,
    posts_called,
)
from detente.zones.terms import ZoneTerms


class ZoneProposal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The terms of a zone for `peer`; `answers` is the version that they are a counter-proposal to, or its beginning.

    Proposed for a zone that is agreed, they move it once the other side accepts; until then it stays where it is.
    """

    peer: str
    zone_id: str
    terms: ZoneTerms
    by: str = ""
    answers: str = ""


class ZoneAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An answer to the version that waits for ours, or to the one named by the beginning of `version`."""

    by: str = ""
    version: str = ""
    reason: str = ""


class Pending(msgspec.Struct, frozen=True):
    """A version that waits for the answer of `waits_for`.

    `called` are the posts of that party whose turn has come; `overdue_s` says for how long all have been past theirs.
    """

    version: str
    terms: ZoneTerms
    proposed_by: str
    post: str
    at: datetime
    answers: str
    waits_for: str
    called: tuple[str, ...]
    overdue_s: float


class ZoneView(msgspec.Struct, frozen=True):
    """A zone with one peer as people see it; `entering` are the plans that enter it against its meaning."""

    peer: str
    zone_id: str
    standing: ZoneStanding
    agreed: ZoneTerms | None
    pending: tuple[Pending, ...]
    entering: tuple[Entering, ...]
    record: ZoneRecord


class ZoneDone(msgspec.Struct, frozen=True):
    """What was said is durable; `facts` is 1, or 0 when it was said before."""

    facts: int
    journal_number: int
    zone: ZoneView


@get("/", summary="List zones")
async def list_zones(service: Service, peer: str | None = None) -> list[ZoneView]:
    """List every zone that was proposed with each peer, those that are over too."""
    zones = _zones(service)
    keys = [key for key in sorted(zones.records) if peer in (None, key[0])]
    return await service.loop.work_out(lambda: [_view(service, zones.records[key]) for key in keys])


@get("/{peer:str}/{zone_id:str}", summary="One zone")
async def show_zone(service: Service, peer: str, zone_id: str) -> ZoneView:
    """Return a zone with all that both sides said of it."""
    return await service.loop.work_out(lambda: _view(service, _record(service, peer, zone_id)))


@post("/", status_code=200, summary="Propose a zone")
async def propose(data: ZoneProposal, service: Service) -> ZoneDone:
    """Propose a zone, a move of one, or, with `answers`, other terms than the other side's."""
    by = service.post(data.by)
    record = _zones(service).records.get((data.peer, data.zone_id))
    answers = "" if not data.answers else _version(record, data.answers).version
    number = next_number(record)
    message = ZoneProposed(service.party, service.now(), by, data.zone_id, data.terms, number, answers)
    return await _say(service, data.peer, message)


@post("/{peer:str}/{zone_id:str}/accept", status_code=200, summary="Accept a zone")
async def accept(data: ZoneAnswer, service: Service, peer: str, zone_id: str) -> ZoneDone:
    """Agree to the terms that wait for our answer: from now on the zone counts as notified on both sides."""
    by = service.post(data.by)
    version = _asked(service, peer, zone_id, data)
    return await _say(service, peer, ZoneAccepted(service.party, service.now(), by, zone_id, version))


@post("/{peer:str}/{zone_id:str}/refuse", status_code=200, summary="Refuse a zone")
async def refuse(data: ZoneAnswer, service: Service, peer: str, zone_id: str) -> ZoneDone:
    """Do not agree to terms that wait for our answer, or take our own back, with the reason."""
    by = service.post(data.by)
    version = _asked(service, peer, zone_id, data)
    return await _say(service, peer, ZoneRefused(service.party, service.now(), by, zone_id, version, data.reason))


@post("/{peer:str}/{zone_id:str}/release", status_code=200, summary="Release a zone")
async def release(data: ZoneAnswer, service: Service, peer: str, zone_id: str) -> ZoneDone:
    """Release a zone, alone, at once and for good."""
    by = service.post(data.by)
    return await _say(service, peer, ZoneReleased(service.party, service.now(), by, zone_id, data.reason))


def _zones(service: Service) -> Zones:
    return service.state_of(ZonesRoom)


def _record(service: Service, peer: str, zone_id: str) -> ZoneRecord:
    record = _zones(service).records.get((peer, zone_id))
    if record is None:
        raise not_found("api.zone_proposed", "zone_id", zone_id, peer=peer)
    return record


def _version(record: ZoneRecord | None, prefix: str) -> Version:
    found = [v for v in (() if record is None else record.versions) if v.version.startswith(prefix)]
    if len(found) != 1:
        raise Refusal("api.beginning_one_version", "version", prefix, count=len(found))
    return found[0]


def _asked(service: Service, peer: str, zone_id: str, data: ZoneAnswer) -> str:
    record = _record(service, peer, zone_id)
    if data.version:
        return _version(record, data.version).version
    if not record.pending:
        raise Refusal("api.version_waits_for_answer", "version", "")
    return record.pending[-1].version


async def _say(service: Service, peer: str, message: ZoneMessage) -> ZoneDone:
    outcome = await service.do(SayZone(service.now(), peer, message))
    view = await service.loop.work_out(lambda: _view(service, _record(service, peer, message.zone_id)))
    return ZoneDone(len(outcome.events), outcome.journal_number, view)


def _view(service: Service, record: ZoneRecord) -> ZoneView:
    at = service.now()
    ladder = service.loop.rooms.of_type(ZonesRoom).ladder(record.peer, at)
    pending = []
    for version in record.pending:
        proposal = version.proposed
        waits_for = record.peer if proposal.party == service.party else service.party
        pending.append(
            Pending(
                version.version, version.terms, proposal.party, proposal.by, proposal.at, proposal.answers, waits_for,
                posts_called(ladder, proposal.at, at), overdue_s(ladder, proposal.at, at),
            )
        )  # fmt: skip
    agreed = record.agreed
    inside: tuple[Entering, ...] = ()
    if agreed is not None:
        found = entering(service.picture, f"{record.zone_id}:")
        inside = tuple(one for one in found if one.notice_party == agreed.terms.owner)
    return ZoneView(
        record.peer, record.zone_id, record.standing(at), None if agreed is None else agreed.terms, tuple(pending),
        inside, record,
    )  # fmt: skip


router = Router(path="/zones", route_handlers=[list_zones, show_zone, propose, accept, refuse, release], tags=["zones"])
