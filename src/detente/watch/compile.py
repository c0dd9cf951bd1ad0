"""Compile the room's kernels once and store them: python -m detente.watch.compile."""

from __future__ import annotations

from pathlib import Path

from detente.airspace.compile import forget_stale_code
from detente.airspace.plan import Circle, Volume4D
from detente.airspace.position import Position
from detente.airspace.separation import Minima, MinimaTable
from detente.picture.notices import Meaning
from detente.watch.alert import TrackSide
from detente.watch.boundary import Boundary
from detente.watch.declared import ALWAYS
from detente.watch.live_watch import LiveWatch
from detente.watch.observed import EVERY_HEIGHT
from detente.watch.sighting import Sighting, SightingSource
from detente.watch.situation import Situation, WatchedArea
from detente.watch.track import Track
from detente.watch.tracker import Tracker
from detente.watch.well_clear import ClearLogic


def compile_watch_kernels() -> None:
    """Call every compiled kernel of the room on a small input, which stores the machine code beside the package."""
    _compile_tracker()
    _compile_alerts()


def _compile_tracker() -> None:
    tracker = Tracker(tracks_max=8)
    for second in range(3):
        tracker.take(
            [
                Sighting("radar", SightingSource.RADAR, second, second, 50.0, 8.0),
                Sighting("adsb", SightingSource.ADSB, second, second, 50.1, 8.0, address="400001"),
            ],
            second,
        )
    tracker.tracks(3.0)


def _compile_alerts() -> None:
    here, there = Position(36.0, -122.0), Position(36.5, -122.0)
    area = Volume4D(Circle(here, 1_000.0), EVERY_HEIGHT, ALWAYS)
    for logic in ClearLogic:
        situation = Situation(
            "north", MinimaTable(Minima(9_260.0, 304.8)), ours=frozenset({"a"}),
            areas=(WatchedArea("area", Meaning.KEEP_OUT, area, (TrackSide.OURS,)),),
            boundaries=(Boundary("line", (here, there), "north", "south", 1_000.0),), clear_logic=logic,
        )  # fmt: skip
        watch = LiveWatch()
        for now_s in (0.0, 1.0, 2.0):
            tracks = [
                Track(name, now_s, now_s, 36.0, -122.0, 100.0, 90.0, 0, 0, 10, 10, 1, height, addresses=(name,))
                for name, height in (("a", 3_000.0), ("b", 3_100.0), ("c", None))
            ]
            watch.look(now_s, tracks, situation)


if __name__ == "__main__":
    forget_stale_code(Path(__file__).parent)
    compile_watch_kernels()
