"""Accords over HTTP: draft, propose, counter, authorise, suspend, resume, end, show, compare."""

from __future__ import annotations

from datetime import datetime

import msgspec
from litestar import Router, get, post

from detente.accord.difference import TermDifference, differences
from detente.accord.messages import (
    AccordAct,
    AccordAuthorised,
    AccordDrafted,
    AccordEnded,
    AccordProposed,
    AccordResumed,
    AccordSuspended,
)
from detente.accord.room import ActOnAccord
from detente.accord.terms import accord_hash, parse_accord
from detente.accord.views import AccordView, view_of, views
from detente.airspace.refusal import Refusal
from detente.api.service import Service, not_found
from detente.room.tagged import tag_of


class ProposalRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The accord's text (TOML) for `peer`; `answers` is the hash of the proposal that it counters, or its beginning."""

    peer: str
    text: str
    by: str = ""
    answers: str = ""


class AuthorisationRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Our authority's signature over `detente-authorisation-1` of the accord, our party and `at`."""

    at: datetime
    signature: str
    by: str = ""


class ChangeRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which post changes the standing of an accord, and why.

    Where the authority acts, its `signature` over `detente-change-1` and the time that it signed.
    """

    by: str = ""
    reason: str = ""
    at: datetime | None = None
    signature: str = ""


class AccordDone(msgspec.Struct, frozen=True):
    """What was done is durable: `acts` are the kinds of what was kept, empty when it had been done before."""

    acts: tuple[str, ...]
    accord: AccordView


async def view(service: Service, prefix: str) -> AccordView:
    """Return one accord by the beginning of its hash; raises Refusal answered with 404."""
    try:
        return await service.loop.read(lambda: view_of(service.accords, prefix, service.now()))
    except Refusal as refusal:
        raise not_found(refusal.code, refusal.field, prefix, **refusal.parameters) from None


async def act_on(service: Service, peer: str, act: AccordAct, prefix: str) -> AccordDone:
    """Carry an act out; return what was kept and the accord as it stands after it."""
    outcome = await service.do(ActOnAccord(service.now(), peer, act))
    return AccordDone(tuple(tag_of(event.act) for event in outcome.events), await view(service, prefix))


@get("/", summary="List accords")
async def list_accords(service: Service) -> list[AccordView]:
    """List every accord that was drafted or proposed with a paired party, and where it stands."""
    return await service.loop.read(lambda: list(views(service.accords, service.now())))


@get("/{accord:str}", summary="One accord")
async def show_one(service: Service, accord: str) -> AccordView:
    """Return an accord by its hash or the beginning of it, with all that both sides said of it."""
    return await view(service, accord)


@get("/{accord:str}/differences/{other:str}", summary="Compare two accords")
async def compare(service: Service, accord: str, other: str) -> list[TermDifference]:
    """Return every term in which two accords differ."""
    first, second = await view(service, accord), await view(service, other)
    talks = service.accords.talks
    return differences(talks[first.peer].accords[first.accord_hash], talks[second.peer].accords[second.accord_hash])


@post("/draft", status_code=200, summary="Keep a draft")
async def draft(data: ProposalRequest, service: Service) -> AccordDone:
    """Keep a text that is told to nobody."""
    by = service.post(data.by)
    return await _with_text(service, data, AccordDrafted(service.party, service.now(), by, data.text))


@post("/propose", status_code=200, summary="Propose an accord")
async def propose(data: ProposalRequest, service: Service) -> AccordDone:
    """Propose a text to a paired party; with `answers`, as a counter-proposal."""
    by = service.post(data.by)
    answers = (await view(service, data.answers)).accord_hash if data.answers else ""
    act = AccordProposed(service.party, service.now(), by, data.text, answers)
    return await _with_text(service, data, act)


@post("/{accord:str}/authorise", status_code=200, summary="Authorise an accord")
async def authorise(data: AuthorisationRequest, service: Service, accord: str) -> AccordDone:
    """Hand in our authority's signature. The node never holds the authority's key."""
    by = service.post(data.by, "authority")
    found = await view(service, accord)
    act = AccordAuthorised(service.party, data.at, by, found.accord_hash, data.signature)
    return await act_on(service, found.peer, act, found.accord_hash)


@post("/{accord:str}/suspend", status_code=200, summary="Suspend an accord")
async def suspend(data: ChangeRequest, service: Service, accord: str) -> AccordDone:
    """Suspend an accord alone: planning stops, the safety functions that the terms keep go on."""
    by = service.post(data.by)
    found = await view(service, accord)
    serial = _next_serial(service, found)
    at = data.at or service.now()
    act = AccordSuspended(service.party, at, by, found.accord_hash, serial, data.reason, data.signature)
    return await act_on(service, found.peer, act, found.accord_hash)


@post("/{accord:str}/resume", status_code=200, summary="Resume an accord")
async def resume(data: ChangeRequest, service: Service, accord: str) -> AccordDone:
    """Take our suspension back."""
    by = service.post(data.by)
    found = await view(service, accord)
    serial = _next_serial(service, found)
    at = data.at or service.now()
    act = AccordResumed(service.party, at, by, found.accord_hash, serial, data.signature)
    return await act_on(service, found.peer, act, found.accord_hash)


@post("/{accord:str}/end", status_code=200, summary="End an accord")
async def end(data: ChangeRequest, service: Service, accord: str) -> AccordDone:
    """End an accord for good, or take a proposal back."""
    by = service.post(data.by)
    found = await view(service, accord)
    at = data.at or service.now()
    act = AccordEnded(service.party, at, by, found.accord_hash, data.reason, data.signature)
    return await act_on(service, found.peer, act, found.accord_hash)


async def _with_text(service: Service, data: ProposalRequest, act: AccordDrafted | AccordProposed) -> AccordDone:
    return await act_on(service, data.peer, act, accord_hash(parse_accord(data.text)))


def _next_serial(service: Service, found: AccordView) -> int:
    last = service.accords.talks[found.peer].said_by(found.accord_hash, service.party)
    return last.serial + 1 if last is not None else 1


router = Router(
    path="/accords",
    route_handlers=[list_accords, show_one, compare, draft, propose, authorise, suspend, resume, end],
    tags=["accords"],
)
