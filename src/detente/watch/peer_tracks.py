"""Where peers say that their aircraft are: carried on to the present, and told apart from what our own sensors see.

A peer's track never moves, names or vouches for a track of our own sensors. One that may be an aircraft that these show
already is shown once, as they see it; every other is shown as the peer's, with the peer's name as its feed.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from detente.airspace.geodesy import GEOD
from detente.watch.messages import ToldTrack, TracksReported
from detente.watch.sighting import SightingSource
from detente.watch.track import Track, TrackDoubt

LONGEST_AGE_S = 60.0
"""Since the position was heard by the peer; what is older is not shown."""
COASTED_AFTER_S = 15.0
HIDDEN_TURN_MPS2 = 3.0
"""An aircraft may turn or brake so hard since it was told where it is: 0.3 g, a turn with 17 degrees of bank."""
LEAST_ERROR_M = 30.0
CLOCK_ERROR_S = 5.0
"""Two parties' clocks may differ by so much before the line's alarm says so (`LineChecks.clock_alarm_s`)."""
SPEEDS_DIFFER_MPS = 30.0
PEER_FEED = "peer:"
"""How the name of the feed begins that a peer is."""


class Pair(NamedTuple):
    """One aircraft, as a peer tells it and as our own sensors see it, both at the time of the peer's position."""

    party: str
    told: ToldTrack
    told_at_s: float
    seen: Track


class PeersSeen(NamedTuple):
    """What peers told, at one time: tracks that our sensors do not show, and aircraft that both do."""

    tracks: list[Track]
    pairs: list[Pair]


def feed_of(party: str) -> str:
    """The name of the feed that a peer is; no feed of the node's own can have it."""
    return f"{PEER_FEED}{party}"


def peers_seen(
    heard: Mapping[str, tuple[float, TracksReported]], sensed: Sequence[Track], not_theirs: Collection[str],
    now_s: float,
) -> PeersSeen:  # fmt: skip
    """Return what the last reports of peers show at a time, beside the tracks of our own sensors at that time.

    `heard` is when each party's report was heard, and the report. No peer gives away a name in `not_theirs`.
    """
    tracks: list[Track] = []
    pairs: list[Pair] = []
    place = np.array([(track.latitude_deg, track.longitude_deg) for track in sensed]).reshape(-1, 2)
    for party, (_, report) in sorted(heard.items()):
        at_s = report.at.timestamp()
        for told in report.tracks:
            age_s = now_s - at_s + told.age_s
            if not -CLOCK_ERROR_S <= age_s <= LONGEST_AGE_S:
                continue
            track = _carried_on(party, told, at_s, now_s, not_theirs)
            seen = _same_aircraft(track, sensed, place, not_theirs)
            if seen is None:
                tracks.append(track)
            else:
                pairs.append(Pair(party, told, at_s - told.age_s, seen))
    return PeersSeen(tracks, pairs)


def _carried_on(party: str, told: ToldTrack, at_s: float, now_s: float, not_theirs: Collection[str]) -> Track:
    """A told track as it is at a time, straight on, with the errors that the time between may have made.

    The peer told it as it was at the time of its report; the error has to cover from when it last heard it.
    """
    ahead_s = now_s - at_s
    unheard_s = max(0.0, ahead_s + told.age_s)
    longitude_deg, latitude_deg, _ = GEOD.fwd(
        told.longitude_deg, told.latitude_deg, told.track_deg, told.ground_speed_mps * ahead_s
    )
    grown_m = told.velocity_error_mps * unheard_s + HIDDEN_TURN_MPS2 / 2.0 * unheard_s**2
    doubts = (TrackDoubt.COASTED,) if unheard_s > COASTED_AFTER_S else ()
    if told.pressure_altitude_m is None and told.geometric_altitude_m is None:
        doubts = (*doubts, TrackDoubt.NO_HEIGHT)
    climbed_m = told.vertical_speed_mps * ahead_s
    pressure_m, geometric_m = told.pressure_altitude_m, told.geometric_altitude_m
    return Track(
        f"{feed_of(party)}:{told.told_id}", now_s, now_s - unheard_s, latitude_deg, longitude_deg,
        told.ground_speed_mps, told.track_deg, told.vertical_speed_mps, 0.0,
        math.hypot(max(told.horizontal_error_m, LEAST_ERROR_M), grown_m), told.vertical_error_m,
        told.velocity_error_mps, None if pressure_m is None else pressure_m + climbed_m,
        None if geometric_m is None else geometric_m + climbed_m,
        addresses=(told.address,) if told.address and told.address not in not_theirs else (),
        identities=(f"{party}:{told.told_id}",), feeds=(feed_of(party),), sources=(SightingSource.OTHER,),
        doubts=doubts,
    )  # fmt: skip


def _same_aircraft(
    track: Track, sensed: Sequence[Track], place: np.typing.NDArray[np.float64], ours: Collection[str]
) -> Track | None:
    """The track of our own sensors that a peer's track is of: by its address, else the nearest that it may be.

    An aircraft of ours is none of theirs, wherever they say that theirs is.
    """
    if not sensed:
        return None
    reach_m = track.horizontal_error_m + track.ground_speed_mps * CLOCK_ERROR_S + 1_000.0
    near_deg = reach_m / 110_000.0
    shrink = max(0.01, math.cos(math.radians(track.latitude_deg)))
    across = np.abs((place[:, 1] - track.longitude_deg + 180.0) % 360.0 - 180.0) * shrink
    close = np.flatnonzero((np.abs(place[:, 0] - track.latitude_deg) <= near_deg) & (across <= near_deg))
    found: tuple[float, Track] | None = None
    for row in close.tolist():
        seen = sensed[row]
        if not _may_be_one(track, seen, ours):
            continue
        _, _, apart_m = GEOD.inv(track.longitude_deg, track.latitude_deg, seen.longitude_deg, seen.latitude_deg)
        # Along its way an aircraft is off by what the clocks differ too.
        gate_m = math.hypot(track.horizontal_error_m, seen.horizontal_error_m) + track.ground_speed_mps * CLOCK_ERROR_S
        is_named = not set(track.addresses).isdisjoint(seen.addresses)
        if (is_named and apart_m <= reach_m + seen.horizontal_error_m) or apart_m <= gate_m:
            rank = apart_m - (reach_m * 10.0 if is_named else 0.0)
            if found is None or rank < found[0]:
                found = rank, seen
    return None if found is None else found[1]


def _may_be_one(track: Track, seen: Track, ours: Collection[str]) -> bool:
    if any(name in ours for name in (*seen.addresses, *seen.identities, seen.callsign)):
        return False
    if track.addresses and seen.addresses and set(track.addresses).isdisjoint(seen.addresses):
        return False
    turn = math.radians(track.track_deg - seen.track_deg)
    slow, fast = track.ground_speed_mps, seen.ground_speed_mps
    differ_mps = math.sqrt(max(0.0, slow**2 + fast**2 - 2.0 * slow * fast * math.cos(turn)))
    if differ_mps > SPEEDS_DIFFER_MPS + track.velocity_error_mps + seen.velocity_error_mps:
        return False
    for told_m, seen_m in (
        (track.pressure_altitude_m, seen.pressure_altitude_m), (track.geometric_altitude_m, seen.geometric_altitude_m)
    ):  # fmt: skip
        if told_m is not None and seen_m is not None:
            return abs(told_m - seen_m) <= track.vertical_error_m + seen.vertical_error_m + 150.0
    return True
