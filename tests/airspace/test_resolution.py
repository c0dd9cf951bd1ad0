"""Measures clear the plan against everything, and none that is cheaper does.

The oracle tries every step of every kind of change and holds the result against each known plan by itself, with the
exact predicate and no index.
"""

import itertools
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plan_strategies import START, level, moved, plan_of, trajectories_near, volumes_near

from detente.airspace.altitude import AltitudeBand
from detente.airspace.plan import Circle, Plan, TimeWindow, Volume4D
from detente.airspace.refusal import Refusal
from detente.airspace.resolution import (
    CITY,
    EN_ROUTE,
    Delay,
    LateralOffset,
    LevelChange,
    NoMeasureReason,
    ResolutionOptions,
    apply_change,
    cost_of,
    find_measures,
    size_of,
    suited_options,
)
from detente.airspace.search import PlanIndex, encounter
from detente.airspace.separation import ClassMinima, Minima, MinimaTable
from length import at_length

EN_ROUTE_TABLE = MinimaTable(default=Minima(9260.0, 304.8, 0.0))
TABLES = [
    EN_ROUTE_TABLE,
    MinimaTable(default=Minima(3000.0, 300.0, 60.0)),
    MinimaTable(default=Minima(0.0, 0.0, 0.0)),
    MinimaTable(Minima(9260.0, 304.8), (ClassMinima("crewed", "crewed", Minima(2000.0, 150.0, 10.0)),)),
]
COARSE = ResolutionOptions(
    delay_max_s=1500.0, delay_step_s=30.0, level_max_m=1300.0, level_step_m=300.0, offset_max_m=24_000.0,
    offset_step_m=3000.0, lowest_m=2000.0,
)  # fmt: skip


def is_clear(plan, others, table):
    return not any(encounter(plan, o, table.between(plan.aircraft_class, o.aircraft_class)) for o in others)


def measures_for(plan, known, table, options=None, ignored=()):
    return list(find_measures(plan, known, table, options, ignored, look_beyond=False).measures)


def changes_of(plan, options):
    """Every kind and direction with all its steps, smallest first."""
    delays = [Delay(n * options.delay_step_s) for n in range(1, int(options.delay_max_s / options.delay_step_s) + 1)]
    levels = range(1, int(options.level_max_m / options.level_step_m) + 1)
    offsets = range(1, int(options.offset_max_m / options.offset_step_m) + 1)
    yield delays
    for sign in (1, -1):
        yield [LevelChange(sign * n * options.level_step_m) for n in levels]
        yield [LateralOffset(sign * n * options.offset_step_m) for n in offsets]


def lowest_m(plan):
    if isinstance(plan.intent, tuple):
        return min(v.altitude.lower.reading_m for v in plan.intent)
    return min(w.altitude.reading_m for w in plan.intent.waypoints)


def brute_force(plan, others, table, options):
    """The smallest clear step of each kind and direction, by trying them all."""
    found = []
    for steps in changes_of(plan, options):
        for change in steps:
            try:
                changed = apply_change(plan, change)
            except Refusal:
                break
            if isinstance(change, LevelChange) and change.change_m < 0 and lowest_m(changed) < options.lowest_m:
                break
            if is_clear(changed, others, table):
                found.append((change, cost_of(plan, change, changed, options)))
                break
    return found


@st.composite
def worlds(draw, others: int):
    latitude, longitude = draw(st.sampled_from([(40.0, -120.0), (0.0, 180.0), (89.9, 10.0), (-55.0, 3.0)]))
    kind = st.one_of(trajectories_near(latitude, longitude, "A"), volumes_near(latitude, longitude, "A"))
    plan = draw(kind)
    return plan, [draw(kind) for _ in range(draw(st.integers(1, others)))]


