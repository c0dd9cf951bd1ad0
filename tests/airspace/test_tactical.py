"""Tactical detection never misses a pair, and says what geodesics on the ellipsoid say.

The oracles are all-pairs matrices in NumPy, written on purpose without anything of the kernels, and pyproj.
"""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod

from detente.airspace import tactical_kernels as kernels
from detente.airspace.refusal import Refusal
from detente.airspace.tactical import CELLS_PER_AIRCRAFT, Plane, Traffic, detect
from length import at_length

GEOD = Geod(ellps="WGS84")
EN_ROUTE = (9260.0, 304.8, 300.0)
CITY = (50.0, 15.0, 60.0)


def relative_flat(traffic):
    """East and north of j from i at time 0, shape [n, n], and the relative velocity, by BlueSky's formulas."""
    phi, lam = np.radians(traffic.latitude_deg), np.radians(traffic.longitude_deg)
    apart = (lam[None, :] - lam[:, None] + np.pi) % (2 * np.pi) - np.pi
    x = 6_371_000.0 * apart * np.cos(0.5 * (phi[None, :] + phi[:, None]))
    y = 6_371_000.0 * (phi[None, :] - phi[:, None])
    track = np.radians(traffic.track_deg)
    u, v = traffic.ground_speed_mps * np.sin(track), traffic.ground_speed_mps * np.cos(track)
    return np.stack([x, y], -1), np.stack([u[None, :] - u[:, None], v[None, :] - v[:, None]], -1)


def relative_tangent(traffic):
    """The same in the plane that is level halfway, with an explicit basis of that plane; 3-D vectors."""
    phi, lam, track = (np.radians(a) for a in (traffic.latitude_deg, traffic.longitude_deg, traffic.track_deg))
    up = np.stack([np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi)], -1)
    east = np.stack([-np.sin(lam), np.cos(lam), np.zeros_like(lam)], -1)
    north = np.cross(up, east)
    a, f = GEOD.a, GEOD.f
    stretch = a / np.sqrt(1 - f * (2 - f) * np.sin(phi) ** 2)
    place = stretch[:, None] * up * np.array([1.0, 1.0, (1 - f) ** 2])
    velocity = traffic.ground_speed_mps[:, None] * (np.sin(track)[:, None] * east + np.cos(track)[:, None] * north)
    middle = up[:, None] + up[None, :]
    middle = middle / np.maximum(np.linalg.norm(middle, axis=-1, keepdims=True), 1e-9)
    r, w = place[None, :] - place[:, None], velocity[None, :] - velocity[:, None]
    flatten = lambda d: d - np.sum(d * middle, -1, keepdims=True) * middle  # noqa: E731
    return flatten(r), flatten(w)


def all_pairs(traffic, minima, plane, give=0.0):
    """Pairs in conflict for minima grown by `give` metres and seconds: sampled nowhere, solved for every pair."""
    horizontal, vertical, look_ahead = minima[0] + give, minima[1] + give, minima[2] + give
    r, w = (relative_flat if plane is Plane.FLAT else relative_tangent)(traffic)
    rr, rw, ww = np.sum(r * r, -1), np.sum(r * w, -1), np.sum(w * w, -1)
    height = traffic.altitude_m[None, :] - traffic.altitude_m[:, None]
    climb = traffic.vertical_speed_mps[None, :] - traffic.vertical_speed_mps[:, None]
    with np.errstate(all="ignore"):
        half = np.sqrt(rw * rw - ww * (rr - horizontal**2))
        into = np.where(ww > 0, (-rw - half) / ww, np.where(rr < horizontal**2, -np.inf, np.nan))
        out = np.where(ww > 0, (-rw + half) / ww, np.where(rr < horizontal**2, np.inf, np.nan))
        bottom, top = (-vertical - height) / climb, (vertical - height) / climb
        into_v = np.where(climb != 0, np.minimum(bottom, top), np.where(abs(height) < vertical, -np.inf, np.nan))
        out_v = np.where(climb != 0, np.maximum(bottom, top), np.where(abs(height) < vertical, np.inf, np.nan))
    into, out = np.maximum(into, into_v), np.minimum(out, out_v)
    found = (into < out) & (out > 0) & (into <= look_ahead)
    return set(zip(*(a.tolist() for a in np.nonzero(np.triu(found, 1))), strict=True))


