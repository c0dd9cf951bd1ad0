"""Details behind notices over HTTP: commit, open, list."""

from __future__ import annotations

import secrets
from datetime import datetime

import msgspec
from litestar import Router, get, post

from detente.airspace.plan import Plan
from detente.api.service import Service, not_found, tags
from detente.api.views import Done
from detente.details.commitment import DETAILS_SALT_BYTES, CommitmentOpening
from detente.details.details import CommitDetails, GiveDetails
from detente.details.room import DetailsRoom


class CommitmentRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The details, a plan, that a notice is to commit to. They and the salt stay here until they are opened."""

    details: Plan


class CommitmentMade(msgspec.Struct, frozen=True):
    """What the notice is to carry as its `commitment`."""

    commitment: str
    journal_number: int


class OpeningRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Open to `peer` what our notice committed to."""

    peer: str
    notice_id: str


class CommitmentView(msgspec.Struct, frozen=True):
    """A commitment of a notice: when it was first seen here, and when it was opened; `details` are theirs or ours."""

    party: str
    notice_id: str
    commitment: str
    seen_at: datetime
    opened_at: datetime | None
    details: Plan | None


@get("/", summary="List commitments")
async def list_commitments(service: Service) -> list[CommitmentView]:
    """List every commitment that a notice carries or carried, and what it was opened with."""
    details = service.state_of(DetailsRoom)

    def views() -> list[CommitmentView]:
        return [
            CommitmentView(*key, c.commitment, c.at, c.opened_at, None if c.opening is None else c.opening.details)
            for key, held in sorted(details.commitments.items())
            for c in held
        ]

    return await service.loop.read(views)


@get("/openings/{commitment:str}", summary="Our own opening")
async def show_opening(service: Service, commitment: str) -> CommitmentOpening:
    """Give the salt and the details of a commitment that was made here, to be shown to an outsider."""
    found = await service.loop.read(lambda: service.state_of(DetailsRoom).kept.get(commitment))
    if found is None:
        raise not_found("api.commitment_made", "commitment", commitment)
    return found


@post("/commit", status_code=200, summary="Commit to details")
async def commit(data: CommitmentRequest, service: Service) -> CommitmentMade:
    """Keep details under a fresh salt and say what a notice must carry so that they can be proven later."""
    opening = CommitmentOpening(secrets.token_hex(DETAILS_SALT_BYTES), data.details)
    done = await service.do(CommitDetails(service.now(), opening))
    return CommitmentMade(opening.commitment, done.journal_number)


@post("/open", status_code=200, summary="Give details")
async def open_details(data: OpeningRequest, service: Service) -> Done:
    """Give a peer the details behind our notice; its node checks that they are what the notice committed to."""
    outcome = await service.do(GiveDetails(service.now(), data.peer, data.notice_id))
    return Done(tags(outcome), outcome.journal_number)


router = Router(
    path="/details", route_handlers=[list_commitments, show_opening, commit, open_details], tags=["notices"]
)
