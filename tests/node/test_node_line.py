"""The line between two real nodes: STOP, messages, read-back, watches, checks, voice, restarts."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from parties import PATIENCE_S, Party, area_plan, two_parties

from detente.line.voice import read_voice_code
from detente.link.comparison import compare_copies
from detente.link.copies import Copy
from detente.picture.notices import Meaning

WHERE = {"kind": "place", "position": {"latitude_deg": 35.33, "longitude_deg": 40.14}}
NINE_KM_OFF = {"kind": "place", "position": {"latitude_deg": 35.41, "longitude_deg": 40.14}}
SEA_LEVEL = {"kind": "mean_sea_level"}
HEIGHT = {"kind": "height", "altitude": {"value": 10000.0, "unit": "ft", "reference": SEA_LEVEL}}
WHEN = {"kind": "moment", "time": "2025-06-01T12:00:00Z"}
NEAR = {"where": WHERE, "height": HEIGHT, "when": WHEN}


@pytest.fixture(scope="module")
def parties(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Party, Party]]:
    with two_parties(tmp_path_factory.mktemp("line")) as pair:
        for party in pair:
            party.post("/line/watch", {"post": "watch", "shift": "day", "languages": ["en", "fr"]})
        yield pair


def send(party: Party, peer: str, code: str, **parameters: Any) -> str:
    answer = party.post("/line/messages", {"peer": peer, "code": code, "parameters": parameters})
    return str(answer["message_ids"][0])


def message(party: Party, peer: str, message_id: str, language: str = "en") -> dict[str, Any]:
    found: dict[str, Any] = party.get(f"/line/messages/{peer}/{message_id}?language={language}")
    return found


def arrived(party: Party, peer: str, message_id: str) -> bool:
    return party.ask("GET", f"/line/messages/{peer}/{message_id}").status == 200


def test_a_stop_is_acknowledged_by_a_person_and_the_time_to_the_first_human_is_on_both_sides(
    parties: tuple[Party, Party],
) -> None:
    north, south = parties
    (sent,) = north.post("/line/stop", {})["message_ids"]
    peer, message_id = sent.split(" ")
    south.until(lambda: arrived(south, "north", message_id), "STOP arrives")
    (first, *_) = south.get("/line/messages?waiting=true")
    assert first["message_id"] == message_id
    assert first["standing_post"] == "command", "every post at once"
    south.post("/line/take", {"peer": "north", "message_id": message_id, "post": "senior"})
    north.until(lambda: message(north, peer, message_id)["taken_by"] == "senior", "the sender hears of it")
    for party, other in ((north, "south"), (south, "north")):
        assert 0.0 <= message(party, other, message_id)["to_human_s"] < 60.0


def test_the_same_message_in_four_languages_with_read_back_and_receipts(parties: tuple[Party, Party]) -> None:
    north, south = parties
    sent = send(north, "south", "aircraft_near_you", **NEAR)
    south.until(lambda: arrived(south, "north", sent), "arrives")
    texts = {language: message(south, "north", sent, language)["text"] for language in ("en", "fr", "ru", "ar")}
    assert len(set(texts.values())) == 4
    assert all("10\u202f000 ft (3\u202f048 m)" in text for text in texts.values())
    reference = {"peer": "north", "message_id": sent, "post": "watch"}
    south.post("/line/display", reference)
    south.post("/line/take", reference)
    south.post("/line/read-back", {**reference, "heard": {**NEAR, "where": NINE_KM_OFF}})
    north.until(lambda: message(north, "south", sent)["differences"], "9 km off is caught")
    assert [found["name"] for found in message(north, "south", sent)["differences"]] == ["where"]
    south.until(lambda: message(south, "north", sent)["differences"], "and the other side knows")
    assert message(south, "north", sent)["taken_by"] is None
    south.post("/line/take", reference)
    south.post("/line/read-back", {**reference, "height_unit": "m"})
    north.until(lambda: message(north, "south", sent)["understood"], "understood")
    south.post("/line/pass-on", {**reference, "passed_to": "sector east"})
    north.until(lambda: len(message(north, "south", sent)["receipts"]) == 5, "every receipt")
    kinds = [receipt["kind"] for receipt in message(north, "south", sent)["receipts"]]
    assert kinds == ["delivered", "displayed", "read_back", "read_back", "passed_on"]


def test_both_sides_see_the_line_in_the_same_state(parties: tuple[Party, Party]) -> None:
    north, south = parties

    def both() -> tuple[str, str]:
        views = north.get("/line")["lines"]["south"], south.get("/line")["lines"]["north"]
        return views[0]["standing"]["quality"], views[1]["standing"]["quality"]

    for party, peer in ((north, "south"), (south, "north")):
        party.post("/line/check", {"peer": peer})
    north.until(lambda: both() == ("live", "live"), "the line is live on both sides")
    south.post("/line/watch/leave", {"post": "watch"})
    south.post("/line/check", {"peer": "north"})
    north.until(lambda: both() == ("degraded", "degraded"), "nobody on watch is seen on both sides")
    south.post("/line/watch", {"post": "watch", "shift": "night", "languages": ["en"]})
    south.post("/line/check", {"peer": "north"})
    north.post("/line/check", {"peer": "south"})
    north.until(lambda: both() == ("live", "live"), "and live again")


def test_a_hand_over_is_drawn_from_the_journal(parties: tuple[Party, Party]) -> None:
    north, south = parties
    sent = send(north, "south", "radio_check")
    south.until(lambda: arrived(south, "north", sent), "arrives")
    left = south.get("/line/watch/watch")
    assert f"north {sent}" in left["unanswered"]
    assert south.ask("GET", "/line/watch/command").status == 404


def test_the_line_has_its_own_event_stream(parties: tuple[Party, Party]) -> None:
    north, _ = parties
    request = urllib.request.Request(
        f"{north.url}/line/events?after=0", headers={"Authorization": f"Bearer {north.token}"}
    )
    send(north, "south", "radio_check")
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as stream:
        kinds = []
        while "line_message_sent" not in kinds:
            line = stream.readline().decode()
            if line.startswith("data: "):
                kinds.append(json.loads(line[6:])["event"])
    assert kinds[0] == "line_opened"


def test_what_is_wrong_is_refused_by_field(parties: tuple[Party, Party]) -> None:
    north, _ = parties
    for body, field in (
        ({"peer": "south", "code": "attack"}, "code"),
        ({"peer": "west", "code": "stop"}, "peer"),
        ({"peer": "south", "code": "stop_here", "parameters": {"where": WHERE}}, "stop_here.radius"),
        ({"peer": "south", "code": "radio_check", "free_text": "hello"}, "free_text"),
    ):
        answer = north.ask("POST", "/line/messages", body)
        assert answer.status == 400
        assert answer.json["field"] == field
    assert north.ask("POST", "/line/voice", {"peer": "south", "code": "ABC"}).json["field"] == "voice_code"


def test_a_late_notice_is_marked_on_both_sides_with_the_same_margin(tmp_path: Path) -> None:
    with two_parties(tmp_path, start=False) as (north, south):
        for party in (north, south):
            accord = party.path / "accord.toml"
            accord.write_text(accord.read_text() + '\n[lead_times]\ndefault = "24 h"\n')
            party.begin()
        north.wait()
        south.wait()
        volume = msgspec.to_builtins(area_plan("n").intent[0])
        north.post("/notices", {"notice_id": "n1", "meaning": Meaning.KEEP_OUT, "volume": volume})
        south.until(lambda: south.get("/notices"), "arrives at once")
        (ours,), (theirs,) = north.get("/notices"), south.get("/notices")
        assert ours["late_by_s"] == theirs["late_by_s"]
        starts = datetime.fromisoformat(volume["time"]["start"])
        given = datetime.fromisoformat(ours["notice"]["given_at"])
        assert ours["late_by_s"] == pytest.approx(86_400.0 - (starts - given).total_seconds(), abs=1e-3)


@pytest.mark.long
def test_a_restart_in_the_middle_of_an_escalation_forgets_nobody(tmp_path: Path) -> None:
    with two_parties(tmp_path, start=False) as (north, south):
        for party in (north, south):
            accord = party.path / "accord.toml"
            steps = "".join(f'\n[[escalation]]\npost = "{p}"\nwithin = "2 s"\n' for p in ("watch", "senior", "command"))
            accord.write_text(accord.read_text() + steps)
            party.begin()
        north.wait()
        south.wait()
        for post in ("watch", "senior", "command"):
            south.post("/line/watch", {"post": post, "shift": "day"})
        sent = send(north, "south", "radio_check")
        south.until(lambda: arrived(south, "north", sent), "arrives")
        south.kill()
        time.sleep(2.0)
        south.start()
        south.until(lambda: message(south, "north", sent)["standing_post"] == "command", "the ladder goes on")
        north.until(lambda: message(north, "south", sent)["standing_post"] == "command", "and the sender sees it")
        assert not message(south, "north", sent)["taken_by"]


@pytest.mark.long
def test_a_stop_waits_for_no_plan_that_was_sent_before_it(tmp_path: Path) -> None:
    with two_parties(tmp_path) as (north, south):
        south.kill()
        for part in range(10):
            north.imports(*(area_plan(f"p{part}-{n}", east_deg=n / 5.0) for n in range(50)))
        north.post("/line/stop", {"peer": "south"})
        south.start()
        south.until(lambda: arrived(south, "north", "north:1"), "STOP arrives")
        kinds = [envelope.kind for envelope in _received(south)]
        assert kinds.index("line_message") <= 2 * 128, "two batches at most were under way"


@pytest.mark.long
def test_silence_is_seen_and_frees_no_airspace(tmp_path: Path) -> None:
    with two_parties(tmp_path, start=False) as (north, south):
        for party in (north, south):
            accord = party.path / "accord.toml"
            checks = '\n[line_checks]\nevery = "60 s"\ndegraded_after = "1 s"\nsilent_after = "2 s"\n'
            accord.write_text(accord.read_text() + checks)
            party.begin()
        north.wait()
        south.wait()
        volume = msgspec.to_builtins(area_plan("n").intent[0])
        north.post("/notices", {"notice_id": "n1", "meaning": Meaning.KEEP_OUT, "volume": volume})
        south.until(lambda: south.get("/notices"), "the notice arrives")
        for party in (north, south):
            party.post("/line/watch", {"post": "watch", "shift": "day"})

        def quality() -> str:
            return str(south.get("/line")["lines"]["north"]["standing"]["quality"])

        for party, peer in ((north, "south"), (south, "north")):
            party.post("/line/check", {"peer": peer})
        south.until(lambda: quality() == "live", "live")
        north.kill()
        south.until(lambda: quality() == "silent", "silent")
        assert south.get("/notices")[0]["state"] == "in_force"


def _received(party: Party) -> list[Any]:
    from detente.link.session import RECEIVED, read_document
    from detente.record.snapshot import open_snapshot

    with open_snapshot(party.files.journal_path) as (connection, _):
        bodies = connection.execute("SELECT body FROM entry WHERE kind = ? ORDER BY number", (RECEIVED,)).fetchall()
    return [read_document(body) for (body,) in bodies]


def test_the_transcript_of_every_channel_is_proved_from_both_journals(parties: tuple[Party, Party]) -> None:
    north, south = parties
    ours, theirs = (Copy(party.path).read() for party in (north, south))
    assert len(ours.transcripts) == 2, "the line and STOP"
    comparison = compare_copies(ours, theirs)
    assert comparison.equal
    assert comparison.equal_envelopes > 20


def test_a_message_about_a_conflict_bears_the_number_that_both_sides_have_for_it(parties: tuple[Party, Party]) -> None:
    north, south = parties
    for party, plan_id in ((north, "ours"), (south, "theirs")):
        party.imports(area_plan(plan_id))
    south.until(lambda: south.get("/conflicts")["open"], "the conflict is found")
    (number,) = (one["conflict"]["conflict_id"] for one in south.get("/conflicts")["open"])
    north.until(lambda: north.get("/conflicts")["open"], "on both sides")
    for unknown in ("ours", "zz"):
        body = {"peer": "south", "code": "plans_conflict", "parameters": {"reference": reference(unknown)}}
        assert north.ask("POST", "/line/messages", body).json["field"] == "plans_conflict.reference"
    sent = send(north, "south", "plans_conflict", reference=reference(number[:6].upper()))
    south.until(lambda: arrived(south, "north", sent), "arrives")
    assert number in message(south, "north", sent)["text"]
    spoken = read_voice_code(message(north, "south", sent)["voice_code"], "north", "south")
    assert spoken.content.parameters[0].value.text == number


def reference(text: str) -> dict[str, str]:
    return {"kind": "reference", "text": text}


@pytest.mark.long
def test_radio_checks_are_dated_by_both_and_overdue_in_status_and_on_the_line(tmp_path: Path) -> None:
    with two_parties(tmp_path, start=False) as (north, south):
        channel = '{ use = "working", frequency = "130.0 MHz", language = "en" }'
        for party in (north, south):
            accord = party.path / "accord.toml"
            accord.write_text(accord.read_text() + f'\n[radio]\ncheck_every = "4 s"\nchannels = [ {channel} ]\n')
            party.begin()
        north.wait()
        south.wait()

        def radio(party: Party, peer: str) -> Any:
            found = party.get("/line")["lines"][peer]["radio"]
            return found[0] if found else {"two_way_at": None, "overdue": False}

        north.until(lambda: radio(north, "south")["overdue"], "overdue")
        assert north.get("/status")["radio_overdue"] == ["south 130000 kHz"]
        assert "OVERDUE" in north.cli("status").stdout
        assert "OVERDUE" in north.cli("line", "show").stdout
        report = {"frequency_khz": 130_000, "call_sign": "north aircraft", "heard": True}
        north.post("/line/radio", {**report, "peer": "south"})
        south.until(lambda: radio(south, "north").get("theirs"), "south hears of it")
        assert radio(south, "north")["two_way_at"] is None, "one side's word dates nothing"
        south.post("/line/radio", {**report, "peer": "north", "call_sign": "south aircraft"})
        north.until(lambda: radio(north, "south")["two_way_at"], "dated")
        assert radio(north, "south")["two_way_at"] == radio(south, "north")["two_way_at"]
        wrong = north.ask("POST", "/line/radio", {**report, "peer": "south", "frequency_khz": 118_000})
        assert wrong.json["field"] == "report.frequency_khz"
        at = f"{datetime.now(UTC):%Y-%m-%dT%H:%MZ}"
        to_the_minute = ("--frequency", "130.0MHz", "--call-sign", "north aircraft", "--time", at)
        assert north.cli("line", "radio", "--peer", "south", *to_the_minute).returncode == 0
