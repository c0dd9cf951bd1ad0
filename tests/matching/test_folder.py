"""A run over files by the command line: two folders and a hand that carries files; its ledger; an audit."""

import contextlib
import shutil
import signal
import stat
import subprocess
import sys
import time
from dataclasses import replace
from datetime import timedelta

import msgspec
import numpy as np
import pytest
from match_parties import TABLE, circle, flight, play, side_of, world
from near_limit import NOON

import forked
from detente.accord.matching_terms import AltitudeFamilies, FineGrid, MatchingTerms
from detente.accord.provisions import Provisions
from detente.accord.terms import Accord, AccordParty, format_accord
from detente.airspace.plan import TimeWindow
from detente.airspace.refusal import Refusal
from detente.cli.exit_codes import ExitCode
from detente.link.card import make_card, write_card
from detente.matching.audit import Signed, answer_audit, check_audit, make_again, same_messages
from detente.matching.driver import PLANS_FILE
from detente.matching.folder import advance_run, load_secret, read_ledger
from detente.matching.keeper import FolderKeeper, MemoryKeeper
from detente.matching.ledger import LedgerRow, MatchAlarm, alarms_of, ledger_row, series_totals
from detente.matching.messages import HEADER_BYTES, BreachError, MessageKind, sign_message
from detente.matching.quantise import quantise
from detente.matching.run import epoch_text, run_between
from detente.matching.side import MatchSide
from detente.record.keys import NodeKey
from detente.record.rotation import sign_rotation

TERMS = MatchingTerms(
    altitudes=AltitudeFamilies.PRESSURE, first_log2=8, second_log2=8, parts_log2=5, canaries=16, late_log2=8,
    fine=(FineGrid(cell_dm=50_000, bin_seconds=60, first_log2=9, second_log2=8),), spot_least=4, spot_points=4,
    answers_least=16,
)  # fmt: skip
STEPS = 10
HERE = (36.5, -121.5)


@pytest.fixture
def parties(tmp_path):
    keys = {name: NodeKey.generate() for name in ("north", "south")}
    accord = Accord(
        "strait", 1, tuple(AccordParty(name, key.public.hex()) for name, key in keys.items()),
        TimeWindow(NOON - timedelta(days=9), NOON + timedelta(days=9)), TABLE, provisions=Provisions(matching=TERMS),
    )  # fmt: skip
    for name, key in keys.items():
        key.save(tmp_path / f"{name}.key")
    (tmp_path / "accord.toml").write_text(format_accord(accord))
    return accord, keys


def carry(source, target):
    for file in (source / "out").glob("*.match"):
        shutil.copy(file, target / "in" / file.name)


def to_the_end(tmp_path, run, keys, plans):
    folders = {name: tmp_path / name for name in keys}
    for _ in range(STEPS + 1):
        progress = {name: advance_run(folders[name], run, keys[name], plans[name]) for name in keys}
        for name, other in (("north", "south"), ("south", "north")):
            carry(folders[name], folders[other])
    return folders, progress


def test_a_run_on_a_stick_finds_the_conflict_and_can_be_audited(tmp_path, parties):
    accord, keys = parties
    run = run_between(accord, "south", "north", NOON)
    assert run == run_between(accord, "north", "south", NOON + timedelta(hours=3))
    plans = {
        "north": [circle("ours", *HERE), circle("far", 40.0, 0.0)],
        "south": [flight("theirs", [HERE, (36.6, -121.5)])],
    }
    folders, progress = to_the_end(tmp_path, run, keys, plans)
    assert all(one.awaited is None for one in progress.values())
    assert [e.first_plan_id for e in progress["north"].side.revealed.encounters] == ["ours"]
    assert stat.S_IMODE((folders["north"] / "secret.json").stat().st_mode) == 0o600
    row = read_ledger(tmp_path)[0]
    assert (row.conflicts, row.fault) == (1, "")
    commit = (folders["south"] / "in" / "1-commit.match").read_bytes()
    seed = bytes.fromhex(load_secret(folders["north"]).seed)
    north = keys["north"].public
    tokens = quantise(plans["north"], run.role_of(north), run.epoch, run.terms, run.minima)
    openings = answer_audit(tokens, seed, run, b"r" * 32, 32)
    flown = (flight("flown", [HERE, (36.52, -121.5)]),)
    found = check_audit(run, north, commit, b"r" * 32, 32, openings, flown)
    assert (found.opened, found.empty, found.flown, len(found.not_flown), found.faults) == (32, 30, 1, 1, ())
    assert "UTC" in epoch_text(run.epoch)


