"""What the process that watches, the node's clock and people ask of the room of the watch. `at` is the time (UTC)."""

from __future__ import annotations

from datetime import datetime

import msgspec

from detente.watch.faults import FeedFault
from detente.watch.messages import WatchMessage
from detente.watch.records import AlertSeen, ConformanceDay, FeedStanding, KeptHour


class _Command(msgspec.Struct, frozen=True, tag_field="command", forbid_unknown_fields=True):
    at: datetime


class SeeAlerts(_Command, frozen=True, tag="see_alerts"):
    """These alerts stand now, and no others.

    `keeps` lets those that are not among them stand: the watch has begun only now and has not seen everything yet.
    """

    alerts: tuple[AlertSeen, ...]
    keeps: bool = False


class TakeAlert(_Command, frozen=True, tag="take_alert"):
    """A person at this post has an alert."""

    key: str
    post: str


class WatchTick(_Command, frozen=True, tag="watch_tick"):
    """Call the posts that are due by now."""


class SeeFeeds(_Command, frozen=True, tag="see_feeds"):
    """So the feeds stand now, by name, each with why; there are no others."""

    feeds: dict[str, tuple[FeedStanding, str]]


class FlyPlan(_Command, frozen=True, tag="fly_plan"):
    """The aircraft of this address or name flies this plan of ours; an empty plan: none any more."""

    aircraft: str
    plan_id: str


class PutFaults(_Command, frozen=True, tag="put_faults"):
    """A person lets a feed of an exercise have these faults from now on, and no others; none: it is sound again."""

    feed: str
    faults: tuple[FeedFault, ...]


class SayWatch(_Command, frozen=True, tag="say_watch"):
    """The watch runs, for the time of this number, or it does not, and why."""

    runs: bool
    why: str = ""
    run: int = 0


class SeeConformance(_Command, frozen=True, tag="see_conformance"):
    """So our aircraft kept to their plans, day by day, in the time of this number that the watch runs.

    `ends`: the watch runs no longer, so that it is written down at once.
    """

    run: int
    days: tuple[ConformanceDay, ...]
    ends: bool = False


class KeepReports(_Command, frozen=True, tag="keep_reports"):
    """Keep the digest of the file of one hour's reports."""

    hour: KeptHour


class RemoveReports(_Command, frozen=True, tag="remove_reports"):
    """The file of an hour's reports was removed."""

    file: str


class TellLive(_Command, frozen=True, tag="tell_live"):
    """Tell a peer where ours are, as disclosure lets it: a report of one kind, with the names that it gives."""

    peer: str
    report: WatchMessage
    names: dict[str, str]
    count: int


WatchCommand = (
    SeeAlerts
    | TakeAlert
    | WatchTick
    | SeeFeeds
    | FlyPlan
    | PutFaults
    | SayWatch
    | SeeConformance
    | KeepReports
    | RemoveReports
    | TellLive
)
