"""Zones between real nodes: agreed in minutes, held against plans on both sides, told to nobody else (R23, R24)."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from parties import TODAY, Party, area_plan
from test_accords_at_work import agree, live, paired, sent, standing, text_between

WINDOW = f"{(TODAY + timedelta(hours=1)).isoformat()}/{(TODAY + timedelta(hours=6)).isoformat()}"
AREA = ("--meaning", "keep_out", "--centre", "34.0,20.0", "--radius", "5NM", "--heights", "0..6000m MSL",
        "--window", WINDOW)  # fmt: skip


def zone(party: Party, peer: Party, *arguments: str, code: int = 0) -> str:
    done = party.cli("zone", *arguments, "--peer", peer.name)
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


def stands(party: Party, peer: Party, zone_id: str) -> str:
    answer = party.ask("GET", f"/zones/{peer.name}/{zone_id}")
    return str(answer.json["standing"]) if answer.status == 200 else ""


def notices(party: Party, owner: Party) -> dict[str, str]:
    found = [n for n in party.get("/notices") if n["notice"]["party"] == owner.name]
    return {n["notice"]["notice_id"]: n["state"] for n in found}


def entered(party: Party) -> set[tuple[str, str]]:
    return {(e["party"], e["plan_id"]) for e in party.get("/notices/entered")}


@pytest.mark.long
def test_a_zone_is_agreed_moved_and_released_on_both_sides(tmp_path: Path) -> None:
    with paired(tmp_path) as (north, south):
        terms = '[[escalation]]\npost = "watch"\nwithin = "2 s"\n[[escalation]]\npost = "command"\nwithin = "2 s"\n'
        accord = agree(north, south, text_between(north, south) + terms)
        for party in (north, south):
            party.until(lambda party=party: party.get("/line")["lines"], "the channels open")
        south.imports(area_plan("s1"))
        rings = ("--hold-outside", "7NM", "--contact-at", "12NM")
        zone(north, south, "propose", "fire", *AREA, *rings)
        south.until(lambda: stands(south, north, "fire") == "proposed", "hears of it")
        assert notices(north, north) == notices(south, north) == {}, "what is only proposed holds nothing"

        # Nobody answers: the next post is called, and both see that it is overdue.
        for party, other in ((north, south), (south, north)):
            party.until(
                lambda party=party, other=other: party.get(f"/zones/{other.name}/fire")["pending"][0]["overdue_s"] > 0,
                "overdue",
            )
            (waiting,) = party.get(f"/zones/{other.name}/fire")["pending"]
            assert (waiting["waits_for"], waiting["called"]) == ("south", ["watch", "command"])
        zone(south, north, "counter", "fire", "--radius", "3NM", "--centre", "34.0,20.0")
        north.until(lambda: stands(north, south, "fire") == "countered", "hears the counter-offer")
        zone(north, south, "accept", "fire", "--post", "command")
        south.until(lambda: stands(south, north, "fire") == "agreed", "agreed")

        assert notices(north, north) == notices(south, north)
        assert {name.rpartition(":")[2] for name in notices(south, north)} == {"area", "hold", "contact"}
        for party in (north, south):
            assert entered(party) == {("south", "s1")}
        done = south.ask("POST", f"/notices/{next(iter(notices(south, north)))}/cancel")
        assert done.status == 400

        # A move holds nothing until it is agreed; then the plan is outside. Suspended, nothing moves and all holds.
        zone(north, south, "move", "fire", "--centre", "35.0,20.0", "--radius", "3NM")
        south.until(lambda: south.get("/zones/north/fire")["pending"], "hears of the move")
        assert entered(south) == {("south", "s1")}
        south.post(f"/accords/{accord}/suspend", {"reason": "for now"})
        north.until(lambda: standing(north, accord) == "suspended", "both know")
        assert "suspended" in zone(south, north, "accept", "fire", code=2)
        assert "suspended" in zone(north, south, "release", "fire", "--reason", "over", code=2)
        for party in (north, south):
            party.kill()
            party.start()
        assert entered(north) == entered(south) == {("south", "s1")}
        south.post(f"/accords/{accord}/resume", {})
        north.until(lambda: standing(north, accord) == "in_force", "resumed")
        zone(south, north, "accept", "fire")
        north.until(lambda: not north.get("/zones/south/fire")["pending"], "hears of it")
        assert entered(north) == entered(south) == set()
        assert sorted(notices(north, north).values()) == ["cancelled"] * 3 + ["in_force"] * 3

        zone(south, north, "release", "fire", "--reason", "the fire is out")
        north.until(lambda: stands(north, south, "fire") == "released", "hears of the release")
        for party in (north, south):
            assert set(notices(party, north).values()) == {"cancelled"}
        told = north.cli("disclosed", "--peer", "south").stdout
        assert "zone_proposed" in told
        assert "fire" in told
        shown = zone(north, south, "show", "fire")
        assert "ft (" in shown, "heights in both units"
        assert "NM (" in shown, "distances in both units"
        assert "radius_m" not in shown, "terms as people read them"
        assert "released by south, watch: the fire is out" in shown
        assert "fire" in north.cli("zone", "list", language="fr").stdout
        assert "levée" in north.cli("zone", "list", language="fr").stdout


@pytest.mark.long
def test_a_zone_with_one_party_never_reaches_another(tmp_path: Path) -> None:
    with paired(tmp_path, (("north", "south"), ("north", "east"))) as (north, south, east):
        agree(north, south, text_between(north, south))
        with_east = agree(north, east, text_between(north, east))
        for party in (south, east):
            party.until(lambda party=party: party.get("/line")["lines"], "the channels open")
        east.imports(area_plan("e1"))
        south.imports(area_plan("s1"))
        north.until(lambda: live(north, "east") == {"e1"} and live(north, "south") == {"s1"}, "knows both plans")
        zone(north, south, "propose", "basin", *AREA)
        south.until(lambda: stands(south, north, "basin") == "proposed", "hears of it")
        zone(south, north, "accept", "basin")
        north.until(lambda: stands(north, south, "basin") == "agreed", "agreed")
        assert entered(north) == entered(south) == {("south", "s1")}, "east was told of no zone and enters none"
        # What is said to east after it, and what it is told anew after a suspension, has no trace of it.
        north.imports(area_plan("n1", 3.0))
        north.post(f"/accords/{with_east}/suspend", {"reason": "for now"})
        east.until(lambda: standing(east, with_east) == "suspended", "hears of it")
        north.post(f"/accords/{with_east}/resume", {})
        north.imports(area_plan("n2", 4.0))
        east.until(lambda: live(east, "north") == {"n1", "n2"}, "hears what is for it")
        zone(north, south, "release", "basin", "--reason", "over")
        south.until(lambda: stands(south, north, "basin") == "released", "released")
        said = b"".join(envelope.raw for envelope in sent(north, east))
        assert b"basin" not in said
        assert b"zone_" not in said
        assert east.get("/zones") == east.get("/notices") == []
        assert "basin" not in json.dumps(east.get("/picture"))
