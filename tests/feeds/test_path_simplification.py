"""The flown path is inside the containment: geodesics between reports, held against pyproj on dense samples."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod

from detente.feeds import path_simplification
from detente.feeds.path_simplification import knots

GEOD = Geod(ellps="WGS84")


def flown_path(seed, count, kind, latitude, longitude):
    """Reports of a flight that turns, climbs and jitters; some start at a pole or cross the antimeridian."""
    random = np.random.default_rng(seed)
    times = np.cumsum(
        random.choice([1.0, 4.0, 30.0, 300.0], count, p=[0.4, 0.4, 0.15, 0.05]) + random.uniform(0, 0.5, count)
    )
    turn = {"straight": 0.0, "circling": 6.0, "wandering": 20.0}[kind]
    headings = 360.0 * random.random() + np.cumsum(
        random.normal(turn if kind == "circling" else 0.0, turn / 3 + 0.01, count)
    )
    speed = random.uniform(20.0, 280.0)
    latitudes, longitudes = [latitude], [longitude]
    for step, heading in zip(np.diff(times), headings, strict=False):
        east, north, _ = GEOD.fwd(longitudes[-1], latitudes[-1], heading, speed * step)
        latitudes.append(north)
        longitudes.append(east)
    jitter = random.normal(0.0, random.choice([0.0, 20.0, 300.0]), count)
    east, north, _ = GEOD.fwd(longitudes, latitudes, random.uniform(0, 360, count), np.abs(jitter))
    altitudes = np.maximum(np.cumsum(random.normal(0.0, 8.0, count)) + 3000.0, 0.0)
    return times, np.asarray(north), np.asarray(east), altitudes


def worst_distances(path, kept):
    """Furthest sideways and vertically from the simplified path, at nine moments between every two reports."""
    times, latitudes, longitudes, altitudes = path

    def at(moment, nodes):
        nodes = np.asarray(nodes)
        leg = int(np.clip(np.searchsorted(times[nodes], moment, side="right") - 1, 0, len(nodes) - 2))
        first, last = nodes[leg], nodes[leg + 1]
        share = (moment - times[first]) / (times[last] - times[first])
        azimuth, _, length = GEOD.inv(longitudes[first], latitudes[first], longitudes[last], latitudes[last])
        east, north, _ = GEOD.fwd(longitudes[first], latitudes[first], azimuth, length * share)
        return east, north, altitudes[first] + share * (altitudes[last] - altitudes[first])

    sideways = climb = 0.0
    everything = np.arange(len(times))
    for index in range(len(times) - 1):
        for moment in np.linspace(times[index], times[index + 1], 9):
            east, north, height = at(moment, everything)
            nominal_east, nominal_north, nominal_height = at(moment, kept)
            sideways = max(sideways, GEOD.inv(east, north, nominal_east, nominal_north)[2])
            climb = max(climb, abs(height - nominal_height))
    return sideways, climb


PATHS = {
    "seed": st.integers(0, 2**32 - 1),
    "count": st.integers(2, 40),
    "kind": st.sampled_from(["straight", "circling", "wandering"]),
    "latitude": st.sampled_from([36.5, 0.0, -89.99, 90.0, 71.0]),
    "longitude": st.sampled_from([-121.5, 179.999, -180.0, 0.0]),
    "lateral_m": st.sampled_from([5.0, 100.0, 1000.0]),
    "vertical_m": st.sampled_from([2.0, 15.24, 100.0]),
}


def check_containment(seed, count, kind, latitude, longitude, lateral_m, vertical_m):
    path = flown_path(seed, count, kind, latitude, longitude)
    kept = knots(*path, lateral_m, vertical_m)
    assert kept[0] == 0
    assert kept[-1] == count - 1
    assert (np.diff(kept) > 0).all()
    sideways, climb = worst_distances(path, kept)
    assert sideways <= lateral_m
    assert climb <= vertical_m


@settings(max_examples=25, deadline=None)
@given(**PATHS)
def test_the_flown_path_is_inside_the_containment(**path):
    check_containment(**path)


@pytest.mark.long
@settings(max_examples=1500, deadline=None)
@given(**PATHS)
def test_the_flown_path_is_inside_the_containment_at_length(**path):
    check_containment(**path)


def test_a_straight_flight_needs_few_waypoints_and_a_single_report_one():
    times = np.arange(0.0, 1000.0, 4.0)
    east, north, _ = GEOD.fwd(np.full(250, -121.0), np.full(250, 36.0), np.full(250, 45.0), times * 200.0)
    kept = knots(times, np.asarray(north), np.asarray(east), np.full(250, 3000.0), 100.0, 15.0)
    assert kept.tolist() == [0, 249]
    assert knots(np.zeros(1), np.array([36.0]), np.array([-121.0]), np.array([3000.0]), 100.0, 15.0).tolist() == [0]


def test_a_path_made_to_take_long_is_cut_into_stretches():
    count = 5 * path_simplification.STRETCH
    saw = np.where(np.arange(count) % 2 == 0, 0.0, 1e-3 * np.arange(count))
    kept = knots(np.arange(count, dtype=float), 36.0 + saw, np.full(count, -121.0), np.full(count, 3000.0), 5.0, 15.0)
    assert set(range(0, count, path_simplification.STRETCH)) <= set(kept.tolist())