def pairs_of(found):
    return set(zip(found.first.tolist(), found.second.tolist(), strict=True))


def check_against_all_pairs(traffic, minima, plane):
    found = pairs_of(detect(traffic, *minima, plane))
    # A micrometre and a microsecond of give: what lies between is a pair on the very edge, where rounding may decide.
    assert all_pairs(traffic, minima, plane, -1e-6) <= found <= all_pairs(traffic, minima, plane, 1e-6)
    return found


def random_traffic(seed, n, kind):
    r = np.random.default_rng(seed)
    latitude, longitude = r.uniform(45, 47, n), r.uniform(0, 3, n)
    altitude, speed, climb = r.uniform(0, 12_000, n), r.uniform(100, 250, n), r.uniform(-10, 10, n)
    if kind == "antimeridian":
        longitude = (r.uniform(178, 182, n) + 180) % 360 - 180
    elif kind == "pole":
        latitude, longitude = 90 - np.abs(r.normal(0, 1, n)), r.uniform(-180, 180, n)
    elif kind == "south pole":
        latitude, longitude = -90 + np.abs(r.normal(0, 0.3, n)), r.uniform(-180, 180, n)
    elif kind == "world":
        latitude, longitude = np.degrees(np.arcsin(r.uniform(-1, 1, n))), r.uniform(-180, 180, n)
        latitude[n // 2 :] = latitude[: n - n // 2] + r.normal(0, 0.2, n - n // 2)
        latitude = np.clip(latitude, -90, 90)
        longitude[n // 2 :] = (longitude[: n - n // 2] + r.normal(0, 0.2, n - n // 2) + 180) % 360 - 180
    elif kind == "mixed speeds":
        speed = np.where(r.random(n) < 0.1, 900.0, r.choice([0.0, 5.0, 5.0, 60.0], n))
        longitude = r.uniform(0, 0.5, n)
    elif kind == "level":
        climb, altitude = np.zeros(n), r.choice([3000.0, 3300.0, 3304.8, 3600.0], n)
    elif kind == "twins":
        latitude[n // 2 :], longitude[n // 2 :] = latitude[: n - n // 2], longitude[: n - n // 2]
        altitude[n // 2 :] = altitude[: n - n // 2]
    track = r.choice([0.0, 90.0, 180.0, 270.0, 45.0], n) if kind == "level" else r.uniform(0, 360, n)
    return Traffic(latitude, longitude, altitude, speed, track, climb)


KINDS = ["plain", "antimeridian", "pole", "south pole", "world", "mixed speeds", "level", "twins"]


@pytest.mark.parametrize("plane", list(Plane))
@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), look_ahead_s=st.sampled_from([0.0, 1.0, 60.0, 300.0, 900.0]))
def test_never_misses_and_never_invents(kind, plane, seed, look_ahead_s):
    traffic = random_traffic(seed, 150, kind)
    check_against_all_pairs(traffic, (9260.0, 304.8, look_ahead_s), plane)


@pytest.mark.long
@pytest.mark.parametrize("plane", list(Plane))
@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=at_length(30), deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1), minima=st.sampled_from([EN_ROUTE, CITY, (1.0, 1.0, 30.0), (90_000.0, 3e3, 1200.0)])
)
def test_never_misses_in_a_crowd(kind, plane, seed, minima):
    traffic = random_traffic(seed, 400, kind)
    if minima[0] + 2 * minima[2] * traffic.ground_speed_mps.max() < 2e6:
        check_against_all_pairs(traffic, minima, plane)


@pytest.mark.long
@pytest.mark.parametrize("plane", list(Plane))
def test_a_dense_sky_finds_what_all_pairs_find(plane):
    found = check_against_all_pairs(random_traffic(7, 2000, "plain"), EN_ROUTE, plane)
    assert len(found) > 2000


