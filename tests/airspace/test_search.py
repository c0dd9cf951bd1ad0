"""Searches never miss: every pair of plans that the predicate finds without any index is found with it."""

import itertools
from datetime import timedelta

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plan_strategies import START, areas_near, moved, trajectories_near

from detente.airspace.altitude import (
    Altitude,
    AltitudeBand,
    AltitudeUnit,
    Ellipsoid,
    Ground,
    MeanSeaLevel,
    Qfe,
    Qnh,
    StandardPressure,
)  # fmt: skip
from detente.airspace.compiled import Vocabulary, compile_plans
from detente.airspace.part_kernels import ENCOUNTER_FLOATS, PLAN, encounters_of
from detente.airspace.plan import Circle, Plan, Polygon, TimeWindow, Trajectory, Volume4D
from detente.airspace.position import Position
from detente.airspace.refusal import Refusal
from detente.airspace.search import PlanIndex, encounter, encounters_between, encounters_within
from detente.airspace.separation import ClassMinima, Minima, MinimaTable
from length import at_length

REFERENCES = (
    StandardPressure(), Ellipsoid(), MeanSeaLevel(), Qnh(1003.0), Qnh(1035.0), Qfe(945.0, 616.0), Ground(600.0),
)  # fmt: skip
TABLE = MinimaTable(
    default=Minima(9260.0, 304.8, 0.0),
    by_class=(
        ClassMinima("uncrewed", "uncrewed", Minima(50.0, 15.0, 30.0)),
        ClassMinima("crewed", "uncrewed", Minima(2000.0, 150.0, 0.0)),
    ),
)


@st.composite
def any_plan(draw, name: str, latitude: float, longitude: float) -> Plan:
    """A trajectory or some volumes near a place, on any reference and of either class."""
    reference = draw(st.sampled_from(REFERENCES))
    aircraft_class = draw(st.sampled_from(["crewed", "uncrewed", "glider"]))

    def altitude(metres: float) -> Altitude:
        return Altitude(metres, AltitudeUnit.METRE, reference)

    intent: Trajectory | tuple[Volume4D, ...]
    if draw(st.booleans()):
        flown = draw(trajectories_near(latitude, longitude, name)).intent
        intent = msgspec.structs.replace(
            flown,
            waypoints=tuple(
                msgspec.structs.replace(w, altitude=altitude(w.altitude.value + draw(st.integers(-900, 300))))
                for w in flown.waypoints
            ),
        )
    else:
        volumes = []
        for _ in range(draw(st.integers(1, 2))):
            lower = draw(st.integers(1500, 3600))
            start = START + timedelta(seconds=draw(st.integers(-600, 600)))
            volumes.append(
                Volume4D(
                    draw(areas_near(latitude, longitude)),
                    AltitudeBand(altitude(lower), altitude(lower + draw(st.sampled_from([0, 100, 500])))),
                    TimeWindow(start, start + timedelta(seconds=draw(st.integers(0, 900)))),
                )
            )
        intent = tuple(volumes)
    return Plan(name, intent, aircraft_class)


@st.composite
def crowds(draw) -> list[Plan]:
    """Up to twelve plans around one place, which may be a pole or on the antimeridian."""
    place = draw(st.sampled_from([(36.5, -121.5), (0.0, 180.0), (90.0, 0.0), (-89.8, 10.0), (52.0, -179.9)]))
    count = draw(st.integers(2, 12))
    names = [f"P{k}" for k in range(count)]
    plans = []
    for name in names:
        near = moved(*place, draw(st.floats(0, 360)), draw(st.floats(0, 150_000)))
        plans.append(draw(any_plan(name, near.latitude_deg, near.longitude_deg)))
    return plans


def without_index(plans: list[Plan]) -> set[tuple[str, str]]:
    """Every unordered pair that meets, each part held against each part."""
    vocabulary = Vocabulary()
    c = compile_plans(plans, vocabulary)
    minima = vocabulary.minima(TABLE)
    n = len(c.floats)
    a, b = (grid.ravel() for grid in np.meshgrid(np.arange(n), np.arange(n), indexing="ij"))
    out = np.empty((len(a), ENCOUNTER_FLOATS))
    met = encounters_of(a, b, c.floats, c.integers, c.curves, c.floats, c.integers, c.curves, minima, out)
    pairs = zip(c.integers[a[met], PLAN].tolist(), c.integers[b[met], PLAN].tolist(), strict=True)
    return {(plans[i].plan_id, plans[j].plan_id) for i, j in pairs if i < j}


def check_crowd(plans: list[Plan]) -> None:
    expected = without_index(plans)
    within = [(e.first_plan_id, e.second_plan_id) for e in encounters_within(plans, TABLE)]
    assert len(within) == len(set(within))
    assert set(within) == expected
    half = len(plans) // 2
    between = {(e.first_plan_id, e.second_plan_id) for e in encounters_between(plans[:half], plans[half:], TABLE)}
    names = [p.plan_id for p in plans]
    assert between == {(a, b) for a, b in expected if names.index(a) < half <= names.index(b)}


@settings(max_examples=30, deadline=None)
@given(crowds())
def test_search_finds_what_the_predicate_finds_without_an_index(plans):
    check_crowd(plans)


@pytest.mark.long
@settings(max_examples=at_length(1500), deadline=None)
@given(crowds())
def test_search_finds_what_the_predicate_finds_without_an_index_at_length(plans):
    check_crowd(plans)