def check_measures(world, table, options):
    plan, others = world
    found = find_measures(plan, others, table, options)
    for measure in found.measures:
        assert measure.plan == apply_change(plan, measure.change)
        assert is_clear(measure.plan, others, table)
        assert measure.cost == cost_of(plan, measure.change, measure.plan, options)
    assert [m.cost for m in found.measures] == sorted(m.cost for m in found.measures)
    if is_clear(plan, others, table):
        assert found.none.reason is NoMeasureReason.NOT_IN_CONFLICT
        assert not found.measures
        return
    expected = brute_force(plan, others, table, options)
    assert sorted((m.cost, repr(m.change)) for m in found.measures) == sorted((c, repr(x)) for x, c in expected)
    assert (found.none is None) == bool(expected)
    if found.none is not None:
        assert found.none.reason is NoMeasureReason.NOTHING_WITHIN_LIMITS
        if found.none.nearest is not None:
            assert is_clear(found.none.nearest.plan, others, table)


@settings(max_examples=at_length(250))
@given(world=worlds(4), table=st.sampled_from(TABLES))
def test_measures_are_clear_and_the_cheapest_of_their_kind(world, table):
    check_measures(world, table, COARSE)


@pytest.mark.long
@settings(max_examples=at_length(400))
@given(world=worlds(12), table=st.sampled_from(TABLES))
def test_measures_in_a_crowd(world, table):
    check_measures(world, table, COARSE)


@settings(max_examples=15)
@given(world=worlds(5), table=st.sampled_from(TABLES))
def test_an_index_answers_like_a_list(world, table):
    plan, others = world
    index = PlanIndex()
    for number, other in enumerate(others):
        index.insert(f"other {number}", other)
    index.insert("mine", plan)
    mixed = [index, *others[:1]]
    listed = find_measures(plan, others, table, COARSE)
    assert find_measures(plan, index, table, COARSE, ignored=["mine"]) == listed
    assert find_measures(plan, mixed, table, COARSE, ignored=["mine", "other 0"]) == listed
    assert measures_for(plan, index, table, COARSE, ignored=["mine"]) == list(listed.measures)


def straight(name, course, speed_mps=220.0, height_m=9000.0, start_s=0.0, length_s=1200.0, **containment):
    half_m = speed_mps * length_s / 2
    ends = moved(40, -120, course + 180, half_m), moved(40, -120, course, half_m)
    points = [(ends[0], height_m, start_s), (ends[1], height_m, start_s + length_s)]
    return plan_of(name, points, **containment)


def test_the_delay_is_where_the_forbidden_interval_ends():
    """Two courses at right angles keep 5 NM when one is 5 NM times the square root of two behind: 59.5 s at 220 m/s."""
    options = ResolutionOptions(delay_step_s=0.1, level_max_m=0.0, offset_max_m=0.0)
    (measure,) = measures_for(straight("A", 0), [straight("B", 90)], EN_ROUTE_TABLE, options)
    assert measure.change.delay_s == pytest.approx(9260 * 2**0.5 / 220, abs=0.15)


def test_a_gap_between_two_others_is_found():
    """Crossers every 150 s leave 31 s of each 150 open: the first gap is taken, not the end of the row."""
    crossers = [straight(f"B{n}", 90, start_s=150.0 * n) for n in range(8)]
    options = ResolutionOptions(delay_step_s=1.0, level_max_m=0.0, offset_max_m=0.0)
    (measure,) = measures_for(straight("A", 0), crossers, EN_ROUTE_TABLE, options)
    assert measure.change.delay_s == pytest.approx(9260 * 2**0.5 / 220, abs=1.2)
    narrow = [straight(f"B{n}", 90, start_s=110.0 * n) for n in range(8)]
    (measure,) = measures_for(straight("A", 0), narrow, EN_ROUTE_TABLE, options)
    assert measure.change.delay_s == pytest.approx(770 + 9260 * 2**0.5 / 220, abs=1.2)


def test_measures_are_ranked_by_cost():
    found = measures_for(straight("A", 0), [straight("B", 90)], EN_ROUTE_TABLE)
    assert [type(m.change) for m in found] == [LevelChange, LevelChange, Delay, LateralOffset, LateralOffset]
    assert found[0].change.change_m == pytest.approx(304.8)
    assert found[0].cost == pytest.approx(30.0)
    dear_levels = ResolutionOptions(seconds_per_foot=1.0)
    found = measures_for(straight("A", 0), [straight("B", 90)], EN_ROUTE_TABLE, dear_levels)
    assert isinstance(found[0].change, Delay)


