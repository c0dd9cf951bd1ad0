"""Accords over HTTP: draft, propose, counter, authorise, suspend, resume, end, show, compare."""

from __future__ import annotations

from datetime import datetime

import msgspec
from litestar import Router, get, post

from detente.accord.difference import Difference, differences
from detente.accord.facts import (
    AccordAuthorised,
    AccordDrafted,
    AccordEnded,
    AccordProposed,
    AccordResumed,
    AccordSuspended,
    Fact,
)
from detente.accord.tagged import tag_of
from detente.accord.terms import accord_hash, parse_accord
from detente.airspace.refusal import Refusal
from detente.api.service import Service, not_found
from detente.node.accord_keeping import AccordKeeping
from detente.node.accords import AccordView, view_of


class ProposalRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The accord's text (TOML) for `peer`; `answers` is the hash of the proposal that it counters, or its beginning."""

    peer: str
    text: str
    by: str = "watch"
    answers: str = ""


class AuthorisationRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Our authority's signature over `detente-authorisation-1` of the accord, our party and `at`."""

    at: datetime
    signature: str
    by: str = "authority"


class ChangeRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which post changes the standing of an accord, and why.

    Where the authority acts, its `signature` over `detente-change-1` and the time that it signed.
    """

    by: str = "watch"
    reason: str = ""
    at: datetime | None = None
    signature: str = ""


class Said(msgspec.Struct, frozen=True):
    """What was said is durable. `facts` are the kinds of what was kept, empty when it was said before."""

    facts: tuple[str, ...]
    accord: AccordView


def keeping_of(service: Service) -> AccordKeeping:
    """Return the node's keeping of accords."""
    keeping = service.loop.keeping
    assert keeping is not None
    return keeping


async def view(service: Service, prefix: str) -> AccordView:
    """Return one accord by the beginning of its hash; raises Refusal answered with 404."""
    try:
        return await service.loop.read(lambda _: view_of(keeping_of(service).accords, prefix, service.now()))
    except Refusal as refusal:
        raise not_found(refusal.field, prefix, refusal.expected) from None


async def say(service: Service, peer: str, fact: Fact, prefix: str) -> Said:
    """Say a fact; return what was kept and the accord as it stands after it."""
    kept = await service.loop.say(peer, fact)
    return Said(tuple(tag_of(one) for one in kept), await view(service, prefix))


@get("/", summary="List accords")
async def list_accords(service: Service) -> list[AccordView]:
    """List every accord that was drafted or proposed with a paired party, and where it stands."""
    return await service.loop.read(lambda _: list(keeping_of(service).accords.views(service.now())))


@get("/{accord:str}", summary="One accord")
async def show_one(service: Service, accord: str) -> AccordView:
    """Return an accord by its hash or the beginning of it, with all that both sides said of it."""
    return await view(service, accord)


@get("/{accord:str}/differences/{other:str}", summary="Compare two accords")
async def compare(service: Service, accord: str, other: str) -> list[Difference]:
    """Return every term in which two accords differ."""
    first, second = await view(service, accord), await view(service, other)
    talks = keeping_of(service).accords.talks
    return differences(talks[first.peer].accords[first.accord_hash], talks[second.peer].accords[second.accord_hash])


@post("/draft", status_code=200, summary="Keep a draft")
async def draft(data: ProposalRequest, service: Service) -> Said:
    """Keep a text that is told to nobody."""
    return await _text_said(service, data, AccordDrafted(service.party, service.now(), data.by, data.text))


@post("/propose", status_code=200, summary="Propose an accord")
async def propose(data: ProposalRequest, service: Service) -> Said:
    """Propose a text to a paired party; with `answers`, as a counter-proposal."""
    answers = (await view(service, data.answers)).accord_hash if data.answers else ""
    fact = AccordProposed(service.party, service.now(), data.by, data.text, answers)
    return await _text_said(service, data, fact)


@post("/{accord:str}/authorise", status_code=200, summary="Authorise an accord")
async def authorise(data: AuthorisationRequest, service: Service, accord: str) -> Said:
    """Hand in our authority's signature. The node never holds the authority's key."""
    found = await view(service, accord)
    fact = AccordAuthorised(service.party, data.at, data.by, found.accord_hash, data.signature)
    return await say(service, found.peer, fact, found.accord_hash)


@post("/{accord:str}/suspend", status_code=200, summary="Suspend an accord")
async def suspend(data: ChangeRequest, service: Service, accord: str) -> Said:
    """Suspend an accord alone: planning stops, the safety functions that the terms keep go on."""
    found = await view(service, accord)
    serial = _next_serial(service, found)
    at = data.at or service.now()
    fact = AccordSuspended(service.party, at, data.by, found.accord_hash, serial, data.reason, data.signature)
    return await say(service, found.peer, fact, found.accord_hash)


@post("/{accord:str}/resume", status_code=200, summary="Resume an accord")
async def resume(data: ChangeRequest, service: Service, accord: str) -> Said:
    """Take our suspension back."""
    found = await view(service, accord)
    serial = _next_serial(service, found)
    at = data.at or service.now()
    fact = AccordResumed(service.party, at, data.by, found.accord_hash, serial, data.signature)
    return await say(service, found.peer, fact, found.accord_hash)


@post("/{accord:str}/end", status_code=200, summary="End an accord")
async def end(data: ChangeRequest, service: Service, accord: str) -> Said:
    """End an accord for good, or take a proposal back."""
    found = await view(service, accord)
    at = data.at or service.now()
    fact = AccordEnded(service.party, at, data.by, found.accord_hash, data.reason, data.signature)
    return await say(service, found.peer, fact, found.accord_hash)


async def _text_said(service: Service, data: ProposalRequest, fact: AccordDrafted | AccordProposed) -> Said:
    return await say(service, data.peer, fact, accord_hash(parse_accord(data.text)))


def _next_serial(service: Service, found: AccordView) -> int:
    said = keeping_of(service).accords.talks[found.peer].said_by(found.accord_hash, service.party)
    return said.serial + 1 if said is not None else 1


router = Router(
    path="/accords",
    route_handlers=[list_accords, show_one, compare, draft, propose, authorise, suspend, resume, end],
    tags=["accords"],
)
