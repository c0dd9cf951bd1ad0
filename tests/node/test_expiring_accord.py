"""An accord that ends while nodes run: said everywhere from then on, planning ends, the line goes on."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from parties import TODAY, Party, accord_of, area_plan, two_parties
from test_expired_accord import days_left
from test_hostile_strangers import stop_arrives

from detente.airspace.plan import TimeWindow
from detente.cli.line_frame import Shown, frame

STILL_S = 12.0
"""So long the accord is valid once both nodes run."""


def concerns(party: Party) -> list[str]:
    return [one["concern"] for one in party.get("/status")["accord_warnings"]]


@pytest.mark.long
def test_an_accord_that_ends_while_nodes_run_is_loud_and_the_line_stays(tmp_path: Path) -> None:
    with two_parties(tmp_path, start=False) as (north, south):
        ends = datetime.now(UTC) + timedelta(seconds=STILL_S)
        accord = msgspec.structs.replace(accord_of(north, south), valid=TimeWindow(TODAY - timedelta(days=30), ends))
        for party in (north, south):
            party.configure(accord)
            party.begin()
        for party in (north, south):
            party.wait()
        assert concerns(north) == ["ends_soon"], "the machine is too slow for this test"
        assert [one["concern"] for one in north.imports(area_plan("in-time"))["accord_warnings"]] == ["ends_soon"]
        south.until(lambda: south.get("/plans"), "is told of it")
        for party in (north, south):
            party.until(lambda party=party: concerns(party) == ["expired"], "says that the accord is over")
            party.until(lambda party=party: "expired" in logged(party), "says so in its log")
            assert days_left(party) < 0.0
            assert party.get("/accords"), "what the console shows"
        assert logged(north) == ["ends_soon", "expired"], "each once"
        assert [one["concern"] for one in north.imports(area_plan("late", 5.0))["accord_warnings"]] == ["expired"]
        assert "the accord with south ended" in north.cli("status").stderr
        shown, _ = frame(Shown("north", north.get("/line"), []), "now", 60, 24)
        assert "the accord with south ended" in " ".join(shown), "on the fixed screen"
        stop_arrives(north, south)
        stop_arrives(south, north)
        assert north.get("/line")["lines"]["south"], "the line is kept"
        assert [plan["plan_id"] for plan in south.get("/plans")] == ["in-time"], "nothing is told of plans any more"


def logged(party: Party) -> list[str]:
    lines = map(json.loads, party.log().splitlines())
    return [line["concern"] for line in lines if line["event"] == "accord" and "concern" in line]