def found_in_slices(traffic, minima, plane, slices, cells=CELLS_PER_AIRCRAFT):
    """The keys ``first * n + second`` of the pairs that all slices report, each by one of them."""
    state = kernels.prepare(
        traffic.latitude_deg, traffic.longitude_deg, traffic.altitude_m,
        traffic.ground_speed_mps, traffic.track_deg, traffic.vertical_speed_mps, int(plane),
    )  # fmt: skip
    found = []
    for number in range(slices):
        pairs = np.empty(100_000, dtype=np.int64)
        count = kernels.search_slice(state, int(plane), minima, number, slices, cells, pairs)
        found += pairs[:count].tolist()
    assert len(found) == len(set(found)), "a pair was reported by two slices"
    return frozenset(found)


@pytest.mark.parametrize("plane", list(Plane))
@pytest.mark.parametrize("kind", KINDS)
def test_the_number_of_slices_changes_nothing(kind, plane):
    traffic = random_traffic(3, 400, kind)
    answers = {
        found_in_slices(traffic, EN_ROUTE, plane, slices, cells)
        for slices, cells in ((1, 0.0), (1, CELLS_PER_AIRCRAFT), (3, 1.0), (17, CELLS_PER_AIRCRAFT), (64, 50.0))
    }
    assert len(answers) == 1
    assert answers.pop()


@pytest.mark.parametrize("latitude", [0.0, 60.0, 75.0, -82.0])
def test_flat_pairs_that_meet_late_from_far_away(latitude):
    """Fast aircraft on collision courses in the flat model, 50 m wide: there it and the charts disagree most."""
    n, r = 300, np.random.default_rng(5)
    meet_s = r.uniform(200, 300, n)
    lat_a, lon_a = np.radians(r.uniform(latitude - 1, latitude + 1, n)), np.radians(r.uniform(0, 360, n) - 180)
    track, speed = r.uniform(0, 360, (2, n)), r.uniform(100, 250, (2, n))
    u, v = speed * np.sin(np.radians(track)), speed * np.cos(np.radians(track))
    lat_b = lat_a - (v[1] - v[0]) * meet_s / 6_371_000.0
    lon_b = lon_a - (u[1] - u[0]) * meet_s / (6_371_000.0 * np.cos(0.5 * (lat_a + lat_b)))
    longitude = (np.degrees(np.concatenate([lon_a, lon_b])) + 180) % 360 - 180
    level = np.zeros(2 * n)
    traffic = Traffic(np.degrees(np.concatenate([lat_a, lat_b])), longitude, level, speed.ravel(), track.ravel(), level)
    for slices in (1, 16, 64):
        found = found_in_slices(traffic, (50.0, 15.0, 300.0), Plane.FLAT, slices)
        assert {k * 2 * n + n + k for k in range(n)} <= found


@pytest.mark.parametrize("look_ahead_s", [300.0, 1500.0])
def test_tangent_pairs_that_meet_late_from_far_away(look_ahead_s):
    """Fast aircraft that geodesics bring together, anywhere on Earth: far apart, planes tilt and charts bend most."""
    n, r = 300, np.random.default_rng(6)
    latitude, longitude = np.degrees(np.arcsin(r.uniform(-1, 1, n))), r.uniform(-180, 180, n)
    meet_s, speed = r.uniform(0.7, 1.0, n) * look_ahead_s, r.uniform(200, 300, (2, n))
    backwards = [GEOD.fwd(longitude, latitude, r.uniform(0, 360, n), speed[k] * meet_s) for k in (0, 1)]
    lon, lat, track = (np.concatenate([side[part] for side in backwards]) for part in range(3))
    level = np.zeros(2 * n)
    traffic = Traffic(lat, lon, level, speed.ravel(), track % 360, level)
    # The tangent plane misses by less than a metre at 300 s, and by the cube of that five times later.
    width_m = 20.0 if look_ahead_s == 300.0 else 600.0
    for slices in (1, 16, 64):
        found = found_in_slices(traffic, (width_m, 15.0, look_ahead_s), Plane.TANGENT, slices)
        assert {k * 2 * n + n + k for k in range(n)} <= found


