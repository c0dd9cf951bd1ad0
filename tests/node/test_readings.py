"""What those who run a node see of it: readiness, and readings that rise and fall with what they are of."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from one_node import KEYS, node_state
from parties import TODAY, Party, two_parties

from detente.link.trust import write_durably
from detente.node.loop import CommandLoop, NodeStopped
from detente.node.metrics import Metrics
from detente.node.readings import lacks
from detente.record.disk import MOST_DAYS_LEFT, disk_room, disk_room_of_file
from detente.record.group_commit import GroupCommit
from detente.record.journal import Journal
from detente.record.keys import NodeKey
from detente.settings.last_backup import LAST_BACKUP_FILE, LastBackup

START = datetime(2026, 3, 1, tzinfo=UTC)


class HeldJournal(Journal):
    """A journal on a disk that takes its time, or fails."""

    def hold(self) -> None:
        self.asked, self.may_write = threading.Event(), threading.Event()
        self.fails = False

    def append_group(self, submissions: Any) -> Any:
        if hasattr(self, "may_write"):
            self.asked.set()
            self.may_write.wait()
            if self.fails:
                raise OSError("the disk is gone")
        return super().append_group(submissions)


@asynccontextmanager
async def loop_on(journal: Journal) -> AsyncIterator[tuple[CommandLoop, asyncio.Task[None]]]:
    loop = CommandLoop(node_state(), journal, GroupCommit(journal), KEYS["north"], lambda: TODAY, Metrics())
    writer = asyncio.create_task(loop.run())
    await loop.begin()
    yield loop, writer


def test_a_node_is_ready_unless_its_turn_takes_long_its_journal_failed_or_it_stops(tmp_path: Path) -> None:
    async def run() -> None:
        journal = HeldJournal.open(tmp_path / "journal.sqlite", KEYS["north"])
        async with loop_on(journal) as (loop, writer):
            assert await lacks(loop) == ()
            journal.hold()
            recorded = asyncio.create_task(loop.record([("note", b"{}")], TODAY))
            await asyncio.to_thread(journal.asked.wait)
            (lacking,) = await lacks(loop)
            assert "end of a turn within 2 s" in lacking
            journal.fails = True
            journal.may_write.set()
            with pytest.raises(NodeStopped):
                await recorded
            assert await lacks(loop) == ("a journal that can be written",)
            with pytest.raises(OSError, match="gone"):
                await writer
        with HeldJournal.open(tmp_path / "other.sqlite", KEYS["north"]) as other:
            async with loop_on(other) as (loop, writer):
                loop.news.end()
                assert await lacks(loop) == ("time: the node stops",)
                loop.stop()
                await writer

    asyncio.run(run())


def reading(party: Party, name: str) -> float:
    found = re.search(rf"^{re.escape(name)} (\S+)$", party.ask("GET", "/metrics").body.decode(), re.MULTILINE)
    assert found, name
    return float(found[1])


def test_readings_rise_and_fall_with_what_they_are_of(tmp_path: Path) -> None:
    silent = 'detente_peer_silent_seconds{peer="south"}'
    waiting = 'detente_oldest_unanswered_seconds{what="message"}'
    with two_parties(tmp_path) as (north, south):
        assert reading(north, "detente_backup_age_seconds") == float("inf")
        written = datetime.now(UTC) - timedelta(hours=5)
        write_durably(north.path / LAST_BACKUP_FILE, msgspec.json.encode(LastBackup(written, "/media/stick")))
        assert 5 * 3600 <= reading(north, "detente_backup_age_seconds") < 5 * 3600 + 600
        assert 0.0 < reading(north, "detente_disk_free_bytes") < reading(north, "detente_disk_bytes")
        (message_id,) = south.post("/line/messages", {"peer": "north", "code": "radio_check"})["message_ids"]
        north.until(lambda: north.get("/line/messages?waiting=true"), "hears the message")
        north.until(lambda: reading(north, waiting) > 0.0, "says that it waits")
        body = {"peer": "south", "message_id": message_id.split(" ")[-1], "post": "watch"}
        north.post("/line/take", body)
        assert reading(north, waiting) == 0.0
        (peer,) = north.get("/peers")
        heard = datetime.fromisoformat(peer["heard_at"])
        assert abs((datetime.now(UTC) - heard).total_seconds() - reading(north, silent)) < 5.0
        south.kill()
        before = reading(north, silent)
        north.until(lambda: reading(north, silent) > before + 0.5, "says that the peer is silent")
        north.stop()
        north.start()
        assert reading(north, silent) > before, "what was heard is known after a restart"


def journal_of(path: Path, days: int, *, recent_only: bool = False) -> tuple[Journal, datetime]:
    """A journal to which ten kilobytes were added every hour of so many days, or only of the last one; and its now."""
    journal = Journal.open(path, NodeKey.generate())
    now = START + timedelta(days=days)
    for hour in range(24 * days + 1):
        if hour == 0 or not recent_only or hour > 24 * (days - 1):
            journal.append([("event", bytes(10_000))], START + timedelta(hours=hour))
    return journal, now


@pytest.mark.parametrize(("days", "recent_only"), [(2, False), (20, False), (20, True)])
def test_the_days_left_of_a_disk_follow_the_pace_of_the_last_week(
    tmp_path: Path, days: int, *, recent_only: bool
) -> None:
    path = tmp_path / "journal.sqlite"
    journal, now = journal_of(path, days, recent_only=recent_only)
    with journal:
        room = disk_room(path, range(1, journal.head.number + 1), lambda number: next(journal.read(number)).at, now)
    assert room.days_left is not None
    a_day = 24 * 10_000 / (7 if recent_only else 1)
    expected = min(MOST_DAYS_LEFT, room.free_bytes / a_day)
    assert room.days_left == pytest.approx(expected, rel=0.35)
    from_outside = disk_room_of_file(path, now).days_left
    assert from_outside == pytest.approx(room.days_left, rel=0.2)


def test_of_a_journal_that_is_an_hour_old_nothing_is_foretold(tmp_path: Path) -> None:
    journal, _ = journal_of(tmp_path / "journal.sqlite", 0)
    with journal:
        at = START + timedelta(minutes=59)
        assert disk_room(tmp_path / "journal.sqlite", range(1, 2), lambda _: START, at).days_left is None
        assert disk_room(tmp_path / "journal.sqlite", range(1, 1), lambda _: START, at).days_left is None
