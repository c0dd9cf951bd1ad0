"""Two plans inside the minima always have a token in common; the grid is the same whole numbers everywhere."""

from datetime import timedelta

import msgspec
import numpy as np
import pytest
from cells import cell_corners, grid_cell
from hypothesis import given, settings
from hypothesis import strategies as st
from near_limit import EPOCH, NOON, TABLE, Pairs

from detente.accord.matching_terms import CREWED_MATCHING, DRONE_MATCHING, AltitudeFamilies
from detente.airspace.altitude import Altitude, AltitudeBand, AltitudeUnit, Ellipsoid, StandardPressure
from detente.airspace.ellipsoid_kernels import surface_points
from detente.airspace.plan import Circle, Plan, TimeWindow, Volume4D
from detente.airspace.position import Position
from detente.airspace.refusal import Refusal
from detente.airspace.search import encounters_between
from detente.matching.grid import columns_of, grid_rows, pack, token_bytes, unpack
from detente.matching.quantise import Epoch, Role, parts_of, quantise
from length import quickly

OPEN = {"plan_tokens": 1_000_000, "cell_plans": 10_000}
GRIDS = (
    msgspec.structs.replace(CREWED_MATCHING, **OPEN),
    msgspec.structs.replace(CREWED_MATCHING, common_lateral_dm=46_300, common_seconds=60, **OPEN),
    msgspec.structs.replace(DRONE_MATCHING, common_lateral_dm=500, **OPEN),
    msgspec.structs.replace(
        CREWED_MATCHING, cell_dm=57_000, band_ft=500, bin_seconds=300, common_lateral_dm=-30_000, **OPEN
    ),
)


def tokens_of_plans(plans, role, terms):
    found = quantise(plans, role, EPOCH, terms, TABLE)
    of_plans = [set() for _ in plans]
    for part, tokens in zip(found.parts, found.tokens_of_parts(), strict=True):
        of_plans[part.plan].update(tokens.tolist())
    return of_plans


def check_pairs(seed, terms, count):
    """How many of `count` pairs a hair inside the minima are encounters; all that are have a token in common."""
    pairs = Pairs(seed, terms)
    made = [pairs.pair(number) for number in range(count)]
    firsts, seconds = [a for a, _ in made], [b for _, b in made]
    if pairs.random.integers(2):
        firsts, seconds = seconds, firsts
    names = {plan.plan_id: k for k, plan in enumerate(firsts)} | {plan.plan_id: k for k, plan in enumerate(seconds)}
    ours, theirs = tokens_of_plans(firsts, Role.FIRST, terms), tokens_of_plans(seconds, Role.SECOND, terms)
    found = encounters_between(firsts, seconds, TABLE)
    for one in found:
        a, b = names[one.first_plan_id], names[one.second_plan_id]
        assert ours[a] & theirs[b], (firsts[a], seconds[b], one)
    return sum(names[e.first_plan_id] == names[e.second_plan_id] for e in found)


@settings(max_examples=24, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(GRIDS))
def test_no_encounter_is_without_a_common_token(seed, terms):
    check_pairs(seed, terms, 25)


def test_most_of_the_generated_pairs_are_encounters():
    assert sum(check_pairs(seed, GRIDS[seed % 4], 50) for seed in range(8)) > 240


@pytest.mark.long
@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(GRIDS))
def test_no_encounter_is_without_a_common_token_at_length(seed, terms):
    check_pairs(seed, terms, 300)


@settings(max_examples=quickly(200), deadline=None)
@given(
    st.one_of(st.floats(-90, 90), st.sampled_from([90.0, -90.0, 0.0])),
    st.one_of(st.floats(-180, 180), st.sampled_from([180.0, -180.0])),
    st.sampled_from([10_000, 20_000, 100_000, 1_000_000]),
)
def test_every_point_is_within_reach_of_the_centre_of_its_cell(latitude, longitude, cell_dm):
    row, column = grid_cell(latitude, longitude, cell_dm)
    rows = grid_rows(cell_dm)
    south, north, west, east = cell_corners(row, column, cell_dm)
    assert south <= latitude + 1e-9
    assert latitude <= north + 1e-9
    middle = np.radians(0.5 * (west + east))
    centre = rows.axis_m[row] * np.cos(middle), rows.axis_m[row] * np.sin(middle), rows.polar_m[row]
    point = surface_points(np.array([latitude]), np.array([longitude]))[0]
    assert np.linalg.norm(point - np.array(centre)) <= rows.reach_m[row] + 0.5


def test_the_grid_is_these_whole_numbers():
    rows = grid_rows(100_000)
    assert rows.height_microdegrees == 89_992
    assert len(rows.columns) == 2_001
    assert rows.columns[[0, 500, 1000, 1500, 2000]].tolist() == [6, 2833, 4007, 2829, 1]
    assert rows.columns.tolist() == [columns_of(row, 89_992, 100_000) for row in range(2_001)]


