"""Loss of separation ahead: never a pair missed that comes inside the minima on the predictions."""

from __future__ import annotations

import math
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from watch_samples import MINIMA, START, START_S, place, pressure, situation, track

from detente.airspace.plan import Containment, Plan, Trajectory, Waypoint
from detente.airspace.separation import ClassMinima, Minima, MinimaTable
from detente.watch.alert import TrackSide
from detente.watch.live_tracks import OURS, live
from detente.watch.prediction import Guess, predict
from detente.watch.separation import look_ahead_of, pair_minima, separation_ahead
from detente.watch.situation import LevelTimes
from detente.watch.track import TrackDoubt

NAMES = "abcdefghij"
TRACKS = st.lists(
    st.builds(
        lambda lat, lon, speed, course, climb, turn, height, error, geometric: (
            lat, lon, speed, course, climb, turn, height, error, geometric,
        ),
        st.floats(-0.3, 0.3), st.floats(-0.3, 0.3), st.floats(0, 250), st.floats(0, 360), st.floats(-15, 15),
        st.sampled_from([0.0, 0.0, 1.0, -3.0, 6.0]), st.one_of(st.none(), st.floats(0, 2_000)),
        st.floats(0, 3_000), st.one_of(st.none(), st.floats(0, 2_000)),
    ),
    min_size=2, max_size=len(NAMES),
)  # fmt: skip


def look(tracks, told):
    shown = live(tracks, told)
    prediction = predict(shown, START_S, look_ahead_of(told.times))
    return shown, prediction, separation_ahead(shown, prediction, told)[0]


def inside_by_sampling(shown, prediction, told, look_ahead_s):
    """Pairs with one of ours that are inside their minima at some of many moments, by nothing but interpolation."""
    found = set()
    moments = np.arange(0.0, look_ahead_s, 0.5)
    steps = np.arange(prediction.steps + 1) * prediction.step_s

    def at(values):
        return np.array([np.interp(moments, steps, row) for row in values])

    points = np.stack([at(prediction.points[:, :, axis]) for axis in range(3)], axis=2)
    pressure_m, geometric_m = at(prediction.pressure_m), at(prediction.geometric_m)
    for i in range(len(shown)):
        for j in range(i + 1, len(shown)):
            if int(shown.side[i] == OURS) + int(shown.side[j] == OURS) != 1:
                continue
            horizontal, vertical = pair_minima(shown, np.array([i]), np.array([j]), told)
            height = pressure_m[j] - pressure_m[i]
            if not np.isfinite(height).all():
                height = geometric_m[j] - geometric_m[i]
            height = np.where(np.isfinite(height), np.abs(height), 0.0)
            apart = np.linalg.norm(points[j] - points[i], axis=1)
            if ((apart < horizontal[0] - 1.0) & (height < vertical[0] - 0.1)).any():
                found.add(frozenset((shown.tracks[i].track_id, shown.tracks[j].track_id)))
    return found


@given(TRACKS, st.sampled_from([(0.0, 0.0), (60.0, 179.9), (-75.0, -179.9), (36.0, -121.0)]),
       st.sampled_from([(20_000, 0), (0, 4_000_000), (0, 0)]))  # fmt: skip
def test_no_pair_is_missed(states, centre, bounds):
    tracks = []
    for name, (lat, lon, speed, course, climb, turn, height, error, geometric) in zip(NAMES, states, strict=False):
        longitude = (centre[1] + lon / math.cos(math.radians(centre[0])) + 180.0) % 360.0 - 180.0
        tracks.append(
            track(name, centre[0] + lat, longitude, speed=speed, course=course, climb=climb, turn=turn,
                  altitude=height, error=error, geometric=geometric)
        )  # fmt: skip
    told = situation(ours="aceg", theirs="b")
    with pytest.MonkeyPatch.context() as patch:
        for name, most in zip(("FEW_PAIRS", "MOST_HELD"), bounds, strict=True):
            patch.setattr(f"detente.watch.pairs.{name}", most)
        shown, prediction, findings = look(tracks, told)
    found = {frozenset(one.tracks) for one in findings if one.level}
    assert inside_by_sampling(shown, prediction, told, told.times.preventive_s) <= found
    for one in findings:
        assert one.sides[0] is TrackSide.OURS
        assert one.sides[1] is not TrackSide.OURS


def head_on(**rest):
    return [track("a", 36.0, course=0.0), track("b", 36.3, course=180.0, **rest)]


