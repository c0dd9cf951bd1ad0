"""One run from a seed: people act, things go wrong, then all is well again; the promises are checked all along.

    python tests/simulation/run.py --seeds 500 --from 1 [--log]

A seed that breaks a promise is printed, with the last lines of its log; `--log` prints every line, to play it again.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import sys
import time
import traceback
from concurrent.futures import ProcessPoolExecutor
from itertools import combinations
from pathlib import Path

import msgspec
import structlog

sys.path.insert(0, str(Path(__file__).parent))

import two_worlds
from authorities import Authority, terms
from checks import bounds, conflicts, forgetting, pictures, replay, silence, stop, transcripts
from faults import Faults
from hostile import Hostile
from memory import remember
from node_parts import PastSettings
from station import GoneError, Station
from world import BEGAN, World

from detente.airspace.refusal import Refusal
from people import WRONG, Officer, draw

TROUBLED_S = 240.0
QUIET_S = 90.0
MEAN_ACT_S = 3.5
MEAN_AUTHORITY_S = 60.0
MEAN_ROTATION_S = 60.0
LOOK_S = 7.0
DEEP_LOOKS = 0.1
EVERY_TWO_WORLDS = 4
EVERY_PUT_BACK = 3
EVERY_CUT = 2
EVERY_ROTATED = 7
LONGEST_SETTLING_S = 60
SHOWN_LINES = 60


class Result(msgspec.Struct):
    """What became of a seed: `failure` is empty when every promise was kept. `took_s` is processor time."""

    seed: int
    failure: str
    log: list[str]
    counts: dict[str, int]
    simulated_s: float
    took_s: float


class Run:
    """A world at work, with everybody in it."""

    def __init__(self, seed: int) -> None:
        self.world = World(seed, ("north", "south", "west") if seed % 4 == 3 else ("north", "south"))
        self.stations = list(self.world.stations.values())
        self.counts: dict[str, int] = {}
        self.failures: list[BaseException] = []
        self._machine = self.world.timeline.machine("people")
        self._over = False
        signed = seed % 2 == 1
        if seed % EVERY_CUT == 0:
            for station in self.stations:
                chance = self.world.chance(f"past {station.name}")
                station.past = PastSettings(chance.uniform(15.0, 120.0) / 86_400.0, chance.randrange(60, 400))
        for station in self.stations:
            station.accord = None if signed else terms(self.stations, BEGAN)
        self._faults = Faults(self.stations, self.world.network, self.world.chance("faults"))
        self._hostile: Hostile | None = None
        if seed % 5 == 0:
            attacker, *victims = reversed(self.stations)
            self._hostile = Hostile(attacker, victims, self.world.network, self.world.chance("hostile"))
        self._honest = self.stations[:-1] if self._hostile else self.stations
        self._is_put_back = seed % EVERY_PUT_BACK == EVERY_PUT_BACK - 1
        self._authorities = {s.name: self._authority(s) for s in self.stations} if signed else {}

    def _authority(self, station: Station) -> Authority:
        others = {one.name: one for one in self.stations if one is not station}
        return Authority(station, others, self.world.chance(f"authority {station.name}"), BEGAN)

    def go(self) -> None:
        """Run from start to end; raises AssertionError when a promise is broken."""
        for station in self.stations:
            station.start()
            self._begin(self._act(station))
            self._begin(self._faults.keep(station))
            if station.name in self._authorities:
                self._begin(self._authorise(station))
        self._begin(self._faults.run())
        if self._is_put_back:
            self._begin(self._faults.put_back(self._honest, self.world.chance("put back")))
        for station in self._honest if self.world.seed % EVERY_ROTATED == 0 else ():
            self._begin(self._rotate(station))
        self._begin(self._look())
        if self._hostile is not None:
            self._begin(self._hostile.run())
        self._until(TROUBLED_S)
        self.world.note("world", "from now on all is well")
        self._over = True
        self._faults.stop()
        if self._hostile is not None:
            self._hostile.stop()
        self._until(QUIET_S)
        for _ in range(LONGEST_SETTLING_S):
            # A line check may be under way at any moment: what counts is that there comes a moment without.
            if all(self._is_quiet(station) for station in self._honest):
                break
            self._until(1.0)
        self._check_end()

    def _begin(self, work) -> None:
        def ended(task: asyncio.Task[None]) -> None:
            if not task.cancelled() and task.exception() is not None:
                self.failures.append(task.exception())

        def begin() -> None:
            self._machine.create_task(work).add_done_callback(ended)

        self._machine.call_soon(begin)

    def _until(self, seconds: float) -> None:
        end_us = self.world.timeline.now_us + round(seconds * 1e6)
        timeline = self.world.timeline
        self._machine.call_later(seconds, lambda: None)
        timeline.run(lambda: timeline.now_us >= end_us or bool(self.failures))
        if self.failures:
            raise self.failures[0]

    async def _act(self, station: Station) -> None:
        peers = tuple(one.name for one in self.stations if one is not station)
        officer = Officer(station.name, peers, self.world.chance(f"officer {station.name}"))
        while not self._over:
            await asyncio.sleep(officer.chance.expovariate(1.0 / MEAN_ACT_S))
            name, act = draw(officer)
            await self._ask(station, name, lambda node, act=act: self._do(act, officer, node))

    async def _do(self, act, officer, node):
        command = await node.loop.read(lambda: act(officer, node))
        return None if command is None else await node.do(command)

    async def _authorise(self, station: Station) -> None:
        authority = self._authorities[station.name]
        chance = self.world.chance(f"when {station.name}")
        while not self._over:
            begins = self.world.timeline.now_s < 30.0
            await asyncio.sleep(3.0 if begins else chance.expovariate(1.0 / MEAN_AUTHORITY_S))

            async def say(node, begins=begins):
                acts = authority.begin(node) if begins else [authority.act(node)]
                for peer, act in [one for one in acts if one is not None]:
                    await node.act_on_accord(peer, act)

            await self._ask(station, "authority", say)

    async def _rotate(self, station: Station) -> None:
        chance = self.world.chance(f"rotations {station.name}")
        while not self._over:
            await asyncio.sleep(chance.expovariate(1.0 / MEAN_ROTATION_S))
            await self._ask(station, "rotate_key", lambda node: node.rotate_key())

    async def _ask(self, station: Station, name: str, make) -> None:
        try:
            outcome = await station.ask(make)
        except Refusal as refusal:
            result = "refused"
            station.note(f"{name}: refused: {str(refusal)[:160]}")
        except GoneError as gone:
            result = "gone"
            station.note(f"{name}: no answer {gone}")
        else:
            result = "nothing" if outcome is None else "done"
            if outcome is not None:
                station.note(f"{name}: done, entry {outcome.journal_number}")
            assert name != WRONG, f"{station.name} did what nobody may do"
        self.counts[f"{name} {result}"] = self.counts.get(f"{name} {result}", 0) + 1

    async def _look(self) -> None:
        chance = self.world.chance("looks")
        while True:
            await asyncio.sleep(LOOK_S)
            for station in self._honest:
                if station.broken:
                    raise station.broken[0]
                bounds.check(station)
                stop.check(station)
                if chance.random() < DEEP_LOOKS and station.up_for_s() > 1.0 and not station.slow_s:
                    try:
                        broken = await station.ask(lambda node, s=station: _between_turns(s, node))
                    except GoneError:
                        continue
                    if broken is not None:
                        raise broken

    def _is_quiet(self, station: Station) -> bool:
        life = station.life
        if life is None or life.node is None or not hasattr(life.node, "outbox"):
            return False
        names = {one.name for one in self._honest}
        statuses = life.node.outbox.statuses()
        return not any(status.waiting for link, status in statuses.items() if link.split()[0] in names)

    def _check_end(self) -> None:
        for station in self._honest:
            assert station.life is not None, f"{station.name} does not run"
            assert not station.life.machine.failures, f"{station.name}: {station.life.machine.failures[:3]}"
            bounds.check(station)
            bounds.check_quiet(station)
            replay.check(station)
            forgetting.check(station)
            conflicts.check(station.life.node.picture)
            silence.check(station)
            stop.check(station)
        for one, other in combinations(self._honest, 2):
            transcripts.check(one, other)
            pictures.check(one, other)
        self.counts["cut tails"] = sum(station.cut_tails for station in self.stations)
        self.counts["put back"] = sum(station.put_back_times for station in self.stations)
        self.counts["starts from a snapshot"] = sum(station.snapshot_starts for station in self.stations)
        self.counts["segments found at starts"] = sum(station.cuts for station in self.stations)
        self.counts["lives"] = sum(len(station.lives) for station in self.stations)
        self.counts["entries"] = sum(station.life.journal.head.number for station in self._honest)


async def _between_turns(station: Station, node) -> AssertionError | None:
    def look(_picture) -> AssertionError | None:
        try:
            replay.check(station)
            conflicts.check(node.picture)
        except AssertionError as error:
            return error
        return None

    return await node.loop.read(look)


def begin() -> None:
    """Make a process ready to play many seeds quickly."""
    remember()
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000)


def simulate(seed: int) -> Result:
    """Play one seed."""
    began_s = time.process_time()
    logging.disable(logging.CRITICAL)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    run = Run(seed)
    failure = ""
    try:
        run.go()
        if seed % EVERY_TWO_WORLDS == 0:
            two_worlds.check(seed // EVERY_TWO_WORLDS)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        failure = "".join(traceback.format_exception(error)[-12:])
    finally:
        run._machine.clear_away()
        run.world.clear_away()
    took_s = time.process_time() - began_s
    return Result(seed, failure, run.world.log, run.counts, run.world.timeline.now_s, took_s)


def main() -> int:
    """Play seeds on every core; return 1 when one broke a promise."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--from", type=int, default=1, dest="first")
    parser.add_argument("--processes", type=int, default=None)
    parser.add_argument("--step", type=int, default=1)
    parser.add_argument("--until-broken", action="store_true")
    parser.add_argument("--log", action="store_true")
    arguments = parser.parse_args()
    seeds = range(arguments.first, arguments.first + arguments.seeds * arguments.step, arguments.step)
    began_s = time.perf_counter()
    broken: list[int] = []
    cpu_s = 0.0
    counts: dict[str, int] = {}
    with ProcessPoolExecutor(arguments.processes, initializer=begin) as pool:
        for result in pool.map(simulate, seeds):
            cpu_s += result.took_s
            for name, count in result.counts.items():
                counts[name] = counts.get(name, 0) + count
            if arguments.log:
                print("\n".join(result.log))
            if result.failure:
                broken.append(result.seed)
                shown = [] if arguments.log else result.log[-SHOWN_LINES:]
                print("\n".join(shown), result.failure, sep="\n")
                again = f"make simulate SEEDS=1 FROM={result.seed} LOG=1"
                print(f"seed {result.seed} breaks a promise; again: {again}", flush=True)
                if arguments.until_broken:
                    pool.shutdown(cancel_futures=True)
                    break
    took_s = time.perf_counter() - began_s
    print(f"{len(seeds)} seeds, {len(broken)} broken, {took_s:.0f} s, {cpu_s / len(seeds):.2f} CPU seconds a seed")
    if broken:
        print(f"broken: {', '.join(map(str, broken))}")
    for name, count in sorted(counts.items()):
        print(f"  {count:8,}  {name}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
