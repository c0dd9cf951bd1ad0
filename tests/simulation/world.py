"""A whole run: stations, their people, the faults that befall them, and the checks, all from one seed."""

from __future__ import annotations

import random
import shutil
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from network import Network
from station import Clock, Station
from virtual_time import Timeline

BEGAN = datetime(2026, 3, 1, 6, tzinfo=UTC)
MEMORY = Path("/dev/shm")


class World:
    """Stations by name on one timeline. Every source of chance comes from `seed`, each with a stream of its own.

    With `is_even` time itself is without chance, so that two worlds differ in nothing but what is put into them.
    """

    def __init__(self, seed: int, names: tuple[str, ...], *, is_even: bool = False) -> None:
        self.seed = seed
        self.root = Path(tempfile.mkdtemp(prefix=f"detente-{seed}-", dir=MEMORY if MEMORY.is_dir() else None))
        self.log: list[str] = []
        self.timeline = Timeline(self.chance("timeline"), is_even=is_even)
        self.network = Network(self.timeline, self.chance("network"), self.note)
        clocks = self.chance("clocks")
        self.stations = {}
        for name in names:
            clock = Clock(self.timeline, BEGAN, clocks.uniform(-2.0, 2.0), 1.0 + clocks.uniform(-5e-5, 5e-5))
            self.stations[name] = Station(
                name, self.timeline, self.network, self.chance(f"station {name}"), self.root, self.note, clock
            )
        for station in self.stations.values():
            station.trusted = [other.card for other in self.stations.values() if other is not station]

    def chance(self, what: str) -> random.Random:
        """Return the source of chance of one thing."""
        return random.Random(f"{self.seed} {what}")

    def note(self, who: str, what: str) -> None:
        """Write a line of the log."""
        self.log.append(f"{self.timeline.now_s:11.6f} {who:<8} {what}".replace(str(self.root), ""))

    def at(self, seconds: float) -> datetime:
        """True time, `seconds` from the beginning."""
        return BEGAN + timedelta(seconds=seconds)

    def run_for(self, seconds: float) -> None:
        """Let time pass."""
        end_us = self.timeline.now_us + round(seconds * 1e6)
        self.network.loop.call_later(seconds, lambda: None)
        self.timeline.run(lambda: self.timeline.now_us >= end_us)

    def clear_away(self) -> None:
        """Leave nothing in the process or on the disk."""
        for station in self.stations.values():
            station.clear_away()
        self.network.clear_away()
        shutil.rmtree(self.root, ignore_errors=True)
