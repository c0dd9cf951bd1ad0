"""Plans, encounters and report contents for the tests of this room."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import msgspec

from detente.airspace.altitude import Altitude, AltitudeBand, AltitudeReference, AltitudeUnit, StandardPressure
from detente.airspace.changes import Delay, LevelChange
from detente.airspace.plan import Circle, Containment, Plan, TimeWindow, Trajectory, Volume4D, Waypoint
from detente.airspace.position import Position
from detente.airspace.search import encounters_between
from detente.airspace.separation import Encounter, Minima, MinimaTable
from detente.plots.contents import (
    AgreedMeasure,
    CheckedJournal,
    CheckedTranscript,
    ConflictOutcome,
    ReportConflict,
    ReportContents,
    ReportParty,
)

NOON = datetime(2025, 6, 1, 12, 0, tzinfo=UTC)
MINIMA = Minima(9260.0, 304.8)
STANDARD = StandardPressure()
USUAL = Containment(200.0, 30.0, 0.0)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def flight(
    plan_id: str,
    start: tuple[float, float],
    end: tuple[float, float],
    altitude_ft: float = 10_000.0,
    seconds: tuple[float, float] = (0.0, 1200.0),
    containment: Containment = USUAL,
    reference: AltitudeReference = STANDARD,
) -> Plan:
    height = Altitude(altitude_ft, AltitudeUnit.FOOT, reference)
    waypoints = tuple(
        Waypoint(Position(*place), height, at(when)) for place, when in zip((start, end), seconds, strict=True)
    )
    return Plan(plan_id, Trajectory(waypoints, containment))


def zone(plan_id: str, centre: tuple[float, float], radius_m: float = 4_000.0) -> Plan:
    band = AltitudeBand(Altitude(8_000.0, AltitudeUnit.FOOT, STANDARD), Altitude(11_000.0, AltitudeUnit.FOOT, STANDARD))
    volume = Volume4D(Circle(Position(*centre), radius_m), band, TimeWindow(at(0.0), at(3000.0)))
    return Plan(plan_id, (volume,))


def later(plan: Plan, seconds: float) -> Plan:
    assert isinstance(plan.intent, Trajectory)
    shift = timedelta(seconds=seconds)
    waypoints = tuple(msgspec.structs.replace(w, time=w.time + shift) for w in plan.intent.waypoints)
    return msgspec.structs.replace(plan, intent=msgspec.structs.replace(plan.intent, waypoints=waypoints))


def higher(plan: Plan, feet: float) -> Plan:
    assert isinstance(plan.intent, Trajectory)
    waypoints = tuple(
        msgspec.structs.replace(w, altitude=msgspec.structs.replace(w.altitude, value=w.altitude.value + feet))
        for w in plan.intent.waypoints
    )
    return msgspec.structs.replace(plan, intent=msgspec.structs.replace(plan.intent, waypoints=waypoints))


def crossing(count: int, centre: tuple[float, float] = (36.6, -121.6)) -> tuple[list[Plan], list[Plan]]:
    """`count` flights eastwards, and as many northwards; number n of each meets number n of the other."""
    latitude, longitude = centre
    stretch = 0.4 / math.cos(math.radians(latitude))
    ours = [
        flight(f"EAST{n}", (latitude, longitude - stretch), (latitude, longitude + stretch),
               seconds=(4000.0 * n, 4000.0 * n + 1200.0))
        for n in range(count)
    ]  # fmt: skip
    theirs = [
        flight(f"NORTH{n}", (latitude - 0.4, longitude + 0.002 * n), (latitude + 0.4, longitude + 0.002 * n),
               altitude_ft=10_000.0 + 40.0 * n, seconds=(4000.0 * n + 5.0 * n, 4000.0 * n + 1200.0 + 5.0 * n))
        for n in range(count)
    ]  # fmt: skip
    return ours, theirs


def encounters(ours: list[Plan], theirs: list[Plan], minima: Minima = MINIMA) -> list[Encounter]:
    return encounters_between(ours, theirs, MinimaTable(minima))


def contents(
    ours: list[Plan],
    theirs: list[Plan],
    minima: Minima = MINIMA,
    names: tuple[str, str] = ("North Wing", "Sea Rescue"),
    outcomes: tuple[ConflictOutcome, ...] = (
        ConflictOutcome.SETTLED,
        ConflictOutcome.NO_MEASURE,
        ConflictOutcome.RELIEVED,
    ),
    remark: str = "",
) -> ReportContents:
    """What a run between these plans might have said; conflicts take the outcomes in turn."""
    by_id = {plan.plan_id: plan for plan in (*ours, *theirs)}
    conflicts = []
    for number, encounter in enumerate(encounters(ours, theirs, minima)):
        first, second = by_id[encounter.first_plan_id], by_id[encounter.second_plan_id]
        outcome = outcomes[number % len(outcomes)]
        first_after, measures = first, ()
        if not outcome.left and isinstance(first.intent, Trajectory):
            moved = number % 2 == 0
            first_after = later(first, 900.0) if moved else higher(first, 3_000.0)
            change = Delay(900.0) if moved else LevelChange(914.4)
            measures = (AgreedMeasure(names[0], first.plan_id, change),)
        conflicts.append(ReportConflict(encounter, first, second, outcome, first_after, second, measures, remark))
    plans = (*ours, *theirs)
    window = (
        TimeWindow(min(p.time.start for p in plans), max(p.time.end for p in plans))
        if plans
        else TimeWindow(NOON, NOON)
    )
    journals = (
        CheckedJournal("north/journal.db", 812, "ab" * 32, sound=True),
        CheckedJournal("sea/journal.db", 806, "cd" * 32, sound=True),
    )
    return ReportContents(
        parties=(
            ReportParty(names[0], "amber seven canoe", tuple(ours), journals[0]),
            ReportParty(names[1], "lilac four anvil", tuple(theirs), journals[1]),
        ),
        period=window,
        made_at=at(90_000.0),
        accord_name="Strait, version 2",
        accord_hash="ef" * 32,
        minima=MinimaTable(minima),
        pairs_examined=len(ours) * len(theirs),
        conflicts=tuple(conflicts),
        measures_agreed=sum(bool(c.measures) for c in conflicts),
        run_time_s=8.4,
        transcript=CheckedTranscript(404, "12" * 32, equal=True),
        attributions=("Contains data from adsb.lol, made available under ODbL 1.0.",),
        check_commands=("detente journal verify north/journal.db",),
    )  # fmt: skip
