"""The lookout: sightings go in, and at each look come the tracks, whose they are, the alerts, and our own aircraft.

It does no I/O and reads no clock: live, and when a kept stretch is played again, it sees the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from detente.feeds.live.health import FeedHealth
from detente.node.watching.frames import OwnPosition
from detente.node.watching.told_situation import ToldSituation, decode_situation
from detente.watch.alert import Alert, Side
from detente.watch.sighting import Sighting
from detente.watch.track import Track

LIVES_S = 60.0


class Seen(NamedTuple):
    """What one look saw: all tracks, whose each is where that is known, all alerts, our own aircraft and their plans."""

    tracks: Sequence[Track]
    sides: dict[str, Side]
    alerts: Sequence[Alert]
    own: tuple[OwnPosition, ...]


class Lookout:
    """Sees from sightings what flies. `own_feeds` name the feeds all of whose aircraft are ours."""

    def __init__(self, own_feeds: frozenset[str]) -> None:
        self.sightings = 0
        self._own_feeds = own_feeds
        self._told: ToldSituation | None = None
        self._last: dict[str, Sighting] = {}

    def told(self, situation: bytes) -> None:
        """Hold tracks against this from now on, encoded as `encode_situation` does."""
        self._told = decode_situation(situation)

    def take(self, sightings: Sequence[Sighting]) -> None:
        """Take in what feeds saw, in the order in which it was heard."""
        self.sightings += len(sightings)
        for one in sightings:
            self._last[one.address or one.identity] = one

    def look(self, now_s: float, feeds: Sequence[FeedHealth]) -> Seen:
        """Return what is seen at a time, seconds since 1970-01-01 UTC, while the feeds stand like this."""
        self._last = {name: one for name, one in self._last.items() if now_s - one.received_s < LIVES_S}
        tracks = [_track(name, one, now_s) for name, one in self._last.items()]
        return Seen(tracks, {}, (), ())


def _track(name: str, one: Sighting, now_s: float) -> Track:
    return Track(
        name, now_s, one.at_s, one.latitude_deg, one.longitude_deg, one.ground_speed_mps or 0.0, one.track_deg or 0.0,
        one.vertical_speed_mps or 0.0, 0.0, one.horizontal_error_m or 100.0, one.vertical_error_m or 100.0, 10.0,
        one.pressure_altitude_m, one.geometric_altitude_m, (one.address,) if one.address else (),
        (one.identity,) if one.identity else (), one.callsign, one.category, one.on_ground, (one.feed,), (one.source,),
    )  # fmt: skip
