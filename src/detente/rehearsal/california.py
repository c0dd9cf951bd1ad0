"""A day over California: two parties with one day of recorded traffic between them, from key to proof.

Airline callsigns fly for one party, everyone else for the other. Both are real nodes: two processes, two directories,
two journals, talking over loopback HTTP. Neither tells the other its plans: a private match finds those in conflict,
which alone are told, and measures settle them. Everything that the report says is read from the journals afterwards.
"""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from detente.accord.matching_terms import AltitudeFamilies, MatchingTerms, RunsOfNodes, ToldOfMatched
from detente.accord.provisions import Provisions
from detente.accord.terms import Accord, AccordParty, Disclosure, Telephone, accord_hash, format_accord
from detente.airspace.altitude import FOOT_M
from detente.airspace.plan import IDENTIFIER, Containment, Plan, TimeWindow
from detente.airspace.refusal import Refusal
from detente.airspace.separation import Minima, MinimaTable
from detente.feeds.flights import Flight
from detente.feeds.geojson import write_geojson
from detente.feeds.load import load_flights
from detente.feeds.tracks import TrackOptions
from detente.language.figures import NAUTICAL_MILE_M
from detente.matching.steps import steps_of
from detente.rehearsal.party import RehearsalParty
from detente.rehearsal.stage import fresh_directory

FIRST, SECOND = "Airlines", "Others"
NOBODYS_NUMBERS = "+1 202 555 0141", "+1 202 555 0142"
"""Kept free for examples by the North American Numbering Plan."""
DEMO_MINIMA = Minima(horizontal_m=5.0 * NAUTICAL_MILE_M, vertical_m=1000.0 * FOOT_M, time_s=0.0)
ATTRIBUTION = "Contains data from adsb.lol, made available under ODbL 1.0."
TRAFFIC = "adsb_california_20250601.parquet"
AIRLINE_CALLSIGN = re.compile(r"[A-Z]{3}[0-9]{1,4}[A-Z]{0,2}\Z")
"""An ICAO airline designator and a flight number; registrations of the United States begin with N and a digit."""
DEMO_MARKER = ".detente-demo"
MATCHED_DAY = datetime(2025, 6, 1, tzinfo=UTC)
"""The day that is matched, UTC."""
MATCHING = MatchingTerms(
    cell_dm=50_000, band_ft=1_000, bin_seconds=120, altitudes=AltitudeFamilies.PRESSURE, common_lateral_dm=-45_000,
    runs=RunsOfNodes.ASKED, told=ToldOfMatched.PLAN, first_log2=17, second_log2=16, parts_log2=14, late_runs=0, fine=(),
)  # fmt: skip
"""5 km, 1,000 ft and 2 minutes, no fine rounds: fine enough to say little, small enough for two cores."""
FLOWN_AS_DECLARED = TrackOptions(
    silence_s=TrackOptions().gap_s, containment=Containment(100.0, 50.0 * FOOT_M, 0.0), drop_ghosts=True
)
"""Here the flights stand in for what was planned: a declared path is known also where nobody heard the aircraft."""
MESSAGES = len(steps_of(0, 1 + len(MATCHING.fine_grids)))
"""Of each party in a private match."""
QUIET_S = 0.2
MATCH_DEADLINE_S = 300.0


class DemoProgress(NamedTuple):
    """The progress of the day: a stage's key and two figures that belong to it."""

    stage: str
    done: int
    total: int


class DayTraffic(NamedTuple):
    """What two parties plan for one day.

    Attributes:
        names: the parties' names.
        plans: of each of them.
        reports_left_out: position reports that are in no plan.
        other_days: plans that are left out because they are not of the day.
        day: its beginning, UTC.
        accord_name: what the accord of the day is called.
        matching: the terms of the private match.
        attributions: a sentence for each source, as its licence asks.
    """

    names: tuple[str, str]
    plans: tuple[tuple[Plan, ...], tuple[Plan, ...]]
    reports_left_out: int
    other_days: int
    day: datetime
    accord_name: str
    matching: MatchingTerms
    attributions: tuple[str, ...]


