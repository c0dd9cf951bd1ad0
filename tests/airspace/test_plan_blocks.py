"""Sets taken block by block and slice by slice give what every pair of plans gives alone, however they lie in time."""

from datetime import UTC, datetime, timedelta

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from detente.airspace.altitude import Altitude, AltitudeBand, AltitudeUnit, Ellipsoid, StandardPressure
from detente.airspace.passes import compare
from detente.airspace.plan import Circle, Containment, Plan, TimeWindow, Trajectory, Volume4D, Waypoint
from detente.airspace.position import Position
from detente.airspace.separation import Minima, MinimaTable
from length import quickly

START = datetime(2025, 6, 1, tzinfo=UTC)
references = st.sampled_from([StandardPressure(), Ellipsoid()])
places = st.builds(Position, st.floats(47.0, 47.2), st.floats(8.0, 8.3))
minutes = st.integers(0, 600)


@st.composite
def plans(draw, name: str) -> Plan:
    """A flight, or an area for up to hours, some time within ten hours."""
    reference, begin = draw(references), START + timedelta(minutes=draw(minutes))
    level_m = draw(st.sampled_from([1_000.0, 1_100.0, 1_500.0]))
    altitude = Altitude(level_m, AltitudeUnit.METRE, reference)
    if draw(st.integers(0, 3)) == 0:
        upper = Altitude(level_m + 200.0, AltitudeUnit.METRE, reference)
        window = TimeWindow(begin, begin + timedelta(minutes=draw(st.sampled_from([0, 10, 300]))))
        area = Circle(draw(places), draw(st.sampled_from([10.0, 4_000.0])))
        return Plan(name, (Volume4D(area, AltitudeBand(altitude, upper), window),))
    steps = draw(st.lists(st.sampled_from([5, 20, 240]), min_size=1, max_size=4))
    waypoints = [Waypoint(draw(places), altitude, begin)]
    for step in steps:
        waypoints.append(Waypoint(draw(places), altitude, waypoints[-1].time + timedelta(minutes=step)))
    slack_s = draw(st.sampled_from([0.0, 0.0, 900.0]))
    return Plan(name, Trajectory(tuple(waypoints), Containment(100.0, 0.0, slack_s)))


@st.composite
def sets(draw, name: str) -> list[Plan]:
    count = draw(st.integers(0, 9))
    return [draw(plans(f"{name}{number}")) for number in range(count)]


@settings(max_examples=quickly(200), deadline=None)
@given(sets("a"), sets("b"), st.integers(1, 4), st.sampled_from([0.0, 600.0]))
def test_blocks_of_any_size_give_what_every_pair_gives(first, second, at_a_time, time_s):
    table = MinimaTable(Minima(5_000.0, 300.0, time_s))
    found = compare(first, second, table, at_a_time)
    expected = [one for a in first for b in second for one in compare([a], [b], table).passes]
    assert sorted(found.passes, key=key) == sorted(expected, key=key)
    whole = compare(first, second, table)
    assert found.passes == whole.passes
    np.testing.assert_array_equal(found.first.degrees, whole.first.degrees)
    np.testing.assert_array_equal(found.second.seconds, whole.second.seconds)


def key(one):
    return one.encounter.first_plan_id, one.encounter.second_plan_id, one.encounter.start
