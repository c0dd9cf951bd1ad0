"""Compile the room's kernels once and cache them: python -m detente.matching.compile."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from detente.accord.matching_terms import CREWED_MATCHING
from detente.airspace.altitude import Altitude, AltitudeBand, AltitudeUnit, Ellipsoid
from detente.airspace.compile import forget_stale_code
from detente.airspace.plan import Circle, Plan, TimeWindow, Volume4D
from detente.airspace.position import Position
from detente.airspace.separation import Minima, MinimaTable
from detente.matching.quantise import Epoch, Role, quantise
from detente.matching.ristretto_self_test import check_arithmetic


def compile_matching_kernels() -> None:
    """Call every compiled kernel once on a small input; the machine code is kept beside the package."""
    start = datetime(2025, 6, 1, tzinfo=UTC)
    low = Altitude(100.0, AltitudeUnit.METRE, Ellipsoid())
    window = TimeWindow(start, start + timedelta(hours=1))
    plan = Plan("circle", (Volume4D(Circle(Position(36.0, -122.0), 10.0), AltitudeBand(low, low), window),))
    check_arithmetic()
    quantise([plan], Role.FIRST, Epoch(20_240, 86_400), CREWED_MATCHING, MinimaTable(Minima(1000.0, 100.0)))


if __name__ == "__main__":
    forget_stale_code(Path(__file__).parent)
    compile_matching_kernels()
