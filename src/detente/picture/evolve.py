"""Fold one event into the picture. Nothing is judged here: what was decided has happened."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from detente.airspace.search import PlanIndex
from detente.picture import events
from detente.picture.conflicts import ClearedConflict, ConflictAnswer, ConflictRecord
from detente.picture.events import PictureEvent
from detente.picture.horizons import Watched
from detente.picture.measures import MeasureRecord, MeasureState
from detente.picture.notices import NoticeRecord, NoticeState
from detente.picture.picture import AccordInForce, Picture, PlanRecord, PlanState, index_key, pending_key

_replace = msgspec.structs.replace


def evolve(picture: Picture, event: PictureEvent) -> None:
    """Change `picture` by one event that was decided on it."""
    _FOLDS[type(event)](picture, event)


def _accord_adopted(picture: Picture, event: events.AccordAdopted) -> None:
    if picture.accord is not None and picture.accord.accord_hash not in picture.former_accords:
        picture.former_accords = (*picture.former_accords, picture.accord.accord_hash)
    picture.party = event.party
    picture.watched.clear()
    picture.accord = AccordInForce(
        event.accord_hash, event.name, event.parties, event.minima, event.valid, event.notice_lead_s, event.pairs
    )


def _plan_declared(picture: Picture, event: events.PlanDeclared) -> None:
    key = (event.party, event.plan.plan_id)
    picture.plans[key] = PlanRecord(event.party, event.plan, event.revision, PlanState.DECLARED, event.at, event.at)
    picture.index_of(event.party).insert(index_key(*key), event.plan)
    picture.classes.setdefault(event.party, set()).add(event.plan.aircraft_class)


def _plan_amended(picture: Picture, event: events.PlanAmended) -> None:
    key = (event.party, event.plan.plan_id)
    picture.plans[key] = _replace(picture.plans[key], plan=event.plan, revision=event.revision, changed_at=event.at)
    picture.watched.forget(key)
    index = picture.indexes[event.party]
    index.remove(index_key(*key))
    index.insert(index_key(*key), event.plan)
    picture.classes[event.party].add(event.plan.aircraft_class)
    if event.measure_id is not None and event.measure_id in picture.measures:
        picture.free(event.measure_id, key)
        if not any(event.measure_id in picture.measures_of.get(each, ()) for each in _keys(picture, event.measure_id)):
            _close_measure(picture, event.measure_id, MeasureState.IN_EFFECT, event)


def _plan_withdrawn(picture: Picture, event: events.PlanWithdrawn) -> None:
    _close_plan(picture, event, PlanState.WITHDRAWN)


def _plan_activated(picture: Picture, event: events.PlanActivated) -> None:
    key = (event.party, event.plan_id)
    picture.plans[key] = _replace(picture.plans[key], state=PlanState.ACTIVE, changed_at=event.at)


def _plan_ended(picture: Picture, event: events.PlanEnded) -> None:
    _close_plan(picture, event, PlanState.ENDED)


def _close_plan(picture: Picture, event: events.PlanWithdrawn | events.PlanEnded, state: PlanState) -> None:
    key = (event.party, event.plan_id)
    picture.plans[key] = _replace(picture.plans[key], state=state, changed_at=event.at)
    picture.indexes[event.party].remove(index_key(*key))
    picture.watched.forget(key)
    if event.party == picture.party:
        for peer in picture.peers:
            picture.answers.pop((peer, event.plan_id), None)


def _notice_given(picture: Picture, event: events.NoticeGiven) -> None:
    notice = event.notice
    picture.notices[(notice.party, notice.notice_id)] = NoticeRecord(
        notice, 1, NoticeState.IN_FORCE, event.late_by_s, event.at
    )


def _notice_amended(picture: Picture, event: events.NoticeAmended) -> None:
    notice = event.notice
    picture.notices[(notice.party, notice.notice_id)] = NoticeRecord(
        notice, event.revision, NoticeState.IN_FORCE, event.late_by_s, event.at
    )


def _notice_cancelled(picture: Picture, event: events.NoticeCancelled) -> None:
    key = (event.party, event.notice_id)
    picture.notices[key] = _replace(picture.notices[key], state=NoticeState.CANCELLED, changed_at=event.at)


def _notice_expired(picture: Picture, event: events.NoticeExpired) -> None:
    key = (event.party, event.notice_id)
    picture.notices[key] = _replace(picture.notices[key], state=NoticeState.EXPIRED, changed_at=event.at)


def _conflict_found(picture: Picture, event: events.ConflictFound) -> None:
    conflict = event.conflict
    picture.conflicts[conflict.conflict_id] = ConflictRecord(conflict, event.at)
    picture.cleared.pop(conflict.conflict_id, None)
    for reference in (conflict.first, conflict.second):
        key = (reference.party, reference.plan_id)
        picture.conflicts_of.setdefault(key, set()).add(conflict.conflict_id)


def _conflict_cleared(picture: Picture, event: events.ConflictCleared) -> None:
    record = picture.conflicts.pop(event.conflict_id)
    conflict = record.conflict
    picture.cleared[event.conflict_id] = ClearedConflict(
        conflict, record.found_at, event.at, event.because, event.measure_id
    )
    for reference in (conflict.first, conflict.second):
        key = (reference.party, reference.plan_id)
        picture.conflicts_of[key].discard(event.conflict_id)
        if not picture.conflicts_of[key]:
            del picture.conflicts_of[key]


def _encounter_watched(picture: Picture, event: events.EncounterWatched) -> None:
    watch(picture, event.pair)


def watch(picture: Picture, pair: Watched) -> None:
    """Watch a pair of plans by the horizons of the accord with the party of the other plan."""
    first, second = pair.first.party, pair.second.party
    assert picture.accord is not None
    picture.watched.watch(pair, picture.accord.horizons_with(second if first == picture.party else first))


def _conflict_rejudged(picture: Picture, event: events.ConflictRejudged) -> None:
    name = event.conflict.conflict_id
    picture.conflicts[name] = _replace(picture.conflicts[name], conflict=event.conflict)


def _measure_proposed(picture: Picture, event: events.MeasureProposed) -> None:
    measure = event.measure
    picture.measures[measure.measure_id] = MeasureRecord(measure, MeasureState.PROPOSED, event.at, event.at)
    for key in measure.keys:
        enter_measure(picture, measure.measure_id, key)
    record = picture.conflicts.get(measure.conflict_id)
    if record is not None:
        picture.conflicts[measure.conflict_id] = _replace(record, measures=(*record.measures, measure.measure_id))


def enter_measure(picture: Picture, measure_id: str, key: tuple[str, str]) -> None:
    """Hold for a plan what a measure would make of it."""
    measure = picture.measures[measure_id].measure
    shift = measure.shifts[measure.keys.index(key)]
    picture.measures_of.setdefault(key, set()).add(measure_id)
    pending = picture.pending.setdefault(measure.owner, PlanIndex(picture.vocabulary))
    pending.insert(pending_key(measure_id, shift.plan.plan_id), shift.plan)


def _measure_accepted(picture: Picture, event: events.MeasureAccepted) -> None:
    picture.measures[event.measure_id] = _replace(
        picture.measures[event.measure_id], state=MeasureState.ACCEPTED, changed_at=event.at
    )


def _measure_refused(picture: Picture, event: events.MeasureRefused) -> None:
    _close_measure(picture, event.measure_id, MeasureState.REFUSED, event, event.reason)


def _measure_lapsed(picture: Picture, event: events.MeasureLapsed) -> None:
    _close_measure(picture, event.measure_id, MeasureState.LAPSED, event, event.reason)


def _close_measure(
    picture: Picture, measure_id: str, state: MeasureState, event: PictureEvent, reason: str = ""
) -> None:
    record = picture.measures[measure_id]
    picture.measures[measure_id] = _replace(record, state=state, changed_at=event.at, reason=reason)
    if record.outstanding:
        for key in record.measure.keys:
            picture.free(measure_id, key)


def _keys(picture: Picture, measure_id: str) -> tuple[tuple[str, str], ...]:
    return picture.measures[measure_id].measure.keys


def _no_measure_found(picture: Picture, event: events.NoMeasureFound) -> None:
    record = picture.conflicts[event.conflict_id]
    said = tuple(entry for entry in record.no_measure if entry[0] != event.party)
    joint = {*record.no_joint_measure, event.party} if event.joint else record.no_joint_measure
    picture.conflicts[event.conflict_id] = _replace(
        record,
        no_measure=tuple(sorted((*said, (event.party, event.reason)))),
        no_joint_measure=tuple(sorted(joint)),
    )


def _conflict_answered(picture: Picture, event: events.ConflictAnswered) -> None:
    picture.answers[(event.party, event.plan_id)] = ConflictAnswer(
        event.party, event.plan_id, event.revision, event.conflict, event.at
    )


_FOLDS: dict[type, Callable[[Picture, Any], None]] = {
    events.AccordAdopted: _accord_adopted,
    events.PlanDeclared: _plan_declared,
    events.PlanAmended: _plan_amended,
    events.PlanWithdrawn: _plan_withdrawn,
    events.PlanActivated: _plan_activated,
    events.PlanEnded: _plan_ended,
    events.NoticeGiven: _notice_given,
    events.NoticeAmended: _notice_amended,
    events.NoticeCancelled: _notice_cancelled,
    events.NoticeExpired: _notice_expired,
    events.ConflictFound: _conflict_found,
    events.ConflictCleared: _conflict_cleared,
    events.EncounterWatched: _encounter_watched,
    events.ConflictRejudged: _conflict_rejudged,
    events.MeasureProposed: _measure_proposed,
    events.MeasureAccepted: _measure_accepted,
    events.MeasureRefused: _measure_refused,
    events.MeasureLapsed: _measure_lapsed,
    events.NoMeasureFound: _no_measure_found,
    events.ConflictAnswered: _conflict_answered,
}
