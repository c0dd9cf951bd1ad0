"""Humanitarian notices over HTTP: give to chosen recipients, withdraw, list, and say that a screen shows them."""

from __future__ import annotations

from datetime import datetime

import msgspec
from litestar import Router, get, post

from detente.airspace.plan import Volume4D
from detente.api.service import Service, tags
from detente.api.views import Done
from detente.humanitarian.notices import (
    GiveHumanitarian,
    OwnHumanitarian,
    ShowHumanitarian,
    TheirHumanitarian,
    WithdrawHumanitarian,
)
from detente.humanitarian.room import HumanitarianRoom
from detente.humanitarian.terms import HumanitarianKind, HumanitarianNotice, Urgency


class HumanitarianText(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A humanitarian notice as it is given, and to whom; the node adds its party and the time."""

    notice_id: str
    kind: HumanitarianKind
    volumes: tuple[Volume4D, ...]
    recipients: tuple[str, ...]
    urgency: Urgency = Urgency.ROUTINE
    call_sign: str | None = None
    post: str | None = None

    def by(self, party: str, at: datetime) -> HumanitarianNotice:
        """Return the notice of `party`, given at `at`."""
        return HumanitarianNotice(
            self.notice_id, party, self.kind, self.urgency, self.volumes, at, self.call_sign, self.post
        )


class HumanitarianView(msgspec.Struct, frozen=True):
    """All humanitarian notices: ours with the receipts of each recipient, and those that we were told."""

    ours: tuple[OwnHumanitarian, ...]
    theirs: tuple[TheirHumanitarian, ...]


class ShownOnScreen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The post whose screen shows what others told."""

    by: str = ""


@get("/", summary="List humanitarian notices")
async def list_humanitarian(service: Service) -> HumanitarianView:
    """List ours, with who received and showed each and when, and those of others."""
    state = service.state_of(HumanitarianRoom)
    return await service.loop.read(
        lambda: HumanitarianView(
            tuple(state.ours[key] for key in sorted(state.ours)),
            tuple(state.theirs[key] for key in sorted(state.theirs)),
        )
    )


@post("/", status_code=200, summary="Give a humanitarian notice")
async def give_humanitarian(data: HumanitarianText, service: Service) -> Done:
    """Tell these recipients, each by itself, beside those told before; another text replaces it for all of them."""
    at = service.now()
    outcome = await service.do(GiveHumanitarian(at, data.by(service.party, at), data.recipients))
    return Done(tags(outcome), outcome.journal_number)


@post("/{notice_id:str}/withdraw", status_code=200, summary="Withdraw a humanitarian notice")
async def withdraw_humanitarian(service: Service, notice_id: str) -> Done:
    """Take one of ours back from all that were told."""
    outcome = await service.do(WithdrawHumanitarian(service.now(), notice_id))
    return Done(tags(outcome), outcome.journal_number)


@post("/shown", status_code=200, summary="Humanitarian notices are shown")
async def show_humanitarian(data: ShownOnScreen, service: Service) -> Done:
    """Say that a screen of this post shows what others told: each of them gets a receipt, which permits nothing."""
    outcome = await service.do(ShowHumanitarian(service.now(), service.post(data.by)))
    return Done(tags(outcome), outcome.journal_number)


router = Router(
    path="/humanitarian",
    route_handlers=[list_humanitarian, give_humanitarian, withdraw_humanitarian, show_humanitarian],
    tags=["humanitarian"],
)