def box(name, hours, lower_m, upper_m, radius_m):
    window = TimeWindow(START - timedelta(hours=hours), START + timedelta(hours=hours))
    band = AltitudeBand(level(lower_m), level(upper_m))
    return Plan(name, (Volume4D(Circle(moved(40, -120, 0, 0), radius_m), band, window),))


def test_no_measure_says_why_and_what_would_have_been_next():
    everywhere = box("closed", 100.0, 0.0, 30_000.0, 2_000_000.0)
    found = find_measures(straight("A", 0), [everywhere], EN_ROUTE_TABLE)
    assert found.measures == ()
    assert found.none.reason is NoMeasureReason.NOTHING_WITHIN_LIMITS
    assert found.none.nearest is None
    for_three_hours = box("closed", 2.0, 0.0, 30_000.0, 2_000_000.0)
    found = find_measures(straight("A", 0), [for_three_hours], EN_ROUTE_TABLE)
    assert found.measures == ()
    assert found.none.nearest.change == Delay(7210.0)
    clear = find_measures(straight("A", 0), [straight("B", 90, height_m=3000.0)], EN_ROUTE_TABLE)
    assert clear.none.reason is NoMeasureReason.NOT_IN_CONFLICT
    nothing = ResolutionOptions(delay_max_s=0.0, level_max_m=0.0, offset_max_m=0.0)
    refused = find_measures(straight("A", 0), [straight("B", 90)], EN_ROUTE_TABLE, nothing)
    assert refused.none.reason is NoMeasureReason.NO_KIND_ALLOWED


def test_the_plan_itself_does_not_count():
    plan = straight("A", 0)
    assert find_measures(plan, [plan], EN_ROUTE_TABLE).none.reason is NoMeasureReason.NOT_IN_CONFLICT
    # Another party's plan of the same name does.
    assert measures_for(plan, [straight("A", 90)], EN_ROUTE_TABLE)


def test_not_below_the_lowest_altitude():
    low, other = straight("A", 0, height_m=600.0), straight("B", 90, height_m=600.0)
    downward = [m for m in measures_for(low, [other], EN_ROUTE_TABLE) if getattr(m.change, "change_m", 1) < 0]
    assert not downward
    measures = measures_for(low, [other], EN_ROUTE_TABLE, ResolutionOptions(lowest_m=0.0))
    assert [m for m in measures if getattr(m.change, "change_m", 1) < 0]


def test_drones_have_smaller_steps():
    table = MinimaTable(EN_ROUTE_TABLE.default, (ClassMinima("small", "small", Minima(50.0, 15.0)),))
    assert suited_options(Plan("A", straight("A", 0).intent, "small"), table) is CITY
    assert suited_options(straight("A", 0), table) is EN_ROUTE


def test_containment_and_time_minima_count():
    """With 1 km around each and a minute along each, 5 NM become 11,260 m and the delay two minutes more."""
    wide = {"lateral_m": 1000.0, "along_time_s": 60.0}
    ours, theirs = straight("A", 0, **wide), straight("B", 90, **wide)
    options = ResolutionOptions(delay_step_s=0.1, level_max_m=0.0, offset_max_m=0.0)
    (measure,) = measures_for(ours, [theirs], EN_ROUTE_TABLE, options)
    assert measure.change.delay_s == pytest.approx(120 + 11_260 * 2**0.5 / 220, abs=0.2)


def test_volumes_are_delayed_or_raised_and_never_offset():
    ours, theirs = box("A", 0.4, 2000.0, 3000.0, 9000.0), box("B", 0.4, 2500.0, 3500.0, 9000.0)
    found = measures_for(ours, [theirs], EN_ROUTE_TABLE)
    assert {type(m.change) for m in found} == {Delay, LevelChange}
    # Windows are closed: they may not touch, so it takes one step more than their length.
    assert next(m.change.delay_s for m in found if isinstance(m.change, Delay)) == 2880 + 10
    downward = next(m.change.change_m for m in found if getattr(m.change, "change_m", 1) < 0)
    assert downward == pytest.approx(-3 * 304.8)


