from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from journal_cases import AT

from detente.airspace.refusal import Refusal
from detente.record.journal import GroupCommit, Journal, JournalStoppedError
from detente.record.keys import NodeKey
from detente.record.verification import verify_journal


@contextmanager
def opened(path: Path) -> Iterator[tuple[Journal, GroupCommit]]:
    with Journal.open(path, NodeKey.generate()) as journal, GroupCommit(journal) as commit:
        yield journal, commit


@contextmanager
def disk_held(path: Path) -> Iterator[None]:
    """Let no commit through for the time being: hold SQLite's write lock from outside."""
    with closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        yield
        holder.execute("ROLLBACK")


def test_all_that_wait_share_one_signed_batch(tmp_path):
    path = tmp_path / "journal.db"
    with opened(path) as (journal, commit):
        with disk_held(path):
            futures = [commit.submit([("event", b"%d" % place)] * 2, AT) for place in range(100)]
        results = [future.result() for future in futures]
        assert [entry.number for result in results for entry in result] == list(range(1, 201))
        assert [entry.body for entry in journal.read()] == [b"%d" % (place // 2) for place in range(200)]
    assert verify_journal(path).batches <= 2, "what came while the first was being written is the second"


def test_threads_get_their_own_entries_in_their_own_order(tmp_path):
    path = tmp_path / "journal.db"
    numbers: dict[int, list[int]] = {}
    with opened(path) as (journal, commit):

        def write(name: int) -> None:
            own = [commit.submit([("event", b"%d %d" % (name, turn))], AT).result() for turn in range(40)]
            assert [entry.body for [entry] in own] == [b"%d %d" % (name, turn) for turn in range(40)]
            numbers[name] = [entry.number for [entry] in own]

        threads = [threading.Thread(target=write, args=(name,)) for name in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        bodies = {entry.number: entry.body for entry in journal.read()}
    assert sorted(bodies) == list(range(1, 321))
    for name, own in numbers.items():
        assert own == sorted(own)
        assert [bodies[number] for number in own] == [b"%d %d" % (name, turn) for turn in range(40)]
    assert verify_journal(path).ok


def test_tasks_await_their_entries(tmp_path):
    path = tmp_path / "journal.db"

    async def write(commit: GroupCommit, name: int) -> list[bytes]:
        return [(await commit.append([("event", b"%d %d" % (name, turn))], AT))[0].body for turn in range(20)]

    async def main(commit: GroupCommit) -> list[list[bytes]]:
        return await asyncio.gather(*(write(commit, name) for name in range(16)))

    with opened(path) as (journal, commit):
        bodies = asyncio.run(main(commit))
        assert bodies == [[b"%d %d" % (name, turn) for turn in range(20)] for name in range(16)]
        assert sorted(body for own in bodies for body in own) == sorted(entry.body for entry in journal.read())


def test_a_concurrent_future_can_be_awaited_too(tmp_path):
    with opened(tmp_path / "journal.db") as (_, commit):

        async def main() -> int:
            return (await asyncio.wrap_future(commit.submit([("event", b"x")], AT)))[0].number

        assert asyncio.run(main()) == 1


def test_what_one_caller_may_not_append_does_not_touch_the_others(tmp_path):
    path = tmp_path / "journal.db"
    with opened(path) as (journal, commit):
        with disk_held(path):
            before = commit.submit([("event", b"before")], AT)
            with pytest.raises(Refusal, match="kind"):
                commit.submit([("event", b"good"), ("Not A Word", b"")], AT)
            with pytest.raises(Refusal, match="kind"):
                asyncio.run(commit.append([("Not A Word", b"")], AT))
            after = commit.submit([("event", b"after")], AT)
        assert [entry.body for future in (before, after) for entry in future.result()] == [b"before", b"after"]
        assert journal.head.number == 2


def test_a_cancelled_future_is_not_recorded_unless_it_was_too_late(tmp_path):
    path = tmp_path / "journal.db"
    with opened(path) as (journal, commit):
        with disk_held(path):
            futures = [commit.submit([("event", b"%d" % place)], AT) for place in range(20)]
            cancelled = [place for place, future in enumerate(futures) if place % 2 and future.cancel()]
        kept = [future.result()[0].body for future in futures if not future.cancelled()]
        assert kept == [b"%d" % place for place in range(20) if place not in cancelled]
        assert [entry.body for entry in journal.read()] == kept


def test_a_cancelled_task_does_not_disturb_the_group(tmp_path):
    path = tmp_path / "journal.db"

    async def main(commit: GroupCommit) -> bytes:
        with disk_held(path):
            waiting = asyncio.create_task(commit.append([("event", b"given up")], AT))
            other = asyncio.create_task(commit.append([("event", b"kept")], AT))
            await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
        return (await other)[0].body

    with opened(path) as (_, commit):
        assert asyncio.run(main(commit)) == b"kept"


def test_a_loop_that_is_gone_does_not_disturb_the_group(tmp_path):
    path = tmp_path / "journal.db"

    async def abandon(commit: GroupCommit) -> None:
        task = asyncio.create_task(commit.append([("event", b"abandoned")], AT))
        await asyncio.sleep(0)
        task.cancel()

    with opened(path) as (journal, commit):
        with disk_held(path):
            asyncio.run(abandon(commit))
        assert commit.submit([("event", b"next")], AT).result()[0].body == b"next"
        assert [entry.body for entry in journal.read()][-1] == b"next"


def test_an_empty_submission_is_answered_in_its_turn(tmp_path):
    with opened(tmp_path / "journal.db") as (journal, commit):
        assert commit.submit([], AT).result() == []
        assert journal.head.number == 0


def test_closing_writes_what_waits_and_refuses_what_comes_later(tmp_path):
    path = tmp_path / "journal.db"
    with Journal.open(path, NodeKey.generate()) as journal:
        commit = GroupCommit(journal)
        futures = [commit.submit([("event", b"%d" % place)], AT) for place in range(50)]
        commit.close()
        commit.close()
        assert [future.result()[0].number for future in futures] == list(range(1, 51))
        with pytest.raises(JournalStoppedError, match="closed"):
            commit.submit([("event", b"late")], AT)
        journal.append([("event", b"the journal is still open")], AT)


def test_when_the_disk_fails_everyone_is_told(tmp_path):
    path = tmp_path / "journal.db"
    with opened(path) as (journal, commit):
        commit.submit([("event", b"good")], AT).result()
        with closing(sqlite3.connect(path)) as intruder, intruder:
            intruder.execute("INSERT INTO entry VALUES (2, 0, 'event', x'00', zeroblob(32), NULL)")
        for future in [commit.submit([("event", b"lost")], AT) for _ in range(5)]:
            with pytest.raises(JournalStoppedError):
                future.result()
        with pytest.raises(JournalStoppedError):
            asyncio.run(commit.append([("event", b"lost")], AT))
        assert journal.head.number == 1


def test_a_group_has_an_end_however_many_wait(tmp_path):
    path = tmp_path / "journal.db"
    with opened(path) as (_, commit):
        with disk_held(path):
            futures = [commit.submit([("event", b"")] * 1000, AT) for _ in range(40)]
        assert futures[-1].result()[-1].number == 40_000
    assert verify_journal(path).batches >= 5, "a group ends at 8,192 entries"
