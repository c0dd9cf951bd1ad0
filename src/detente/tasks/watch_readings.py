"""What those who run a node look at of its watch: whether it runs, feeds that are silent, alerts nobody has."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from detente.node.readings import WatchReadings
from detente.tasks.watching import Watching
from detente.watch.alert import AlertLevel
from detente.watch.records import FeedStanding
from detente.watch.room import WatchRoom

BRINGS_NOTHING = frozenset({FeedStanding.SILENT, FeedStanding.AWAY})


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
        0 if view is None else view.alerts_left_out,
        0 if view is None else view.tracks_unusable,
        0 if view is None else view.sightings_left_out,
    )
