"""Faults that are put into feeds in an exercise, on command, so that people see what they look like (R50)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum

from msgspec.structs import replace

from detente.watch.accuracy import INTEGRITY_LIMIT_M
from detente.watch.sighting import Sighting

SHIFTED_DEG = 0.05
"""Positions are shifted north by so much, 5.6 km."""
DOUBLED_DEG = 0.2
"""The second aircraft of a doubled address is so much farther east: 18 km at 34 degrees north."""


class FeedFault(StrEnum):
    """What is wrong with a feed."""

    SILENT = "silent"
    SHIFTED = "shifted"
    STUCK_HEIGHT = "stuck_height"
    DOUBLED_ADDRESS = "doubled_address"
    INTEGRITY_LOST = "integrity_lost"


Faults = dict[str, tuple[FeedFault, ...]]
"""The faults of each feed by its name."""


class FaultInjector:
    """Makes of what feeds saw what they would have shown with faults. Heights stick where they were first seen."""

    def __init__(self) -> None:
        self.faults: Faults = {}
        self._heights: dict[tuple[str, str], tuple[float | None, float | None]] = {}

    def set(self, faults: Mapping[str, tuple[FeedFault, ...]]) -> None:
        """From now on these faults, and no others."""
        self.faults = {feed: kinds for feed, kinds in faults.items() if kinds}
        self._heights = {}

    def applied(self, sightings: tuple[Sighting, ...]) -> tuple[Sighting, ...]:
        """Return what is shown in place of some sightings."""
        return tuple(self._shown(sightings)) if self.faults else sightings

    def _shown(self, sightings: Sequence[Sighting]) -> Iterator[Sighting]:
        for one in sightings:
            kinds = self.faults.get(one.feed, ())
            if FeedFault.SILENT in kinds:
                continue
            shown = one
            if FeedFault.SHIFTED in kinds:
                shown = replace(shown, latitude_deg=min(90.0, one.latitude_deg + SHIFTED_DEG))
            if FeedFault.STUCK_HEIGHT in kinds:
                heights = one.pressure_altitude_m, one.geometric_altitude_m
                name = one.feed, one.address or one.identity
                pressure_m, geometric_m = self._heights.setdefault(name, heights)
                shown = replace(shown, pressure_altitude_m=pressure_m, geometric_altitude_m=geometric_m)
            if FeedFault.INTEGRITY_LOST in kinds:
                shown = replace(shown, integrity_m=10.0 * INTEGRITY_LIMIT_M, integrity_level=0)
            yield shown
            if FeedFault.DOUBLED_ADDRESS in kinds:
                yield replace(shown, longitude_deg=(one.longitude_deg + DOUBLED_DEG + 180.0) % 360.0 - 180.0)
