"""Real nodes cut their journals while they work, are killed meanwhile, and go on without what was moved away."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from parties import Party, area_plan, two_parties
from test_backup import detente
from test_key_rotation import check_copies, rotated
from test_node_durability import held, under_load_until
from test_node_line import arrived, send
from test_set_back import kinds, plans, replace_accord, set_back, settled

from detente.record.segments import StoredJournal, segment_folder
from detente.record.verification import verify_journal

pytestmark = pytest.mark.long


def often(party: Party, entries: int = 60) -> None:
    """Let a node cut its journal after so many entries."""
    with party.files.config_path.open("a") as file:
        file.write(f"\n[journal]\nsegment_entries = {entries}\n")


def files(party: Party, pattern: str) -> set[str]:
    return {path.name for path in segment_folder(party.files.journal_path).glob(pattern)}


def test_killed_at_any_moment_of_a_cut_nothing_is_lost(tmp_path: Path) -> None:
    with two_parties(tmp_path, start=False) as (north, _):
        often(north)
        acknowledged: set[str] = set()
        for moment in ("*.new*", "*.sqlite", "*.snapshot", "cut"):
            before = files(north, moment)
            cuts = (north.path / "log.jsonl").exists() and north.log().count("the journal was cut")
            north.start()

            def has_come(moment: str = moment, before: set[str] = before, cuts: int = int(cuts)) -> bool:
                if moment == "cut":
                    return north.log().count("the journal was cut") > cuts
                return files(north, moment) != before

            def then(has_come: Callable[[], bool] = has_come) -> None:
                north.until(has_come, "gets that far")
                north.kill()

            # What prepares a cut gives way to all else: a load without pauses would keep it waiting on a busy machine.
            acknowledged |= set(under_load_until(north, 10, then, pause_s=0.2).acknowledged)
            found = verify_journal(north.files.journal_path, north.key.public)
            assert found.bad is None
        north.start()
        assert acknowledged <= held(north)
        assert found.segments > 1


def test_two_nodes_go_on_without_their_archived_segments_and_with_them(tmp_path: Path) -> None:
    with two_parties(tmp_path, start=False) as (north, south):
        for party in (north, south):
            often(party, 30)
            party.start()
        for number in range(30):
            north.imports(area_plan(f"p{number}", number))
        settled(north, south)
        for party in (north, south):
            party.until(lambda party=party: files(party, "*.snapshot"), "cuts its journal")
        archive = tmp_path / "archive"
        north.until(lambda: detente("journal", "archive", str(north.path), str(archive), "--quiet").stdout, "archives")
        names = sorted(path.name for path in archive.iterdir())
        assert names
        listed = json.loads(detente("journal", "segments", str(north.path), "--json").stdout)
        assert {one["name"] for one in listed if not one["is_here"]} == set(names)
        refused = north.ask("GET", "/events?after=0")
        assert refused.status == 400, refused.json
        assert names[0] in refused.body.decode()
        for _ in range(2):
            north.kill()
            north.start()
        assert held(north) == {f"p{number}" for number in range(30)}
        north.imports(area_plan("after", 40))
        south.until(lambda: {p["plan_id"] for p in south.get("/plans?party=north")} >= {"after"}, "hears of it")
        settled(north, south)
        compared = detente("transcript", "compare", str(north.path), str(south.path))
        assert compared.returncode == 2
        assert "detente journal attach" in compared.stderr
        backed_up = north.cli("backup", "--out", str(tmp_path / "north.tar"))
        assert backed_up.returncode == 0, backed_up.stderr
        attached = detente("journal", "attach", str(north.path), *(str(archive / name) for name in names))
        assert attached.returncode == 0, attached.stderr
        compared = detente("transcript", "compare", str(north.path), str(south.path))
        assert compared.returncode == 0, compared.stdout + compared.stderr
        north.stop()
        restored = detente("restore", str(tmp_path / "north.tar"), "--dir", str(tmp_path / "again"))
        assert restored.returncode == 0, restored.stderr
        assert verify_journal(tmp_path / "again" / "journal.sqlite", north.key.public).archived


def test_rotated_keys_and_a_session_outlive_cuts_starts_and_a_backup(tmp_path: Path) -> None:
    with two_parties(tmp_path, start=False, tls=True) as (north, south):
        often(north, 40)
        for party in (north, south):
            party.start()
        first, token = north.card.key, north.session("anna", "duty_officer", "watch")
        number = 0
        for turn in range(1, 3):
            rotated(north)
            for _ in range(20):
                north.imports(area_plan(f"p{number}", number))
                number += 1
            north.until(lambda turn=turn: north.log().count("the journal was cut") >= turn, "cuts its journal")
        south.until(lambda: kinds(south, "north").count("key_rotated") == 2, "is told of both")
        settled(north, south)
        north.kill()
        north.start()
        whole = len(list(StoredJournal(north.files.journal_path).read()))
        read = [line for line in map(json.loads, north.log().splitlines()) if line["event"] == "journal read"]
        assert read[-1]["entries"] < whole / 2
        assert north.ask("GET", "/me", token=token).status == 200
        sent = send(north, "south", "radio_check")
        south.until(lambda: arrived(south, "north", sent), "hears the key of after the start")
        settled(north, south)
        made = north.cli("backup", "--out", str(tmp_path / "north.tar"))
        assert made.returncode == 0, made.stderr
        check_copies(north, south)
        found = verify_journal(north.files.journal_path, first)
        assert (found.segments > 1, found.archived, found.signer) == (True, (), north.key.public)
        for file in segment_folder(north.files.journal_path).glob("*.sqlite"):
            assert verify_journal(file, first).bad is None
        north.path.rename(tmp_path / "kept")
        restored = detente("restore", str(tmp_path / "north.tar"), "--dir", str(north.path))
        assert restored.returncode == 0, restored.stderr
        for party in (north, south):
            party.start()
        assert held(north) == {f"p{one}" for one in range(number)}
        assert north.ask("GET", "/me", token=token).status == 401, "a backup lets nobody in"
        sent = send(north, "south", "radio_check")
        south.until(lambda: arrived(south, "north", sent), "hears the node that was put back")


def test_what_a_peer_lost_is_told_anew_by_a_node_that_has_cut_its_journal(tmp_path: Path) -> None:
    """North has lost what south knows in the sum of what north had receipted."""
    with set_back(tmp_path) as (north, south):
        south.stop()
        often(south, 10)
        south.start()
        south.until(lambda: "the journal was cut" in south.log(), "cuts its journal")
        south.stop()
        replace_accord(north, south)
        south.start()
        north.start()
        north.until(lambda: plans(north) == {"first", "second", "theirs"}, "hears again what it lost")
