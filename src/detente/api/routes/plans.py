"""Plans over HTTP."""

from __future__ import annotations

from litestar import Router, get, post

from detente.api.service import Service, not_found, tags
from detente.api.views import Done, PlansImport, PlansImported, PlanSummary, summary_of
from detente.picture.commands import ActivatePlan, EndPlan, ImportPlans, WithdrawPlan
from detente.picture.picture import PlanRecord, PlanState


@post("/", status_code=200, summary="Import plans")
async def import_plans(data: PlansImport, service: Service) -> PlansImported:
    """Declare the plans that are new, amend those that differ, leave the same: all or none."""
    outcome = await service.do(ImportPlans(service.now(), service.party, data.plans))
    led_to = tags(outcome)
    declared, amended = led_to.count("plan_declared"), led_to.count("plan_amended")
    return PlansImported(
        declared=declared,
        amended=amended,
        unchanged=len(data.plans) - declared - amended,
        conflicts_found=led_to.count("conflict_found"),
        conflicts_cleared=led_to.count("conflict_cleared"),
        journal_number=outcome.journal_number,
    )


@get("/", summary="List plans")
async def list_plans(
    service: Service, party: str | None = None, plan_state: PlanState | None = None
) -> list[PlanSummary]:
    """List plans without their geometry, of one party and in one state when asked for."""
    return await service.loop.read(
        lambda picture: [
            summary_of(picture.plans[key], picture)
            for key in sorted(picture.plans)
            if (party is None or key[0] == party) and (plan_state is None or picture.plans[key].state is plan_state)
        ]
    )


@get("/{party:str}/{plan_id:str}", summary="Show a plan")
async def show_plan(service: Service, party: str, plan_id: str) -> PlanRecord:
    """Show one plan in full."""
    record = await service.loop.read(lambda picture: picture.plans.get((party, plan_id)))
    if record is None:
        raise not_found("plan_id", plan_id, f"a plan of {party}")
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
    route_handlers=[import_plans, list_plans, show_plan, withdraw_plan, activate_plan, end_plan],
    tags=["plans"],
)
