"""`detente notice`, `observe`, `ask`, `answer`, `incident`, `statement`, `deviation`, `review`: what is typed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from parties import TODAY, Party, two_parties

from detente.claims.review import read_review

WINDOW = f"{TODAY:%Y-%m-%dT%H:%MZ}/{TODAY + timedelta(hours=3):%Y-%m-%dT%H:%MZ}"
WHERE = ("--centre", "34,20", "--radius", "9km", "--heights", "3000..4000m MSL", "--window", WINDOW)
SEEN = ("--radius", "300m", "--height", "11500ft MSL", "--height-within", "100ft", "--time-within", "5s",
        "--time", f"{TODAY + timedelta(hours=1):%Y-%m-%dT%H:%MZ}")  # fmt: skip


@pytest.fixture(scope="module")
def parties(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Party, Party]]:
    with two_parties(tmp_path_factory.mktemp("claims-cli")) as pair:
        yield pair


def typed(party: Party, *words: str, language: str = "en", code: int = 0) -> str:
    done = party.cli(*words, language=language)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout if code == 0 else done.stderr


def test_a_bare_coordinate_is_refused_before_anything_is_asked(tmp_path: Path) -> None:
    """R17: there is no notice without a meaning, and no area without heights and times."""
    party = Party(tmp_path / "alone", "alone", 1)
    for words, said in (
        (WHERE, "--meaning"), (("--meaning", "keep_out", "--centre", "34,20"), "--radius"),
        (("--meaning", "nothing_of_ours_here"), "Say where and when"),
    ):  # fmt: skip
        error = typed(party, "notice", "give", "n1", *words, code=2)
        assert said in error
        assert error.count("\n") == 1


@pytest.mark.long
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("notice", "give", "n1", "--meaning", "keep_out", *WHERE, "--others", "unknown"), "others"),
        (("ask", "--peer", "south"), "an observation or an area and time"),
        (("ask", "--peer", "south", "--observation", "none"), "an observation of ours"),
        (("answer", "none", "ours", "--peer", "south"), "request_id"),
        (("incident", "report", "bombing", "--peer", "south", "--evidence", "a" * 64, *WHERE), "incident_class"),
        (("incident", "report", "laser", "--peer", "south", "--evidence", "/no/file", *WHERE), "No such file"),
        (("statement", "say", "--peer", "south", "--words", "Words."), "free_text"),
        (("review", "--peer", "south", "--window", "2025-06-01"), "--period week or year"),
    ],
)  # fmt: skip
def test_what_is_typed_wrong_is_one_line_and_exit_code_2(
    parties: tuple[Party, Party], words: tuple[str, ...], said: str
) -> None:
    error = typed(parties[0], *words, code=2)
    assert said in error
    assert error.count("\n") == 1


@pytest.mark.long
def test_a_whole_matter_on_two_terminals(parties: tuple[Party, Party], tmp_path: Path) -> None:
    north, south = parties
    tape = tmp_path / "tape"
    tape.write_bytes(b"radar")
    digest = hashlib.sha256(b"radar").hexdigest()
    typed(north, "notice", "give", "border", "--meaning", "keep_out", *WHERE)
    south.until(lambda: "border" in typed(south, "notice", "list", language="fr"), "the notice arrives")
    assert "restez dehors" in typed(south, "notice", "list", language="fr")
    seen = typed(north, "observe", "--id", "o1", "--centre", "34.01,20.01", *SEEN, "--evidence", str(tape))
    assert "UNDECLARED" in seen
    asked = typed(north, "ask", "--peer", "south", "--id", "r1", "--observation", "o1")
    assert "due by" in asked
    south.until(lambda: "r1" in typed(south, "request", "list", "--waiting"), "the request arrives")
    typed(south, "answer", "r1", "not_under_our_control", "--peer", "north")
    north.until(lambda: "not under our control" in typed(north, "request", "list"), "the answer arrives")
    shown = typed(north, "observation", "list", "--undeclared")
    assert "north border: north inside, south inside" in " ".join(shown.split())
    typed(north, "incident", "report", "airspace_intrusion", "--peer", "south", "--evidence", str(tape), "--id", "i1",
          *WHERE, "--observation", "o1", "--action", "explain")  # fmt: skip
    south.until(lambda: "i1" in typed(south, "incident", "list", "--waiting"), "the incident arrives")
    later = f"{TODAY + timedelta(days=5):%Y-%m-%dT%H:%MZ}"
    typed(south, "incident", "reply", "i1", "under_investigation", "--due", later, "--peer", "north")
    typed(south, "incident", "reply", "i1", "cannot_tell", "--peer", "north", "--class", "late_notice")
    typed(south, "statement", "say", "--peer", "north", "--on", "i1", "--owner", "north", "--evidence", digest)
    north.until(
        lambda: "Statements" in typed(north, "incident", "show", "i1", "--owner", "north"), "the statement arrives"
    )
    for party, language, words in (
        (north, "en", ("airspace", "cannot tell", digest[:20])), (south, "fr", ("intrusion", "ne peut dire", "signée")),
    ):  # fmt: skip
        shown = typed(party, "incident", "show", "i1", "--owner", "north", language=language)
        assert all(word in shown for word in words), shown
    typed(north, "incident", "close", "i1", "settled", "--peer", "south")
    typed(north, "deviation", "report", "--time", f"{TODAY:%Y-%m-%dT%H:%MZ}", "--id", "d1", *WHERE)
    south.until(lambda: "LATE by" in typed(south, "deviation", "list"), "the deviation arrives")
    typed(north, "deviation", "over", "d1")
    days = ("--window", f"{TODAY - timedelta(days=6):%Y-%m-%d}/{TODAY + timedelta(days=1):%Y-%m-%d}")
    out = tmp_path / "review.json"
    table = typed(north, "review", "--peer", "south", *days, "--out", str(out))
    assert "EQUAL" in table
    assert "requests asked: answered in time" in table
    counts = read_review(out.read_text()).parties["north"]
    assert (counts.crossings_claimed, counts.crossings_confirmed) == (1, 1)
    assert hashlib.sha256(out.read_bytes()).hexdigest() in table
    assert "ÉGAL" in typed(south, "review", "--peer", "north", *days, language="fr")
