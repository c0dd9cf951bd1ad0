"""What the watch keeps in the journal: alerts, the feeds' standings, and what it kept of reports. Never the tracks."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

import msgspec

from detente.watch.alert import Alert, AlertLevel
from detente.watch.faults import Faults
from detente.watch.messages import Near, NearReported, TracksReported
from detente.watch.track import Track

MOST_OPEN_ALERTS = 1_000
MOST_ENDED_ALERTS = 1_000
MOST_KEPT_HOURS = 24 * 400
MOST_FEEDS = 100
MOST_FLOWN = 10_000
MOST_CONFORMANCE_DAYS = 400
LONGEST_WORDS = 300
"""Of why a feed or the watch stands as it does, in characters."""

LEVELS = tuple(AlertLevel)
"""From the least urgent to the most."""


class FeedStanding(StrEnum):
    """How a feed stands: it brings messages, it is connected and silent, it cannot be reached, it was a file read."""

    LIVE = "live"
    SILENT = "silent"
    AWAY = "away"
    ENDED = "ended"


class AlertSeen(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """An alert that stands, and the tracks that it is about, as they were seen then."""

    alert: Alert
    tracks: tuple[Track, ...] = ()


class AlertRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """An alert in its life.

    Attributes:
        seen: as it was when it was raised, or last changed its level.
        since: when it was raised (UTC).
        waits_since: since when it waits for a person: raised, or grown more urgent.
        step: the rung of the ladder that was called last, from 0; -1 before the first.
        called: the post of that rung.
        taken_by: the post where a person has it; empty before.
        ended_at: when it was over; None while it stands.
    """

    seen: AlertSeen
    since: datetime
    waits_since: datetime
    step: int = -1
    called: str = ""
    taken_by: str = ""
    taken_at: datetime | None = None
    ended_at: datetime | None = None


class FeedRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a feed stands, since when, and why."""

    standing: FeedStanding
    since: datetime
    why: str = ""


class KeptHour(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file of one hour's reports: its name in the folder of the watch, what it holds, its SHA-256."""

    file: str
    reports: int
    size_bytes: int
    sha256: str


class ConformanceDay(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How our aircraft kept to their plans in one day of UTC, as F3548 asks.

    Attributes:
        flown_s, inside_s: seconds flown with a plan, and of these inside it (F3548 asks for a share of 95 %).
        over_10s, over_60s: times outside without a break for at least 10 and at least 60 seconds.
    """

    day: str
    flown_s: float = 0.0
    inside_s: float = 0.0
    over_10s: int = 0
    over_60s: int = 0

    def with_also(self, other: ConformanceDay) -> ConformanceDay:
        """This day with what was counted of it elsewhere."""
        return ConformanceDay(
            self.day, self.flown_s + other.flown_s, self.inside_s + other.inside_s, self.over_10s + other.over_10s,
            self.over_60s + other.over_60s,
        )  # fmt: skip


class DayCounted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was written down of a day: of the times that the watch ran before, and of the time of number `run`.

    `at` is when it was written last (UTC).
    """

    before: ConformanceDay
    run: int
    counted: ConformanceDay
    at: datetime

    def total(self, run: int = -1, counted: ConformanceDay | None = None) -> ConformanceDay:
        """The whole day, with what is counted of it in the run that goes on now in place of what was written of it."""
        if counted is None:
            return self.before.with_also(self.counted)
        return (self.before if run == self.run else self.before.with_also(self.counted)).with_also(counted)


class ToldOfOurs(msgspec.Struct, frozen=True):
    """What a peer is told now of where our aircraft are.

    Attributes:
        near_at, tracks_at: when the last report of each kind was sealed (UTC).
        near, tracks: what it was.
        names: of each track or pair that is told, the name that the peer knows it by.
        count: how many names it was ever given.
    """

    near_at: datetime | None = None
    tracks_at: datetime | None = None
    near: tuple[Near, ...] = ()
    tracks: int = 0
    names: dict[str, str] = {}
    count: int = 0


class ToldByPeer(msgspec.Struct, frozen=True):
    """What a peer told last of where its aircraft are.

    Attributes:
        near, tracks: the last report of each kind.
        near_at, tracks_at: when each was heard (UTC).
        counted_from, counted: the minute in which its reports last raised alerts, and how many.
    """

    near: NearReported | None = None
    tracks: TracksReported | None = None
    near_at: datetime | None = None
    tracks_at: datetime | None = None
    counted_from: datetime | None = None
    counted: int = 0


class WatchState:
    """The watch as the journal has it. Changed by `evolve` and the room's `forget` alone.

    `flown` are the plans of ours by the address or name of the aircraft that flies each, as people said.
    `standing` says whether the watch runs, since when, and why not. `hours` are the kept files by name. `counted_from`
    and `counted` are the minute in which alerts were last written down, and how many were. `conformance` is how our
    aircraft kept to their plans, by the day of UTC.
    `told` and `heard` are what each peer is told, and tells, of where aircraft are now. `faults` are those that people
    put into the feeds of an exercise.
    """

    def __init__(self) -> None:
        self.open: dict[str, AlertRecord] = {}
        self.ended: list[AlertRecord] = []
        self.feeds: dict[str, FeedRecord] = {}
        self.flown: dict[str, str] = {}
        self.hours: dict[str, KeptHour] = {}
        self.standing: WatchStanding | None = None
        self.counted_from: datetime | None = None
        self.counted = 0
        self.held_back_at: datetime | None = None
        self.conformance: dict[str, DayCounted] = {}
        self.told: dict[str, ToldOfOurs] = {}
        self.heard: dict[str, ToldByPeer] = {}
        self.faults: Faults = {}

    def conformance_days(self, run: int, counted: Iterable[ConformanceDay]) -> list[ConformanceDay]:
        """How ours kept to their plans, day by day, the last first; `counted` is what the run that goes on has."""
        now = {one.day: one for one in counted}
        days = {name: held.total(run, now.pop(name, None)) for name, held in self.conformance.items()} | now
        return [days[name] for name in sorted(days, reverse=True)]

    def heard_tracks(self) -> dict[str, tuple[float, TracksReported]]:
        """Return what each peer told last of its tracks, and when that was heard, seconds since 1970-01-01 UTC."""
        return {
            party: (held.tracks_at.timestamp(), held.tracks)
            for party, held in self.heard.items()
            if held.tracks is not None and held.tracks_at is not None
        }

    def near_theirs(self) -> frozenset[str]:
        """Return the names of ours of which a peer says that one of its own is near: what it told alerts of."""
        named = (record.seen.alert.figures.get("aircraft") for record in self.open.values())
        return frozenset(name for name in named if isinstance(name, str))


class WatchStanding(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether the watch runs, since when, and why not. `run` counts how often it has begun."""

    runs: bool
    since: datetime
    why: str = ""
    run: int = 0


class WatchKept(msgspec.Struct, frozen=True):
    """`WatchState` as it is kept."""

    open: dict[str, AlertRecord]
    ended: list[AlertRecord]
    feeds: dict[str, FeedRecord]
    flown: dict[str, str]
    hours: dict[str, KeptHour]
    standing: WatchStanding | None
    counted_from: datetime | None
    counted: int
    held_back_at: datetime | None
    conformance: dict[str, DayCounted] = {}
    told: dict[str, ToldOfOurs] = {}
    heard: dict[str, ToldByPeer] = {}
    faults: Faults = {}


def is_more_urgent(level: AlertLevel, than: AlertLevel) -> bool:
    """Whether a level is more urgent than another."""
    return LEVELS.index(level) > LEVELS.index(than)
