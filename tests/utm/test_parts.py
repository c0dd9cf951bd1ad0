"""Which volumes share a point: bounds never hide a pair, and what was not compared counts as shared."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from detente.utm.dss import parts
from detente.utm.dss.parts import PartComparison
from detente.utm.dss.records import pack_extents
from detente.utm.space import Extents, Volume, union


@st.composite
def volumes(draw: st.DrawFn) -> list[Volume]:
    """Some volumes near one place: also where meridians meet, and where longitudes begin again."""
    latitude, longitude = draw(st.sampled_from([(50.0, 8.0), (-60.0, 179.995), (89.5, 10.0), (0.0, 0.0)]))
    found = []
    for _ in range(draw(st.integers(1, 4))):
        north, east = draw(st.floats(-0.02, 0.02)), draw(st.floats(-0.02, 0.02))
        here = (latitude + north, (longitude + east + 180.0) % 360.0 - 180.0)
        lower = draw(st.none() | st.floats(0.0, 500.0))
        upper = draw(st.none() | st.floats(500.0, 600.0)) if lower is None else lower + draw(st.floats(0.0, 200.0))
        start = draw(st.integers(0, 100)) * 1_000_000
        times = draw(st.sampled_from([(None, None), (start, start + 30_000_000)]))
        if draw(st.booleans()):
            ring, radius = (here,), draw(st.floats(10.0, 3_000.0))
        else:
            side = draw(st.floats(0.0001, 0.02))
            wide = (here[1] + side + 180.0) % 360.0 - 180.0
            ring, radius = (here, (here[0] + side, here[1]), (here[0] + side, wide)), None
        found.append(Volume(ring, radius, lower, upper, *times))
    # One that spans the whole time, so that those without times of their own have some.
    found.append(Volume(((10.0, 10.0),), 10.0, 0.0, 1.0, 0, 200_000_000))
    return found


def extents_of(given_volumes: list[Volume]) -> Extents:
    whole = union(given_volumes, 413)
    return Extents(whole.cells, whole.lower_m, whole.upper_m, 0, 200_000_000, whole.volumes)


@given(volumes(), volumes())
def test_bounds_never_hide_a_pair_that_shares_a_point(first: list[Volume], second: list[Volume]) -> None:
    mine, theirs = extents_of(first), extents_of(second)
    comparison = PartComparison(mine)
    found = set(comparison.shared_pairs(pack_extents(theirs)))
    assert not comparison.is_over
    side = parts._Side(mine.volumes, 0, 200_000_000), parts._Side(theirs.volumes, 0, 200_000_000)
    for k in range(len(first)):
        for m in range(len(second)):
            one, other = side[0].plan(k), side[1].plan(m)
            # What is no plan to the airspace room is told apart by its bounds alone.
            if one is not None and other is not None:
                assert ((k, m) in found) == parts._share(one, other)


def test_nothing_more_is_compared_than_one_request_may() -> None:
    crowd = [Volume(((50.0, 8.0 + 1e-6 * k),), 100.0, 0.0, 1.0, 0, 1) for k in range(100)]
    comparison, occupied = PartComparison(extents_of(crowd)), pack_extents(extents_of(crowd))
    assert len(list(comparison.shared_pairs(occupied))) == parts.MOST_EXACT
    assert comparison.is_over
    assert not list(comparison.shared_pairs(occupied))
