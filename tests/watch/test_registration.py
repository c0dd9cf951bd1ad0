"""Biases and clock differences between two systems: known ones are recovered, and what cannot be known is not said."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detente.airspace.geodesy import GEOD
from detente.watch.messages import ToldTrack
from detente.watch.peer_tracks import Pair
from detente.watch.registration import (
    FEWEST_PAIRS,
    PairDifference,
    Registration,
    RegistrationWatch,
    registration_of,
)
from detente.watch.track import Track
from length import quickly

AT_S = 1_780_315_200.0


def flown(
    count: int, north_m: float, east_m: float, clock_s: float, height_m: float, seed: int, *, wrong: int = 0,
    noise_m: float = 60.0, course_deg: float | None = None,
) -> list[PairDifference]:  # fmt: skip
    """Differences of eight aircraft that fly at 150 to 280 m/s on courses of their own, or all on one."""
    chance = random.Random(seed)
    courses = [chance.uniform(0.0, 360.0) if course_deg is None else course_deg for _ in range(8)]
    speeds = [chance.uniform(150.0, 280.0) if course_deg is None else 200.0 for _ in range(8)]
    found = []
    for n in range(count):
        course, speed = math.radians(courses[n % 8]), speeds[n % 8]
        north_mps, east_mps = speed * math.cos(course), speed * math.sin(course)
        off_m = (chance.uniform(2_000.0, 9_000.0), chance.uniform(2_000.0, 9_000.0)) if n < wrong else (0.0, 0.0)
        found.append(
            PairDifference(
                AT_S + n, f"t{n % 8}", north_m + clock_s * north_mps + chance.gauss(0.0, noise_m) + off_m[0],
                east_m + clock_s * east_mps + chance.gauss(0.0, noise_m) + off_m[1], north_mps, east_mps,
                height_m + chance.gauss(0.0, 15.0) + off_m[0],
            )
        )  # fmt: skip
    return found


@settings(max_examples=quickly(150), deadline=None)
@given(
    north_m=st.floats(-800.0, 800.0), east_m=st.floats(-800.0, 800.0), clock_s=st.floats(-5.0, 5.0),
    height_m=st.floats(-150.0, 150.0), seed=st.integers(0, 10_000), wrong=st.integers(0, 40),
)  # fmt: skip
def test_known_biases_are_recovered_though_some_pairs_are_of_two_aircraft(
    north_m: float, east_m: float, clock_s: float, height_m: float, seed: int, wrong: int
) -> None:
    found = registration_of("south", flown(400, north_m, east_m, clock_s, height_m, seed, wrong=wrong))
    if found.clock_s is None:
        # Eight courses by chance may lie too much alike; then nothing is said.
        return
    assert found.north_m == pytest.approx(north_m, abs=60.0)
    assert found.east_m == pytest.approx(east_m, abs=60.0)
    assert found.clock_s == pytest.approx(clock_s, abs=0.3)
    assert found.height_m == pytest.approx(height_m, abs=8.0)


def test_its_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    held = {"north": 0, "clock": 0, "height": 0}
    for seed in range(200):
        found = registration_of("south", flown(200, 300.0, -200.0, 1.5, 40.0, seed))
        assert found.clock_s is not None
        assert found.north_m is not None
        assert found.height_m is not None
        held["north"] += abs(found.north_m - 300.0) <= (found.shift_error_m or 0.0)
        held["clock"] += abs(found.clock_s - 1.5) <= (found.clock_error_s or 0.0)
        held["height"] += abs(found.height_m - 40.0) <= (found.height_error_m or 0.0)
    assert all(count >= 180 for count in held.values()), held


def test_with_too_few_pairs_or_aircraft_nothing_is_said() -> None:
    few = flown(FEWEST_PAIRS - 1, 300.0, 0.0, 0.0, 40.0, 1)
    assert registration_of("south", few) == Registration("south", FEWEST_PAIRS - 1, 8)
    two = [one for one in flown(200, 300.0, 0.0, 0.0, 40.0, 1) if one.aircraft in ("t0", "t1")]
    assert registration_of("south", two) == Registration("south", len(two), 2)


def test_where_all_fly_alike_shift_and_clock_cannot_be_told_apart() -> None:
    found = registration_of("south", flown(400, 300.0, 0.0, 1.0, 40.0, 1, course_deg=90.0))
    assert (found.north_m, found.east_m, found.clock_s) == (None, None, None)
    assert found.height_m == pytest.approx(40.0, abs=8.0)


def test_a_pair_is_compared_at_the_time_of_the_peers_position_and_once() -> None:
    seen = Track("T1", AT_S, AT_S, 34.0, 20.0, 200.0, 90.0, 5.0, 0.0, 30.0, 30.0, 1.0, 3_000.0)
    # Four seconds before, it was 800 m further west and 20 m lower; the peer has it 500 m north of there, 30 m higher.
    longitude_deg, latitude_deg, _ = GEOD.fwd(20.0, 34.0, 270.0, 800.0)
    longitude_deg, latitude_deg, _ = GEOD.fwd(longitude_deg, latitude_deg, 0.0, 500.0)
    told = ToldTrack("t1", 0.0, latitude_deg, longitude_deg, 50.0, 200.0, 90.0, 5.0, 2.0, 3_010.0)
    watch = RegistrationWatch()
    for _ in range(3):
        watch.take([Pair("south", told, AT_S - 4.0, seen)], AT_S)
    (found,) = watch.estimates()
    assert (found.pairs, found.aircraft, found.clock_s) == (1, 1, None)
    (one,) = watch._held["south"]
    assert one.north_m == pytest.approx(500.0, abs=2.0)
    assert one.east_m == pytest.approx(0.0, abs=2.0)
    assert one.height_m == pytest.approx(30.0)
    # What is long past counts no more.
    watch.take([], AT_S + 4_000.0)
    assert watch.estimates() == ()
