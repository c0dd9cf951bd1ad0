"""The event streams: a heartbeat that no turn holds up, no reading for nothing, and nothing left behind."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from threading import Thread

from one_node import KEYS, node_state
from parties import TODAY, area_plan, two_parties
from test_node_http import Listener
from test_pipeline import ACCORD

from detente.api.routes.stream import event_stream
from detente.line.commands import CheckLine
from detente.line.room import LineRoom
from detente.node.loop import CommandLoop
from detente.node.metrics import Metrics
from detente.people.commands import AddPerson, RemovePerson
from detente.people.records import PersonRole
from detente.people.room import PeopleRoom
from detente.picture.commands import DeclarePlan
from detente.picture.room import PictureRoom
from detente.record.journal import Entry, GroupCommit, Journal

BEATS = 3


def test_heartbeats_come_however_often_the_node_takes_a_turn(tmp_path: Path) -> None:
    with two_parties(tmp_path, start=False) as (north, _):
        settings = north.files.config_path
        settings.write_text(settings.read_text().replace("[http]\n", "[http]\nheartbeat_s = 0.2\n", 1))
        north.start()
        listener = Listener(north, path="/line/events")
        reader = Thread(target=listener.heartbeats, args=(BEATS,))
        reader.start()
        turns = itertools.count()
        north.until(
            lambda: north.post("/plans", {"plans": []}) and next(turns) and not reader.is_alive(),
            "sends heartbeats while it takes turns",
        )
        reader.join()
        listener.close()
        assert next(turns) > BEATS, "a turn held no heartbeat up"


class CountingJournal(Journal):
    """A journal that counts how often it is read."""

    reads = 0

    def read(self, first: int = 1, kind: str | None = None) -> Iterator[Entry]:
        self.reads += 1
        return super().read(first, kind)


@asynccontextmanager
async def loop_at_work(folder: Path) -> AsyncIterator[tuple[CommandLoop, CountingJournal]]:
    """The command loop of one node, with a journal that counts."""
    journal = CountingJournal.open(folder / "journal.sqlite", KEYS["north"])
    state = node_state("north", ACCORD)
    loop = CommandLoop(state, journal, GroupCommit(journal), KEYS["north"], lambda: TODAY, Metrics())
    writer = asyncio.create_task(loop.run())
    await loop.begin()
    try:
        yield loop, journal
    finally:
        loop.stop()
        await writer


async def next_event(stream: AsyncIterator[bytes]) -> bytes:
    """What comes next that is no heartbeat."""
    async for chunk in stream:
        if chunk.startswith(b"id: "):
            return chunk
    raise AssertionError("the stream ended")


def test_the_journal_is_read_only_when_there_is_something_of_the_kind(tmp_path: Path) -> None:
    async def listen() -> None:
        async with loop_at_work(tmp_path) as (loop, journal):
            events = event_stream(loop, journal.head.number, LineRoom.name, 60.0)
            assert await anext(events) == b"retry: 1000\n\n"
            coming = asyncio.create_task(next_event(events))
            before = journal.reads
            for number in range(20):
                await loop.decide(DeclarePlan(TODAY, "north", area_plan(f"n{number}", 2.0 * number)))
            assert journal.reads == before, "plans are no news of the line"
            await loop.decide(CheckLine(TODAY, "north", "south"))
            assert b"line_check_asked" in await coming
            assert journal.reads == before + 1
            await events.aclose()

    asyncio.run(listen())


def test_a_stream_leaves_nothing_behind_and_ends_with_the_node(tmp_path: Path) -> None:
    async def listen() -> None:
        async with loop_at_work(tmp_path) as (loop, journal):
            callbacks, tasks = list(loop.after_turn), asyncio.all_tasks()
            for _ in range(5):
                cut = event_stream(loop, journal.head.number, LineRoom.name, 60.0)
                await anext(cut)
                reading = asyncio.create_task(next_event(cut))
                await asyncio.sleep(0)
                reading.cancel()
                await asyncio.wait([reading])
                await cut.aclose()
            assert (loop.after_turn, asyncio.all_tasks()) == (callbacks, tasks)
            last = event_stream(loop, 0, PictureRoom.name, 60.0)
            await anext(last)
            assert b"accord_adopted" in await next_event(last)
            rest = asyncio.create_task(anext(last, b"the end"))
            await asyncio.sleep(0)
            loop.news.end()
            assert await rest == b"the end"

    asyncio.run(listen())


def test_a_stream_ends_with_its_session_and_not_with_its_next_heartbeat(tmp_path: Path) -> None:
    async def listen() -> None:
        async with loop_at_work(tmp_path) as (loop, journal):
            persons = loop.rooms.of_type(PeopleRoom).state.persons
            for name in ("anna", "otto"):
                await loop.decide(AddPerson(TODAY, name, PersonRole.OBSERVER, ()))
            streams = {
                name: event_stream(
                    loop, journal.head.number, LineRoom.name, 3600.0, partial(persons.__contains__, name)
                )
                for name in persons
            }
            for stream in streams.values():
                await anext(stream)
            coming = {name: asyncio.create_task(anext(stream, b"the end")) for name, stream in streams.items()}
            await asyncio.sleep(0)
            await loop.decide(RemovePerson(TODAY, "anna"))
            assert await coming["anna"] == b"the end"
            await loop.decide(CheckLine(TODAY, "north", "south"))
            assert b"line_check_asked" in await coming["otto"]
            await streams["otto"].aclose()

    asyncio.run(listen())
