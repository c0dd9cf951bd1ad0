"""The simulator itself: a seed is one history, time and disks behave as they should, and the promises hold."""

from __future__ import annotations

import asyncio
import contextlib
import random
from datetime import UTC, datetime

import memory
import pytest
import two_worlds
import virtual_time
from authorities import terms
from disk import Disk, Fault
from network import Network, Weather
from run import simulate
from virtual_time import StuckError, Timeline
from world import BEGAN, World

from detente.link.carrier import CarriageError
from detente.picture.commands import ImportPlans
from detente.record.journal import Journal
from detente.record.keys import NodeKey
from detente.record.storage import JournalStoppedError
from people import Officer

NOW = datetime(2026, 3, 1, 6, tzinfo=UTC)
SIGNED, CUT, EVERYTHING = 1, 26, 35
"""Seeds of three kinds of world: with accords that authorities sign; with journals that are cut and put back; and with
three parties, one of them hostile, whose authorities sign, whose keys rotate and whose nodes are put back."""
SHORT_S = 100.0
"""For a look at two worlds; every fourth seed of `make simulate` plays them at length."""


@pytest.fixture(autouse=True, scope="module")
def quick():
    """As `run.py` does; the tests of other rooms in this process need the plain program."""
    memory.remember()
    yield
    memory.forget()


def kept(seed):
    """What became of a seed that breaks no promise."""
    result = simulate(seed)
    assert not result.failure, "\n".join([*result.log[-40:], result.failure])
    assert result.counts["lives"] > 2
    assert result.counts["entries"] > 200
    return result


@pytest.mark.parametrize(
    ("seed", "shown"), [(CUT, ("put back", "starts from a snapshot")), (EVERYTHING, ("put back", "rotate_key done"))]
)
def test_the_promises_hold(seed, shown):
    counts = kept(seed).counts
    assert all(counts[what] for what in shown), f"seed {seed} no longer shows {shown}"


def test_a_seed_is_one_history_whether_what_is_pure_is_remembered_or_not():
    memory.forget()
    try:
        worked_out = kept(SIGNED).log
    finally:
        memory.remember()
    assert kept(SIGNED).log == worked_out


@pytest.mark.parametrize(
    ("disclosure", "looks_the_same"), [("nothing", True), ("cell", True), ("conflict", True), ("full", False)]
)
def test_two_worlds_look_the_same_where_nothing_else_may_be_told(disclosure, looks_the_same):
    one, other = two_worlds.views(1, disclosure, SHORT_S)
    assert (two_worlds.difference(one, other) == "") is looks_the_same
    assert len(one) > 20


def test_what_two_have_lost_and_a_third_gives_back_is_told_to_both():
    world = World(1, ("north", "south", "west"), is_even=True)
    stations = list(world.stations.values())
    for station in stations:
        station.accord = terms(stations, BEGAN)
        station.start()
    world.run_for(5.0)
    set_back = _, west = world.stations["north"], world.stations["west"]
    for station in set_back:
        # What it has now is its backup.
        station.crash(Fault.KILLED)
        station.start()
    world.run_for(5.0)
    plan = Officer("west", (), world.chance("plan")).plan("west-p1", west.clock())
    west.life.machine.create_task(west.life.node.do(ImportPlans(west.clock(), "west", (plan,))))
    world.run_for(5.0)
    for station in set_back:
        station.put_back()
        station.start()
        assert not station.life.node.picture.plans
    world.run_for(90.0)
    found = [set(station.life.node.picture.plans) for station in stations]
    world.clear_away()
    assert found == [{("west", "west-p1")}] * 3


def on_timeline(*works, seconds=1000.0):
    timeline = Timeline(random.Random(1))
    machine = timeline.machine("one")
    results = []

    async def begin():
        results.extend(await asyncio.gather(*(work(timeline, machine) for work in works)))

    machine.call_soon(lambda: machine.create_task(begin()))
    timeline.run(lambda: len(results) == len(works) or timeline.now_s > seconds)
    machine.clear_away()
    return results


def test_time_passes_only_while_everybody_waits():
    async def sleeper(timeline, machine):
        await asyncio.sleep(100.0)
        return timeline.now_s

    async def threads(timeline, machine):
        return await asyncio.to_thread(lambda: timeline.now_s)

    slept_until, worked_at = on_timeline(sleeper, threads)
    assert 100.0 <= slept_until < 100.1
    assert worked_at < 1.0


