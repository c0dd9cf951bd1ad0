"""What of the picture is over leaves it, and the picture as it is kept between two runs of a node. Pure.

Of a party's plans that have left, the highest revision stays: a plan declared again under an old id must have a higher
one than it ever had, since conflicts are named by revisions. Of our own notices the ids stay: one that was used is
never used again.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from detente.picture.evolve import enter_measure, watch
from detente.picture.notices import NoticeState
from detente.picture.picture import Picture, PictureSnapshot, PlanRecord, index_key

_Key = tuple[str, str]


class PictureKept(msgspec.Struct, frozen=True):
    """The picture as it is kept: its records, and what else its decisions depend on."""

    records: PictureSnapshot
    classes: dict[str, list[str]]
    measures_of: list[tuple[_Key, list[str]]]
    left_before: datetime | None
    left_revisions: dict[str, int]
    left_notices: list[str]


def forget(picture: Picture, before: datetime) -> None:
    """Leave out plans, notices, conflicts and measures that were over before a time (UTC).

    Over is a plan that ended, was withdrawn, or whose window is past, and that nobody has changed since; with it go
    its conflicts and the measures about them, open ones too: they were about times that are past.
    """
    picture.left_before = before
    gone = [key for key, record in picture.plans.items() if _is_over(record, before)]
    for key in gone:
        _drop_plan(picture, key)
    _drop_conflicts(picture, before, set(gone))
    _drop_measures(picture, before, set(gone))
    own = picture.party
    for key, notice in list(picture.notices.items()):
        if notice.state is not NoticeState.IN_FORCE and max(notice.changed_at, notice.notice.volume.time.end) < before:
            del picture.notices[key]
            if key[0] == own:
                picture.left_notices.add(key[1])


def _is_over(record: PlanRecord, before: datetime) -> bool:
    return record.changed_at < before and (not record.live or record.plan.time.end < before)


def _drop_plan(picture: Picture, key: _Key) -> None:
    record = picture.plans.pop(key)
    party, plan_id = key
    picture.left_revisions[party] = max(picture.left_revisions.get(party, 0), record.revision)
    if record.live:
        picture.indexes[party].remove(index_key(*key))
    picture.watched.forget(key)
    if party == picture.party:
        for peer in picture.peers:
            picture.answers.pop((peer, plan_id), None)


def _drop_conflicts(picture: Picture, before: datetime, gone: set[_Key]) -> None:
    for name in {name for key in gone for name in picture.conflicts_of.get(key, ())}:
        conflict = picture.conflicts.pop(name).conflict
        for reference in (conflict.first, conflict.second):
            key = (reference.party, reference.plan_id)
            picture.conflicts_of[key].discard(name)
            if not picture.conflicts_of[key]:
                del picture.conflicts_of[key]
    awaited = {record.measure.conflict_id for record in picture.measures.values() if record.outstanding}
    for name, cleared in list(picture.cleared.items()):
        both = (cleared.conflict.first, cleared.conflict.second)
        is_over = name not in awaited and cleared.cleared_at < before
        if is_over or any((reference.party, reference.plan_id) in gone for reference in both):
            del picture.cleared[name]


def _drop_measures(picture: Picture, before: datetime, gone: set[_Key]) -> None:
    for name, record in list(picture.measures.items()):
        conflict_id = record.measure.conflict_id
        is_over = not record.outstanding and record.changed_at < before and conflict_id not in picture.conflicts
        is_about_nothing = conflict_id not in picture.conflicts and conflict_id not in picture.cleared
        is_void = is_about_nothing and (record.outstanding or record.changed_at < before)
        if is_over or is_void or not gone.isdisjoint(record.measure.keys):
            for key in record.measure.keys:
                picture.free(name, key)
            del picture.measures[name]
            if (held := picture.conflicts.get(conflict_id)) is not None:
                others = tuple(one for one in held.measures if one != name)
                picture.conflicts[conflict_id] = msgspec.structs.replace(held, measures=others)


def kept(picture: Picture) -> PictureKept:
    """Return the picture as it is kept."""
    return PictureKept(
        picture.snapshot(),
        {party: sorted(classes) for party, classes in sorted(picture.classes.items())},
        [(key, sorted(names)) for key, names in sorted(picture.measures_of.items())],
        picture.left_before,
        dict(sorted(picture.left_revisions.items())),
        sorted(picture.left_notices),
    )


def restore(picture: Picture, held: PictureKept) -> None:
    """Make an empty picture what it was when it was kept."""
    records = held.records
    picture.party, picture.accord, picture.former_accords = records.party, records.accord, records.former_accords
    picture.left_before, picture.left_revisions = held.left_before, held.left_revisions
    picture.left_notices = set(held.left_notices)
    picture.classes = {party: set(classes) for party, classes in held.classes.items()}
    for plan in records.plans:
        key = (plan.party, plan.plan.plan_id)
        picture.plans[key] = plan
        index = picture.index_of(plan.party)
        if plan.live:
            index.insert(index_key(*key), plan.plan)
    picture.notices = {(one.notice.party, one.notice.notice_id): one for one in records.notices}
    for found in records.conflicts:
        name = found.conflict.conflict_id
        picture.conflicts[name] = found
        for reference in (found.conflict.first, found.conflict.second):
            picture.conflicts_of.setdefault((reference.party, reference.plan_id), set()).add(name)
    picture.cleared = {one.conflict.conflict_id: one for one in records.cleared}
    picture.answers = {(one.party, one.plan_id): one for one in records.answers}
    picture.measures = {one.measure.measure_id: one for one in records.measures}
    for key, names in held.measures_of:
        for name in names:
            enter_measure(picture, name, key)
    for pair in records.watched:
        watch(picture, pair)
