"""Verification of live, crashed and copied journals, of hostile files, and against a head known from outside."""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
from contextlib import closing, suppress
from pathlib import Path

import pytest
from journal_cases import AT, copy_journal, directory_state, make_journal, rows_of, tamper

from detente.airspace.refusal import Refusal
from detente.record.display import stored_entries
from detente.record.journal import GroupCommit, Head, Journal
from detente.record.keys import NodeKey
from detente.record.storage import CREATE_ENTRY, CREATE_JOURNAL
from detente.record.verification import BadEntry, JournalFault, verify_journal


def test_a_sound_journal_says_how_far_it_is_proven(tmp_path):
    key = NodeKey.generate()
    entries = make_journal(tmp_path / "journal.db", key)
    found = verify_journal(tmp_path / "journal.db", key.public)
    assert found.ok
    assert found.bad is None
    assert found.head == (7, entries[-1].hash)
    assert (found.batches, found.unfinished_bytes) == (4, 0)
    assert (found.is_key_given, found.is_head_given) == (True, False)
    assert found.genesis.public_key == key.public


def test_an_empty_journal_is_proven_by_its_signed_genesis(tmp_path):
    path = tmp_path / "journal.db"
    with Journal.open(path, NodeKey.generate()) as journal:
        genesis = journal.genesis
    found = verify_journal(path, head=Head(0, genesis.hash))
    assert found.ok
    assert found.head == (0, genesis.hash)
    assert verify_journal(path, head=Head(0, bytes(32))).bad == BadEntry(
        0, 0, JournalFault.NOT_THE_KNOWN_HEAD, genesis.hash.hex()
    )


def test_a_head_from_outside_finds_what_was_cut_off(tmp_path):
    path = tmp_path / "journal.db"
    entries = make_journal(path)
    cut = copy_journal(path, tmp_path / "cut.db")
    tamper(cut, "DELETE FROM entry WHERE number > 3")
    known = Head(6, entries[5].hash)
    assert verify_journal(path, head=known).ok, "a head in the middle of it"
    assert verify_journal(cut).ok, "the file alone does not show it"
    bad = verify_journal(cut, head=known).bad
    assert (bad.number, bad.fault) == (4, JournalFault.ENDS_EARLY)
    assert verify_journal(path, head=Head(6, bytes(32))).bad.fault is JournalFault.NOT_THE_KNOWN_HEAD


def test_progress_is_told(tmp_path):
    path = tmp_path / "journal.db"
    with Journal.open(path, NodeKey.generate()) as journal:
        journal.append([("event", b"")] * 140_000, AT)
    seen: list[int] = []
    assert verify_journal(path, progress=seen.append).ok
    assert seen == [65_536, 131_072]


def test_a_running_nodes_journal_verifies_while_it_is_written(tmp_path):
    path = tmp_path / "journal.db"
    key = NodeKey.generate()
    stop = threading.Event()
    allowed = threading.Semaphore(0)
    with Journal.open(path, key) as journal, GroupCommit(journal) as commit:

        def write() -> None:
            while allowed.acquire() and not stop.is_set():
                commit.submit([("event", os.urandom(200))] * 20, AT).result()

        writer = threading.Thread(target=write)
        writer.start()
        numbers = []
        for _ in range(30):
            # So many batches while this look lasts: as fast as the disk lets it, the journal outgrows the looks.
            allowed.release(10)
            known = journal.head
            found = verify_journal(path, key.public, known)
            assert found.ok, found.bad
            numbers.append(found.head.number)
        stop.set()
        allowed.release()
        writer.join()
        assert numbers == sorted(numbers)
        assert numbers[-1] > numbers[0]
        last = journal.head
    assert verify_journal(path, key.public, last).ok


@pytest.fixture
def live(tmp_path):
    """A journal that is open, its last batches only in the write-ahead log."""
    directory = tmp_path / "live"
    directory.mkdir()
    with Journal.open(directory / "journal.db", NodeKey.generate()) as journal:
        for place in range(5):
            journal.append([("event", b"%d" % place)], AT)
        journal._writer.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        for place in range(5, 9):
            journal.append([("event", b"%d" % place)], AT)
        yield directory / "journal.db"


