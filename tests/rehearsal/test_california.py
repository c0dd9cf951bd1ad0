"""The demo as a newcomer runs it: two real nodes, one recorded day, and its claims checked from outside."""

import os
import re
import signal
import subprocess
import threading
import time
import urllib.request
from pathlib import Path

import msgspec
import pytest

import forked
from detente.accord.terms import format_accord
from detente.airspace.refusal import Refusal
from detente.airspace.search import encounters_between
from detente.airspace.separation import MinimaTable
from detente.api.client import NodeClient
from detente.feeds.load import load_plans
from detente.matching.life import MatchingEvent, PartsOpened, PartsSeen
from detente.matching.quantise import parts_of
from detente.matching.run import run_between
from detente.picture.events import PictureEvent, PlanAmended, PlanDeclared
from detente.record.entry import Entry
from detente.record.journal import Journal
from detente.record.keys import NodeKey
from detente.rehearsal.california import (
    DEMO_MARKER,
    DEMO_MINIMA,
    FIRST,
    MATCHED_DAY,
    MATCHING,
    SECOND,
    DayTraffic,
    found_in_order,
    simple_accord,
)
from detente.rehearsal.party import PATIENCE_S, RehearsalParty
from detente.rehearsal.served_day import served, until_interrupted
from detente.rehearsal.stage import fresh_directory
from detente.rehearsal.terms import safety_accord