def along(latitude, longitude, track, metres):
    longitude, latitude, _ = GEOD.fwd(longitude, latitude, track, metres)
    return latitude, longitude


@settings(max_examples=60, deadline=None)
@given(
    latitude=st.floats(-90, 90), longitude=st.floats(-180, 180), course=st.floats(0, 360), turn=st.floats(10, 350),
    miss_m=st.floats(0, 12_000), meet_s=st.floats(0, 300), fast=st.floats(10, 250), slow=st.floats(0, 250),
)  # fmt: skip
def test_closest_approach_is_the_geodesics(latitude, longitude, course, turn, miss_m, meet_s, fast, slow):
    """Two aircraft are flown backwards from near each other; the detector must foretell their closest approach."""
    there = along(latitude, longitude, course + 90, miss_m)
    back_a = GEOD.fwd(longitude, latitude, course + 180, fast * meet_s)
    back_b = GEOD.fwd(there[1], there[0], course + turn + 180, slow * meet_s)
    tracks = np.array([back_a[2], back_b[2]]) % 360
    start = np.array([[back_a[1], back_a[0]], [back_b[1], back_b[0]]])
    traffic = Traffic(start[:, 0], start[:, 1], [0, 0], [fast, slow], tracks, [0, 0])
    found = detect(traffic, 20_000.0, 100.0, 300.0)
    times = np.linspace(0.0, 300.0, 1201)
    path_a = GEOD.fwd(np.full(1201, start[0, 1]), np.full(1201, start[0, 0]), np.full(1201, tracks[0]), fast * times)
    path_b = GEOD.fwd(np.full(1201, start[1, 1]), np.full(1201, start[1, 0]), np.full(1201, tracks[1]), slow * times)
    distance = GEOD.inv(path_a[0], path_a[1], path_b[0], path_b[1])[2]
    assert len(found) == 1
    assert found.distance_m[0] == pytest.approx(distance[0], abs=3.0)
    if 0 < found.closest_s[0] < 300:
        # 0.25 s between samples at 500 m/s may hide 62 m of approach where paths meet head on, less when they miss.
        hidden = 62.5 if distance.min() < 500 else 5.0
        assert -1.5 <= distance.min() - found.closest_m[0] <= 1.5 + hidden
    inside = np.flatnonzero(distance < 20_000.0)
    closing_mps = max(1.0, np.abs(np.diff(distance)).max() / 0.25)
    if inside.size and inside[0] > 0 and closing_mps > 20:
        assert found.entry_s[0] == pytest.approx(times[inside[0]], abs=0.3 + 60 / closing_mps)


def two(latitudes, longitudes, altitudes=(3000, 3000), speeds=(200, 200), tracks=(90, 270), climbs=(0, 0)):
    return Traffic(latitudes, longitudes, altitudes, speeds, tracks, climbs)


@pytest.mark.parametrize("plane", list(Plane))
def test_head_on_over_the_antimeridian(plane):
    found = detect(two([10, 10], [179.8, -179.8]), *EN_ROUTE, plane)
    apart = found.distance_m[0]
    assert apart == pytest.approx(GEOD.inv(179.8, 10, -179.8, 10)[2], rel=0.002)
    assert found.closest_s[0] == pytest.approx(apart / 400, rel=1e-3)
    assert found.entry_s[0] == pytest.approx((apart - 9260) / 400, rel=1e-3)
    assert found.closest_m[0] < 30


def test_across_the_pole_and_on_it():
    facing = two([89.8, 89.8], [0, 180], tracks=(0, 0))  # both fly north: towards each other
    found = detect(facing, *EN_ROUTE)
    assert found.closest_s[0] == pytest.approx(22_338 / 200, rel=2e-3)
    assert found.closest_m[0] < 1
    on_the_pole = two([90, 89.9], [77, -103], speeds=(0, 200), tracks=(0, 0))
    assert len(detect(on_the_pole, *EN_ROUTE)) == 1
    leaving = two([89.8, 89.8], [0, 180], tracks=(180, 180))
    assert len(detect(leaving, *EN_ROUTE)) == 0


