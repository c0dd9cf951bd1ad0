"""What a change of plans does to conflicts and to the measures about them."""

from __future__ import annotations

from datetime import datetime

from detente.accord.provisions import Horizon
from detente.airspace.plan import Plan
from detente.airspace.refusal import Refusal
from detente.airspace.separation import Encounter
from detente.picture.commands import RecordConflictAnswer, RejudgeConflicts
from detente.picture.conflicts import ClearedBecause, ConflictRecord, PlanReference, conflict_between
from detente.picture.events import (
    ConflictAnswered,
    ConflictCleared,
    ConflictFound,
    ConflictRejudged,
    EncounterWatched,
    MeasureLapsed,
    PictureEvent,
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

    def comes_first(other: PlanRecord) -> bool:
        return _reference(other) < mine

    close = []
    for other, encounter in picture.encounters(party, plan, accord, comes_first):
        first, second = sorted((mine, _reference(other)))
        close.append((conflict_between(first, second, encounter), other))
    by_horizon: dict[Horizon, dict[PlanReference, Encounter]] = {}
    events: list[ConflictFound | EncounterWatched] = []
    for conflict, other in sorted(close, key=lambda pair: (pair[0].first, pair[0].second)):
        assert accord is not None  # without one nothing comes close
        terms = accord.horizons_with(other.party if party == picture.party else party)
        if terms is None:
            events.append(ConflictFound(at, conflict))
            continue
        begins = conflict.encounter.start
        horizon = horizon_at(begins, at, terms)
        if horizon not in by_horizon:
            met = picture.encounters(party, plan, accord, comes_first, horizon)
            by_horizon[horizon] = {_reference(record): encounter for record, encounter in met}
        events.append(EncounterWatched(at, Watched(conflict.first, conflict.second, begins, horizon)))
        if (nearer := by_horizon[horizon].get(_reference(other))) is not None:
            events.append(ConflictFound(at, conflict_between(conflict.first, conflict.second, nearer)))
    return events


def _reference(record: PlanRecord) -> PlanReference:
    return PlanReference(record.party, record.plan.plan_id, record.revision)


def rejudge(picture: Picture, command: RejudgeConflicts) -> list[PictureEvent]:
    """Every pair whose next horizon has come is judged by its minima."""
    events: list[PictureEvent] = []
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


def record_answer(picture: Picture, command: RecordConflictAnswer) -> list[PictureEvent]:
    """A peer answers for a plan of ours; an answer that crossed a change of the plan on its way is out of date."""
    held = picture.plans.get((picture.party, command.plan_id))
    if held is None and picture.party in picture.left_revisions:
        return []
    if command.party == picture.party or held is None or command.revision > held.revision:
        raise Refusal(
            "picture.plan_party", "plan_id", f"{command.plan_id}, revision {command.revision}", party=picture.party
        )
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
) -> list[PictureEvent]:
    """Return what ends when the plan `key` changes or goes: its conflicts, and the measures that hung on it or them.

    `measure_id` is the measure that takes effect by this change, which does not lapse.
    """
    conflicts = [picture.conflicts[i] for i in sorted(picture.conflicts_of.get(key, ()))]
    events: list[PictureEvent] = [
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
