"""Decide about plans: each party speaks for its own."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from detente.airspace.plan import Plan
from detente.airspace.refusal import Refusal
from detente.picture import decide_conflicts
from detente.picture.commands import ActivatePlan, AmendPlan, DeclarePlan, EndPlan, ImportPlans, WithdrawPlan
from detente.picture.conflicts import ClearedBecause
from detente.picture.events import (
    MeasureLapsed,
    PictureEvent,
    PlanActivated,
    PlanAmended,
    PlanDeclared,
    PlanEnded,
    PlanWithdrawn,
)
from detente.picture.measures import MeasureState
from detente.picture.picture import Picture, PlanRecord, PlanState

HIGHEST_REVISION = 2**53 - 1
MOST_CLASSES = 16


def import_plans(picture: Picture, command: ImportPlans) -> list[PictureEvent]:
    """New plans are declared, plans that differ amended, the same left; one refusal refuses all."""
    _check_own(picture, command.party)
    _check_classes(picture, command.party, command.plans)
    events: list[PictureEvent] = []
    seen: set[str] = set()
    for number, plan in enumerate(command.plans):
        if plan.plan_id in seen:
            raise Refusal("picture.id_not_twice_one", f"plans[{number}].plan_id", plan.plan_id)
        seen.add(plan.plan_id)
        held = picture.plans.get((command.party, plan.plan_id))
        try:
            if held is None or not held.live:
                events += _declared(picture, command.at, command.party, plan, _next_revision(picture, held))
            elif held.plan != plan:
                events += _amended(picture, command.at, command.party, plan, _next_revision(picture, held))
        except Refusal as refusal:
            raise refusal.at(f"plans[{number}].{refusal.field}") from refusal
    return events


def declare(picture: Picture, command: DeclarePlan) -> list[PictureEvent]:
    """A plan that is not there, or no longer, is declared. A peer may say again, or newer, what it said before."""
    held = picture.plans.get((command.party, command.plan.plan_id))
    if held is not None and held.live:
        if command.party == picture.party:
            raise Refusal("picture.id_no_live_plan", "plan_id", command.plan.plan_id)
        if (command.revision, command.plan) == (held.revision, held.plan):
            return []
        revision = _revision(picture, command.party, command.revision, held)
        return _amended(picture, command.at, command.party, command.plan, revision)
    revision = _revision(picture, command.party, command.revision, held)
    return _declared(picture, command.at, command.party, command.plan, revision)


def amend(picture: Picture, command: AmendPlan) -> list[PictureEvent]:
    """A live plan gets its next revision; the plan it already is, from our own people, changes nothing.

    A peer's plan whose window was long past may have left the picture before the peer gives it another.
    """
    if _may_have_left(picture, command.party, command.plan.plan_id):
        return declare(picture, DeclarePlan(command.at, command.party, command.plan, command.revision))
    held = _live(picture, command.party, command.plan.plan_id)
    revision = _revision(picture, command.party, command.revision, held)
    if command.party == picture.party and held.plan == command.plan:
        return []
    measure_id = _agreed_measure(picture, command, held)
    return _amended(picture, command.at, command.party, command.plan, revision, measure_id)


def know_again(picture: Picture, at: datetime, plan: Plan, revision: int, *, is_new: bool) -> list[PictureEvent]:
    """A revision of a plan of ours that a peer holds and our journal had lost holds here too, unless ours is newer.

    Nobody would take another plan from us under a revision that is used. `is_new` when the plan was declared: a
    change to a plan that was over the peer has refused, so that only its revision is used.
    """
    held = picture.plans.get((picture.party, plan.plan_id))
    if held is None or (is_new and not held.live and held.revision < revision):
        return _declared(picture, at, picture.party, plan, revision)
    if not held.live and held.revision < revision:
        over = PlanEnded if held.state is PlanState.ENDED else PlanWithdrawn
        declared = PlanDeclared(at, picture.party, plan, revision)
        return [declared, over(at, picture.party, plan.plan_id)]
    if not held.live or held.revision > revision or (held.revision, held.plan) == (revision, plan):
        return []
    return _amended(picture, at, picture.party, plan, revision)


def withdraw(picture: Picture, command: WithdrawPlan) -> list[PictureEvent]:
    """A live plan is taken back."""
    if _may_have_left(picture, command.party, command.plan_id):
        return []
    _live(picture, command.party, command.plan_id)
    key = (command.party, command.plan_id)
    gone = decide_conflicts.ended(picture, command.at, key, ClearedBecause.WITHDRAWN)
    return [PlanWithdrawn(command.at, *key), *gone]


def activate(picture: Picture, command: ActivatePlan) -> list[PictureEvent]:
    """A declared plan becomes active; an active one stays so."""
    if _may_have_left(picture, command.party, command.plan_id):
        return []
    held = _live(picture, command.party, command.plan_id)
    return [] if held.state is PlanState.ACTIVE else [PlanActivated(command.at, command.party, command.plan_id)]


def end(picture: Picture, command: EndPlan) -> list[PictureEvent]:
    """A live plan is over."""
    if _may_have_left(picture, command.party, command.plan_id):
        return []
    _live(picture, command.party, command.plan_id)
    key = (command.party, command.plan_id)
    gone = decide_conflicts.ended(picture, command.at, key, ClearedBecause.ENDED)
    return [PlanEnded(command.at, *key), *gone]


def _declared(picture: Picture, at: datetime, party: str, plan: Plan, revision: int) -> list[PictureEvent]:
    _check_classes(picture, party, (plan,))
    found = decide_conflicts.found(picture, at, party, plan, revision)
    return [PlanDeclared(at, party, plan, revision), *found]


def _amended(
    picture: Picture, at: datetime, party: str, plan: Plan, revision: int, measure_id: str | None = None
) -> list[PictureEvent]:
    _check_classes(picture, party, (plan,))
    key = (party, plan.plan_id)
    found = decide_conflicts.found(picture, at, party, plan, revision)
    gone = decide_conflicts.ended(picture, at, key, ClearedBecause.AMENDED, measure_id)
    return [PlanAmended(at, party, plan, revision, measure_id), *gone, *found]


def amended_by_measure(picture: Picture, at: datetime, measure_id: str) -> list[PictureEvent]:
    """Return what follows when the owner's node puts an accepted measure into effect: all its plans change at once."""
    measure = picture.measures[measure_id].measure
    events: list[PictureEvent] = []
    lapsed: set[str] = set()
    for shift in measure.shifts:
        for event in _amended(picture, at, measure.owner, shift.plan, shift.base_revision + 1, measure_id):
            # What hung on two of the plans lapses once.
            if isinstance(event, MeasureLapsed):
                if event.measure_id in lapsed:
                    continue
                lapsed.add(event.measure_id)
            events.append(event)
    return events


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
    follows = measure.owner == command.party and any(
        (shift.base_revision, shift.plan) == (held.revision, command.plan) for shift in measure.shifts
    )
    return measure.measure_id if follows else None


