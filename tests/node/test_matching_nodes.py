"""Two real nodes match their plans privately: what is found, what is told, what is kept, and that nothing else is."""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from matching_parties import MOMENT, TERMS, matching_events, matching_parties, propose, run_of, until_over
from parties import TODAY, Party, area_plan

from detente.accord.matching_terms import RunsOfNodes, ToldOfMatched
from detente.link.copies import proven_entries
from detente.link.envelope import read_envelope
from detente.matching.steps import steps_of

HOSTILE = Path(__file__).parent / "hostile_node.py"
STAGES = [step.name for step in steps_of(0, 2)]


def open_conflicts(party: Party) -> set[str]:
    return {record["conflict"]["conflict_id"] for record in party.get("/conflicts")["open"]}


def known_of(party: Party, other: str) -> set[str]:
    return {plan["plan_id"] for plan in party.get("/plans") if plan["party"] == other}


def is_without_bulk(party: Party) -> bool:
    """Whether nothing of a run is kept but its secret and its plans."""
    files = (party.path / "matching").rglob("*.*")
    with suppress(FileNotFoundError):
        return all(file.suffix == ".json" and file.stat().st_size < 10_000 for file in files)
    return False


def held_bytes(party: Party) -> bytes:
    return b"".join(entry.body for entry in proven_entries(party.files.journal_path))


def test_conflicts_become_known_on_both_sides_and_nothing_else_does(tmp_path: Path) -> None:
    with matching_parties(tmp_path, tls=True) as (north, south):
        north.imports(area_plan("north-1"), area_plan("north-near", 1.0), area_plan("north-far-away", 3.0))
        south.imports(
            area_plan("south-1", level_m=3100.0), area_plan("south-near", 1.212), area_plan("south-alone", 5.0)
        )
        assert known_of(north, "south") == known_of(south, "north") == set()
        done = north.cli("match", "now", "--peer", "south", "--epoch", MOMENT.isoformat())
        assert done.returncode == 0, done.stdout + done.stderr
        assert "In conflict: north-1" in done.stdout
        assert "Concerned, but separated: north-near" in done.stdout
        run = propose_again_is_refused(north, south)
        until_over(south, run)
        for party in (north, south):
            party.until(lambda party=party: len(open_conflicts(party)) == 1, "has the conflict")
            party.until(
                lambda party=party: party.get(f"/matching/runs/{run}")["transcripts_equal"], "both say the same"
            )
        assert open_conflicts(north) == open_conflicts(south)
        parts = [party.get(f"/matching/runs/{run}/parts") for party in (north, south)]
        assert {part["plan_id"] for part in parts[0]["opened"]} == {"north-1", "north-near"}
        for one, other in (parts, parts[::-1]):
            opened = sorted((part["piece"] for part in one["opened"]), key=str)
            assert opened == sorted(other["seen"], key=str)
        assert known_of(north, "south") == {"south-1"}
        assert known_of(south, "north") == {"north-1"}

        # A measure as between parties that tell each other everything.
        measure = north.post("/measures", {"conflict_id": open_conflicts(north).pop()})["measure_id"]
        south.until(lambda: south.get("/measures"), "hears of the measure")
        south.post(f"/measures/{measure}/accept")
        for party in (north, south):
            party.until(lambda party=party: not open_conflicts(party), "has settled it")
            assert [record["state"] for record in party.get("/measures")] == ["in_effect"]

        # What was told is on record, on both sides and alike.
        told = north.cli("disclosed", "--peer", "south").stdout
        assert "match_part" in told
        assert "north-near" in told
        assert "north-far-away" not in told
        ledger = south.cli("match", "ledger", "--peer", "north", language="fr").stdout
        assert "6 144" in ledger.replace("\u202f", " ").replace("\xa0", " ") or "6,144" in ledger
        (north_row,), (south_row,) = north.get("/matching/ledger"), south.get("/matching/ledger")
        assert north_row["told"]["opened"] == south_row["told"]["seen"] == 2
        assert north_row["told"]["seen"] == south_row["told"]["opened"] == 2
        assert "north-near" in north.cli("match", "status").stdout

        # The rest is nowhere in the other's journal, and nothing of the bulk is left on either side.
        assert b"north-far" not in held_bytes(south)
        assert b"north-near" not in held_bytes(south)
        assert b"south-alone" not in held_bytes(north)
        for party in (north, south):
            party.until(lambda party=party: is_without_bulk(party), "deletes the bulk")

        # Replay of the journal gives the same.
        before = [party.get(f"/matching/runs/{run}")["run"] for party in (north, south)]
        pictures = [party.get("/status?digest=true")["picture_sha256"] for party in (north, south)]
        for party in (north, south):
            party.kill()
            party.start()
        assert [party.get(f"/matching/runs/{run}")["run"] for party in (north, south)] == before
        assert [party.get("/status?digest=true")["picture_sha256"] for party in (north, south)] == pictures