class Day(NamedTuple):
    """The finished day: the two parties' stopped nodes, the accord, the plans as declared, and the time it took."""

    first: RehearsalParty
    second: RehearsalParty
    accord: Accord
    plans: tuple[tuple[Plan, ...], tuple[Plan, ...]]
    reports_left_out: int
    run_time_s: float
    attributions: tuple[str, ...]
    other_days: int

    @property
    def accord_hash(self) -> str:
        """The hash that identifies the accord."""
        return accord_hash(self.accord)


def california() -> DayTraffic:
    """The recorded day as plans, airlines and everyone else."""
    with resources.as_file(resources.files("detente.rehearsal").joinpath("data", TRAFFIC)) as path:
        flights = load_flights(path, FLOWN_AS_DECLARED)
    return DayTraffic(
        names=(FIRST, SECOND),
        plans=airlines_and_others(flights.flights),
        reports_left_out=sum(dropped.count for dropped in flights.dropped),
        other_days=0,
        day=MATCHED_DAY,
        accord_name="california-day",
        matching=MATCHING,
        attributions=(ATTRIBUTION,),
    )


def airlines_and_others(flights: Sequence[Flight]) -> tuple[tuple[Plan, ...], tuple[Plan, ...]]:
    """The plans of the flights under an airline's callsign, and of all others."""
    first = tuple(named_plan(f) for f in flights if AIRLINE_CALLSIGN.match(f.callsign))
    return first, tuple(named_plan(f) for f in flights if not AIRLINE_CALLSIGN.match(f.callsign))


def named_plan(flight: Flight) -> Plan:
    """The flight's plan under a name that people on watch know: its callsign before the recording's own identifier."""
    name = f"{flight.callsign}.{flight.plan.plan_id}"
    return msgspec.structs.replace(flight.plan, plan_id=name) if IDENTIFIER.match(name) else flight.plan


def fly_the_day(out: Path, show: Callable[[DemoProgress], None], read: Callable[[], DayTraffic] = california) -> Day:
    """Run both nodes through the whole day that `read` gives in directories below `out`.

    Raises Refusal when `out` holds something else, a command fails, or the nodes do not come to rest.
    """
    fresh_directory(out, DEMO_MARKER)
    started = time.monotonic()
    show(DemoProgress("traffic", 0, 1))
    traffic = read()
    first, second = (RehearsalParty(name, out / name.lower()) for name in traffic.names)
    parties = (first, second)
    show(DemoProgress("parties", 0, 1))
    found_in_order(first, second)
    first.pair(second)
    second.pair(first)
    accord = simple_accord(first, second, traffic)
    for party, own in zip(parties, traffic.plans, strict=True):
        (party.files.path / "accord.toml").write_text(format_accord(accord), encoding="utf-8")
        plan_file(party).write_bytes(write_geojson(own))
    try:
        show(DemoProgress("nodes", 0, 1))
        for party in parties:
            party.start()
        for party in parties:
            party.wait()
        for party in parties:
            show(DemoProgress("plans", 0, 1))
            party.import_plans(plan_file(party))
        match_privately(parties, traffic, show)
        for party in parties:
            party.settle()  # both know the same conflicts by now, and come to the same in every run
        come_to_rest(parties, show)
        show(DemoProgress("stopping", 0, 1))
        for party in parties:
            party.stop()
    finally:
        for party in parties:
            party.kill()
    return Day(
        first, second, accord, traffic.plans, traffic.reports_left_out, time.monotonic() - started,
        traffic.attributions, traffic.other_days,
    )  # fmt: skip


