"""Clauses of the requirements that no other test reads: R2, R3, R5, R21, R22."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

import msgspec
import pytest
from accord_samples import SHORT

import detente
import forked
from detente.accord.disclosure import disclosed as told_form
from detente.accord.disclosure import disclosed_bytes
from detente.accord.provisions import DisclosureGrid, Horizon, Level
from detente.accord.standard_minima import STANDARD_MINIMA
from detente.accord.terms import parse_accord
from detente.airspace.altitude import Altitude, AltitudeBand, AltitudeUnit, MeanSeaLevel, StandardPressure
from detente.airspace.plan import Circle, Containment, Plan, TimeWindow, Trajectory, Volume4D, Waypoint
from detente.airspace.position import Position
from detente.airspace.search import encounter
from detente.airspace.separation import Minima
from detente.picture import messages
from detente.picture.commands import AdoptAccord, DeclarePlan, ImportPlans
from detente.picture.decide import decide
from detente.picture.evolve import evolve
from detente.picture.notices import Notice
from detente.picture.picture import Picture

NOON = datetime(2025, 6, 1, 12, tzinfo=UTC)


def flight(plan_id: str, east_deg: float = 0.0, level_m: float = 3000.0, *, of: str = "crewed", **error: float) -> Plan:
    height = Altitude(level_m, AltitudeUnit.METRE, MeanSeaLevel())
    points = (Waypoint(Position(34.0 + k, 20.0 + east_deg), height, NOON + timedelta(hours=k)) for k in range(2))
    contained = Containment(error.get("lateral_m", 0.0), error.get("vertical_m", 0.0), 0.0)
    return Plan(plan_id, Trajectory(tuple(points), contained), of)


def test_what_is_told_has_no_field_for_mission_type_or_route() -> None:
    """R2: "we will operate here, then". A notice has these fields and no others; a new one has to be argued here."""
    assert set(Notice.__struct_fields__) == {
        "notice_id", "party", "meaning", "volume", "given_at", "plan_id", "others", "commitment", "agreed_with",
    }  # fmt: skip
    fields = {name for kind in get_args(messages.PlanningMessage) for name in kind.__struct_fields__}
    assert fields == {"plan", "revision", "measure_id", "plan_id", "notice", "notice_id", "measure", "reason",
                      "conflict_id", "conflict", "joint"}  # fmt: skip
    assert set(Plan.__struct_fields__) == {"plan_id", "intent", "aircraft_class"}


@pytest.mark.parametrize("level", [Level.CELL, Level.HEIGHT_BLOCK, Level.VOLUME])
def test_below_the_highest_level_no_route_is_told(level: Level) -> None:
    told = told_form(flight("secret-name"), level, DisclosureGrid(), "p1")
    assert told is not None
    assert b"waypoint" not in disclosed_bytes(told)
    assert b"secret-name" not in msgspec.json.encode(told)


def test_the_software_ships_no_accord() -> None:
    """R3: terms are the parties' own and confidential to them; none comes with the program."""
    package = Path(detente.__file__).parent
    for file in package.rglob("*.toml"):
        assert "public_key =" not in file.read_text("utf-8"), file
    assert not [file for file in package.rglob("accord*.toml") if file.parent.name != "refusals"]


CLASSES = """
[[minima.by_class]]
classes = ["armed", "crewed"]
horizontal = "10 km"
vertical = "1000 m"

[[minima.by_class]]
classes = ["uncrewed", "crewed"]
horizontal = "500 m"
vertical = "100 m"

[[minima.by_class]]
classes = ["uncrewed", "uncrewed"]
horizontal = "100 m"
vertical = "50 m"
"""


