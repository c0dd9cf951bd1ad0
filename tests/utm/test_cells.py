"""Coverings hold every cell that shares a point with the shape, by S2's own numbering and by exact plane geometry."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod
from shapely.geometry import Polygon

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import s2sphere

from detente.utm.cells_kernels import area_sr, crossing_edges, unit_vectors
from detente.utm.refused import Refused
from detente.utm.space import Ring, Volume, union
from length import quickly

WGS84 = Geod(ellps="WGS84")
LATITUDES, LONGITUDES = st.floats(-89.9, 89.9), st.floats(-180.0, 180.0)


def s2_cell(latitude: float, longitude: float) -> int:
    return int(s2sphere.CellId.from_lat_lng(s2sphere.LatLng.from_degrees(latitude, longitude)).parent(13).id() >> 32)


def around(cells: list[int]) -> set[int]:
    """The cells and all that touch them."""
    found = set(cells)
    for cell in cells:
        found.update(int(near.id() >> 32) for near in s2sphere.CellId(cell << 32).get_all_neighbors(13))
    return found


def plane_about(centre: np.ndarray) -> np.ndarray:
    """Two axes across `centre`: the gnomonic plane, on which great circles are straight."""
    pole = np.array([0.0, 0.0, 1.0]) if abs(centre[2]) < 0.9 else np.array([1.0, 0.0, 0.0])
    east = np.cross(pole, centre)
    east /= np.linalg.norm(east)
    return np.array([east, np.cross(centre, east)])


def on_plane(points: np.ndarray, centre: np.ndarray, axes: np.ndarray) -> np.ndarray:
    return (points @ axes.T) / (points @ centre)[:, None]


@st.composite
def rings(draw: st.DrawFn) -> list[tuple[float, float]]:
    """Star-shaped rings of some hundred metres to some kilometres, anywhere, in either winding."""
    latitude, longitude = draw(LATITUDES), draw(LONGITUDES)
    count = draw(st.integers(3, 9))
    reach = draw(st.floats(50.0, 8_000.0))
    turns = sorted(draw(st.lists(st.floats(0.0, 359.0), min_size=count, max_size=count, unique_by=round)))
    reaches = draw(st.lists(st.floats(0.2, 1.0), min_size=count, max_size=count))
    ring = []
    for turn, share in zip(turns, reaches, strict=True):
        lng, lat, _ = WGS84.fwd(longitude, latitude, turn, reach * share)
        ring.append((lat, lng))
    return ring[::-1] if draw(st.booleans()) else ring


def polygon_cells(ring: Ring) -> tuple[int, ...]:
    return union([Volume(tuple(ring), None, None, None, None, None)], 413).cells


def circle_cells(latitude: float, longitude: float, radius_m: float) -> tuple[int, ...]:
    return union([Volume(((latitude, longitude),), radius_m, None, None, None, None)], 413).cells


@given(rings())
@settings(max_examples=quickly(60))
def test_a_polygon_covers_exactly_the_cells_it_touches(ring: list[tuple[float, float]]) -> None:
    vectors = unit_vectors(np.array(ring))
    if crossing_edges(vectors)[0] >= 0 or len(set(ring)) < len(ring):
        return
    covered = set(polygon_cells(ring))
    centre = vectors.mean(axis=0) / np.linalg.norm(vectors.mean(axis=0))
    axes = plane_about(centre)
    polygon = Polygon(on_plane(vectors, centre, axes))
    if not polygon.is_valid:
        return
    for cell in around(sorted(covered)):
        corners = [s2sphere.Cell(s2sphere.CellId(cell << 32)).get_vertex(k) for k in range(4)]
        square = Polygon(on_plane(np.array([[c[0], c[1], c[2]] for c in corners]), centre, axes))
        if cell in covered:
            assert square.distance(polygon) < 1e-9
        else:
            assert square.intersection(polygon).area < 1e-16 or square.distance(polygon) > 0.0


@given(LATITUDES, LONGITUDES, st.floats(1.0, 20_000.0), st.lists(st.tuples(st.floats(0, 360), st.floats(0, 1))))
@settings(max_examples=quickly(100))
def test_a_circle_covers_all_of_itself(
    latitude: float, longitude: float, radius_m: float, places: list[tuple[float, float]]
) -> None:
    covered = set(circle_cells(latitude, longitude, radius_m))
    for turn, share in [*places, *((15.0 * k, 1.0) for k in range(24))]:
        lng, lat, _ = WGS84.fwd(longitude, latitude, turn, radius_m * share)
        assert s2_cell(lat, lng) in covered


@pytest.mark.parametrize(("latitude", "longitude"), [(-56.0, 178.0), (89.999, 180.0), (0.0, 45.0), (35.264389, 45.0)])
def test_circles_at_awkward_places_are_not_larger_than_they_must_be(latitude: float, longitude: float) -> None:
    covered = circle_cells(latitude, longitude, 12_000.0)
    centre = s2sphere.LatLng.from_degrees(latitude, longitude)
    for cell in covered:
        middle = s2sphere.CellId(int(cell) << 32).to_lat_lng()
        assert centre.get_distance(middle).radians * 6_371_010.0 < 12_000.0 * 1.02 + 1_700.0


@given(LATITUDES, LONGITUDES)
def test_a_point_is_in_the_cell_that_s2_names(latitude: float, longitude: float) -> None:
    assert s2_cell(latitude, longitude) in circle_cells(latitude, longitude, 0.01)


def test_the_area_is_that_of_the_smaller_side() -> None:
    ring = [(0.0, 0.0), (0.0, 0.1), (0.1, 0.1), (0.1, 0.0)]
    expected = math.radians(0.1) * (math.sin(math.radians(0.1)))
    assert area_sr(unit_vectors(np.array(ring))) == pytest.approx(expected, rel=1e-5)
    assert area_sr(unit_vectors(np.array(ring[::-1]))) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("ring", "status"),
    [
        ([(0.0, 0.0), (0.1, 0.1), (0.0, 0.1), (0.1, 0.0)], 400),
        ([(0.0, 0.0), (0.0, 0.1)], 400),
        ([(0.0, 0.0), (0.0, 0.1), (0.1, 0.1), (0.0, 0.0)], 400),
        ([(0.0, 0.0), (0.0, 1.0), (1.0, 1.0), (1.0, 0.0)], 413),
        ([(0.0, 0.0), (0.0, 90.0), (0.0000001, 178.0), (0.0000001, 90.0)], 413),
    ],
)
def test_bad_polygons_are_refused(ring: list[tuple[float, float]], status: int) -> None:
    with pytest.raises(Refused) as refused:
        polygon_cells(ring)
    assert refused.value.status == status


@pytest.mark.parametrize(
    ("radius_m", "status"), [(0.0, 400), (-1.0, 400), (math.nan, 400), (math.inf, 400), (3e4, 413), (1.7e308, 413)]
)
def test_bad_circles_are_refused(radius_m: float, status: int) -> None:
    with pytest.raises(Refused) as refused:
        circle_cells(0.0, 0.0, radius_m)
    assert refused.value.status == status


def test_a_line_without_area_is_covered_like_any_other() -> None:
    ring = [(10.0, 20.0), (10.0, 20.05), (10.0, 20.02)]
    covered = set(polygon_cells(ring))
    assert {s2_cell(10.0, 20.0), s2_cell(10.0, 20.05)} <= covered
