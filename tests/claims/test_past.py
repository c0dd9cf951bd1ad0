"""Claims that are over leave the state of both sides; what is awaited stays, and late words are refused."""

from __future__ import annotations

from datetime import timedelta

import pytest
from claims_world import ACCORD, NOON, Side, World, volume

from detente.airspace.refusal import Refusal
from detente.claims import commands
from detente.claims.claims import (
    Answer,
    AnswerKind,
    ClosedAs,
    Deviation,
    DeviationOver,
    IncidentClosing,
    Intent,
)
from detente.claims.events import ReviewSaid
from detente.claims.review_claim import ReviewClaim

DAYS = timedelta(days=8)
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


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