def test_cells_are_nearly_as_wide_as_the_accord_says():
    rows = grid_rows(100_000)
    width_m = 2 * np.pi * rows.axis_m / rows.columns
    assert width_m[200:-200].min() > 9_960
    assert width_m[20:-20].max() < 10_050


@given(
    st.integers(0, 3), st.integers(0, 100_055), st.integers(0, 200_375), st.integers(-512, 1535), st.integers(0, 32_767)
)
def test_a_packed_token_keeps_its_fields(family, row, column, band, time_bin):
    token = pack(family, row, column, band, time_bin)
    fields = unpack(np.array([token]))
    assert (family, row, column, band, time_bin) == tuple(
        int(getattr(fields, name)[0]) for name in ("family", "row", "column", "band", "time_bin")
    )
    assert token_bytes(np.array([token])) == [token.to_bytes(8, "big")]
    assert 0 <= token < 2**63


def volume(name, radius_m=1000.0, low_m=3048.0, high_m=3048.0, reference=None, aircraft_class="crewed", hours=0.0):
    def at(metres):
        return Altitude(metres, AltitudeUnit.METRE, reference or StandardPressure())

    start = NOON if not hours else NOON.replace(hour=0)
    window = TimeWindow(start, start + timedelta(hours=hours))
    area = Circle(Position(36.5, -121.5), radius_m)
    return Plan(name, (Volume4D(area, AltitudeBand(at(low_m), at(high_m)), window),), aircraft_class)


def test_a_level_plan_takes_three_bands_of_the_first_party_and_one_of_the_second():
    terms = msgspec.structs.replace(CREWED_MATCHING, altitudes=AltitudeFamilies.PRESSURE)
    # Towards drones the accord asks for 60 s, by which the second party's window grows over the edge of a bin.
    for role, bands, bins in ((Role.FIRST, [9, 10, 11], {72}), (Role.SECOND, [10], {71, 72})):
        tokens = unpack(quantise([volume("v")], role, EPOCH, terms, TABLE).tokens)
        assert sorted(set(tokens.band.tolist())) == bands
        assert set(tokens.time_bin.tolist()) == bins


def test_a_plan_outside_the_epoch_has_no_tokens_and_one_across_it_has_some_in_both():
    assert len(quantise([volume("v")], Role.FIRST, Epoch(EPOCH.number + 2, 86_400), CREWED_MATCHING, TABLE).tokens) == 0
    before = Epoch(EPOCH.number * 2, 43_200)
    after = Epoch(EPOCH.number * 2 + 1, 43_200)
    for epoch in (before, after):
        assert len(quantise([volume("v", hours=20.0)], Role.FIRST, epoch, CREWED_MATCHING, TABLE).tokens) > 0


def test_no_plans_have_no_tokens():
    empty = quantise([], Role.FIRST, EPOCH, CREWED_MATCHING, TABLE)
    assert (len(empty.tokens), empty.parts, empty.tokens_of_parts()) == (0, [], [])


@pytest.mark.parametrize("radius_m", [700_000.0, 5_000_000.0])
def test_a_blanket_is_refused_by_name(radius_m):
    with pytest.raises(Refusal, match=r"plan blanket.*20,000 tokens"):
        quantise([volume("ok"), volume("blanket", radius_m)], Role.FIRST, EPOCH, CREWED_MATCHING, TABLE)


def test_a_crowd_on_one_token_is_refused_by_name():
    terms = msgspec.structs.replace(CREWED_MATCHING, cell_plans=4)
    plans = [volume(f"v{k}") for k in range(5)]
    quantise(plans[:4], Role.FIRST, EPOCH, terms, TABLE)
    with pytest.raises(Refusal, match=r"plan v0.*5 plans"):
        quantise(plans, Role.FIRST, EPOCH, terms, TABLE)


def test_a_plan_of_the_family_that_the_accord_leaves_out_is_refused_by_name():
    terms = msgspec.structs.replace(CREWED_MATCHING, altitudes=AltitudeFamilies.PRESSURE)
    with pytest.raises(Refusal, match=r"plan gnss.*pressure family"):
        quantise([volume("ok"), volume("gnss", reference=Ellipsoid())], Role.FIRST, EPOCH, terms, TABLE)


def test_parts_are_volumes_and_legs():
    pairs = Pairs(1, CREWED_MATCHING)
    plans = [plan for number in range(30) for plan in pairs.pair(number)]
    parts = parts_of(plans)
    assert [part.piece.plan_id for part in parts] == [plans[part.plan].plan_id for part in parts]
    whole = {(e.first_plan_id, e.second_plan_id) for e in encounters_between(plans[::2], plans[1::2], TABLE)}
    firsts = [p.piece for p in parts if p.plan % 2 == 0]
    seconds = [p.piece for p in parts if p.plan % 2 == 1]
    assert {(e.first_plan_id, e.second_plan_id) for e in encounters_between(firsts, seconds, TABLE)} == whole
