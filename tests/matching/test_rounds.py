"""Rounds: nothing that conflicts is lost from one grid to the next, what does not fit is opened all the same."""

import sys
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from match_parties import RUN, TABLE, TERMS, circle, play, side_of, world
from near_limit import EPOCH, Pairs

from detente.accord.matching_terms import (
    CREWED_MATCHING,
    DRONE_MATCHING,
    FineGrid,
    MatchGrid,
    MatchingDomain,
    MatchingTerms,
)
from detente.airspace.plan import Polygon
from detente.airspace.position import Position
from detente.airspace.refusal import Refusal
from detente.airspace.search import encounters_between
from detente.matching.grid import grid_rows, pack, unpack
from detente.matching.labels import BoxSpace, Labels, ListedSpace, domain_spaces
from detente.matching.ledger import LedgerRow, MatchAlarm, alarms_of, ledger_row
from detente.matching.ordered import among, different
from detente.matching.permutation import Permutation
from detente.matching.quantise import Role, covered_parts, parts_of
from detente.matching.refine import looked_at, refined
from detente.matching.run import box_around

sys.path.append(str(Path(__file__).parents[2] / "bench"))
from length import quickly
from plain_rounds import flagged_plans, plain_run, shown_counts

OPEN = {"plan_tokens": 1_000_000, "cell_plans": 10_000}
HERE = (36.5, -121.5)


def fine(cell_dm, bin_seconds):
    return FineGrid(cell_dm=cell_dm, bin_seconds=bin_seconds, first_log2=22, second_log2=22)


GRIDS = (
    msgspec.structs.replace(CREWED_MATCHING, fine=(fine(100_000, 60), fine(25_000, 20)), **OPEN),
    msgspec.structs.replace(DRONE_MATCHING, fine=(fine(7_000, 2_400),), common_lateral_dm=500, **OPEN),
    msgspec.structs.replace(
        CREWED_MATCHING, cell_dm=57_000, band_ft=500, bin_seconds=300, common_lateral_dm=-30_000,
        fine=(fine(91_000, 77), fine(30_000, 1_111), fine(13_000, 40)), **OPEN,
    ),
)  # fmt: skip
"""The defaults, and one whose cells and bins do not nest and become now finer and now coarser."""


def tokens_of_plans(plans, role, terms, grid):
    found, too_large = covered_parts(parts_of(plans), role, EPOCH, terms, TABLE, grid)
    assert not len(too_large)
    of_plans = [[] for _ in plans]
    for part, tokens in zip(found.parts, found.tokens_of_parts(), strict=True):
        of_plans[part.plan].append(tokens)
    return [different(np.concatenate(each)) if each else np.empty(0, np.int64) for each in of_plans]


def in_both(one, other):
    """The numbers that are in both of two ascending arrays."""
    fewer, more = sorted((one, other), key=len)
    return fewer[among(fewer, more)]


def check_pairs(seed, terms, count):
    """Of pairs a hair inside the minima, all that are encounters have a token in common on each grid."""
    pairs = Pairs(seed, terms)
    made = [pairs.pair(number) for number in range(count)]
    firsts, seconds = [a for a, _ in made], [b for _, b in made]
    grids = 1 + len(terms.fine_grids)
    ours = [tokens_of_plans(firsts, Role.FIRST, terms, grid) for grid in range(grids)]
    theirs = [tokens_of_plans(seconds, Role.SECOND, terms, grid) for grid in range(grids)]
    names = {plan.plan_id: k for plans in (firsts, seconds) for k, plan in enumerate(plans)}
    found = encounters_between(firsts, seconds, TABLE)
    for one in found:
        a, b = names[one.first_plan_id], names[one.second_plan_id]
        common = in_both(ours[0][a], theirs[0][b])
        for grid in range(1, grids):
            inside = refined(common, terms.grid(grid - 1), terms.grid(grid), EPOCH.length_s)
            common = in_both(in_both(ours[grid][a], theirs[grid][b]), inside)
            assert len(common), (grid, firsts[a], seconds[b], one)
    return len(found)


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(GRIDS))
def test_no_encounter_is_lost_between_rounds(seed, terms):
    check_pairs(seed, terms, 6)


@pytest.mark.long
@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(GRIDS))
def test_no_encounter_is_lost_between_rounds_at_length(seed, terms):
    """`prove.py` does so for 100,000 pairs."""
    check_pairs(seed, terms, 50)


