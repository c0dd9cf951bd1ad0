from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from datetime import datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from journal_cases import AT, make_journal, rows_of

from detente.airspace.refusal import Refusal
from detente.record.chain import MAX_ENTRY_BODY_BYTES, entry_hash, kind_field
from detente.record.journal import Entry, Head, Journal, JournalStoppedError
from detente.record.keys import NodeKey
from detente.record.rotation import KEY_ROTATED, prepare_rotation
from detente.record.verification import verify_journal

KINDS = st.sampled_from(["event", "sent", "received"])
BATCHES = st.lists(
    st.tuples(st.lists(st.tuples(KINDS, st.binary(max_size=300)), max_size=5), st.datetimes(timezones=st.none())),
    max_size=6,
)


@given(BATCHES, st.integers(1, 30), st.sampled_from([None, "event", "sent"]))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_appended_is_read_back_also_after_opening_anew(tmp_path_factory, batches, first, kind):
    path = tmp_path_factory.mktemp("journal") / "journal.db"
    key = NodeKey.generate()
    written: list[Entry] = []
    with Journal.open(path, key) as journal:
        for contents, moment in batches:
            at = moment.replace(tzinfo=timezone(timedelta(hours=2)))
            if at.year in (1, 9999):
                at = at.replace(year=2000)
            appended = journal.append(contents, at)
            assert [(entry.kind, entry.body, entry.at) for entry in appended] == [(*pair, at) for pair in contents]
            written += appended
        assert list(journal.read()) == written
    expected = [entry for entry in written if entry.number >= first and kind in (None, entry.kind)]
    with Journal.open(path, key) as journal:
        assert list(journal.read(first, kind)) == expected
        assert journal.head == ((written[-1].number, written[-1].hash) if written else (0, journal.genesis.hash))
        assert journal.report.sentence == ""
    assert [entry.number for entry in written] == list(range(1, len(written) + 1))


def test_entries_are_chained_to_each_other_and_to_the_journal(tmp_path):
    key = NodeKey.generate()
    first = make_journal(tmp_path / "first.db", key)
    second = make_journal(tmp_path / "second.db", key)
    assert all(a.hash != b.hash for a, b in zip(first, second, strict=True)), "another journal is another chain"
    for before, entry in pairwise(first):
        at_us = rows_of(tmp_path / "first.db")[entry.number - 1][1]
        assert entry.hash == entry_hash(before.hash, entry.number, at_us, kind_field(entry.kind), entry.body)


def test_times_are_kept_to_the_microsecond_in_utc(tmp_path):
    with Journal.open(tmp_path / "journal.db", NodeKey.generate()) as journal:
        at = datetime(2025, 6, 1, 16, 30, 0, 1, tzinfo=timezone(timedelta(hours=2)))
        journal.append([("event", b"")], at)
        [entry] = journal.read()
    assert entry.at == at
    assert entry.at.isoformat() == "2025-06-01T14:30:00.000001+00:00"


def test_what_cannot_be_recorded_is_refused_and_nothing_of_it_is_appended(tmp_path):
    with Journal.open(tmp_path / "journal.db", NodeKey.generate()) as journal:
        good = ("event", b"good")
        for bad, complaint in (
            (("Event", b""), "kind"),
            (("event", "text"), "bytes"),
            (("event", bytearray(b"x")), "bytes"),
            (("event", bytes(MAX_ENTRY_BODY_BYTES + 1)), "at most"),
        ):
            with pytest.raises(Refusal, match=complaint):
                journal.append([good, bad], AT)
        with pytest.raises(Refusal, match="offset from UTC"):
            journal.append([good], AT.replace(tzinfo=None))
        assert journal.head.number == 0
        assert [entry.number for entry in journal.append([good], AT)] == [1]


def test_the_largest_body_is_recorded_read_and_verified(tmp_path):
    path = tmp_path / "journal.db"
    body = bytes(MAX_ENTRY_BODY_BYTES)
    key = NodeKey.generate()
    with Journal.open(path, key) as journal:
        journal.append([("event", body), ("event", b"small")], AT)
        assert [entry.body for entry in journal.read()] == [body, b"small"]
    assert verify_journal(path, key.public).ok


