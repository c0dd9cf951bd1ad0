"""Events of the watch, as the journal keeps them."""

from __future__ import annotations

from datetime import datetime

import msgspec

from detente.watch.faults import FeedFault
from detente.watch.messages import WatchMessage
from detente.watch.records import AlertSeen, ConformanceDay, FeedStanding, KeptHour


class _WatchEvent(msgspec.Struct, frozen=True, tag_field="event", forbid_unknown_fields=True):
    """Every event says when it was decided (UTC, with the command)."""

    at: datetime


class AlertRaised(_WatchEvent, frozen=True, tag="alert_raised"):
    """The watch found something."""

    seen: AlertSeen


class AlertLevelChanged(_WatchEvent, frozen=True, tag="alert_level_changed"):
    """What the watch had found became more urgent, or less."""

    seen: AlertSeen


class AlertEnded(_WatchEvent, frozen=True, tag="alert_ended"):
    """What the watch had found is over."""

    key: str


class AlertTaken(_WatchEvent, frozen=True, tag="alert_taken"):
    """A person at this post has an alert."""

    key: str
    post: str


class AlertPostCalled(_WatchEvent, frozen=True, tag="alert_post_called"):
    """An alert waits for a person, and the ladder stands at this rung, from 0."""

    key: str
    step: int
    post: str


class AlertsHeldBack(_WatchEvent, frozen=True, tag="alerts_held_back"):
    """More alerts came within this minute than are written down in one; those that still stand follow in the next."""

    count: int


class FeedStandingChanged(_WatchEvent, frozen=True, tag="feed_standing_changed"):
    """A feed stands otherwise than before."""

    feed: str
    standing: FeedStanding
    why: str


class FeedLeft(_WatchEvent, frozen=True, tag="feed_left"):
    """A feed is no longer one of the node's."""

    feed: str


class PlanFlown(_WatchEvent, frozen=True, tag="plan_flown"):
    """The aircraft of this address or name flies this plan of ours; an empty plan: none any more."""

    aircraft: str
    plan_id: str


class FaultsPut(_WatchEvent, frozen=True, tag="faults_put"):
    """A feed of an exercise has these faults from now on, and no others."""

    feed: str
    faults: tuple[FeedFault, ...]


class WatchStandingChanged(_WatchEvent, frozen=True, tag="watch_standing_changed"):
    """From now on the watch runs, for the time of this number, or it does not, and why."""

    runs: bool
    why: str
    run: int = 0


class ConformanceCounted(_WatchEvent, frozen=True, tag="conformance_counted"):
    """So our aircraft kept to their plans in a day until now, of the time of this number that the watch ran."""

    run: int
    day: ConformanceDay


class ReportsKept(_WatchEvent, frozen=True, tag="reports_kept"):
    """The reports of one hour are in a file."""

    hour: KeptHour


class ReportsRemoved(_WatchEvent, frozen=True, tag="reports_removed"):
    """The file of an hour's reports was removed: it was older than what is to be kept."""

    file: str


class LiveTold(_WatchEvent, frozen=True, tag="live_told"):
    """A peer is told where ours are; `names` are those by which it knows what it is told from now on."""

    peer: str
    report: WatchMessage
    names: dict[str, str]
    count: int


class LiveHeard(_WatchEvent, frozen=True, tag="live_heard"):
    """A peer told where its aircraft are."""

    party: str
    report: WatchMessage


WatchEvent = (
    AlertRaised | AlertLevelChanged | AlertEnded | AlertTaken | AlertPostCalled | AlertsHeldBack | FeedStandingChanged
    | FeedLeft | PlanFlown | WatchStandingChanged | ConformanceCounted | ReportsKept | ReportsRemoved | LiveTold
    | LiveHeard | FaultsPut
)  # fmt: skip
