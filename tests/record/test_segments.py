"""Closed segments: what was read, verified and proven before is so after, here or moved away, whatever a crash left."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from detente.airspace.refusal import Refusal
from detente.link.copies import proven_entries
from detente.record.chain import head_message
from detente.record.copy import copy_journal
from detente.record.display import stored_entries
from detente.record.entry import Head
from detente.record.export import export_journal
from detente.record.journal import Journal
from detente.record.keys import NodeKey, verify
from detente.record.rotation import KEY_ROTATED, keys_through, prepare_rotation, read_rotations
from detente.record.search import Wanted, entry_proof, find_entries
from detente.record.segments import ArchivedRefusal, segment_file, segment_folder, write_segments
from detente.record.verification import verify_journal

AT = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def key():
    return NodeKey.generate()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "journal.sqlite"


def written(path, key, batches=12):
    """A journal of `batches` batches of 1, 2, 3 entries in turn."""
    journal = Journal.open(path, key)
    for number in range(batches):
        entries = [("event" if number % 2 else "sent", f"{number}-{i}".encode() * 40) for i in range(number % 3 + 1)]
        journal.append(entries, AT + timedelta(hours=number))
    return journal


def closed(path, key, most=5):
    """The same with closed segments, and every entry that it had before."""
    journal = written(path, key)
    before = list(journal.read())
    journal.close_segments(write_segments(path, journal.head.number, most))
    return journal, before


def test_everything_is_read_as_before(path, key):
    journal, before = closed(path, key)
    assert len(journal.segments) > 3
    while journal.remove_closed():
        assert list(journal.read()) == before
    journal.append([("event", b"after")], AT)
    everything = list(journal.read())
    assert everything[:-1] == before
    for first in range(1, len(everything) + 1):
        assert list(journal.read(first, "sent")) == [e for e in everything[first - 1 :] if e.kind == "sent"]
    journal.close()
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("SELECT count(*) FROM entry").fetchone() == (1,)
    again = Journal.open(path, key)
    assert list(again.read()) == everything == list(proven_entries(path))
    assert [e.number for e in stored_entries(path, 4, 9)] == list(range(4, 10))
    assert all(e.follows for e in stored_entries(path))
    assert [e.number for e in stored_entries(path)] == [e.number for e in everything]
    again.close()


def test_segments_are_closed_again_and_again(path, key):
    journal = Journal.open(path, key)
    for number in range(40):
        journal.append([("event", str(number).encode())], AT)
        if number % 7 == 6:
            journal.close_segments(write_segments(path, journal.head.number, 100))
            journal.remove_closed()
    assert [(s.first, s.last) for s in journal.segments] == [(1, 7), (8, 14), (15, 21), (22, 28), (29, 35)]
    assert [e.body for e in journal.read()] == [str(number).encode() for number in range(40)]
    journal.close()
    found = verify_journal(path, key.public)
    assert (found.ok, found.batches, found.segments) == (True, 40, 5)


def test_the_whole_is_verified_and_each_file_alone(path, key, tmp_path):
    journal, before = closed(path, key)
    journal.remove_closed()
    journal.close()
    found = verify_journal(path, key.public)
    assert (found.ok, found.head.number, found.batches, found.archived) == (True, len(before), 12, ())
    for segment in journal.segments:
        alone = verify_journal(segment_file(path, segment), key.public)
        assert (alone.ok, alone.head) == (True, segment.head)
    export_journal(path, tmp_path / "all.jsonl", key.public)
    assert len((tmp_path / "all.jsonl").read_text().splitlines()) == len(before) + 1


def test_what_is_moved_away_is_named_and_proven_when_it_is_back(path, key, tmp_path):
    journal, before = closed(path, key)
    journal.remove_closed()
    second = journal.segments[1]
    moved = tmp_path / "elsewhere.sqlite"
    segment_file(path, second).rename(moved)
    with pytest.raises(ArchivedRefusal, match=second.name):
        list(journal.read())
    with pytest.raises(ArchivedRefusal, match=second.name):
        next(journal.read(second.first + 1))
    assert list(journal.read(second.last + 1)) == before[second.last :]
    assert journal.first_here == second.last + 1
    journal.close()
    Journal.open(path, key).close()
    found = verify_journal(path, key.public)
    assert (found.ok, found.archived) == (True, (second,))
    with pytest.raises(ArchivedRefusal):
        verify_journal(path, key.public, Head(second.first, before[second.first - 1].hash))
    with pytest.raises(ArchivedRefusal):
        list(proven_entries(path))
    with pytest.raises(ArchivedRefusal):
        list(stored_entries(path))
    with pytest.raises(ArchivedRefusal):
        export_journal(path, tmp_path / "part.jsonl", key.public)
    assert not list(tmp_path.glob("part*"))
    moved.rename(segment_file(path, second))
    assert verify_journal(path, key.public).archived == ()


def test_a_changed_segment_is_found(path, key):
    journal, _ = closed(path, key)
    journal.remove_closed()
    journal.close()
    segment = journal.segments[1]
    file = segment_file(path, segment)
    file.chmod(0o600)
    with closing(sqlite3.connect(file)) as database:
        database.execute("UPDATE entry SET body = x'00' WHERE number = ?", (segment.first + 1,))
        database.commit()
    found = verify_journal(path, key.public)
    assert found.bad is not None
    assert found.bad.number == segment.first + 1


def test_a_segment_of_another_journal_is_found(path, key, tmp_path):
    (tmp_path / "other").mkdir()
    other, _ = closed(tmp_path / "other" / "journal.sqlite", key)
    journal, _ = closed(path, key)
    for one in (journal, other):
        one.remove_closed()
        one.close()
    shutil.copyfile(segment_file(other.path, other.segments[0]), tmp_path / "copy")
    (tmp_path / "copy").rename(segment_file(path, journal.segments[0]))
    assert not verify_journal(path, key.public).ok


def test_a_forged_base_is_refused(path, key):
    journal, _ = closed(path, key)
    journal.remove_closed()
    journal.close()
    with closing(sqlite3.connect(path)) as database:
        database.execute("UPDATE segment SET hash = zeroblob(32) WHERE last = ?", (journal.segments[-1].last,))
        database.commit()
    assert not verify_journal(path, key.public).ok
    with pytest.raises(Refusal):
        Journal.open(path, key)


def test_a_copy_is_whole_with_its_segments(path, key, tmp_path):
    journal, before = closed(path, key)
    (tmp_path / "copy").mkdir()
    copy = tmp_path / "copy" / "journal.sqlite"
    assert copy_journal(path, copy, key.public).ok
    shutil.copytree(segment_folder(path), segment_folder(copy))
    assert list(proven_entries(copy)) == before
    journal.close()


def test_what_does_not_go_on_is_not_taken(path, key, tmp_path):
    journal = written(path, key)
    segments = write_segments(path, journal.head.number, 5)
    with pytest.raises(Refusal):
        journal.close_segments(segments[1:])
    segment_file(path, segments[0]).rename(tmp_path / "away")
    with pytest.raises(ArchivedRefusal):
        journal.close_segments(segments)
    assert journal.segments == ()
    journal.close()


def test_half_removed_is_as_good_as_removed(path, key):
    """A crash after any step leaves a journal that opens, verifies and reads the same."""
    journal = written(path, key)
    before = list(journal.read())
    segments = write_segments(path, journal.head.number, 5)
    journal.close()
    assert verify_journal(path, key.public).ok
    journal = Journal.open(path, key)
    journal.close_segments(segments)
    journal.close()
    assert verify_journal(path, key.public).head.number == len(before)
    journal = Journal.open(path, key)
    assert journal.segments == tuple(segments)
    assert list(journal.read()) == before
    assert journal.remove_closed()
    assert not journal.remove_closed()
    assert journal.append([("event", b"")], AT)[0].number == len(before) + 1
    journal.close()


def test_a_head_of_a_closed_segment_is_held_against_it(path, key):
    journal, before = closed(path, key)
    journal.remove_closed()
    journal.close()
    assert verify_journal(path, key.public, Head(4, before[3].hash)).ok
    assert not verify_journal(path, key.public, Head(4, bytes(32))).ok


def test_on_a_full_disk_nothing_changes(path, key):
    journal = written(path, key)
    segments = write_segments(path, journal.head.number, 5)
    pages = journal._writer.execute("PRAGMA page_count").fetchone()[0]
    journal._writer.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(Refusal, match="Nothing was changed"):
        journal.close_segments(segments)
    assert journal.segments == ()
    journal._writer.execute("PRAGMA max_page_count = 1000000")
    journal.append([("event", b"goes on")], AT)
    journal.close_segments(segments)
    assert len(list(journal.read())) == journal.head.number
    journal.close()


def test_a_file_that_is_mostly_free_is_made_small(path, key, monkeypatch):
    journal = Journal.open(path, key)
    for number in range(60):
        journal.append([("event", bytes(20_000))], AT + timedelta(hours=number))
    journal.close_segments(write_segments(path, 55, 20))
    while journal.remove_closed():
        pass
    everything = list(journal.read())
    journal.close()
    large = path.stat().st_size
    monkeypatch.setattr("detente.record.journal._LEAST_FREE_BYTES", 100_000)
    with Journal.open(path, key) as again:
        assert list(again.read()) == everything
    assert path.stat().st_size < large / 5
    assert verify_journal(path, key.public).ok


def test_segments_are_for_their_owner_alone(path, key):
    journal, _ = closed(path, key)
    journal.close()
    assert segment_folder(path).stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in segment_folder(path).iterdir()} == {0o400}


def test_a_search_and_the_proof_of_an_entry_are_the_same_with_segments(path, key):
    journal = written(path, key)
    numbers = range(1, journal.head.number + 1)
    before = [entry_proof(path, number) for number in numbers]
    found = find_entries(path, Wanted("sent"), journal.head.number + 1, 50)
    journal.close_segments(write_segments(path, journal.head.number, 5))
    for is_more in (True, False):
        assert [entry_proof(path, number) for number in numbers] == before
        assert find_entries(path, Wanted("sent"), journal.head.number + 1, 50) == found
        while is_more and journal.remove_closed():
            pass
    segment_file(path, journal.segments[1]).unlink()
    here = journal.segments[1].last + 1
    some = find_entries(path, Wanted(), journal.head.number + 1, 50)
    assert ([one.number for one in some.entries], some.read_down_to) == ([*reversed(range(here, numbers.stop))], here)
    with pytest.raises(ArchivedRefusal):
        find_entries(path, Wanted(), some.read_down_to, 50)
    with pytest.raises(ArchivedRefusal):
        entry_proof(path, journal.segments[1].first)
    assert entry_proof(path, 1) == before[0]
    journal.close()


def test_the_proof_of_an_entry_names_the_rotations_from_the_first_key_to_the_one_that_signed(path, key):
    first = key.public
    with Journal.open(path, key) as journal:
        for _ in range(3):
            journal.append([("event", b"one"), ("event", b"two")], AT)
            text = prepare_rotation(key, NodeKey.generate(), b"certificate", AT).text
            journal.append([("event", b"before"), (KEY_ROTATED, text.encode()), ("event", b"after")], AT)
        numbers = range(1, journal.head.number + 1)
        before = [entry_proof(path, number) for number in numbers]
        journal.close_segments(write_segments(path, journal.head.number - 4, 4))
        while journal.remove_closed():
            pass
        assert [entry_proof(path, number) for number in numbers] == before
    assert [len(proof.rotations) for proof in before] == [0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 3, 3, 3]
    for proof in before:
        # As a stranger does who trusts the first key alone.
        rotations = read_rotations(first, first, proof.rotations)
        last = msgspec.json.decode(proof.entries[-1])
        message = head_message(proof.first, last["number"], bytes.fromhex(last["hash"]))
        assert verify(keys_through(first, rotations)[-1], bytes.fromhex(last["signature"]), message)