def test_appending_nothing_is_no_batch(tmp_path):
    with Journal.open(tmp_path / "journal.db", NodeKey.generate()) as journal:
        assert journal.append([], AT) == []
        assert journal.head == Head(0, journal.genesis.hash)


def test_a_dropped_iterator_and_a_read_beside_appending_see_whole_entries(tmp_path):
    with Journal.open(tmp_path / "journal.db", NodeKey.generate()) as journal:
        journal.append([("event", bytes(2000))] * 500, AT)
        iterator = journal.read()
        assert next(iterator).number == 1
        journal.append([("event", b"later")], AT)
        assert [entry.number for entry in iterator] == list(range(2, 501)), "up to the head when it began"
        for number in (1, 250, 501):
            assert next(journal.read(first=number)).number == number
        assert next(journal.read(first=502), None) is None


def test_readers_in_many_threads_see_a_growing_prefix(tmp_path):
    complaints: list[str] = []
    with Journal.open(tmp_path / "journal.db", NodeKey.generate()) as journal:

        def read() -> None:
            seen = 0
            while seen < 300:
                numbers = [entry.number for entry in journal.read()]
                if numbers != list(range(1, len(numbers) + 1)) or len(numbers) < seen:
                    complaints.append(f"{seen} then {numbers[-3:]}")
                seen = len(numbers)

        threads = [threading.Thread(target=read) for _ in range(4)]
        for thread in threads:
            thread.start()
        for _ in range(100):
            journal.append([("event", b"x" * 50)] * 3, AT)
        for thread in threads:
            thread.join()
    assert not complaints


def test_a_second_writer_is_refused_in_this_process_and_in_another(tmp_path):
    path = tmp_path / "journal.db"
    key = NodeKey.generate()
    key.save(tmp_path / "node.key")
    program = (
        "import sys; from detente.record.journal import Journal; from detente.record.keys import NodeKey\n"
        "Journal.open(sys.argv[1], NodeKey.load(sys.argv[2])).close()"
    )
    command = [sys.executable, "-c", program, path, tmp_path / "node.key"]
    with Journal.open(path, key) as journal:
        journal.append([("event", b"x")], AT)
        with pytest.raises(Refusal, match=r"written by process \d+"):
            Journal.open(path, key)
        other = subprocess.run(command, capture_output=True, text=True, check=False)
        assert other.returncode != 0
        assert "A journal has one writer" in other.stderr
        link = tmp_path / "link.db"
        link.symlink_to(path)
        with pytest.raises(Refusal, match="one writer"):
            Journal.open(link, key)
        journal.append([("event", b"still mine")], AT)
    subprocess.run(command, check=True)


def test_a_closed_journal_takes_nothing_more_and_closes_twice(tmp_path):
    journal = Journal.open(tmp_path / "journal.db", NodeKey.generate())
    journal.append([("event", b"x")], AT)
    journal.close()
    journal.close()
    with pytest.raises(JournalStoppedError, match="closed"):
        journal.append([("event", b"y")], AT)
    with pytest.raises(JournalStoppedError, match="closed"):
        next(journal.read())


def test_a_closed_journal_is_one_whole_file(tmp_path):
    make_journal(tmp_path / "journal.db")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["journal.db", "journal.db.head", "journal.db.lock"]


def test_another_nodes_journal_is_refused(tmp_path):
    make_journal(tmp_path / "journal.db")
    with pytest.raises(Refusal, match="this node's key"):
        Journal.open(tmp_path / "journal.db", NodeKey.generate())


def test_a_place_that_cannot_be_is_refused(tmp_path):
    with pytest.raises(Refusal, match="directory that exists"):
        Journal.open(tmp_path / "none" / "journal.db", NodeKey.generate())
    (tmp_path / "directory.db").mkdir()
    with pytest.raises(Refusal, match="directory"):
        Journal.open(tmp_path / "directory.db", NodeKey.generate())
    (tmp_path / "journal.db-wal").write_bytes(b"the newest batches")
    with pytest.raises(Refusal, match="put the journal back"):
        Journal.open(tmp_path / "journal.db", NodeKey.generate())


def test_a_journal_that_was_emptied_is_not_begun_anew(tmp_path):
    path = tmp_path / "journal.db"
    key = NodeKey.generate()
    make_journal(path, key)
    path.write_bytes(b"")
    with pytest.raises(Refusal, match="an empty file"):
        Journal.open(path, key)
    assert path.read_bytes() == b""