def test_two_that_meet_are_found_with_the_time_that_is_left():
    _, _, (one,) = look(head_on(), situation())
    apart_m = 0.3 * 110_970.0
    assert one.left_s == pytest.approx((apart_m - 5_556.0 - 28.3) / 400.0, abs=0.5)
    assert one.reason == "separation_ahead"
    assert one.level == 2
    assert one.figures["closest_distance_m"] == pytest.approx(0.0, abs=5.0)
    assert one.figures["closest_height_m"] == 0.0
    assert one.place.latitude_deg == pytest.approx(36.15, abs=0.01)


@pytest.mark.parametrize("height", [10_304.8, 9_695.2])
def test_two_at_the_minimum_of_height_keep_it(height):
    _, _, findings = look(head_on(altitude=height), situation())
    assert [one.level for one in findings] == [0]


def test_levels_follow_the_time_left():
    times = LevelTimes(120.0, 60.0, 30.0)
    for gap, level in ((0.13, 3), (0.2, 2), (0.4, 1), (0.6, None)):
        tracks = [track("a", 36.0, course=0.0), track("b", 36.0 + gap, course=180.0)]
        _, _, findings = look(tracks, situation(times=times))
        assert [one.level for one in findings] == ([] if level is None else [level])


def test_errors_widen_the_minima_up_to_twice_and_are_said():
    beside = [track("a", course=0.0), track("b", longitude=-120.93, course=0.0, error=5_000.0)]
    _, _, (one,) = look(beside, situation())
    assert one.reason == "separation_lost"
    assert one.figures["minimum_distance_m"] == pytest.approx(5_556.0 + math.hypot(20.0, 5_000.0))
    assert one.figures["error_distance_m"] == pytest.approx(math.hypot(20.0, 5_000.0))
    _, _, (wide,) = look([beside[0], track("b", longitude=-120.93, course=0.0, error=1e5)], situation())
    assert wide.figures["minimum_distance_m"] == pytest.approx(2 * 5_556.0)


def test_a_height_that_is_not_heard_widens_the_vertical_minimum_up_to_twice():
    coasted = {"altitude": 10_400.0, "doubts": (TrackDoubt.COASTED,)}
    assert look(head_on(altitude=10_400.0, height_error=200.0), situation())[2] == []
    (one,) = look(head_on(**coasted, height_error=200.0), situation())[2]
    assert one.figures["minimum_height_m"] == pytest.approx(504.8, abs=0.01)
    assert (one.level, one.doubts) == (2, ("coasted",))
    assert look(head_on(**coasted, height_error=50.0), situation())[2] == []
    far = {**coasted, "altitude": 10_620.0}
    assert [found.level for found in look(head_on(**far, height_error=5_000.0), situation())[2]] == [0]


@pytest.mark.parametrize(
    ("left_s", "unheard_s", "rises"),
    [(60.0, 6.0, True), (60.0, 8.0, False), (20.0, 8.0, True), (20.0, 14.0, True), (20.0, 16.0, False)],
)
def test_who_was_not_heard_lately_raises_no_alert_the_less_the_farther_ahead_it_is(left_s, unheard_s, rises):
    other = track("b", 36.0 + (400.0 * left_s + 5_600.0) / 111_000.0, course=180.0)
    unheard = structs.replace(other, position_s=START_S - unheard_s)
    (found,) = look([track("a", 36.0, course=0.0), unheard], situation())[2]
    assert found.rises is rises
    assert found.level > 0


def test_a_place_without_a_velocity_raises_no_more_than_a_warning_and_a_loss_that_is_there_is_told_at_once():
    blind = [structs.replace(one, velocity_error_mps=300.0) for one in head_on()]
    (found,) = look(blind, situation())[2]
    assert (found.level, found.rises) == (2, False)
    near = [blind[0], structs.replace(blind[1], latitude_deg=36.1)]
    (found,) = look(near, situation())[2]
    assert (found.level, found.rises) == (3, True)
    here = [track("a"), structs.replace(track("b", latitude=36.01), velocity_error_mps=300.0)]
    (found,) = look(here, situation())[2]
    assert found.at_once
    (found,) = look([here[0], structs.replace(here[1], doubts=(TrackDoubt.COASTED,))], situation())[2]
    assert not found.at_once


def test_the_minima_are_those_agreed_with_the_party_whose_aircraft_it_is():
    wide, narrow = MinimaTable(Minima(9_260.0, 304.8)), MinimaTable(Minima(1_852.0, 304.8))
    told = situation(
        theirs="bc", minima=wide, minima_with={"south": narrow, "west": wide}, party_of={"b": "south", "c": "west"}
    )
    beside = [track("a", course=0.0), *(track(name, longitude=-120.96, course=0.0) for name in "bcd")]
    assert {one.tracks[1] for one in look(beside, told)[2]} == {"c", "d"}


