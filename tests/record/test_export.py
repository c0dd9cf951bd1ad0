from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys
from datetime import datetime

import pyarrow.parquet as parquet
import pytest
from journal_cases import AT, copy_journal, directory_state, make_journal, rows_of, tamper

from detente.airspace.refusal import Refusal
from detente.record.export import export_journal
from detente.record.journal import Journal
from detente.record.keys import NodeKey, verify


def fields(*parts: bytes) -> bytes:
    return b"".join(len(part).to_bytes(8, "big") + part for part in parts)


def prove_lines(lines: list[dict]) -> int:
    """Prove an export by what docs/reference/journal.md says, and return how many entries it holds."""
    genesis, *entries = lines
    public = bytes.fromhex(genesis["public_key"])

    def microseconds(text: str) -> bytes:
        moment = datetime.fromisoformat(text)
        return (round(moment.replace(microsecond=0).timestamp()) * 10**6 + moment.microsecond).to_bytes(8, "big")

    digest = hashlib.sha256(
        fields(
            b"detente journal 1 genesis", bytes.fromhex(genesis["journal_id"]), public,
            microseconds(genesis["created_at"]),
        )
    ).digest()  # fmt: skip
    assert genesis["hash"] == digest.hex()
    first = 1
    for number, entry in enumerate(entries, start=1):
        body = entry["text"].encode() if "text" in entry else base64.b64decode(entry["base64"])
        numbers = number.to_bytes(8, "big"), microseconds(entry["at"])
        digest = hashlib.sha256(
            fields(b"detente journal 1 entry", digest, *numbers, entry["kind"].encode(), body)
        ).digest()
        assert (entry["number"], entry["hash"]) == (number, digest.hex())
        if "signature" in entry:
            head = fields(b"detente journal 1 head", first.to_bytes(8, "big"), number.to_bytes(8, "big"), digest)
            assert verify(public, bytes.fromhex(entry["signature"]), head)
            first = number + 1
    assert first == len(entries) + 1
    return len(entries)


BATCHES = (
    [("event", '{"flight": "AF 447 é \u2028"}'.encode()), ("sent", bytes(range(256)))],
    [("event", b""), ("event", b"\xed\xa0\x80 no UTF-8"), ("event", b"line\nline\x00\x1b")],
)


def test_lines_of_json_hold_the_whole_proof(tmp_path):
    make_journal(tmp_path / "journal.db", batches=BATCHES)
    found = export_journal(tmp_path / "journal.db", tmp_path / "out.jsonl")
    assert found.ok
    text = (tmp_path / "out.jsonl").read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.removesuffix("\n").split("\n")]
    assert prove_lines(lines) == 5
    assert ["text" in line for line in lines[1:]] == [True, False, True, False, True]
    assert not (tmp_path / "out.jsonl.part").exists()


def test_parquet_holds_the_same(tmp_path):
    make_journal(tmp_path / "journal.db", batches=BATCHES)
    assert export_journal(tmp_path / "journal.db", tmp_path / "out.parquet").ok
    with parquet.ParquetFile(tmp_path / "out.parquet") as file:
        table = file.read()
    rows = rows_of(tmp_path / "journal.db")
    assert table.column("number").to_pylist() == [row[0] for row in rows]
    assert table.column("at").cast("int64").to_pylist() == [row[1] for row in rows]
    for place, name in enumerate(("kind", "body", "hash", "signature"), start=2):
        assert table.column(name).to_pylist() == [row[place] for row in rows]
    assert table.schema.metadata[b"format"] == b"detente-journal-1"
    assert len(table.schema.metadata[b"public_key"]) == 64


@pytest.mark.parametrize("name", ["out.jsonl", "out.parquet"])
def test_an_empty_journal_exports(tmp_path, name):
    make_journal(tmp_path / "journal.db", batches=())
    assert export_journal(tmp_path / "journal.db", tmp_path / name).ok
    assert (tmp_path / name).stat().st_size > 0


@pytest.mark.parametrize("name", ["out.jsonl", "out.parquet"])
@pytest.mark.parametrize(
    "change",
    [
        "UPDATE entry SET body = x'00' WHERE number = 4",
        "INSERT INTO entry VALUES (8, 0, 'event', x'', zeroblob(32), NULL)",
        "UPDATE journal SET created_at_us = 0",
    ],
)
def test_a_journal_that_is_not_proven_is_not_exported(tmp_path, name, change):
    make_journal(tmp_path / "journal.db")
    path = copy_journal(tmp_path / "journal.db", tmp_path / "copy.db")
    tamper(path, change)
    before = directory_state(tmp_path)
    assert not export_journal(path, tmp_path / name).ok
    assert directory_state(tmp_path) == before


def test_places_that_cannot_be_written_are_refused(tmp_path):
    path = tmp_path / "journal.db"
    make_journal(path)
    (tmp_path / "there.jsonl").write_text("precious")
    before = directory_state(tmp_path)
    for out, complaint in (
        (tmp_path / "there.jsonl", "does not exist yet"),
        (tmp_path / "out.csv", r"\.jsonl or \.parquet"),
        (path, "ends in"),
        (tmp_path / "none" / "out.jsonl", "No such file"),
    ):
        with pytest.raises(Refusal, match=complaint):
            export_journal(path, out)
    with pytest.raises(Refusal, match="a Détente journal"):
        export_journal(tmp_path / "there.jsonl", tmp_path / "out.jsonl")
    assert directory_state(tmp_path) == before


def test_parquet_without_pyarrow_is_refused_with_the_mend(tmp_path):
    make_journal(tmp_path / "journal.db")
    program = (
        "import sys; sys.modules['pyarrow'] = None\n"
        "from detente.airspace.refusal import Refusal; from detente.record.export import export_journal\n"
        "try: export_journal(sys.argv[1], sys.argv[2])\n"
        "except Refusal as refusal: print(refusal)"
    )
    command = [sys.executable, "-c", program, tmp_path / "journal.db", tmp_path / "out.parquet"]
    assert "detente[parquet]" in subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert not list(tmp_path.glob("out.*"))


def test_a_long_journal_exports_in_several_row_groups(tmp_path):
    path = tmp_path / "journal.db"
    with Journal.open(path, NodeKey.generate()) as journal:
        journal.append([("event", b"x" * 10)] * 70_000, AT)
    assert export_journal(path, tmp_path / "out.parquet").ok
    with parquet.ParquetFile(tmp_path / "out.parquet") as file:
        assert file.num_row_groups == 2
        assert file.metadata.num_rows == 70_000