@pytest.mark.parametrize("with_log", [False, True])
@pytest.mark.parametrize("read_only", [False, True])
def test_a_copy_of_a_live_journal_verifies_and_nothing_is_changed_or_made(live, tmp_path, with_log, read_only):
    target = tmp_path / "copy"
    target.mkdir()
    shutil.copyfile(live, target / "copied.db")
    if with_log:
        shutil.copyfile(f"{live}-wal", target / "copied.db-wal")
    if read_only:
        target.chmod(0o555)
    before = directory_state(target)
    found = verify_journal(target / "copied.db")
    shown = list(stored_entries(target / "copied.db"))
    assert directory_state(target) == before
    target.chmod(0o755)
    assert found.ok
    assert found.may_lack_log is not with_log
    assert found.head.number == (9 if with_log else 5)
    assert [entry.number for entry in shown] == list(range(1, found.head.number + 1))


def test_verifying_a_live_journal_changes_neither_it_nor_its_log(live):
    before = {name: data for name, (data, _) in directory_state(live.parent).items() if not name.endswith("-shm")}
    assert verify_journal(live).head.number == 9
    after = {name: data for name, (data, _) in directory_state(live.parent).items() if not name.endswith("-shm")}
    assert after == before


@pytest.mark.parametrize("log", [b"", b"not a log", bytes(50_000), b"\x37\x7f\x06\x82" + bytes(28)])
def test_another_file_in_the_place_of_the_log_is_left_alone(tmp_path, log):
    path = copy_journal_of_seven(tmp_path)
    Path(f"{path}-wal").write_bytes(log)
    before = directory_state(tmp_path)
    found = verify_journal(path)
    assert found.head.number == 7
    assert found.ok
    assert directory_state(tmp_path) == before


def test_the_log_of_another_journal_is_not_taken_for_its_own(live, tmp_path):
    path = copy_journal_of_seven(tmp_path)
    shutil.copyfile(f"{live}-wal", f"{path}-wal")
    before = path.read_bytes(), Path(f"{path}-wal").read_bytes()
    with suppress(Refusal):
        assert not verify_journal(path).ok
    assert (path.read_bytes(), Path(f"{path}-wal").read_bytes()) == before
    assert len(list(tmp_path.glob("seven.db*"))) == 2


def copy_journal_of_seven(tmp_path) -> Path:
    (tmp_path / "made").mkdir()
    make_journal(tmp_path / "made" / "journal.db")
    path = copy_journal(tmp_path / "made" / "journal.db", tmp_path / "seven.db")
    shutil.rmtree(tmp_path / "made")
    return path


