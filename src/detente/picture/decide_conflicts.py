"""What a change of plans does to conflicts and to the measures about them."""

from __future__ import annotations

from datetime import datetime

from detente.airspace.plan import Plan
from detente.airspace.refusal import Refusal
from detente.airspace.search import encounter as exact_encounter
from detente.airspace.separation import Encounter
from detente.picture.commands import HearConflictAnswer, RejudgeConflicts
from detente.picture.conflicts import ClearedBecause, Conflict, ConflictRecord, PlanReference, conflict_between
from detente.picture.events import (
    ConflictAnswered,
    ConflictCleared,
    ConflictFound,
    ConflictRejudged,
    EncounterWatched,
    Event,
    MeasureLapsed,
)
from detente.picture.horizons import Watched, horizon_at, judged
from detente.picture.measures import MeasureState
from detente.picture.picture import AccordInForce, Picture, PlanRecord

PLAN_CHANGED = "the plan it would change is no longer as it was"
CONFLICT_GONE = "the conflict is no longer there"


def found(
    picture: Picture, at: datetime, party: str, plan: Plan, revision: int, accord: AccordInForce | None = None
) -> list[ConflictFound | EncounterWatched]:
    """Return the conflicts of one new revision of a plan, in the order of the other plans' names.

    Where each horizon has minima of its own (R26), what comes close is judged by those of its horizon and watched.
    Raises Refusal when the plan's geometry is impossible.
    """
    mine = PlanReference(party, plan.plan_id, revision)
    accord = accord or picture.accord
    close = [
        (_conflict(picture, mine, plan, other, encounter, accord), other)
        for other, encounter in picture.encounters(party, plan, accord)
    ]
    events: list[ConflictFound | EncounterWatched] = []
    for conflict, other in sorted(close, key=lambda pair: (pair[0].first, pair[0].second)):
        assert accord is not None  # without one nothing comes close
        terms = accord.horizons_with(other.party if party == picture.party else party)
        if terms is None:
            events.append(ConflictFound(at, conflict))
            continue
        begins = conflict.encounter.start
        horizon = horizon_at(begins, at, terms)
        plans = (plan, other.plan) if conflict.first == mine else (other.plan, plan)
        by_horizon = judged((conflict.first, conflict.second), plans, horizon, terms)
        events.append(EncounterWatched(at, Watched(conflict.first, conflict.second, begins, horizon)))
        if by_horizon is not None:
            events.append(ConflictFound(at, by_horizon))
    return events


def rejudge(picture: Picture, command: RejudgeConflicts) -> list[Event]:
    """Every pair whose next horizon has come is judged by its minima."""
    events: list[Event] = []
    for pair in picture.watched.due(command.at):
        first, second = pair.first, pair.second
        assert picture.accord is not None
        terms = picture.accord.horizons_with(second.party if first.party == picture.party else first.party)
        assert terms is not None  # a pair is watched under terms that have horizons
        horizon = horizon_at(pair.begins, command.at, terms)
        if horizon is pair.horizon:
            continue
        events.append(EncounterWatched(command.at, Watched(first, second, pair.begins, horizon)))
        plans = (picture.plans[(r.party, r.plan_id)].plan for r in (first, second))
        conflict = judged((first, second), (next(plans), next(plans)), horizon, terms)
        record = picture.conflicts.get(pair.pair_id)
        if conflict is not None and record is None:
            events.append(ConflictFound(command.at, conflict))
        elif conflict is not None and record is not None and record.conflict != conflict:
            events.append(ConflictRejudged(command.at, conflict))
        elif conflict is None and record is not None:
            events.append(ConflictCleared(command.at, pair.pair_id, ClearedBecause.HORIZON))
            lapsed = _hanging_on(picture, record)
            events += [MeasureLapsed(command.at, measure_id, CONFLICT_GONE) for measure_id in lapsed]
    return events


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
