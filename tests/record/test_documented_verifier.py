"""The verifier printed in docs/reference/journal.md, run as a stranger would: it needs nothing of ours."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from journal_cases import copy_journal, make_journal, rehash, tamper

from detente.airspace.refusal import Refusal
from detente.record.journal import Journal
from detente.record.keys import NodeKey, SuccessorKey
from detente.record.rotation import KEY_ROTATED, prepare_rotation, sign_rotation
from detente.record.segments import segment_file, write_segments
from detente.record.storage import APPLICATION_ID, CREATE_ENTRY, CREATE_JOURNAL, CREATE_SEGMENT, PAGE_BYTES
from detente.record.verification import JournalFault, verify_journal

AT = datetime(2025, 6, 1, 12, tzinfo=UTC)
PAGE = (Path(__file__).parents[2] / "docs/reference/journal.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def program(tmp_path_factory) -> Path:
    [code] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert "detente" not in re.sub(r'b"detente[^"]*"', "", code), "it imports nothing of ours"
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


def test_it_proves_a_journal_with_closed_segments_and_each_of_them(program, tmp_path):
    key = NodeKey.generate()
    entries = make_journal(tmp_path / "journal.db", key)
    with Journal.open(tmp_path / "journal.db", key) as journal:
        journal.close_segments(write_segments(journal.path, 6, 2))
        segments = journal.segments
    for path, head in ((tmp_path / "journal.db", 7), *((segment_file(journal.path, s), s.last) for s in segments)):
        result = run(program, path)
        assert result.returncode == 0, result.stderr
        assert result.stdout.splitlines()[1] == f"proven {head}:{entries[head - 1].hash.hex()}"
    tamper(tmp_path / "journal.db", "UPDATE segment SET hash = zeroblob(32) WHERE first > 1")
    assert run(program, tmp_path / "journal.db").returncode != 0


def test_the_page_says_what_the_program_makes():
    assert CREATE_JOURNAL in PAGE
    assert CREATE_ENTRY in PAGE
    assert CREATE_SEGMENT in PAGE
    assert f"0x{APPLICATION_ID:08X}" in PAGE
    assert f"page size is {PAGE_BYTES}" in PAGE


@pytest.mark.parametrize("signer", ["own key", "stranger"])
def test_it_follows_rotations_and_finds_one_that_the_key_did_not_sign(program, tmp_path, signer):
    path, key = tmp_path / "journal.db", NodeKey.generate()
    first = key.public
    with Journal.open(path, key) as journal:
        journal.append([("event", b"one")], AT)
        for _ in range(2):
            new = NodeKey.generate()
            text = prepare_rotation(key, new, b"certificate", AT).text
            if signer == "stranger":
                stranger = NodeKey.generate()
                stranger.descend_from(key.first, ())
                text = sign_rotation(stranger, new, b"certificate", AT).text
            key.successor = SuccessorKey(new, text)
            journal.append([("event", b"two"), (KEY_ROTATED, text.encode()), ("event", b"three")], AT)
    result, found = run(program, path), verify_journal(path, first)
    if signer == "own key":
        assert (result.returncode, found.bad, found.signer) == (0, None, key.public), result.stderr
        with Journal.open(path, key) as journal:
            assert key.first == journal.genesis.public_key == first
    else:
        assert result.returncode != 0
        assert (found.bad.number, found.bad.fault) == (3, JournalFault.FALSE_ROTATION)
        assert found.head.number == 1
        with pytest.raises(Refusal) as refused:
            Journal.open(path, key)
        assert refused.value.code == "record.journal_written"


def test_it_follows_rotations_through_closed_segments(program, tmp_path):
    path, key = tmp_path / "journal.db", NodeKey.generate()
    with Journal.open(path, key) as journal:
        for _ in range(3):
            journal.append([("event", b"one")], AT)
            text = prepare_rotation(key, NodeKey.generate(), b"certificate", AT).text
            journal.append([("event", b"two"), (KEY_ROTATED, text.encode()), ("event", b"three")], AT)
        journal.close_segments(write_segments(path, journal.head.number, 4))
        journal.append([("event", b"after")], AT)
        while journal.remove_closed():
            pass
        segments = journal.segments
    assert len(segments) > 2
    for file in (path, *(segment_file(path, segment) for segment in segments)):
        result = run(program, file)
        assert result.returncode == 0, result.stderr
    tamper(path, "UPDATE segment SET rotations = x'' WHERE first = 1")
    assert run(program, path).returncode != 0
