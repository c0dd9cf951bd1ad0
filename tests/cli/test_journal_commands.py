"""journal verify, show and export as a user runs them: exit codes, both languages, and hostile files."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as parquet
import pytest
from command_line import run_detente

import forked
from detente.link.card import make_card, write_card
from detente.record.journal import Journal
from detente.record.keys import NodeKey, spoken_fingerprint

AT = datetime(2025, 6, 1, 14, 30, 5, 250_000, tzinfo=UTC)


@pytest.fixture
def key() -> NodeKey:
    return NodeKey.generate()


@pytest.fixture
def entries(tmp_path, key):
    with Journal.open(tmp_path / "journal.sqlite", key) as journal:
        return [
            *journal.append([("event", '{"callsign":"Émile 5"}'.encode()), ("sent", b"\xff\x00" * 8)], AT),
            *journal.append([("event", b"\x1b[2Jtwo\nlines")], AT),
        ]


@pytest.fixture
def journal(tmp_path, entries) -> Path:
    """A copy of a stopped node's journal."""
    (tmp_path / "evidence").mkdir()
    return shutil.copyfile(tmp_path / "journal.sqlite", tmp_path / "evidence" / "copied.db")


def change(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(statement)


def head_of(entries, place=-1) -> str:
    return f"{entries[place].number}:{entries[place].hash.hex()}"


def refused(result) -> str:
    assert result.returncode == 2, result
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    [line] = result.stderr.splitlines()
    return line


def test_verify_says_what_is_proven_and_what_is_not_known(journal, key, entries):
    result = run_detente("journal", "verify", journal)
    assert result.returncode == 0
    assert "3 entries, 2 signed batches" in result.stdout
    assert f"head {head_of(entries)}" in result.stdout
    assert "SOUND" in result.stdout
    assert spoken_fingerprint(key.public) in result.stdout
    assert "--key" in result.stdout
    assert "--head" in result.stdout
    assert "-wal" in result.stdout


def test_verify_with_key_and_head_has_nothing_left_to_say(journal, key, entries, tmp_path):
    card = tmp_path / "card.json"
    card.write_bytes(write_card(make_card(key, "north", (), AT)))
    for given in (key.public.hex(), card):
        for place in (0, -1):
            result = run_detente("journal", "verify", journal, "--key", given, "--head", head_of(entries, place))
            assert result.returncode == 0
            assert len(result.stdout.splitlines()) == 4


def test_verify_speaks_french(journal, entries):
    result = run_detente("journal", "verify", journal, language="fr")
    assert "INTACT" in result.stdout
    change(journal, "UPDATE entry SET body = x'00' WHERE number = 2")
    result = run_detente("journal", "verify", journal, language="fr")
    assert result.returncode == 3
    assert "NON PROUVÉ : entrée 2 : son hachage" in result.stdout.replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("UPDATE entry SET body = x'00' WHERE number = 2", "entry 2: its hash"),
        ("DELETE FROM entry WHERE number = 1", "entry 1: is missing"),
        ("UPDATE entry SET signature = zeroblob(64) WHERE number = 2", "entries 1 to 2 (one batch): not signed"),
        ("UPDATE entry SET signature = zeroblob(64) WHERE number = 3", "entry 3: not signed"),
        ("INSERT INTO entry VALUES (4, 0, 'event', x'', zeroblob(32), NULL)", "entry 4: no signed head"),
        ("UPDATE journal SET journal_id = zeroblob(16)", "the genesis: not signed"),
    ],
)
def test_verify_names_the_first_bad_entry(journal, statement, named):
    change(journal, statement)
    result = run_detente("journal", "verify", journal)
    assert result.returncode == 3
    assert f"NOT PROVEN: {named}" in result.stdout
    assert "SOUND" not in result.stdout
    as_json = json.loads(run_detente("journal", "verify", journal, "--json").stdout)
    assert as_json["ok"] is False
    assert named in as_json["bad"]["sentence"]


def test_verify_holds_the_journal_against_key_and_head(journal, entries, tmp_path):
    result = run_detente("journal", "verify", journal, "--key", NodeKey.generate().public.hex())
    assert result.returncode == 3
    assert "the journal is of another key" in result.stdout
    change(journal, "DELETE FROM entry WHERE number = 3")
    assert run_detente("journal", "verify", journal).returncode == 0
    result = run_detente("journal", "verify", journal, "--head", head_of(entries))
    assert result.returncode == 3
    assert "entry 3: is missing, though the journal had reached entry 3" in result.stdout


def test_verify_as_json(journal, key, entries):
    result = run_detente("journal", "verify", journal, "--key", key.public.hex(), "--json")
    found = json.loads(result.stdout)
    assert found["ok"] is True
    assert found["head"] == {"number": 3, "hash": entries[-1].hash.hex()}
    assert (found["batches"], found["bad"], found["key_given"], found["head_given"]) == (2, None, True, False)


@pytest.mark.parametrize("head", ["", "3", "3:", "x:" + "0" * 64, "-1:" + "0" * 64, "3:" + "0" * 63, "3:" + "g" * 64])
def test_a_head_that_is_none_is_refused(journal, head):
    assert "--head" in refused(run_detente("journal", "verify", journal, "--head", head))


def test_a_key_that_is_none_is_refused(journal, tmp_path):
    (tmp_path / "card.json").write_text("{}")
    for given in ("0" * 64, "z" * 64, "00", tmp_path / "card.json", tmp_path / "none.json", tmp_path):
        refused(run_detente("journal", "verify", journal, "--key", given))
        refused(run_detente("journal", "export", journal, tmp_path / "out.jsonl", "--key", given))


