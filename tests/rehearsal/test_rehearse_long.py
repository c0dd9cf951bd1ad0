"""The rehearsals on real nodes, each by the very command of its tutorial; their claims are looked up again here."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from detente.accord.messages import AccordAct, AccordAuthorised, AccordProposed, AccordResumed, AccordSuspended
from detente.accord.room import AccordActed, AccordRoom
from detente.claims.events import (
    ClaimsEvent,
    IncidentClosed,
    IncidentReplied,
    IncidentReported,
    RequestAnswered,
    RequestAsked,
    RequestOverdue,
    ReviewSaid,
)
from detente.line.events import LineEvent, LineMessageTaken, LinePostsCalled, LineReadBackJudged, LineReceiptGiven
from detente.link.comparison import compare_copies
from detente.link.copies import Copy, proven_entries
from detente.link.envelope import Envelope, read_envelope
from detente.link.session import RECEIVED, SENT
from detente.picture.events import PictureEvent, PlanEnded

pytestmark = pytest.mark.long

PAGES = Path(__file__).resolve().parents[2] / "docs" / "tutorial"
LINE_EVENTS: msgspec.json.Decoder[LineEvent] = msgspec.json.Decoder(LineEvent)
PICTURE_EVENTS: msgspec.json.Decoder[PictureEvent] = msgspec.json.Decoder(PictureEvent)
CLAIMS_EVENTS: msgspec.json.Decoder[ClaimsEvent] = msgspec.json.Decoder(ClaimsEvent)
BLOCK = re.compile(r"```text\n(.*?)```", re.DOTALL)
PLANNING = ("plan_", "notice_", "measure_", "no_measure")
SURROUNDING = {key: value for key, value in os.environ.items() if not key.startswith("DETENTE_")}


def play(name: str, folder: Path, *, language: str = "en", **surrounding: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "detente", "rehearse", name, "--out", "rehearsal", "--language", language],
        cwd=folder, capture_output=True, text=True, timeout=800, check=False, env={**SURROUNDING, **surrounding},
    )  # fmt: skip


def line_events(folder: Path, party: str) -> list[LineEvent]:
    entries = proven_entries(folder / "rehearsal" / party / "journal.sqlite")
    return [LINE_EVENTS.decode(entry.body) for entry in entries if entry.kind == "line"]


def entries(folder: Path, party: str, kind: str) -> list[bytes]:
    journal = folder / "rehearsal" / party / "journal.sqlite"
    return [entry.body for entry in proven_entries(journal) if entry.kind == kind]


def acts(folder: Path, party: str) -> list[AccordAct]:
    return [msgspec.json.decode(body, type=AccordActed).act for body in entries(folder, party, AccordRoom.name)]


def sent(folder: Path, party: str, kinds: tuple[str, ...]) -> list[Envelope]:
    found = [read_envelope(body)[0] for body in entries(folder, party, SENT)]
    return [envelope for envelope in found if envelope.kind.startswith(kinds)]


def equal_transcripts(folder: Path, first: str, second: str) -> int:
    compared = compare_copies(*(Copy(folder / "rehearsal" / party).read() for party in (first, second)))
    assert compared.equal
    return compared.equal_envelopes


def bare(printed: str) -> list[str]:
    """What was printed, without what differs from one run to the next: times, figures that follow, keys, line ends."""
    text = " ".join(printed.replace("\\\n", " ").split())
    text = re.sub(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?Z|\d{4}-\d\d-\d\d", "DATE", text)
    text = re.sub(r"\b[0-9a-f]{12,64}\b", "HASH", text)
    text = re.sub(r"\b([0-9A-Z]{4}-){4}[0-9A-Z]{4}\b", "FINGERPRINT", text)
    text = re.sub(r"\d+\.\d+ s\b", "SECONDS", text)
    text = re.sub(r"\d+ messages|entry \d+", "COUNT", text)
    return re.split(r" \d\d:\d\d:\d\dZ ", text)


def check_page(name: str, printed: str) -> None:
    """The tutorial shows the command that was run, and what it printed but for times."""
    page = (PAGES / f"rehearsal-{name}.md").read_text(encoding="utf-8")
    command, transcript = BLOCK.findall(page)[:2]
    assert command.strip() == f"detente rehearse {name} --out rehearsal"
    assert bare(transcript) == bare(printed), "renew the page: .venv/bin/python tools/rehearsal_pages.py"


def test_the_twenty_seven_minutes(tmp_path: Path) -> None:
    done = play("twenty-seven-minutes", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    check_page("twenty-seven-minutes", done.stdout)
    alder, birch = line_events(tmp_path, "alder"), line_events(tmp_path, "birch")
    for events in (alder, birch):
        judged = [e.differences for e in events if isinstance(e, LineReadBackJudged)]
        assert len(judged) == 11
        assert all(judged[:-1]), "ten wrong read-backs, each caught"
        assert judged[-1] == (), "and the right one understood"
        assert [difference.name for difference in judged[0]] == ["where"]
        assert {taken.post for taken in events if isinstance(taken, LineMessageTaken) and taken.party == "alder"} == {
            "senior"
        }, "never the post that the caller knew"
    called = [(e.message_id, e.step) for e in alder if isinstance(e, LinePostsCalled) and e.party == "alder"]
    assert called[:2] == [("birch:1", 0), ("birch:1", 1)]
    assert next(step for message, step in called if message == "birch:2") == 2, "STOP: every post at once"
    screens = {
        e.receipt.post
        for e in birch
        if isinstance(e, LineReceiptGiven) and e.message_id == "birch:2" and e.receipt.kind == "displayed"
    }
    assert screens == {"watch", "senior", "command"}
    for party in ("alder", "birch"):
        assert any(isinstance(PICTURE_EVENTS.decode(body), PlanEnded) for body in entries(tmp_path, party, "event"))
    assert equal_transcripts(tmp_path, "alder", "birch") > 40


def test_suspended_yet_nobody_hit(tmp_path: Path) -> None:
    done = play("suspended", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    check_page("suspended", done.stdout)
    alder, birch = (acts(tmp_path, party) for party in ("alder", "birch"))
    (suspended,) = [act for act in alder if isinstance(act, AccordSuspended)]
    (resumed,) = [act for act in alder if isinstance(act, AccordResumed)]
    assert suspended in birch
    assert resumed in birch
    assert (suspended.party, suspended.by, bool(suspended.signature)) == ("birch", "authority", True)
    told = sent(tmp_path, "alder", PLANNING)
    meanwhile = [e.kind for e in told if suspended.at < e.sent_at < resumed.at]
    assert meanwhile == [], "planning stops"
    assert sorted(e.kind for e in told if e.sent_at > resumed.at) == ["plan_declared", "plan_withdrawn"]
    line = [e for e in line_events(tmp_path, "alder") if suspended.at < e.at < resumed.at]
    assert [e.post for e in line if isinstance(e, LineMessageTaken) and e.party == "alder"] == ["senior"]
    assert next(e.step for e in line if isinstance(e, LinePostsCalled) and e.party == "alder") == 2
    for party in ("alder", "birch"):
        claims = [CLAIMS_EVENTS.decode(body) for body in entries(tmp_path, party, "claims")]
        (reported,) = [e for e in claims if isinstance(e, IncidentReported)]
        assert suspended.at < reported.at < resumed.at
        assert [str(e.reply.reply) for e in claims if isinstance(e, IncidentReplied)] == [
            "under_investigation",
            "accept",
        ]
        assert [str(e.closing.closed_as) for e in claims if isinstance(e, IncidentClosed)] == ["settled"]
    assert equal_transcripts(tmp_path, "alder", "birch") > 20


def test_september_2015(tmp_path: Path) -> None:
    done = play("september-2015", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    check_page("september-2015", done.stdout)
    for party in ("alder", "birch"):
        acts_of = acts(tmp_path, party)
        assert [type(act) for act in acts_of] == [AccordProposed, AccordAuthorised, AccordAuthorised]
        assert [(act.party, act.by) for act in acts_of] == [
            ("alder", "envoy"), ("birch", "authority"), ("alder", "authority"),
        ]  # fmt: skip
        claims = [CLAIMS_EVENTS.decode(body) for body in entries(tmp_path, party, "claims")]
        asked = {e.request.request_id: e.request.party for e in claims if isinstance(e, RequestAsked)}
        assert asked == {"whose-1": "alder", "whose-2": "alder"}
        assert "whose-2" in [e.request_id for e in claims if isinstance(e, RequestOverdue)]
        answers = [(e.answer.request_id, str(e.answer.answer)) for e in claims if isinstance(e, RequestAnswered)]
        assert answers == [("whose-1", "ours"), ("whose-2", "refused")]
        assert len({e.review.sha256 for e in claims if isinstance(e, ReviewSaid)}) == 1
    assert equal_transcripts(tmp_path, "alder", "birch") > 10
    # The third party: its own journal holds nothing that came from anybody, and no word of what the others said.
    assert entries(tmp_path, "cedar", RECEIVED) == []
    cedar = b"".join(file.read_bytes() for file in (tmp_path / "rehearsal" / "cedar").rglob("*") if file.is_file())
    alder = b"".join(file.read_bytes() for file in (tmp_path / "rehearsal" / "alder").rglob("*") if file.is_file())
    for name in (b"transit-4", b"patrol-1", b"seen-2", b"whose-1", b"flight-safety"):
        assert name in alder
        assert name not in cedar


BLIND_AND_DEAF = """
import detente.line.decide_messages as messages
import detente.line.decide_receipts as receipts
import detente.rehearsal.stage as stage

stage.PATIENCE_S = 15.0  # for what never comes

receipts.differences = lambda *given: ()
messages.due = lambda *given: (0, 0)
"""


def test_nodes_that_check_no_read_back_and_call_no_next_post_fail_the_rehearsal(tmp_path: Path) -> None:
    """The claims are about what the nodes did: with these two faults in them the very same story does not hold."""
    (tmp_path / "sitecustomize.py").write_text(BLIND_AND_DEAF)
    done = play("twenty-seven-minutes", tmp_path, language="fr", PYTHONPATH=str(tmp_path))
    assert done.returncode == 3, done.stdout + done.stderr
    broken = [line for line in done.stdout.splitlines() if "NE TIENT PAS" in line]
    for words in ("9 km", "à l'est", "le poste suivant", "tous les postes"):
        assert any(words in line for line in broken), words
    assert "Traceback" not in done.stderr
    assert not any(e.differences for e in line_events(tmp_path, "alder") if isinstance(e, LineReadBackJudged))
    assert not any(e.step for e in line_events(tmp_path, "alder") if isinstance(e, LinePostsCalled))