def test_a_frozen_machine_does_nothing_and_a_dead_one_never_again():
    timeline = Timeline(random.Random(1))
    frozen, dead, other = (timeline.machine(name) for name in ("frozen", "dead", "other"))
    seen = []
    for machine in (frozen, dead):
        machine.call_later(1.0, lambda name=machine.name: seen.append((name, timeline.now_s)))
    frozen.frozen_until_us = 30_000_000
    dead.kill()
    other.call_later(50.0, lambda: seen.append(("other", timeline.now_s)))
    timeline.run(lambda: len(seen) == 2)
    assert [name for name, _ in seen] == ["frozen", "other"]
    assert seen[0][1] >= 30.0


def test_what_never_waits_is_found(monkeypatch):
    monkeypatch.setattr(virtual_time, "MOST_RUNS_AT_ONCE", 100)
    timeline = Timeline(random.Random(1))
    machine = timeline.machine("busy")

    def again():
        machine.call_soon(again)

    machine.call_soon(again)
    with pytest.raises(StuckError, match="busy"):
        timeline.run(lambda: False)


@pytest.mark.parametrize("fault", [Fault.KILLED, Fault.POWER_LOSS])
def test_a_journal_survives_a_crash_at_any_write(tmp_path, fault):
    key, torn = NodeKey.generate(), 0
    disk = Disk(tmp_path / "disk", random.Random(5))
    acknowledged = {}
    for at_write in range(40):
        journal = Journal.open(disk.directory / "journal.sqlite", key)
        torn += bool(journal.report.sentence)
        held = {entry.number: entry.body for entry in journal.read()}
        assert {number: held.get(number) for number in acknowledged} == acknowledged
        disk.after(at_write, fault)
        with contextlib.suppress(JournalStoppedError):
            while not disk.is_off:
                entries = journal.append([("event", bytes(1_500))] * 3, NOW)
                if not disk.is_off:
                    disk.note_head()
                    acknowledged.update({entry.number: entry.body for entry in entries})
        assert disk.is_off
        disk.detach()
        journal.close()
        disk.restart()
    disk.detach()
    assert torn > 3


def test_a_full_disk_stops_the_journal_and_loses_nothing(tmp_path):
    key = NodeKey.generate()
    disk = Disk(tmp_path / "disk", random.Random(5))
    with Journal.open(disk.directory / "journal.sqlite", key) as journal:
        kept = journal.append([("event", b"kept")], NOW)
        disk.after(0, Fault.FULL)
        with pytest.raises(JournalStoppedError, match="full"):
            journal.append([("event", b"not kept")], NOW)
        disk.mend()
    with Journal.open(disk.directory / "journal.sqlite", key) as journal:
        assert [entry.hash for entry in journal.read()] == [entry.hash for entry in kept]
    disk.detach()


def test_the_network_loses_repeats_cuts_and_splits():
    timeline = Timeline(random.Random(1))
    network = Network(timeline, random.Random(1), lambda who, what: None)
    one, other = timeline.machine("one"), timeline.machine("other")
    came, found = [], {}

    async def receive(batch):
        came.append(batch)
        return 200, b"received"

    network.listen("other", other, receive)

    async def send(weather, split):
        network.heal()
        network.weather = weather
        if split:
            network.split("one", "other")
        before = len(came)
        try:
            async with network.carrier("one")() as carrier:
                answer = await carrier.carry("other", b"key", b"batch", 5.0, 20.0)
        except CarriageError as error:
            answer = str(error)
        await asyncio.sleep(200.0)
        return answer, len(came) - before

    async def scenario():
        found["fair"] = await send(Weather(), False)
        found["lost"] = await send(Weather(lost=1.0), False)
        found["answer lost"] = await send(Weather(answer_lost=1.0), False)
        found["late"] = await send(Weather(late=1.0), False)
        found["half"] = await send(Weather(half=1.0), False)
        found["twice"] = await send(Weather(twice=1.0), False)
        found["split"] = await send(Weather(), True)

    one.call_soon(lambda: one.create_task(scenario()))
    timeline.run(lambda: len(found) == 7)
    network.clear_away()
    no_answer = "TimeoutError: no answer"
    half = found.pop("half")
    assert b"received".startswith(half[0][1])
    assert half[0][1] != b"received"
    assert found == {
        "fair": ((200, b"received"), 1), "lost": (no_answer, 0), "answer lost": (no_answer, 1), "late": (no_answer, 1),
        "twice": ((200, b"received"), 2), "split": ("ConnectionTimeoutError: no connection", 0),
    }  # fmt: skip
