"""What a change of plans does to conflicts and to the measures about them."""

from __future__ import annotations

from datetime import datetime

from detente.airspace.plan import Plan
from detente.airspace.refusal import Refusal
from detente.airspace.search import encounter as exact_encounter
from detente.airspace.separation import Encounter
from detente.picture.commands import HearConflictAnswer
from detente.picture.conflicts import ClearedBecause, Conflict, ConflictRecord, PlanReference, conflict_between
from detente.picture.events import ConflictAnswered, ConflictCleared, ConflictFound, Event, MeasureLapsed
from detente.picture.measures import MeasureState
from detente.picture.picture import AccordInForce, Picture, PlanRecord

PLAN_CHANGED = "the plan it would change is no longer as it was"
CONFLICT_GONE = "the conflict is no longer there"


def found(
    picture: Picture, at: datetime, party: str, plan: Plan, revision: int, accord: AccordInForce | None = None
) -> list[ConflictFound]:
    """Return the conflicts of one new revision of a plan, in the order of the other plans' names.

    Raises Refusal when the plan's geometry is impossible.
    """
    mine = PlanReference(party, plan.plan_id, revision)
    conflicts = [
        _conflict(picture, mine, plan, other, encounter, accord)
        for other, encounter in picture.encounters(party, plan, accord)
    ]
    return [ConflictFound(at, conflict) for conflict in sorted(conflicts, key=lambda c: (c.first, c.second))]


def _conflict(
    picture: Picture,
    mine: PlanReference,
    plan: Plan,
    other: PlanRecord,
    encounter: Encounter,
    accord: AccordInForce | None,
) -> Conflict:
    theirs = PlanReference(other.party, other.plan.plan_id, other.revision)
    if mine < theirs:
        return conflict_between(mine, theirs, encounter)
    # The times of an encounter are told by its first plan, so it is worked out again from the other side.
    accord = accord or picture.accord
    assert accord is not None
    table = accord.minima_with(other.party if mine.party == picture.party else mine.party)
    turned = exact_encounter(other.plan, plan, table.between(other.plan.aircraft_class, plan.aircraft_class))
    return conflict_between(theirs, mine, turned or _turned(encounter))


def _turned(encounter: Encounter) -> Encounter:
    """The encounter with its plans exchanged, for the grazing pair that is one from one side only."""
    return Encounter(
        first_plan_id=encounter.second_plan_id,
        second_plan_id=encounter.first_plan_id,
        start=encounter.start,
        end=encounter.end,
        closest_first_time=encounter.closest_second_time,
        closest_second_time=encounter.closest_first_time,
        closest_first_position=encounter.closest_second_position,
        closest_second_position=encounter.closest_first_position,
        closest_first_altitude_m=encounter.closest_second_altitude_m,
        closest_second_altitude_m=encounter.closest_first_altitude_m,
        horizontal_m=encounter.horizontal_m,
        vertical_m=encounter.vertical_m,
        required_horizontal_m=encounter.required_horizontal_m,
        required_vertical_m=encounter.required_vertical_m,
        required_time_s=encounter.required_time_s,
        altitude_frame=encounter.altitude_frame,
    )


def hear_answer(picture: Picture, command: HearConflictAnswer) -> list[Event]:
    """A peer answers for a plan of ours; an answer that crossed a change of the plan on its way is out of date."""
    held = picture.plans.get((picture.party, command.plan_id))
    if command.party == picture.party or held is None or command.revision > held.revision:
        raise Refusal("plan_id", f"{command.plan_id}, revision {command.revision}", f"a plan of {picture.party}")
    said = picture.answers.get((command.party, command.plan_id))
    same = said is not None and (said.revision, said.conflict) == (command.revision, command.conflict)
    if not held.live or command.revision < held.revision or same:
        return []
    return [ConflictAnswered(command.at, command.party, command.plan_id, command.revision, command.conflict)]


def ended(
    picture: Picture,
    at: datetime,
    key: tuple[str, str],
    because: ClearedBecause,
    measure_id: str | None = None,
) -> list[Event]:
    """Return what ends when the plan `key` changes or goes: its conflicts, and the measures that hung on it or them.

    `measure_id` is the measure that takes effect by this change, which does not lapse.
    """
    conflicts = [picture.conflicts[i] for i in sorted(picture.conflicts_of.get(key, ()))]
    events: list[Event] = [
        ConflictCleared(at, record.conflict.conflict_id, because, measure_id) for record in conflicts
    ]
    lapsing = dict.fromkeys(sorted(picture.measures_of.get(key, ())), PLAN_CHANGED)
    for record in conflicts:
        for lapsed_id in _hanging_on(picture, record):
            lapsing.setdefault(lapsed_id, CONFLICT_GONE)
    lapsing.pop(measure_id or "", None)
    events.extend(MeasureLapsed(at, lapsed_id, reason) for lapsed_id, reason in lapsing.items())
    return events


def _hanging_on(picture: Picture, record: ConflictRecord) -> list[str]:
    # An accepted measure of a peer's plan stays until its owner amends that plan: the owner may have done so already.
    return [m for m in record.measures if picture.measures[m].state is MeasureState.PROPOSED]
