"""The line's terms are the accord's."""

from __future__ import annotations

from functools import partial

import pytest
from line_world import accord_between

from detente.accord.provisions import DatumPoint, EscalationStep
from detente.accord.terms import accord_hash, format_accord, parse_accord
from detente.airspace.position import Position
from detente.airspace.refusal import Refusal
from detente.line.terms import Datum, LineTerms, Rung, terms_of

accord = partial(accord_between, "north", "south")


def test_an_accord_that_says_nothing_gives_the_standard_line() -> None:
    assert terms_of(accord()) == LineTerms()


def test_each_post_has_its_time_before_the_next_is_called() -> None:
    steps = tuple(EscalationStep(post=post, within_s=s) for post, s in (("a", 5.0), ("b", 10.0), ("c", 20.0)))
    terms = terms_of(accord(escalation=steps, free_text=True))
    assert terms.ladder == (Rung("a", 0.0), Rung("b", 5.0), Rung("c", 15.0))
    assert terms.again_s == 20.0
    assert terms.free_text


def test_the_datum_point_and_the_phrase_table_are_part_of_what_is_signed() -> None:
    point = DatumPoint(name="field", position=Position(35.3, 40.1))
    signed = accord(datum=point, phrase_table="ab" * 32)
    assert terms_of(signed).datum == Datum("field", point.position)
    assert terms_of(signed).phrase_table == "ab" * 32
    again = parse_accord(format_accord(signed))
    assert terms_of(again) == terms_of(signed)
    assert accord_hash(again) == accord_hash(signed) != accord_hash(accord())
    with pytest.raises(Refusal, match="phrase_table"):
        accord(phrase_table="short")
