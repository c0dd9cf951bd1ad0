"""Settling many plans together leaves no conflict that could have gone, and makes none."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plan_strategies import moved, plan_of, trajectories_near, volumes_near

from detente.airspace.joint_resolution import LeftReason, settle
from detente.airspace.resolution import Delay, LevelChange, ResolutionOptions, apply_change
from detente.airspace.search import encounter
from detente.airspace.separation import Minima, MinimaTable

TABLE = MinimaTable(default=Minima(9260.0, 304.8, 0.0))
COARSE = ResolutionOptions(
    delay_max_s=1200.0, delay_step_s=60.0, level_max_m=1200.0, level_step_m=304.8, offset_max_m=24_000.0,
    offset_step_m=4000.0, lowest_m=0.0,
)  # fmt: skip


def pairs_in_conflict(plans, table=TABLE):
    """Brute force: every two plans, by themselves."""
    return {
        (a, b)
        for a, b in itertools.combinations(sorted(plans), 2)
        if encounter(plans[a], plans[b], table.between(plans[a].aircraft_class, plans[b].aircraft_class))
    }


def after(plans, settlement):
    return {**plans, **{one.key: one.measure.plan for one in settlement.measures}}


def check(plans, movable, settlement, table=TABLE):
    """What holds for every settlement, whatever it found."""
    before, now = pairs_in_conflict(plans, table), pairs_in_conflict(after(plans, settlement), table)
    assert now <= before, "a new conflict"
    assert [(one.first, one.second) for one in settlement.left] == sorted(now)
    for one in settlement.measures:
        assert one.key in movable
        assert one.measure.plan == apply_change(plans[one.key], one.measure.change)
        assert any(one.key in pair for pair in before), "a plan was changed for nothing"
    for one in settlement.left:
        assert (one.encounter.first_plan_id, one.encounter.second_plan_id) == (one.first, one.second)
        assert (one.reason is LeftReason.NOT_MOVABLE) == (one.first not in movable and one.second not in movable)
    assert settlement.cost == pytest.approx(sum(one.measure.cost for one in settlement.measures))


def flight(course, middle_s=0.0, height_m=9000.0, aside_m=0.0, speed_mps=200.0, half_s=900.0):
    """A straight flight past a place: over it, or `aside_m` to its right, at `middle_s`."""
    past = moved(40, -120, course + 90, aside_m)
    points = [
        (moved(past.latitude_deg, past.longitude_deg, course + turn, speed_mps * half_s), height_m, middle_s + s)
        for turn, s in ((180, -half_s), (0, half_s))
    ]
    return plan_of("F", points)


def crossing(azimuth, height_m, at_s):
    """A flight due east or west, 60 km from the place where the others meet."""
    point = moved(40, -120, azimuth, 60_000)
    ends = [moved(point.latitude_deg, point.longitude_deg, turn, 120_000) for turn in (270, 90)]
    return plan_of("X", [(ends[0], height_m, at_s - 600), (ends[1], height_m, at_s + 600)])


def test_nothing_to_settle():
    assert settle({}, set(), TABLE).measures == ()
    apart = {"A": flight(0), "B": flight(90, height_m=5000)}
    assert settle(apart, apart, TABLE).left == ()


def test_a_chain_of_three_takes_one_change():
    """A and C each meet B only, an hour's flying apart: changing B alone is half of what A and C together cost."""
    plans = {
        "B": plan_of("B", [(moved(40, -120, 270, 200_000), 9000, 0), (moved(40, -120, 90, 200_000), 9000, 2000)]),
        "A": plan_of("A", [(moved(39, -121, 0, 0), 9000, 0), (moved(41, -121, 0, 0), 9000, 1150)]),
        "C": plan_of("C", [(moved(39, -119, 0, 0), 9000, 850), (moved(41, -119, 0, 0), 9000, 2000)]),
    }
    assert pairs_in_conflict(plans) == {("A", "B"), ("B", "C")}
    whole = settle(plans, plans, TABLE)
    check(plans, set(plans), whole)
    assert whole.left == ()
    assert [one.key for one in whole.measures] == ["B"]
    without_b = settle(plans, {"A", "C"}, TABLE)
    check(plans, {"A", "C"}, without_b)
    assert without_b.left == ()
    assert [one.key for one in without_b.measures] == ["A", "C"]
    assert without_b.cost > whole.cost


def test_three_over_one_place_find_three_places():
    plans = {"A": flight(0), "B": flight(60), "C": flight(120)}
    assert len(pairs_in_conflict(plans)) == 3
    settlement = settle(plans, plans, TABLE)
    check(plans, set(plans), settlement)
    assert settlement.left == ()
    assert len(settlement.measures) == 2
    assert settlement.cost == pytest.approx(60.0), "one up and one down by 1,000 ft"


def test_the_cheapest_for_one_may_be_the_last_place_of_the_other():
    """A and C meet head on where B crosses. Up is cheapest for A, but all that C has: X is in the way of its delay.

    One after the other A would go up and C would be stuck; together A waits 70 s and C goes up.
    """
    options = ResolutionOptions(
        delay_max_s=70.0, delay_step_s=70.0, level_max_m=304.8, level_step_m=304.8, offset_max_m=0.0, lowest_m=9000.0
    )
    plans = {"A": flight(0), "B": flight(90), "C": flight(180), "X": crossing(0, 9000.0, -228.0)}
    assert pairs_in_conflict(plans) == {("A", "B"), ("A", "C"), ("B", "C")}
    settlement = settle(plans, {"A", "C"}, TABLE, options)
    check(plans, {"A", "C"}, settlement)
    assert settlement.left == ()
    assert [(one.key, one.measure.change) for one in settlement.measures] == [
        ("A", Delay(70.0)), ("C", LevelChange(304.8)),
    ]  # fmt: skip


