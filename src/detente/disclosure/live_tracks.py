"""How much a peer is told of where our aircraft are now: a pure function of accord, policy, and what it may know.

Only our own aircraft are told, never a stranger's nor another party's. What is told is named by names of its own, named
in the order of what is told: nothing in a report depends on an aircraft that is not in it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import msgspec

from detente.accord.disclosure import ClientLevel, OwnPolicy, live_clause
from detente.accord.provisions import AccordArea, LiveLevel
from detente.accord.terms import Accord
from detente.airspace.geodesy import GEOD
from detente.airspace.plan import IDENTIFIER, Plan, TimeWindow, Volume4D
from detente.airspace.position import from_posix_s
from detente.watch.alert import Alert, TrackSide
from detente.watch.live_watch import PAIR_KINDS
from detente.watch.messages import (
    BEARING_STEP_DEG,
    MOST_NEAR,
    MOST_TOLD_TRACKS,
    OLDEST_S,
    RANGES_M,
    Near,
    NearReported,
    ToldTrack,
    TracksReported,
)
from detente.watch.observed import PlaceSearch, place_plan
from detente.watch.peer_tracks import PEER_FEED
from detente.watch.records import AlertSeen
from detente.watch.track import Track

_NO_NEAR, _NO_NAME, _LAST = "n0", "t0", "t999999999999"


class LiveLimit(msgspec.Struct, frozen=True):
    """How much may be told: the level, inside which region at the level REGION, blocks of heights, and why.

    `every_s` is the shortest time between two reports of tracks.
    """

    level: LiveLevel
    because: str
    region: AccordArea | None = None
    block_m: float = 1_500.0
    every_s: float = 10.0


NO_LIMIT = LiveLimit(LiveLevel.NOTHING, "no accord")


class GivenNames(NamedTuple):
    """The names by which a peer knows what it is told, and how many it was ever given."""

    of: dict[str, str]
    given: int


def limit_of(accord: Accord, policy: OwnPolicy) -> LiveLimit:
    """Return how much of our live tracks the other party of an accord may be told.

    A policy that is wider than the accord changes nothing; one of REGION under an accord of ALL, which names no region,
    tells no tracks.
    """
    clause, live = live_clause(accord, policy), accord.provisions.live_tracks
    level = clause.level
    if level is LiveLevel.REGION and live.region is None:
        level = LiveLevel.NEAR
    return LiveLimit(level, clause.because, live.region, accord.provisions.disclosure_grid.block_m, live.every_s)


def within(report: NearReported | TracksReported, limit: LiveLimit) -> NearReported | TracksReported | None:
    """Return what of a report may leave at a limit; None for nothing. One with no aircraft says that all is over."""
    if isinstance(report, NearReported):
        return report if limit.level is not LiveLevel.NOTHING or not report.near else NearReported(report.at)
    if limit.level is LiveLevel.ALL:
        return report
    inside = _inside(limit, report.tracks, report.at.timestamp())
    if len(inside) == len(report.tracks):
        return report
    return TracksReported(report.at, tuple(report.tracks[row] for row in inside))


def near_report(
    at_s: float, alerts: Iterable[AlertSeen], is_theirs: Callable[[Track], bool], limit: LiveLimit, names: GivenNames
) -> tuple[NearReported, GivenNames]:
    """Return what the peer whose aircraft `is_theirs` knows is told of ours near its own, and the names it then has.

    `at_s` is in seconds since 1970-01-01 UTC. A pair of ours and theirs between which alerts stand is told once, at the
    most urgent level.
    """
    found: dict[str, Near] = {}
    for seen in alerts if limit.level is not LiveLevel.NOTHING else ():
        pair = _ours_and_theirs(seen)
        if pair is None or not is_theirs(pair[1]):
            continue
        near = _near(*pair, seen.alert, limit.block_m)
        key = f"{pair[0].track_id}/{pair[1].track_id}"
        if near is not None and (key not in found or _urgency(near) > _urgency(found[key])):
            found[key] = near
    # What is told is ordered by what it says: the order of our own names would tell of others.
    first = sorted(found.items(), key=lambda item: (-_urgency(item[1]), msgspec.json.encode(item[1])))[:MOST_NEAR]
    named = _named("n", [key for key, _ in first], names)
    told = tuple(msgspec.structs.replace(near, near_id=named.of[key]) for key, near in first)
    return NearReported(from_posix_s(at_s), tuple(sorted(told, key=lambda near: _number(near.near_id)))), named


def tracks_report(
    at_s: float, ours: Sequence[Track], limit: LiveLimit, names: GivenNames
) -> tuple[TracksReported, GivenNames]:
    """Return what a peer is told of the tracks of our own aircraft, and the names it then has.

    Of more than have room those go first that were told before, so that a name is followed.
    """
    if limit.level.openness < LiveLevel.REGION.openness:
        return TracksReported(from_posix_s(at_s)), _named("t", [], names)
    telling = _told(at_s, ours)
    if limit.level is LiveLevel.REGION:
        telling = [telling[row] for row in _inside(limit, [told for _, told in telling], at_s)]
    # What is told is ordered by what it says: the order of our own names would tell of others.
    telling.sort(key=lambda item: (_number(names.of.get(item[0], _LAST)), msgspec.json.encode(item[1])))
    blank, left_out = telling[:MOST_TOLD_TRACKS], max(0, len(telling) - MOST_TOLD_TRACKS)
    named = _named("t", [track_id for track_id, _ in blank], names)
    tracks = tuple(msgspec.structs.replace(told, told_id=named.of[track_id]) for track_id, told in blank)
    return TracksReported(from_posix_s(at_s), tracks, left_out), named


def for_client(
    tracks: Iterable[Track], sides: Mapping[str, TrackSide], level: ClientLevel, policy: OwnPolicy
) -> list[Track]:
    """Return which tracks a TAK client is sent, ours first. What a peer told is its own, and goes to no client."""
    openness = tuple(ClientLevel).index
    allowed = min(level, policy.tak_clients, key=openness)
    of_ours, others = [], []
    for track in tracks if allowed is not ClientLevel.NOTHING else ():
        if sides.get(track.track_id) is TrackSide.OURS:
            of_ours.append(track)
        elif allowed is ClientLevel.ALL and not any(feed.startswith(PEER_FEED) for feed in track.feeds):
            others.append(track)
    return [*of_ours, *others]


def _ours_and_theirs(seen: AlertSeen) -> tuple[Track, Track] | None:
    alert = seen.alert
    if alert.kind not in PAIR_KINDS or alert.sides != (TrackSide.OURS, TrackSide.THEIRS):
        return None
    by_id = {track.track_id: track for track in seen.tracks}
    ours, theirs = (by_id.get(name) for name in alert.tracks)
    return None if ours is None or theirs is None else (ours, theirs)


def _near(ours: Track, theirs: Track, alert: Alert, block_m: float) -> Near | None:
    bearing_deg, _, distance_m = GEOD.inv(
        theirs.longitude_deg, theirs.latitude_deg, ours.longitude_deg, ours.latitude_deg
    )
    aircraft = next(filter(IDENTIFIER.match, (*theirs.addresses, *theirs.identities, theirs.callsign)), None)
    bracket = next(((low, high) for low, high in pairwise(RANGES_M) if distance_m < high), None)
    if aircraft is None or bracket is None:
        return None
    height_m = ours.pressure_altitude_m
    low_m = None if height_m is None else math.floor(height_m / block_m) * block_m
    bearing_deg = round(bearing_deg % 360.0 / BEARING_STEP_DEG) * BEARING_STEP_DEG % 360
    return Near(
        _NO_NEAR, aircraft, bearing_deg, *bracket, alert.level, low_m,
        None if low_m is None else low_m + block_m,
    )  # fmt: skip


def _told(at_s: float, ours: Iterable[Track]) -> list[tuple[str, ToldTrack]]:
    """Our tracks as they are told but for their names there, each with its id here."""
    return [(track.track_id, _as_told(at_s, track)) for track in ours if at_s - track.position_s <= OLDEST_S]


def _as_told(at_s: float, track: Track) -> ToldTrack:
    """A track as it is told, its numbers rounded and its errors grown by as much."""
    return ToldTrack(
        _NO_NAME, round(max(0.0, at_s - track.position_s), 1), round(track.latitude_deg, 5),
        round(track.longitude_deg, 5), min(1e6, round(track.horizontal_error_m) + 2.0),
        round(track.ground_speed_mps, 1), round(track.track_deg % 360.0, 1), round(track.vertical_speed_mps, 1),
        round(track.velocity_error_mps, 1), _whole(track.pressure_altitude_m), _whole(track.geometric_altitude_m),
        min(30_000.0, round(track.vertical_error_m) + 1.0), next(filter(IDENTIFIER.match, track.addresses), ""),
    )  # fmt: skip


def _inside(limit: LiveLimit, tracks: Sequence[ToldTrack], at_s: float) -> list[int]:
    """Numbers of the tracks that may be inside the region; none where tracks are not told or it has none."""
    region, moment = limit.region, from_posix_s(at_s)
    if limit.level is not LiveLevel.REGION or region is None or not tracks:
        return []
    whole = Plan("region", (Volume4D(region.polygon, region.altitude, TimeWindow(moment, moment)),))
    places = [place_plan(_track(told, at_s), moment) for told in tracks]
    found, _ = PlaceSearch([whole]).touching(places)
    return [int(row) for row in found]


def _track(told: ToldTrack, at_s: float) -> Track:
    return Track(
        told.told_id, at_s, at_s - told.age_s, told.latitude_deg, told.longitude_deg, told.ground_speed_mps,
        told.track_deg, told.vertical_speed_mps, 0.0, told.horizontal_error_m, told.vertical_error_m,
        told.velocity_error_mps, told.pressure_altitude_m, told.geometric_altitude_m,
    )  # fmt: skip


def _named(kind: str, keys: Iterable[str], names: GivenNames) -> GivenNames:
    """The names after what these keys are of is told: those of the other kind stay, a new key gets the next."""
    of = {key: name for key, name in names.of.items() if not name.startswith(kind)}
    count = names.given
    for key in keys:
        held = names.of.get(key)
        if held is None:
            count += 1
            held = f"{kind}{count}"
        of[key] = held
    return GivenNames(of, count)


def _number(name: str) -> int:
    return int(name[1:])


def _urgency(near: Near) -> int:
    return list(type(near.level)).index(near.level)


def _whole(metres: float | None) -> float | None:
    return None if metres is None else float(round(metres))
