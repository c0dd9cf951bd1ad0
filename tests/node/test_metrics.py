"""A gauge falls when what it counts is gone, and shows nothing for what is no longer there."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import msgspec
from parties import area_plan

from detente.airspace.changes import Delay
from detente.link.transport import DeliveryState, DeliveryStatus
from detente.node.metrics import Metrics
from detente.picture.measures import Measure, MeasureRecord, MeasureState
from detente.picture.picture import Picture

NOW = datetime(2026, 3, 1, tzinfo=UTC)
PROPOSED = MeasureRecord(
    Measure("m-1", "c-1", "north", "north", 1, Delay(600.0), area_plan("p")), MeasureState.PROPOSED, NOW, NOW
)
AWAY = DeliveryStatus(DeliveryState.AWAY, 3, 2, "connection refused", None, 1.0)


def gauges(metrics: Metrics, picture: Picture, deliveries: dict[str, DeliveryStatus]) -> dict[str, float]:
    """The lines with a label, for example 'detente_measures{state="proposed"}', and their values."""
    text = metrics.render(picture, 0, deliveries).decode()
    shown = re.findall(r"^(detente_\w+\{(?:party|state|peer)=.*\}) (.*)$", text, re.MULTILINE)
    return {line: float(value) for line, value in shown}


def test_a_gauge_falls_when_what_it_counted_is_gone() -> None:
    metrics, picture = Metrics(), Picture()
    picture.measures["m-1"] = PROPOSED
    assert gauges(metrics, picture, {"south": AWAY}) == {
        'detente_measures{state="proposed"}': 1.0,
        'detente_envelopes_waiting{peer="south"}': 3.0,
        'detente_delivery_failures{peer="south"}': 2.0,
    }
    picture.measures["m-1"] = msgspec.structs.replace(PROPOSED, state=MeasureState.ACCEPTED)
    assert gauges(metrics, picture, {}) == {'detente_measures{state="accepted"}': 1.0}
