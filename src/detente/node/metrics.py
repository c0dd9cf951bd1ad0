"""What the node counts, in Prometheus' text form. Each node has its own registry."""

from __future__ import annotations

from collections import Counter as Counted
from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from detente.link.transport import DeliveryStatus
from detente.picture.picture import Picture


class Metrics:
    """Counters of one node. Seconds and counts are in the names, as Prometheus asks."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._commands = Counter(
            "detente_commands", "Commands decided, by kind and result.", ["command", "result"], registry=self.registry
        )
        self._events = Counter("detente_events", "Events by kind, since the start.", ["event"], registry=self.registry)
        self._turn_seconds = Histogram(
            "detente_turn_seconds", "One turn of the command loop, append included.", registry=self.registry
        )
        self._append_seconds = Histogram(
            "detente_append_seconds", "One durable append to the journal.", registry=self.registry
        )
        self._requests = Counter("detente_requests", "Requests that turns answered.", registry=self.registry)
        self._entries = Counter("detente_entries", "Journal entries appended since the start.", registry=self.registry)
        self._head = Gauge("detente_journal_head", "Number of the journal's last entry.", registry=self.registry)
        self._plans = Gauge("detente_plans_live", "Live plans by party.", ["party"], registry=self.registry)
        self._conflicts = Gauge("detente_conflicts_open", "Open conflicts.", registry=self.registry)
        self._measures = Gauge("detente_measures", "Measures by state.", ["state"], registry=self.registry)
        self._waiting = Gauge(
            "detente_envelopes_waiting", "Envelopes without a receipt, by peer.", ["peer"], registry=self.registry
        )
        self._failures = Gauge(
            "detente_delivery_failures", "Failed deliveries in a row, by peer.", ["peer"], registry=self.registry
        )

    def command(self, name: str, *, refused: bool) -> None:
        """Count one decided command."""
        self._commands.labels(name, "refused" if refused else "decided").inc()

    def event(self, name: str) -> None:
        """Count one event."""
        self._events.labels(name).inc()

    def turn(self, requests: int, entries: int, seconds: float) -> None:
        """Count one turn."""
        self._requests.inc(requests)
        self._entries.inc(entries)
        self._turn_seconds.observe(seconds)

    def append(self, seconds: float) -> None:
        """Count one durable append."""
        self._append_seconds.observe(seconds)

    def render(self, picture: Picture, head: int, deliveries: dict[str, DeliveryStatus]) -> bytes:
        """Return the text form, with the gauges as the picture is now."""
        self._head.set(head)
        self._conflicts.set(len(picture.conflicts))
        _set_all(self._plans, {party: len(index) for party, index in picture.indexes.items()})
        _set_all(self._measures, Counted(record.state for record in picture.measures.values()))
        _set_all(self._waiting, {peer: status.waiting for peer, status in deliveries.items()})
        _set_all(self._failures, {peer: status.failures for peer, status in deliveries.items()})
        return generate_latest(self.registry)


def _set_all(gauge: Gauge, values: Mapping[str, int]) -> None:
    """Set a gauge with one label to these values; what it showed under other labels is gone."""
    gauge.clear()
    for label, value in values.items():
        gauge.labels(label).set(value)
