"""Claims that are over leave the state of both sides; what is awaited stays for longer, and late words are refused."""

from __future__ import annotations

from datetime import timedelta

import pytest
from claims_world import ACCORD, NOON, Side, World, seen, volume

from detente.airspace.refusal import Refusal
from detente.claims import commands
from detente.claims.claims import (
    Answer,
    AnswerKind,
    AreaAndTime,
    ClosedAs,
    Deviation,
    DeviationOver,
    IncidentClosing,
    IncidentReply,
    Intent,
    ReplyKind,
    Request,
    Statement,
)
from detente.claims.decide import overdue
from detente.claims.events import OwnAircraftOutside, ReviewSaid
from detente.claims.review_claim import ReviewClaim
from detente.room import past

UNANSWERED = timedelta(days=90)
DAYS = timedelta(days=8)
SOON = timedelta(seconds=1)
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.fixture(autouse=True)
def long_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """The simulator, whose tests may share the process, shortens the time that unanswered things stay."""
    monkeypatch.setattr(past, "UNANSWERED", UNANSWERED)


@pytest.fixture
def sides() -> tuple[Side, Side]:
    """Of everything one that is over, and one of which something is awaited; of the deviations one without an end."""
    north, south = World()
    for name in ("over", "open"):
        north.observes(name)
        north.asks("south", name, name)
        north.reports("south", name)
        north.states("south", "north", name, "we saw it")
        deviation = Deviation(name, "north", volume(), NOON, NOON, Intent.CORRECTING, ACCORD, None)
        north.do(commands.ReportDeviation(NOON, "north", "south", deviation))
    north.observes("alone")
    south.do(commands.AnswerRequest(NOON, "south", "north", Answer("over", "south", AnswerKind.NOT_OURS, NOON)))
    north.do(commands.CloseIncident(NOON, "north", "south", IncidentClosing("over", "north", ClosedAs.SETTLED, NOON)))
    north.do(commands.EndDeviation(NOON, "north", "south", DeviationOver("over", "north", NOON)))
    return north, south


def names(side: Side) -> dict[str, set[str]]:
    claims = side.claims
    kinds = ("observations", "requests", "incidents", "occurrences", "deviations")
    return {kind: {key[-1] for key in getattr(claims, kind)} for kind in kinds}


def test_what_is_over_leaves_and_what_is_awaited_stays(sides: tuple[Side, Side]) -> None:
    north, south = sides
    for side in sides:
        side.room.forget(NOON)
        assert names(side)["requests"] == {"over", "open"}, "nothing is over before it ends"
        side.room.forget(NOON + DAYS)
    expected = {kind: {"open"} for kind in names(north)}
    assert names(north) == expected
    assert names(south) == expected | {"deviations": set()}, "a peer that said nothing more is not waited for"
    again = Answer("over", "south", AnswerKind.OURS, NOON)
    with pytest.raises(Refusal):
        south.do(commands.AnswerRequest(NOON, "south", "north", again))
    south.do(commands.AnswerRequest(NOON, "south", "north", Answer("open", "south", AnswerKind.OURS, NOON)))
    assert north.claims.requests["south", "north", "open"].answers


def test_the_state_that_is_left_is_kept_and_restored(sides: tuple[Side, Side]) -> None:
    north, _ = sides
    north.room.forget(NOON + DAYS)
    before = north.room.keep()
    north.room.restore(before)()
    assert north.room.keep() == before


def test_what_nobody_answers_closes_or_ends_leaves_long_after_its_time_on_both_sides(sides: tuple[Side, Side]) -> None:
    _, south = sides
    hour = timedelta(hours=1)
    for side in sides:
        side.room.forget(NOON + hour + UNANSWERED)
        assert names(side)["requests"] == names(side)["observations"] == {"open"}, "its answer was due after an hour"
        side.room.forget(NOON + 3 * hour + UNANSWERED)
        assert (names(side)["requests"], names(side)["incidents"]) == (set(), {"open"}), "a reply was due after three"
        side.room.forget(NOON + 3 * hour + UNANSWERED + SOON)
        assert names(side) == {kind: set() for kind in names(side)}
        assert (side.claims.open_requests, side.claims.open_incidents) == (set(), set())
        assert overdue(side.claims, NOON + UNANSWERED + DAYS) == []
        before = side.room.keep()
        side.room.restore(before)()
        assert side.room.keep() == before
    with pytest.raises(Refusal):
        south.do(commands.AnswerRequest(NOON, "south", "north", Answer("open", "south", AnswerKind.OURS, NOON)))


