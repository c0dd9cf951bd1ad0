"""A small world for the tests of the picture: few plans in little airspace, so that most of them meet."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from detente.airspace.altitude import Altitude, AltitudeBand, AltitudeUnit, MeanSeaLevel
from detente.airspace.plan import Circle, Containment, Plan, TimeWindow, Trajectory, Volume4D, Waypoint
from detente.airspace.position import Position
from detente.airspace.refusal import Refusal
from detente.airspace.resolution import Delay, LevelChange
from detente.airspace.separation import Minima, MinimaTable
from detente.picture.commands import AdoptAccord, PictureCommand
from detente.picture.decide import decide
from detente.picture.events import PictureEvent
from detente.picture.evolve import evolve
from detente.picture.picture import Picture

NOON = datetime(2025, 6, 1, 12, tzinfo=UTC)
YEAR = TimeWindow(datetime(2025, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC))
MINIMA = MinimaTable(Minima(9260.0, 304.8, 0.0))
WIDER = MinimaTable(Minima(18520.0, 609.6, 60.0))
OURS, THEIRS, THIRD = "north", "south", "west"
PARTIES = (OURS, THEIRS, THIRD)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def metres(value: float) -> Altitude:
    return Altitude(value, AltitudeUnit.METRE, MeanSeaLevel())


def area_plan(
    plan_id: str, latitude_deg: float = 35.0, longitude_deg: float = 40.0, level_m: float = 3000.0, start_s: float = 0.0
) -> Plan:
    """Five kilometres around a point, 100 m high, for ten minutes."""
    return Plan(
        plan_id,
        (
            Volume4D(
                Circle(Position(latitude_deg, longitude_deg), 5000.0),
                AltitudeBand(metres(level_m), metres(level_m + 100.0)),
                TimeWindow(at(start_s), at(start_s + 600.0)),
            ),
        ),
    )


def flight_plan(
    plan_id: str, latitude_deg: float = 35.0, longitude_deg: float = 40.0, level_m: float = 3000.0, start_s: float = 0.0
) -> Plan:
    """A quarter of a degree to the north-east in ten minutes, with a climb of 200 m."""
    return Plan(
        plan_id,
        Trajectory(
            (
                Waypoint(Position(latitude_deg, longitude_deg), metres(level_m), at(start_s)),
                Waypoint(
                    Position(latitude_deg + 0.25, longitude_deg + 0.25), metres(level_m + 200.0), at(start_s + 600)
                ),
            ),
            Containment(500.0, 50.0, 15.0),
        ),
    )


def accord(parties: tuple[str, ...] = PARTIES, minima: MinimaTable = MINIMA, name: str = "first") -> AdoptAccord:
    return AdoptAccord(NOON, OURS, f"hash-of-{name}", name, parties, minima, YEAR, 3600.0)


def plans() -> st.SearchStrategy[Plan]:
    return st.builds(
        lambda make, *rest: make(*rest),
        st.sampled_from([area_plan, flight_plan]),
        st.sampled_from(["p1", "p2", "p3"]),
        st.sampled_from([35.0, 35.05, 35.2]),
        st.sampled_from([40.0, 40.1, 40.25]),
        st.sampled_from([3000.0, 3250.0, 4000.0]),
        st.sampled_from([0.0, 300.0, 900.0]),
    )


def changes() -> st.SearchStrategy[Delay | LevelChange]:
    return st.sampled_from([Delay(120.0), Delay(900.0), LevelChange(600.0), LevelChange(-600.0), LevelChange(1500.0)])


class Node:
    """A picture with its journal of events, as the loop keeps them."""

    def __init__(self) -> None:
        self.picture = Picture()
        self.events: list[PictureEvent | datetime] = []

    def do(self, command: PictureCommand) -> list[PictureEvent]:
        decided = decide(self.picture, command)
        for event in decided:
            evolve(self.picture, event)
        self.events += decided
        return decided

    def refused(self, command: PictureCommand) -> Refusal | None:
        try:
            self.do(command)
        except Refusal as refusal:
            return refusal
        return None
