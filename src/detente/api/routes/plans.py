"""Plans over HTTP."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Annotated

from litestar import Request, Router, get, post
from litestar.datastructures import State
from litestar.params import Parameter

from detente.airspace.altitude import check_range
from detente.airspace.plan import Plan
from detente.api.given_file import given_file
from detente.api.service import Service, not_found, tags
from detente.api.views import Done, FileImported, PlansImport, PlansImported, PlanSummary, summary_of
from detente.feeds.load import LoadedPlans, LoadOptions, load_plans
from detente.feeds.recognition import PlanFormat
from detente.picture.commands import ActivatePlan, EndPlan, ImportPlans, WithdrawPlan
from detente.picture.picture import PlanRecord, PlanState

MOST_OFFSET_MIN = 14 * 60


@post("/", status_code=200, summary="Import plans")
async def import_plans(
    data: PlansImport,
    service: Service,
    size_bytes: Annotated[int, Parameter(header="Content-Length", include_in_schema=False)] = 0,
) -> PlansImported:
    """Declare the plans that are new, amend those that differ, leave the same: all or none."""
    return await _import(service, data.plans, size_bytes)


@post("/file", status_code=200, summary="Import a plan file")
async def import_file(
    request: Request[None, None, State],
    service: Service,
    name: str = "plans",
    plan_format: PlanFormat | None = None,
    utc_offset_min: int | None = None,
) -> FileImported:
    """Import a file of any format that `detente plan import` reads, by the same readers: its bytes are the body.

    `name` is what its user calls it. `plan_format` insists on a format; `utc_offset_min` is of times without a zone.
    """
    if utc_offset_min is not None:
        check_range("utc_offset_min", utc_offset_min, -MOST_OFFSET_MIN, MOST_OFFSET_MIN, "minutes")
    content = await request.body()
    options = LoadOptions(plan_format, None if utc_offset_min is None else timedelta(minutes=utc_offset_min))
    async with service.file_reading:
        loaded = await asyncio.to_thread(_load, content, name, options)
    imported = await _import(service, loaded.plans, len(content))
    return FileImported(imported, {entry.reason.value: entry.count for entry in loaded.dropped})


def _load(content: bytes, name: str, options: LoadOptions) -> LoadedPlans:
    with given_file(content, name) as file:
        return load_plans(file, options, name=name)


async def _import(service: Service, plans: tuple[Plan, ...], size_bytes: int) -> PlansImported:
    outcome = await service.do(ImportPlans(service.now(), service.party, plans), size_bytes)
    led_to = tags(outcome)
    declared, amended = led_to.count("plan_declared"), led_to.count("plan_amended")
    return PlansImported(
        declared=declared,
        amended=amended,
        unchanged=len(plans) - declared - amended,
        conflicts_found=led_to.count("conflict_found"),
        conflicts_cleared=led_to.count("conflict_cleared"),
        journal_number=outcome.journal_number,
        accord_warnings=service.accord_warnings(),
    )


@get("/", summary="List plans")
async def list_plans(
    service: Service, party: str | None = None, plan_state: PlanState | None = None
) -> list[PlanSummary]:
    """List plans without their geometry, of one party and in one state when asked for."""
    return await service.read(
        lambda picture: [
            summary_of(picture.plans[key], picture)
            for key in sorted(picture.plans)
            if (party is None or key[0] == party) and (plan_state is None or picture.plans[key].state is plan_state)
        ]
    )


@get("/{party:str}/{plan_id:str}", summary="Show a plan")
async def show_plan(service: Service, party: str, plan_id: str) -> PlanRecord:
    """Show one plan in full."""
    record = await service.read(lambda picture: picture.plans.get((party, plan_id)))
    if record is None:
        raise not_found("api.plan_party", "plan_id", plan_id, party=party)
    return record


@post("/{plan_id:str}/withdraw", status_code=200, summary="Withdraw a plan")
async def withdraw_plan(service: Service, plan_id: str) -> Done:
    """Take one of our plans back."""
    outcome = await service.do(WithdrawPlan(service.now(), service.party, plan_id))
    return Done(tags(outcome), outcome.journal_number)


@post("/{plan_id:str}/activate", status_code=200, summary="Activate a plan")
async def activate_plan(service: Service, plan_id: str) -> Done:
    """Say that one of our plans is being flown."""
    outcome = await service.do(ActivatePlan(service.now(), service.party, plan_id))
    return Done(tags(outcome), outcome.journal_number)


@post("/{plan_id:str}/end", status_code=200, summary="End a plan")
async def end_plan(service: Service, plan_id: str) -> Done:
    """Say that one of our plans is flown."""
    outcome = await service.do(EndPlan(service.now(), service.party, plan_id))
    return Done(tags(outcome), outcome.journal_number)


router = Router(
    path="/plans",
    route_handlers=[import_plans, import_file, list_plans, show_plan, withdraw_plan, activate_plan, end_plan],
    tags=["plans"],
)