@settings(max_examples=40, deadline=None)
@given(crowds(), st.data())
def test_a_living_index_agrees_with_a_fresh_search(plans, data):
    index = PlanIndex()
    held: dict[str, Plan] = {}
    for plan in plans:
        index.insert(f"key-{plan.plan_id}", plan)
        held[plan.plan_id] = plan
        if data.draw(st.integers(0, 3)) == 0:
            gone = data.draw(st.sampled_from(sorted(held)))
            index.remove(f"key-{gone}")
            del held[gone]
    assert len(index) == len(held)
    probe = plans[0]
    found = index.encounters(msgspec.structs.replace(probe, plan_id="probe"), TABLE)
    fresh = encounters_between([probe], list(held.values()), TABLE)
    assert [msgspec.structs.replace(e, first_plan_id=probe.plan_id) for e in found] == [
        msgspec.structs.replace(e, second_plan_id=f"key-{e.second_plan_id}") for e in fresh
    ]


@settings(max_examples=at_length(300), deadline=None)
@given(crowds())
def test_an_encounter_is_the_same_from_either_side(plans):
    for first, second in itertools.combinations(plans, 2):
        minima = TABLE.between(first.aircraft_class, second.aircraft_class)
        one, other = encounter(first, second, minima), encounter(second, first, minima)
        assert (one is None) == (other is None)
        if one is not None and other is not None:
            assert one.horizontal_m == pytest.approx(other.horizontal_m, abs=0.01)
            assert one.required_vertical_m == other.required_vertical_m
            assert one.altitude_frame == other.altitude_frame


def square(*corners: tuple[float, float]) -> Plan:
    band = AltitudeBand(Altitude(0, AltitudeUnit.METRE, Ellipsoid()), Altitude(9, AltitudeUnit.METRE, Ellipsoid()))
    area = Polygon(tuple(Position(*corner) for corner in corners))
    return Plan("area-51x", (Volume4D(area, band, TimeWindow(START, START)),))


def test_a_ring_that_crosses_itself_is_refused_by_name():
    with pytest.raises(Refusal, match=r"area-51x.*cross"):
        PlanIndex().insert("k", square((0, 0), (1, 1), (0, 1), (1, 0)))


def test_a_ring_around_half_the_world_is_refused_by_name():
    with pytest.raises(Refusal, match=r"area-51x.*80 degrees"):
        PlanIndex().insert("k", square((0, 0), (0, 90), (0, 180), (0, -90)))


def test_a_taken_key_is_refused_and_a_missing_one_is_an_error():
    index = PlanIndex()
    index.insert("k", square((0, 0), (0, 1), (1, 0)))
    with pytest.raises(Refusal, match="key"):
        index.insert("k", square((0, 0), (0, 1), (1, 0)))
    index.remove("k")
    assert len(index) == 0
    with pytest.raises(KeyError):
        index.remove("k")


def test_empty_sets_have_no_encounters():
    plan = square((0, 0), (0, 1), (1, 0))
    assert encounters_within([], TABLE) == []
    assert encounters_between([], [plan], TABLE) == []
    assert encounters_between([plan], [], TABLE) == []
    assert PlanIndex().encounters(plan, TABLE) == []


def test_classes_have_their_own_minima():
    def drone(name: str, aircraft_class: str, metres_east: float) -> Plan:
        where = moved(36.0, -121.0, 90.0, metres_east)
        band = AltitudeBand(Altitude(0, AltitudeUnit.METRE, Ellipsoid()), Altitude(9, AltitudeUnit.METRE, Ellipsoid()))
        return Plan(name, (Volume4D(Circle(where, 0.0), band, TimeWindow(START, START)),), aircraft_class)

    plans = [
        drone("d1", "uncrewed", 0),
        drone("d2", "uncrewed", 100),
        drone("c1", "crewed", 1000),
        drone("c2", "crewed", 8000),
    ]
    pairs = {(e.first_plan_id, e.second_plan_id) for e in encounters_within(plans, TABLE)}
    assert pairs == {("d1", "c1"), ("d2", "c1"), ("c1", "c2")}


def test_heights_above_ground_are_widened_by_how_far_the_ground_may_be_off():
    def drone(name: str, height_m: float, error_m: float) -> Plan:
        here = Altitude(height_m, AltitudeUnit.METRE, Ground(600.0, error_m))
        volume = Volume4D(Circle(Position(36.0, -121.0), 0.0), AltitudeBand(here, here), TimeWindow(START, START))
        return Plan(name, (volume,))

    minima = Minima(10.0, 50.0)
    assert encounter(drone("a", 100.0, 0.0), drone("b", 155.0, 0.0), minima) is None
    found = encounter(drone("a", 100.0, 3.0), drone("b", 155.0, 3.0), minima)
    assert found is not None
    assert found.required_vertical_m == 56.0


def test_what_is_put_off_is_found_once_it_is_searched_and_what_is_removed_before_is_not():
    band = AltitudeBand(*(Altitude(metres, AltitudeUnit.METRE, MeanSeaLevel()) for metres in (3000.0, 3100.0)))
    window = TimeWindow(START, START + timedelta(minutes=10))
    plans = [
        Plan(f"p{number}", (Volume4D(Circle(Position(34.0, 20.0 + 0.02 * number), 500.0), band, window),))
        for number in range(6)
    ]
    eager, late = PlanIndex(), PlanIndex(puts_off=True)
    for index in (eager, late):
        for number, plan in enumerate(plans):
            index.insert(f"k{number}", plan)
        index.remove("k2")
        assert (len(index), "k1" in index, "k2" in index) == (5, True, False)
        assert index.plan("k1") == plans[1]
        with pytest.raises(Refusal, match="a key that is not in the index"):
            index.insert("k1", plans[1])
        with pytest.raises(KeyError):
            index.remove("k2")
    assert late.encounters(plans[1], TABLE) == eager.encounters(plans[1], TABLE)
    assert late.near(plans[3], TABLE) == eager.near(plans[3], TABLE)
    late.remove("k1")
    assert "k1" not in late
