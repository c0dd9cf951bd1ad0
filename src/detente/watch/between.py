"""What the room of the watch makes of reports between parties: what is held of them, and the alerts that they raise.

A peer's report never touches an alert of our own sensors: what it raises has keys of its own, is counted by itself, and
ends when the peer says so, or says nothing more for HOLDS.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from msgspec.structs import replace

from detente.accord.provisions import LiveLevel
from detente.accord.terms import Accord
from detente.airspace.refusal import Refusal
from detente.watch.alert import Alert, AlertKind, AlertLevel, TrackSide
from detente.watch.events import AlertEnded, AlertLevelChanged, AlertRaised, LiveHeard, LiveTold, WatchEvent
from detente.watch.messages import Near, NearReported, TracksReported, WatchMessage
from detente.watch.records import AlertSeen, ToldByPeer, ToldOfOurs, WatchState

HOLDS = timedelta(seconds=60)
"""How long a report that one of theirs is near holds when nothing more is said."""
NEAR_EVERY = timedelta(seconds=5)
"""Reports of what is near are told no more often; TELLS_AGAIN while nothing changes and one stands."""
TELLS_AGAIN = timedelta(seconds=20)
MOST_TOLD_ALERTS_A_MINUTE = 30
"""Raised or changed by one peer's reports."""
NEEDS = {NearReported: LiveLevel.NEAR, TracksReported: LiveLevel.REGION}
"""The least level of the accord at which each kind of report is told."""
_TOLD = "told:"


def is_told(key: str) -> bool:
    """Whether an alert is one that a peer's report raised, by its key."""
    return key.startswith(_TOLD)


def key_of(party: str, near_id: str) -> str:
    """The key of the alert that a peer's report raises."""
    return f"{_TOLD}{party}:{near_id}"


def after_telling(held: ToldOfOurs, told: LiveTold) -> ToldOfOurs:
    """What a peer is told, after one more report."""
    named = replace(held, names=told.names, count=told.count)
    if isinstance(told.report, NearReported):
        return replace(named, near_at=told.at, near=told.report.near)
    return replace(named, tracks_at=told.at, tracks=len(told.report.tracks))


def after_report(held: ToldByPeer, at: datetime, report: WatchMessage) -> ToldByPeer:
    """What a peer told, after one more report."""
    if isinstance(report, NearReported):
        return replace(held, near=report, near_at=at)
    return replace(held, tracks=report, tracks_at=at)


def after_alert(held: ToldByPeer, minute: datetime) -> ToldByPeer:
    """What a peer told, after its report has raised or changed one more alert in a minute."""
    return replace(held, counted_from=minute, counted=1 + (held.counted if held.counted_from == minute else 0))


def heard_events(state: WatchState, accord: Accord, at: datetime, party: str, report: WatchMessage) -> list[WatchEvent]:
    """The events of a peer's report. One that comes sooner than agreed leads to none: the next says it all again.

    Raises Refusal for a kind of report that the accord does not have the peer send.
    """
    live = accord.provisions.live_tracks
    if live.level.openness < NEEDS[type(report)].openness:
        raise Refusal("watch.tracks_agreed", "report", type(report).__name__, level=live.level.value)
    held = state.heard.get(party, ToldByPeer())
    is_near = isinstance(report, NearReported)
    last = held.near_at if is_near else held.tracks_at
    every = NEAR_EVERY if is_near else timedelta(seconds=live.every_s)
    if last is not None and timedelta() <= at - last < every / 2:
        return []
    events: list[WatchEvent] = [LiveHeard(at, party, report)]
    if isinstance(report, NearReported):
        # Without the accord's consent no post is called, and what called one before is over.
        events += _alerts(state, held, at, party, report if live.posts else NearReported(report.at))
    return events


def over_by_silence(state: WatchState, at: datetime) -> list[AlertEnded]:
    """The ends of the alerts that peers told of and say nothing more of, at a time (UTC)."""
    return [
        AlertEnded(at, key)
        for key, record in sorted(state.open.items())
        if is_told(key) and at - (state.heard[record.seen.alert.subject].near_at or record.since) > HOLDS
    ]


def _alerts(
    state: WatchState, held: ToldByPeer, at: datetime, party: str, report: NearReported
) -> Iterator[WatchEvent]:
    told = {key_of(party, one.near_id): one for one in report.near}
    begins = key_of(party, "")
    for key in sorted(key for key in state.open if key.startswith(begins) and key not in told):
        yield AlertEnded(at, key)
    minute = at.replace(second=0, microsecond=0)
    left = MOST_TOLD_ALERTS_A_MINUTE - (held.counted if held.counted_from == minute else 0)
    for key, one in sorted(told.items(), key=lambda item: (-list(AlertLevel).index(item[1].level), item[0])):
        record = state.open.get(key)
        if record is not None and record.seen.alert.level is one.level:
            continue
        if left <= 0:
            return
        left -= 1
        seen = AlertSeen(_alert(key, party, one, report.at.timestamp()))
        yield AlertRaised(at, seen) if record is None else AlertLevelChanged(at, seen)


def _alert(key: str, party: str, near: Near, at_s: float) -> Alert:
    """What a peer told of one of its own near one of ours, as an alert of ours."""
    figures: dict[str, float | str] = {
        "aircraft": near.aircraft, "bearing_deg": float(near.bearing_deg), "from_distance_m": near.range_from_m,
        "to_distance_m": near.range_to_m,
    }  # fmt: skip
    reason = "near_told_no_height"
    if near.height_from_m is not None and near.height_to_m is not None:
        reason = "near_told"
        figures |= {"low_altitude_m": near.height_from_m, "high_altitude_m": near.height_to_m}
    sides = (TrackSide.OURS, TrackSide.THEIRS)
    return Alert(key, AlertKind.SEPARATION, near.level, at_s, reason, (), sides, figures, subject=party)
