"""Compile the numeric kernels once and store them, so that no command waits: python -m detente.airspace.compile."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from detente.airspace.altitude import Altitude, AltitudeBand, AltitudeUnit, Ellipsoid
from detente.airspace.boxes import BoxTree
from detente.airspace.plan import Circle, Containment, Plan, Polygon, TimeWindow, Trajectory, Volume4D, Waypoint
from detente.airspace.position import Position
from detente.airspace.resolution import find_measures
from detente.airspace.search import encounters_within
from detente.airspace.separation import Minima, MinimaTable
from detente.airspace.tactical import Plane, Traffic, detect


def forget_stale_code(package: Path) -> int:
    """Delete stored machine code of `package` that is older than its newest kernel, and return the number of files.

    Numba compares the code with the file of the function itself only, not with the files of functions that it calls.
    """
    newest = max((source.stat().st_mtime_ns for source in package.glob("*_kernels.py")), default=0)
    machine_code = [*package.glob("__pycache__/*.nbi"), *package.glob("__pycache__/*.nbc")]
    stale = [code for code in machine_code if code.stat().st_mtime_ns < newest]
    for code in stale:
        code.unlink(missing_ok=True)
    return len(stale)


def compile_kernels() -> None:
    """Call every compiled kernel once on a small input, which stores its machine code beside the package."""
    start = datetime(2025, 6, 1, tzinfo=UTC)
    window = TimeWindow(start, start + timedelta(hours=1))
    low = Altitude(100.0, AltitudeUnit.METRE, Ellipsoid())
    corners = (Position(36.0, -122.0), Position(36.5, -122.0), Position(36.5, -121.0), Position(36.0, -121.0))
    waypoints = (Waypoint(corners[0], low, window.start), Waypoint(corners[2], low, window.end))
    plans = [
        Plan("polygon", (Volume4D(Polygon(corners), AltitudeBand(low, low), window),)),
        Plan("circle", (Volume4D(Circle(corners[0], 1000.0), AltitudeBand(low, low), window),)),
        Plan("trajectory", Trajectory(waypoints, Containment(100.0, 10.0, 0.0))),
    ]
    table = MinimaTable(default=Minima(1000.0, 100.0, 0.0))
    encounters_within(plans, table)
    find_measures(plans[2], [*plans[:2], Plan("other", plans[2].intent)], table, look_beyond=False)
    tree = BoxTree()
    for item in range(3):
        tree.insert(item, [0.0] * 5, [1.0] * 5)
    tree.insert_many([3], [[0.0] * 5], [[1.0] * 5])
    tree.insert_many([4, 5, 6, 7], [[0.0] * 5] * 4, [[1.0] * 5] * 4)
    tree.remove(0)
    tree.query([0.0] * 5, [1.0] * 5)
    tree.pairs_with([[0.0] * 5], [[1.0] * 5])
    tree.pairs_within()
    traffic = Traffic(*np.zeros((6, 2)))
    for plane in Plane:
        detect(traffic, 9260.0, 304.8, 300.0, plane)


if __name__ == "__main__":
    forget_stale_code(Path(__file__).parent)
    compile_kernels()
