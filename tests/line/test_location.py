"""Check characters catch what a voice does to a code; a location code names its cell and nothing else."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from line_values import positions

from detente.airspace.position import Position
from detente.airspace.refusal import Refusal
from detente.line.check_digits import ALPHABET, characters_of, number_of, with_checks, without_checks
from detente.line.location import (
    COLUMNS,
    ROWS,
    SURELY_CAUGHT_M,
    cell_of,
    distance_and_bearing,
    location_code,
    middle_of,
    read_location_code,
)
from length import quickly

codes = st.text(ALPHABET, min_size=1, max_size=60)


@given(codes)
def test_a_code_is_read_as_it_was_said(characters: str) -> None:
    code = with_checks(characters)
    assert without_checks(code.lower().replace("-", " "), "code") == characters
    assert characters_of(number_of(characters), len(characters)) == characters


@settings(max_examples=quickly(300))
@given(codes, st.data())
def test_every_single_wrong_character_is_caught(characters: str, data: st.DataObject) -> None:
    code = with_checks(characters).replace("-", "")
    place = data.draw(st.integers(0, len(code) - 1))
    for other in ALPHABET:
        if other != code[place]:
            with pytest.raises(Refusal):
                without_checks(code[:place] + other + code[place + 1 :], "code")


@settings(max_examples=quickly(300))
@given(codes)
def test_every_two_neighbours_exchanged_are_caught(characters: str) -> None:
    code = with_checks(characters).replace("-", "")
    for place in range(len(code) - 1):
        if code[place] != code[place + 1]:
            swapped = code[:place] + code[place + 1] + code[place] + code[place + 2 :]
            with pytest.raises(Refusal):
                without_checks(swapped, "code")


@given(st.text(ALPHABET, min_size=8, max_size=60), st.data())
def test_groups_exchanged_or_left_out_in_the_middle_are_caught(characters: str, data: st.DataObject) -> None:
    groups = with_checks(characters).split("-")
    place = data.draw(st.integers(0, len(groups) - 2))
    left_out = groups[:place] + groups[place + 1 :]
    with pytest.raises(Refusal):
        without_checks("-".join(left_out), "code")


@given(positions)
@example(Position(90.0, 180.0))
@example(Position(-90.0, -180.0))
@example(Position(0.0, 179.99999999))
def test_a_location_code_names_the_cell_of_a_position(position: Position) -> None:
    cell = cell_of(position)
    assert 0 <= cell < ROWS * COLUMNS
    middle = read_location_code(location_code(position))
    assert middle == middle_of(cell)
    assert cell_of(middle) == cell
    assert distance_and_bearing(position, middle)[0] < SURELY_CAUGHT_M


def test_half_the_longest_diagonal_of_a_cell_is_what_is_said() -> None:
    corner = Position(0.0, 0.0)
    distances = [distance_and_bearing(corner, middle_of(cell_of(Position(1e-6, 1e-6))))[0]]
    assert math.ceil(max(distances)) == SURELY_CAUGHT_M


@pytest.mark.parametrize("text", ["", "0000-0000", "0000-0000-0", "ZZZZ-ZZZZ-Z", "N4WR-TFCR-8", "N4WR-TFRC-7", "?"])
def test_what_is_no_location_code_is_refused(text: str) -> None:
    with pytest.raises(Refusal):
        read_location_code(text)
