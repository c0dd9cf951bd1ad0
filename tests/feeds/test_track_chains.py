"""Reports under one name are told apart: chains, heights, positions that stand still, silences; against made truth."""

import math
import time
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Geod

from detente.airspace.plan import Containment
from detente.feeds.dropped import DropReason
from detente.feeds.geojson import read_geojson, write_geojson
from detente.feeds.plausibility import FASTEST_M_S, POSITION_JITTER_M
from detente.feeds.track_chains import chains_of_positions
from detente.feeds.track_columns import TrackColumns
from detente.feeds.track_frozen import frozen
from detente.feeds.track_heights import believed_spans
from detente.feeds.tracks import TrackOptions, flights_of

GEOD = Geod(ellps="WGS84")
START_S = 1_750_000_000.0


def columns(times, latitudes, longitudes, altitudes_ft, icao24="4b1234") -> TrackColumns:
    count = len(times)
    empty = np.full(count, "", dtype=object)
    address = np.full(count, icao24, dtype=object)
    numbers = (np.asarray(v, dtype=np.float64) for v in (times, latitudes, longitudes, altitudes_ft))
    return TrackColumns(*numbers, np.full(count, np.nan), np.zeros(count, dtype=bool), address, empty, empty)


def eastward(times, latitude=47.0, speed_m_s=200.0, longitude=8.0):
    """Positions of an aircraft on a parallel: times in seconds, positions in degrees."""
    degree_m = 111_320.0 * math.cos(math.radians(latitude))
    return np.full(len(times), latitude), longitude + speed_m_s * np.asarray(times) / degree_m


def counts(found) -> dict[DropReason, int]:
    return {entry.reason: entry.count for entry in found.dropped}


@given(
    aircraft=st.lists(st.integers(2, 4), min_size=1, max_size=3),
    order=st.randoms(use_true_random=False),
    wild=st.lists(st.tuples(st.integers(0, 119), st.floats(-60, 30)), max_size=8),
)
def test_aircraft_under_one_address_are_told_apart_and_wild_positions_are_in_none(aircraft, order, wild):
    """The oracle knows which aircraft made each report: they are hundreds of kilometres apart, wild ones further."""
    rows = []
    for number, step_s in enumerate(aircraft):
        times = np.arange(0, 120 * step_s, step_s) + 0.1 * number
        latitudes, longitudes = eastward(times, 40.0 + 5.0 * number, 150.0 + 50.0 * number)
        rows += [(t, lat, lon, number) for t, lat, lon in zip(times, latitudes, longitudes, strict=True)]
    for n, (at, latitude) in enumerate(dict(wild).items()):
        rows.append((at + 0.55, latitude, -100.0 + 15.0 * n, -1))
    order.shuffle(rows)
    rows.sort(key=lambda row: row[0])
    times, latitudes, longitudes, makers = (np.array(column) for column in zip(*rows, strict=True))
    found = flights_of(columns(START_S + times, latitudes, longitudes, np.full(len(times), 20_000.0)))
    assert len(found.flights) == len(aircraft)
    assert counts(found) == ({DropReason.TOO_FAST: int((makers == -1).sum())} if (makers == -1).any() else {})
    for flight in found.flights:
        near = {round((w.position.latitude_deg - 40.0) / 5.0) for w in flight.plan.intent.waypoints}
        assert len(near) == 1
    plans = tuple(flight.plan for flight in found.flights)
    assert read_geojson(write_geojson(plans)) == plans


@given(
    st.lists(st.tuples(st.floats(0.0, 20.0), st.floats(-3, 3), st.floats(-3, 3)), min_size=1, max_size=60),
    st.floats(5.0, 600.0),
)
def test_chains_hold_every_report_once_and_no_step_that_no_aircraft_makes(steps, gap_s):
    times = np.cumsum([step[0] for step in steps])
    latitudes, longitudes = np.array([step[1] for step in steps]), np.array([step[2] for step in steps])
    chains = chains_of_positions(times, latitudes, longitudes, gap_s)
    assert sorted(np.concatenate(chains).tolist()) == list(range(len(steps)))
    for chain in chains:
        for first, second in pairwise(chain.tolist()):
            assert first < second
            assert times[second] - times[first] <= gap_s
            since = first
            while since > 0 and (latitudes[since - 1], longitudes[since - 1]) == (latitudes[first], longitudes[first]):
                since -= 1
            # From a position that stands still the aircraft may have left when it was new.
            metres = GEOD.inv(longitudes[first], latitudes[first], longitudes[second], latitudes[second])[2]
            assert metres <= FASTEST_M_S * (times[second] - times[since]) + POSITION_JITTER_M


