"""Compile this room's kernels once and keep them: python -m detente.watch.compile."""

from __future__ import annotations

from pathlib import Path

from detente.airspace.compile import forget_stale_code
from detente.watch.sighting import Sighting, Source
from detente.watch.tracker import Tracker


def compile_watch_kernels() -> None:
    """Call every compiled kernel once on a small input; the machine code is kept beside the package."""
    tracker = Tracker(tracks_max=8)
    for second in range(3):
        tracker.take(
            [
                Sighting("radar", Source.RADAR, second, second, 50.0, 8.0),
                Sighting("adsb", Source.ADSB, second, second, 50.1, 8.0, address="400001"),
            ],
            second,
        )
    tracker.tracks(3.0)


if __name__ == "__main__":
    forget_stale_code(Path(__file__).parent)
    compile_watch_kernels()
