"""The box tree against a list that is searched from end to end."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from detente.airspace.boxes import BoxTree
from detente.airspace.refusal import Refusal
from length import at_length

# Every bound drawn is on the tree's grid, so that the tree must agree with the list exactly, touching boxes included.
FEW = st.integers(-6, 6).map(lambda k: k / 2)
GRID = st.integers(-(2**26), 2**26).map(lambda k: k / 16)
EXTREME = st.sampled_from([-math.inf, math.inf, 0.0, -6_378_137.0, 6_378_137.0])
TIMES = st.one_of(
    st.integers(0, 8).map(lambda k: 1_750_000_000.0 + k / 2),
    st.integers(1_000_000_000, 3_000_000_000).map(float),
    st.sampled_from([-math.inf, math.inf]),
)


def interval(bounds: st.SearchStrategy[float]) -> st.SearchStrategy[tuple[float, float]]:
    return st.tuples(bounds, bounds).map(lambda pair: (min(pair), max(pair)))


def low_and_high(intervals):
    return np.array([low for low, _ in intervals]), np.array([high for _, high in intervals])


LENGTHS = interval(st.one_of(FEW, FEW, GRID, EXTREME))
BOX = st.tuples(LENGTHS, LENGTHS, LENGTHS, LENGTHS, interval(TIMES)).map(low_and_high)
ITEM = st.one_of(st.integers(0, 40), st.integers(-(2**63), 2**63 - 1))


def overlap(first, second) -> bool:
    return bool(np.all(first[0] <= second[1]) and np.all(second[0] <= first[1]))


class BoxTreeAgainstList(RuleBasedStateMachine):
    """Insertions one by one and in bulk, removals and searches in any order."""

    inserted = Bundle("inserted")

    def __init__(self) -> None:
        super().__init__()
        self.tree = BoxTree(capacity_hint=1)
        self.boxes = {}

    @rule(target=inserted, item=ITEM, box=BOX)
    def insert(self, item, box):
        if item in self.boxes:
            with pytest.raises(Refusal):
                self.tree.insert(item, *box)
        else:
            self.tree.insert(item, *box)
            self.boxes[item] = box
        return item

    @rule(boxes=st.dictionaries(ITEM, BOX, max_size=30))
    def insert_many(self, boxes):
        items = list(boxes)
        lows = np.array([boxes[item][0] for item in items]).reshape(-1, 5)
        highs = np.array([boxes[item][1] for item in items]).reshape(-1, 5)
        if any(item in self.boxes for item in items):
            with pytest.raises(Refusal):
                self.tree.insert_many(items, lows, highs)
        else:
            self.tree.insert_many(items, lows, highs)
            self.boxes |= boxes

    @rule(item=consumes(inserted))
    def remove(self, item):
        if item in self.boxes:
            self.tree.remove(item)
            del self.boxes[item]
        else:
            with pytest.raises(Refusal):
                self.tree.remove(item)

    @rule(item=ITEM)
    def remove_any(self, item):
        self.remove(item)

    @rule(box=BOX)
    def query(self, box):
        expected = sorted(item for item, other in self.boxes.items() if overlap(box, other))
        assert sorted(self.tree.query(*box).tolist()) == expected

    @rule(boxes=st.lists(BOX, max_size=5))
    def pairs_with(self, boxes):
        lows = np.array([box[0] for box in boxes]).reshape(-1, 5)
        highs = np.array([box[1] for box in boxes]).reshape(-1, 5)
        rows, items = self.tree.pairs_with(lows, highs)
        expected = [
            (row, item) for row, box in enumerate(boxes) for item, other in self.boxes.items() if overlap(box, other)
        ]
        assert list(zip(rows.tolist(), items.tolist(), strict=True)) == sorted(expected)

    @rule()
    def pairs_within(self):
        firsts, seconds = self.tree.pairs_within()
        found = list(zip(firsts.tolist(), seconds.tolist(), strict=True))
        expected = [(a, b) for a in self.boxes for b in self.boxes if a < b and overlap(self.boxes[a], self.boxes[b])]
        assert sorted(found) == sorted(expected)

    @invariant()
    def length(self):
        assert len(self.tree) == len(self.boxes)


QUICK = settings(max_examples=15, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck))
BoxTreeAgainstList.TestCase.settings = QUICK
TestBoxTreeAgainstList = BoxTreeAgainstList.TestCase


class BoxTreeAtLength(BoxTreeAgainstList):
    """The same, for longer."""


BoxTreeAtLength.TestCase.settings = settings(QUICK, max_examples=at_length(600), stateful_step_count=120)
TestBoxTreeAtLength = pytest.mark.long(BoxTreeAtLength.TestCase)


def random_boxes(rng: np.random.Generator, count: int, size: float):
    """Boxes over a city and a day, with a few that are very long or without end."""
    centres = rng.uniform([4e6, 0.0, 4.8e6, 0.0, 1.75e9], [4.02e6, 2e4, 4.82e6, 120.0, 1.75e9 + 86_400], (count, 5))
    halves = rng.exponential([size, size, size, 30.0, size], (count, 5))
    halves[rng.random((count, 5)) < 0.001] = np.inf
    halves[rng.random(count) < 0.1] = 0.0
    return centres - halves, centres + halves


def overlaps(lows, highs, low, high):
    return np.flatnonzero((lows <= high).all(axis=1) & (low <= highs).all(axis=1))


@pytest.mark.parametrize("grown", ["in bulk", "one by one", "half and half"])
def test_many_boxes_never_miss_and_over_report_only_by_rounding(grown):
    rng = np.random.default_rng(7)
    lows, highs = random_boxes(rng, 4_000, 500.0)
    tree = BoxTree()
    alone = {"in bulk": 0, "one by one": 4_000, "half and half": 2_000}[grown]
    for item in range(alone):
        tree.insert(item, lows[item], highs[item])
    tree.insert_many(np.arange(alone, 4_000), lows[alone:], highs[alone:])
    gone = rng.permutation(4_000)[:1_500]
    for item in gone:
        tree.remove(item)
    live = np.setdiff1d(np.arange(4_000), gone)
    query_lows, query_highs = random_boxes(rng, 2_000, 300.0)
    rows, items = tree.pairs_with(query_lows, query_highs)
    step = np.array([0.125, 0.125, 0.125, 0.125, 1.0])
    for row in range(2_000):
        found = items[np.searchsorted(rows, row) : np.searchsorted(rows, row, side="right")]
        must = live[overlaps(lows[live], highs[live], query_lows[row], query_highs[row])]
        may = live[overlaps(lows[live] - step, highs[live] + step, query_lows[row], query_highs[row])]
        assert set(must) <= set(found) <= set(may)
        if row % 50 == 0:
            assert sorted(tree.query(query_lows[row], query_highs[row])) == sorted(found)
    firsts, seconds = tree.pairs_within()
    assert (firsts < seconds).all()
    found_pairs = set(zip(firsts.tolist(), seconds.tolist(), strict=True))
    assert len(found_pairs) == len(firsts)
    for item in live:
        must = live[overlaps(lows[live], highs[live], lows[item], highs[item])]
        assert {(min(item, other), max(item, other)) for other in must if other != item} <= found_pairs


def test_more_results_than_any_buffer_begins_with():
    tree = BoxTree()
    lows, highs = np.zeros((5_000, 5)), np.ones((5_000, 5))
    tree.insert_many(np.arange(5_000), lows, highs)
    assert sorted(tree.query(np.ones(5), np.ones(5))) == list(range(5_000))
    rows, items = tree.pairs_with(lows[:70], highs[:70])
    assert np.array_equal(items.reshape(70, 5_000), np.tile(np.arange(5_000), (70, 1)))
    assert np.array_equal(rows, np.repeat(np.arange(70), 5_000))
    assert len(tree.pairs_within()[0]) == 5_000 * 4_999 // 2


@pytest.mark.parametrize("order", ["along a line", "nested", "equal", "doubling"])
def test_orders_that_would_make_a_deep_tree(order):
    count = 3_000
    lows, highs = np.zeros((count, 5)), np.zeros((count, 5))
    steps = np.arange(count, dtype=float)
    if order == "along a line":
        lows[:, 0], highs[:, 0] = steps, steps
    elif order == "nested":
        lows[:], highs[:] = -steps[:, None], steps[:, None]
    elif order == "doubling":
        lows[:, 4] = highs[:, 4] = 1.75e9 + np.exp2(steps % 24)
        lows[:, 0] = highs[:, 0] = np.exp2(steps % 22)
    one_by_one, in_bulk = BoxTree(), BoxTree()
    for item in range(count):
        one_by_one.insert(item, lows[item], highs[item])
    in_bulk.insert_many(np.arange(count), lows, highs)
    for item in range(0, count, 37):
        expected = overlaps(lows, highs, lows[item], highs[item]).tolist()
        assert sorted(one_by_one.query(lows[item], highs[item])) == expected
        assert sorted(in_bulk.query(lows[item], highs[item])) == expected
    assert max(one_by_one.height, in_bulk.height) <= 150


def test_the_whole_range_of_float64_is_held():
    tree = BoxTree()
    huge = np.full(5, 1.7e308)
    tree.insert(1, -huge, huge)
    tree.insert(2, huge, huge)
    tree.insert(3, -huge, -huge)
    tree.insert(4, np.full(5, 5e-324), np.full(5, 5e-324))
    assert set(tree.query(np.full(5, -math.inf), np.full(5, math.inf))) == {1, 2, 3, 4}
    assert set(tree.query(huge, huge)) >= {1, 2}
    assert 3 not in tree.query(huge, huge)
    assert set(tree.query(np.zeros(5), np.zeros(5))) >= {1}


@given(BOX, st.integers(0, 4), st.sampled_from(["low", "high"]))
def test_not_a_number_is_refused(box, dimension, side):
    low, high = box[0].copy(), box[1].copy()
    (low if side == "low" else high)[dimension] = math.nan
    tree = BoxTree()
    for attempt in (
        lambda: tree.insert(1, low, high),
        lambda: tree.insert_many([1, 2], [box[0], low], [box[1], high]),
        lambda: tree.query(low, high),
        lambda: tree.pairs_with([box[0], low], [box[1], high]),
    ):
        with pytest.raises(Refusal, match=r"_m: |_s: "):
            attempt()
    assert len(tree) == 0


def test_a_lower_bound_above_the_upper_is_refused():
    tree = BoxTree()
    low, high = np.zeros(5), np.array([0.0, 0.0, 0.0, -1.0, 0.0])
    with pytest.raises(Refusal, match="altitude_m"):
        tree.insert(1, low, high)
    with pytest.raises(Refusal, match="altitude_m"):
        tree.query(low, high)
    with pytest.raises(Refusal, match="altitude_m"):
        tree.pairs_with([low], [high])
    assert len(tree) == 0


def test_the_wrong_shape_is_refused():
    tree = BoxTree()
    for attempt in (
        lambda: tree.insert(1, [0.0] * 4, [0.0] * 5),
        lambda: tree.insert(1, [0.0], [0.0]),
        lambda: tree.insert(1, 0.0, 0.0),
        lambda: tree.query(["north"] * 5, [0.0] * 5),
        lambda: tree.pairs_with([0.0] * 5, [0.0] * 5),
        lambda: tree.insert_many([1, 2], [[0.0] * 5], [[0.0] * 5]),
        lambda: tree.insert_many([1, 1], [[0.0] * 5] * 2, [[0.0] * 5] * 2),
    ):
        with pytest.raises(Refusal):
            attempt()
    assert len(tree) == 0
