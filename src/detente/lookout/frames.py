"""What the node and its watching process say to each other, over a pipe: MessagePack, its length before it."""

from __future__ import annotations

import struct

import msgspec

from detente.watch.alert import Alert
from detente.watch.faults import Faults
from detente.watch.live_watch import PlanPosition
from detente.watch.messages import TracksReported
from detente.watch.records import AlertSeen, ConformanceDay, FeedStanding, KeptHour
from detente.watch.registration import Registration
from detente.watch.track import Track

LARGEST_FRAME = 32 * 1024 * 1024
"""Bytes. Ten thousand tracks are less than two million."""
MOST_ALERTS = 1_000
MOST_OWN = 64
"""Positions of our own aircraft that are held against their plans at a time."""
_LENGTH = struct.Struct(">I")
LENGTH_BYTES = _LENGTH.size


class FeedView(msgspec.Struct, frozen=True):
    """How a feed stands.

    Attributes:
        standing, why: whether messages come, and why not.
        silent_s: seconds since its last message; since it was opened where none came yet.
        rate: messages a second, of late.
        messages, errors: since it was opened; `errors` could not be decoded.
    """

    name: str
    kind: str
    standing: FeedStanding
    why: str = ""
    silent_s: float = 0.0
    rate: float = 0.0
    messages: int = 0
    errors: int = 0


class WatchView(msgspec.Struct, frozen=True, kw_only=True, tag="view"):
    """What the watch sees at one time, said twice a second.

    Attributes:
        at_s: seconds since 1970-01-01 UTC.
        alerts: all that stand, the most urgent first, at most MOST_ALERTS.
        own: aircraft of ours, each to be held against its plan.
        tracks: how many there are.
        picture, zipped: the tracks as `track_columns` has them, as JSON, and the same compressed by gzip.
        sightings: how many came since the process began.
        took_s: how long the tracks and the alerts of this look took.
        alerts_left_out: how many matters had no room among the alerts that stand.
        tracks_unusable: how many tracks were not looked at because their numbers are no aircraft's.
        sightings_left_out: how many sightings were too many for their second, since the process began.
        faults: what is put into the feeds of an exercise.
        conformance: how our aircraft kept to their plans, for each day of UTC in which the process looked.
        ours: the tracks of our own aircraft of which peers are told, or tell.
        registration: how each peer's picture differs from ours.
    """

    at_s: float
    alerts: tuple[AlertSeen, ...]
    own: tuple[PlanPosition, ...]
    feeds: tuple[FeedView, ...]
    tracks: int
    picture: bytes
    zipped: bytes
    sightings: int
    took_s: float
    not_kept: str = ""
    alerts_left_out: int = 0
    tracks_unusable: int = 0
    sightings_left_out: int = 0
    conformance: tuple[ConformanceDay, ...] = ()
    ours: tuple[Track, ...] = ()
    registration: tuple[Registration, ...] = ()
    faults: Faults = {}


class HourKept(msgspec.Struct, frozen=True, tag="hour"):
    """The file of one hour's reports is there."""

    hour: KeptHour


class HourRemoved(msgspec.Struct, frozen=True, tag="removed"):
    """The file of one hour's reports is there no more: it was older than what is kept."""

    file: str


class WatchFails(msgspec.Struct, frozen=True, tag="fails"):
    """The process cannot go on, and why; the last that it says."""

    why: str


FromWatch = WatchView | HourKept | HourRemoved | WatchFails


class SituationTold(msgspec.Struct, frozen=True, tag="situation"):
    """What was said of the sky: the encoded situation, against which tracks are held from now on."""

    situation: bytes


class PeerTracksTold(msgspec.Struct, frozen=True, tag="peer_tracks"):
    """What peers told last of where their aircraft are, by party: when each report was heard, in seconds, and it."""

    heard: dict[str, tuple[float, TracksReported]]


class FaultsTold(msgspec.Struct, frozen=True, tag="faults"):
    """These faults are put into the feeds from now on, and no others; in an exercise only."""

    faults: Faults


class WatchEnds(msgspec.Struct, frozen=True, tag="ends"):
    """The node stops, and so does the watch."""


ToWatch = SituationTold | PeerTracksTold | FaultsTold | WatchEnds

FROM_WATCH = msgspec.msgpack.Decoder(FromWatch)
TO_WATCH = msgspec.msgpack.Decoder(ToWatch)


def frame(message: FromWatch | ToWatch) -> bytes:
    """Return a message as it goes through the pipe; raises ValueError for one that is too large."""
    body = msgspec.msgpack.encode(message)
    if len(body) > LARGEST_FRAME:
        raise ValueError(f"a frame of {len(body)} bytes")
    return _LENGTH.pack(len(body)) + body


def frame_length(head: bytes) -> int:
    """Return the length of a message from the bytes before it; raises ValueError for one that is too large."""
    (length,) = _LENGTH.unpack(head)
    if length > LARGEST_FRAME:
        raise ValueError(f"a frame of {length} bytes")
    return int(length)


def live_alert(alert: Alert, tracks: dict[str, Track]) -> AlertSeen:
    """Return an alert with the tracks that it is about, as far as they are there."""
    return AlertSeen(alert, tuple(tracks[name] for name in alert.tracks if name in tracks))
