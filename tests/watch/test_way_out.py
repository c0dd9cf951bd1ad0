"""The cheapest way out is clear of all the other traffic, and nothing cheaper is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from watch_samples import START_S, situation, track

from detente.watch.alert import WayOut
from detente.watch.live_tracks import live
from detente.watch.prediction import predict
from detente.watch.separation import look_ahead_of
from detente.watch.way_out import cheapest_way_out


def way_out(*tracks, ours="a"):
    told = situation(ours=ours)
    shown = live(tracks, told)
    prediction = predict(shown, START_S, look_ahead_of(told.times))
    return cheapest_way_out(shown, prediction, shown.rows["a"], told)


def flown(one, way, seconds):
    """Metres east and north of where it began and height gained, each second: an own, plain simulation."""
    course, speed = np.radians(one.track_deg), one.ground_speed_mps
    turn, gain, climb = way.turn_deg or 0.0, way.speed_mps or 0.0, way.climb_m
    x = y = height = 0.0
    path = [(0.0, 0.0, 0.0)]
    for second in range(1, seconds + 1):
        rate = one.vertical_speed_mps
        if second > 10:
            step = max(-3.0, min(3.0, turn))
            turn, course = turn - step, course + np.radians(step)
            step = max(-0.5, min(0.5, gain))
            gain, speed = gain - step, speed + step
            if climb is not None:
                rate = max(-7.62, min(7.62, climb))
                climb -= rate
        x, y, height = x + speed * np.sin(course), y + speed * np.cos(course), height + rate
        path.append((x, y, height))
    return np.array(path)


@given(
    st.lists(
        st.tuples(st.floats(-0.25, 0.25), st.floats(-0.25, 0.25), st.floats(50, 250), st.floats(0, 360),
                  st.floats(9_000, 11_000)),
        min_size=1, max_size=5,
    )
)  # fmt: skip
def test_a_way_out_is_clear_of_all_others(others):
    own = track("a", 0.0, 10.0, speed=150.0, error=0.0)
    tracks = [track("bcdef"[k], lat, 10.0 + lon, speed=speed, course=course, altitude=height, error=0.0)
              for k, (lat, lon, speed, course, height) in enumerate(others)]  # fmt: skip
    way = way_out(own, *tracks)
    if way is None:
        return
    path = flown(own, way, 120)
    seconds = np.arange(121)
    for other in tracks:
        course, far = np.radians(other.track_deg), other.ground_speed_mps * seconds
        x = (other.longitude_deg - 10.0) * 111_319.5 + far * np.sin(course)
        y = other.latitude_deg * 110_574.3 + far * np.cos(course)
        apart = np.hypot(path[:, 0] - x, path[:, 1] - y)
        height = np.abs(other.pressure_altitude_m - 10_000.0 - path[:, 2])
        inside = (apart < 5_556.0) & (height < 304.8)
        if inside[0]:
            assert apart[inside].min() > apart[0] - 60.0
        else:
            # A path is checked at moments ten seconds apart, straight between them: a turn is cut by so much.
            assert not ((apart < 5_556.0 - 60.0) & (height < 304.8 - 40.0)).any(), (way, other)


def test_the_cheapest_is_taken():
    own, other = track("a", 36.0, course=0.0), track("b", 36.4, course=180.0)
    assert way_out(own, other) == WayOut("a", turn_deg=20.0)


def test_who_is_boxed_in_at_his_level_climbs_or_descends():
    around = [
        track("b", 36.3, course=180.0), track("c", 36.0, -120.92, course=0.0), track("d", 36.0, -121.08, course=0.0),
    ]  # fmt: skip
    way = way_out(track("a", 36.0, course=0.0), *around)
    assert way is not None
    assert way.climb_m is not None
    assert abs(way.climb_m) == pytest.approx(1_100 * 0.3048)


def test_nobody_is_sent_to_the_ground_or_into_what_is_unknown():
    ring = [
        track(f"b{k}", 36.0 + 0.2 * np.cos(a), -121.0 + 0.25 * np.sin(a), speed=1.0, altitude=None)
        for k, a in enumerate(np.linspace(0, 2 * np.pi, 24, endpoint=False))
    ]
    assert way_out(track("a", 36.0, course=0.0), *ring) is None
    low = way_out(track("a", 36.0, course=0.0, altitude=700.0), track("b", 36.3, course=180.0, altitude=700.0))
    assert low is not None
    assert low.climb_m is None or low.climb_m > 0.0