def test_every_order_of_the_known_gives_the_same():
    others = [straight("B", 90), straight("C", 45, height_m=9304.8), straight("D", 135, height_m=8695.2)]
    answers = {repr(measures_for(straight("A", 0), list(p), EN_ROUTE_TABLE)) for p in itertools.permutations(others)}
    assert len(answers) == 1


def test_a_plan_that_takes_off_or_lands_changes_in_time_only():
    crossing = straight("theirs", 90.0, height_m=500.0)
    landing = straight("ours", 0.0, height_m=500.0)
    found = measures_for(landing, [crossing], EN_ROUTE_TABLE)
    assert [type(one.change) for one in found] == [Delay]
    high = measures_for(straight("ours", 0.0), [straight("theirs", 90.0)], EN_ROUTE_TABLE)
    assert {type(one.change) for one in high} == {Delay, LevelChange, LateralOffset}


def delays_refused_in_turn(refuse, known, options=None):
    """The delays that are proposed when the other side refuses each, until it does not or none is left."""
    proposed = []
    while len(proposed) < 50:
        refused = [Delay(delay_s) for delay_s in proposed]
        found = find_measures(straight("A", 0), known, EN_ROUTE_TABLE, options, refused=refused, look_beyond=False)
        if not found.measures:
            return proposed
        (measure,) = found.measures
        assert is_clear(measure.plan, known, EN_ROUTE_TABLE)
        proposed.append(measure.change.delay_s)
        if not refuse(measure.plan):
            return proposed
    raise AssertionError("the search does not end")


ONLY_DELAYS = ResolutionOptions(level_max_m=0.0, offset_max_m=0.0)


def test_past_a_refused_delay_the_next_is_further_on_each_time():
    """The other side keeps a row of crossers to itself: 25 minutes of them, that no delay gets between."""
    known = [straight("B", 90)]
    hidden = [straight(f"H{n}", 90, start_s=110.0 * n) for n in range(14)]
    proposed = delays_refused_in_turn(lambda plan: not is_clear(plan, hidden, EN_ROUTE_TABLE), known, ONLY_DELAYS)
    assert proposed == [60.0, 180.0, 420.0, 900.0, 1860.0]


def test_what_was_passed_over_is_tried_at_last():
    """When all are refused the far ones come first, then those between them, never nearer to one than two minutes."""
    proposed = delays_refused_in_turn(lambda plan: True, [straight("B", 90)], ONLY_DELAYS)
    assert proposed[:5] == [60.0, 180.0, 420.0, 900.0, 1860.0]
    assert proposed[5] == 300.0, "two minutes from 180 and from 420"
    ordered = sorted(proposed)
    assert min(b - a for a, b in itertools.pairwise(ordered)) >= 120.0
    assert max(b - a for a, b in itertools.pairwise(ordered)) < 240.0 + 1.0
    assert ordered[-1] > 3600.0 - 120.0


def test_past_a_refused_level_or_offset_the_search_goes_on_too():
    first = find_measures(straight("A", 0), [straight("B", 90)], EN_ROUTE_TABLE)
    then = find_measures(
        straight("A", 0), [straight("B", 90)], EN_ROUTE_TABLE, refused=[m.change for m in first.measures]
    )
    sizes = {(type(m.change), size_of(m.change) > 0): abs(size_of(m.change)) for m in first.measures}
    assert len(sizes) == len(then.measures) == 5
    for measure in then.measures:
        size = sizes[type(measure.change), size_of(measure.change) > 0]
        step = 120.0 if isinstance(measure.change, Delay) else 304.8 if isinstance(measure.change, LevelChange) else 926
        assert abs(size_of(measure.change)) == pytest.approx(size + step)


@settings(max_examples=25)
@given(world=worlds(5), table=st.sampled_from(TABLES))
def test_a_change_past_refused_ones_is_clear_and_new(world, table):
    plan, others = world
    refused = []
    for _ in range(4):
        found = find_measures(plan, others, table, COARSE, refused=refused, look_beyond=False)
        assert [m.cost for m in found.measures] == sorted(m.cost for m in found.measures)
        for measure in found.measures:
            assert measure.change not in refused
            assert is_clear(measure.plan, others, table)
        refused.extend(measure.change for measure in found.measures[:2])
