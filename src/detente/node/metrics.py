"""What the node counts, in Prometheus' text form. Each node has its own registry."""

from __future__ import annotations

from collections import Counter as Counted
from collections.abc import Mapping, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

from detente.disclosure.answers import AnswerAccount
from detente.line.delivery import stops_undelivered
from detente.line.hand_over import open_alarms
from detente.line.state import LineState
from detente.link.transport import DeliveryStatus
from detente.node.readings import Readings, WatchReadings
from detente.picture.picture import Picture


class Metrics:
    """Counters of one node. Seconds and counts are in the names, as Prometheus asks."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
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
        self._open = Gauge(
            "detente_journal_open_entries", "Entries that no closed segment holds yet.", registry=self.registry
        )
        self._archived = Gauge(
            "detente_journal_archived_entries", "Entries up to the last archived segment.", registry=self.registry
        )
        self._plans = Gauge("detente_plans_live", "Live plans by party.", ["party"], registry=self.registry)
        self._conflicts = Gauge("detente_conflicts_open", "Open conflicts.", registry=self.registry)
        self._measures = Gauge("detente_measures", "Measures by state.", ["state"], registry=self.registry)
        self._waiting = Gauge(
            "detente_envelopes_waiting", "Envelopes without a receipt, by peer.", ["peer"], registry=self.registry
        )
        self._days_left = Gauge(
            "detente_accord_days_left", "Days until the accord ends, by peer.", ["peer"], registry=self.registry
        )
        self._stops = Gauge(
            "detente_stops_undelivered", "STOPs of ours without a receipt, by peer.", ["peer"], registry=self.registry
        )
        self._answers = Gauge(
            "detente_answers_told", "Answers on conflicts with what is kept back, by peer.", ["peer"],
            registry=self.registry,
        )  # fmt: skip
        self._exact_left = Gauge(
            "detente_exact_answers_left", "Exact answers that are left now, by peer.", ["peer"], registry=self.registry
        )
        self._failures = Gauge(
            "detente_delivery_failures", "Failed deliveries in a row, by peer.", ["peer"], registry=self.registry
        )
        self._refused_credentials = Counter(
            "detente_refused_credentials",
            "Attempts to be let in that failed, by what was shown: a token, a link's, a passkey, a page elsewhere.",
            ["shown"],
            registry=self.registry,
        )
        for shown in ("token", "sign_in_link", "passkey", "page_elsewhere"):
            self._refused_credentials.labels(shown)
        self._sessions = Gauge("detente_sessions_open", "Persons' sessions that are open.", registry=self.registry)
        self._alarms = Gauge("detente_alarms_open", "Alarms that wait for a person.", registry=self.registry)
        self._silent = Gauge(
            "detente_peer_silent_seconds",
            "Seconds since a peer was last heard; since the start for one that never was.",
            ["peer"],
            registry=self.registry,
        )
        self._silence_allowed = Gauge(
            "detente_peer_silence_allowed_seconds",
            "After how much silence the terms with a peer have the line SILENT.",
            ["peer"],
            registry=self.registry,
        )
        self._unanswered = Gauge(
            "detente_oldest_unanswered_seconds",
            "How long the oldest of what waits for a person of ours has waited, by what it is; 0 for none.",
            ["what"],
            registry=self.registry,
        )
        self._watch_lost = Gauge(
            "detente_watch_not_running", "1 while the watch of a node with feeds does not run.", registry=self.registry
        )
        self._tracks = Gauge("detente_tracks", "Aircraft that the feeds show.", registry=self.registry)
        self._look = Gauge(
            "detente_watch_look_seconds", "How long the last look at all tracks took.", registry=self.registry
        )
        self._watch_alerts = Gauge(
            "detente_watch_alerts_open", "Alerts of the watch that stand, by level.", ["level"], registry=self.registry
        )
        self._watch_left_out = Gauge(
            "detente_watch_left_out",
            "What the watch has no room for or does not look at, by what it is.",
            ["what"],
            registry=self.registry,
        )
        self._feed_silent = Gauge(
            "detente_feed_silent_seconds",
            "Seconds since a feed was last heard; since it was opened for one that never was.",
            ["feed"],
            registry=self.registry,
        )
        self._failing = Gauge(
            "detente_side_task_failing", "1 for each task beside the line that fails, by task.", ["task"],
            registry=self.registry,
        )  # fmt: skip
        self._free = Gauge("detente_disk_free_bytes", "Free bytes on the disk of the journal.", registry=self.registry)
        self._disk = Gauge("detente_disk_bytes", "Size of the disk of the journal.", registry=self.registry)
        self._disk_days = Gauge(
            "detente_disk_days_left",
            "Days until that disk is full at the pace of the last week; NaN where it cannot be told.",
            registry=self.registry,
        )
        self._backup_age = Gauge(
            "detente_backup_age_seconds",
            "Seconds since the last backup; infinite where none is known.",
            registry=self.registry,
        )

    def command(self, name: str, *, refused: bool) -> None:
        """Count one decided command."""
        self._commands.labels(name, "refused" if refused else "decided").inc()

    def event(self, name: str) -> None:
        """Count one event."""
        self._events.labels(name).inc()

    def refused_credential(self, shown: str) -> None:
        """Count one failed attempt to be let in."""
        self._refused_credentials.labels(shown).inc()

    def turn(self, requests: int, entries: int, seconds: float) -> None:
        """Count one turn."""
        self._requests.inc(requests)
        self._entries.inc(entries)
        self._turn_seconds.observe(seconds)

    def append(self, seconds: float) -> None:
        """Count one durable append."""
        self._append_seconds.observe(seconds)

    def render(
        self,
        picture: Picture,
        line: LineState,
        head: int,
        deliveries: dict[str, DeliveryStatus],
        accord_days_left: Mapping[str, float],
        readings: Readings,
        answers: Sequence[AnswerAccount] = (),
        sessions: int = 0,
        watch: WatchReadings | None = None,
        side_tasks: Mapping[str, bool] | None = None,
    ) -> bytes:
        """Return the text form, with the gauges as the picture, the line, the accords and the readings are now.

        `side_tasks` are the tasks beside the line by name, and whether each fails.
        """
        watch = watch or WatchReadings()
        _set_all(self._days_left, accord_days_left)
        _set_all(self._answers, {account.peer: account.told for account in answers})
        _set_all(self._exact_left, {account.peer: account.exact_left for account in answers})
        self._head.set(head)
        self._conflicts.set(len(picture.conflicts))
        _set_all(self._plans, {party: len(index) for party, index in picture.indexes.items()})
        _set_all(self._measures, Counted(record.state for record in picture.measures.values()))
        _set_all(self._waiting, {peer: status.waiting for peer, status in deliveries.items()})
        undelivered = Counted(name.split(" ")[0] for name in stops_undelivered(line))
        _set_all(self._stops, {peer: undelivered[peer] for peer in line.terms})
        _set_all(self._failures, {peer: status.failures for peer, status in deliveries.items()})
        self._sessions.set(sessions)
        self._alarms.set(len(open_alarms(line)))
        _set_all(self._silent, readings.silent_s)
        _set_all(self._silence_allowed, readings.silence_allowed_s)
        _set_all(self._unanswered, {**readings.unanswered_s, "alert": watch.waiting_s})
        self._watch_lost.set(watch.has_feeds and not watch.runs)
        self._tracks.set(watch.tracks)
        self._look.set(watch.look_s)
        left_out = {
            "alerts": watch.alerts_left_out, "tracks": watch.tracks_unusable, "sightings": watch.sightings_left_out
        }  # fmt: skip
        _set_all(self._watch_left_out, left_out)
        _set_all(self._watch_alerts, watch.open_alerts)
        _set_all(self._feed_silent, watch.silent_s)
        _set_all(self._failing, side_tasks or {})
        self._free.set(readings.disk.free_bytes)
        self._disk.set(readings.disk.total_bytes)
        self._disk_days.set(float("nan") if readings.disk.days_left is None else readings.disk.days_left)
        self._backup_age.set(readings.backup_age_s)
        self._open.set(readings.open_entries)
        self._archived.set(readings.archived_entries)
        return generate_latest(self.registry)


def _set_all(gauge: Gauge, values: Mapping[str, float]) -> None:
    """Set a gauge with one label to these values; what it showed under other labels is gone."""
    gauge.clear()
    for label, value in values.items():
        gauge.labels(label).set(value)
