"""Outlines with arcs against pyproj and shapely: the polygon holds the area, and is hardly larger."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod, Proj
from shapely.geometry import LineString, Point
from shapely.geometry import Polygon as Flat

from detente.airspace.plan import Circle, Polygon
from detente.airspace.position import Position
from detente.airspace.refusal import Refusal
from detente.feeds.outlines import (
    ARC_TOLERANCE_M,
    Arc,
    arc_by_bearings,
    corridor,
    outline,
    outline_in_degrees,
    reached,
    sector,
    straight_in_degrees,
)

GEOD = Geod(ellps="WGS84")
CENTRE = Position(46.5, 7.5)


def densified(polygon):
    """Every edge as short geodesic pieces, as longitudes and latitudes."""
    points = []
    ring = [(p.longitude_deg, p.latitude_deg) for p in polygon.vertices]
    for a, b in zip(ring, (*ring[1:], ring[0]), strict=True):
        points += [a, *GEOD.npts(*a, *b, 20)]
    return np.array(points)


def flat(polygon, centre):
    """The polygon on a plane on which distances from the centre are true."""
    plane = Proj(proj="aeqd", lat_0=centre.latitude_deg, lon_0=centre.longitude_deg, ellps="WGS84")
    return Flat(np.column_stack(plane(*densified(polygon).T))), plane


def on_arc(plane, centre, radius_m, bearings):
    count = len(bearings)
    longitudes, latitudes, _ = GEOD.fwd(
        np.full(count, centre.longitude_deg), np.full(count, centre.latitude_deg), bearings, np.full(count, radius_m)
    )
    return np.column_stack(plane(longitudes, latitudes))


@settings(max_examples=30, deadline=None)
@given(
    latitude=st.floats(-75, 75), radius_m=st.floats(300, 150_000), start=st.floats(0, 360), sweep=st.floats(20, 340),
    clockwise=st.booleans(),
)  # fmt: skip
def test_a_sector_holds_its_arc_and_is_hardly_larger(latitude, radius_m, start, sweep, clockwise):
    centre = Position(latitude, 20.0)
    end = start + sweep if clockwise else start - sweep
    polygon = outline([arc_by_bearings(centre, radius_m, start, end, clockwise=clockwise), centre], "")
    area, plane = flat(polygon, centre)
    bearings = np.linspace(start, end, 300)
    wider = area.buffer(0.02)
    assert all(wider.covers(Point(xy)) for xy in on_arc(plane, centre, radius_m, bearings))
    farthest_m = np.hypot(*np.array(area.exterior.coords).T).max()
    assert radius_m <= farthest_m + 0.02
    assert farthest_m <= radius_m + 1.2 * ARC_TOLERANCE_M


@settings(max_examples=25, deadline=None)
@given(radius_m=st.floats(1_000, 50_000), clockwise=st.booleans(), sweep=st.floats(30, 140))
def test_an_arc_bitten_out_of_an_area_is_not_bitten_deeper(radius_m, clockwise, sweep):
    """A square whose side is an arc around a centre outside of it."""
    start, end = (90.0 - sweep / 2, 90.0 + sweep / 2)[:: 1 if clockwise else -1]
    arc = arc_by_bearings(CENTRE, radius_m, start, end, clockwise=clockwise)
    corners = [reached(CENTRE, bearing, 4.0 * radius_m) for bearing in (end, start)]
    area, plane = flat(outline([arc, *corners], ""), CENTRE)
    bearings = np.linspace(start, end, 200)
    wider = area.buffer(0.02)
    assert all(wider.covers(Point(xy)) for xy in on_arc(plane, CENTRE, radius_m, bearings))
    nearest_m = area.distance(Point(0.0, 0.0))
    assert radius_m - 1.2 * ARC_TOLERANCE_M <= nearest_m <= radius_m + 0.02


def test_the_ends_of_an_arc_are_points_of_the_outline_whatever_the_radius_says():
    start, end = reached(CENTRE, 0.0, 10_000.0), reached(CENTRE, 90.0, 10_150.0)
    polygon = outline([Arc(CENTRE, start, end, clockwise=True), CENTRE], "")
    assert {start, end, CENTRE} <= set(polygon.vertices)
    area, plane = flat(polygon, CENTRE)
    assert area.covers(Point(*on_arc(plane, CENTRE, 10_140.0, np.array([45.0]))[0]))


def test_an_arc_whose_ends_are_at_two_distances_is_refused():
    arc = Arc(CENTRE, reached(CENTRE, 0.0, 10_000.0), reached(CENTRE, 90.0, 12_000.0), clockwise=True)
    with pytest.raises(Refusal, match=r"DB: '10,000 m and 12,000 m'; expected both ends"):
        outline([arc, CENTRE], "DB")


def test_a_ring_sector_has_both_radii():
    area, plane = flat(sector(CENTRE, 300.0, 60.0, 20_000.0, 40_000.0, ""), CENTRE)
    inside = on_arc(plane, CENTRE, 30_000.0, np.array([301.0, 0.0, 59.0]))
    outside = [*on_arc(plane, CENTRE, 30_000.0, np.array([299.0, 61.0])), *on_arc(plane, CENTRE, 19_900.0, np.zeros(1))]
    assert all(area.covers(Point(xy)) for xy in inside)
    assert not any(area.covers(Point(xy)) for xy in outside)


def test_a_full_turn_is_a_whole_disc():
    polygon = outline([arc_by_bearings(CENTRE, 9_000.0, 30.0, 390.0, clockwise=True)], "")
    area, _ = flat(polygon, CENTRE)
    assert area.area == pytest.approx(math.pi * 9_000.0**2, rel=2e-3)


@settings(max_examples=30, deadline=None)
@given(st.floats(-80, 80), st.floats(-179, 179), st.floats(-5, 5), st.floats(-12, 12))
def test_a_line_straight_in_degrees_is_followed_within_a_metre(latitude, longitude, north, east):
    start = Position(latitude, longitude)
    end = Position(max(-85.0, min(85.0, latitude + north)), (longitude + east + 180.0) % 360.0 - 180.0)
    points = [start, *straight_in_degrees(start, end)]
    assert points[-1] == end
    for a, b in pairwise(points):
        longitude_deg, latitude_deg = GEOD.npts(a.longitude_deg, a.latitude_deg, b.longitude_deg, b.latitude_deg, 1)[0]
        plane = Proj(proj="aeqd", lat_0=latitude_deg, lon_0=longitude_deg, ellps="WGS84")
        shares = np.linspace(0.0, 1.0, 41)
        east_deg = (b.longitude_deg - a.longitude_deg + 180.0) % 360.0 - 180.0
        line = plane(a.longitude_deg + east_deg * shares, a.latitude_deg + (b.latitude_deg - a.latitude_deg) * shares)
        assert LineString(np.column_stack(line)).distance(Point(0.0, 0.0)) < 1.2


def test_a_parallel_is_followed_and_a_meridian_needs_no_point():
    ring = [Position(60.0, 10.0), Position(60.0, 30.0), Position(61.0, 30.0), Position(61.0, 10.0)]
    polygon = outline_in_degrees([*ring, ring[0]])
    assert all(60.0 <= vertex.latitude_deg <= 61.0 for vertex in polygon.vertices)
    assert sum(vertex.longitude_deg == 30.0 for vertex in polygon.vertices) == 2
    highest = densified(polygon)[:, 1].max()
    assert highest == pytest.approx(61.0, abs=2e-5)


def test_a_line_straight_in_degrees_beside_a_pole_is_refused():
    with pytest.raises(Refusal, match="a shorter line"):
        outline_in_degrees([Position(89.5, 0.0), Position(89.5, 40.0), Position(88.0, 20.0)])


def test_a_corridor_is_as_wide_as_it_says_at_every_leg_and_bend():
    points = [Position(46.0, 7.0), Position(46.0, 9.0), Position(47.0, 9.0)]
    areas = corridor(points, 20_000.0, "")
    assert [type(area) for area in areas] == [Polygon, Polygon, Circle]
    assert areas[2] == Circle(points[1], 10_000.0)
    strip, plane = flat(areas[0], points[0])
    centre_line = LineString(np.column_stack(plane(*np.array(GEOD.npts(7.0, 46.0, 9.0, 46.0, 200)).T)))
    sides = [centre_line.distance(Point(xy)) for xy in strip.exterior.coords]
    assert max(sides) == pytest.approx(10_000.0, rel=0.01)
    for longitude, latitude in GEOD.npts(7.0, 46.0, 9.0, 46.0, 20):
        for bearing in (0.0, 180.0):
            x, y, _ = GEOD.fwd(longitude, latitude, bearing, 9_980.0)
            assert strip.covers(Point(*plane(x, y)))
    with pytest.raises(Refusal, match="two points or more"):
        corridor(points[:1], 1000.0, "")
