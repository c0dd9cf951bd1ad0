"""The command around the rehearsals: what it refuses, and that nothing it says lacks its words."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

import forked
from detente.airspace.refusal import Refusal
from detente.language import Language
from detente.rehearsal.actor import Actor
from detente.rehearsal.names import REHEARSALS
from detente.rehearsal.stage import REHEARSAL_MARKER, CommentaryLine, Stage, fresh_directory
from texts import texts

ROOM = Path(__file__).resolve().parents[2] / "src" / "detente" / "rehearsal"


def detente(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([forked.program(), *arguments], capture_output=True, text=True, timeout=120, check=False)


def test_the_list_says_what_each_is_in_both_languages() -> None:
    said = {language: detente("rehearse", "--list", "--language", language).stdout for language in ("en", "fr")}
    assert said["en"] != said["fr"]
    for text in said.values():
        assert [line.split()[0] for line in text.splitlines()] == list(REHEARSALS)


def test_an_unknown_rehearsal_and_a_foreign_directory_are_refused(tmp_path: Path) -> None:
    for arguments in (("rehearse",), ("rehearse", "yalta")):
        done = detente(*arguments)
        assert done.returncode == 2
        assert "twenty-seven-minutes" in done.stderr
    (tmp_path / "thesis.tex").write_text("three years of work")
    done = detente("rehearse", "twenty-seven-minutes", "--out", str(tmp_path))
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert (tmp_path / "thesis.tex").read_text() == "three years of work"
    with pytest.raises(Refusal, match="can be written"):
        fresh_directory(tmp_path / "thesis.tex" / "out", REHEARSAL_MARKER)


def test_an_earlier_rehearsal_is_replaced(tmp_path: Path) -> None:
    fresh_directory(tmp_path / "out", REHEARSAL_MARKER)
    (tmp_path / "out" / "journal").write_text("")
    fresh_directory(tmp_path / "out", REHEARSAL_MARKER)
    assert [path.name for path in (tmp_path / "out").iterdir()] == [REHEARSAL_MARKER]


def test_a_claim_that_does_not_hold_is_remembered_and_no_claims_is_no_success(tmp_path: Path) -> None:
    shown: list[CommentaryLine] = []
    stage = Stage(tmp_path, Language.ENGLISH, shown.append)
    held = [stage.holds]
    for found in ([1], [], "yes"):
        assert stage.claim("rehearse.claim.live", found) == bool(found)
        held.append(stage.holds)
    assert held == [False, True, False, False]
    assert [line.holds for line in shown] == [True, False, True]
    assert stage.until(lambda: False, patience_s=0.0) is False


def test_what_ought_to_be_refused_and_is_not_is_a_broken_claim(tmp_path: Path) -> None:
    shown: list[CommentaryLine] = []
    stage, alder = Stage(tmp_path, Language.ENGLISH, shown.append), Actor("alder", tmp_path / "alder")
    stage.types(alder, "watch", "rehearse", "yalta", refused=True, node=False)
    assert stage.claims == []
    assert [line.text.startswith("detente: NAME: 'yalta'") for line in shown] == [False, True]
    stage.types(alder, "watch", "rehearse", "--list", refused=True, node=False)
    assert [claim.holds for claim in stage.claims] == [False]
    with pytest.raises(Refusal, match="exit code 2"):
        stage.types(alder, "watch", "rehearse", "yalta", node=False)


def test_every_text_of_the_rehearsals_exists_and_is_used() -> None:
    """Nothing is looked up that is not there, and no text is left that nobody says."""
    asked = set()
    for path in ROOM.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith("rehearse."):
                asked.add(node.value)
    known = {key for key in texts(Language.ENGLISH) if key.startswith("rehearse.")}
    begun = tuple(key for key in asked if key.endswith("."))
    missing = {key for key in asked - known if key not in begun}
    assert not missing, f"write these in rehearsal.en.toml and rehearsal.fr.toml: {sorted(missing)}"
    about = re.compile(r"rehearse\.(about|end|fails)")
    idle = {key for key in known - asked if not about.match(key) and not key.startswith(begun)}
    assert not idle, f"nobody says these: {sorted(idle)}"
