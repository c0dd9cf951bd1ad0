"""Real nodes agree, suspend, resume and amend; what is held back leaves no trace; three parties keep to their pairs."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from parties import TODAY, Party, area_plan

import forked
from detente.accord.terms import Accord, AccordParty, accord_hash, format_accord, parse_accord
from detente.airspace.altitude import Altitude, AltitudeBand, AltitudeUnit, MeanSeaLevel
from detente.airspace.plan import Circle, Plan, TimeWindow, Volume4D
from detente.airspace.position import Position
from detente.airspace.separation import Minima, MinimaTable
from detente.link.copies import proven_entries
from detente.link.envelope import Envelope, read_envelope
from detente.link.session import SENT
from detente.record.keys import NodeKey
from ports import free_port

AUTHORITIES: dict[str, NodeKey] = {name: NodeKey.generate() for name in ("north", "south", "east")}


@contextmanager
def paired(path: Path, pairs: tuple[tuple[str, str], ...] = (("north", "south"),)) -> Iterator[list[Party]]:
    """Parties that trust each other's cards and have no accord at all."""
    parties = {name: Party(path / name, name, free_port()) for name in dict.fromkeys(n for pair in pairs for n in pair)}
    for first, second in pairs:
        parties[first].files.trust.trust(parties[second].card)
        parties[second].files.trust.trust(parties[first].card)
    try:
        for name, party in parties.items():
            party.files.config_path.write_text(
                f'party = "{name}"\nauthority = "{AUTHORITIES[name].public.hex()}"\n[http]\nport = {party.port}\n'
                f"[link]\nlongest_wait_s = 0.3\n"
            )
            AUTHORITIES[name].save(party.path / "authority.pem")
            party.begin()
        for party in parties.values():
            party.wait()
        yield list(parties.values())
    finally:
        for party in parties.values():
            if party.process is not None:
                party.kill()


def text_between(*parties: Party, version: int = 1, vertical_m: float = 304.8, disclosure: str = "full") -> str:
    accord = Accord(
        "-".join(sorted(party.name for party in parties)),
        version,
        tuple(AccordParty(p.name, p.key.public.hex(), AUTHORITIES[p.name].public.hex()) for p in parties),
        TimeWindow(TODAY - timedelta(days=1), TODAY + timedelta(days=30)),
        MinimaTable(Minima(9260.0, vertical_m, 0.0)),
    )
    text = format_accord(accord).replace('disclosure = "full"', f'disclosure = "{disclosure}"')
    return format_accord(parse_accord(text))


def standing(party: Party, accord: str) -> str:
    return next((view["standing"] for view in party.get("/accords") if view["accord_hash"] == accord), "")


def terms_shown(party: Party, peer: str = "") -> str:
    """The hash of the terms that the node shows."""
    answer = party.ask("GET", f"/accord?peer={peer}" if peer else "/accord")
    assert answer.status == 200, answer.body
    return accord_hash(msgspec.json.decode(answer.body, type=Accord))


def agree(first: Party, second: Party, text: str) -> str:
    accord = accord_hash(parse_accord(text))
    first.post("/accords/propose", {"peer": second.name, "text": text})
    second.until(lambda: standing(second, accord) == "proposed", "hears the proposal")
    for party in (first, second):
        done = party.cli("accord", "authorise", accord, "--key", str(party.path / "authority.pem"))
        assert done.returncode == 0, done.stderr
    for party in (first, second):
        party.until(lambda party=party: standing(party, accord) == "in_force", "in force")
    return accord


def plans_of(party: Party, owner: str) -> dict[str, str]:
    return {plan["plan_id"]: plan["state"] for plan in party.get("/plans") if plan["party"] == owner}


def live(party: Party, owner: str) -> set[str]:
    return {name for name, state in plans_of(party, owner).items() if state in ("declared", "active")}


def sent(party: Party, to: Party) -> list[Envelope]:
    entries = (entry for entry in proven_entries(party.files.journal_path) if entry.kind == SENT)
    envelopes = (read_envelope(entry.body)[0] for entry in entries)
    return [envelope for envelope in envelopes if envelope.direction.recipient == to.key.public]


