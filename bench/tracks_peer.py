"""The peer of `make bench-tracks`: one track for each address, nearest neighbour for the rest, as written in an hour.

A track stands where it was last heard, moved on by the last speed and course; without those, by the last two places.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from detente.watch.sighting import Sighting

NEAR_M = 1_000.0
KEPT_S = 60.0
METRES_PER_DEGREE = 111_200.0


@dataclass(slots=True)
class PlainTrack:
    """Where one aircraft was last heard, and how it moved."""

    number: int
    at_s: float
    latitude_deg: float
    longitude_deg: float
    east_mps: float = 0.0
    north_mps: float = 0.0
    hits: int = 1

    def at(self, when_s: float) -> tuple[float, float]:
        dt = when_s - self.at_s
        wide = METRES_PER_DEGREE * max(0.01, math.cos(math.radians(self.latitude_deg)))
        return (
            self.latitude_deg + self.north_mps * dt / METRES_PER_DEGREE,
            self.longitude_deg + self.east_mps * dt / wide,
        )


class PlainTracker:
    """All tracks, by address and without one."""

    def __init__(self) -> None:
        self.named: dict[str, PlainTrack] = {}
        self.nameless: list[PlainTrack] = []
        self.cells: dict[tuple[int, int], list[PlainTrack]] = {}
        self.last_number = 0

    def take(self, sightings: list[Sighting], now_s: float) -> None:
        self.cells = {}
        for track in [*self.named.values(), *self.nameless]:
            latitude, longitude = track.at(now_s)
            self.cells.setdefault((int(latitude * 50), int(longitude * 50)), []).append(track)
        for one in sorted(sightings, key=lambda sighting: sighting.at_s):
            known = self.named.get(one.address) if one.address else self.nearest(one)
            if known is None:
                self.last_number += 1
                track = PlainTrack(self.last_number, one.at_s, one.latitude_deg, one.longitude_deg)
                if one.address:
                    self.named[one.address] = track
                else:
                    self.nameless.append(track)
                    self.cells.setdefault((int(one.latitude_deg * 50), int(one.longitude_deg * 50)), []).append(track)
            else:
                self.move(known, one)
        self.named = {name: track for name, track in self.named.items() if now_s - track.at_s <= KEPT_S}
        self.nameless = [track for track in self.nameless if now_s - track.at_s <= KEPT_S]

    def nearest(self, one: Sighting) -> PlainTrack | None:
        best, found = NEAR_M, None
        row, column = int(one.latitude_deg * 50), int(one.longitude_deg * 50)
        for cell in [(row + a, column + b) for a in (-1, 0, 1) for b in (-1, 0, 1)]:
            for track in self.cells.get(cell, ()):
                latitude, longitude = track.at(one.at_s)
                wide = math.cos(math.radians(latitude))
                off = METRES_PER_DEGREE * math.hypot(
                    one.latitude_deg - latitude, (one.longitude_deg - longitude) * wide
                )
                if off < best:
                    best, found = off, track
        return found

    @staticmethod
    def move(track: PlainTrack, one: Sighting) -> None:
        dt = one.at_s - track.at_s
        if dt <= 0.0:
            return
        if one.ground_speed_mps is not None and one.track_deg is not None:
            course = math.radians(one.track_deg)
            track.east_mps, track.north_mps = (
                one.ground_speed_mps * math.sin(course),
                one.ground_speed_mps * math.cos(course),
            )
        else:
            wide = METRES_PER_DEGREE * math.cos(math.radians(one.latitude_deg))
            track.east_mps = (one.longitude_deg - track.longitude_deg) * wide / dt
            track.north_mps = (one.latitude_deg - track.latitude_deg) * METRES_PER_DEGREE / dt
        track.at_s, track.latitude_deg, track.longitude_deg = one.at_s, one.latitude_deg, one.longitude_deg
        track.hits += 1

    def shown(self) -> list[PlainTrack]:
        return [track for track in [*self.named.values(), *self.nameless] if track.hits >= 3]
