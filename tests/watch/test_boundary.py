"""Boundaries: the side by exact geodesics, the hash that both sides hold, and what cannot be told."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from watch_samples import place

from detente.airspace.geodesy import GEOD
from detente.airspace.refusal import Refusal
from detente.picture.observations import Verdict
from detente.watch.boundary import Boundary, boundary_hash, boundary_text, distances_to_right_m, side_of

A_METRE = 1.0
"""Twice what a piece of a cut line lies below the ground."""
LINE = Boundary("b1", (place(50.0, 10.0), place(50.0, 20.0), place(55.0, 20.0)), "north", "south", 5_000.0)


@given(st.floats(0.02, 0.98), st.sampled_from([0, 1]), st.floats(-40_000.0, 40_000.0))
def test_distances_are_those_of_geodesics(share, leg, aside_m):
    """From a point of a leg so far square to it; near the corner the other leg may be nearer, on the same side."""
    a, b = LINE.points[leg], LINE.points[leg + 1]
    course, _, length = GEOD.inv(a.longitude_deg, a.latitude_deg, b.longitude_deg, b.latitude_deg)
    lon, lat, back = GEOD.fwd(a.longitude_deg, a.latitude_deg, course, share * length)
    lon, lat, _ = GEOD.fwd(lon, lat, back + 180.0 + 90.0, aside_m)
    right, beyond = distances_to_right_m(LINE, np.array([lat]), np.array([lon]))
    assert beyond[0] == 0.0
    if abs(aside_m) > A_METRE:
        assert (right[0] > 0.0) == (aside_m > 0.0)
    assert abs(right[0]) <= abs(aside_m) + A_METRE
    if 0.15 < share < 0.85 and abs(aside_m) > A_METRE:
        assert right[0] == pytest.approx(aside_m, abs=A_METRE)


def test_beyond_an_end_and_on_the_other_side_of_the_earth_nothing_is_told():
    right, beyond = distances_to_right_m(LINE, np.array([50.0, -50.0, 58.0]), np.array([8.0, -165.0, 20.1]))
    assert beyond.tolist() == [1.0, 1.0, 1.0] or abs(right[1]) > 5e6
    assert side_of(LINE, "north", right[0], beyond[0], 0.0) is Verdict.CANNOT_TELL


def test_a_verdict_waits_until_the_error_is_smaller_than_the_distance():
    assert side_of(LINE, "south", 500.0, 0.0, 499.0) is Verdict.INSIDE
    assert side_of(LINE, "north", 500.0, 0.0, 499.0) is Verdict.OUTSIDE
    assert side_of(LINE, "north", -500.0, 0.0, 499.0) is Verdict.INSIDE
    assert side_of(LINE, "north", 500.0, 0.0, 500.0) is Verdict.CANNOT_TELL
    with pytest.raises(Refusal):
        side_of(LINE, "east", 500.0, 0.0, 1.0)


def test_the_antimeridian_is_no_border():
    line = Boundary("b2", (place(-10.0, 179.0), place(10.0, -179.0)), "west", "east", 0.0)
    right, beyond = distances_to_right_m(line, np.array([0.0, 0.0]), np.array([179.9, -179.9]))
    assert beyond.tolist() == [0.0, 0.0]
    assert right[0] < 0.0 < right[1]


def test_both_sides_hash_the_same_text_and_anything_else_changes_it():
    assert boundary_text(LINE) == (
        b'["b1","WGS 84","north","south",5000000,[[500000000,100000000],[500000000,200000000],[550000000,200000000]]]'
    )
    same = msgspec.json.decode(msgspec.json.encode(LINE), type=Boundary)
    assert boundary_hash(same) == boundary_hash(LINE)
    others = (
        msgspec.structs.replace(LINE, buffer_m=5_000.1), msgspec.structs.replace(LINE, left="south", right="north"),
        msgspec.structs.replace(LINE, points=LINE.points[::-1]), msgspec.structs.replace(LINE, boundary_id="b3"),
    )  # fmt: skip
    assert len({boundary_hash(one) for one in (LINE, *others)}) == 5


@pytest.mark.parametrize(
    "points", [(place(1, 1),), (place(1, 1), place(1, 1)), (place(0, 0), place(0, 90))], ids=["one", "same", "long"]
)
def test_lines_that_are_none_are_refused(points):
    with pytest.raises(Refusal):
        Boundary("b", points, "north", "south", 1.0)


def test_a_line_has_two_sides():
    with pytest.raises(Refusal):
        Boundary("b", (place(1, 1), place(2, 2)), "north", "north", 1.0)