def test_an_accord_lives_from_proposal_to_end(tmp_path: Path) -> None:
    with paired(tmp_path) as (north, south):
        refused = north.ask("POST", "/plans", {"plans": [area_plan("n1")]})
        assert refused.status == 400
        assert refused.json["field"] == "accord"
        first = text_between(north, south)
        north.post("/accords/propose", {"peer": "south", "text": first})
        old = accord_hash(parse_accord(first))
        south.until(lambda: standing(south, old) == "proposed", "hears the proposal")
        second = tmp_path / "counter.toml"
        second.write_text(text_between(north, south, vertical_m=600.0))
        countered = south.cli("accord", "counter", str(second), "--peer", "north", "--answers", old, language="fr")
        assert countered.returncode == 0, countered.stderr
        assert "Minima de séparation (default.vertical) : 304.8 m devient 600 m" in countered.stdout.replace(
            "\xa0", " "
        )
        forged = north.cli("accord", "authorise", old, "--key", str(north.files.key_path))
        assert forged.returncode == 2
        assert "signature" in forged.stderr
        accord = agree(north, south, second.read_text())
        assert standing(north, old) == "countered"
        for party in (north, south):
            assert party.get("/status")["accord_hash"] == accord == terms_shown(party)

        north.imports(area_plan("n1"), area_plan("n2", 0.5))
        south.until(lambda: live(south, "north") == {"n1", "n2"}, "hears of the plans")

        done = south.cli("accord", "suspend", accord, "--reason", "an aircraft was lost")
        assert "suspended" in done.stdout, done.stderr
        north.until(lambda: standing(north, accord) == "suspended", "hears of the suspension")
        before = len([e for e in sent(north, south) if e.kind.startswith("plan_")])
        north.imports(area_plan("n3", 1.0))
        north.post("/plans/n2/withdraw")
        assert len([e for e in sent(north, south) if e.kind.startswith("plan_")]) == before
        assert live(south, "north") == {"n1", "n2"}
        refused = north.cli("accord", "resume", accord)
        assert refused.returncode == 2

        for party in (north, south):
            party.kill()
            party.start()
        assert standing(north, accord) == standing(south, accord) == "suspended"
        assert live(south, "north") == {"n1", "n2"}
        assert south.cli("accord", "resume", accord).returncode == 0
        south.until(lambda: live(south, "north") == {"n1", "n3"}, "hears what changed meanwhile")

        amended = agree(south, north, text_between(north, south, version=2))
        assert standing(north, accord) == standing(south, accord) == "amended"
        for party in (north, south):
            party.until(lambda party=party: party.get("/status")["accord_hash"] == amended, "works under the amendment")
        north.imports(area_plan("n4", 1.5))
        south.until(lambda: live(south, "north") == {"n1", "n3", "n4"}, "goes on under the amendment")

        assert north.cli("accord", "end", amended, "--reason", "it is over").returncode == 0
        south.until(lambda: standing(south, amended) == "ended", "hears of the end")
        north.imports(area_plan("n5", 2.0))
        assert live(south, "north") == {"n1", "n3", "n4"}
        shown = south.cli("accord", "show", amended)
        assert "ended by north, watch: it is over" in shown.stdout
        records = [party.get(f"/accords/{amended}")["record"] for party in (north, south)]
        assert records[0] == records[1]


def world(hidden: int) -> list[Plan]:
    """Plans of one party. What `hidden` changes lies within the cells, brackets and blocks that are told."""

    def area(name: str, east_deg: float, level_m: float, radius_m: float, late_min: int) -> Plan:
        band = AltitudeBand(*(Altitude(level_m + m, AltitudeUnit.METRE, MeanSeaLevel()) for m in (0.0, 90.0)))
        start = TODAY + timedelta(hours=5, minutes=late_min)
        window = TimeWindow(start, start + timedelta(minutes=10))
        return Plan(name, (Volume4D(Circle(Position(34.01, 20.0 + east_deg), radius_m), band, window),))

    return [
        area("raven", 0.01 + 0.02 * hidden, 3100 + 400 * hidden, 4000 - 900 * hidden, 5 + 9 * hidden),
        area("kite", 1.02 - 0.01 * hidden, 7000 + 250 * hidden, 800 + 77 * hidden, 20),
    ]


