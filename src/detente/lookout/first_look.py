"""A look at nothing that flies: it compiles the numeric kernels before the first real one, which must not wait."""

from __future__ import annotations

from datetime import timedelta

from detente.accord.standard_minima import STANDARD_MINIMA
from detente.airspace.altitude import Altitude, AltitudeBand, AltitudeUnit, StandardPressure
from detente.airspace.plan import Circle, Containment, Plan, TimeWindow, Trajectory, Volume4D, Waypoint
from detente.airspace.position import Position, from_posix_s
from detente.airspace.separation import MinimaTable
from detente.lookout.lookout import Lookout
from detente.lookout.told_situation import ToldSituation, encode_situation
from detente.picture.notices import Meaning, Notice
from detente.watch.sighting import Sighting, SightingSource

AT_S = 1_000_000_000.0
LOOKS = 8


def first_look() -> None:
    """Look at two aircraft that close in, with a plan and a notice for each purpose."""
    lookout = Lookout(frozenset())
    lookout.told(encode_situation(_situation()))
    for second in range(LOOKS):
        at_s = AT_S + second
        lookout.take([_seen("aaaaa1", at_s, 20.0 + 0.003 * second, 90.0), _seen("aaaaa2", at_s, 20.3, 270.0)])
        lookout.look(at_s)


def _seen(address: str, at_s: float, longitude_deg: float, track_deg: float) -> Sighting:
    return Sighting(
        "first", SightingSource.ADSB, at_s, at_s, 34.0, longitude_deg, address, pressure_altitude_m=3_000.0,
        ground_speed_mps=250.0, track_deg=track_deg, vertical_speed_mps=1.0, horizontal_error_m=30.0,
        vertical_error_m=30.0, velocity_error_mps=1.0, integrity_m=200.0, integrity_level=3,
    )  # fmt: skip


def _situation() -> ToldSituation:
    start = from_posix_s(AT_S - 600.0)
    window = TimeWindow(start, start + timedelta(hours=1))
    band = AltitudeBand(_altitude(2_000.0), _altitude(4_000.0))
    area = Volume4D(Circle(Position(34.0, 20.2), 5_000.0), band, window)
    ends = (Waypoint(Position(34.0, 19.0), _altitude(3_000.0), start),
            Waypoint(Position(34.0, 21.0), _altitude(3_000.0), start + timedelta(minutes=20)))  # fmt: skip
    plans = (Plan("first", Trajectory(ends, Containment(500.0, 100.0, 30.0))), Plan("second", (area,)))
    notices = tuple(
        Notice(meaning.value, party, meaning, area, start)
        for meaning, party in ((Meaning.KEEP_OUT, "them"), (Meaning.OUR_AIRCRAFT_HERE, "them"))
    )
    return ToldSituation(
        "us", MinimaTable(STANDARD_MINIMA[0].minima), plans=plans, flown={"aaaaa1": "first"}, notices=notices
    )


def _altitude(metres: float) -> Altitude:
    return Altitude(metres, AltitudeUnit.METRE, StandardPressure())
