"""Our own card over HTTP: renewed under the same key, its key rotated or revoked, and told to every peer."""

from __future__ import annotations

from datetime import datetime

import msgspec
from litestar import Router, post

from detente.api.service import Service, tags
from detente.api.views import Done
from detente.link.card import Card
from detente.link.cards import RenewCard, RevokeKey
from detente.record.keys import spoken_fingerprint


@post("/", summary="Renew our card", status_code=200)
async def renew(service: Service, data: Card) -> Done:
    """Take in a newer card of our own key: every peer is told, and delivers to its addresses from then on."""
    outcome = await service.do(RenewCard(service.now(), data))
    return Done(tags(outcome), outcome.journal_number)


class RevocationRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The exact text of a revocation."""

    revocation: str


@post("/revoked", summary="Take in that a key is revoked", status_code=200)
async def revoke(service: Service, data: RevocationRequest) -> Done:
    """Take in a revocation that an authority signed: of our own key, which every peer is told, or of a peer's."""
    outcome = await service.do(RevokeKey(service.now(), data.revocation))
    return Done(tags(outcome), outcome.journal_number)


class RotatedKey(msgspec.Struct, frozen=True):
    """The fingerprints of our key before and after a rotation, and of our card after it the time (UTC)."""

    before: str
    fingerprint: str
    issued_at: datetime


@post("/key", summary="Rotate our key", status_code=200)
async def rotate(service: Service) -> RotatedKey:
    """Make a new key, signed by the one before, which signs from now on; every peer tells its people of it."""
    before = spoken_fingerprint(service.loop.key.public)
    card = await service.rotator.rotate(service.by)
    return RotatedKey(before, card.fingerprint, card.issued_at)


router = Router(path="/card", route_handlers=[renew, revoke, rotate], tags=["node"])