def test_an_audit_finds_what_does_not_hold(tmp_path, parties):
    accord, keys = parties
    run = run_between(accord, "south", "north", NOON)
    north = keys["north"].public
    plans = [circle("ours", *HERE)]
    tokens = quantise(plans, run.role_of(north), run.epoch, run.terms, run.minima)
    side = MatchSide(run, keys["north"], tokens, b"s" * 32)
    commit = side.next_message()
    openings = answer_audit(tokens, b"s" * 32, run, b"r" * 32, 32)
    assert check_audit(run, north, commit, b"r" * 32, 32, openings).faults == ()
    assert "not opened" in check_audit(run, north, commit, b"r" * 32, 32, openings[1:]).faults[0]
    moved = tuple(
        msgspec.structs.replace(o, piece=msgspec.structs.replace(o.piece, plan_id="x")) if o.piece else o
        for o in openings
    )
    assert "not what was committed" in check_audit(run, north, commit, b"r" * 32, 32, moved).faults[0]
    fewer = tuple(msgspec.structs.replace(o, tokens=o.tokens[1:]) for o in openings)
    assert "tokens other than" in check_audit(run, north, commit, b"r" * 32, 32, fewer).faults[0]
    with pytest.raises(Refusal, match="signed commitment"):
        check_audit(run, keys["south"].public, commit, b"r" * 32, 32, openings)
    # Tokens that the plan does not have, committed to all the same: a probe under a plan's name.
    probe = replace(tokens, tokens=tokens.tokens + 7)
    cheat = MatchSide(run, keys["north"], probe, b"s" * 32)
    found = check_audit(
        run, north, cheat.next_message(), b"r" * 32, 32, answer_audit(probe, b"s" * 32, run, b"r" * 32, 32)
    )
    assert "tokens that its part does not have" in found.faults[0]
    assert np.array_equal(probe.pair_parts, tokens.pair_parts)


def test_a_run_made_again_from_its_secret_is_the_same_or_differs_by_name():
    first, second = side_of(0, world(2, 0)), side_of(1, world(2, 1))
    sent = {str(k): raw for k, raw in enumerate(play(first, second)[0])}
    again = {str(k): raw for k, raw in enumerate(play(side_of(0, world(2, 0)), side_of(1, world(2, 1)))[0])}
    assert same_messages(sent, again) == ()
    assert same_messages(sent, {**again, "1": b""}) == ("1",)


def test_plans_that_changed_since_the_run_began_are_refused(tmp_path, parties):
    accord, keys = parties
    run = run_between(accord, "south", "north", NOON)
    advance_run(tmp_path / "north", run, keys["north"], [circle("ours", *HERE)])
    before = (tmp_path / "north" / "out" / "1-commit.match").read_bytes()
    with pytest.raises(Refusal, match="other plans"):
        advance_run(tmp_path / "north", run, keys["north"], [circle("ours", 36.6, -121.5)])
    with pytest.raises(Refusal, match="another run"):
        advance_run(
            tmp_path / "north", run_between(accord, "south", "north", NOON + timedelta(days=1)), keys["north"], []
        )
    advance_run(tmp_path / "north", run, keys["north"], [circle("ours", *HERE)])
    assert (tmp_path / "north" / "out" / "1-commit.match").read_bytes() == before


def test_there_is_one_run_of_an_epoch_in_its_time_with_one_peer(tmp_path, parties):
    accord, keys = parties
    run = run_between(accord, "south", "north", NOON)
    advance_run(tmp_path / "one", run, keys["north"], [circle("ours", *HERE)], moment=NOON)
    with pytest.raises(Refusal, match="one run for each epoch"):
        advance_run(tmp_path / "two", run, keys["north"], [circle("ours", *HERE)], moment=NOON)
    assert not (tmp_path / "two").exists()
    with pytest.raises(Refusal, match="time of the run"):
        advance_run(tmp_path / "two", run, keys["south"], [], moment=NOON + timedelta(days=3))
    # The run that was begun goes on, and the other party's is another one.
    advance_run(tmp_path / "one", run, keys["north"], moment=NOON + timedelta(days=3))
    advance_run(tmp_path / "three", run, keys["south"], [], moment=NOON)