@pytest.mark.parametrize("garbage", [False, True], ids=["interleaved", "every second report is wild"])
def test_the_time_is_linear_in_the_reports(garbage):
    def seconds(count):
        times = np.arange(count, dtype=np.float64)
        latitudes, longitudes = eastward(times % 5_000, 50.0)
        latitudes = latitudes + 0.0
        if garbage:
            latitudes[1::2] = np.random.default_rng(1).uniform(-80, 80, len(latitudes[1::2]))
        else:
            latitudes[1::2] -= 3.0
        made = columns(START_S + times, latitudes, longitudes, np.full(count, 30_000.0))
        begin = time.process_time()
        flights_of(made)
        return time.process_time() - begin

    seconds(500)
    assert seconds(16_000) < 10.0 * seconds(4_000)


def test_a_stuck_altitude_that_lasts_longer_than_the_true_one_is_still_not_believed():
    times = np.arange(400.0)
    heights = np.full(400, 8_000.0)
    heights[50:350] = 18_000.0
    (span,) = believed_spans(times, heights)
    assert (span.begin, span.end) == (0, 400)
    assert np.flatnonzero(span.believed).tolist() == [*range(50), *range(350, 400)]


def test_an_altitude_that_jumps_and_stays_makes_two_flights_of_which_the_longer_is_whole():
    times = np.arange(200.0)
    latitudes, longitudes = eastward(times)
    altitudes = np.where(times < 120, 27_000.0, 60_900.0)
    found = flights_of(columns(START_S + times, latitudes, longitudes, altitudes))
    assert [f.plan.intent.waypoints[0].altitude.value for f in found.flights] == [27_000.0, 60_900.0]
    assert counts(found) == {DropReason.TOO_STEEP: 80}
    whole = found.flights[0].plan
    assert whole.time.end.timestamp() == START_S + 199.0
    # From the last height that is believed on it may have climbed or sunk at 2,000 ft/min.
    assert whole.intent.containment_of_leg(-1).vertical_m == 800.0


def test_positions_that_come_without_altitude_at_an_end_are_used_and_widened():
    times = np.arange(300.0)
    latitudes, longitudes = eastward(times)
    altitudes = np.where((times < 30) | (times > 150), np.nan, 30_000.0)
    found = flights_of(columns(START_S + times, latitudes, longitudes, altitudes))
    (flight,) = found.flights
    assert (flight.plan.time.start.timestamp(), flight.plan.time.end.timestamp()) == (START_S, START_S + 299.0)
    assert flight.plan.intent.containment_of_leg(0).vertical_m == 300.0
    assert [s.start.timestamp() - START_S for s in flight.unheard] == [150.0]
    assert counts(found) == {}


def test_a_climb_is_believed_and_a_lone_reading_off_it_is_not():
    times = 5.0 * np.arange(100)
    heights = 300.0 + 25.0 * times
    assert believed_spans(times, heights)[0].believed.all()
    for step_s, off_m in ((5.0, -900.0), (5.0, 12_000.0), (10.0, 1_524.0), (60.0, 7_010.0)):
        wrong = 3_048.0 + 0.0 * heights
        wrong[50] += off_m
        assert np.flatnonzero(~believed_spans(step_s * np.arange(100), wrong)[0].believed).tolist() == [50]
    alternating = np.where(np.arange(20) % 2, 6_096.0, 10_668.0)
    assert believed_spans(60.0 * np.arange(20), alternating)[0].believed.sum() == 10


