"""Separate passes of a pair, against the legs compared one by one and their times joined by hand."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.airspace.altitude import Altitude, AltitudeUnit, StandardPressure
from detente.airspace.passes import compare
from detente.airspace.plan import Containment, Plan, Trajectory, Waypoint
from detente.airspace.position import Position
from detente.airspace.refusal import Refusal
from detente.airspace.search import encounter, encounters_between
from detente.airspace.separation import Minima, MinimaTable

START = datetime(2025, 6, 1, 14, tzinfo=UTC)
MINIMA = Minima(5_000.0, 300.0, 0.0)


def trajectory(plan_id, places, levels, containments=()) -> Plan:
    waypoints = tuple(
        Waypoint(
            Position(47.0 + north, 8.0 + east),
            Altitude(level, AltitudeUnit.FLIGHT_LEVEL, StandardPressure()),
            START + timedelta(seconds=60 * number),
        )
        for number, ((north, east), level) in enumerate(zip(places, levels, strict=True))
    )
    whole = Containment(
        max((c.lateral_m for c in containments), default=0.0),
        max((c.vertical_m for c in containments), default=0.0),
        0.0,
    )
    return Plan(plan_id, Trajectory(waypoints, whole, tuple(containments)))


COUNT = 7
places = st.lists(st.tuples(st.floats(-0.1, 0.1), st.floats(-0.1, 0.1)), min_size=COUNT, max_size=COUNT)
levels = st.lists(st.sampled_from([100.0, 105.0, 120.0]), min_size=COUNT, max_size=COUNT)
containments = st.lists(
    st.builds(Containment, st.sampled_from([0.0, 400.0]), st.sampled_from([0.0, 50.0]), st.just(0.0)),
    min_size=COUNT - 1, max_size=COUNT - 1,
)  # fmt: skip


def compared_in_time(first: Plan, second: Plan) -> list:
    passes = compare([first], [second], MinimaTable(MINIMA)).passes
    return sorted((one.encounter for one in passes), key=lambda one: one.start)


def legs(plan: Plan) -> list[Plan]:
    points = plan.intent.waypoints
    return [
        Plan(plan.plan_id, Trajectory(points[k : k + 2], plan.intent.containment_of_leg(k)))
        for k in range(len(points) - 1)
    ]


@given(places, levels, containments, places, levels)
def test_passes_are_those_of_the_legs_joined_where_they_touch(ours, our_levels, contained, theirs, their_levels):
    first, second = trajectory("a", ours, our_levels, contained), trajectory("b", theirs, their_levels)
    met = [found for a in legs(first) for b in legs(second) if (found := encounter(a, b, MINIMA)) is not None]
    expected: list[list] = []
    for one in sorted(met, key=lambda e: e.start):
        if expected and one.start <= expected[-1][1] + timedelta(seconds=0.01):
            expected[-1][1] = max(expected[-1][1], one.end)
            expected[-1][2].append(one)
        else:
            expected.append([one.start, one.end, [one]])
    passes = compared_in_time(first, second)
    assert [(p.start, p.end) for p in passes] == [(start, end) for start, end, _ in expected]
    for found, (_, _, parts) in zip(passes, expected, strict=True):
        assert found.horizontal_m == min(part.horizontal_m for part in parts)
        assert found.start <= found.closest_first_time <= found.end
    whole = encounters_between([first], [second], MinimaTable(MINIMA))
    assert len(whole) == min(1, len(passes))
    if passes:
        assert (whole[0].start, whole[0].end) == (passes[0].start, max(p.end for p in passes))


def test_a_leg_is_held_to_its_own_containment():
    straight = [(0.0, 0.05 * n) for n in range(3)]
    wide, narrow = Containment(0.0, 400.0, 0.0), Containment(0.0, 0.0, 0.0)
    first = trajectory("a", straight, [100.0] * 3, (narrow, wide))
    second = trajectory("b", straight, [120.0] * 3)
    (found,) = compared_in_time(first, second)
    assert (found.start, found.end) == (START + timedelta(seconds=60), START + timedelta(seconds=120))


@pytest.mark.parametrize(
    ("legs", "field"),
    [
        ((Containment(0.0, 0.0, 0.0),), "leg_containments"),
        ((Containment(0.0, 0.0, 0.0), Containment(2.0, 0.0, 0.0)), "leg_containments[1]"),
        ((Containment(0.0, 0.0, 0.0), Containment(0.0, 0.0, 1.0)), "leg_containments[1]"),
    ],
)
def test_legs_that_are_not_within_the_whole_are_refused(legs, field):
    waypoints = trajectory("a", [(0.0, 0.0), (0.0, 0.1), (0.0, 0.2)], [100.0] * 3).intent.waypoints
    with pytest.raises(Refusal) as caught:
        Trajectory(waypoints, Containment(1.0, 1.0, 0.0), legs)
    assert caught.value.field == field


def bare(plan: Plan) -> Plan:
    return Plan(plan.plan_id, Trajectory(plan.intent.waypoints, Containment(0.0, 0.0, 0.0)))


@given(places, levels, containments, places, levels)
def test_a_pass_without_containment_is_that_of_the_nominal_paths(ours, our_levels, contained, theirs, their_levels):
    first, second = trajectory("a", ours, our_levels, contained), trajectory("b", theirs, their_levels)
    nominal = compared_in_time(bare(first), second)
    found = compare([first], [second], MinimaTable(MINIMA)).passes
    told = [one.nominal for one in sorted(found, key=lambda one: one.encounter.start) if one.nominal is not None]
    slack = timedelta(seconds=0.01)
    for one in nominal:
        assert any(start - slack <= one.start and one.end <= end + slack for start, end in told)
    for start, end in told:
        inside = [one for one in nominal if start - slack <= one.start and one.end <= end + slack]
        assert min(one.start for one in inside) == start
        assert max(one.end for one in inside) == end


def test_the_worst_pass_comes_first_though_another_is_closer_on_the_ground():
    # The climbing one is closest on the ground when it is nearly clear; before, it was at the same height.
    across = trajectory("level", [(0.0, 0.0), (0.0, 0.1)], [100.0, 100.0])
    climbing = trajectory("climbing", [(0.02, 0.0), (0.0, 0.1)], [100.0, 109.0])
    beside = trajectory("beside", [(0.03, 0.0), (0.03, 0.1)], [100.0, 100.0])
    found = compare([across], [beside, climbing], MinimaTable(MINIMA)).passes
    assert [one.encounter.second_plan_id for one in found] == ["climbing", "beside"]
    assert found[0].kept < max(found[0].encounter.horizontal_m / 5_000.0, found[0].encounter.vertical_m / 300.0)
    assert [one.kept for one in found] == sorted(one.kept for one in found)
