"""What a crash or damage leaves in SQLite's write-ahead log, held against what SQLite itself makes of it."""

from __future__ import annotations

import random
import shutil
import sqlite3
import struct
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from journal_cases import AT

from detente.airspace.refusal import Refusal
from detente.record.acknowledged import acknowledged_path
from detente.record.journal import Journal
from detente.record.keys import NodeKey
from detente.record.verification import JournalFault, verify_journal
from detente.record.write_ahead import LogState, _Checksum, read_log_state
from length import quickly

PAGE = 4096
FRAME = PAGE + 24
HEADER = 32


class Crashed(NamedTuple):
    """A journal whose writer died: the directory, the bytes of its log, and the log's size after each batch."""

    path: Path
    key: NodeKey
    log: bytes
    ends: list[int]
    checkpointed: int


def crash(directory: Path, *sizes: int | str) -> Crashed:
    path = directory / "journal.db"
    key = NodeKey.generate()
    key.save(directory / "node.key")
    writer = Path(__file__).with_name("crashed_writer.py")
    subprocess.run([sys.executable, writer, path, directory / "node.key", *map(str, sizes)], check=True)
    log = Path(f"{path}-wal").read_bytes()
    # A frame's salts are its bytes 8 to 16, the log's its bytes 16 to 24; a frame that commits says so in bytes 4 to 8.
    commits = [
        place + FRAME
        for place in range(HEADER, len(log) - FRAME + 1, FRAME)
        if log[place + 8 : place + 16] == log[16:24] and log[place + 4 : place + 8] != bytes(4)
    ]
    return Crashed(path, key, log, commits, sum(size != "r" for size in sizes) - len(commits))


@pytest.fixture(scope="module")
def crashed(tmp_path_factory) -> Crashed:
    """One small batch, one of many pages, and small ones again."""
    return crash(tmp_path_factory.mktemp("crashed"), 100, 20_000, 300, 9_000, 10, 50)


@pytest.fixture(scope="module")
def restarted(tmp_path_factory) -> Crashed:
    """A log that was begun anew, with the frames of its former generation behind the new ones."""
    return crash(tmp_path_factory.mktemp("restarted"), 100, 30_000, 300, "r", 200, 5_000, 60)


def copied(crashed: Crashed, directory: Path, log: bytes) -> Path:
    """The crashed journal with another log beside it, as after a loss of power: without the acknowledged head."""
    path = directory / "journal.db"
    shutil.copyfile(crashed.path, path)
    Path(f"{path}-wal").write_bytes(log)
    return path


def seen_by_sqlite(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT count(*) FROM entry").fetchone()[0]


def committed_batches(crashed: Crashed, state: LogState) -> int:
    assert state.committed_bytes in (0, *crashed.ends)
    return sum(end <= state.committed_bytes for end in crashed.ends)


def test_the_fixtures_are_what_they_say(crashed, restarted):
    assert (len(crashed.ends), crashed.checkpointed) == (6, 0)
    assert (len(restarted.ends), restarted.checkpointed) == (3, 3)
    assert crashed.ends[-1] == len(crashed.log)
    assert restarted.ends[-1] < len(restarted.log), "frames of the former generation lie behind"


@pytest.mark.parametrize("order", ["<", ">"])
@given(words=st.integers(1, 20), start=st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1)), data=st.data())
@settings(max_examples=quickly(60), deadline=None)
def test_the_checksum_is_the_one_of_the_format(order, words, start, data):
    values = data.draw(st.lists(st.integers(0, 2**32 - 1), min_size=2 * words, max_size=2 * words))
    s0, s1 = start
    for x, y in zip(values[::2], values[1::2], strict=True):
        s0 = (s0 + x + s1) % 2**32
        s1 = (s1 + y + s0) % 2**32
    assert _Checksum(2 * words, order).after(start, struct.pack(f"{order}{2 * words}I", *values)) == (s0, s1)


