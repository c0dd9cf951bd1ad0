"""Terms at work between real nodes: lead times, minima by horizon, and no work at all under different hashes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from parties import Party, accord_of, area_plan, two_parties
from test_accords_at_work import agree, live, paired, sent, standing, text_between

from detente.accord.provisions import LEAD_TIME_TEMPLATES_S
from detente.accord.terms import accord_hash, format_accord, parse_accord
from detente.airspace.plan import Plan, TimeWindow
from detente.link.copies import proven_entries
from detente.link.session import LINK_REFUSED
from detente.picture.notices import Meaning

KINDS = {
    Meaning.OUR_AIRCRAFT_HERE: "immediate",
    Meaning.KEEP_OUT: "emergency",
    Meaning.CALL_BEFORE_ENTERING: "routine",
    Meaning.CLOSED_TO_ALL: "hazardous",
    Meaning.NOTHING_OF_OURS_HERE: "published",
}
TERMS = """
[lead_times]
default = "1 h"
our_aircraft_here = "immediate"
keep_out = "emergency"
call_before_entering = "routine"
closed_to_all = "hazardous"
nothing_of_ours_here = "published"

[horizons]
pre_tactical = "60 s"
tactical = "60 s"

[[horizon_minima]]
horizon = "tactical"
horizontal = "5 NM"
vertical = "300 m"
"""


def soon(name: str, level_m: float, seconds: float) -> Plan:
    (volume,) = area_plan(name, level_m=level_m).intent
    start = datetime.now(UTC) + timedelta(seconds=seconds)
    return Plan(name, (msgspec.structs.replace(volume, time=TimeWindow(start, start + timedelta(minutes=10))),))


def late(party: Party) -> dict[str, float]:
    return {n["notice"]["notice_id"]: n["late_by_s"] for n in party.get("/notices")}


def conflicts(party: Party) -> tuple[int, list[str]]:
    found = party.get("/conflicts?cleared=true")
    return len(found["open"]), [cleared["because"] for cleared in found["cleared"]]


@pytest.mark.long
def test_each_kind_of_notice_has_its_lead_time_and_each_horizon_its_minima(tmp_path: Path) -> None:
    with paired(tmp_path) as (north, south):
        text = text_between(north, south, vertical_m=600.0)
        agree(north, south, text + TERMS)
        # Two minutes over each template is in time; two minutes under it is LATE by that, and told all the same.
        for meaning, template in KINDS.items():
            for name, margin_s in (("early", 120.0), ("late", -120.0)):
                (volume,) = area_plan(f"{meaning}.{name}").intent
                start = datetime.now(UTC) + timedelta(seconds=LEAD_TIME_TEMPLATES_S[template] + margin_s)
                window = TimeWindow(start, start + timedelta(days=1))
                moved = msgspec.to_builtins(msgspec.structs.replace(volume, time=window))
                north.post("/notices", {"notice_id": f"{meaning}.{name}", "meaning": meaning, "volume": moved})
        south.until(lambda: len(late(south)) == 10, "all are told, however late")
        assert late(north) == late(south)
        for name, late_by_s in late(south).items():
            assert (119.0 < late_by_s < 240.0) if name.endswith("late") else late_by_s == 0.0, name

        # 400 m between the heights is too little days ahead and enough within the minute.
        north.imports(soon("n1", 3000.0, 66.0))
        south.imports(soon("s1", 3500.0, 66.0))
        for party in (north, south):
            party.until(lambda party=party: conflicts(party) == (0, ["horizon"]), "the minute begins")


def envelopes(party: Party, to: Party) -> list[str]:
    return [envelope.kind for envelope in sent(party, to) if envelope.kind.startswith("plan_")]


def test_nodes_with_different_hashes_do_not_work_together(tmp_path: Path) -> None:
    """One metre of difference in one term (R3)."""
    with two_parties(tmp_path, start=False) as (north, south):
        (south.path / "accord.toml").write_text(format_accord(accord_of(north, south, horizontal_m=9261.0)))
        for party in (north, south):
            party.start()
        hashes = {party.get("/status")["accord_hash"] for party in (north, south)}
        assert len(hashes) == 2
        north.imports(area_plan("n1"))
        south.imports(area_plan("s1"))
        for party, peer in ((north, "south"), (south, "north")):
            party.until(lambda party=party: _refused(party), "refuses what comes under another hash")
            (view,) = party.get("/peers")
            planning = view["channels"]["planning"]
            assert (view["name"], planning["received"], planning["receipted"]) == (peer, 0, 0)
        assert live(north, "south") == live(south, "north") == set()
        assert not north.get("/conflicts")["open"]

        south.stop()
        (south.path / "accord.toml").write_text((north.path / "accord.toml").read_text())
        south.start()
        for party, other in ((north, "south"), (south, "north")):
            party.until(lambda party=party, other=other: live(party, other), "the same words, and they work")
            party.until(lambda party=party: party.get("/conflicts")["open"], "finds the conflict")


def _refused(party: Party) -> list[Any]:
    return [entry for entry in proven_entries(party.files.journal_path) if entry.kind == LINK_REFUSED]


@pytest.mark.long
def test_an_authority_on_each_side_under_different_texts_puts_nothing_in_force(tmp_path: Path) -> None:
    with paired(tmp_path) as (north, south):
        texts = [text_between(north, south, vertical_m=vertical_m) for vertical_m in (304.8, 304.9)]
        names = [accord_hash(parse_accord(text)) for text in texts]
        for text in texts:
            north.post("/accords/propose", {"peer": "south", "text": text})
        south.until(lambda: [standing(south, name) for name in names] == ["proposed", "proposed"], "hears of both")
        for party, name in ((north, names[0]), (south, names[1])):
            done = party.cli("accord", "authorise", name, "--key", str(party.path / "authority.pem"))
            assert done.returncode == 0, done.stderr
        for party in (north, south):
            party.until(
                lambda party=party: [standing(party, name) for name in names] == ["authorised", "authorised"], "heard"
            )
            assert party.ask("POST", "/plans", {"plans": [area_plan("p")]}).status == 400
            assert party.get("/status")["accord_hash"] == ""