@settings(max_examples=quickly(150), deadline=None)
@given(
    st.integers(0, 2**32), st.sampled_from([(100_000, 25_000), (57_000, 91_000), (20_000, 7_000), (100_000, 100_000)]),
    st.sampled_from([(600, 60), (300, 2_400), (77, 1_111), (60, 60)]),
)  # fmt: skip
def test_a_point_is_on_both_grids_in_tokens_that_overlap(seed, cells, bins):
    random = np.random.default_rng(seed)
    latitude = float(random.choice([random.uniform(-90, 90), 90.0, -90.0, 0.0]))
    longitude = float(random.choice([random.uniform(-180, 180), -180.0, 179.999_999]))
    feet = float(random.choice([random.uniform(-2_000, 60_000), 31_000.0, 500.0]))
    second = float(random.uniform(0, 86_400))
    grids = [MatchGrid(cells[0], 1_000, bins[0]), MatchGrid(cells[1], 1_000, bins[1], levels=True)]
    tokens = []
    for grid in grids:
        rows = grid_rows(grid.cell_dm)
        row = min(int((latitude + 90.0) * 1e6 / rows.height_microdegrees), len(rows.columns) - 1)
        column = min(int((longitude + 180.0) / 360.0 * rows.columns[row]), int(rows.columns[row]) - 1)
        level = round(feet / 1_000)
        if not grid.levels:
            band = int((feet + 500.0) // 1_000)
        else:
            band = 2 * level if abs(feet - 1_000 * level) <= 1e-6 else 2 * int(feet // 1_000) + 1
        tokens.append(pack(0, row, column, band, int(second // grid.bin_seconds)))
    assert tokens[1] in refined(np.array(tokens[:1]), *grids, 86_400)


def test_what_is_looked_at_is_bounded_and_the_same_for_both():
    before, after = MatchGrid(100_000, 1_000, 600), MatchGrid(12_500, 1_000, 15, levels=True)
    many = np.arange(200_000)
    few = looked_at(many, before, after, b"s" * 32)
    assert 0 < len(few) < len(many)
    assert (few == looked_at(many, before, after, b"s" * 32)).all()
    assert (looked_at(many[:10], before, after, b"s" * 32) == many[:10]).all()


@pytest.mark.parametrize("seed", range(3))
def test_all_that_conflict_are_opened_whatever_fits(seed):
    """Rooms for hardly any fine token: parts that do not fit stay on the first grid, and none is refused or missed."""
    ours, theirs = world(40 + seed, 0, 30), world(40 + seed, 1, 30)
    truth = encounters_between(ours, theirs, TABLE)
    assert truth
    for log2 in (6, 8, 12):
        grids = tuple(FineGrid(cell_dm=c, bin_seconds=60, first_log2=log2, second_log2=log2) for c in (50_000, 20_000))
        run = replace(RUN, terms=msgspec.structs.replace(TERMS, first_log2=16, second_log2=16, fine=grids))
        sides = plain_run(ours, theirs, run)
        for side, field in zip(sides, ("first_plan_id", "second_plan_id"), strict=True):
            assert {getattr(one, field) for one in truth} <= flagged_plans(side)
            assert max(shown_counts(side)[1:]) <= 1 << log2
        if log2 == 6:
            assert any(len(one.stay) for one in sides[0].rounds)


def test_a_side_that_has_no_room_for_fine_tokens_opens_by_the_first_grid():
    tiny = FineGrid(cell_dm=20_000, bin_seconds=30, first_log2=6, second_log2=6)
    run = replace(RUN, terms=msgspec.structs.replace(TERMS, fine=(tiny,)))
    ours, theirs = [circle("a", *HERE)], [circle("b", *HERE)]
    first, second = side_of(0, ours, run=run), side_of(1, theirs, run=run)
    play(first, second)
    assert len(first.rounds[0].stay) > 0
    for side, name in ((first, "a"), (second, "b")):
        assert {one.first_plan_id for one in side.revealed.encounters} == {name}


def test_a_peer_that_says_without_need_that_nothing_fits_is_an_alarm():
    """Then both open by the first grid: more of ours, and all of its own that are concerned."""
    ours = [circle(f"o{k}", 36.1 + 0.1 * k, -121.5) for k in range(7)]
    theirs = [circle(f"t{k}", 36.15 + 0.1 * k, -121.5, 11_000) for k in range(7)]
    opened = {}
    for way in ("honest", "shuns"):
        first, second = side_of(0, ours), side_of(1, theirs)
        if way == "shuns":
            show = second._lists._show

            def all_stay(step, show=show, second=second):
                body = show(step)
                if not step.grid:
                    return body
                before = second.rounds[0]
                before.stay = before.common
                return body + before.common.astype(">i8").tobytes()

            second._lists._show = all_stay
        play(first, second)
        opened[way] = first.revealed.opened, second.revealed.opened
        row = ledger_row(first)
        assert (MatchAlarm.HELD_BACK in row.alarms) is (way == "shuns" and row.held_back >= 32)
        assert (row.held_back > 0) is (way == "shuns")
    assert opened["shuns"][0] >= opened["honest"][0]
    shuns = msgspec.structs.replace(LedgerRow(0, "first", 9, 9, 100, 1, 1, 1, 1), held_back=40)
    assert alarms_of(shuns) == (MatchAlarm.HELD_BACK,)


@pytest.mark.parametrize("size", [1, 2, 63, 64, 1_000, 123_457, 10**13])
def test_a_permutation_goes_there_and_back(size):
    permutation = Permutation(size, b"key")
    numbers = np.arange(min(size, 1_000)) * max(1, size // 1_000)
    mixed = permutation.forward(numbers)
    assert (permutation.inverse(mixed) == numbers).all()
    assert len(set(mixed.tolist())) == len(numbers)
    assert 0 <= mixed.min() <= mixed.max() < size


BOX = MatchingDomain(
    south_millidegrees=-20_000, west_millidegrees=170_000, north_millidegrees=10_000, east_millidegrees=-175_000
)


@pytest.mark.parametrize("box", [None, BOX])
@pytest.mark.parametrize("band_ft", [0, 1_000])
def test_places_in_a_box_are_numbered_there_and_back(box, band_ft):
    space = BoxSpace(MatchGrid(100_000, band_ft, 600), 144, (1,) if band_ft == 0 else (0, 2), box)
    random = np.random.default_rng(1)
    places = np.concatenate([random.integers(0, space.size, 3_000), [0, space.size - 1]])
    tokens = space.tokens_at(places)
    assert (space.places(tokens) == places).all()
    if box is not None:
        rows = grid_rows(100_000)
        fields = unpack(tokens)
        longitude = (fields.column + 0.5) / rows.columns[fields.row] * 360.0 - 180.0
        assert (((longitude - 169.8) % 360.0) < 15.4).all()
        assert (space.places(np.array([pack(0, 1_900, 5, 0, 0), pack(3, 1_000, 0, 0, 0)])) == -1).all()


def test_every_label_is_in_the_block_that_it_names():
    """Tokens in the domain, in the box around it, elsewhere, and dummies."""
    grid = MatchGrid(100_000, 1_000, 600)
    labels = Labels(domain_spaces(grid, 144, (0,), BOX), 256, 64, b"k" * 33)
    rows = grid_rows(100_000)
    tokens = []
    for latitude, longitude in ((-5.0, 179.0), (-30.0, 165.0), (60.0, 0.0)):
        row = int((latitude + 90.0) * 1e6 // rows.height_microdegrees)
        tokens.append(pack(0, row, int((longitude + 180.0) / 360.0 * rows.columns[row]), 31, 70))
    blocks = labels.blocks_of_tokens(np.array(tokens))
    assert [int(block) >> 56 for block in blocks] == [0, 1, 2]
    members = labels.members(blocks)
    for row, token in enumerate(tokens):
        assert ((members.value[row] == token) & (members.dummy[row] == 0)).sum() == 1
    numbers = np.array([0, 17, labels.dummies - 1])
    members = labels.members(labels.blocks_of_dummies(numbers))
    assert ((members.value == numbers[:, None]) & (members.dummy == 1)).any(axis=1).all()
    # About a fifth of all labels are dummies, so that a block does not tell which kind its row is.
    assert 0.1 < members.dummy.mean() < 0.35
    assert labels.known(blocks)
    assert not labels.known(np.array([3 << 56]))
    assert not labels.known(np.array([-1]))
    with pytest.raises(ValueError, match="nobody may show"):
        Labels([ListedSpace(np.array([5, 9]))], 64, 4, b"k").blocks_of_tokens(np.array([6]))


def test_the_domain_is_the_box_around_the_area():
    def box(*corners):
        return box_around(Polygon(tuple(Position(*corner) for corner in corners)))

    assert box((10.0, 20.0), (11.5, 20.0), (11.5, 21.0004)) == MatchingDomain(
        south_millidegrees=10_000, west_millidegrees=20_000, north_millidegrees=11_500, east_millidegrees=21_001
    )
    across = box((10.0, 179.0), (11.5, -179.0), (11.5, 179.0))
    assert (across.west_millidegrees, across.east_millidegrees) == (179_000, -179_000)


def test_the_fine_grids_follow_from_the_first_where_the_accord_names_none():
    crewed = [(one.cell_dm, one.bin_seconds, one.first_log2) for one in CREWED_MATCHING.fine_grids]
    assert crewed == [(100_000, 60, 17), (25_000, 20, 18)]
    assert [(one.cell_dm, one.bin_seconds, one.first_log2) for one in DRONE_MATCHING.fine_grids] == [(7_000, 2_400, 18)]
    assert msgspec.structs.replace(CREWED_MATCHING, fine=()).fine_grids == ()
    for changed in ({"cell_dm": 1_000}, {"bin_seconds": 1}, {"first_log2": 30}):
        with pytest.raises(Refusal, match=next(iter(changed))):
            MatchingTerms(fine=(msgspec.structs.replace(fine(50_000, 60), **changed),))
    with pytest.raises(Refusal, match="tokens to one of the grid before"):
        MatchingTerms(fine=(fine(2_000, 60),))
    with pytest.raises(Refusal, match="domain"):
        MatchingTerms(domain=msgspec.structs.replace(BOX, south_millidegrees=20_000))