def propose_again_is_refused(north: Party, south: Party) -> str:
    """One run for each epoch and peer; its messages are on record in the order of the stages."""
    refused = north.ask("POST", "/matching/runs", {"peer": "south", "epoch": MOMENT})
    assert refused.status == 400
    assert "One run for each epoch" in refused.json["mend"]
    early = south.ask("POST", "/matching/runs", {"peer": "north", "epoch": MOMENT + timedelta(days=5)})
    assert early.status == 400
    assert early.json["field"] == "epoch"
    run = north.get("/matching/runs")[0]["run"]
    assert [noted["name"] for noted in run["sent"]] == [noted["name"] for noted in run["announced"]] == STAGES
    return str(run["run"])


@pytest.mark.long
def test_a_run_goes_over_files_where_no_network_does(tmp_path: Path) -> None:
    with matching_parties(tmp_path, addresses=False) as (north, south):
        north.imports(area_plan("n1"))
        south.imports(area_plan("s1"))
        run = propose(north, south)

        def carried() -> bool:
            for sender, receiver in ((north, south), (south, north)):
                held = run_of(sender, run)
                receiver.post("/parcels/", sender.ask("GET", f"/parcels/{receiver.name}").body)
                for noted in held.get("sent", ()):
                    given = sender.ask("GET", f"/matching/runs/{run}/messages/{noted['name']}")
                    # What both sides are done with is kept no more.
                    if given.status == 200:
                        assert receiver.post("/matching/messages", given.body)["name"] == noted["name"]
            return all(run_of(party, run)["state"] == "done" for party in (north, south))

        # Once by hand, then as a script would.
        north.until(lambda: run_of(north, run)["sent"], "has its first message")
        south.post("/parcels/", north.ask("GET", "/parcels/south").body)
        given = north.cli("match", "give", "--peer", "south", "--out", str(tmp_path / "stick"))
        assert given.returncode == 0, given.stderr
        (file,) = (tmp_path / "stick").glob("*-1-commit.match")
        taken = south.cli("match", "take", str(file))
        assert "1-commit is here" in taken.stdout, taken.stderr
        north.until(carried, "is done over files")
        north.until(lambda: carried() and len(open_conflicts(north)) == 1, "has the conflict")
        unknown = tmp_path / "unknown.match"
        unknown.write_bytes(b"nothing that anybody announced")
        refused = north.cli("match", "take", str(unknown))
        assert refused.returncode == 2
        assert "carry-in" in refused.stderr


@pytest.mark.long
def test_nodes_match_every_epoch_by_themselves_and_tell_parts_alone_where_the_accord_says_so(tmp_path: Path) -> None:
    terms = msgspec.structs.replace(TERMS, runs=RunsOfNodes.EVERY_EPOCH, told=ToldOfMatched.PART, lead_seconds=0)
    with matching_parties(tmp_path, terms=terms, start=False) as (north, south):
        for party in (north, south):
            party.start()
        north.until(lambda: north.get("/matching/runs"), "begins a run by itself")
        run = north.get("/matching/runs")[0]["run"]["run"]
        assert until_over(north, run)["state"] == until_over(south, run)["state"] == "done"
        assert known_of(north, "south") == known_of(south, "north") == set()


SILENT = {"stalls": "stalled", "other_bytes": "stalled", "unproven": "unproven"}
WAYS = {
    "equivocates": "equivocation", "too_big": "size",
    "other_name": "stage", "probes": "proof", "suppresses": "answer_proof",
    "replay": "other_run", "leaves": "refused", "refuses": "refused", "honest": "", **SILENT,
}  # fmt: skip


