"""Private matching over HTTP: runs, what they told, and where a peer brings the bulk of its messages."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import datetime

import msgspec
from litestar import Request, Response, Router, get, post, put
from litestar.datastructures import State

from detente.airspace.refusal import Refusal
from detente.api.service import Service, not_found
from detente.matching.delivery import MESSAGES_PATH, OFFSET_HEADER, SIGNATURE_HEADER, offset_of
from detente.matching.files import PIECE_BYTES, is_signed
from detente.matching.ledger import LedgerRow, SeriesTotals, series_totals
from detente.matching.life import MatchingRun, ProposeRun, RunState, noted_under, transcript_of
from detente.node.opened_parts import RunParts


class RunRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A run to begin: with whom, and any time in the epoch; the epoch that is running when not said."""

    peer: str
    epoch: datetime | None = None


class RunView(msgspec.Struct, frozen=True):
    """A run and, while it goes on, what is being done and how far it is.

    `transcripts_equal` is whether the peer has said that its messages are the same as ours; None before it has.
    """

    run: MatchingRun
    doing: str
    done: int
    total: int
    transcripts_equal: bool | None


class Taken(msgspec.Struct, frozen=True):
    """Which message of which run it was; `new` is false for a run that does not go on any more."""

    run: str
    name: str
    new: bool


class LedgerView(msgspec.Struct, frozen=True):
    """What all runs with a peer have told.

    `unflown` is by run how many of the plans that the peer showed were never flown, `own_unflown` how many of ours,
    where the accord limits them: of the epochs of the last thirty days that are over.
    """

    peer: str
    told: SeriesTotals
    unflown: dict[str, int]
    own_unflown: dict[str, int]


@post("/runs", status_code=200, summary="Begin a run")
async def begin_run(data: RunRequest, service: Service) -> RunView:
    """Begin the run of an epoch with a peer; the one that goes on when there is one."""
    at = service.now()
    return _view(service, await service.matching.propose(ProposeRun(at, data.peer, data.epoch or at), service.by))


@get("/runs", summary="List runs")
async def list_runs(service: Service, peer: str | None = None) -> list[RunView]:
    """List runs, by peer and epoch."""
    runs = await service.loop.read(lambda: tuple(service.matching.runs.values()))
    wanted = sorted((run for run in runs if peer in (None, run.peer)), key=lambda run: (run.peer, run.epoch))
    return [_view(service, run) for run in wanted]


@get("/runs/{run:str}", summary="Show a run")
async def show_run(service: Service, run: str) -> RunView:
    """Show one run."""
    return _view(service, await _found(service, run))


@get("/runs/{run:str}/parts", summary="What a run opened")
async def show_parts(service: Service, run: str) -> RunParts:
    """Show the parts of plans that either side opened. The journal's file is read for it, beside the loop."""
    await _found(service, run)
    return await asyncio.to_thread(service.parts_of_run, run)


@post("/runs/{run:str}/abort", status_code=200, summary="Break a run off")
async def abort_run(service: Service, run: str) -> RunView:
    """Break a run off. What was shown stays shown; there is no second run for the epoch once tokens have left."""
    await _found(service, run)
    await service.matching.abort(run, service.by)
    return _view(service, await _found(service, run))


@get("/ledger", summary="The leak ledger")
async def show_ledger(service: Service) -> list[LedgerView]:
    """Show what all runs with each peer have told."""
    at = service.now()
    runs = await service.loop.read(lambda: tuple(service.matching.runs.values()))
    totals = {
        peer: series_totals([row for run in runs if run.peer == peer for row in rows_of(run)])
        for peer in sorted({run.peer for run in runs})
    }
    return await service.loop.read(
        lambda: [LedgerView(peer, told, *service.matching.unflown(peer, at)) for peer, told in totals.items()]
    )


def rows_of(run: MatchingRun) -> list[LedgerRow]:
    """The row of a run in the ledger; of one that was broken off before it told anything, what is known of it."""
    if run.outcome is not None:
        return [msgspec.structs.replace(run.outcome.row, fault=run.reason)]
    if run.state is RunState.ABORTED:
        epoch = int(run.epoch.timestamp()) // run.epoch_seconds
        return [LedgerRow(epoch, run.role.value, 0, 0, 0, 0, run.opened, run.seen, 0, fault=run.reason)]
    return []


@get("/runs/{run:str}/messages/{name:str}", summary="A message of ours", media_type="application/octet-stream")
async def show_message(service: Service, run: str, name: str) -> Response[bytes]:
    """Give the bytes of a message of ours, to carry it by hand."""
    record = await _found(service, run)
    raw = await asyncio.to_thread(service.matching.files_of(record).message, name)
    if raw is None or noted_under(record.sent, name) is None:
        raise not_found("api.message_sent_still_kept", "name", name)
    return Response(raw, media_type="application/octet-stream")


@post("/messages", status_code=200, summary="Take in a message that was carried here")
async def take_message(request: Request[None, None, State], service: Service) -> Taken:
    """Take the bytes of a peer's message that a signed envelope has announced, from whoever brings them."""
    raw = await request.body()
    digest = await asyncio.to_thread(lambda: hashlib.sha256(raw).hexdigest())
    for record in await service.loop.read(lambda: tuple(service.matching.runs.values())):
        noted = next((one for one in record.announced if one.sha256 == digest), None)
        if noted is not None:
            held = await service.matching.take_piece(record, noted.name, 0, raw)
            return Taken(record.run, noted.name, new=held is not None)
    raise Refusal("api.message_envelope_peer_announced", "message", f"{len(raw):,} bytes")


@put(
    MESSAGES_PATH + "/{run:str}/{name:str}",
    summary="Take in a piece of a message of a run",
    request_max_body_size=PIECE_BYTES + 1024,
)
async def receive_piece(request: Request[None, None, State], service: Service, run: str, name: str) -> Response[object]:
    """Take a piece that the peer signed; the answer says how many bytes of the message are held."""
    work = service.matching
    offset = offset_of(request.headers.get(OFFSET_HEADER, ""))
    piece = await request.body()
    record = await service.loop.read(lambda: work.runs.get(run))
    peer = None if record is None else work.key_of(record.peer)
    # Verified for a run that is not known too: how long it takes must not tell whether it is.
    key = service.card.key if peer is None else peer
    try:
        signature = bytes.fromhex(request.headers.get(SIGNATURE_HEADER, ""))
    except ValueError:
        signature = b""
    if not is_signed(key, signature, run, name, offset, piece) or record is None or peer is None:
        raise not_found("api.run_with_party_signed", "run", run)
    held = await service.matching.take_piece(record, name, offset, piece)
    return Response({"held": held} if held is not None else {}, status_code=200 if held is not None else 410)


async def _found(service: Service, run: str) -> MatchingRun:
    record = await service.loop.read(lambda: service.matching.runs.get(run))
    if record is None:
        raise not_found("api.run", "run", run)
    return record


def _view(service: Service, run: MatchingRun) -> RunView:
    at_work = service.matching.at_work.get(run.run)
    doing, done, total = ("", 0, 0) if at_work is None else at_work.progress
    equal = None if not run.transcript else run.transcript == transcript_of(run)
    return RunView(run, doing, done, total, equal)


router = Router(
    path="/matching",
    route_handlers=[begin_run, list_runs, show_run, show_parts, abort_run, show_message, take_message, show_ledger],
    tags=["matching"],
)
link_router = Router(path="/", route_handlers=[receive_piece], tags=["link"])
