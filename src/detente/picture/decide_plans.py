"""Decide about plans: each party speaks for its own."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from detente.airspace.plan import Plan
from detente.airspace.refusal import Refusal
from detente.picture import decide_conflicts
from detente.picture.commands import ActivatePlan, AmendPlan, DeclarePlan, EndPlan, ImportPlans, WithdrawPlan
from detente.picture.conflicts import ClearedBecause
from detente.picture.events import Event, PlanActivated, PlanAmended, PlanDeclared, PlanEnded, PlanWithdrawn
from detente.picture.measures import MeasureState
from detente.picture.picture import Picture, PlanRecord, PlanState

HIGHEST_REVISION = 2**53 - 1
MOST_CLASSES = 16


def import_plans(picture: Picture, command: ImportPlans) -> list[Event]:
    """New plans are declared, plans that differ amended, the same left; one refusal refuses all."""
    _check_own(picture, command.party)
    _check_classes(picture, command.party, command.plans)
    events: list[Event] = []
    seen: set[str] = set()
    for number, plan in enumerate(command.plans):
        if plan.plan_id in seen:
            raise Refusal(
                f"plans[{number}].plan_id", plan.plan_id, "an id that is not twice in one import", "Rename one of them."
            )
        seen.add(plan.plan_id)
        held = picture.plans.get((command.party, plan.plan_id))
        try:
            if held is None or not held.live:
                events += _declared(picture, command.at, command.party, plan, _next_revision(held))
            elif held.plan != plan:
                events += _amended(picture, command.at, command.party, plan, _next_revision(held))
        except Refusal as refusal:
            raise Refusal(
                f"plans[{number}].{refusal.field}", refusal.value, refusal.expected, refusal.mend
            ) from refusal
    return events


def declare(picture: Picture, command: DeclarePlan) -> list[Event]:
    """A plan that is not there, or no longer, is declared. A peer may say again, or newer, what it said before."""
    held = picture.plans.get((command.party, command.plan.plan_id))
    if held is not None and held.live:
        if command.party == picture.party:
            raise Refusal(
                "plan_id", command.plan.plan_id, "an id that no live plan of the party has", "Amend the plan instead."
            )
        if (command.revision, command.plan) == (held.revision, held.plan):
            return []
        revision = _revision(picture, command.party, command.revision, held)
        return _amended(picture, command.at, command.party, command.plan, revision)
    revision = _revision(picture, command.party, command.revision, held)
    return _declared(picture, command.at, command.party, command.plan, revision)


def amend(picture: Picture, command: AmendPlan) -> list[Event]:
    """A live plan gets its next revision; the plan it already is, from our own people, changes nothing."""
    held = _live(picture, command.party, command.plan.plan_id)
    revision = _revision(picture, command.party, command.revision, held)
    if command.party == picture.party and held.plan == command.plan:
        return []
    measure_id = _agreed_measure(picture, command, held)
    return _amended(picture, command.at, command.party, command.plan, revision, measure_id)


def withdraw(picture: Picture, command: WithdrawPlan) -> list[Event]:
    """A live plan is taken back."""
    _live(picture, command.party, command.plan_id)
    key = (command.party, command.plan_id)
    gone = decide_conflicts.ended(picture, command.at, key, ClearedBecause.WITHDRAWN)
    return [PlanWithdrawn(command.at, *key), *gone]


def activate(picture: Picture, command: ActivatePlan) -> list[Event]:
    """A declared plan becomes active; an active one stays so."""
    held = _live(picture, command.party, command.plan_id)
    return [] if held.state is PlanState.ACTIVE else [PlanActivated(command.at, command.party, command.plan_id)]


def end(picture: Picture, command: EndPlan) -> list[Event]:
    """A live plan is over."""
    _live(picture, command.party, command.plan_id)
    key = (command.party, command.plan_id)
    gone = decide_conflicts.ended(picture, command.at, key, ClearedBecause.ENDED)
    return [PlanEnded(command.at, *key), *gone]


def _declared(picture: Picture, at: datetime, party: str, plan: Plan, revision: int) -> list[Event]:
    _check_classes(picture, party, (plan,))
    found = decide_conflicts.found(picture, at, party, plan, revision)
    return [PlanDeclared(at, party, plan, revision), *found]


def _amended(
    picture: Picture, at: datetime, party: str, plan: Plan, revision: int, measure_id: str | None = None
) -> list[Event]:
    _check_classes(picture, party, (plan,))
    key = (party, plan.plan_id)
    found = decide_conflicts.found(picture, at, party, plan, revision)
    gone = decide_conflicts.ended(picture, at, key, ClearedBecause.AMENDED, measure_id)
    return [PlanAmended(at, party, plan, revision, measure_id), *gone, *found]


def amended_by_measure(picture: Picture, at: datetime, measure_id: str) -> list[Event]:
    """Return what follows when the owner's node puts an accepted measure into effect."""
    measure = picture.measures[measure_id].measure
    return _amended(picture, at, measure.owner, measure.plan, measure.base_revision + 1, measure_id)


def _agreed_measure(picture: Picture, command: AmendPlan, held: PlanRecord) -> str | None:
    """The measure that a peer says it follows, when it is the one that was agreed."""
    record = picture.measures.get(command.measure_id or "")
    if command.party == picture.party or record is None:
        return None
    measure = record.measure
    # What we asked of the peer may have lapsed here while its agreement was on its way.
    asked = record.state is MeasureState.LAPSED and measure.proposer == picture.party
    if record.state is not MeasureState.ACCEPTED and not asked:
        return None
    follows = (measure.owner, measure.base_revision, measure.plan) == (command.party, held.revision, command.plan)
    return measure.measure_id if follows else None


def _check_own(picture: Picture, party: str) -> None:
    if party != picture.party:
        raise Refusal("party", party, f"{picture.party}, whose node this is")


def _check_classes(picture: Picture, party: str, plans: Iterable[Plan]) -> None:
    """Bound how many classes one party may bring in: each costs every search a little (R45)."""
    classes = picture.classes.get(party, set()) | {plan.aircraft_class for plan in plans}
    if len(classes) > MOST_CLASSES:
        raise Refusal(
            "aircraft_class", ", ".join(sorted(classes)), f"at most {MOST_CLASSES} classes of aircraft of one party",
            "Use the classes of the accord's table of minima.",
        )  # fmt: skip


def _live(picture: Picture, party: str, plan_id: str) -> PlanRecord:
    held = picture.plans.get((party, plan_id))
    if held is None or not held.live:
        raise Refusal("plan_id", plan_id, f"a declared or active plan of {party}")
    return held


def _next_revision(held: PlanRecord | None) -> int:
    return 1 if held is None else held.revision + 1


def _revision(picture: Picture, party: str, said: int | None, held: PlanRecord | None) -> int:
    """Our own revisions are counted here; a peer says its own, which only rises."""
    lowest = _next_revision(held)
    if party == picture.party:
        if said is not None and said != lowest:
            raise Refusal("revision", said, f"{lowest}, the next one", "Read the plan again, it has changed.")
        return lowest
    if said is None or not lowest <= said <= HIGHEST_REVISION:
        raise Refusal("revision", said, f"a revision from {lowest}")
    return said