def database(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


MARKS = ("PRAGMA application_id = 1148478794", "PRAGMA user_version = 1")
GENESIS_ROW = "INSERT INTO journal VALUES (zeroblob(16), zeroblob(32), 0, zeroblob(64))"
OTHER_DATABASES = {
    "another database": ("CREATE TABLE t (x)",),
    "marks alone": MARKS,
    "a newer format": (MARKS[0], "PRAGMA user_version = 2", CREATE_JOURNAL, CREATE_ENTRY, GENESIS_ROW),
    "no genesis": (*MARKS, CREATE_JOURNAL, CREATE_ENTRY),
    "two geneses": (*MARKS, CREATE_JOURNAL, CREATE_ENTRY, GENESIS_ROW, GENESIS_ROW),
    "a genesis of other types": (*MARKS, CREATE_JOURNAL, CREATE_ENTRY, "INSERT INTO journal VALUES ('a', 'b', 'c', 1)"),
    "another table": (*MARKS, CREATE_JOURNAL, CREATE_ENTRY, GENESIS_ROW, "CREATE TABLE t (x)"),
    "a trigger": (
        *MARKS, CREATE_JOURNAL, CREATE_ENTRY, GENESIS_ROW,
        "CREATE TRIGGER t AFTER INSERT ON entry BEGIN DELETE FROM entry; END",
    ),
    "a view for the entries": (
        *MARKS, CREATE_JOURNAL, GENESIS_ROW,
        (
            "CREATE VIEW entry AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) "
            "SELECT x AS number, 0 AS at_us, 'event' AS kind, x'' AS body, x'' AS hash, x'' AS signature FROM n"
        ),
    ),
    "entries without a key": (*MARKS, CREATE_JOURNAL, GENESIS_ROW, "CREATE TABLE entry (number, kind, body)"),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHER_DATABASES)
def test_a_database_that_is_no_journal_is_refused(tmp_path, name):
    path = tmp_path / "other.db"
    database(path, *OTHER_DATABASES[name])
    before = directory_state(tmp_path)
    for read in (verify_journal, lambda file: list(stored_entries(file))):
        with pytest.raises(Refusal, match=r"expected"):
            read(path)
    assert directory_state(tmp_path) == before
    with pytest.raises(Refusal):
        Journal.open(path, NodeKey.generate())
    assert path.read_bytes() == before["other.db"][0]


FILES = {
    "empty": b"",
    "text": b"this is not a database\n" * 300,
    "zeros": bytes(20_000),
    "header alone": b"SQLite format 3\x00",
    "header and noise": b"SQLite format 3\x00" + bytes(range(256)) * 40,
    "gzip": b"\x1f\x8b" + bytes(5000),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_no_database_is_refused(tmp_path, name):
    path = tmp_path / "other.db"
    path.write_bytes(FILES[name])
    with pytest.raises(Refusal, match="a Détente journal"):
        verify_journal(path)
    assert [file.name for file in tmp_path.iterdir()] == ["other.db"]


def test_places_that_hold_no_file_are_refused(tmp_path):
    with pytest.raises(Refusal, match="No such file"):
        verify_journal(tmp_path / "none.db")
    with pytest.raises(Refusal, match="a directory"):
        verify_journal(tmp_path)
    with pytest.raises(Refusal, match="null"):
        verify_journal(tmp_path / "a\x00b")
    with pytest.raises(Refusal, match="File name too long"):
        verify_journal(tmp_path / ("x" * 300))
    with pytest.raises(Refusal, match="no regular file"):
        verify_journal(Path("/dev/zero"))
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(Refusal, match="no regular file"):
        verify_journal(tmp_path / "pipe")


@pytest.mark.parametrize("name", ["a journal?.db", "100%.db", "#1.db", "journal.db?mode=rw", "été.db", "a\udcff.db"])
def test_any_file_name_will_do(tmp_path, name):
    path = tmp_path / name
    make_journal(path)
    assert verify_journal(path).head.number == 7
    assert len(rows_of_any(path, tmp_path)) == 7


def rows_of_any(path: Path, tmp_path: Path) -> list[tuple]:
    shutil.copyfile(path, tmp_path / "plain.db")
    return rows_of(tmp_path / "plain.db")


def test_an_absurdly_large_sparse_file_is_refused_at_once(tmp_path):
    path = tmp_path / "huge.db"
    with path.open("wb") as stream:
        stream.truncate(2**40)
    with pytest.raises(Refusal, match="a Détente journal"):
        verify_journal(path)


def test_a_sound_journal_with_an_absurd_end_is_not_sound(tmp_path):
    path = copy_journal_of_seven(tmp_path)
    with path.open("r+b") as stream:
        stream.truncate(2**33)
    found = verify_journal(path)
    assert found.head.number == 7


def test_steering_signs_in_a_hostile_file_do_not_reach_the_terminal(tmp_path):
    path = copy_journal_of_seven(tmp_path)
    tamper(path, "UPDATE entry SET kind = CAST(x'1b5b324a41ff' AS TEXT), body = x'1b5d303b61070a' WHERE number = 2")
    sentence = str(verify_journal(path).bad)
    assert "\x1b" not in sentence
    shown = list(stored_entries(path))[1]
    assert not shown.follows
    assert "\x1b" not in shown.body_text(100) + shown.json()


def test_display_shows_damaged_rows_as_they_are(tmp_path):
    path = copy_journal_of_seven(tmp_path)
    tamper(
        path,
        "DELETE FROM entry WHERE number = 3",
        "UPDATE entry SET body = 'text' WHERE number = 5",
        "UPDATE entry SET at_us = 9223372036854775807, kind = x'00ff' WHERE number = 6",
    )
    shown = list(stored_entries(path))
    assert [(entry.number, entry.follows) for entry in shown] == [
        (1, True), (2, True), (4, False), (5, False), (6, False), (7, True),
    ]  # fmt: skip
    assert shown[3].body == b"text"
    assert shown[4].at_text == "9223372036854775807 us"
    assert [entry.number for entry in stored_entries(path, 2, 5)] == [2, 4, 5]
    assert [entry.number for entry in stored_entries(path, 7)] == [7]
    assert list(stored_entries(path, 99)) == []
    assert list(stored_entries(path, 5, 2)) == []
    assert len(list(stored_entries(path, -(2**70), 2**70))) == 6
