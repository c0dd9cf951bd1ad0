"""The quadratic pieces and the chord's length, held against pyproj's geodesics."""

import numpy as np
import pytest
from pyproj import Geod

from detente.airspace.ellipsoid_kernels import (
    PIECE_LENGTH_M,
    geodesic_m,
    geodetic,
    point_on,
    set_piece,
    surface_point,
    surface_points,
    turns_around,
)  # fmt: skip

GEOD = Geod(ellps="WGS84")


def lines(count: int, length_m: float):
    random = np.random.default_rng(20151020)
    for _ in range(count):
        latitude, longitude = random.uniform(-90, 90), random.uniform(-180, 180)
        azimuth = random.uniform(0, 360)
        yield latitude, longitude, azimuth, GEOD.fwd(longitude, latitude, azimuth, length_m)


def test_a_piece_stays_within_two_millimetres_of_the_geodesic_at_constant_speed():
    worst = 0.0
    for latitude, longitude, azimuth, (end_longitude, end_latitude, _) in lines(400, PIECE_LENGTH_M):
        curves = np.zeros((1, 9))
        start, end = surface_point(latitude, longitude), surface_point(end_latitude, end_longitude)
        set_piece(curves, 0, np.array(start), np.array(end))
        for share in np.linspace(0, 1, 11):
            lon, lat, _ = GEOD.fwd(longitude, latitude, azimuth, PIECE_LENGTH_M * share)
            true = np.array(surface_point(lat, lon))
            worst = max(worst, float(np.linalg.norm(true - np.array(point_on(curves, 0, share)))))
    assert worst < 0.002


@pytest.mark.parametrize(("length_m", "bound_m"), [(1.0, 1e-7), (1e4, 1e-7), (1e5, 1e-4), (2e5, 3e-3)])
def test_the_length_of_a_geodesic_from_its_chord(length_m, bound_m):
    for latitude, longitude, _, (end_longitude, end_latitude, _) in lines(1000, length_m):
        a, b = np.array(surface_point(latitude, longitude)), np.array(surface_point(end_latitude, end_longitude))
        assert geodesic_m(*a, *(b - a)) == pytest.approx(length_m, abs=bound_m)


def test_a_surface_point_gives_its_position_back():
    random = np.random.default_rng(1)
    for _ in range(1000):
        latitude, longitude = random.uniform(-90, 90), random.uniform(-180, 180)
        assert geodetic(*surface_point(latitude, longitude)) == pytest.approx((latitude, longitude), abs=1e-12)


def test_a_ring_around_the_pole_contains_the_pole_and_not_the_other_one():
    longitudes = np.arange(0.0, 360.0, 1.0)
    points = surface_points(np.full(360, 80.0), longitudes)
    ring = np.zeros((360, 9))
    ring[:, :3] = points
    assert turns_around(ring, 0, 360, *surface_point(90.0, 0.0))
    assert turns_around(ring, 0, 360, *surface_point(85.0, 179.9))
    assert not turns_around(ring, 0, 360, *surface_point(79.0, -179.9))