def test_the_leftovers_of_a_creation_that_was_cut_short_do_no_harm(tmp_path):
    (tmp_path / "journal.db.new").write_bytes(b"half a database")
    (tmp_path / "journal.db.new-journal").write_bytes(b"half a rollback")
    entries = make_journal(tmp_path / "journal.db")
    assert len(entries) == 7
    assert sorted(file.name for file in tmp_path.iterdir()) == ["journal.db", "journal.db.head", "journal.db.lock"]


def test_every_commit_is_durable_before_it_is_acknowledged(tmp_path):
    with Journal.open(tmp_path / "journal.db", NodeKey.generate()) as journal:
        writer = journal._writer
        assert writer.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert writer.execute("PRAGMA synchronous").fetchone() == (2,), "FULL"


DISK_FULL = """
import resource, sys
from datetime import UTC, datetime
from detente.record.journal import Journal, JournalStoppedError
from detente.record.keys import NodeKey
journal = Journal.open(sys.argv[1], NodeKey.load(sys.argv[2]))
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
acknowledged = 0
try:
    while True:
        acknowledged = journal.append([("event", bytes(3000))], datetime.now(UTC))[-1].number
except JournalStoppedError as error:
    print(acknowledged, error)
try:
    journal.append([("event", b"after")], datetime.now(UTC))
except JournalStoppedError:
    print("stopped")
"""


def test_a_disk_that_fails_stops_the_journal_and_loses_nothing_acknowledged(tmp_path):
    path = tmp_path / "journal.db"
    key = NodeKey.generate()
    key.save(tmp_path / "node.key")
    command = [sys.executable, "-c", DISK_FULL, path, tmp_path / "node.key"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    acknowledged = int(said[0].split()[0])
    assert "the disk failed under the journal" in said[0]
    assert said[1] == "stopped"
    with Journal.open(path, key) as journal:
        assert journal.head.number >= acknowledged > 10
        journal.append([("event", b"room again")], AT)
    assert verify_journal(path, key.public).ok


def test_a_writer_that_goes_round_the_lock_stops_the_journal(tmp_path):
    path = tmp_path / "journal.db"
    key = NodeKey.generate()
    with Journal.open(path, key) as journal:
        journal.append([("event", b"ours")], AT)
        with closing(sqlite3.connect(path)) as intruder, intruder:
            intruder.execute("INSERT INTO entry VALUES (2, 0, 'event', x'00', zeroblob(32), NULL)")
        with pytest.raises(JournalStoppedError):
            journal.append([("event", b"also two")], AT)
        assert [entry.body for entry in journal.read()] == [b"ours"], "what is durable is still read"
    with Journal.open(path, key) as journal:
        assert journal.report.unsigned_entries == 1
        assert [entry.body for entry in journal.read()] == [b"ours"]


OPENED_ON_A_FULL_DISK = """
import resource, sys
from detente.airspace.refusal import Refusal
from detente.record.journal import Journal
from detente.record.keys import NodeKey
key = NodeKey.load(sys.argv[2])
key.descend_from(bytes.fromhex(sys.argv[3]), sys.argv[4:])
resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))
try:
    Journal.open(sys.argv[1], key)
except Refusal as refusal:
    print(refusal.code)
"""


def test_a_disk_that_fails_while_rotations_are_written_down_again_refuses_the_opening(tmp_path):
    path, key = tmp_path / "node" / "journal.db", NodeKey.generate()
    path.parent.mkdir()
    with Journal.open(path, key) as journal:
        journal.append([("event", b"one")], AT)
    shutil.copytree(path.parent, tmp_path / "backup")
    with Journal.open(path, key) as journal:
        for _ in range(30):
            text = prepare_rotation(key, NodeKey.generate(), bytes(700), AT).text
            journal.append([(KEY_ROTATED, text.encode())], AT)
    key.save(tmp_path / "node.key")
    shutil.copytree(tmp_path / "backup", path.parent, dirs_exist_ok=True)
    given = [path, tmp_path / "node.key", key.first.hex(), *key.rotations]
    command = [sys.executable, "-c", OPENED_ON_A_FULL_DISK, *given]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ended.stdout, ended.stderr) == ("record.journal_writable\n", "")
    with Journal.open(path, key) as journal:
        assert journal.head.number == 31
