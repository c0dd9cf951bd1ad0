"""What the service counts, in Prometheus' text form."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

from detente.record.disk import DiskRoom
from detente.utm.service.gate import Gate
from detente.utm.service.loop import DecisionLoop
from detente.utm.service.request_log import RequestLog
from detente.utm.service.snapshots import Snapshots

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class ServiceParts(NamedTuple):
    """The parts of the service that are looked at when somebody asks."""

    loop: DecisionLoop
    gate: Gate
    snapshots: Snapshots
    request_log: RequestLog
    disk: Callable[[], DiskRoom]


class ServiceMetrics:
    """Counters of one service. Seconds, bytes and counts are in the names, as Prometheus asks."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._requests = Counter(
            "detente_dss_requests",
            "Answers, by method, path of the interface (empty for none) and status.",
            ["method", "path", "status"],
            registry=self._registry,
        )
        self._seconds = Histogram(
            "detente_dss_request_seconds",
            "From the first byte of a request to its answer.",
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._entities = self._gauge("detente_dss_entities", "Live entities by kind.", ["kind"])
        self._head = self._gauge("detente_dss_journal_head", "Number of the newest decision.")
        self._backlog = self._gauge("detente_dss_undurable_decisions", "Decisions that wait for the disk.")
        self._under_way = self._gauge("detente_dss_requests_under_way", "Requests that are under way.")
        self._unlogged = self._gauge("detente_dss_log_lines_dropped", "Lines that the request log could not write.")
        self._snapshots = self._gauge("detente_dss_snapshots", "Snapshots since the start, by result.", ["result"])
        self._behind = self._gauge(
            "detente_dss_entries_after_snapshot", "Entries that a restart would fold, after the newest snapshot."
        )
        self._snapshot_seconds = self._gauge("detente_dss_snapshot_seconds", "How long the last snapshot took.")
        self._free = self._gauge("detente_disk_free_bytes", "Free bytes on the disk of the journal.")
        self._disk = self._gauge("detente_disk_bytes", "Size of the disk of the journal.")
        self._days = self._gauge(
            "detente_disk_days_left",
            "Days until that disk is full at the pace of the last week; NaN where it cannot be told.",
        )
        self._counted: dict[tuple[str, str, int], Counter] = {}

    def answered(self, method: str, path: str, status: int, seconds: float) -> None:
        """Count an answer."""
        counter = self._counted.get((method, path, status))
        if counter is None:
            counter = self._counted[method, path, status] = self._requests.labels(method, path, status)
        counter.inc()
        self._seconds.observe(seconds)

    def render(self, parts: ServiceParts) -> bytes:
        """Return the text form, with the gauges as the service is now."""
        loop, gate, snapshots = parts.loop, parts.gate, parts.snapshots
        dss, rid = loop.state.dss, loop.state.rid
        for kind, entities in (
            ("operational_intent", dss.intents),
            ("constraint", dss.constraints),
            ("subscription", dss.subscriptions),
            ("identification_service_area", rid.areas),
            ("rid_subscription", rid.subscriptions),
        ):
            self._entities.labels(kind).set(len(entities))
        self._head.set(loop.number)
        self._backlog.set(loop.backlog)
        self._under_way.set(gate.requests)
        self._unlogged.set(parts.request_log.dropped)
        self._snapshots.labels("taken").set(snapshots.taken)
        self._snapshots.labels("failed").set(snapshots.failed)
        self._behind.set(loop.number - snapshots.newest)
        self._snapshot_seconds.set(snapshots.last.seconds if snapshots.last else 0.0)
        room = parts.disk()
        self._free.set(room.free_bytes)
        self._disk.set(room.total_bytes)
        self._days.set(float("nan") if room.days_left is None else room.days_left)
        return generate_latest(self._registry)

    def _gauge(self, name: str, text: str, labels: tuple[str, ...] | list[str] = ()) -> Gauge:
        return Gauge(name, text, labels, registry=self._registry)