def found_in_order(first: RehearsalParty, second: RehearsalParty) -> None:
    """Found both parties, the first with the lower key.

    Keys are drawn, and the party with the lower one has the first role in a match: its plans are grown in space, the
    other's in time, which puts some plans near a conflict on one side of the grid or on the other. With the roles left
    to chance two runs of one day would not tell the same plans in part.
    """
    first.found()
    second.found()
    while first.card.public_key > second.card.public_key:
        for party in (first, second):
            shutil.rmtree(party.files.path)
            party.found()


def plan_file(party: RehearsalParty) -> Path:
    """Where the party's plans are kept as GeoJSON."""
    return party.files.path / "plans.geojson"


def simple_accord(first: RehearsalParty, second: RehearsalParty, traffic: DayTraffic) -> Accord:
    """The terms of the day: 5 NM, 1,000 ft; of plans nothing is told but what a private match finds in conflict."""
    now = datetime.now(UTC).replace(microsecond=0)
    return Accord(
        name=traffic.accord_name,
        version=1,
        parties=tuple(
            AccordParty(party.name, party.card.public_key, telephones=(Telephone("watch", number),))
            for party, number in zip((first, second), NOBODYS_NUMBERS, strict=True)
        ),
        valid=TimeWindow(min(traffic.day - timedelta(days=1), now), max(now, traffic.day) + timedelta(days=7)),
        minima=MinimaTable(default=DEMO_MINIMA),
        disclosure=Disclosure.NOTHING,
        provisions=Provisions(matching=traffic.matching),
    )


def match_privately(
    parties: tuple[RehearsalParty, RehearsalParty], traffic: DayTraffic, show: Callable[[DemoProgress], None]
) -> None:
    """Let the two nodes match the day; raises Refusal when the match is broken off or takes too long."""
    show(DemoProgress("matching", 0, 2 * MESSAGES))
    parties[0].begin_match(parties[1], traffic.day)
    deadline = time.monotonic() + MATCH_DEADLINE_S
    while time.monotonic() < deadline:
        runs = [run for party in parties for run in party.matches()]
        show(DemoProgress("matching", sum(len(run["taken"]) for run in runs), 2 * MESSAGES))
        if broken := next((run for run in runs if run["state"] == "aborted"), None):
            raise Refusal("rehearsal.complete_match", "private match", broken["reason"], remark=broken["remark"])
        if [run["state"] for run in runs] == ["done", "done"] and _is_told(parties, runs):
            return
        time.sleep(QUIET_S)
    raise Refusal("rehearsal.match_within", "demo", "still matching", match_deadline_s=MATCH_DEADLINE_S)


def _is_told(parties: tuple[RehearsalParty, RehearsalParty], runs: list[dict[str, Any]]) -> bool:
    """Whether each side has been told the other's plans in conflict."""
    conflict_counts = [len(run["outcome"]["in_conflict"]) for run in runs]
    known = [party.status()["plans"].get(other.name, 0) for party, other in (parties, parties[::-1])]
    return known == conflict_counts[::-1]


def come_to_rest(parties: tuple[RehearsalParty, RehearsalParty], show: Callable[[DemoProgress], None]) -> None:
    """Wait until both nodes say, twice in a row and with the same journals, that nothing is left to do."""
    deadline = time.monotonic() + MATCH_DEADLINE_S
    before: list[int] = []
    while time.monotonic() < deadline:
        statuses = [party.status() for party in parties]
        conflicts = statuses[0]["conflicts_open"] + statuses[0]["conflicts_cleared"]
        over = statuses[0]["conflicts_cleared"] + statuses[0]["conflicts_left"]
        show(DemoProgress("settling", over, conflicts))
        numbers = [status["journal_number"] for status in statuses]
        if all(status["settled"] for status in statuses) and numbers == before:
            return
        before = numbers
        time.sleep(QUIET_S)
    raise Refusal("rehearsal.two_nodes_rest_within", "demo", "still settling", match_deadline_s=MATCH_DEADLINE_S)
