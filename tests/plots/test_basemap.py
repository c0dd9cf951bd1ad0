"""The carried world: decoded right, cut to a window, whole across the antimeridian and the poles."""

from __future__ import annotations

import hashlib
import lzma
from importlib import resources

import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from detente.airspace.position import Position
from detente.plots.basemap import Basemap, box, world
from detente.plots.window import MapWindow, window_around
from length import quickly

GEODESIC = pyproj.Geod(ellps="WGS84")
MONTEREY_BAY = Position(36.8, -121.9)

positions = st.builds(Position, st.floats(-90.0, 90.0), st.floats(-180.0, 180.0))


def on_land(latitude_deg: float, longitude_deg: float) -> bool:
    pieces = world().land(Position(latitude_deg, longitude_deg), 5_000.0)
    at = [shapely.Point(longitude_deg + turn, latitude_deg) for turn in (-360.0, 0.0, 360.0)]
    return any(shapely.covers(piece, point) for piece in pieces for point in at)


def test_the_carried_file_is_the_published_one() -> None:
    folder = resources.files("detente.plots").joinpath("data/basemap")
    digest = hashlib.sha256(lzma.decompress(folder.joinpath("countries-10m.json.xz").read_bytes())).hexdigest()
    assert digest in folder.joinpath("README.md").read_text()
    assert "Copyright 2013-2019 Michael Bostock" in folder.joinpath("LICENSE").read_text()


def test_countries_are_known_by_their_codes() -> None:
    names = {country.code: country.name for country in world().countries}
    assert names["760"] == "Syria"
    assert names["792"] == "Turkey"
    assert names["840"] == "United States of America"
    assert all(country.rings for country in world().countries)


def test_arcs_join_into_closed_rings() -> None:
    basemap = world()
    for country in basemap.countries:
        for ring in country.rings:
            line = basemap._ring(ring)
            assert line[0, 1] == line[-1, 1]
            assert (line[-1, 0] - line[0, 0]) % 360.0 == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize(
    ("latitude_deg", "longitude_deg", "land"),
    [
        (36.8, -121.95, False),  # Monterey Bay
        (36.6, -121.6, True),  # Salinas
        (36.95, -122.05, True),  # Santa Cruz
        (35.4, 35.95, True),  # Latakia
        (35.4, 35.5, False),  # the sea before it
        (42.0, 51.0, False),  # the Caspian
        (-85.0, 10.0, True),  # Antarctica
        (-85.0, 179.99, True),
        (-85.0, -179.99, True),
        (89.0, 0.0, False),  # the Arctic Ocean
        (66.5, 179.99, True),  # Chukotka, cut by the antimeridian
        (66.5, -179.99, True),
        (-17.8, 178.0, True),  # Viti Levu
        (0.0, -140.0, False),
    ],
)
def test_land_is_where_it_is(latitude_deg: float, longitude_deg: float, land: bool) -> None:
    assert on_land(latitude_deg, longitude_deg) is land


def test_the_coast_of_monterey_bay_is_in_its_window() -> None:
    window = MapWindow(MONTEREY_BAY, 30_000.0, 30_000.0)
    lines = window.clip(world().coast(window.centre, window.radius_m))
    points = window.unproject(np.concatenate(lines))
    # Moss Landing, in the middle of the bay, and Point Pinos at its southern end.
    for latitude_deg, longitude_deg in ((36.805, -121.788), (36.638, -121.934)):
        ones = np.ones(len(points))
        distances = GEODESIC.inv(points[:, 0], points[:, 1], longitude_deg * ones, latitude_deg * ones)[2]
        assert min(distances) < 2_000.0


def test_borders_are_not_coast() -> None:
    northern_syria = Position(36.7, 38.0)
    assert world().borders(northern_syria, 50_000.0)
    assert not world().coast(northern_syria, 50_000.0)
    assert not world().borders(MONTEREY_BAY, 50_000.0)