@pytest.mark.long
def test_a_hostile_peer_is_found_out_and_never_stops_the_node(tmp_path: Path) -> None:
    terms = msgspec.structs.replace(TERMS, epoch_seconds=3600)
    with matching_parties(tmp_path, terms=terms, patience_s=45.0, start=False) as (north, south):
        north.start()
        command = [sys.executable, str(HOSTILE), str(south.path), ",".join(WAYS)]
        with (south.path / "log.jsonl").open("a") as log:
            south.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        south.wait()
        north.imports(area_plan("n1"), area_plan("n2", 1.0, start_s=-7200.0))
        south.imports(area_plan("s1"))
        hours = int(MOMENT.timestamp()) // 3600
        moments = {}
        for back in range(1, len(WAYS) + 1):
            moments[list(WAYS)[(hours - back) % len(WAYS)]] = MOMENT - timedelta(hours=back)
        first = propose(north, south, moments["honest"])
        assert until_over(north, first)["state"] == "done"
        # Those that fall silent begin together, so that the others go on meanwhile.
        silent = {way: propose(north, south, moments[way]) for way in SILENT}
        for way, reason in WAYS.items():
            if way == "honest":
                continue
            run = silent[way] if way in silent else propose(north, south, moments[way])
            over = until_over(north, run)
            assert (way, over["state"], over["reason"]) == (way, "aborted", reason), north.log()[-2000:]
            # What is told of a breach is a word; the plan that a side cannot show is not named to the other.
            assert "secret-name" not in over["remark"]
            if way == "leaves":
                assert over["ended_by"] == "south"
                assert over["opened"] >= over["seen"] == 0
            again = north.ask("POST", "/matching/runs", {"peer": "south", "epoch": moments[way]})
            # Only where none of our tokens was shown is there another attempt, under a fresh key.
            shown = "2-masked" in [noted["name"] for noted in over["sent"]]
            assert again.status == (400 if shown else 200)
            if not shown:
                assert again.json["run"]["attempt"] == 2
                assert until_over(north, run)["state"] == ("done" if way == "refuses" else "aborted")
            assert shown is (way != "refuses") or way in ("equivocates", "too_big", "other_name")
        stranger = north.ask(
            "PUT", f"/link/v1/matching/{first}/1-commit", b"x", token=None,
            headers={"Detente-Offset": "0", "Detente-Signature": "00" * 64},
        )  # fmt: skip
        assert stranger.status == 404
        assert north.get("/matching/ledger")[0]["told"]["broken"] == len(WAYS) - 2
        assert north.get("/status")["party"] == "north"
        kinds = {alarm["kind"] for alarm in north.get("/line")["lines"]["south"]["alarms"]}
        assert kinds == {"broken_match"}
        faults = {e["reason"] for e in matching_events(north) if e["event"] == "match_aborted"}
        assert faults == {reason for reason in WAYS.values() if reason}


HEAVY = msgspec.structs.replace(TERMS, first_log2=17, second_log2=17)


@pytest.mark.long
def test_a_stop_is_delivered_in_the_middle_of_a_run_and_a_killed_node_takes_it_up_again(tmp_path: Path) -> None:
    with matching_parties(tmp_path, terms=HEAVY) as (north, south):
        north.imports(area_plan("n1"))
        south.imports(area_plan("s1"))
        run = propose(north, south)
        north.until(lambda: north.get(f"/matching/runs/{run}")["doing"] == "mask", "is at the heavy part")
        north.post("/line/stop", {})
        south.until(lambda: south.get("/line/messages"), "hears STOP")
        assert run_of(north, run)["state"] == run_of(south, run)["state"] == "running"

        north.until(lambda: len(run_of(north, run)["sent"]) >= 2, "has shown its tokens")
        sent = run_of(north, run)["sent"]
        north.kill()
        south.kill()
        north.start()
        south.start()
        over = until_over(north, run)
        assert over["state"] == until_over(south, run)["state"] == "done", over
        # The same bytes again: no second set under another key.
        assert over["sent"][: len(sent)] == sent
        commits = [e["noted"] for e in matching_events(north) if e["event"] == "match_sent"]
        assert [noted["name"] for noted in commits] == STAGES
        for party in (north, south):
            party.until(lambda party=party: len(open_conflicts(party)) == 1, "has the conflict")


@pytest.mark.long
def test_a_run_whose_secret_is_gone_is_broken_off_and_never_begun_again(tmp_path: Path) -> None:
    with matching_parties(tmp_path) as (north, south):
        run = propose(north, south)
        north.until(lambda: run_of(north, run)["taken"], "has the commitment of south")
        # South is held, so that the run cannot be complete before north is killed.
        south.process.send_signal(signal.SIGSTOP)
        north.until(lambda: len(run_of(north, run)["sent"]) >= 2, "has shown its tokens")
        north.kill()
        south.process.send_signal(signal.SIGCONT)
        for file in (north.path / "matching").rglob("secret.json"):
            file.unlink()
        north.start()
        assert until_over(north, run)["reason"] == "secret_gone"
        assert until_over(south, run)["state"] == "aborted"
        refused = north.ask("POST", "/matching/runs", {"peer": "south", "epoch": MOMENT})
        assert refused.status == 400
        assert "One run for each epoch" in refused.json["mend"]