def test_an_untouched_log_is_whole(crashed, restarted):
    assert read_log_state(crashed.path) == LogState(len(crashed.log), 0, is_damaged=False)
    assert read_log_state(restarted.path) == LogState(restarted.ends[-1], 0, is_damaged=False)


def check_truncated(crashed: Crashed, directory: Path, size: int) -> None:
    path = copied(crashed, directory, crashed.log[:size])
    state = read_log_state(path)
    assert not state.is_damaged, "cutting a log short is not told from a crash"
    batches = committed_batches(crashed, state)
    assert batches == sum(end <= size for end in crashed.ends)
    written = min(size, crashed.ends[-1])
    begun = size if size < HEADER else written - max(state.committed_bytes, HEADER)
    if size <= crashed.ends[-1] or size - crashed.ends[-1] > 24:
        assert state.unfinished_bytes == begun
    found = verify_journal(path, crashed.key.public)
    assert found.ok
    assert found.head.number == crashed.checkpointed + batches
    assert found.unfinished_bytes == state.unfinished_bytes
    with Journal.open(path, crashed.key) as journal:
        assert journal.report.unfinished_bytes == state.unfinished_bytes
        assert bool(journal.report.sentence) == bool(state.unfinished_bytes)
        assert journal.head.number == found.head.number
        journal.append([("event", b"going on")], AT)
    assert verify_journal(path, crashed.key.public).ok
    assert seen_by_sqlite(path) == found.head.number + 1


def check_flipped(crashed: Crashed, directory: Path, place: int, bit: int) -> str:
    changed = bytearray(crashed.log)
    changed[place] ^= 1 << bit
    path = copied(crashed, directory, bytes(changed))
    state = read_log_state(path)
    batches = committed_batches(crashed, state)
    before = sum(end <= place for end in crashed.ends) if place >= HEADER else 0
    if place >= crashed.ends[-1]:
        assert state == read_log_state(crashed.path), "what is of a former generation means nothing"
        return "unused"
    assert batches == before, "SQLite takes the batches before the damage"
    behind = len(crashed.ends) - before
    if behind > 2:
        assert state.is_damaged, "complete batches behind the damage: they were acknowledged"
    if behind == 1:
        assert not state.is_damaged, "the newest batch is not told from one that was never finished"
        if place >= HEADER and 8 <= (place - HEADER) % FRAME < 16 and not state.unfinished_bytes:
            return "taken for a frame of a former generation"
        assert state.unfinished_bytes
    found = verify_journal(path, crashed.key.public)
    if state.is_damaged:
        assert (found.bad.number, found.bad.fault) == (crashed.checkpointed + before + 1, JournalFault.DAMAGED_LOG)
        with pytest.raises(Refusal, match=f"entry {found.bad.number}: .*-wal"):
            Journal.open(path, crashed.key)
        assert Path(f"{path}-wal").read_bytes() == changed, "it is evidence"
        assert seen_by_sqlite(path) == crashed.checkpointed + before, "which SQLite would have lost without a word"
        return "damaged"
    assert found.ok
    with Journal.open(path, crashed.key) as journal:
        assert journal.report.unfinished_bytes == state.unfinished_bytes > 0
        assert "torn tail" in journal.report.sentence
        assert journal.head.number == crashed.checkpointed + before
    return "torn"


QUICK = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.parametrize("which", ["crashed", "restarted"])
@given(share=st.floats(0, 1))
@QUICK
def test_a_log_cut_short_anywhere_is_cut_back_to_its_last_whole_batch(request, tmp_path_factory, which, share):
    crashed = request.getfixturevalue(which)
    check_truncated(crashed, tmp_path_factory.mktemp("cut"), round(share * len(crashed.log)))