def test_a_broken_run_is_in_the_ledger(tmp_path, parties):
    accord, keys = parties
    run = run_between(accord, "south", "north", NOON)
    advance_run(tmp_path / "north", run, keys["north"], [])
    (tmp_path / "north" / "in" / "1-commit.match").write_bytes(b"DTMATCH2" + bytes(300))
    with pytest.raises(BreachError, match="signature"):
        advance_run(tmp_path / "north", run, keys["north"], [])
    rows = read_ledger(tmp_path)
    assert [row.fault for row in rows] == ["signature"]
    assert series_totals(rows).broken == 1


def test_the_ledger_counts_what_was_told():
    first, second = side_of(0, world(2, 0)), side_of(1, world(2, 1))
    play(first, second)
    row, other = ledger_row(first), ledger_row(second)
    assert (row.opened, row.seen, row.matched_tokens) == (other.seen, other.opened, other.matched_tokens)
    total = series_totals([row, row])
    assert (total.runs, total.opened, total.share) == (2, 2 * row.opened, row.flagged / row.plans)
    assert series_totals([]).share == 0.0


@pytest.mark.parametrize(
    ("change", "alarm"),
    [
        ({"flagged": 60, "conflicts": 50}, MatchAlarm.MANY_OF_OURS),
        ({"flagged": 20, "conflicts": 1}, MatchAlarm.FEW_REAL),
        ({"matched_tokens": 5_000, "seen": 2}, MatchAlarm.WIDE_PARTS),
    ],
)
def test_input_that_looks_like_a_blanket_raises_an_alarm(change, alarm):
    calm = LedgerRow(1, "first", 100, 1024, 300, 20, 25, 30, 15)
    assert alarms_of(calm) == ()
    assert alarm in alarms_of(msgspec.structs.replace(calm, **change))


