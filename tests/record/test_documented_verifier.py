"""The verifier printed in docs/reference/journal.md, run as a stranger would: it needs nothing of ours."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from journal_cases import copy_journal, make_journal, rehash, tamper

from detente.record.storage import APPLICATION_ID, CREATE_ENTRY, CREATE_JOURNAL, PAGE_BYTES

PAGE = (Path(__file__).parents[2] / "docs/reference/journal.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def program(tmp_path_factory) -> Path:
    [code] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert "detente" not in re.sub(r"b\"detente journal 1 \w+\"", "", code), "it imports nothing of ours"
    path = tmp_path_factory.mktemp("stranger") / "verify.py"
    path.write_text(code)
    return path


def run(program: Path, journal: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, program, journal], capture_output=True, text=True, check=False)


def test_it_proves_a_sound_journal(program, tmp_path):
    entries = make_journal(tmp_path / "journal.db")
    result = run(program, tmp_path / "journal.db")
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[1] == f"proven 7:{entries[-1].hash.hex()}"


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE entry SET body = x'00' WHERE number = 4",
        "DELETE FROM entry WHERE number = 2",
        "UPDATE entry SET signature = NULL WHERE number = 3",
        "UPDATE journal SET created_at_us = 0",
        "INSERT INTO entry VALUES (8, 0, 'event', x'', zeroblob(32), NULL)",
    ],
)
def test_it_finds_what_was_changed(program, tmp_path, change):
    make_journal(tmp_path / "journal.db")
    path = copy_journal(tmp_path / "journal.db", tmp_path / "copy.db")
    tamper(path, change)
    assert run(program, path).returncode != 0
    if "body" in change:
        rehash(path, 4)
        assert run(program, path).returncode != 0


def test_the_page_says_what_the_program_makes():
    assert CREATE_JOURNAL in PAGE
    assert CREATE_ENTRY in PAGE
    assert f"0x{APPLICATION_ID:08X}" in PAGE
    assert f"page size is {PAGE_BYTES}" in PAGE
