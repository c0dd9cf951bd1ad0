"""The watch: one look at all tracks, held against what was said, and what has changed of the alerts that stand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from detente.picture.observations import Observation
from detente.watch.alert import Alert, AlertKind, TrackSide
from detente.watch.alert_board import AlertBoard, AlertChange
from detente.watch.area_watch import AreaWatch
from detente.watch.border_watch import BorderWatch
from detente.watch.clearance import not_well_clear
from detente.watch.conformance import ConformanceRecord, own_conformance
from detente.watch.declared import DeclaredWatch
from detente.watch.finding import WatchFinding, doubts_of, number_of
from detente.watch.live_tracks import LiveTracks, live
from detente.watch.prediction import Prediction, predict
from detente.watch.separation import look_ahead_of, separation_ahead
from detente.watch.silence import SilenceWatch, silent_feeds
from detente.watch.situation import Situation
from detente.watch.track import Track
from detente.watch.way_out import cheapest_way_out

PAIR_KINDS = frozenset({AlertKind.SEPARATION, AlertKind.WELL_CLEAR})
WAYS_AT_ONCE = 20
"""For so many alerts a way out is looked for in one look, the worst first."""


class PlanPosition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A position of one of ours to hold against its plan with `claims.commands.HoldPosition` (R25)."""

    plan_id: str
    observation: Observation


class WatchNews(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one look has found new.

    Attributes:
        changes: alerts raised, changed and ended, the worst first.
        left_out: how many matters have no room among the alerts that stand.
        unusable: how many tracks were left out because their numbers are no aircraft's.
    """

    changes: tuple[AlertChange, ...]
    left_out: int = 0
    unusable: int = 0


class LiveWatch:
    """Everything that is remembered from look to look. The same looks give the same news, always."""

    def __init__(self) -> None:
        self.board = AlertBoard()
        self.conformance = ConformanceRecord()
        self._areas = AreaWatch()
        self._borders = BorderWatch()
        self._declared = DeclaredWatch()
        self._silence = SilenceWatch()

    def look(self, now_s: float, tracks: Sequence[Track], situation: Situation) -> WatchNews:
        """Look at all tracks once.

        Args:
            now_s: seconds since 1970-01-01 UTC; no earlier than at the last look.
            tracks: all that live, each at `now_s`; what is on the ground too, so that it is known to have landed.
            situation: what they are held against. Pass the same notices, plans and areas (the same objects) as long as
                they are the same: they are compiled once.
        """
        shown = live(tracks, situation)
        prediction = predict(shown, now_s, look_ahead_of(situation.times))
        findings, more = separation_ahead(shown, prediction, situation)
        if situation.clear_logic is not None:
            near, more_near = not_well_clear(shown, situation.clear_logic, own_pairs=situation.own_pairs)
            findings, more = [*findings, *near], more + more_near
            self.board.steady(AlertKind.WELL_CLEAR, situation.clear_logic.steadiness)
        inside, deviations = own_conformance(shown, now_s)
        self.conformance.take(now_s, {shown.plans[row].plan_id: kept for row, kept in inside.items()})
        findings += deviations
        findings += self._areas.look(shown, prediction, situation, now_s)
        findings += self._borders.look(shown, prediction, situation, now_s)
        findings += self._declared.look(shown, situation, now_s)
        landed = [track.track_id for track in tracks if track.on_ground]
        findings += self._silence.look(shown, landed, self._tracks_of_alerts(), now_s)
        findings += silent_feeds(situation.feeds, now_s)
        findings += self._unsure(shown, findings)
        changes = self.board.take(now_s, findings, _WaysOut(shown, prediction, situation))
        usable = len(shown) + len(landed)
        return WatchNews(tuple(changes), more + self.board.left_out, len(tracks) - usable)

    def _tracks_of_alerts(self) -> Iterable[str]:
        for alert in self.board.standing.values():
            if alert.kind in PAIR_KINDS:
                yield from alert.tracks

    def _unsure(self, shown: LiveTracks, findings: list[WatchFinding]) -> list[WatchFinding]:
        """Alerts of two tracks that would end while one of them is not to be believed: they stay, with the doubts."""
        found = {one.key for one in findings}
        kept = []
        for alert in self.board.standing.values():
            if alert.kind not in PAIR_KINDS or alert.key in found:
                continue
            rows = [shown.rows[name] for name in alert.tracks if name in shown.rows]
            if len(rows) == len(alert.tracks) and shown.unsure[rows].any():
                doubts = doubts_of(*(shown.tracks[row].doubts for row in rows))
                kept.append(
                    WatchFinding(
                        alert.key,
                        alert.kind,
                        0,
                        number_of(alert.level),
                        "separation_unsure",
                        alert.tracks,
                        alert.sides,
                        alert.figures,
                        place=alert.place,
                        subject=alert.subject,
                        doubts=doubts,
                    )
                )  # fmt: skip
        return kept


class _WaysOut:
    """Completes alerts of two tracks with a way out for ours, so many at a time."""

    def __init__(self, shown: LiveTracks, prediction: Prediction, situation: Situation) -> None:
        self._shown, self._prediction, self._situation = shown, prediction, situation
        self._left = WAYS_AT_ONCE

    def __call__(self, alert: Alert) -> Alert:
        if alert.kind not in PAIR_KINDS or alert.sides[0] is not TrackSide.OURS or self._left == 0:
            return alert
        row = self._shown.rows.get(alert.tracks[0])
        if row is None:
            return alert
        self._left -= 1
        way = cheapest_way_out(self._shown, self._prediction, row, self._situation)
        return msgspec.structs.replace(alert, way_out=way)