def test_two_change_places():
    """A can only go up, to where C is in its way; C can only go down, to where A is in its way; both together can."""
    options = ResolutionOptions(delay_max_s=0.0, level_max_m=304.8, level_step_m=304.8, offset_max_m=0.0, lowest_m=0.0)
    plans = {
        "A": flight(0, height_m=9000.0), "C": flight(180, height_m=9200.0),
        "BELOW A": crossing(180, 8900.0, -300.0), "ABOVE C": crossing(0, 9300.0, -300.0),
    }  # fmt: skip
    assert pairs_in_conflict(plans) == {("A", "BELOW A"), ("A", "C"), ("ABOVE C", "C")}
    settlement = settle(plans, {"A", "C"}, TABLE, options)
    check(plans, {"A", "C"}, settlement)
    assert settlement.left == ()
    assert [one.measure.change for one in settlement.measures] == [LevelChange(304.8), LevelChange(-304.8)]


def test_what_cannot_be_is_left_with_the_reason():
    plans = {"A": flight(0), "B": flight(90), "C": flight(45, height_m=5000), "D": flight(135, height_m=5000)}
    fixed = settle(plans, {"A"}, TABLE)
    check(plans, {"A"}, fixed)
    assert [(one.first, one.second, one.reason) for one in fixed.left] == [("C", "D", LeftReason.NOT_MOVABLE)]
    tight = ResolutionOptions(delay_max_s=20.0, level_max_m=0.0, offset_max_m=0.0)
    none = settle(plans, set(plans), TABLE, tight)
    check(plans, set(plans), none)
    assert none.measures == ()
    assert {one.reason for one in none.left} == {LeftReason.NO_CLEAR_CHANGE}


def test_one_hopeless_conflict_does_not_keep_the_others():
    """H stands over the field all day and may not move; P cannot leave it, but P and R can still part."""
    tight = ResolutionOptions(delay_max_s=300.0, level_max_m=0.0, offset_max_m=0.0)
    over = moved(40, -120, 0, 0)
    plans = {"H": plan_of("H", [(over, 9000, -90_000), (over, 9000, 90_000)]), "P": flight(0), "R": flight(90, 0.0)}
    # R crosses P's path 60 km south of the field, at the time when P is there.
    south = moved(40, -120, 180, 60_000)
    plans["R"] = plan_of("R", [
        (moved(south.latitude_deg, south.longitude_deg, 270, 100_000), 9000, -800),
        (moved(south.latitude_deg, south.longitude_deg, 90, 100_000), 9000, 200),
    ])  # fmt: skip
    assert pairs_in_conflict(plans) == {("H", "P"), ("P", "R")}
    for movable in ({"P", "R"}, {"P"}, {"R"}):
        settlement = settle(plans, movable, TABLE, tight)
        check(plans, movable, settlement)
        assert [(one.first, one.second) for one in settlement.left] == [("H", "P")]


def test_the_order_of_the_plans_changes_nothing():
    plans = {"A": flight(0), "B": flight(60), "C": flight(120), "D": flight(20, 200.0)}
    orders = list(itertools.permutations(plans.items()))[::5]
    answers = {repr(settle(dict(order), list(plans), TABLE, COARSE)) for order in orders}
    assert len(answers) == 1


def test_little_work_still_settles_one_by_one():
    plans = {f"F{n:02}": flight(17.0 * n, 30.0 * n) for n in range(8)}
    settlement = settle(plans, plans, TABLE, work_max=1)
    check(plans, set(plans), settlement)
    assert settlement.left == ()


@st.composite
def skies(draw, most: int):
    kind = st.one_of(*[trajectories_near(40.0, -120.0, "A")] * 3, volumes_near(40.0, -120.0, "A"))
    plans = {f"P{number}": draw(kind) for number in range(draw(st.integers(2, most)))}
    return plans, draw(st.sets(st.sampled_from(sorted(plans))))


@settings(max_examples=12)
@given(sky=skies(6))
def test_no_new_conflict_ever(sky):
    plans, movable = sky
    check(plans, movable, settle(plans, movable, TABLE, COARSE, work_max=30))


@pytest.mark.long
@settings(max_examples=60)
@given(sky=skies(10))
def test_no_new_conflict_in_a_crowd(sky):
    plans, movable = sky
    check(plans, movable, settle(plans, movable, TABLE, COARSE, work_max=60))


@settings(max_examples=5)
@given(crossing_s=st.lists(st.integers(-20, 20).map(lambda n: 10.0 * n), min_size=3, max_size=3))
def test_three_are_as_cheap_as_brute_force(crossing_s):
    """Every combination of no change, a delay, or a level for each of three plans: none that clears all is cheaper."""
    options = ResolutionOptions(
        delay_max_s=180.0, delay_step_s=60.0, level_max_m=304.8, level_step_m=304.8, offset_max_m=0.0
    )
    plans = {name: flight(course, s) for name, course, s in zip("ABC", (0, 60, 120), crossing_s, strict=True)}
    changes = [None, *(Delay(s) for s in (60.0, 120.0, 180.0)), LevelChange(304.8), LevelChange(-304.8)]
    cost = {None: 0.0, **{c: c.delay_s if isinstance(c, Delay) else 30.0 for c in changes[1:]}}
    cheapest = min(
        sum(cost[c] for c in combination)
        for combination in itertools.product(changes, repeat=3)
        if not pairs_in_conflict(
            {n: apply_change(p, c) if c else p for (n, p), c in zip(plans.items(), combination, strict=True)}
        )
    )
    settlement = settle(plans, plans, TABLE, options)
    check(plans, set(plans), settlement)
    assert settlement.left == ()
    assert settlement.cost == pytest.approx(cheapest)
