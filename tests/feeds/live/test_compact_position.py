"""Positions in halves: what is given is where somebody is, for every place on Earth and any mixture of aircraft."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from squitters import halves, zones

from detente.feeds.live.compact_position import Half, Strands, near, paired, zones_at

latitudes = st.floats(-89.9, 89.9)
longitudes = st.floats(-180.0, 180.0)


def half(
    latitude_deg: float,
    longitude_deg: float,
    odd: int,
    at_s: float,
    *,
    surface: bool = False,
    height_m: float | None = None,
) -> Half:
    north, east = halves(latitude_deg, longitude_deg, odd, surface)
    return Half(bool(odd), north / 2**17, east / 2**17, surface, at_s, height_m)


def apart_m(found: tuple[float, float], latitude_deg: float, longitude_deg: float) -> float:
    east_deg = (found[1] - longitude_deg + 180.0) % 360.0 - 180.0
    return 111_320.0 * math.hypot(found[0] - latitude_deg, east_deg * math.cos(math.radians(latitude_deg)))


@given(latitudes)
def test_zones_are_those_of_the_table(latitude_deg: float) -> None:
    if abs(latitude_deg) != 87.0:  # the table leaves it open
        assert zones_at(latitude_deg) == zones(latitude_deg)


def test_the_example_of_the_field() -> None:
    even = Half(False, 93_000 / 2**17, 51_372 / 2**17, False, 0.0)
    odd = Half(True, 74_158 / 2**17, 50_194 / 2**17, False, 1.0)
    assert paired(even, odd) == pytest.approx((52.2572, 3.91937), abs=1e-4)


@given(latitudes, longitudes, st.booleans(), st.floats(-0.5, 0.5), st.floats(-0.5, 0.5))
def test_a_message_near_a_known_place_says_where_it_is(
    latitude_deg: float, longitude_deg: float, surface: bool, north_deg: float, east_deg: float
) -> None:
    known = max(min(latitude_deg + north_deg, 90.0), -90.0), longitude_deg + east_deg
    for odd in (0, 1):
        found = near(half(latitude_deg, longitude_deg, odd, 0.0, surface=surface), *known)
        assert found is not None
        assert apart_m(found, latitude_deg, longitude_deg) < 10.0


@given(
    latitudes,
    longitudes,
    st.floats(0.0, 360.0),
    st.floats(0.0, 300.0),
    st.lists(st.booleans(), min_size=6, max_size=20),
)
def test_a_flight_is_found_where_it_is(
    latitude_deg: float, longitude_deg: float, track_deg: float, speed_mps: float, odds: list[bool]
) -> None:
    strands, given_m = Strands(), []
    for step, odd in enumerate(odds):
        north_deg = speed_mps * step * 0.5 * math.cos(math.radians(track_deg)) / 111_320.0
        here = max(min(latitude_deg + north_deg, 89.95), -89.95)
        found = strands.position(half(here, longitude_deg, int(odd), 100.0 + 0.5 * step))
        if found is not None:
            given_m.append(apart_m(found, here, longitude_deg))
    assert all(one < 10.0 for one in given_m)
    changes = [step for step in range(1, len(odds)) if odds[step] != odds[step - 1]]
    crossed = zones(latitude_deg) != zones(here)
    if changes and changes[0] < len(odds) - 2 and not crossed and abs(latitude_deg) < 86.0:
        assert given_m


@given(st.integers(0, 2**32 - 1))
def test_two_aircraft_under_one_address_are_both_found_and_nobody_else(seed: int) -> None:
    chance = random.Random(seed)
    places = [(chance.uniform(-80, 80), chance.uniform(-180, 180)) for _ in range(2)]
    heights_m = (3_000.0, chance.choice([3_000.0, 9_000.0]))
    strands, found_by = Strands(), [0, 0]
    for step in range(60):
        # Of the same height they do not begin together.
        who = chance.randrange(2) if step > 3 or heights_m[1] != heights_m[0] else 0
        odd = chance.randrange(2) if step > 3 else step % 2
        found = strands.position(half(*places[who], odd, 100.0 + 0.3 * step, height_m=heights_m[who]))
        if found is not None:
            assert apart_m(found, *places[who]) < 10.0
            found_by[who] += 1
    assert min(found_by) >= 5


def test_halves_by_chance_make_almost_no_position() -> None:
    chance = random.Random(14)
    strands, given_count = Strands(), 0
    for step in range(5_000):
        one = Half(chance.random() < 0.5, chance.random(), chance.random(), False, 0.5 * step)
        given_count += strands.position(one, 250.0) is not None
    assert given_count <= 5


def test_a_jump_begins_a_strand_of_its_own_and_the_true_one_goes_on() -> None:
    strands = Strands()
    for step in range(4):
        strands.position(half(50.0, 10.0, step % 2, float(step)))
    assert strands.position(half(50.5, 10.0, 0, 4.0)) is None
    assert strands.position(half(50.0, 10.0, 1, 4.5)) is not None
    assert strands.position(half(50.5, 10.0, 1, 5.0)) is None
    found = strands.position(half(50.5, 10.0, 0, 5.5))
    assert found is not None
    assert apart_m(found, 50.5, 10.0) < 10.0


def test_on_the_ground_a_place_is_known_near_the_receiver_or_from_the_landing_alone() -> None:
    def ground(odd: int, at_s: float) -> Half:
        return half(-33.95, 151.18, odd, at_s, surface=True)

    unknown = Strands()
    assert [unknown.position(ground(step % 2, float(step))) for step in range(6)] == [None] * 6
    placed = Strands((-33.9, 151.2))
    placed.position(ground(0, 0.0))
    found = placed.position(ground(1, 1.0))
    assert found is not None
    assert apart_m(found, -33.95, 151.18) < 3.0
    landed = Strands()
    for step in range(4):
        landed.position(half(-33.951, 151.18, step % 2, float(step)))
    found = landed.position(ground(0, 4.0))
    assert found is not None
    assert apart_m(found, -33.95, 151.18) < 3.0
