"""Instants: UTC only, and a refusal at the ends of the calendar instead of an overflow."""

from datetime import UTC, datetime

import pytest

from detente.airspace.altitude import Altitude, AltitudeUnit, StandardPressure
from detente.airspace.plan import Containment, Plan, TimeWindow, Trajectory, Waypoint
from detente.airspace.position import Position, utc
from detente.airspace.refusal import Refusal


def test_a_local_time_is_refused():
    with pytest.raises(Refusal, match="offset from UTC"):
        utc(datetime(2025, 6, 1, 14))  # noqa: DTZ001 - the point of the test


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+03:00", "9999-12-31T23:59:59-03:00"])
def test_times_at_the_ends_of_the_calendar_are_refused(moment):
    with pytest.raises(Refusal, match="years 2 and 9998"):
        TimeWindow(datetime.fromisoformat(moment), datetime.fromisoformat(moment))


def test_containment_beyond_the_calendar_is_refused_and_does_not_overflow():
    last = datetime(9998, 12, 31, 23, 59, 59, tzinfo=UTC)
    waypoint = Waypoint(Position(0.0, 0.0), Altitude(0.0, AltitudeUnit.METRE, StandardPressure()), last)
    plan = Plan("A", Trajectory((waypoint,), Containment(0.0, 0.0, 86_400.0)))
    with pytest.raises(Refusal, match="years 2 and 9998"):
        _ = plan.time