def _check_own(picture: Picture, party: str) -> None:
    if party != picture.party:
        raise Refusal("picture.party_whose_node", "party", party, party=picture.party)


def _check_classes(picture: Picture, party: str, plans: Iterable[Plan]) -> None:
    """Bound how many classes one party may bring in: each costs every search a little (R45)."""
    classes = picture.classes.get(party, set()) | {plan.aircraft_class for plan in plans}
    if len(classes) > MOST_CLASSES:
        raise Refusal(
            "picture.at_most_classes_aircraft_one", "aircraft_class", ", ".join(sorted(classes)), most=MOST_CLASSES
        )


def _live(picture: Picture, party: str, plan_id: str) -> PlanRecord:
    held = picture.plans.get((party, plan_id))
    if held is None or not held.live:
        raise Refusal("picture.declared_or_active_plan", "plan_id", plan_id, party=party)
    return held


def _may_have_left(picture: Picture, party: str, plan_id: str) -> bool:
    """Whether a peer may mean a plan that was over for so long that it has left the picture."""
    return party != picture.party and (party, plan_id) not in picture.plans and party in picture.left_revisions


def _next_revision(picture: Picture, held: PlanRecord | None) -> int:
    """The next revision of a plan of our own; of one that is not known, above all that have left the picture."""
    return 1 + (picture.left_revisions.get(picture.party, 0) if held is None else held.revision)


def _revision(picture: Picture, party: str, said: int | None, held: PlanRecord | None) -> int:
    """Our own revisions are counted here; a peer says its own, which only rises."""
    if party == picture.party:
        lowest = _next_revision(picture, held)
        if said is not None and said != lowest:
            raise Refusal("picture.next_one", "revision", said, lowest=lowest)
        return lowest
    lowest = 1 if held is None else held.revision + 1
    if said is None or not lowest <= said <= HIGHEST_REVISION:
        raise Refusal("picture.revision_from_lowest", "revision", said, lowest=lowest)
    return said
