"""An accord that ends soon, is over, has not begun or is suspended is said, and nothing else is."""

from __future__ import annotations

from datetime import timedelta

import msgspec
from accord_samples import NORTH, SHORT, SOUTH

from detente.accord.accords import Accords
from detente.accord.life_cycle import Side
from detente.accord.terms import parse_accord
from detente.accord.warnings import WARNED_BEFORE, AccordConcern, accord_warnings, days_left
from detente.airspace.plan import TimeWindow

_SHORT = parse_accord(SHORT)
ACCORD = msgspec.structs.replace(_SHORT, valid=TimeWindow(_SHORT.valid.start, _SHORT.valid.start + timedelta(days=90)))


def test_an_accord_is_warned_of_before_it_ends_and_when_it_is_over() -> None:
    accords = Accords(Side("north", NORTH), [Side("south", SOUTH)], ACCORD)
    start, end = ACCORD.valid.start, ACCORD.valid.end
    second = timedelta(seconds=1)
    for at, concern, time in (
        (start - second, AccordConcern.NOT_BEGUN, start),
        (end - WARNED_BEFORE + second, AccordConcern.ENDS_SOON, end),
        (end + second, AccordConcern.EXPIRED, end),
    ):
        (warning,) = accord_warnings(accords, at)
        assert (warning.peer, warning.concern, warning.time) == ("south", concern, time)
    assert list(accord_warnings(accords, end - WARNED_BEFORE - second)) == []
    assert days_left(accords, end - timedelta(days=3)) == {"south": 3.0}


def test_nobody_is_warned_of_an_accord_with_a_party_that_is_not_paired() -> None:
    accords = Accords(Side("north", NORTH), [], ACCORD)
    assert list(accord_warnings(accords, ACCORD.valid.end + timedelta(days=1))) == []
