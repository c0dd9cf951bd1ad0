"""Plans sampled for drawing agree with the exact search and with the geodesic."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pyproj
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plot_samples import MINIMA, at, crossing, encounters, flight, higher, later, zone

from detente.airspace.altitude import Ellipsoid
from detente.airspace.plan import Containment
from detente.airspace.position import posix_s
from detente.airspace.separation import AltitudeFrame, Minima
from detente.plots.afterwards import afterwards
from detente.plots.axes import Panel, round_ticks, time_ticks
from detente.plots.contents import severity
from detente.plots.sampling import (
    LONGEST_STRAIGHT_M,
    SampledPath,
    densified,
    drawn_lines,
    outline,
    presence,
    separation,
)

PLANNED = AltitudeFrame.AS_PLANNED
GEODESIC = pyproj.Geod(ellps="WGS84")


def test_a_course_is_on_its_geodesic_at_its_time() -> None:
    plan = flight("F1", (36.0, -122.0), (37.0, -120.0), seconds=(0.0, 1000.0))
    course = SampledPath(plan.intent, PLANNED)  # type: ignore[arg-type]
    places = course.place(np.array([posix_s(at(s)) for s in (-1.0, 0.0, 250.0, 1000.0, 1001.0)]))
    assert np.isnan(places[[0, 4]]).all()
    azimuth, _, length_m = GEODESIC.inv(-122.0, 36.0, -120.0, 37.0)
    longitude, latitude, _ = GEODESIC.fwd(-122.0, 36.0, azimuth, length_m / 4.0)
    assert places[2] == pytest.approx([longitude, latitude], abs=1e-9)


def test_sampled_closest_approach_is_the_exact_one() -> None:
    ours, theirs = crossing(6)
    for encounter in encounters(ours, theirs):
        number = int(encounter.first_plan_id.removeprefix("EAST"))
        first, second = presence(ours[number], PLANNED), presence(theirs[number], PLANNED)
        times = np.linspace(posix_s(encounter.start), posix_s(encounter.end), 2001)
        horizontal, vertical = separation(first, second, times)
        assert horizontal.min() == pytest.approx(encounter.horizontal_m, abs=2.0)
        assert vertical[horizontal.argmin()] == pytest.approx(encounter.vertical_m, abs=0.01)


def test_an_area_is_met_where_its_edge_is() -> None:
    through = flight("F1", (36.5, -122.0), (36.5, -121.2))
    area = zone("Z1", (36.5, -121.6), radius_m=4_000.0)
    times = np.array([posix_s(at(600.0)), posix_s(at(0.0)), posix_s(at(2_000.0))])
    horizontal, vertical = separation(presence(through, PLANNED), presence(area, PLANNED), times)
    assert horizontal[0] == 0.0
    away_m = GEODESIC.inv(-122.0, 36.5, -121.6, 36.5)[2] - 4_000.0
    assert horizontal[1] == pytest.approx(away_m, rel=1e-3)
    assert np.isnan(horizontal[2])  # the flight has landed
    assert vertical[:2].tolist() == [0.0, 0.0]


def test_after_a_level_change_only_height_is_left() -> None:
    ours, theirs = crossing(1)
    (encounter,) = encounters(ours, theirs)
    after = afterwards(presence(higher(ours[0], 2_000.0), PLANNED), presence(theirs[0], PLANNED), encounter)
    assert after.vertical_close_m == pytest.approx(609.6)
    assert after.horizontal_close_m is None
    assert after.horizontal_m is not None
    assert after.horizontal_m < 300.0


def test_after_a_long_delay_they_never_meet() -> None:
    ours, theirs = crossing(1)
    (encounter,) = encounters(ours, theirs)
    after = afterwards(presence(later(ours[0], 5_000.0), PLANNED), presence(theirs[0], PLANNED), encounter)
    assert (after.horizontal_m, after.horizontal_close_m, after.vertical_close_m) == (None, None, None)


@settings(max_examples=25, deadline=None)
@given(st.floats(-900.0, 900.0), st.sampled_from([0.0, 45.0]))
def test_afterwards_agrees_with_the_exact_search(shift_s: float, slack_s: float) -> None:
    """Whatever the delay, the sampled distance is that of the exact search, early and late included."""
    loose = Containment(0.0, 0.0, slack_s)
    first = flight("E1", (36.6, -122.0), (36.6, -121.2), containment=loose)
    second = flight("N1", (36.2, -121.6), (37.0, -121.6), containment=loose)
    moved = later(first, shift_s)
    (encounter,) = encounters([first], [second])
    after = afterwards(presence(moved, PLANNED), presence(second, PLANNED), encounter)
    (exact,) = encounters([moved], [second], Minima(200_000.0, 304.8))
    assert after.horizontal_close_m == pytest.approx(exact.horizontal_m, abs=60.0)
    if slack_s == 0.0:
        assert after.horizontal_close_m is not None
        assert after.horizontal_close_m >= exact.horizontal_m - 1.0


def test_severity_is_nought_at_the_same_place_and_grows_with_distance() -> None:
    ours, theirs = crossing(12)
    ranks = [severity(e, ours[n], theirs[n]) for n, e in enumerate(encounters(ours, theirs))]
    assert ranks[0] < 0.01
    assert ranks == sorted(ranks)
    assert all(0.0 <= rank < 1.0 for rank in ranks)


def test_altitudes_come_on_the_frame_of_the_encounter() -> None:
    plan = flight("F1", (36.0, -122.0), (37.0, -120.0), 10_000.0, reference=Ellipsoid())
    course = presence(plan, AltitudeFrame.ELLIPSOID)
    low, high = course.band(np.array([posix_s(at(100.0))]))
    assert low == high == pytest.approx(3048.0)
    pressure = presence(flight("F2", (36.0, -122.0), (37.0, -120.0), 10_000.0), AltitudeFrame.ELLIPSOID)
    assert pressure.band(np.array([posix_s(at(100.0))]))[0] != pytest.approx(3048.0, abs=5.0)


def test_long_legs_are_drawn_as_geodesics() -> None:
    line = densified(np.array([[-10.0, 50.0], [-60.0, 45.0]]))
    lengths = GEODESIC.inv(line[:-1, 0], line[:-1, 1], line[1:, 0], line[1:, 1])[2]
    assert max(lengths) <= LONGEST_STRAIGHT_M
    assert sum(lengths) == pytest.approx(GEODESIC.inv(-10.0, 50.0, -60.0, 45.0)[2])
    assert line[[0, -1]].tolist() == [[-10.0, 50.0], [-60.0, 45.0]]


def test_a_circle_is_drawn_at_its_radius() -> None:
    plan = zone("Z1", (36.5, 180.0), radius_m=30_000.0)
    (ring,) = drawn_lines(plan)
    ones = np.ones(len(ring))
    assert GEODESIC.inv(ring[:, 0], ring[:, 1], 180.0 * ones, 36.5 * ones)[2] == pytest.approx(30_000.0)
    assert outline(plan.intent[0].area)[0].tolist() == ring[-1].tolist()  # type: ignore[index]


@given(st.floats(-1e5, 1e5), st.floats(1e-3, 1e5), st.integers(2, 12))
def test_ticks_are_round_within_and_few(low: float, span: float, most: int) -> None:
    ticks = round_ticks(low, low + span, most)
    assert 1 <= len(ticks) <= most
    assert all(low - 1e-6 * span <= tick <= low + span * (1.0 + 1e-6) for tick in ticks)


def test_times_are_round_utc() -> None:
    start = datetime(2025, 6, 1, 23, 58, 30, tzinfo=UTC).timestamp()
    labels = [label for _, label in time_ticks(start, start + 300.0, 7)]
    assert labels == ["23:59Z", "00:00Z", "00:01Z", "00:02Z", "00:03Z"]
    assert [label for _, label in time_ticks(start, start + 20.0, 7)][:2] == ["23:58:30Z", "23:58:35Z"]


@given(st.lists(st.one_of(st.just(float("nan")), st.floats(-50.0, 150.0)), min_size=2, max_size=30))
def test_curves_and_bands_stay_in_their_panel(values: list[float]) -> None:
    panel = Panel(10.0, 20.0, 300.0, 100.0, (0.0, 1.0), (0.0, 100.0))
    x, y = np.linspace(0.0, 1.0, len(values)), np.array(values)
    for line in (*panel.curve(x, y), *panel.band(x, y, y + 10.0)):
        assert (line >= (10.0 - 1e-6, 20.0 - 1e-6)).all()
        assert (line <= (310.0 + 1e-6, 120.0 + 1e-6)).all()


def test_minima_are_those_of_the_samples() -> None:
    ours, theirs = crossing(1)
    (encounter,) = encounters(ours, theirs)
    assert encounter.required_horizontal_m == MINIMA.horizontal_m + 400.0
