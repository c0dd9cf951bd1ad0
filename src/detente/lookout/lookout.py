"""The lookout: sightings go in, and at each look come the tracks, whose they are, the alerts, and our own aircraft.

It does no I/O and reads no clock: live, and when a kept stretch is played again, it sees the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeVar

from msgspec.structs import replace

from detente.airspace.plan import Plan
from detente.lookout.told_situation import ToldSituation, decode_situation
from detente.watch.alert import Alert, AlertKind, TrackSide
from detente.watch.finding import number_of
from detente.watch.live_tracks import OURS, SIDES, side_of
from detente.watch.live_watch import LiveWatch, PlanPosition
from detente.watch.observed import observation_of
from detente.watch.sighting import Sighting
from detente.watch.situation import FeedSilence, Situation
from detente.watch.track import Track
from detente.watch.tracker import SIGHTINGS_MAX, Tracker

MOST_OWN_NAMES = 20_000
T = TypeVar("T")


class Seen(NamedTuple):
    """What one look saw: all tracks, whose each is where that is known, all alerts, the most urgent first.

    `own` are positions of ours that claims are to hold against their plans.
    """

    tracks: Sequence[Track]
    sides: dict[str, TrackSide]
    alerts: Sequence[Alert]
    own: tuple[PlanPosition, ...] = ()


class Lookout:
    """Sees from sightings what flies. `own_feeds` name the feeds all of whose aircraft are ours.

    Tracks are numbered from after `last_number` on.

    `sightings` counts those that came, `left_out` those of them that were too many for a look.
    """

    def __init__(self, own_feeds: frozenset[str], last_number: int = 0) -> None:
        self.sightings = self.left_out = 0
        self._own_feeds = own_feeds
        self._own_names: dict[str, None] = {}
        self._watch = LiveWatch()
        self._told: ToldSituation | None = None
        self._situation: Situation | None = None
        self._tracker = Tracker(last_number=last_number)
        self._waiting: list[Sighting] = []

    def told(self, situation: bytes) -> None:
        """Hold tracks against this from now on, encoded as `encode_situation` does."""
        told = decode_situation(situation)
        if told == self._told:
            # What is compiled for a situation is compiled once, by its objects.
            return
        before, self._told = self._situation, told
        known = {} if before is None else before.plans
        plans = {plan.plan_id: _same(known.get(plan.plan_id), plan) for plan in told.plans}
        flown = {name: plans[plan_id] for name, plan_id in told.flown.items() if plan_id in plans}
        self._situation = Situation(
            told.party, told.minima, told.our_aircraft | flown.keys(), told.their_aircraft,
            _same(None if before is None else before.plans, plans | flown),
            _same(None if before is None else before.notices, told.notices),
            _same(None if before is None else before.told_plans, told.told_plans), told.theirs_untold,
            accord_area=_same(None if before is None else before.accord_area, told.accord_area),
        )  # fmt: skip

    def take(self, sightings: Sequence[Sighting]) -> None:
        """Take in what feeds saw, in the order in which it was heard; of too much for one look the oldest goes."""
        self.sightings += len(sightings)
        self._waiting += sightings
        if len(self._waiting) > SIGHTINGS_MAX:
            self.left_out += len(self._waiting) - SIGHTINGS_MAX
            del self._waiting[:-SIGHTINGS_MAX]
        for one in sightings:
            if one.feed in self._own_feeds:
                self._own_names[one.address or one.identity] = None
        while len(self._own_names) > MOST_OWN_NAMES:
            del self._own_names[next(iter(self._own_names))]

    def look(self, now_s: float, feeds: tuple[FeedSilence, ...] = ()) -> Seen:
        """Return what is seen at a time, seconds since 1970-01-01 UTC, while the feeds stand like this."""
        waiting, self._waiting = self._waiting, []
        self._tracker.take(waiting, now_s)
        tracks = self._tracker.tracks(now_s)
        situation, told = self._situation, self._told
        if situation is None or told is None:
            return Seen(tracks, {}, ())
        ours = situation.ours.union(self._own_names)
        now = replace(situation, ours=ours, feeds=feeds)
        self._watch.look(now_s, tracks, now)
        alerts = sorted(self._watch.board.standing.values(), key=_urgency)
        sides = {track.track_id: SIDES[side_of(track, now)] for track in tracks}
        return Seen(tracks, sides, alerts, tuple(_own(tracks, now, told.outside, alerts)))


def _own(
    tracks: Sequence[Track], now: Situation, outside: frozenset[str], alerts: Sequence[Alert]
) -> Iterator[PlanPosition]:
    """Our aircraft that have left their plans and whose claims do not know it yet, and those that are back."""
    standing = {alert.subject: alert.tracks[0] for alert in alerts if alert.kind is AlertKind.OWN_DEVIATION}
    if standing.keys() == outside:
        return
    by_id = {track.track_id: track for track in tracks}
    left = {plan_id: by_id.get(name) for plan_id, name in standing.items() if plan_id not in outside}
    back = {plan.plan_id: track for track, plan in _flying(tracks, now) if plan.plan_id in outside - standing.keys()}
    for plan_id, track in (left | back).items():
        seen = None if track is None else observation_of(now.party, track)
        if seen is not None:
            yield PlanPosition(plan_id, seen)


def _flying(tracks: Sequence[Track], now: Situation) -> Iterator[tuple[Track, Plan]]:
    """Each track of ours with the plan that it flies."""
    for track in tracks:
        if side_of(track, now) == OURS:
            names = (*track.addresses, *track.identities, track.callsign)
            plan = next((now.plans[name] for name in names if name in now.plans), None)
            if plan is not None:
                yield track, plan


def _urgency(alert: Alert) -> tuple[int, float, str]:
    return -number_of(alert.level), alert.due_s or float("inf"), alert.key


def _same(before: T | None, now: T) -> T:
    """Return what was there before where it is equal: it has been compiled."""
    return before if before == now and before is not None else now
