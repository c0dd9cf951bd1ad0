import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.airspace.refusal import Refusal
from detente.link.backoff import Backoff

fractions = st.floats(0, 1, exclude_max=True)


@given(st.integers(1, 10**6), fractions)
def test_a_delay_is_never_nothing_and_never_over_the_cap(failures, fraction):
    assert 0.25 <= Backoff().delay_s(failures, fraction) <= 30.0


def test_delays_double_up_to_the_cap():
    backoff = Backoff(first_s=1.0, longest_s=10.0, jitter=0.5)
    assert [backoff.delay_s(n, 0.0) for n in range(1, 7)] == [1.0, 2.0, 4.0, 8.0, 10.0, 10.0]
    assert [backoff.delay_s(n, 0.5) for n in range(1, 4)] == [0.75, 1.5, 3.0]


@given(st.lists(fractions, min_size=300, max_size=300))
def test_an_hour_away_is_few_attempts_and_a_quick_return(draws):
    """At the cap and the strongest jitter there is an attempt every 15 s; without jitter every 30 s."""
    clock_s, attempts = 0.0, 0
    for fraction in draws:
        if clock_s > 3600.0:
            break
        attempts += 1
        clock_s += Backoff().delay_s(attempts, fraction)
    assert clock_s > 3600.0
    assert 120 <= attempts <= 250
    assert clock_s - 3600.0 <= 30.0


@pytest.mark.parametrize("values", [{"first_s": 0.0}, {"longest_s": 0.1}, {"jitter": 1.5}, {"first_s": float("nan")}])
def test_nonsense_is_refused(values):
    with pytest.raises(Refusal):
        Backoff(**values)
