"""What those who run a node look at of its watch: whether it runs, feeds that are silent, alerts nobody has."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from detente.watch.alert import AlertLevel
from detente.watch.records import FeedStanding
from detente.watch.room import WatchRoom

if TYPE_CHECKING:
    from detente.node.watching.beside import Watching  # it counts by the metrics, which show the readings


BRINGS_NOTHING = frozenset({FeedStanding.SILENT, FeedStanding.AWAY})


class WatchReadings(msgspec.Struct, frozen=True):
    """The readings at one moment.

    Attributes:
        has_feeds, runs: whether the node has feeds, and whether the process that watches them says something.
        why: why it does not run.
        tracks: how many there are; `look_s` is how long the last look at them took.
        open_alerts: how many stand, by level.
        waiting: the keys of those that no person has, the most urgent first; `waiting_s` is how long the oldest waited.
        silent_s: seconds since each feed was last heard; since the process began for one that never was.
        silent: the names of the feeds that bring nothing.
    """

    has_feeds: bool = False
    runs: bool = False
    why: str = ""
    tracks: int = 0
    look_s: float = 0.0
    open_alerts: dict[str, int] = {}
    waiting: tuple[str, ...] = ()
    waiting_s: float = 0.0
    silent_s: dict[str, float] = {}
    silent: tuple[str, ...] = ()


def watch_readings(room: WatchRoom, watching: Watching, now: datetime) -> WatchReadings:
    """Return the readings of a node as it is at `now` (UTC); to be called within `loop.read`."""
    view, waiting, standing = watching.view, room.waiting(), room.state.standing
    levels = Counter(record.seen.alert.level.value for record in room.state.open.values())
    feeds = () if view is None else view.feeds
    return WatchReadings(
        bool(watching.feeds) or (standing is not None and not standing.runs and standing.why != watching.NO_FEEDS),
        view is not None,
        standing.why if standing is not None and view is None else "",
        0 if view is None else view.tracks,
        0.0 if view is None else view.took_s,
        {level.value: levels[level.value] for level in AlertLevel},
        tuple(record.seen.alert.key for record in waiting),
        max(((now - record.waits_since).total_seconds() for record in waiting), default=0.0),
        {feed.name: feed.silent_s for feed in feeds if feed.standing is not FeedStanding.ENDED},
        tuple(feed.name for feed in feeds if feed.standing in BRINGS_NOTHING),
    )
