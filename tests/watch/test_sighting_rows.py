"""Sightings as rows: which of them are assigned to tracks at once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from detente.watch.sighting import Sighting, SightingSource
from detente.watch.sighting_rows import in_order, names_of, rows_of, scans_of

SIGHTINGS = st.lists(
    st.builds(
        Sighting, st.sampled_from("abc"), st.sampled_from(list(SightingSource)[:3]),
        st.sampled_from([0.1, 1.2, 1.7, 2.5, -3.0]), st.sampled_from([2.0, 30.0]), st.sampled_from([0.0, 50.0]),
        st.sampled_from([0.0, 8.0]), st.sampled_from(["", "abc123", "000001", "000000"]),
        st.sampled_from(["", "x", "y"]),
    ),
    max_size=40,
)  # fmt: skip


@given(SIGHTINGS)
def test_a_scan_is_of_one_second_and_sensor_and_has_no_name_twice(sightings):
    ordered = in_order(sightings)
    rows, faults = rows_of(ordered)
    names = [names_of(one) for one in ordered]
    expected: dict[tuple[object, ...], list[int]] = {}
    for i, (one, fault) in enumerate(zip(ordered, faults, strict=True)):
        if fault is None:
            sensor = (one.at_s // 1.0, one.feed, one.source)
            before = [k for key, scan in expected.items() if (key[0], *key[2:]) == sensor for k in scan]
            again = sum(1 for k in before if names[i] and names[k][:1] == names[i][:1])
            expected.setdefault((sensor[0], again, *sensor[1:]), []).append(i)
    assert list(scans_of(ordered, rows, faults, names)) == [(key[0], expected[key]) for key in sorted(expected)]
