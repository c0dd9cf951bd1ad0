"""Changing several plans of one party together clears the one that is asked for, and makes no conflict.

The oracle holds every two plans against each other with the exact predicate and no index.
"""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plan_strategies import moved, plan_of, trajectories_near, volumes_near

from detente.airspace.joint_resolution import MOST_PLANS, change_together, whole
from detente.airspace.resolution import Delay, ResolutionOptions, apply_change, find_measures
from detente.airspace.search import PlanIndex, encounter
from detente.airspace.separation import Minima, MinimaTable
from length import at_length

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


def index_of(plans):
    index = PlanIndex()
    for key, plan in plans.items():
        index.insert(key, plan)
    return index


def settle(main, own, others, movable=None, options=None, **more):
    movable = own if movable is None else movable
    return whole(change_together(main, movable, index_of(own), [index_of(others)], TABLE, options, **more))


def check(main, own, others, movable, changes):
    """What holds for every answer, whatever it found."""
    if not changes:
        return
    assert changes[0].key == main
    assert len(changes) <= MOST_PLANS
    changed = {one.key: one.measure.plan for one in changes}
    assert len(changed) == len(changes)
    assert set(changed) <= {main, *movable}
    before, now = pairs_in_conflict({**own, **others}), pairs_in_conflict({**own, **others, **changed})
    assert now <= before, "a new conflict"
    assert not any(key in pair and set(pair) & set(others) for pair in now for key in changed), "not clear"
    for one in changes:
        assert one.measure.plan == apply_change(own[one.key], one.measure.change)


def flight(course, middle_s=0.0, height_m=9000.0, aside_m=0.0, speed_mps=200.0, half_s=900.0):
    """A straight flight past a place: over it, or `aside_m` to its right, at `middle_s`."""
    past = moved(40, -120, course + 90, aside_m)
    points = [
        (moved(past.latitude_deg, past.longitude_deg, course + turn, speed_mps * half_s), height_m, middle_s + s)
        for turn, s in ((180, -half_s), (0, half_s))
    ]
    return plan_of("F", points)


def hover(begin_s, end_s, height_m=300.0):
    """On the spot, so low that only its time may change."""
    place = moved(40, -120, 0, 0)
    return plan_of("H", [(place, height_m, begin_s), (place, height_m, end_s)])


def delays(changes):
    return {one.key: one.measure.change.delay_s for one in changes}


def test_what_one_change_clears_takes_one_change():
    own, others = {"A": flight(0), "B": flight(60, 300.0)}, {"Q": flight(90)}
    (one,) = settle("A", own, others)
    (single,) = find_measures(own["A"], [*own.values(), *others.values()], TABLE).measures[:1]
    assert one.measure == single


def test_a_plan_in_the_way_makes_room():
    """A must leave after Q, and B is there until later than A may be delayed: B goes after A."""
    own, others = {"A": hover(0, 600), "B": hover(1200, 4700)}, {"Q": hover(0, 900)}
    assert not find_measures(own["A"], [own["B"], others["Q"]], TABLE).measures
    assert not find_measures(others["Q"], [*own.values()], TABLE).measures
    changes = settle("A", own, others)
    check("A", own, others, own, changes)
    assert delays(changes) == {"A": 910.0, "B": 320.0}
    assert settle("A", own, others, movable=["A"]) == (), "B may not move"


def test_a_plan_in_the_way_meets_another():
    """B, which makes room for A, meets C there: all three move."""
    own = {"A": hover(0, 600), "B": hover(1200, 4700), "C": hover(4800, 9000)}
    others = {"Q": hover(0, 900)}
    assert not settle("A", own, others, movable=["B"])
    changes = settle("A", own, others)
    check("A", own, others, own, changes)
    assert delays(changes) == {"A": 910.0, "B": 320.0, "C": 230.0}


def test_past_refused_changes_it_goes_on():
    own, others = {"A": hover(0, 600), "B": hover(1200, 4700)}, {"Q": hover(0, 900)}
    changes = settle("A", own, others, refused=[Delay(910.0)])
    check("A", own, others, own, changes)
    assert delays(changes)["A"] >= 1030.0


