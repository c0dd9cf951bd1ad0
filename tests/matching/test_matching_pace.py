"""When a message leaves does not depend on when it was ready, as long as that is before a full list would be."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from detente.matching.pace import full_list_s, leaves_at


@given(st.floats(0.0, 1e6), st.floats(0.0, 100.0), st.floats(0.0, 1.0), st.floats(0.0, 1.0), st.floats(0.01, 10.0))
def test_what_is_ready_before_a_full_list_would_be_leaves_at_one_time(
    start_s: float, full_s: float, few: float, many: float, pace_s: float
) -> None:
    earliest_s = start_s + full_s
    times = {leaves_at(start_s + share * full_s, earliest_s, pace_s) for share in (few, many)}
    assert times == {leaves_at(earliest_s, earliest_s, pace_s)}
    assert earliest_s - 1e-9 <= times.pop() < earliest_s + pace_s * (1.0 + 1e-6) + 1e-6


def test_without_a_pace_it_leaves_at_once_and_a_full_list_takes_as_long_as_it_is_long() -> None:
    assert leaves_at(3.25, 1.0, 0.0) == 3.25
    assert full_list_s(256) > 0.0
    assert full_list_s(1 << 24) > full_list_s(1 << 12)
