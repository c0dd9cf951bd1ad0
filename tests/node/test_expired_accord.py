"""A node starts under an accord that is over, says so everywhere, and STOP goes."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import msgspec
from parties import TODAY, Party, accord_of, area_plan, two_parties

from detente.airspace.plan import TimeWindow


def test_an_expired_accord_is_loud_and_stop_goes_all_the_same(tmp_path: Path) -> None:
    with two_parties(tmp_path, start=False) as (north, south):
        over = TimeWindow(TODAY - timedelta(days=30), TODAY - timedelta(days=1))
        accord = msgspec.structs.replace(accord_of(north, south), valid=over)
        for party in (north, south):
            party.configure(accord)
            party.start()
        (warning,) = north.get("/status")["accord_warnings"]
        assert (warning["peer"], warning["concern"]) == ("south", "expired")
        status = north.cli("status", language="fr")
        assert "L'ACCORD" in status.stderr.upper()
        assert "south" in status.stderr
        refused = north.cli("line", "send", "say_again", "--peer", "south")
        assert refused.returncode == 2
        assert "No accord is in force" in refused.stderr
        assert days_left(north) < 0.0
        north.post("/line/stop", {"peer": "south"})
        south.until(lambda: [m for m in south.get("/line/messages") if m["code"] == "stop"], "heard the STOP")


def test_an_accord_that_ends_soon_is_said_with_an_import(tmp_path: Path) -> None:
    with two_parties(tmp_path, start=False) as (north, south):
        soon = TimeWindow(TODAY - timedelta(days=30), TODAY + timedelta(days=3))
        north.configure(msgspec.structs.replace(accord_of(north, south), valid=soon))
        north.start()
        (warning,) = north.imports(area_plan("a"))["accord_warnings"]
        assert (warning["peer"], warning["concern"]) == ("south", "ends_soon")
        assert 2.0 < days_left(north) < 3.0


def days_left(party: Party) -> float:
    """The days that the accord with south is still valid, by north's metrics."""
    text = party.ask("GET", "/metrics").body.decode()
    (line,) = [one for one in text.splitlines() if one.startswith("detente_accord_days_left{")]
    return float(line.rpartition(" ")[2])