def test_show_prints_entries_as_text_that_is_safe_for_a_terminal(journal):
    result = run_detente("journal", "show", journal)
    assert result.returncode == 0
    assert '{"callsign":"Émile 5"}' in result.stdout
    assert "2025-06-01T14:30:05.250000Z" in result.stdout
    assert "ff00ff00" in result.stdout
    assert "\\x1b[2Jtwo\n    lines" in result.stdout
    assert "\x1b" not in result.stdout
    assert result.stdout.count("signed head") == 2


def test_show_chooses_and_prints_json(journal, entries):
    shown = json.loads(run_detente("journal", "show", journal, "--json", "--kind", "EVENT").stdout)
    assert [entry["number"] for entry in shown] == [1, 3]
    assert shown[0]["hash"] == entries[0].hash.hex()
    shown = json.loads(run_detente("journal", "show", journal, "--first", 2, "--last", 2, "--json").stdout)
    assert [entry["number"] for entry in shown] == [2]
    assert json.loads(run_detente("journal", "show", journal, "--first", 9, "--json").stdout) == []
    assert run_detente("journal", "show", journal, "--quiet").stdout.split() == ["1", "2", "3"]
    assert run_detente("journal", "show", journal, "--first", 9).stdout == ""


def test_show_says_how_much_of_a_long_body_it_leaves_out(tmp_path):
    with Journal.open(tmp_path / "long.db", NodeKey.generate()) as journal:
        journal.append([("event", "é".encode() * 5000)], AT)
    output = run_detente("journal", "show", tmp_path / "long.db").stdout
    assert output.count("é") == 2000
    assert "6,000 more bytes not shown" in output


def test_show_marks_what_does_not_follow(journal):
    change(journal, "UPDATE entry SET body = 'changed' WHERE number = 2")
    result = run_detente("journal", "show", journal)
    assert result.returncode == 3
    assert [("NOT PROVEN" in line) for line in result.stdout.splitlines() if line.startswith("#")] == [
        False, True, False,
    ]  # fmt: skip
    shown = json.loads(run_detente("journal", "show", journal, "--json").stdout)
    assert [entry.get("follows", True) for entry in shown] == [True, False, True]


def test_export_writes_a_new_file_or_nothing(journal, tmp_path):
    for name in ("out.jsonl", "out.parquet"):
        result = run_detente("journal", "export", journal, tmp_path / name)
        assert result.returncode == 0
        assert "3 entries, each proven" in result.stdout
        assert "does not exist yet" in refused(run_detente("journal", "export", journal, tmp_path / name))
    assert len((tmp_path / "out.jsonl").read_bytes().splitlines()) == 4
    assert parquet.read_table(tmp_path / "out.parquet").num_rows == 3
    refused(run_detente("journal", "export", journal, tmp_path / "out.csv"))
    change(journal, "UPDATE entry SET kind = 'other' WHERE number = 2")
    result = run_detente("journal", "export", journal, tmp_path / "again.jsonl")
    assert result.returncode == 3
    assert "entry 2" in result.stderr
    assert "Nothing was written" in result.stderr
    assert not list(tmp_path.glob("again*"))


def test_a_nodes_directory_stands_for_its_journal(tmp_path, entries):
    assert run_detente("journal", "verify", tmp_path).returncode == 0
    assert "#3" in run_detente("journal", "show", tmp_path).stdout
    refused(run_detente("journal", "verify", tmp_path / "none"))


def hostile_files(directory: Path, sound: bytes):
    names = {
        "empty": b"",
        "text": b"hello\n" * 1000,
        "zeros": bytes(10_000),
        "random": os.urandom(10_000),
        "header": sound[:100],
        "half": sound[: len(sound) // 2],
        "other": b"PK\x03\x04" + bytes(3000),
        "scrambled schema": sound[:100] + os.urandom(3996) + sound[4096:],
    }
    for name, data in names.items():
        (directory / name).write_bytes(data)
        yield directory / name
    with closing(sqlite3.connect(directory / "schema")) as connection, connection:
        connection.execute("CREATE TABLE entry (number)")
    yield directory / "schema"
    with (directory / "huge").open("wb") as stream:
        stream.write(sound[:16])
        stream.truncate(2**42)
    yield directory / "huge"
    os.mkfifo(directory / "pipe")
    yield directory / "pipe"
    yield directory
    yield directory / "none"
    yield directory / ("n" * 300)
    yield Path("/dev/zero")


def test_no_hostile_file_gets_a_traceback(journal, tmp_path):
    directory = tmp_path / "hostile"
    directory.mkdir()
    for path in hostile_files(directory, journal.read_bytes()):
        for arguments in (("verify", path), ("show", path), ("export", path, tmp_path / "out.jsonl")):
            line = refused(run_detente("journal", *arguments))
            assert path.name[:20] in line
    assert not list(tmp_path.glob("out*"))


def test_the_real_command_exits_as_said(journal):
    def run(*arguments):
        return subprocess.run([forked.program(), *map(str, arguments)], capture_output=True, text=True, check=False)

    assert run("journal", "verify", journal).returncode == 0
    change(journal, "DELETE FROM entry WHERE number = 1")
    assert run("journal", "verify", journal).returncode == 3
    missing = run("journal", "verify", journal.with_name("none"))
    assert missing.returncode == 2
    assert "Traceback" not in missing.stderr
