"""The line's terms are the accord's."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
from line_values import NOON

from detente.accord.provisions import STANDARD_PROVISIONS, DatumPoint, EscalationStep, SafetyFunction, Suspension
from detente.accord.terms import Accord, AccordParty, accord_hash, format_accord, parse_accord
from detente.airspace.plan import TimeWindow
from detente.airspace.position import Position
from detente.airspace.refusal import Refusal
from detente.airspace.separation import Minima, MinimaTable
from detente.line.terms import Datum, LineTerms, Rung, terms_of


def accord(**provisions: object) -> Accord:
    parties = (AccordParty("north", "0a" * 32), AccordParty("south", "0b" * 32))
    minima = MinimaTable(Minima(9260.0, 300.0, 0.0))
    given = msgspec.structs.replace(STANDARD_PROVISIONS, **provisions)
    return Accord("a", 1, parties, TimeWindow(NOON, NOON + timedelta(days=1)), minima, provisions=given)


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


@pytest.mark.parametrize(("keeps", "survives"), [((SafetyFunction.STOP,), False), (tuple(SafetyFunction), True)])
def test_what_survives_suspension_is_the_accords(keeps: tuple[SafetyFunction, ...], survives: bool) -> None:
    assert terms_of(accord(suspension=Suspension(keeps=keeps))).safety_survives is survives
