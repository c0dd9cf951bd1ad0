"""Details given later open the commitment, or are seen not to: no two details share one, and the salt hides them."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detente.airspace.altitude import Altitude, AltitudeBand, AltitudeUnit, MeanSeaLevel
from detente.airspace.plan import Circle, Plan, TimeWindow, Volume4D
from detente.airspace.position import Position
from detente.airspace.refusal import Refusal
from detente.details.commitment import CommitmentOpening, canonical_details, read_opening, write_opening
from detente.details.details import (
    MOST_OF_NOTICE,
    CommitDetails,
    Details,
    DetailsCommand,
    DetailsEvent,
    DetailsOpened,
    DetailsOpening,
    DetailsRefused,
    GiveDetails,
    SeeCommitment,
)
from detente.details.room import DetailsRoom
from detente.picture.picture import Picture
from detente.room import past
from detente.room.message import Addressed, Heard
from length import quickly

NOON = datetime(2025, 6, 1, 12, tzinfo=UTC)
UNANSWERED = timedelta(days=90)
SALT = "5a" * 32
BAND = AltitudeBand(*(Altitude(m, AltitudeUnit.METRE, MeanSeaLevel()) for m in (3000.0, 3100.0)))


@pytest.fixture(autouse=True)
def long_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """The simulator, whose tests may share the process, shortens the time that unanswered things stay."""
    monkeypatch.setattr(past, "UNANSWERED", UNANSWERED)


def plan(seconds: int = 0, east_deg: float = 20.0) -> Plan:
    window = TimeWindow(NOON + timedelta(seconds=seconds), NOON + timedelta(seconds=seconds + 600))
    return Plan("p", (Volume4D(Circle(Position(34.0, east_deg), 5000.0), BAND, window),))


def test_the_commitment_is_the_documented_one_and_outlives_the_file() -> None:
    opening = CommitmentOpening(SALT, plan())
    assert (
        opening.commitment
        == hashlib.sha256(b"detente-commitment-1\n" + bytes.fromhex(SALT) + canonical_details(plan())).hexdigest()
    )
    again = read_opening(write_opening(opening))
    assert again == opening
    reordered = json.dumps(dict(reversed(json.loads(write_opening(opening)).items()))).encode()
    assert read_opening(reordered).commitment == opening.commitment


@settings(max_examples=quickly(200), deadline=None)
@given(st.tuples(st.integers(0, 50), st.integers(0, 3)), st.tuples(st.integers(0, 50), st.integers(0, 3)),
       st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32))  # fmt: skip
def test_two_openings_open_one_commitment_only_when_they_are_the_same(
    first: tuple[int, int], second: tuple[int, int], one: bytes, other: bytes
) -> None:
    openings = [CommitmentOpening(salt.hex(), plan(s, 20.0 + e)) for (s, e), salt in ((first, one), (second, other))]
    same = openings[0] == openings[1]
    assert (openings[0].commitment == openings[1].commitment) == same


@pytest.mark.parametrize("data", [b"", b"[" * 100_000, b"{}", b'{"format":"detente-opening-1","salt":"5a"}', b"\xff"])
def test_what_is_no_opening_is_refused(data: bytes) -> None:
    with pytest.raises(Refusal):
        read_opening(data)


class Agreed:
    """Accords with north and south."""

    def __init__(self, party: str) -> None:
        self.party = party

    def terms(self, _at: datetime) -> dict[str, None]:
        return {"north": None, "south": None}


class Side:
    def __init__(self, own: str) -> None:
        self.picture = Picture()
        self.room = DetailsRoom(Details(), Agreed(own), self.picture)  # type: ignore[arg-type]

    def do(self, command: DetailsCommand | Heard[DetailsOpening]) -> list[DetailsEvent]:
        decided = self.room.decide(command)
        for event in decided:
            self.room.evolve(self.room.decode(self.room.encode(event)))
        return decided

    def hears(self, opening: CommitmentOpening) -> list[DetailsEvent]:
        return self.do(Heard(NOON, "north", DetailsOpening("n1", opening)))


def test_a_commitment_that_was_replaced_stays_on_record_and_either_may_be_opened() -> None:
    north, south = Side("north"), Side("south")
    meant, later = CommitmentOpening(SALT, plan()), CommitmentOpening(SALT, plan(7200))
    for opening in (meant, later):
        north.do(CommitDetails(NOON, opening))
        for side in (north, south):
            side.do(SeeCommitment(NOON, "north", "n1", opening.commitment))
    assert [c.commitment for c in south.room.state.commitments["north", "n1"]] == [meant.commitment, later.commitment]
    with pytest.raises(Refusal, match="a party with an accord"):
        north.do(GiveDetails(NOON, "east", "n1"))
    with pytest.raises(Refusal, match="carries a commitment"):
        north.do(GiveDetails(NOON, "south", "n2"))
    (given,) = north.do(GiveDetails(NOON, "south", "n1"))
    assert list(north.room.messages_of(given)) == [Addressed("south", DetailsOpening("n1", later))]
    (opened,) = south.hears(later)
    assert isinstance(opened, DetailsOpened)
    assert south.hears(later) == []
    first, second = south.room.state.commitments["north", "n1"]
    assert (first.opened_at, second.opened_at) == (None, NOON), "what was replaced was never opened, and is seen so"
    (refused,) = south.hears(CommitmentOpening(SALT, plan(3600)))
    assert isinstance(refused, DetailsRefused)
    assert refused.expected == (meant.commitment, later.commitment)


def test_what_was_opened_leaves_with_its_notice_and_what_never_was_stays_for_longer() -> None:
    north, south = Side("north"), Side("south")
    for name, begin_s in (("n1", 0), ("n2", 7200)):
        opening = CommitmentOpening(SALT, plan(begin_s))
        north.do(CommitDetails(NOON, opening))
        for side in (north, south):
            side.do(SeeCommitment(NOON, "north", name, opening.commitment))
    north.do(GiveDetails(NOON, "south", "n1"))
    south.hears(CommitmentOpening(SALT, plan()))
    for side in (north, south):
        side.picture.notices["north", "n1"] = None  # type: ignore[assignment]
        side.room.forget(NOON + timedelta(days=8))
        assert set(side.room.state.commitments) == {("north", "n1"), ("north", "n2")}, "its notice is still held"
        side.picture.notices.clear()
        side.room.forget(NOON + timedelta(days=8))
        assert set(side.room.state.commitments) == {("north", "n2")}
    assert set(north.room.state.kept) == {CommitmentOpening(SALT, plan(7200)).commitment}
    gone = NOON + timedelta(days=8)
    for side in (north, south):
        assert side.room.state.gone_since == {("north", "n2"): gone}
        side.room.restore(side.room.keep())()
        side.room.forget(gone + UNANSWERED)
        assert set(side.room.state.commitments) == {("north", "n2")}, "it may still be opened"
        side.room.forget(gone + UNANSWERED + timedelta(seconds=1))
        assert (side.room.state.commitments, side.room.state.gone_since, side.room.state.kept) == ({}, {}, {})
    with pytest.raises(Refusal, match="carries a commitment"):
        north.do(GiveDetails(NOON, "south", "n2"))


def test_an_opening_that_no_notice_commits_to_leaves_long_after_the_time_of_its_details() -> None:
    north = Side("north")
    opening = CommitmentOpening(SALT, plan())
    north.do(CommitDetails(NOON, opening))
    end = NOON + timedelta(seconds=600)
    north.room.forget(end + UNANSWERED)
    assert set(north.room.state.kept) == {opening.commitment}
    north.room.forget(end + UNANSWERED + timedelta(seconds=1))
    assert north.room.state.kept == {}


def test_a_notice_that_is_given_again_is_waited_for_anew() -> None:
    south = Side("south")
    south.do(SeeCommitment(NOON, "north", "n1", CommitmentOpening(SALT, plan()).commitment))
    south.room.forget(NOON)
    south.picture.notices["north", "n1"] = None  # type: ignore[assignment]
    south.room.forget(NOON + UNANSWERED + timedelta(days=1))
    south.picture.notices.clear()
    south.room.forget(NOON + UNANSWERED + timedelta(days=2))
    assert set(south.room.state.commitments) == {("north", "n1")}


def commitment(number: int) -> str:
    return f"{number:064x}"


def test_a_notice_that_is_given_another_commitment_for_ever_keeps_the_first_and_the_newest() -> None:
    south = Side("south")
    for number in range(3 * MOST_OF_NOTICE):
        south.do(SeeCommitment(NOON, "north", "n1", commitment(number)))
    held = [one.commitment for one in south.room.state.commitments["north", "n1"]]
    newest = range(2 * MOST_OF_NOTICE + 1, 3 * MOST_OF_NOTICE)
    assert held == [commitment(0), *map(commitment, newest)]
    assert south.room.state.held_of("north").commitments == MOST_OF_NOTICE


def test_commitments_and_opened_details_of_one_party_are_bounded_and_those_of_others_are_not_touched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("detente.details.room.MOST_OF_PARTY", 3)
    monkeypatch.setattr("detente.details.room.MOST_VERTICES_OF_PARTY", 2)
    south = Side("south")
    openings = [CommitmentOpening(SALT, plan(seconds)) for seconds in (0, 1, 2)]
    for opening in openings:
        south.do(SeeCommitment(NOON, "north", "n1", opening.commitment))
    with pytest.raises(Refusal, match="3 commitments"):
        south.do(SeeCommitment(NOON, "north", "n2", commitment(9)))
    south.do(SeeCommitment(NOON, "east", "n1", commitment(9)))
    for opening in openings[:2]:
        south.hears(opening)
    for _ in range(2):
        with pytest.raises(Refusal, match="2 vertices"):
            south.hears(openings[2])
        south.room.restore(south.room.keep())()
    assert south.hears(openings[0]) == [], "it was opened before"
    south.room.forget(NOON)
    south.room.forget(NOON + UNANSWERED + timedelta(seconds=1))
    south.do(SeeCommitment(NOON, "north", "n2", openings[2].commitment))
    assert isinstance(south.do(Heard(NOON, "north", DetailsOpening("n2", openings[2])))[0], DetailsOpened)