def detente(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([forked.program(), *arguments], capture_output=True, text=True, timeout=800, check=False)


@pytest.fixture(scope="module")
def day(tmp_path_factory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    out = tmp_path_factory.mktemp("demo") / "out"
    return out, detente("demo", "--out", str(out), "--language", "en")


def entries(directory: Path, kind: str | None = None) -> list[Entry]:
    with Journal.open(directory / "journal.sqlite", NodeKey.load(directory / "node.key")) as journal:
        return list(journal.read(kind=kind))


def final_plans(directory: Path) -> dict[str, dict]:
    """Each party's plans as one side's journal has them at the end."""
    plans: dict[str, dict] = {FIRST: {}, SECOND: {}}
    for entry in entries(directory, "event"):
        event = msgspec.json.decode(entry.body, type=PictureEvent)
        if isinstance(event, PlanDeclared | PlanAmended):
            plans[event.party][event.plan.plan_id] = event.plan
    return plans


def matching_events(directory: Path) -> list[MatchingEvent]:
    return [msgspec.json.decode(entry.body, type=MatchingEvent) for entry in entries(directory, "matching")]


def test_the_parties_of_a_day_have_the_same_roles_in_every_run(tmp_path):
    """Which plans are told in part depends on them, and they on the keys, which are drawn."""
    traffic = DayTraffic((FIRST, SECOND), ((), ()), 0, 0, MATCHED_DAY, "day", MATCHING, ())
    roles = set()
    for run in ("one", "another"):
        first, second = (RehearsalParty(name, tmp_path / run / name.lower()) for name in (FIRST, SECOND))
        found_in_order(first, second)
        between = run_between(simple_accord(first, second, traffic), FIRST, SECOND, MATCHED_DAY)
        roles.add(between.role_of(bytes.fromhex(first.card.public_key)))
        assert first.files.journal_path.exists()
    assert len(roles) == 1


@pytest.mark.long
def test_the_demo_ends_well_and_its_figures_are_in_the_table(day):
    out, done = day
    assert done.returncode == 0, done.stdout + done.stderr
    found = int(re.search(r"conflicts found\s*│\s*(\d+)", done.stdout)[1])
    declared = [load_plans(out / name.lower() / "plans.geojson").plans for name in (FIRST, SECOND)]
    before = encounters_between(*declared, MinimaTable(default=DEMO_MINIMA))
    # An amended plan never meets another, so what was found is what the declared plans hold.
    assert found == len(before) > 0
    # Changes are proposed without knowing what the other side keeps to itself: more is left to people than in the open.
    assert int(re.search(r"conflicts left\s*│\s*(\d+)", done.stdout)[1]) <= found // 5


@pytest.mark.long
def test_after_the_demo_only_what_is_said_to_be_left_is_in_conflict(day):
    out, done = day
    ours, theirs = final_plans(out / FIRST.lower()), final_plans(out / SECOND.lower())
    for party in (FIRST, SECOND):
        assert all(theirs[party][name] == plan for name, plan in ours[party].items() if name in theirs[party])
    left = encounters_between(
        list(ours[FIRST].values()), list(theirs[SECOND].values()), MinimaTable(default=DEMO_MINIMA)
    )
    assert len(left) == int(re.search(r"conflicts left\s*│\s*(\d+)", done.stdout)[1])
    page = (out / "report.html").read_text(encoding="utf-8")
    why = page[page.index("Why it is left") :] if left else ""
    for encounter in left:
        assert encounter.first_plan_id in why
    for party in (FIRST, SECOND):
        # Each said of its own plan that nothing is clear of what it knows, or that what is was refused.
        reasons = f"{party}: (no delay|all \\d+ changes|the only change)|none was accepted by both parties"
        assert not left or re.search(reasons, why)


@pytest.mark.long
def test_neither_side_learnt_more_than_the_conflicts_and_the_parts_that_the_match_opened(day):
    out, done = day
    declared = {name: load_plans(out / name.lower() / "plans.geojson").plans for name in (FIRST, SECOND)}
    before = encounters_between(declared[FIRST], declared[SECOND], MinimaTable(default=DEMO_MINIMA))
    conflicting = {FIRST: {e.first_plan_id for e in before}, SECOND: {e.second_plan_id for e in before}}
    for own, other in ((FIRST, SECOND), (SECOND, FIRST)):
        known = final_plans(out / own.lower())[other]
        assert known.keys() == conflicting[other]
        events, theirs = matching_events(out / own.lower()), matching_events(out / other.lower())
        seen = [part for event in events if isinstance(event, PartsSeen) for part in event.parts]
        opened = [part for event in theirs if isinstance(event, PartsOpened) for part in event.parts]
        assert sorted(map(repr, seen)) == sorted(repr(part.piece) for part in opened)
        whole = {plan.plan_id: plan for plan in declared[other]}
        assert all(part.piece.intent in pieces_of(whole[part.plan_id]) for part in opened)
        # Whatever was not opened and is in no conflict is nowhere in the other side's journal, name or waypoint.
        held = b"".join(entry.body for entry in entries(out / own.lower()))
        untold = whole.keys() - {part.plan_id for part in opened}
        assert len(untold) > len(whole) // 2
        for name in untold:
            assert name.encode() not in held
            assert msgspec.json.encode(whole[name].intent.waypoints[0].position) not in held
        assert f"plans told to {own} in part" in done.stdout


def pieces_of(plan):
    return {part.piece.intent for part in parts_of([plan])}


@pytest.mark.long
def test_the_commands_that_the_report_offers_prove_it_again(day):
    out, _ = day
    page = (out / "report.html").read_text(encoding="utf-8")
    for name in (FIRST, SECOND):
        assert f"detente journal verify {out / name.lower() / 'journal.sqlite'}" in page
        assert detente("journal", "verify", str(out / name.lower() / "journal.sqlite")).returncode == 0
    compared = detente("transcript", "compare", str(out / FIRST.lower()), str(out / SECOND.lower()))
    assert compared.returncode == 0, compared.stdout + compared.stderr
    assert "Contains data from adsb.lol, made available under ODbL 1.0." in page


@pytest.mark.long
def test_a_second_run_replaces_the_first_and_comes_to_the_same(day):
    out, _ = day
    before = final_plans(out / FIRST.lower())
    keys = [(out / name.lower() / "node.key").read_bytes() for name in (FIRST, SECOND)]
    done = detente("demo", "--out", str(out), "--language", "fr")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "conflits trouvés" in done.stdout
    assert [(out / name.lower() / "node.key").read_bytes() for name in (FIRST, SECOND)] != keys
    assert final_plans(out / FIRST.lower()) == before


def test_a_directory_with_other_things_is_never_cleared(tmp_path):
    (tmp_path / "thesis.tex").write_text("three years of work")
    with pytest.raises(Refusal, match="earlier run"):
        fresh_directory(tmp_path, DEMO_MARKER)
    assert (tmp_path / "thesis.tex").read_text() == "three years of work"
    done = detente("demo", "--out", str(tmp_path))
    assert done.returncode == 2
    assert "--out" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_directory_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(Refusal, match="can be written"):
        fresh_directory(tmp_path / "file" / "out", DEMO_MARKER)


def until_live(party: RehearsalParty) -> None:
    """The line was tried as soon as both nodes were there, and works."""
    end = time.monotonic() + PATIENCE_S
    while [one["standing"]["quality"] for one in NodeClient(party.files.path).get("line")["lines"].values()] != [
        "live"
    ]:
        assert time.monotonic() < end
        time.sleep(0.1)


@pytest.mark.long
def test_the_finished_day_is_shown_on_both_consoles_until_somebody_has_seen_enough(tmp_path):
    parties = tuple(RehearsalParty(name, tmp_path / name.lower()) for name in (FIRST, SECOND))
    for party in parties:
        party.found()
    for party, other in zip(parties, reversed(parties), strict=True):
        party.pair(other)
        (party.files.path / "accord.toml").write_text(format_accord(safety_accord("day", *parties)))
    with served(parties, MATCHED_DAY) as links:
        for party in parties:
            until_live(party)
        assert [link.party for link in links] == [FIRST, SECOND]
        for link in links:
            assert link.url.endswith("&at=2025-06-01T00:00:00Z&speed=60")
            place, _, fragment = link.url.partition("/sign-in#")
            token = fragment.partition("&")[0]
            signing_in = urllib.request.Request(
                f"{place}/sign-in",
                msgspec.json.encode({"token": token, "bearer": True}),
                {"Content-Type": "application/json"},
            )
            with urllib.request.urlopen(signing_in) as answer:
                session = msgspec.json.decode(answer.read())["token"]
            asking = urllib.request.Request(f"{place}/status", headers={"Authorization": f"Bearer {session}"})
            with urllib.request.urlopen(asking) as status:
                assert msgspec.json.decode(status.read())["party"] == link.party
        threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGTERM)).start()
        until_interrupted(parties)
        parties[0].kill()
        with pytest.raises(Refusal, match="goes on"):
            until_interrupted(parties)
    assert not any(party.runs for party in parties)
