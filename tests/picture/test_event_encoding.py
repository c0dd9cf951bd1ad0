"""Journals are kept for years: the encoded form of events is pinned, and no word of it claims what it is not."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import msgspec
import pytest
from picture_world import MINIMA, NOON, OURS, PARTIES, THEIRS, YEAR, area_plan, flight_plan

from detente.accord.provisions import Horizon
from detente.airspace.resolution import Delay
from detente.airspace.search import encounter
from detente.picture import commands, events
from detente.picture.conflicts import ClearedBecause, PlanReference, conflict_between
from detente.picture.horizons import Watched
from detente.picture.measures import Measure, MeasureState
from detente.picture.notices import Meaning, Notice, NoticeState, Others
from detente.picture.picture import PictureSnapshot

_DECODER = msgspec.json.Decoder(events.PictureEvent)
GOLDEN = Path(__file__).parent / "golden" / "events.jsonl"


def examples() -> list[events.PictureEvent]:
    plan, flight = area_plan("a"), flight_plan("f")
    met = encounter(plan, area_plan("b"), MINIMA.default)
    assert met is not None
    conflict = conflict_between(PlanReference(OURS, "a", 1), PlanReference(THEIRS, "b", 2), met)
    measure = Measure("m1", conflict.conflict_id, OURS, OURS, 1, Delay(600.0), area_plan("a", start_s=600.0), 2.5)
    volume = plan.intent[0]
    notice = Notice("n1", OURS, Meaning.NOTHING_OF_OURS_HERE, volume, NOON, "a", Others.NOT_UNDER_OUR_CONTROL)
    return [
        events.AccordAdopted(NOON, OURS, "ab" * 32, "river", PARTIES, MINIMA, YEAR, 3600.0),
        events.PlanDeclared(NOON, OURS, plan, 1),
        events.PlanAmended(NOON, OURS, flight, 2, "m1"),
        events.PlanWithdrawn(NOON, OURS, "a"),
        events.PlanActivated(NOON, OURS, "a"),
        events.PlanEnded(NOON, OURS, "a"),
        events.NoticeGiven(NOON, notice, 12.5),
        events.NoticeAmended(NOON, notice, 2, 0.0),
        events.NoticeCancelled(NOON, OURS, "n1"),
        events.NoticeExpired(NOON, OURS, "n1"),
        events.ConflictFound(NOON, conflict),
        events.ConflictCleared(NOON, conflict.conflict_id, ClearedBecause.AMENDED, "m1"),
        events.EncounterWatched(NOON, Watched(conflict.first, conflict.second, NOON, Horizon.PRE_TACTICAL)),
        events.ConflictRejudged(NOON, conflict),
        events.MeasureProposed(NOON, measure),
        events.MeasureAccepted(NOON, "m1", THEIRS),
        events.MeasureRefused(NOON, "m1", THEIRS, "not at this hour"),
        events.MeasureLapsed(NOON, "m1", "the conflict is no longer there"),
        events.NoMeasureFound(NOON, conflict.conflict_id, OURS, "no level is free"),
        events.ConflictAnswered(NOON, THEIRS, "a", 2, conflict=True),
    ]


def test_every_kind_of_event_is_among_the_examples() -> None:
    assert {type(example) for example in examples()} == set(get_args(events.PictureEvent))


def test_events_of_old_journals_are_still_read() -> None:
    """The golden file is what an earlier version wrote. Add lines for new kinds; never change one that is there."""
    pinned = GOLDEN.read_bytes().splitlines()
    assert [msgspec.json.encode(_DECODER.decode(line)) for line in pinned] == pinned
    kinds = {msgspec.json.decode(line)["event"] for line in pinned}
    assert kinds == {msgspec.to_builtins(example)["event"] for example in examples()}


def test_events_survive_encoding() -> None:
    for example in examples():
        encoded = msgspec.json.encode(example)
        assert b"\n" not in encoded
        assert _DECODER.decode(encoded) == example


@pytest.mark.parametrize(
    "body", [b"{}", b'{"event":"plan_blessed"}', b'{"event":"plan_ended","at":"2025-06-01"}', b"x"]
)
def test_anything_else_is_not_an_event(body: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        _DECODER.decode(body)


def test_no_word_of_the_schema_claims_permission_or_has_a_place_for_targets() -> None:
    """Receipts and acceptances are never called approval (R10), and the schema has no field for targets (R1)."""
    schema = msgspec.json.encode(
        [msgspec.json.schema(t) for t in (events.PictureEvent, commands.PictureCommand, PictureSnapshot)]
    ).decode()
    for word in ("approv", "clearance", "permission", "authoris", "authoriz", "target", "weapon", "intelligence"):
        assert not re.search(rf'"[a-z_]*{word}[a-z_]*"\s*[:,\]]', schema, re.IGNORECASE), word
    assert {str(s) for s in [*MeasureState, *NoticeState]}.isdisjoint({"approved", "permitted", "cleared"})
