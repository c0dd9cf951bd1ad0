"""Details given later open the commitment, or are seen not to: no two details share one, and the salt hides them."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detente.airspace.altitude import Altitude, AltitudeBand, AltitudeUnit, MeanSeaLevel
from detente.airspace.plan import Circle, Plan, TimeWindow, Volume4D
from detente.airspace.position import Position
from detente.airspace.refusal import Refusal
from detente.details.commitment import CommitmentOpening, canonical_details, read_opening, write_opening
from detente.details.details import (
    CommitDetails,
    Details,
    DetailsCommand,
    DetailsEvent,
    DetailsOpened,
    DetailsRefused,
    GiveDetails,
    HearDetails,
    SeeCommitment,
    decide,
    evolve,
)

NOON = datetime(2025, 6, 1, 12, tzinfo=UTC)
SALT = "5a" * 32
BAND = AltitudeBand(*(Altitude(m, AltitudeUnit.METRE, MeanSeaLevel()) for m in (3000.0, 3100.0)))


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


@settings(max_examples=200, deadline=None)
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


class Side:
    def __init__(self, own: str) -> None:
        self.own, self.details = own, Details()

    def do(self, command: DetailsCommand) -> list[DetailsEvent]:
        decided = decide(self.details, self.own, {"north": 1, "south": 1}, command)
        for event in decided:
            evolve(self.details, msgspec.json.decode(msgspec.json.encode(event), type=DetailsEvent), self.own)
        return decided


def test_a_commitment_that_was_replaced_stays_on_record_and_either_may_be_opened() -> None:
    north, south = Side("north"), Side("south")
    meant, later = CommitmentOpening(SALT, plan()), CommitmentOpening(SALT, plan(7200))
    for opening in (meant, later):
        north.do(CommitDetails(NOON, "north", opening))
        for side in (north, south):
            side.do(SeeCommitment(NOON, "north", "n1", opening.commitment))
    assert [c.commitment for c in south.details.commitments["north", "n1"]] == [meant.commitment, later.commitment]
    with pytest.raises(Refusal, match="a party with an accord"):
        north.do(GiveDetails(NOON, "north", "east", "n1"))
    with pytest.raises(Refusal, match="carries a commitment"):
        north.do(GiveDetails(NOON, "north", "south", "n2"))
    assert len(north.do(GiveDetails(NOON, "north", "south", "n1"))) == 1
    (opened,) = south.do(HearDetails(NOON, "north", "n1", later))
    assert isinstance(opened, DetailsOpened)
    assert south.do(HearDetails(NOON, "north", "n1", later)) == []
    first, second = south.details.commitments["north", "n1"]
    assert (first.opened_at, second.opened_at) == (None, NOON), "what was replaced was never opened, and is seen so"
    (refused,) = south.do(HearDetails(NOON, "north", "n1", CommitmentOpening(SALT, plan(3600))))
    assert isinstance(refused, DetailsRefused)
    assert refused.expected == (meant.commitment, later.commitment)
