"""Figures as people read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.language import Language, figures

EN, FR = Language.ENGLISH, Language.FRENCH


def test_numbers_have_the_separators_of_the_language() -> None:
    assert figures.number(EN, 1234567.891, 2) == "1,234,567.89"
    assert figures.number(FR, 1234567.891, 2) == "1\u202f234\u202f567,89"
    assert figures.number(EN, -12) == "\N{MINUS SIGN}12"
    assert figures.number(EN, -0.2) == "0"


def test_times_are_utc_whatever_the_offset() -> None:
    paris = timezone(timedelta(hours=2))
    moment = datetime(2025, 6, 1, 16, 32, 5, 999_999, tzinfo=paris)
    assert figures.utc_time(moment) == "2025-06-01 14:32:05Z"
    assert figures.utc_clock(moment) == "14:32:05Z"
    assert figures.utc_time(datetime(2025, 6, 1, tzinfo=UTC)) == "2025-06-01 00:00:00Z"


def test_distances_in_both_units() -> None:
    assert figures.distance(EN, 9260.0) == "5.00 NM (9.26 km)"
    assert figures.distance(FR, 9260.0) == "5,00 NM (9,26 km)"
    assert figures.distance(EN, 56.0) == "0.03 NM (56 m)"
    assert figures.distance(EN, 185_200.0) == "100.0 NM (185.2 km)"


def test_a_separation_is_never_rounded_up_to_its_minimum() -> None:
    assert figures.distance(EN, 9259.0) == "5.00 NM (9.26 km)"
    assert figures.distance(EN, 9259.0, down=True) == "4.99 NM (9.25 km)"
    assert figures.height(EN, 304.7, down=True) == "999 ft (304 m)"
    assert figures.height(EN, 304.8, down=True) == "1,000 ft (304 m)"


def test_whole_figures_survive_rounding_down() -> None:
    assert figures.distance(EN, 1852.0 * 0.29, down=True).startswith("0.29 NM")
    assert figures.height(EN, 1000 * 0.3048, down=True).startswith("1,000 ft")


def test_altitudes_say_the_flight_level_on_standard_pressure_only() -> None:
    assert figures.altitude(EN, 10668.0, standard_pressure=True) == "FL 350, 35,000 ft (10,668 m)"
    assert figures.altitude(FR, 1066.8, standard_pressure=False) == "3\u202f500 ft (1\u202f067 m)"
    assert figures.flight_level(1066.8) == "FL 035"
    assert figures.flight_level(-61.0) == "FL \N{MINUS SIGN}02"


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0, "0 s"), (0.84, "0.8 s"), (9.96, "10 s"), (59.4, "59 s"), (59.7, "1 min"), (90, "1 min 30 s"),
     (-90, "\N{MINUS SIGN}1 min 30 s"), (7500, "2 h 05 min"), (3599.6, "1 h"), (600, "10 min")],
)  # fmt: skip
def test_durations(seconds: float, expected: str) -> None:
    assert figures.duration(EN, seconds) == expected


def test_positions_as_on_a_chart() -> None:
    assert figures.position(36.6866, -121.6091) == "36°41.20′N 121°36.55′W"
    assert figures.position(-0.5, 7.0) == "00°30.00′S 007°00.00′E"
    assert figures.position(59.99999, 179.99999) == "60°00.00′N 180°00.00′E"


@given(st.floats(0.0, 1e7))
def test_rounding_down_never_reads_more_than_was_measured(distance_m: float) -> None:
    read = figures.distance_nm(EN, distance_m, down=True).removesuffix(" NM").replace(",", "")
    assert float(read) * 1852.0 <= distance_m + 1e-4
    assert float(read) * 1852.0 > distance_m - 186.0


@pytest.mark.parametrize(
    ("kind", "amount", "expected"),
    [("delay", 90.0, "P starts 1 min 30 s later"), ("delay", -60.0, "P starts 1 min earlier"),
     ("level_change", 304.8, "P flies 1,000 ft (305 m) higher"),
     ("level_change", -304.8, "P flies 1,000 ft (305 m) lower"),
     ("lateral_offset", 1852.0, "P flies 1.00 NM (1.85 km) to the right of its path"),
     ("lateral_offset", -1852.0, "P flies 1.00 NM (1.85 km) to the left of its path")],
)  # fmt: skip
def test_a_change_says_which_way_and_how_far(kind: str, amount: float, expected: str) -> None:
    assert figures.change(EN, kind, amount, "P") == expected