@pytest.mark.parametrize(
    ("ours", "theirs", "apart_deg", "conflict"),
    [
        ("crewed", "crewed", 0.06, True), ("crewed", "crewed", 0.12, False),
        ("armed", "crewed", 0.10, True), ("crewed", "armed", 0.10, True), ("armed", "crewed", 0.12, False),
        ("uncrewed", "crewed", 0.003, True), ("crewed", "uncrewed", 0.006, False),
        ("uncrewed", "uncrewed", 0.0005, True), ("uncrewed", "uncrewed", 0.003, False),
    ],
)  # fmt: skip
def test_stand_off_follows_from_the_classes_of_both(ours: str, theirs: str, apart_deg: float, conflict: bool) -> None:
    """R5, R22: uncrewed aircraft and armed ones have minima of their own, whichever side they are on."""
    terms = parse_accord(SHORT.replace("minima.default", "[minima]\ndefault") + CLASSES)
    picture = Picture()
    window = TimeWindow(NOON - timedelta(days=1), NOON + timedelta(days=1))
    for command in (
        AdoptAccord(NOON, "north", "hash", "strait", ("north", "south"), terms.minima, window),
        ImportPlans(NOON, "north", (flight("ours", of=ours),)),
        DeclarePlan(NOON, "south", flight("theirs", apart_deg, of=theirs), 1),
    ):
        for event in decide(picture, command):
            evolve(picture, event)
    assert bool(picture.conflicts) is conflict


def test_minima_are_widened_by_each_sides_own_errors() -> None:
    """R21: navigation error of both sides in distance, and altimetry in height, with its conversion error."""
    minima = Minima(1000.0, 100.0, 0.0)
    exact = encounter(flight("a"), flight("b", 0.001), minima)
    assert exact is not None
    assert (exact.required_horizontal_m, exact.required_vertical_m) == (1000.0, 100.0)
    wide = encounter(flight("a", lateral_m=300.0, vertical_m=20.0), flight("b", 0.02, lateral_m=700.0), minima)
    assert wide is not None
    assert wide.required_horizontal_m == pytest.approx(2000.0)
    assert wide.required_vertical_m == pytest.approx(120.0)
    assert encounter(flight("a"), flight("b", 0.02), minima) is None
    # Levels of the standard atmosphere beside heights above the sea: the conversion's own error is added.
    band = AltitudeBand(*(Altitude(n, AltitudeUnit.FLIGHT_LEVEL, StandardPressure()) for n in (90.0, 110.0)))
    window = TimeWindow(NOON, NOON + timedelta(hours=1))
    level = Plan("c", (Volume4D(Circle(Position(34.5, 20.0), 5000.0), band, window),))
    converted = encounter(flight("a"), level, minima)
    assert converted is not None
    assert converted.required_vertical_m > 100.0


def test_defaults_from_public_standards_are_offered_with_their_source() -> None:
    listed = subprocess.run([forked.program(), "accord", "minima"], capture_output=True, text=True, check=True).stdout
    assert len(listed.splitlines()) == len(STANDARD_MINIMA) >= 4
    for standard in STANDARD_MINIMA:
        assert standard.name in listed
        text = SHORT.replace('horizontal = "5 NM"', f'horizontal = "{standard.minima.horizontal_m:g} m"')
        assert parse_accord(text).minima.default.horizontal_m == standard.minima.horizontal_m


HORIZON_MINIMA = """
[[horizon_minima]]
horizon = "tactical"
horizontal = "8 NM"
vertical = "200 ft"

[[horizon_minima]]
horizon = "pre_tactical"
classes = ["crewed", "uncrewed"]
horizontal = "1 NM"
vertical = "3000 ft"
"""


def test_the_widest_minima_hold_those_of_every_horizon() -> None:
    """What a search by them leaves out is no conflict at any horizon (R26)."""
    accord = parse_accord(SHORT.replace("minima.default", "[minima]\ndefault") + CLASSES + HORIZON_MINIMA)
    for first in ("crewed", "uncrewed", "armed", "other"):
        for second in ("crewed", "uncrewed", "armed", "other"):
            wide = msgspec.structs.astuple(accord.widest_minima.between(first, second))
            for horizon in Horizon:
                of_horizon = msgspec.structs.astuple(accord.minima_at(horizon).between(first, second))
                assert all(w >= n for w, n in zip(wide, of_horizon, strict=True)), (first, second, horizon)
    assert accord.widest_minima.default == Minima(8 * 1852.0, 304.8, 0.0)
    assert parse_accord(SHORT).widest_minima == parse_accord(SHORT).minima
