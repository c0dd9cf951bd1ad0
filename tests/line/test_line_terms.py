"""The line's terms are the accord's."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
from line_values import NOON

from detente.accord.provisions import STANDARD_PROVISIONS, EscalationStep, SafetyFunction, Suspension
from detente.accord.terms import Accord, AccordParty
from detente.airspace.plan import TimeWindow
from detente.airspace.separation import Minima, MinimaTable
from detente.line.terms import LineTerms, Rung, terms_of


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


@pytest.mark.parametrize(("keeps", "survives"), [((SafetyFunction.STOP,), False), (tuple(SafetyFunction), True)])
def test_what_survives_suspension_is_the_accords(keeps: tuple[SafetyFunction, ...], survives: bool) -> None:
    assert terms_of(accord(suspension=Suspension(keeps=keeps))).safety_survives is survives