@pytest.mark.long
def test_plans_that_come_late_are_matched_in_the_next_late_run(tmp_path: Path) -> None:
    # The shortest slots there are: seven seconds. Late runs without news look the same as those with.
    terms = msgspec.structs.replace(TERMS, epoch_seconds=3600, late_runs=1000)
    # The next hour: its run may be now, and there is an hour left to it. Plans begin at MOMENT unless moved.
    epoch = TODAY + timedelta(hours=1)
    move_s = (epoch - MOMENT).total_seconds()
    # North has the first role, so that south's wide plan holds back more places: that is an alarm before the other one.
    lower = "south" if int(epoch.timestamp()) // terms.epoch_seconds % 2 else "north"
    with matching_parties(tmp_path, terms=terms, lower=lower) as (north, south):
        north.imports(*(area_plan(f"n{number}", 0.04 * number, start_s=move_s) for number in range(1, 10)))
        run = propose(north, south, epoch)
        assert until_over(north, run)["state"] == until_over(south, run)["state"] == "done"
        assert known_of(south, "north") == set()
        late = area_plan("s-late", 0.2, start_s=move_s)
        wide = msgspec.structs.replace(late.intent[0], area=msgspec.structs.replace(late.intent[0].area, radius_m=3e4))
        south.imports(msgspec.structs.replace(late, intent=(wide,)))
        for party in (north, south):
            party.until(lambda party=party: len(open_conflicts(party)) == 9, "learns of it in a late run")
        assert known_of(north, "south") == {"s-late"}
        assert len(known_of(south, "north")) == 9
        # All of north's plans concerned by one of south's: a person on the line is told, and the ledger says so.
        alarms = {alarm["kind"]: alarm["detail"] for alarm in north.get("/line")["lines"]["south"]["alarms"]}
        assert "held_back" in alarms["blanket_match"]
        assert "many_of_ours" in alarms["many_matched"]
        assert "many_of_ours" in north.get("/matching/ledger")[0]["told"]["alarms"]
        over = run_of(south, run)
        assert any(noted["name"].startswith("late-") for noted in over["sent"])
        # The run goes on after a crash, and late runs with it.
        count = len(over["sent"])
        south.kill()
        south.start()
        south.until(lambda: len(run_of(south, run)["sent"]) > count, "goes on with late runs")
        assert run_of(north, run)["state"] == run_of(south, run)["state"] == "done"


@pytest.mark.long
def test_two_private_worlds_with_the_same_conflicts_look_the_same_to_the_peer(tmp_path: Path) -> None:
    """South plans one flight or six: what reaches north has the same kinds, number and sizes, and tells the same."""
    seen = []
    for world in (("alone",), ("busy", 3.0, 4.0, 5.0, 6.0, 7.0)):
        with matching_parties(tmp_path / str(world[0])) as (north, south):
            north.imports(area_plan("n1"), area_plan("n2", 1.0))
            south.imports(area_plan("s1"), *(area_plan(f"other-{east}", float(east)) for east in world[1:]))
            run = propose(north, south)
            for party in (north, south):
                party.until(lambda party=party: len(open_conflicts(party)) == 1, "has the conflict")
                view = f"/matching/runs/{run}"
                party.until(lambda party=party, view=view: party.get(view)["transcripts_equal"], "says the same")
            record = run_of(north, run)
            # The place of a part in the tree is random, and written with as many digits as it has.
            sizes = [(noted["name"], noted["size"]) for noted in record["announced"] if noted["name"] != STAGES[-1]]
            row = {**record["outcome"]["row"], "role": "", "matched_tokens": 0, "bits": 0, "audit": False}
            received = [
                read_envelope(entry.body)[0]
                for entry in proven_entries(north.files.journal_path)
                if entry.kind == "received" and not read_envelope(entry.body)[0].kind.startswith("line_")
            ]
            # Which of two channels is served first is chance.
            kinds = sorted(envelope.kind for envelope in received)
            seen.append((sizes, row, record["outcome"]["in_conflict"], kinds, known_of(north, "south")))
            assert b"other-" not in held_bytes(north)
    assert seen[0] == seen[1]