@pytest.mark.parametrize("plane", list(Plane))
def test_grazing_and_parallel_and_still(plane):
    """A hair inside the minimum is a conflict, a hair outside is none; who moves alike keeps the distance."""
    north_m = detect(two([0, 0.08], [0, 0], speeds=(0, 0)), 20_000, 300, 300, plane).distance_m[0]
    still = two([0, 0.08], [0, 0], speeds=(0, 0))
    assert len(detect(still, north_m - 1e-6, 300, 300, plane)) == 0
    just = detect(still, north_m + 1e-6, 300, 300, plane)
    assert len(just) == 1
    assert just.entry_s[0] == 0
    assert just.exit_s[0] == math.inf
    parallel = two([0, 0.08], [0, 0], tracks=(90, 90))
    assert len(detect(parallel, north_m - 0.1, 300, 300, plane)) == 0
    assert len(detect(parallel, north_m + 0.1, 300, 300, plane)) == 1
    overtaking = two([0, 0], [0, 0.2], speeds=(250, 200), tracks=(90, 90))
    caught = detect(overtaking, *EN_ROUTE, plane)
    assert caught.entry_s[0] == pytest.approx((caught.distance_m[0] - 9260) / 50, abs=0.5)
    assert len(detect(overtaking, 9260, 304.8, caught.entry_s[0] - 1, plane)) == 0
    diverging = two([0, 0], [0, 0.2], speeds=(200, 250), tracks=(90, 90))
    assert len(detect(diverging, *EN_ROUTE, plane)) == 0


@pytest.mark.parametrize("plane", list(Plane))
def test_vertical_minima(plane):
    here = ([0, 0], [0, 0])
    assert len(detect(two(*here, altitudes=(3000, 3304.8)), *EN_ROUTE, plane)) == 0
    assert len(detect(two(*here, altitudes=(3000, 3304.7)), *EN_ROUTE, plane)) == 1
    climbing = two(*here, altitudes=(3000, 3500), speeds=(0, 0), climbs=(5, 0))
    found = detect(climbing, *EN_ROUTE, plane)
    assert found.entry_s[0] == pytest.approx((500 - 304.8) / 5)
    assert found.exit_s[0] == pytest.approx((500 + 304.8) / 5)
    assert len(detect(climbing, 9260, 304.8, 39.0, plane)) == 0
    # The levels cross after the courses have: never inside both minima at once.
    passed = two([0, 0], [0, 0.1], altitudes=(3000, 4500), speeds=(250, 250), climbs=(5, 0))
    assert len(detect(passed, *EN_ROUTE, plane)) == 0


def test_identical_states_and_small_sets():
    same = Traffic([50.0] * 4, [5.0] * 4, [1000.0] * 4, [30.0] * 4, [10.0] * 4, [1.0] * 4)
    found = detect(same, *CITY)
    assert pairs_of(found) == {(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)}
    assert found.closest_m.tolist() == [0.0] * 6
    assert len(detect(Traffic([], [], [], [], [], []), *CITY)) == 0
    assert len(detect(Traffic([1], [1], [1], [1], [1], [1]), *CITY)) == 0
    assert len(detect(same, 0, 15, 60)) == 0


def test_bad_input_is_refused():
    with pytest.raises(Refusal, match=r"latitude_deg\[1\].*-90 to 90"):
        two([0, 91], [0, 0])
    with pytest.raises(Refusal, match=r"track_deg\[0\]"):
        two([0, 1], [0, 0], tracks=(math.nan, 0))
    with pytest.raises(Refusal, match="the shape of latitude_deg"):
        two([0, 1], [0, 0], tracks=(1, 2, 3))
    with pytest.raises(Refusal, match="look_ahead_s"):
        detect(two([0, 1], [0, 0]), 9260, 304.8, math.inf)
    with pytest.raises(Refusal, match="Compare plans"):
        detect(two([0, 1], [0, 0]), 9260, 304.8, 20_000)