def command(*arguments):
    return subprocess.run(
        [forked.program(), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


PLAN = """{"type": "FeatureCollection", "features": [{"type": "Feature",
"geometry": {"type": "Point", "coordinates": [LONGITUDE, 36.5]},
"properties": {"kind": "volume", "plan_id": "NAME", "radius_m": 4000,
"altitude": {"lower": {"value": 100, "unit": "FL", "reference": {"kind": "standard"}},
             "upper": {"value": 110, "unit": "FL", "reference": {"kind": "standard"}}},
"time": {"start": "START", "end": "START"}}}]}"""


def plan_file(folder, name, longitude):
    text = PLAN.replace("NAME", name).replace("START", NOON.isoformat()).replace("LONGITUDE", str(longitude))
    (folder / f"{name}.geojson").write_text(text)
    return folder / f"{name}.geojson"


@pytest.mark.long
def test_the_command_runs_over_files_without_a_node(tmp_path, parties):
    """North by the command; south beside it. A run, late plans, the ledger, and both audits."""
    accord, keys = parties
    run = run_between(accord, "south", "north", NOON)
    folders = {name: tmp_path / "runs" / name for name in keys}
    ours, theirs = plan_file(tmp_path, "north-1", -121.5), [circle("south-1", 36.5, -121.5, 10_500)]
    common = ("--accord", tmp_path / "accord.toml", "--party", "north", "--peer", "south", "--epoch", NOON.isoformat())
    mine = ("--key", tmp_path / "north.key", "--folder", folders["north"], "--now", NOON.isoformat())
    given, done = ("--ours", ours), None
    for _ in range(STEPS + 1):
        done = command("match", "run", *given, *common, *mine)
        assert done.stderr == ""
        given = ()
        advance_run(folders["south"], run, keys["south"], theirs)
        for source, target in (("north", "south"), ("south", "north")):
            carry(folders[source], folders[target])
        if done.returncode == 1:
            break
    assert "CONFLICT north-1" in done.stdout
    early = command("match", "run", "--ours", ours, *common, *mine[:-4], "--folder", tmp_path / "now")
    assert "time of the run" in early.stderr
    late = command("match", "late", plan_file(tmp_path, "north-2", -121.45), *common, *mine)
    assert "late-" in late.stdout, late.stderr
    for _ in range(STEPS):
        carry(folders["north"], folders["south"])
        advance_run(folders["south"], run, keys["south"])
        carry(folders["south"], folders["north"])
        done = command("match", "run", *common, *mine)
    assert "CONFLICT north-2" in done.stdout
    shown = command("match", "ledger", tmp_path / "runs")
    assert "2 runs, 0 broken off" in shown.stdout

    commit = ("--commit", folders["south"] / "in" / "1-commit.match")
    random = command("match", "audit", "check", *common, *commit).stdout.split()[-1]
    asked = ("--random", random, "--count", 32)
    opened = command("match", "audit", "open", *common, "--ours", ours, "--folder", folders["north"],
                     *asked, "--out", tmp_path / "opened.json")  # fmt: skip
    assert opened.returncode == 0, opened.stderr
    (tmp_path / "flown.csv").write_text(
        "timestamp,icao24,callsign,latitude,longitude,altitude,onground\n" + "".join(
            f"{NOON + timedelta(minutes=minute):%Y-%m-%dT%H:%M:%SZ},4b1803,N1,36.5,{longitude},10300,false\n"
            for minute, longitude in ((-1, -121.62), (0, -121.60), (1, -121.58))
        )
    )  # fmt: skip
    flown = ("--flown", tmp_path / "flown.csv")
    checked = command("match", "audit", "check", *common, *commit, "--opened", tmp_path / "opened.json", *asked, *flown)
    assert checked.returncode == 0, checked.stderr
    assert "32 leaves opened, 31 of them empty, 0 faults" in checked.stdout
    assert "1 were flown" in checked.stdout
    made = command(
        "match", "audit", "again", folders["north"], *common, "--messages", folders["south"] / "in", *flown
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    assert "2 plans: 20 messages are the same, 0 are not" in made.stdout
    assert "Not flown: north-2" in made.stdout
    # A message that was taken and is another one now is a lost piece, not a breach of the peer.
    (folders["north"] / "in" / "2-masked.match").write_bytes(b"x" * 500)
    lost = command("match", "run", *common, *mine)
    assert lost.returncode == 2
    assert "other bytes than before" in lost.stderr


@pytest.mark.long
def test_the_command_is_killed_in_the_middle_of_its_work(tmp_path, parties):
    accord, keys = parties
    large = msgspec.structs.replace(TERMS, first_log2=14, second_log2=13, fine=None)
    accord = msgspec.structs.replace(accord, provisions=Provisions(matching=large))
    (tmp_path / "accord.toml").write_text(format_accord(accord))
    run = run_between(accord, "south", "north", NOON)
    north, south = tmp_path / "runs" / "north", tmp_path / "runs" / "south"
    ours = plan_file(tmp_path, "north-1", -121.5)
    arguments = [sys.executable, "-m", "detente", "match", "run", "--ours", ours, "--accord", tmp_path / "accord.toml",
                 "--party", "north", "--peer", "south", "--epoch", NOON.isoformat(), "--key", tmp_path / "north.key",
                 "--folder", north, "--now", NOON.isoformat()]  # fmt: skip
    shown, codes = {}, []

    def pieces():
        return {(file, file.stat().st_mtime_ns) for file in north.rglob("*.*") if file.suffix != ".part"}

    for call in range(80):
        before = pieces()
        process = subprocess.Popen([*map(str, arguments)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if call % 2 == 0:
            # As soon as it has written anything it dies: in the middle of what comes next.
            while process.poll() is None:
                with contextlib.suppress(FileNotFoundError):
                    if pieces() != before:
                        break
                time.sleep(0.002)
            process.kill()
        codes.append(process.wait())
        for file in (north / "out").glob("*.match"):
            shown.setdefault(file.name, set()).add(file.read_bytes())
        if codes[-1] == -signal.SIGKILL:
            continue
        advance_run(south, run, keys["south"], [circle("south-1", 36.5, -121.5, 10_500)])
        for source, target in ((north, south), (south, north)):
            carry(source, target)
        if codes[-1] == 1:
            break
    assert codes[-1] == 1
    assert -signal.SIGKILL in codes
    assert len(shown) == 14
    assert all(len(contents) == 1 for contents in shown.values())


def test_a_run_made_again_names_what_was_not_made_from_the_plans(tmp_path, parties):
    accord, keys = parties
    run = run_between(accord, "south", "north", NOON)
    plans = {"north": [circle("ours", *HERE)], "south": [flight("theirs", [HERE, (36.6, -121.5)])]}
    folders, _ = to_the_end(tmp_path, run, keys, plans)
    sent = {file.stem: file.read_bytes() for file in (folders["south"] / "in").glob("*.match")}
    north = keys["north"].public
    signed = Signed((north,), tuple(sent.values()))
    flown = (flight("flown", [HERE, (36.52, -121.5)]),)
    found = make_again(run, signed, FolderKeeper(folders["north"]), sent, flown)
    assert (found.same, found.different, found.plans, found.not_flown) == (STEPS, (), 1, ())
    # North answered one element otherwise than its key does, and sealed and signed that.
    session = sent["5-answers"][HEADER_BYTES - 64 : HEADER_BYTES - 32]
    body = bytearray(sent["5-answers"][HEADER_BYTES:-64])
    body[:10] = bytes(10)
    cheated = sign_message(keys["north"], MessageKind.ANSWERS, 0, 0, run.identity, session, bytes(body))
    changed = {**sent, "5-answers": cheated}
    found = make_again(run, Signed((north,), tuple(changed.values())), FolderKeeper(folders["north"]), changed, ())
    assert (found.same, found.different, found.not_flown) == (STEPS - 1, ("5-answers",), ("ours",))
    # Other plans than were committed to cannot pass for those of the run.
    other = MemoryKeeper()
    for name in ("secret.json", "work/order.json"):
        other.write(name, (folders["north"] / name).read_bytes())
    other.write(PLANS_FILE, b"[]")
    with pytest.raises(Refusal, match="other plans"):
        make_again(run, signed, other, sent)


@pytest.fixture
def rotated(tmp_path, parties):
    """North's key was rotated, and both have made their first message; `card` is north's, in a file."""
    accord, keys = parties
    first, new = keys["north"], NodeKey.generate()
    new.descend_from(first.public, (sign_rotation(first, new, b"certificate", NOON).text,))
    new.save(tmp_path / "new.key")
    (tmp_path / "north.json").write_bytes(write_card(make_card(new, "north", (), NOON)))
    signing = {first.public: (first.public, new.public)}
    run = replace(run_between(accord, "south", "north", NOON), keys_of=lambda party: signing.get(party, (party,)))
    folders = {name: tmp_path / name for name in keys}
    for name, key in {**keys, "north": new}.items():
        advance_run(folders[name], run, key, [circle(name, *HERE)])
    carry(folders["north"], folders["south"])
    common = ("--accord", tmp_path / "accord.toml", "--epoch", NOON.isoformat())
    return run, first.public, folders, common, ("--card", tmp_path / "north.json")


def test_a_party_whose_key_was_rotated_is_audited_by_its_card(rotated):
    run, first, folders, common, card = rotated
    sent = {"1-commit": (folders["south"] / "in" / "1-commit.match").read_bytes()}
    for known, same in (((first,), 0), (run.keys_of(first), 1)):
        assert make_again(run, Signed(known, [*sent.values()]), FolderKeeper(folders["north"]), sent).same == same
    commit = ("--commit", folders["north"] / "out" / "1-commit.match", "--party", "north", "--peer", "south")
    assert command("match", "audit", "check", *commit, *common).returncode == ExitCode.BAD_INPUT
    assert command("match", "audit", "check", *commit, *common, *card).returncode == ExitCode.DONE


@pytest.mark.long
def test_a_party_whose_key_was_rotated_runs_by_its_card(tmp_path, rotated):
    _, _, folders, common, card = rotated
    for key, party, peer, without in (
        ("south.key", "south", "north", ExitCode.PEER_AT_FAULT),
        ("new.key", "north", "south", ExitCode.BAD_INPUT),
    ):
        mine = ("--party", party, "--peer", peer, "--key", tmp_path / key, "--folder", folders[party])
        go_on = ("match", "run", *mine, *common, "--now", NOON.isoformat())
        assert command(*go_on).returncode == without
        assert command(*go_on, *card).returncode == ExitCode.DONE


def test_the_command_names_a_mistake(tmp_path, parties):
    common = ("--party", "north", "--peer", "west", "--epoch", "2025-06-01", "--folder", tmp_path / "runs")
    files = ("--ours", tmp_path / "none.geojson", "--accord", tmp_path / "accord.toml", "--key", tmp_path / "north.key")
    done = command("match", "run", *files, *common)
    assert (done.returncode, done.stdout) == (2, "")
    assert "--epoch" in done.stderr