def test_what_was_said_of_it_and_the_window_that_it_names_count_for_its_time(sides: tuple[Side, Side]) -> None:
    north, south = sides
    week = timedelta(days=7)
    far = volume(end_s=week.total_seconds())
    asked = Request("area", "north", AreaAndTime(far), NOON, ACCORD)
    north.do(commands.AskRequest(NOON, "north", "south", asked))
    reply = IncidentReply("open", "south", ReplyKind.UNDER_INVESTIGATION, NOON, due=NOON + week)
    south.do(commands.ReplyToIncident(NOON, "south", "north", reply))
    north.reports("south", "told")
    told = Statement("north", "told", "north", 1, NOON + week, words="we saw it")
    north.do(commands.MakeStatement(NOON, "north", "south", told))
    for side in sides:
        side.room.forget(NOON + week + UNANSWERED)
        assert (names(side)["requests"], names(side)["incidents"]) == ({"area"}, {"open", "told"})
        side.room.forget(NOON + week + UNANSWERED + SOON)
        assert (names(side)["requests"], names(side)["incidents"]) == (set(), set())


def test_a_window_without_end_and_a_time_in_years_to_come_keep_nothing_for_ever(sides: tuple[Side, Side]) -> None:
    _, south = sides
    year = timedelta(days=366)
    deviation = Deviation("far", "south", volume(end_s=1e9), NOON, NOON, Intent.CORRECTING, ACCORD, None)
    south.do(commands.ReportDeviation(NOON, "south", "north", deviation))
    south.room.forget(NOON + year + UNANSWERED)
    assert names(south)["deviations"] == {"far"}
    south.room.forget(NOON + year + UNANSWERED + SOON)
    assert names(south)["deviations"] == set()
    for late in (
        commands.AnswerRequest(NOON, "south", "north", Answer("open", "south", AnswerKind.OURS, NOON + 2 * year)),
        commands.EndDeviation(NOON, "south", "north", DeviationOver("far", "south", NOON + 2 * year)),
    ):
        with pytest.raises(Refusal):
            south.do(late)


def test_our_aircraft_outside_its_plan_stays_as_long_as_the_plan(sides: tuple[Side, Side]) -> None:
    north, _ = sides
    north.room.evolve(OwnAircraftOutside(NOON, "p1", "open", seen("north")))
    north.picture.plans["north", "p1"] = None  # type: ignore[assignment]
    north.room.forget(NOON + UNANSWERED + DAYS)
    assert (north.claims.outside, names(north)["deviations"]) == ({"p1": "open"}, {"open"})
    del north.picture.plans["north", "p1"]
    north.room.forget(NOON + UNANSWERED + DAYS)
    assert (north.claims.outside, names(north)["deviations"]) == ({}, set())


def test_a_review_that_a_peer_never_answers_leaves_when_the_next_was_made(sides: tuple[Side, Side]) -> None:
    north, _ = sides
    for week in (1, 2):
        start, end = NOON + timedelta(days=7 * week - 7), NOON + timedelta(days=7 * week)
        north.room.evolve(ReviewSaid(end, "south", ReviewClaim("north", "north", start, end, (), "", EMPTY)))
    north.room.forget(NOON + timedelta(days=7) + UNANSWERED)
    assert len(north.claims.reviews) == 2
    north.room.forget(NOON + timedelta(days=30) + UNANSWERED)
    (held,) = north.claims.reviews.values()
    assert held.ours is not None
    assert held.ours.end == NOON + timedelta(days=14)


def test_the_last_review_stays_and_the_next_goes_on_from_it(sides: tuple[Side, Side]) -> None:
    north, _ = sides
    for week in (1, 2):
        start, end = NOON + timedelta(days=7 * week - 7), NOON + timedelta(days=7 * week)
        for party in ("north", "south"):
            said = ReviewClaim("north", party, start, end, (), "", EMPTY)
            north.room.evolve(ReviewSaid(end, "south", said))
    north.room.forget(NOON + timedelta(days=60))
    (held,) = north.claims.reviews.values()
    assert held.ours is not None
    assert held.ours.end == NOON + timedelta(days=14)
    ((_, start, _),) = north.room.reviews_due(NOON + timedelta(days=61))
    assert start == NOON + timedelta(days=14)