@pytest.mark.parametrize("which", ["crashed", "restarted"])
@given(share=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
@QUICK
def test_a_log_damaged_anywhere_never_loses_batches_without_a_word(request, tmp_path_factory, which, share, bit):
    crashed = request.getfixturevalue(which)
    check_flipped(crashed, tmp_path_factory.mktemp("flip"), int(share * len(crashed.log)), bit)


@pytest.mark.long
@pytest.mark.parametrize("which", ["crashed", "restarted"])
def test_every_kind_of_place_in_a_log_cut_and_damaged(request, tmp_path_factory, which):
    crashed = request.getfixturevalue(which)
    generator = random.Random(which)
    edges = {place + offset for place in (0, HEADER, *crashed.ends) for offset in range(-3, 30)}
    frames = {HEADER + n * FRAME + offset for n in range(len(crashed.log) // FRAME) for offset in range(25)}
    places = edges | frames | {generator.randrange(len(crashed.log)) for _ in range(500)}
    seen = set()
    for place in sorted(place for place in places if 0 <= place < len(crashed.log)):
        directory = tmp_path_factory.mktemp("place")
        check_truncated(crashed, directory, place)
        seen.add(check_flipped(crashed, tmp_path_factory.mktemp("flip"), place, generator.randrange(8)))
        shutil.rmtree(directory)
    assert seen >= {"damaged", "torn"}


@pytest.mark.parametrize("change", ["remove", "cut", "flip"])
def test_the_head_beside_the_journal_knows_what_a_lost_log_held(crashed, tmp_path, change):
    path = copied(crashed, tmp_path, crashed.log)
    log = Path(f"{path}-wal")
    if change == "remove":
        log.unlink()
    elif change == "cut":
        log.write_bytes(crashed.log[: crashed.ends[2]])
    else:
        log.write_bytes(crashed.log[:-1] + bytes([crashed.log[-1] ^ 1]))
    assert verify_journal(path, crashed.key.public).ok, "the file alone does not show it"
    shutil.copyfile(acknowledged_path(crashed.path), acknowledged_path(path))
    kept = {"remove": 0, "cut": 3, "flip": 5}[change]
    bad = verify_journal(path, crashed.key.public).bad
    assert (bad.number, bad.fault) == (kept + 1, JournalFault.ENDS_EARLY)
    with pytest.raises(Refusal, match=f"entry {kept + 1}: is missing.*who hold receipts"):
        Journal.open(path, crashed.key)
    acknowledged_path(path).unlink()
    with Journal.open(path, crashed.key) as journal:
        assert journal.head.number == kept, "the operator has said that the rest is lost"


@given(pages=st.sets(st.integers(0, 40)), size_share=st.floats(0, 1))
@QUICK
def test_a_crash_in_the_middle_of_a_checkpoint_loses_nothing(crashed, tmp_path_factory, pages, size_share):
    directory = tmp_path_factory.mktemp("checkpoint")
    path = copied(crashed, directory, crashed.log)
    before = path.read_bytes()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    after = path.read_bytes()
    # The checkpoint writes pages in any order as far as the disk is concerned, and the log is whole until it is done.
    mixed = bytearray(before.ljust(len(before) + round(size_share * (len(after) - len(before)) / PAGE) * PAGE, b"\x00"))
    for page in pages:
        if (page + 1) * PAGE <= len(mixed):
            mixed[page * PAGE : (page + 1) * PAGE] = after[page * PAGE : (page + 1) * PAGE]
    path.write_bytes(mixed)
    Path(f"{path}-wal").write_bytes(crashed.log)
    assert verify_journal(path, crashed.key.public).head.number == 6
    with Journal.open(path, crashed.key) as journal:
        assert (journal.head.number, journal.report.sentence) == (6, "")


def test_an_older_copy_put_back_is_refused(crashed, tmp_path):
    path = tmp_path / "journal.db"
    key = NodeKey.generate()
    with Journal.open(path, key) as journal:
        journal.append([("event", b"old")], AT)
    older = path.read_bytes()
    with Journal.open(path, key) as journal:
        journal.append([("event", b"new")], AT)
    path.write_bytes(older)
    with pytest.raises(Refusal, match="entry 2: is missing"):
        Journal.open(path, key)
    path.unlink()
    with pytest.raises(Refusal, match="the journal that had reached entry 2"):
        Journal.open(path, key)