@settings(max_examples=quickly(60), deadline=None)
@given(positions, st.floats(1_000.0, 4_000_000.0))
def test_the_box_contains_the_circle(centre: Position, radius_m: float) -> None:
    west, south, east, north = box(centre, radius_m)
    bearings = np.linspace(0.0, 360.0, 37)
    ones = np.ones(37)
    longitudes, latitudes, _ = GEODESIC.fwd(
        centre.longitude_deg * ones, centre.latitude_deg * ones, bearings, radius_m * ones
    )
    assert (latitudes >= south - 1e-9).all()
    assert (latitudes <= north + 1e-9).all()
    turned = (longitudes - centre.longitude_deg + 180.0) % 360.0 - 180.0 + centre.longitude_deg
    assert ((turned >= west - 1e-6) & (turned <= east + 1e-6)).all()


@settings(max_examples=40, deadline=None)
@given(positions, st.floats(20_000.0, 1_500_000.0), st.floats(0.5, 2.0))
def test_what_is_cut_lies_within_the_window(centre: Position, half_m: float, aspect: float) -> None:
    window = MapWindow(centre, half_m * aspect, half_m)
    basemap = world()
    lines = window.clip([*basemap.coast(centre, window.radius_m), *basemap.borders(centre, window.radius_m)], 100.0)
    rings = [ring for piece in window.land(basemap, 100.0) for ring in piece]
    for line in [*lines, *rings]:
        assert len(line) > 1
        assert (np.abs(line[:, 0]) <= window.half_width_m + 1e-6).all()
        assert (np.abs(line[:, 1]) <= window.half_height_m + 1e-6).all()


@settings(max_examples=40, deadline=None)
@given(st.floats(-89.0, 89.0), st.floats(-180.0, 180.0), st.floats(50_000.0, 600_000.0))
def test_nothing_within_the_window_is_lost(latitude_deg: float, longitude_deg: float, half_m: float) -> None:
    """Every vertex of a coast that lies in the window is on a line that is drawn there."""
    window = MapWindow(Position(latitude_deg, longitude_deg), half_m, half_m)
    basemap = world()
    vertices = np.concatenate([basemap.arcs[index] for index in basemap._coast])
    reach_deg = np.degrees(window.radius_m / 6_371_000.0) * 1.02
    near = vertices[np.abs(vertices[:, 1] - latitude_deg) <= reach_deg]
    expected = window.project(near)
    expected = expected[inside(window, expected)]
    lines = window.clip(basemap.coast(window.centre, window.radius_m))
    if len(expected):
        drawn = shapely.MultiPoint(np.concatenate(lines)) if lines else shapely.MultiPoint()
        # A vertex on the very edge may be where a line was cut.
        assert shapely.distance(shapely.points(expected[::7]), drawn).max() < 1.0


def inside(window: MapWindow, points: np.ndarray) -> np.ndarray:
    """Which rows lie within the rectangle, its edge included."""
    return (np.abs(points) <= (window.half_width_m, window.half_height_m)).all(axis=1)


def test_a_window_over_the_antimeridian_is_one_window() -> None:
    fiji = window_around(
        [np.array([[178.0, -17.0], [-178.0, -18.0]])], least_aspect=0.5, most_aspect=3.0
    )  # fmt: skip
    assert abs(abs(fiji.centre.longitude_deg) - 180.0) < 0.1
    assert fiji.half_width_m < 300_000.0


def test_a_window_over_the_pole_is_one_window() -> None:
    points = np.array([[longitude, 85.0] for longitude in range(-180, 180, 10)], dtype=np.float64)
    arctic = window_around([points], least_aspect=0.5, most_aspect=2.0)
    assert arctic.centre.latitude_deg > 89.0
    assert 550_000.0 < arctic.half_height_m < 700_000.0


@settings(max_examples=quickly(50), deadline=None)
@given(st.lists(st.tuples(st.floats(-179.0, 179.0), st.floats(-85.0, 85.0)), min_size=1, max_size=2))
def test_a_window_shows_all_it_was_given(points: list[tuple[float, float]]) -> None:
    path = np.array(points)
    window = window_around([path], least_aspect=1.0, most_aspect=1.8)
    assert inside(window, window.project(path)).all()
    assert 0.999 <= window.half_width_m / window.half_height_m <= 1.801


def test_nothing_to_show_still_gives_a_window() -> None:
    assert window_around([], least_aspect=1.0, most_aspect=1.0).half_width_m == 300.0


def test_a_file_that_is_no_topology_is_refused() -> None:
    with pytest.raises(ValueError, match="arcs"):
        Basemap(b"{}")
