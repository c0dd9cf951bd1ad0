"""What an encounter says of its times, whichever plan comes first and whatever the minimum in time."""

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from plan_strategies import START, latitudes, level, longitudes, plan_of, trajectories_near, volumes_near

from detente.airspace.altitude import AltitudeBand
from detente.airspace.plan import Circle, Plan, TimeWindow, Volume4D
from detente.airspace.position import Position
from detente.airspace.search import encounter
from detente.airspace.separation import ClassMinima, Encounter, Minima, MinimaTable
from length import quickly

ROUNDING = timedelta(milliseconds=1)
HERE = Position(36.0, 10.0)


@st.composite
def any_plans(draw) -> tuple[Plan, Plan]:
    latitude, longitude = draw(latitudes), draw(longitudes)
    kinds = st.sampled_from([trajectories_near, volumes_near])
    return draw(draw(kinds)(latitude, longitude, "A")), draw(draw(kinds)(latitude, longitude, "B"))


def assert_times_hold(found: Encounter, first: Plan, second: Plan) -> None:
    assert found.start <= found.end
    assert found.start - ROUNDING <= found.closest_first_time <= found.end + ROUNDING
    assert first.time.start - ROUNDING <= found.start
    assert found.end <= first.time.end + ROUNDING
    assert second.time.start - ROUNDING <= found.closest_second_time <= second.time.end + ROUNDING
    apart_s = abs((found.closest_first_time - found.closest_second_time).total_seconds())
    assert apart_s <= found.required_time_s + 1e-3


@settings(max_examples=quickly(150), deadline=None)
@given(any_plans(), st.floats(500, 60_000), st.sampled_from([0.0, 60.0, 300.0]))
def test_start_and_end_are_times_of_the_first_plan_around_the_closest_approach(plans, horizontal_m, time_s):
    minima = Minima(horizontal_m, 304.8, time_s)
    for first, second in (plans, plans[::-1]):
        found = encounter(first, second, minima)
        if found is not None:
            assert_times_hold(found, first, second)


@settings(max_examples=quickly(100), deadline=None)
@given(any_plans(), st.floats(500, 60_000), st.sampled_from([0.0, 60.0]))
def test_larger_minima_hold_for_longer(plans, horizontal_m, time_s):
    first, second = plans
    found = encounter(first, second, Minima(horizontal_m, 304.8, time_s))
    if found is not None:
        wider = encounter(first, second, Minima(horizontal_m + 1000.0, 400.0, time_s + 30.0))
        assert wider is not None
        assert wider.start <= found.start + ROUNDING
        assert found.end - ROUNDING <= wider.end


def test_an_area_meets_a_flight_that_comes_after_it_within_the_minimum_in_time():
    window = TimeWindow(START, START + timedelta(seconds=300))
    area = Plan("AREA", (Volume4D(Circle(HERE, 1000.0), AltitudeBand(level(0.0), level(500.0)), window),))
    after = plan_of("AFTER", [(HERE, 100.0, 310.0), (HERE, 100.0, 400.0)])
    found = encounter(area, after, Minima(1000.0, 100.0, 60.0))
    assert found is not None
    assert (found.start, found.end) == (START + timedelta(seconds=250), START + timedelta(seconds=300))
    other_way = encounter(after, area, Minima(1000.0, 100.0, 60.0))
    assert other_way is not None
    assert (other_way.start, other_way.end) == (START + timedelta(seconds=310), START + timedelta(seconds=360))
    assert encounter(area, after, Minima(1000.0, 100.0, 9.0)) is None


@given(st.sampled_from(["crewed", "drone", "balloon"]), st.sampled_from(["crewed", "drone", "balloon"]))
def test_a_pair_of_classes_has_the_same_minima_in_either_order(first, second):
    default, mixed, same = Minima(9260.0, 304.8), Minima(2000.0, 150.0), Minima(100.0, 30.0)
    table = MinimaTable(default, (ClassMinima("drone", "crewed", mixed), ClassMinima("drone", "drone", same)))
    pair = {first, second}
    wanted = same if pair == {"drone"} else mixed if pair == {"drone", "crewed"} else default
    assert table.between(first, second) == table.between(second, first) == wanted
