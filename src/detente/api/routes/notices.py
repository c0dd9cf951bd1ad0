"""Notices over HTTP."""

from __future__ import annotations

from litestar import Router, get, post

from detente.api.service import Service, tags
from detente.api.views import Done, NoticeText
from detente.picture.commands import AmendNotice, CancelNotice, GiveNotice
from detente.picture.entering import Entering, entering
from detente.picture.notices import NoticeRecord


@get("/", summary="List notices")
async def list_notices(service: Service) -> list[NoticeRecord]:
    """List the notices of every party, those that are over too."""
    return await service.read(lambda picture: [picture.notices[key] for key in sorted(picture.notices)])


@get("/entered", summary="List plans that enter notices")
async def list_entered(service: Service) -> list[Entering]:
    """List every live plan that enters what was notified, or agreed as a zone, against its meaning."""
    return await service.work_out(lambda picture: list(entering(picture)))


@post("/", status_code=200, summary="Give a notice")
async def give_notice(data: NoticeText, service: Service) -> Done:
    """Tell every peer something about an area, with its meaning."""
    at = service.now()
    outcome = await service.do(GiveNotice(at, service.party, data.by(service.party, at)))
    return Done(tags(outcome), outcome.journal_number)


@post("/amend", status_code=200, summary="Amend a notice")
async def amend_notice(data: NoticeText, service: Service) -> Done:
    """Replace one of our notices in force, by reference to its id."""
    at = service.now()
    outcome = await service.do(AmendNotice(at, service.party, data.by(service.party, at)))
    return Done(tags(outcome), outcome.journal_number)


@post("/{notice_id:str}/cancel", status_code=200, summary="Cancel a notice")
async def cancel_notice(service: Service, notice_id: str) -> Done:
    """Take one of our notices back."""
    outcome = await service.do(CancelNotice(service.now(), service.party, notice_id))
    return Done(tags(outcome), outcome.journal_number)


router = Router(
    path="/notices",
    route_handlers=[list_notices, list_entered, give_notice, amend_notice, cancel_notice],
    tags=["notices"],
)