def test_two_of_one_party_that_are_close_already_do_not_count():
    """A and B fly together, as a formation does: that B is near is no reason to move B."""
    own, others = {"A": hover(0, 600), "B": hover(0, 2000)}, {"Q": hover(0, 900)}
    changes = settle("A", own, others)
    check("A", own, others, own, changes)
    assert delays(changes) == {"A": 910.0}


def test_nothing_is_changed_for_nothing():
    own = {"A": flight(0), "B": flight(90, height_m=5000.0)}
    assert settle("A", own, {"Q": flight(90, height_m=12000.0)}) == ()
    everywhere = {"Q": hover(-90_000, 90_000)}
    assert settle("A", {"A": hover(0, 600), "B": hover(1200, 4700)}, everywhere) == ()


def test_the_order_of_the_plans_changes_nothing():
    own = {"A": flight(0), "B": flight(60, 150.0), "C": flight(120, 300.0), "D": flight(20, 700.0)}
    others = {"Q": flight(200)}
    orders = list(itertools.permutations(own.items()))[::5]
    answers = {repr(settle("A", dict(order), others, [k for k, _ in order], COARSE)) for order in orders}
    assert len(answers) == 1


def test_the_work_is_bounded():
    own = {f"F{n:02}": flight(17.0 * n, 60.0 * n) for n in range(8)}
    changes = settle("F00", own, {"Q": flight(90)}, options=COARSE, work_max=1)
    check("F00", own, {"Q": flight(90)}, own, changes)
    assert settle("F00", own, {"Q": flight(90)}, options=COARSE, work_max=0) == ()


@st.composite
def skies(draw, most: int):
    kind = st.one_of(*[trajectories_near(40.0, -120.0, "A")] * 3, volumes_near(40.0, -120.0, "A"))
    own = {f"P{number}": draw(kind) for number in range(draw(st.integers(2, most)))}
    others = {f"Q{number}": draw(kind) for number in range(draw(st.integers(1, 3)))}
    return own, others, draw(st.sets(st.sampled_from(sorted(own))))


@settings(max_examples=12)
@given(sky=skies(6))
def test_no_new_conflict_ever(sky):
    own, others, movable = sky
    check("P0", own, others, movable, settle("P0", own, others, movable, COARSE))


@pytest.mark.long
@settings(max_examples=60)
@given(sky=skies(12))
def test_no_new_conflict_in_a_crowd(sky):
    own, others, movable = sky
    check("P0", own, others, movable, settle("P0", own, others, movable, COARSE))


@settings(max_examples=at_length(40))
@given(begins=st.lists(st.integers(0, 12).map(lambda n: 60.0 * n), min_size=4, max_size=4))
def test_three_are_as_cheap_as_brute_force(begins):
    """Every combination of no change or a delay for each of three plans: none that clears A is cheaper."""
    options = ResolutionOptions(delay_max_s=480.0, delay_step_s=60.0, level_max_m=0.0, offset_max_m=0.0)
    own = {name: hover(begin, begin + 170.0) for name, begin in zip("ABC", begins[:3], strict=True)}
    others = {"Q": hover(begins[3], begins[3] + 110.0)}
    before = pairs_in_conflict({**own, **others})
    steps = [None, *(60.0 * n for n in range(1, 9))]
    cheapest = None
    for combination in itertools.product(steps, repeat=3):
        if combination[0] is None or (cheapest is not None and sum(s or 0.0 for s in combination) >= cheapest):
            continue
        changed = {n: apply_change(own[n], Delay(s)) for n, s in zip("ABC", combination, strict=True) if s}
        now = pairs_in_conflict({**own, **others, **changed})
        if now <= before and not any(key in pair and "Q" in pair for pair in now for key in changed):
            cheapest = sum(s or 0.0 for s in combination)
    changes = settle("A", own, others, options=options, work_max=10_000)
    check("A", own, others, own, changes)
    if ("A", "Q") not in before:
        assert changes == ()
    else:
        assert (sum(one.measure.cost for one in changes) if changes else None) == cheapest
