"""The assignment against all that can be, and the gate against what any track ever takes."""

from __future__ import annotations

import itertools
import math

import numpy as np
from flights import GEOD, START_S
from hypothesis import given, settings
from hypothesis import strategies as st

from detente.watch import association_kernels as ak
from detente.watch.assignment_kernels import CROWD_MAX, UNASSIGNED_COST, assign
from detente.watch.sighting import Sighting, SightingSource
from detente.watch.tracker import Tracker
from length import quickly


def best_by_trying(pairs: dict[tuple[int, int], float], sightings: int) -> float:
    """The least cost over all ways to give each sighting one of its tracks or none, each track once."""
    choices = [[*(track for (one, track) in pairs if one == sighting), None] for sighting in range(sightings)]
    least = math.inf
    for way in itertools.product(*choices):
        used = [track for track in way if track is not None]
        if len(used) == len(set(used)):
            cost = sum(UNASSIGNED_COST if track is None else pairs[i, track] for i, track in enumerate(way))
            least = min(least, cost)
    return least


pairs_of_a_small_scene = st.dictionaries(
    st.tuples(st.integers(0, 4), st.integers(0, 4)),
    st.floats(-60.0, 60.0).map(lambda cost: round(cost, 3)),
    max_size=14,
)


@settings(max_examples=quickly(500))
@given(pairs_of_a_small_scene)
def test_the_assignment_is_the_cheapest_of_all(pairs):
    listed = np.array(list(pairs), np.int64).reshape(-1, 2)
    found = assign(listed, np.array(list(pairs.values()), np.float64), 5, 5).tolist()
    used = [track for track in found if track >= 0]
    assert len(used) == len(set(used))
    cost = sum(UNASSIGNED_COST if track < 0 else pairs[i, track] for i, track in enumerate(found))
    assert math.isclose(cost, best_by_trying(pairs, 5), abs_tol=1e-6)


def test_a_crowd_is_assigned_one_to_one_too():
    n = CROWD_MAX + 6
    listed = np.array([(i, j) for i in range(n) for j in range(n)], np.int64)
    costs = np.abs(listed[:, 0] - listed[:, 1]).astype(np.float64)
    assert assign(listed, costs, n, n).tolist() == list(range(n))


places = st.lists(st.tuples(st.floats(-30_000.0, 30_000.0), st.floats(-30_000.0, 30_000.0)), min_size=2, max_size=6)


@settings(max_examples=quickly(200))
@given(places, st.sampled_from([(50.0, 8.0), (0.0, 180.0), (-89.9, 10.0)]), st.booleans())
def test_aircraft_further_apart_than_the_gate_are_never_one(offsets, centre, nameless):
    """Standing aircraft, no two within GATE_MAX_M, heard three times in one second of each: as many tracks."""
    apart = []
    for east, north in offsets:
        bearing, far = math.degrees(math.atan2(east, north)), math.hypot(east, north)
        longitude, latitude, _ = GEOD.fwd(centre[1], centre[0], bearing, far)
        if all(GEOD.inv(longitude, latitude, lon, lat)[2] > ak.GATE_MAX_M for lat, lon in apart):
            apart.append((latitude, longitude))
    tracker = Tracker()
    for second in range(4):
        batch = [
            Sighting(
                "radar",
                SightingSource.OTHER,
                START_S + second,
                START_S + second,
                latitude,
                longitude,
                horizontal_error_m=5_000.0,
                identity="" if nameless else f"{k}",
            )
            for k, (latitude, longitude) in enumerate(apart)
        ]
        tracker.take(batch, START_S + second)
    assert len(tracker.tracks(START_S + 3)) == len(apart)
