"""A stretch flown before a watch: every deviation that is made is told, and nothing else."""

from datetime import UTC, datetime, timedelta

import pytest

from detente.airspace.altitude import Altitude, AltitudeUnit, StandardPressure
from detente.airspace.plan import Containment, Plan, TimeWindow, Trajectory, Waypoint
from detente.airspace.position import Position, posix_s
from detente.airspace.separation import MinimaTable
from detente.plots.flown_stretch import FlownStretch, MadeDeviation
from detente.rehearsal.california import DEMO_MINIMA
from detente.rehearsal.courses import course_of
from detente.rehearsal.flown_day import AgreedPlans, busiest_stretch, closest_pass, fly_stretch
from detente.watch.alert import AlertKind

NOON = datetime(2025, 6, 1, 12, tzinfo=UTC)
WINDOW = TimeWindow(NOON, NOON + timedelta(minutes=9))


def eastbound(
    name: str, latitude: float, *, start_s: float = 20.0, lasts_s: float = 480.0, height_m: float = 5_000.0
) -> Plan:
    """A straight, level flight of 200 m/s."""
    height = Altitude(height_m, AltitudeUnit.METRE, StandardPressure())
    ends = ((start_s, -122.0), (start_s + lasts_s, -122.0 + lasts_s * 200.0 / 90_000.0))
    points = tuple(
        Waypoint(Position(latitude, longitude), height, NOON + timedelta(seconds=at_s)) for at_s, longitude in ends
    )
    return Plan(name, Trajectory(points, Containment(100.0, 15.24, 0.0)))


def agreed(ours: list[Plan], theirs: list[Plan], told: list[Plan] | None = None, *, untold: bool = True) -> AgreedPlans:
    return AgreedPlans(("North", "South"), ours, theirs, told or [], MinimaTable(DEMO_MINIMA), untold)


OURS = [eastbound(f"N{number}.{number}", 36.0 + 0.5 * number, lasts_s=480.0 - number) for number in range(5)]
THEIRS = [eastbound("S1.1", 36.15), eastbound("S2.2", 36.62, height_m=5_900.0)]
"""Both within 15 NM of one of ours and within 3,000 ft, and clear of it by the minima."""


@pytest.fixture(scope="module")
def flown() -> FlownStretch:
    return fly_stretch(agreed(OURS, THEIRS), WINDOW)


def test_each_made_deviation_is_told_by_its_kind_and_nothing_else_is(flown):
    assert {path.name: path.deviation for path in flown.paths if path.deviation} == {
        "N1.1": MadeDeviation.ASIDE, "N2.2": MadeDeviation.HIGHER, "N3.3": MadeDeviation.SILENT,
        "N4.4": MadeDeviation.LATE, "f00001": MadeDeviation.UNDECLARED,
    }  # fmt: skip
    assert sorted((one.alert.kind, one.alert.tracks) for one in flown.alerts) == [
        (AlertKind.OWN_DEVIATION, ("N1.1",)),
        (AlertKind.OWN_DEVIATION, ("N2.2",)),
        (AlertKind.OWN_DEVIATION, ("N4.4",)),
        (AlertKind.SEPARATION, ("N0.0", "f00001")),
        (AlertKind.TRACK_LOST, ("N3.3",)),
        (AlertKind.UNDECLARED, ("f00001",)),
    ]
    assert [one.number for one in flown.alerts] == list(range(1, 7))


def test_what_became_of_each_is_what_was_flown(flown):
    by_kind = {(one.alert.kind, one.deviation): one for one in flown.alerts}
    lost = by_kind[AlertKind.SEPARATION, MadeDeviation.UNDECLARED]
    assert lost.closest is not None
    assert lost.closest.lost_at is not None
    assert lost.raised < lost.closest.lost_at <= lost.closest.at
    assert lost.closest.horizontal_m < DEMO_MINIMA.horizontal_m
    for made in (MadeDeviation.ASIDE, MadeDeviation.HIGHER):
        told = by_kind[AlertKind.OWN_DEVIATION, made]
        assert told.since is not None
        assert timedelta(0) < told.raised - told.since < timedelta(seconds=30)
        assert told.ended is not None
    silent = next(path for path in flown.paths if path.deviation is MadeDeviation.SILENT)
    assert len(silent.heard) < len(silent.flown)


def test_the_same_plans_give_the_same_stretch(flown):
    assert fly_stretch(agreed(OURS, THEIRS), WINDOW) == flown


def test_where_the_other_side_tells_its_aircraft_those_it_did_not_tell_are_undeclared():
    ours, theirs = [eastbound("N0.0", 36.0, lasts_s=150.0)], [eastbound("S1.1", 36.15), eastbound("S2.2", 36.17)]
    window = TimeWindow(NOON, NOON + timedelta(minutes=2))
    stretch = fly_stretch(agreed(ours, theirs, theirs[:1], untold=False), window)
    assert [(one.alert.kind, one.alert.tracks) for one in stretch.alerts] == [(AlertKind.UNDECLARED, ("S2.2",))]


def test_the_busiest_stretch_has_both_sides_and_a_bounded_number_of_reports():
    alone = [eastbound(f"S{number}", 30.0, start_s=10_000.0) for number in range(3)]
    start_s, end_s, every_s = busiest_stretch(OURS, alone)
    assert start_s <= posix_s(NOON) < end_s
    assert every_s == 1.0
    crowd = [eastbound(f"C{number}", 30.0, lasts_s=1_500.0) for number in range(400)]
    start_s, end_s, every_s = busiest_stretch(OURS, crowd)
    assert end_s - start_s == 600.0
    assert every_s == 3.0


def test_where_no_plan_says_a_path_nothing_is_flown():
    stretch = fly_stretch(agreed([], []))
    assert (stretch.paths, stretch.alerts, stretch.reports) == ((), (), 0)


def test_the_closest_pass_is_that_of_the_larger_share_of_a_minimum():
    first, second = (
        course_of(plan, "a00000", posix_s(NOON), posix_s(WINDOW.end), 1.0)
        for plan in (eastbound("N0.0", 36.0), eastbound("S1.1", 36.05, height_m=5_100.0))
    )
    near = closest_pass(first, second, DEMO_MINIMA)
    assert near is not None
    assert near.horizontal_m == pytest.approx(5_548.0, abs=5.0)
    assert near.vertical_m == pytest.approx(100.0)
    assert near.lost_s == pytest.approx(481.0, abs=2.0)
    assert near.lost_at == NOON + timedelta(seconds=20)