def test_readings_that_stand_aside_for_a_while_are_not_believed_and_levels_that_are_changed_are():
    times = 5.0 * np.arange(120)
    aside = np.full(120, 3_048.0)
    aside[59:62] += 762.0
    (span,) = believed_spans(times, aside)
    assert np.flatnonzero(~span.believed).tolist() == [59, 60, 61]
    changed = 3_048.0 + 20.0 * np.clip(times - 200.0, 0.0, 30.0) - 20.0 * np.clip(times - 300.0, 0.0, 30.0)
    assert believed_spans(times, changed)[0].believed.all()
    zoom = 3_048.0 + 100.0 * np.clip(times - 200.0, 0.0, 40.0) - 100.0 * np.clip(times - 240.0, 0.0, 40.0)
    assert believed_spans(times, zoom)[0].believed.all()
    stale = 3_048.0 + 15.0 * 40.0 * (times // 40.0)
    assert believed_spans(times, stale)[0].believed.all()


def test_a_position_aside_is_in_none_and_a_flight_at_twice_the_speed_of_sound_is_whole():
    times = 10.0 * np.arange(60)
    latitudes, longitudes = eastward(times, speed_m_s=240.0)
    latitudes[30] += 0.08
    assert counts(flights_of(columns(START_S + times, latitudes, longitudes, np.full(60, 30_000.0)))) == {
        DropReason.TOO_FAST: 1
    }
    fast = flights_of(columns(START_S + times, *eastward(times, speed_m_s=600.0), np.full(60, 50_000.0)))
    assert (len(fast.flights), counts(fast)) == (1, {})


def test_an_altitude_above_every_aircraft_is_left_out_and_its_position_used():
    times = np.arange(100.0)
    latitudes, longitudes = eastward(times)
    altitudes = np.full(100, 30_000.0)
    altitudes[40:44] = 126_750.0
    found = flights_of(columns(START_S + times, latitudes, longitudes, altitudes))
    assert counts(found) == {DropReason.TOO_HIGH: 4}
    (flight,) = found.flights
    assert {w.altitude.value for w in flight.plan.intent.waypoints} == {30_000.0}


def test_a_position_that_stands_still_while_the_aircraft_flies_on_is_left_out():
    times = np.arange(300.0)
    latitudes, longitudes = eastward(times, speed_m_s=250.0)
    longitudes[100:160] = longitudes[100]
    found = flights_of(columns(START_S + times, latitudes, longitudes, np.full(300, 30_000.0)))
    assert counts(found) == {DropReason.FROZEN: 59}
    (flight,) = found.flights
    assert flight.plan.time.end.timestamp() == START_S + 299.0


def test_an_aircraft_that_says_ground_in_flight_is_flying_and_one_that_lands_is_not():
    times = 5.0 * np.arange(120)
    latitudes, longitudes = eastward(times, speed_m_s=230.0)
    made = columns(START_S + times, latitudes, longitudes, np.where(times > 200, np.nan, 20_000.0))
    made.on_ground[times > 200] = True
    found = flights_of(made)
    assert found.flights[0].plan.time.end.timestamp() == START_S + times[-1]
    assert counts(found) == {}
    speeds = np.clip(75.0 - 1.5 * np.clip(times - 300.0, 0.0, None), 0.0, 75.0)
    rolled = columns(START_S + times, latitudes, 8.0 + np.cumsum(5.0 * speeds) / 75_000.0, np.full(120, 500.0))
    rolled.on_ground[times > 300] = True
    assert counts(flights_of(rolled)) == {DropReason.ON_GROUND: int((times > 300).sum())}


def test_what_hovers_is_not_taken_for_frozen():
    times = np.arange(300.0)
    speeds = np.clip(np.minimum(times, 299.0 - times) - 60.0, 0.0, 60.0)[::-1]
    along_m = np.cumsum(
        np.where(times < 90, np.clip(60.0 - 0.7 * times, 0, 60), np.where(times > 200, 0.5 * (times - 200), 0))
    )
    assert speeds.max() > 0.0
    latitudes, longitudes = np.full(300, 47.0), 8.0 + along_m / 75_000.0
    assert not frozen(times, latitudes, longitudes).any()


def test_a_silence_of_minutes_widens_its_leg_and_is_named():
    times = np.concatenate([np.arange(0.0, 300.0, 5.0), np.arange(540.0, 800.0, 5.0)])
    latitudes, longitudes = eastward(times, speed_m_s=230.0)
    (flight,) = flights_of(columns(START_S + times, latitudes, longitudes, np.full(len(times), 35_000.0))).flights
    spans = [(s.start.timestamp() - START_S, s.end.timestamp() - START_S) for s in flight.unheard]
    assert spans == [(295.0, 540.0)]
    trajectory = flight.plan.intent
    starts = [w.time.timestamp() - START_S for w in trajectory.waypoints]
    silent = trajectory.containment_of_leg(starts.index(295.0))
    # Faster by a twentieth, aside and back again: 0.16 of the way.
    assert silent.lateral_m == pytest.approx(0.5 * math.sqrt(1.05**2 - 1.0) * 230.0 * 245.0, rel=0.01)
    assert silent.vertical_m == pytest.approx(10.0 * 245.0 / 2.0, rel=0.01)
    assert trajectory.containment_of_leg(0).vertical_m == 0.0
    assert trajectory.containment == Containment(silent.lateral_m, silent.vertical_m, 0.0)


@given(st.lists(st.sampled_from([0.0, 25.0, -25.0, 100.0]), min_size=20, max_size=80), st.floats(0.0, 300.0))
def test_every_report_is_within_the_containment_of_its_leg(steps_ft, turn_deg_s):
    times = 4.0 * np.arange(len(steps_ft))
    course = np.radians(np.cumsum(np.full(len(times), min(turn_deg_s, 3.0) * 4.0)))
    latitudes = 47.0 + np.cumsum(800.0 * np.cos(course)) / 111_200.0
    longitudes = 8.0 + np.cumsum(800.0 * np.sin(course)) / 76_000.0
    altitudes = 20_000.0 + np.cumsum(steps_ft)
    (flight,) = flights_of(columns(START_S + times, latitudes, longitudes, altitudes)).flights
    trajectory = flight.plan.intent
    at = np.array([w.time.timestamp() - START_S for w in trajectory.waypoints])
    for row, moment in enumerate(times.tolist()):
        leg = min(int(np.searchsorted(at, moment, side="right")) - 1, len(at) - 2)
        a, b = trajectory.waypoints[leg], trajectory.waypoints[leg + 1]
        share = (moment - at[leg]) / (at[leg + 1] - at[leg])
        azimuth, _, length = GEOD.inv(
            a.position.longitude_deg, a.position.latitude_deg, b.position.longitude_deg, b.position.latitude_deg
        )
        east, north, _ = GEOD.fwd(a.position.longitude_deg, a.position.latitude_deg, azimuth, share * length)
        sideways = GEOD.inv(east, north, longitudes[row], latitudes[row])[2]
        height_m = a.altitude.reading_m + share * (b.altitude.reading_m - a.altitude.reading_m)
        within = trajectory.containment_of_leg(leg)
        assert sideways <= within.lateral_m + 1e-3
        assert abs(height_m - 0.3048 * altitudes[row]) <= within.vertical_m + 1e-3


def test_an_aircraft_that_flew_on_unheard_for_longer_than_a_flight_may_is_said_to_be_lost():
    for speed_m_s, lost in ((230.0, {(295.0, 1200.0)}), (0.0, set())):
        times = np.concatenate([np.arange(0.0, 300.0, 5.0), np.arange(1200.0, 1500.0, 5.0)])
        latitudes, longitudes = eastward(times, speed_m_s=speed_m_s)
        found = flights_of(columns(START_S + times, latitudes, longitudes, np.full(len(times), 35_000.0)))
        spans = {(s.start.timestamp() - START_S, s.end.timestamp() - START_S) for f in found.flights for s in f.lost}
        assert len(found.flights) == 2
        assert spans == lost


def test_a_given_containment_is_the_least_of_every_leg():
    times = np.arange(200.0)
    latitudes, longitudes = eastward(times)
    least = Containment(500.0, 60.0, 10.0)
    made = columns(START_S + times, latitudes, longitudes, np.full(200, 30_000.0))
    (flight,) = flights_of(made, TrackOptions(containment=least)).flights
    assert flight.plan.intent.containment == least
    assert flight.plan.intent.leg_containments == ()


@pytest.mark.parametrize("later_s", [0.0, 0.0000001])
def test_two_aircraft_under_one_address_one_above_the_other_at_the_same_times_are_two_flights(later_s):
    times = 5.0 * np.arange(60)
    latitudes, longitudes = eastward(times)
    both = np.concatenate([START_S + times, START_S + times + later_s])
    made = columns(both, np.tile(latitudes, 2), np.tile(longitudes, 2), np.repeat([30_000.0, 32_000.0], len(times)))
    found = flights_of(made)
    heights = sorted(flight.plan.intent.waypoints[0].altitude.value for flight in found.flights)
    assert heights == [30_000.0, 32_000.0]
    assert found.dropped == ()


def test_a_report_of_another_height_at_the_same_time_is_named_as_wrong():
    times = 5.0 * np.arange(60)
    latitudes, longitudes = eastward(times)
    rows = [*range(60), *range(20, 25)]
    heights = np.concatenate([np.full(60, 30_000.0), np.full(5, 31_000.0)])
    found = flights_of(columns(START_S + times[rows], latitudes[rows], longitudes[rows], heights))
    assert counts(found) == {DropReason.TOO_STEEP: 5}
    repeated = flights_of(columns(START_S + times[rows], latitudes[rows], longitudes[rows], np.full(65, 30_000.0)))
    assert counts(repeated) == {DropReason.REPEATED_TIME: 5}