def observed(path: Path, hidden: int) -> list[tuple[Any, ...]]:
    """Everything that south gets from north in one world: kinds, order, numbers, sizes and bodies but for the times."""
    with paired(path) as (north, south):
        agree(north, south, text_between(north, south, disclosure="height_block"))
        for plan in world(hidden):
            north.imports(plan)
        south.until(lambda: len(live(south, "north")) == 2, "hears of the plans")
        # In one world the plans are amended again and again, in ways that the told form does not show.
        for again in range(3 * hidden):
            volume = world(hidden)[0].intent[0]
            circle = Circle(volume.area.centre, volume.area.radius_m + 10 * (again + 1))
            north.imports(Plan("raven", (msgspec.structs.replace(volume, area=circle),)))
        north.post("/plans/kite/activate")
        north.post("/plans/raven/withdraw")
        south.until(lambda: len(live(south, "north")) == 1, "hears of the end")
        told = north.cli("disclosed", "--peer", "south")
        assert told.returncode == 0, told.stderr
        assert "height_block" in told.stdout
        return [
            (envelope.number, envelope.kind, len(envelope.body), envelope.body)
            for envelope in sent(north, south)
            if envelope.kind.startswith(("plan_", "notice_", "measure_", "no_measure"))
        ]


@pytest.mark.long
def test_two_worlds_that_differ_in_what_is_hidden_look_the_same(tmp_path: Path) -> None:
    first, second = observed(tmp_path / "one", 0), observed(tmp_path / "two", 1)
    assert [row[1] for row in first] == ["plan_declared", "plan_declared", "plan_activated", "plan_withdrawn"]
    assert first == second
    assert not any(b"raven" in row[3] or b"kite" in row[3] for row in first)


@pytest.mark.long
def test_what_one_party_told_another_never_reaches_a_third(tmp_path: Path) -> None:
    """Three nodes, an accord for each of two pairs; north is in both, south and east have none with each other."""
    with paired(tmp_path, (("north", "south"), ("north", "east"))) as (north, south, east):
        with_south = agree(north, south, text_between(north, south))
        assert east.get("/accords") == []
        with_east = agree(north, east, text_between(north, east, vertical_m=600.0))
        assert with_south not in json.dumps(east.get("/accords"))
        assert (terms_shown(north, "south"), terms_shown(north, "east")) == (with_south, with_east)
        assert north.ask("GET", "/accord").json["field"] == "peer"
        assert north.ask("GET", "/accord?peer=west").status == 404
        south.imports(area_plan("secret-of-south"))
        north.until(lambda: live(north, "south") == {"secret-of-south"}, "hears south")
        east.imports(area_plan("secret-of-east", level_m=3500.0))
        north.until(lambda: live(north, "east") == {"secret-of-east"}, "hears east")
        north.imports(area_plan("of-north", level_m=3050.0))
        for party in (south, east):
            party.until(lambda party=party: live(party, "north") == {"of-north"}, "hears north")
        # Each pair by its own minima: 350 m apart is a conflict where 600 m are agreed, and would be none with south.
        north.until(lambda: len(north.get("/conflicts")["open"]) == 2, "finds both conflicts")
        for to, about in ((east, b"south"), (south, b"east")):
            bodies = b"".join(envelope.raw for envelope in sent(north, to))
            assert about not in bodies
            assert len(bodies) > 0
        assert plans_of(east, "south") == plans_of(south, "east") == {}
        assert {e.direction.accord for e in sent(north, south) if e.kind == "plan_declared"} == {with_south}
        assert {e.direction.accord for e in sent(north, east) if e.kind == "plan_declared"} == {with_east}


def test_commands_that_need_no_node(tmp_path: Path) -> None:
    parties = [Party(tmp_path / name, name, free_port()) for name in ("north", "south")]
    files = [tmp_path / "1.toml", tmp_path / "2.toml"]
    for number, file in enumerate(files, start=1):
        file.write_text(text_between(*parties, version=number))

    def said(*arguments: str) -> str:
        environment = {**os.environ, "DETENTE_LANGUAGE": "en"}
        command = [forked.program(), "accord", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout

    assert json.loads(said("schema"))["title"]
    assert said("diff", *map(str, files)).strip() == "Version: 1 becomes 2"
    assert said("diff", str(files[0]), str(files[0])).strip() == "The two texts say the same."
