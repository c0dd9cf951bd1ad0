"""A gauge falls when what it counts is gone, and shows nothing for what is no longer there."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import msgspec
from parties import area_plan

from detente.airspace.changes import Delay
from detente.disclosure.answers import AnswerAccount
from detente.line.events import LineMessageSent, LineOpened, LineReceiptGiven
from detente.line.evolve import evolve
from detente.line.messages import LineMessage, Receipt, ReceiptKind
from detente.line.state import LineState
from detente.line.terms import LineTerms
from detente.link.transport import DeliveryState, DeliveryStatus
from detente.node.metrics import Metrics
from detente.node.readings import Readings
from detente.picture.measures import Measure, MeasureRecord, MeasureState
from detente.picture.picture import Picture
from detente.record.disk import DiskRoom

NOW = datetime(2026, 3, 1, tzinfo=UTC)
PROPOSED = MeasureRecord(
    Measure("m-1", "c-1", "north", "north", 1, Delay(600.0), area_plan("p")), MeasureState.PROPOSED, NOW, NOW
)
AWAY = DeliveryStatus(DeliveryState.AWAY, 3, 2, "connection refused", None, 1.0)


def gauges(
    metrics: Metrics,
    picture: Picture,
    deliveries: dict[str, DeliveryStatus],
    line: LineState | None = None,
    days_left: dict[str, float] | None = None,
    answers: tuple[AnswerAccount, ...] = (),
) -> dict[str, float]:
    """The lines with a label, for example 'detente_measures{state="proposed"}', and their values."""
    readings = Readings({}, {}, {}, DiskRoom(1, 2, None), 0.0)
    text = metrics.render(picture, line or LineState(), 0, deliveries, days_left or {}, readings, answers).decode()
    shown = re.findall(r"^(detente_\w+\{(?:party|state|peer)=.*\}) (.*)$", text, re.MULTILINE)
    return {line: float(value) for line, value in shown}


def test_a_gauge_falls_when_what_it_counted_is_gone() -> None:
    metrics, picture = Metrics(), Picture()
    picture.measures["m-1"] = PROPOSED
    assert gauges(metrics, picture, {"south": AWAY}, days_left={"south": 3.5}) == {
        'detente_accord_days_left{peer="south"}': 3.5,
        'detente_measures{state="proposed"}': 1.0,
        'detente_envelopes_waiting{peer="south"}': 3.0,
        'detente_delivery_failures{peer="south"}': 2.0,
    }
    picture.measures["m-1"] = msgspec.structs.replace(PROPOSED, state=MeasureState.ACCEPTED)
    assert gauges(metrics, picture, {}) == {'detente_measures{state="accepted"}': 1.0}


def test_the_bits_that_a_peer_was_told_are_shown() -> None:
    shown = gauges(Metrics(), Picture(), {}, answers=(AnswerAccount("south", told=9, exact=2, exact_left=0),))
    assert shown == {'detente_answers_told{peer="south"}': 9.0, 'detente_exact_answers_left{peer="south"}': 0.0}


def test_the_gauge_of_undelivered_stops_falls_with_the_receipt() -> None:
    line = LineState()
    evolve(line, LineOpened(NOW, "north", {"south": LineTerms()}))
    for number, code in ((1, "radio_check"), (2, "stop")):
        evolve(line, LineMessageSent(NOW, LineMessage("north", "south", number, code, NOW)))
    gauge = 'detente_stops_undelivered{peer="south"}'
    assert gauges(Metrics(), Picture(), {}, line) == {gauge: 1.0}
    evolve(line, LineReceiptGiven(NOW, "south", "south", "north:2", Receipt(ReceiptKind.DELIVERED, NOW)))
    assert gauges(Metrics(), Picture(), {}, line) == {gauge: 0.0}
