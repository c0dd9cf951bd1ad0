"""A day over California: two parties with one day of recorded traffic between them, from key to proof.

Airline callsigns fly for one party, everyone else for the other. Both are real nodes: two processes, two directories,
two journals, talking over loopback HTTP. Neither tells the other its plans: a private match finds those in conflict,
which alone are told, and measures settle them. Everything that the report says is read from the journals afterwards.
"""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from detente.accord.matching_terms import AltitudeFamilies, MatchingTerms, RunsOfNodes, ToldOfMatched
from detente.accord.provisions import Provisions
from detente.accord.terms import Accord, AccordParty, Disclosure, accord_hash, format_accord
from detente.airspace.altitude import FOOT_M
from detente.airspace.plan import IDENTIFIER, Plan, TimeWindow
from detente.airspace.refusal import Refusal
from detente.airspace.separation import Minima, MinimaTable
from detente.feeds.geojson import write_geojson
from detente.feeds.load import load_flights
from detente.feeds.tracks import Flight
from detente.language.figures import NAUTICAL_MILE_M
from detente.rehearsal.party import RehearsalParty

FIRST, SECOND = "Airlines", "Others"
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
    runs=RunsOfNodes.ASKED, told=ToldOfMatched.PLAN, first_log2=17, second_log2=16, parts_log2=14, late_runs=0,
)  # fmt: skip
"""5 km, 1,000 ft and 2 minutes: fine enough to say little, small enough to take half a minute on two cores."""
MESSAGES = 5
"""Of each party in a private match."""
QUIET_S = 0.2
MATCH_DEADLINE_S = 300.0


class DemoProgress(NamedTuple):
    """The progress of the day: a stage's key and two figures that belong to it."""

    stage: str
    done: int
    total: int


class Day(NamedTuple):
    """The finished day: the two parties' stopped nodes, the accord, the plans as declared, and the time it took."""

    first: RehearsalParty
    second: RehearsalParty
    accord: Accord
    plans: tuple[tuple[Plan, ...], tuple[Plan, ...]]
    reports_left_out: int
    run_time_s: float

    @property
    def accord_hash(self) -> str:
        """The hash that identifies the accord."""
        return accord_hash(self.accord)


def traffic_plans() -> tuple[tuple[tuple[Plan, ...], tuple[Plan, ...]], int]:
    """The recorded day as plans, airlines and everyone else, and how many position reports are in none of them."""
    with resources.as_file(resources.files("detente.rehearsal").joinpath("data", TRAFFIC)) as path:
        flights = load_flights(path)
    first = tuple(named_plan(f) for f in flights.flights if AIRLINE_CALLSIGN.match(f.callsign))
    second = tuple(named_plan(f) for f in flights.flights if not AIRLINE_CALLSIGN.match(f.callsign))
    return (first, second), sum(dropped.count for dropped in flights.dropped)


def named_plan(flight: Flight) -> Plan:
    """The flight's plan under a name that people on watch know: its callsign before the recording's own identifier."""
    name = f"{flight.callsign}.{flight.plan.plan_id}"
    return msgspec.structs.replace(flight.plan, plan_id=name) if IDENTIFIER.match(name) else flight.plan


def fly_the_day(out: Path, show: Callable[[DemoProgress], None]) -> Day:
    """Run both nodes through the whole day in directories below `out`.

    Raises Refusal when `out` holds something else, a command fails, or the nodes do not come to rest.
    """
    clear_directory(out)
    started = time.monotonic()
    show(DemoProgress("traffic", 0, 1))
    plans, left_out = traffic_plans()
    first = RehearsalParty(FIRST, out / FIRST.lower())
    second = RehearsalParty(SECOND, out / SECOND.lower())
    parties = (first, second)
    show(DemoProgress("parties", 0, 1))
    for party in parties:
        party.found()
    first.pair(second)
    second.pair(first)
    accord = simple_accord(first, second)
    for party, own in zip(parties, plans, strict=True):
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
        match_privately(parties, show)
        come_to_rest(parties, show)
        show(DemoProgress("stopping", 0, 1))
        for party in parties:
            party.stop()
    finally:
        for party in parties:
            party.kill()
    return Day(first, second, accord, plans, left_out, time.monotonic() - started)


def plan_file(party: RehearsalParty) -> Path:
    """Where the party's plans are kept as GeoJSON."""
    return party.files.path / "plans.geojson"


def simple_accord(first: RehearsalParty, second: RehearsalParty) -> Accord:
    """The terms of the day: 5 NM, 1,000 ft; of plans nothing is told but what a private match finds in conflict."""
    now = datetime.now(UTC).replace(microsecond=0)
    return Accord(
        name="california-day",
        version=1,
        parties=tuple(AccordParty(party.name, party.card.public_key) for party in (first, second)),
        valid=TimeWindow(MATCHED_DAY - timedelta(days=1), now + timedelta(days=7)),
        minima=MinimaTable(default=DEMO_MINIMA),
        disclosure=Disclosure.NOTHING,
        provisions=Provisions(matching=MATCHING),
    )


def match_privately(parties: tuple[RehearsalParty, RehearsalParty], show: Callable[[DemoProgress], None]) -> None:
    """Let the two nodes match the day; raises Refusal when the match is broken off or takes too long."""
    show(DemoProgress("matching", 0, 2 * MESSAGES))
    parties[0].begin_match(parties[1], MATCHED_DAY)
    deadline = time.monotonic() + MATCH_DEADLINE_S
    while time.monotonic() < deadline:
        runs = [run for party in parties for run in party.matches()]
        show(DemoProgress("matching", sum(len(run["taken"]) for run in runs), 2 * MESSAGES))
        if broken := next((run for run in runs if run["state"] == "aborted"), None):
            raise Refusal("private match", broken["reason"], "a match that is complete", broken["remark"])
        if [run["state"] for run in runs] == ["done", "done"] and _is_told(parties, runs):
            return
        time.sleep(QUIET_S)
    raise Refusal("demo", "still matching", f"a match within {MATCH_DEADLINE_S:.0f} s", "See the nodes' logs.")


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
    raise Refusal(
        "demo", "still settling", f"two nodes at rest within {MATCH_DEADLINE_S:.0f} s", "See the nodes' logs."
    )


def clear_directory(out: Path) -> None:
    """Make `out` empty; raises Refusal when it holds anything that an earlier run did not make, or is not writable."""
    if out.exists() and (not out.is_dir() or (any(out.iterdir()) and not (out / DEMO_MARKER).exists())):
        raise Refusal("--out", str(out), "a new directory, or one that an earlier demo made", "Name another one.")
    try:
        if out.exists():
            shutil.rmtree(out)
        out.mkdir(parents=True)
        (out / DEMO_MARKER).touch()
    except OSError as error:
        raise Refusal("--out", str(out), "a directory that can be written", f"{error.strerror}.") from None