def test_who_has_no_height_is_found_and_the_doubt_is_said():
    _, _, (one,) = look(head_on(altitude=None), situation())
    assert one.reason == "separation_no_height"
    assert one.doubts == (TrackDoubt.NO_HEIGHT,)
    assert one.level == 2
    near = [track("a", 36.0, course=0.0), track("b", 36.06, course=180.0, altitude=None)]
    assert [found.level for found in look(near, situation())[2]] == [2]


def test_heights_above_the_ellipsoid_are_compared_where_one_has_no_other():
    tracks = [
        track("a", course=0.0, geometric=10_050.0), track("b", 36.3, course=180.0, altitude=None, geometric=9_000.0),
    ]  # fmt: skip
    assert look(tracks, situation())[2] == []
    tracks[1] = track("b", 36.3, course=180.0, altitude=None, geometric=10_000.0)
    assert look(tracks, situation())[2][0].reason == "separation_ahead"


def test_own_pairs_only_where_wanted():
    tracks = head_on()
    assert look(tracks, situation(ours="ab"))[2] == []
    assert len(look(tracks, situation(ours="ab", own_pairs=True))[2]) == 1
    assert look(tracks, situation(ours="c"))[2] == []


def test_minima_by_class_of_the_plan():
    table = MinimaTable(MINIMA.default, (ClassMinima("drone", "crewed", Minima(500.0, 100.0)),))
    plan = Plan("p", Trajectory(straight_waypoints(), Containment(200.0, 100.0, 0.0)), "drone")
    tracks = [track("a", 36.0, course=0.0), track("b", longitude=-120.97, course=0.0)]
    assert len(look(tracks, situation(minima=table))[2]) == 1
    assert look(tracks, situation(minima=table, plans={"a": plan}))[2] == []


def straight_waypoints(turn_after_s=30.0):
    """North for so long at 200 m/s, then east; a hundred metres of climb in each leg."""
    corner = 36.0 + 200.0 * turn_after_s / 110_970.0
    east = -121.0 + 200.0 * 300.0 / (111_320.0 * math.cos(math.radians(corner)))
    return (
        Waypoint(place(36.0, -121.0), pressure(10_000.0), START),
        Waypoint(place(corner, -121.0), pressure(10_100.0), START + timedelta(seconds=turn_after_s)),
        Waypoint(place(corner, east), pressure(10_200.0), START + timedelta(seconds=turn_after_s + 300.0)),
    )


def test_an_aircraft_is_predicted_along_the_plan_that_it_follows():
    plan = Plan("p", Trajectory(straight_waypoints(), Containment(500.0, 200.0, 30.0)))
    tracks = [track("a", 36.0, course=0.0), track("b", 36.25, course=180.0, speed=100.0)]
    assert look(tracks, situation())[2][0].level > 0
    _, prediction, findings = look(tracks, situation(plans={"a": plan}))
    assert prediction.guess[0] == Guess.PLAN
    assert [one.level for one in findings] in ([], [0])
    assert prediction.latitude_deg[0, -1] == pytest.approx(36.0 + 6_000 / 110_970, abs=1e-3)
    assert prediction.pressure_m[0, 3] == pytest.approx(10_100.0)
    elsewhere = [track("a", 36.0, course=90.0), tracks[1]]
    assert look(elsewhere, situation(plans={"a": plan}))[1].guess[0] == Guess.STRAIGHT


def test_one_that_turns_is_predicted_along_its_turn_and_then_straight():
    _, prediction, _ = look([track("a", turn=3.0, course=0.0, speed=100.0), track("b", 40.0)], situation())
    assert prediction.guess[0] == Guess.TURN
    north = (prediction.latitude_deg[0] - 36.0) * 110_970.0
    east = (prediction.longitude_deg[0] + 121.0) * 111_320.0 * math.cos(math.radians(36.0))
    radius = 100.0 / math.radians(3.0)
    assert north[2] == pytest.approx(radius * math.sin(math.radians(60.0)), rel=0.01)
    assert east[2] == pytest.approx(radius * (1 - math.cos(math.radians(60.0))), rel=0.01)
    assert math.degrees(math.atan2(east[5] - east[4], north[5] - north[4])) == pytest.approx(60.0, abs=1.0)


def test_tracks_on_the_ground_and_impossible_ones_are_left_out():
    told = situation()
    odd = [track("x", speed=math.nan), track("y", altitude=1e6), track("z", latitude=math.inf)]
    assert len(live([track("a"), track("b", on_ground=True), *odd], told)) == 1
