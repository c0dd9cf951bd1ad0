"""Two real nodes: plans exchanged, the same conflicts on both sides, measures by people and by themselves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from parties import Party, area_plan, two_parties

from detente.record.verification import verify_journal

SAMPLE = Path(__file__).parents[2] / "docs" / "samples" / "ours.geojson"


@pytest.fixture(scope="module")
def by_people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Party, Party]]:
    with two_parties(tmp_path_factory.mktemp("by-people")) as parties:
        yield parties


def agree_on_conflicts(north: Party, south: Party, count: int) -> list[str]:
    def conflicts(party: Party) -> list[str]:
        return [record["conflict"]["conflict_id"] for record in party.get("/conflicts")["open"]]

    north.until(lambda: len(conflicts(north)) == count, f"found {count} conflicts")
    south.until(lambda: len(conflicts(south)) == count, f"found {count} conflicts")
    assert conflicts(north) == conflicts(south)
    return conflicts(north)


def test_people_settle_a_conflict_with_commands(by_people: tuple[Party, Party], tmp_path: Path) -> None:
    north, south = by_people
    north.imports(area_plan("supply"))
    south.imports(area_plan("patrol"))
    (conflict,) = agree_on_conflicts(north, south, 1)

    listed = north.cli("conflicts")
    assert listed.returncode == 0
    assert conflict in listed.stdout
    assert "north supply" in listed.stdout
    assert "ft" in listed.stdout

    proposed = north.cli("measure", "propose", conflict, "--level-m", "600")
    assert proposed.returncode == 0, proposed.stderr
    south.until(lambda: south.get("/measures?measure_state=proposed"), "heard of the proposal")
    (measure,) = south.get("/measures?measure_state=proposed")
    accepted = south.cli("measure", "accept", measure["measure"]["measure_id"])
    assert accepted.returncode == 0, accepted.stderr
    for party in (north, south):
        party.until(lambda party=party: not party.get("/conflicts")["open"], "settled")
        (over,) = party.get("/conflicts?cleared=true")["cleared"]
        assert over["measure_id"] == measure["measure"]["measure_id"]
        plan = party.get("/plans/north/supply")
        assert plan["revision"] == 2
        assert plan["plan"]["intent"][0]["altitude"]["lower"]["value"] == 3600.0
    shown = json.loads(north.cli("plan", "show", "supply").stdout)
    assert shown["revision"] == 2


def test_a_refusal_reaches_the_proposer_with_its_reason(by_people: tuple[Party, Party]) -> None:
    north, south = by_people
    north.imports(area_plan("ferry", east_deg=1.0))
    south.imports(area_plan("survey", east_deg=1.0))
    (conflict,) = agree_on_conflicts(north, south, 1)
    measure_id = south.post("/measures", {"conflict_id": conflict})["measure_id"]
    north.until(lambda: north.get("/measures?measure_state=proposed"), "heard of the proposal")
    refused = north.cli("measure", "refuse", measure_id, "--reason", "not before the relief flight")
    assert refused.returncode == 0, refused.stderr
    south.until(lambda: south.get("/measures?measure_state=refused"), "heard of the refusal")
    assert south.get("/measures?measure_state=refused")[0]["reason"] == "not before the relief flight"
    assert south.cli("plan", "withdraw", "survey").returncode == 0
    agree_on_conflicts(north, south, 0)


def test_notices_arrive_with_their_meaning_and_how_late_they_are(by_people: tuple[Party, Party]) -> None:
    north, south = by_people
    plan = area_plan("area", east_deg=2.0, start_s=3600.0)
    notice = {"notice_id": "n1", "meaning": "call_before_entering", "volume": plan.intent[0]}
    north.post("/notices", notice)
    south.until(lambda: south.get("/notices"), "heard of the notice")
    (told,) = south.get("/notices")
    assert told["notice"]["party"] == "north"
    assert told["notice"]["meaning"] == "call_before_entering"
    assert told["late_by_s"] == north.get("/notices")[0]["late_by_s"] == 0.0
    north.post("/notices/n1/cancel")
    south.until(lambda: south.get("/notices")[0]["state"] == "cancelled", "heard that it was taken back")


def test_the_commands_speak_french_and_json(by_people: tuple[Party, Party], tmp_path: Path) -> None:
    north, _ = by_people
    file = tmp_path / "plans.geojson"
    file.write_text('{"type":"FeatureCollection","features":[]}')
    refused = north.cli("plan", "import", str(file))
    assert refused.returncode == 2
    assert str(file) in refused.stderr
    listed = north.cli("plan", "list", language="fr")
    assert "révision" in listed.stdout
    assert {"party", "plan_id", "revision"} <= set(json.loads(north.cli("plan", "list", "--json").stdout)[0])
    missing = north.cli("plan", "show", "nothing-of-that-name")
    assert missing.returncode == 2
    assert "nothing-of-that-name" in missing.stderr
    assert "Traceback" not in missing.stderr


def test_a_file_of_plans_is_imported_once(by_people: tuple[Party, Party]) -> None:
    north, _ = by_people
    first = north.cli("plan", "import", str(SAMPLE))
    assert first.returncode == 0, first.stderr
    assert first.stdout.startswith("3 declared")
    assert north.cli("plan", "import", str(SAMPLE)).stdout.startswith("0 declared, 0 amended, 3 unchanged")


def test_a_command_says_that_no_node_runs(tmp_path: Path) -> None:
    with two_parties(tmp_path, start=False) as (north, _):
        refused = north.cli("plan", "list")
        assert refused.returncode == 8
        assert "detente node --dir" in refused.stderr


def test_nodes_settle_by_themselves_and_prove_it(tmp_path: Path) -> None:
    """Rows of plans that meet one another, some hemmed in; all is settled, and both tell the same story."""
    ours = [area_plan(f"n{k}", east_deg=0.3 * k, level_m=3000.0 + 150.0 * (k % 3)) for k in range(12)]
    theirs = [area_plan(f"s{k}", east_deg=0.3 * k + 0.05, level_m=3100.0) for k in range(12)]
    with two_parties(tmp_path, automatic=True) as (north, south):
        north.imports(*ours)
        south.imports(*theirs)

        def settled() -> bool:
            statuses = [party.get("/status") for party in (north, south)]
            return all(s["settled"] and s["plans"] == {"north": 12, "south": 12} for s in statuses)

        north.until(settled, "settled")
        assert north.get("/conflicts")["open"] == []
        assert north.get("/plans") == south.get("/plans")
        cleared = [
            [(c["conflict"]["conflict_id"], c["measure_id"]) for c in party.get("/conflicts?cleared=true")["cleared"]]
            for party in (north, south)
        ]
        assert len(cleared[0]) >= 12
        assert cleared[0] == cleared[1]
        assert north.stop() == south.stop() == 0
        for party in (north, south):
            assert verify_journal(party.files.journal_path, party.key.public).bad is None
