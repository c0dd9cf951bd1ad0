"""Nothing acknowledged is lost: kill -9 under load, a disk that is full, a stop under load."""

from __future__ import annotations

import subprocess
import threading
import urllib.error
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from typing import Any, Self

import pytest
from parties import Party, accord_of, area_plan, two_parties

from detente.cli.exit_codes import ExitCode
from detente.record.verification import verify_journal

GONE = (urllib.error.URLError, HTTPException, OSError)


class Load:
    """Threads that declare plan after plan until the node is gone, and remember what was acknowledged."""

    def __init__(self, party: Party, threads: int = 4, pause_s: float = 0.0) -> None:
        self._party = party
        self._pause_s = pause_s
        self._stop = threading.Event()
        self.acknowledged: list[str] = []
        self.unanswered = 0
        self._threads = [threading.Thread(target=self._work, args=(number,)) for number in range(threads)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(60)

    def _work(self, thread: int) -> None:
        number = 0
        while not self._stop.is_set():
            plan_id = f"t{thread}-{number}"
            number += 1
            try:
                answer = self._party.ask("POST", "/plans", {"plans": [area_plan(plan_id, 0.3 * thread, 20.0 * number)]})
            except GONE:
                self.unanswered += 1
                return
            if answer.status != 200:
                return
            self.acknowledged.append(plan_id)
            self._stop.wait(self._pause_s)


def held(party: Party) -> set[str]:
    return {plan["plan_id"] for plan in party.get(f"/plans?party={party.name}")}


def under_load_until(party: Party, count: int, then: Callable[[], object], pause_s: float = 0.0) -> Load:
    with Load(party, pause_s=pause_s) as load:
        party.until(lambda: len(load.acknowledged) >= count or party.process.poll() is not None, "took the load")
        then()
    return load


def test_a_killed_node_has_everything_it_acknowledged(tmp_path: Path) -> None:
    with two_parties(tmp_path, start=False) as (north, _):
        north.start()
        load = under_load_until(north, 20, north.kill)
        north.start()
        assert set(load.acknowledged) <= held(north)


@pytest.mark.long
def test_kill_under_load_loses_nothing_acknowledged_and_replays_the_same(tmp_path: Path) -> None:
    with two_parties(tmp_path, automatic=True) as (north, south):
        south.imports(*(area_plan(f"s{k}", 0.3 * k, 60.0 * k) for k in range(4)))
        for count in (5, 30, 60):
            load = under_load_until(north, count, north.kill)
            north.start()
            assert set(load.acknowledged) <= held(north)
        digests = []
        for _ in range(2):
            # No peer to hear from: the picture is what the journal says and nothing else.
            if south.process is not None:
                north.until(lambda: all(p.get("/status")["settled"] for p in (north, south)), "settled")
                assert held(north) == {p["plan_id"] for p in south.get("/plans?party=north")}
                south.kill()
            digests.append(north.get("/status?digest=true")["picture_sha256"])
            north.kill()
            assert verify_journal(north.files.journal_path, north.key.public).bad is None
            north.start()
        assert digests[0] == digests[1] == north.get("/status?digest=true")["picture_sha256"]


@pytest.mark.long
def test_a_stop_under_load_answers_what_it_took_and_leaves_a_whole_journal(tmp_path: Path) -> None:
    with two_parties(tmp_path, start=False) as (north, _):
        north.start()
        codes: list[int] = []
        load = under_load_until(north, 20, lambda: codes.append(north.stop()))
        assert codes == [0]
        assert verify_journal(north.files.journal_path, north.key.public).bad is None
        assert '"event": "node stopped"' in north.log()
        north.start()
        assert set(load.acknowledged) <= held(north)


@pytest.mark.long
def test_a_node_that_cannot_write_stops_and_answers_nothing(tmp_path: Path) -> None:
    with two_parties(tmp_path, start=False) as (north, _):
        north.start()
        assert north.process is not None
        subprocess.run(["prlimit", f"--pid={north.process.pid}", "--fsize=300000"], check=True)
        with Load(north) as load:
            code = north.process.wait(60)
        assert code == ExitCode.NODE_STOPPED
        assert "cannot go on" in north.log()
        north._ended()
        north.start()
        assert set(load.acknowledged) <= held(north)
        assert len(load.acknowledged) > 3


@pytest.mark.long
def test_two_imports_at_once_are_one_after_the_other(tmp_path: Path) -> None:
    with two_parties(tmp_path) as (north, south):
        sets = [[area_plan(f"p{k}", 0.3 * k, 3000.0 + 1000.0 * n) for k in range(40)] for n in range(2)]
        answers: list[dict[str, int]] = []
        threads = [threading.Thread(target=lambda s=s: answers.append(north.imports(*s))) for s in sets]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert sorted((a["declared"], a["amended"]) for a in answers) == [(0, 40), (40, 0)]
        levels = {north.get(f"/plans/north/p{k}")["plan"]["intent"][0]["altitude"]["lower"]["value"] for k in range(40)}
        assert len(levels) == 1, "one import stands whole"
        south.until(lambda: len(south.get("/plans")) == 40, "heard of all")


def planning(party: Party) -> Any:
    """What delivery to the other side is doing on the channel of planning."""
    return party.get("/peers")[0]["channels"]["planning"]["delivery"]


@pytest.mark.long
def test_nodes_of_different_accords_exchange_nothing_and_say_so(tmp_path: Path) -> None:
    with two_parties(tmp_path, start=False) as (north, south):
        south.configure(accord_of(north, south, horizontal_m=5000.0))
        north.start()
        south.start()
        north.imports(area_plan("a"))
        south.imports(area_plan("b"))
        for party, other in ((north, "south"), (south, "north")):
            party.until(lambda party=party: planning(party)["state"] == "refused", "was refused")
            assert "accord" in planning(party)["detail"]
            assert other not in party.get("/status")["plans"]
        assert north.stop() == south.stop() == 0
        south.configure(accord_of(north, south))
        north.start()
        south.start()
        for party in (north, south):
            party.until(lambda party=party: len(party.get("/conflicts")["open"]) == 1, "agreed on the accord")


@pytest.mark.long
def test_a_directory_runs_one_node(tmp_path: Path) -> None:
    with two_parties(tmp_path, start=False) as (north, _):
        north.start()
        second = north.cli("node")
        assert second.returncode == 2
        assert "node is not running" in second.stderr


@pytest.mark.long
@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("detente.toml", "party = 'west'", "party"),
        ("detente.toml", "party = 'north'\n[http]\nprot = 1", "prot"),
        ("detente.toml", "party = ", "TOML"),
        ("accord.toml", "name = 'x'", "accord.toml"),
    ],
)
def test_a_broken_file_is_named_and_nothing_starts(tmp_path: Path, file: str, text: str, said: str) -> None:
    with two_parties(tmp_path, start=False) as (north, _):
        (north.path / file).write_text(text)
        refused = north.cli("node")
        assert refused.returncode == 2
        assert said in refused.stderr
        assert "Traceback" not in refused.stderr


@pytest.mark.long
def test_an_accord_with_another_key_for_our_peer_is_refused(tmp_path: Path) -> None:
    with two_parties(tmp_path / "a", start=False) as (north, _), two_parties(tmp_path / "b", start=False) as (_, other):
        north.configure(accord_of(north, other))
        refused = north.cli("node")
        assert refused.returncode == 2
        assert "public_key" in refused.stderr
