"""Conflicts and measures over HTTP."""

from __future__ import annotations

from litestar import Router, get, post

from detente.airspace.refusal import Refusal
from detente.airspace.resolution import FoundMeasures, RankedChange, apply_change
from detente.api.service import Service, not_found, tags
from detente.api.views import ConflictDetail, Conflicts, Done, MeasureRequest, ProposedMeasure, RefusalRequest
from detente.picture.commands import AcceptMeasure, ProposeMeasure, RefuseMeasure
from detente.picture.decide_measures import open_conflict
from detente.picture.measures import Measure, MeasureRecord, MeasureState
from detente.picture.picture import Picture
from detente.tasks.search_for_measures import search_measures
from detente.tasks.settlement import measure_from


@get("/conflicts", summary="List conflicts")
async def list_conflicts(service: Service, *, cleared: bool = False) -> Conflicts:
    """List the open conflicts and, when asked for, those that are over."""
    return await service.read(
        lambda picture: Conflicts(
            tuple(picture.conflicts[key] for key in sorted(picture.conflicts)),
            tuple(picture.cleared[key] for key in sorted(picture.cleared)) if cleared else (),
            tuple(answer for _, answer in sorted(picture.answers.items()) if answer.conflict),
        )
    )


@get("/conflicts/{conflict_id:str}", summary="Show a conflict")
async def show_conflict(service: Service, conflict_id: str) -> ConflictDetail:
    """Show one conflict, open or over, and the measures that were proposed for it."""
    return await service.read(lambda picture: _detail(picture, conflict_id))


@get("/conflicts/{conflict_id:str}/changes", summary="Search changes for a conflict")
async def search_changes(service: Service, conflict_id: str, owner: str | None = None) -> FoundMeasures:
    """Search the changes of our plan (or of `owner`'s) that are clear of everything known here, cheapest first."""
    return await service.work_out(lambda picture: _changes(picture, conflict_id, owner or service.party))


@post("/measures", status_code=200, summary="Propose a measure")
async def propose_measure(data: MeasureRequest, service: Service) -> ProposedMeasure:
    """Propose a change, the cheapest clear one unless the request says which, to the other party of a conflict."""
    measure = await service.work_out(lambda picture: _measure(picture, data, data.owner or service.party))
    outcome = await service.do(ProposeMeasure(service.now(), service.party, measure))
    plan_id = measure.plan.plan_id
    return ProposedMeasure(measure.measure_id, plan_id, measure.change, measure.cost, outcome.journal_number)


@get("/measures", summary="List measures")
async def list_measures(service: Service, measure_state: MeasureState | None = None) -> list[MeasureRecord]:
    """List measures, in one state when asked for."""
    return await service.read(
        lambda picture: [
            picture.measures[key]
            for key in sorted(picture.measures)
            if measure_state is None or picture.measures[key].state is measure_state
        ]
    )


@post("/measures/{measure_id:str}/accept", status_code=200, summary="Accept a measure")
async def accept_measure(service: Service, measure_id: str) -> Done:
    """Agree to the other party's measure."""
    outcome = await service.do(AcceptMeasure(service.now(), service.party, measure_id))
    return Done(tags(outcome), outcome.journal_number)


@post("/measures/{measure_id:str}/refuse", status_code=200, summary="Refuse a measure")
async def refuse_measure(data: RefusalRequest, service: Service, measure_id: str) -> Done:
    """Do not agree to the other party's measure, with the reason."""
    outcome = await service.do(RefuseMeasure(service.now(), service.party, measure_id, data.reason))
    return Done(tags(outcome), outcome.journal_number)


def _detail(picture: Picture, conflict_id: str) -> ConflictDetail:
    is_open, cleared = picture.conflicts.get(conflict_id), picture.cleared.get(conflict_id)
    if is_open is None and cleared is None:
        raise not_found("api.conflict_node", "conflict_id", conflict_id)
    measures = sorted(
        (record for record in picture.measures.values() if record.measure.conflict_id == conflict_id),
        key=lambda record: (record.proposed_at, record.measure.measure_id),
    )
    return ConflictDetail(is_open, cleared, tuple(measures))


def _changes(picture: Picture, conflict_id: str, owner: str) -> FoundMeasures:
    record = open_conflict(picture, conflict_id)
    try:
        reference = record.conflict.of(owner)
    except KeyError:
        raise Refusal("api.party_conflict", "owner", owner, conflict_id=conflict_id) from None
    return search_measures(picture, reference)


def _measure(picture: Picture, request: MeasureRequest, owner: str) -> Measure:
    record = open_conflict(picture, request.conflict_id)
    if request.change is None:
        ranked = _changes(picture, request.conflict_id, owner).measures
        if not ranked:
            raise Refusal("api.conflict_change_plan_clears", "conflict_id", request.conflict_id, owner=owner)
        return measure_from(picture, record, ranked[0], owner)
    try:
        reference = record.conflict.of(owner)
    except KeyError:
        raise Refusal("api.party_conflict", "owner", owner, conflict_id=request.conflict_id) from None
    base = picture.plans[(reference.party, reference.plan_id)].plan
    return measure_from(picture, record, RankedChange(request.change, 0.0, apply_change(base, request.change)), owner)


router = Router(
    path="/",
    route_handlers=[
        list_conflicts,
        show_conflict,
        search_changes,
        propose_measure,
        list_measures,
        accept_measure,
        refuse_measure,
    ],
    tags=["conflicts and measures"],
)
