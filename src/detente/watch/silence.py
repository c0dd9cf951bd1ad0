"""What is heard no more: an aircraft that disappears in flight, a silent feed, many integrities that fall at once."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from typing import NamedTuple

import numpy as np

from detente.watch.alert import AlertKind, AlertPlace, TrackSide
from detente.watch.finding import WatchFinding, doubts_of
from detente.watch.live_tracks import OURS, LiveTracks
from detente.watch.situation import FeedSilence
from detente.watch.track import Track, TrackDoubt

TOLD_FOR_S = 300.0
"""So long a lost aircraft is told; by then people search, or know."""
FLEW_S = 30.0
"""A track that lived shorter was no aircraft that is missed."""
MISSES = 3.0
"""A feed is silent after so many of its intervals, and never sooner than SILENT_AFTER_S."""
SILENT_AFTER_S = 5.0
FALL_WITHIN_S = 60.0
FALL_LEAST = 5
FALL_SHARE = 0.5
"""A region's integrity falls when so many aircraft, and this share of those in it, lost theirs within a minute."""
REGION_DEG = 1.0


class _Seen(NamedTuple):
    track: Track
    side: TrackSide
    since_s: float


class SilenceWatch:
    """Remembers who was seen where, and whose position could be trusted."""

    def __init__(self) -> None:
        self._seen: dict[str, _Seen] = {}
        self._lost: dict[str, tuple[_Seen, float]] = {}
        self._trusted: AbstractSet[str] = frozenset()
        self._fell_s: dict[str, float] = {}

    def look(self, live: LiveTracks, landed: Iterable[str], missed: Iterable[str], now_s: float) -> list[WatchFinding]:
        """What is found of aircraft.

        Args:
            live: those that fly.
            landed: ids of tracks on the ground, which are not lost.
            missed: ids of aircraft of others that are missed too when they disappear: those that an alert is about.
            now_s: seconds since 1970-01-01 UTC.
        """
        on_ground, watched = set(landed), {name for name in missed if name in live.rows}
        rows = {*np.flatnonzero(live.side == OURS).tolist(), *(live.rows[name] for name in watched)}
        rows |= {live.rows[name] for name in self._seen if name in live.rows}
        seen: dict[str, _Seen] = {}
        for row in sorted(rows):
            track = live.tracks[row]
            if not track.doubts or TrackDoubt.STALE not in track.doubts:
                before = self._seen.get(track.track_id)
                seen[track.track_id] = _Seen(track, live.sides_of(row)[0], before.since_s if before else now_s)
        for name, one in self._seen.items():
            if name not in seen and name not in on_ground and now_s - one.since_s >= FLEW_S:
                self._lost[name] = (one, now_s)
        self._seen = seen
        self._lost = {
            name: (one, at_s)
            for name, (one, at_s) in self._lost.items()
            if name not in seen and name not in on_ground and now_s - at_s <= TOLD_FOR_S
        }
        return [_lost(one, at_s, now_s) for one, at_s in self._lost.values()] + self._falls(live, now_s)

    def _falls(self, live: LiveTracks, now_s: float) -> list[WatchFinding]:
        """Regions, a degree wide, in which many aircraft lost their integrity at about the same time."""
        low = [
            row for row, track in enumerate(live.tracks) if track.doubts and TrackDoubt.LOW_INTEGRITY in track.doubts
        ]
        low_names = {live.tracks[row].track_id for row in low}
        self._fell_s = {
            name: self._fell_s.get(name, now_s if name in self._trusted else -math.inf) for name in low_names
        }
        self._trusted = live.rows.keys() - low_names
        lately = [row for row in low if now_s - self._fell_s[live.tracks[row].track_id] <= FALL_WITHIN_S]
        if len(lately) < FALL_LEAST:
            return []
        cells = np.stack([live.latitude_deg // REGION_DEG, live.longitude_deg // REGION_DEG], axis=1).astype(np.int64)
        findings = []
        fallen = Counter(map(tuple, cells[lately].tolist()))
        for (south, west), count in sorted(fallen.items()):
            there = int(np.all(cells == (south, west), axis=1).sum())
            if count >= FALL_LEAST and count >= FALL_SHARE * there:
                place = AlertPlace((south + 0.5) * REGION_DEG, (west + 0.5) * REGION_DEG)
                findings.append(
                    WatchFinding(
                        f"{AlertKind.INTEGRITY_FALLS}:{south},{west}",
                        AlertKind.INTEGRITY_FALLS,
                        3,
                        3,
                        "integrity_falls",
                        figures={"count": float(count), "of_count": float(there)},
                        place=place,
                        doubts=(TrackDoubt.LOW_INTEGRITY.value,),
                    )
                )  # fmt: skip
        return findings


def silent_feeds(feeds: Iterable[FeedSilence], now_s: float) -> list[WatchFinding]:
    """Feeds that are silent; when none is heard, nobody sees anything, and that is a warning."""
    known = sorted(feeds, key=lambda feed: feed.name)
    silent = [feed for feed in known if _silent_s(feed, now_s) > max(SILENT_AFTER_S, MISSES * feed.expected_s)]
    level = 3 if silent and len(silent) == len(known) else 2
    findings = []
    for feed in silent:
        figures: dict[str, float | str] = {"feed": feed.name, "expected_s": feed.expected_s}
        if feed.last_heard_s is not None:
            figures["silent_s"] = _silent_s(feed, now_s)
        reason = "feed_never_heard" if feed.last_heard_s is None else "feed_silent"
        findings.append(
            WatchFinding(
                f"{AlertKind.FEED_SILENT}:{feed.name}",
                AlertKind.FEED_SILENT,
                level,
                level,
                reason,
                figures=figures,
                subject=feed.name,
            )
        )  # fmt: skip
    return findings


def _silent_s(feed: FeedSilence, now_s: float) -> float:
    return math.inf if feed.last_heard_s is None else now_s - feed.last_heard_s


def _lost(one: _Seen, at_s: float, now_s: float) -> WatchFinding:
    track = one.track
    figures: dict[str, float | str] = {"silent_s": now_s - min(at_s, track.position_s)}
    if track.pressure_altitude_m is not None:
        figures["first_altitude_m"] = track.pressure_altitude_m
    level = 3 if one.side is TrackSide.OURS else 2
    return WatchFinding(
        f"{AlertKind.TRACK_LOST}:{track.track_id}", AlertKind.TRACK_LOST, level, level, "track_lost",
        (track.track_id,), (one.side,), figures,
        place=AlertPlace(track.latitude_deg, track.longitude_deg, track.pressure_altitude_m),
        doubts=doubts_of(track.doubts),
    )  # fmt: skip
