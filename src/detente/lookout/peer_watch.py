"""What peers tell of their aircraft, watched beside what our own sensors show: a watch of its own, and bounded.

Our own tracks, alerts and places among them are the same whether peers tell anything or not, whatever they tell.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from detente.watch.alert import Alert, AlertLevel
from detente.watch.finding import number_of
from detente.watch.live_watch import PAIR_KINDS, LiveWatch
from detente.watch.messages import TracksReported
from detente.watch.peer_tracks import PEER_FEED, peers_seen
from detente.watch.registration import Registration, RegistrationWatch
from detente.watch.situation import Situation
from detente.watch.track import Track

ESTIMATES_EVERY_S = 10.0
MOST_PEER_ALERTS = 50
MOST_RAISED_A_MINUTE = 50
"""Alerts of peers' tracks that are raised, or change their level, within a minute: a sixth of what is written down."""


class PeerWatch:
    """Holds what peers told against our own aircraft; `registration` is how each peer's picture differs from ours."""

    def __init__(self) -> None:
        self.registration: tuple[Registration, ...] = ()
        self._differences = RegistrationWatch()
        self._estimated_s = float("-inf")
        self._heard: Mapping[str, tuple[float, TracksReported]] = {}
        self._watch = LiveWatch()
        self._shown: dict[str, AlertLevel] = {}
        self._minute, self._raised = 0.0, 0

    def hear(self, heard: Mapping[str, tuple[float, TracksReported]]) -> None:
        """Take in what peers told last: when each report was heard, seconds since 1970-01-01 UTC, and it."""
        self._heard = heard

    def look(
        self, now_s: float, sensed: Sequence[Track], ours: Sequence[Track], now: Situation
    ) -> tuple[list[Track], list[Alert]]:
        """Return the peers' tracks that our sensors do not show, and the alerts between them and ours.

        `sensed` are all tracks of our own sensors at the time, `ours` those of them that are our own aircraft.
        """
        if not self._heard:
            return [], []
        seen = peers_seen(self._heard, sensed, now.ours, now_s)
        self._differences.take(seen.pairs, now_s)
        if now_s - self._estimated_s >= ESTIMATES_EVERY_S:
            self.registration, self._estimated_s = self._differences.estimates(), now_s
        if not seen.tracks and not self._watch.board.standing:
            return [], []
        theirs = {name for track in seen.tracks for name in track.identities}
        alone = replace(
            now, theirs=now.theirs | theirs, notices=(), told_plans=(), theirs_untold=True, areas=(), boundaries=(),
            feeds=(), own_pairs=False,
        )  # fmt: skip
        self._watch.look(now_s, [*ours, *seen.tracks], alone)
        return seen.tracks, self._bounded(now_s)

    def _bounded(self, now_s: float) -> list[Alert]:
        """The worst alerts of a peer's track, no more than may be shown, and no more of them new than a minute has."""
        if now_s - self._minute >= 60.0:
            self._minute, self._raised = now_s, 0
        standing = [
            alert
            for alert in self._watch.board.standing.values()
            if alert.kind in PAIR_KINDS and any(name.startswith(PEER_FEED) for name in alert.tracks)
        ]
        standing.sort(key=lambda alert: (alert.key not in self._shown, -number_of(alert.level), alert.key))
        shown: dict[str, AlertLevel] = {}
        found = []
        for alert in standing[:MOST_PEER_ALERTS]:
            before = self._shown.get(alert.key)
            if before is not alert.level:
                if self._raised >= MOST_RAISED_A_MINUTE:
                    if before is None:
                        continue
                    alert = replace(alert, level=before)  # noqa: PLW2901 - as it is shown
                else:
                    self._raised += 1
            shown[alert.key] = alert.level
            found.append(alert)
        self._shown = shown
        return found
