"""Nothing leaves that disclosure forbids: two worlds that differ only in what one party keeps to itself look the same.

The same seed is played twice. North's plans are other ones in each world; everything that people do in the open, and
everything that befalls machines and network, is the same. South's whole view is every byte that left north's machine
and the microsecond in which it left: it must be equal.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime, timedelta

import structlog
from authorities import terms
from checks import answers
from disk import Fault
from network import FAIR, FOUL
from station import GoneError, Station
from world import BEGAN, World

from detente.airspace.altitude import Altitude, AltitudeBand, AltitudeUnit, MeanSeaLevel
from detente.airspace.plan import Circle, Plan, TimeWindow, Volume4D
from detente.airspace.position import Position
from detente.airspace.refusal import Refusal
from detente.picture.commands import ActivatePlan, ImportPlans, WithdrawPlan
from people import ACTS, Officer

SECONDS = 240.0
MEAN_ACT_S = 4.0
PLANNING = frozenset({
    "import_plans", "amend_plan", "withdraw_plan", "activate_plan", "end_plan", "propose_measure", "answer_measure",
})  # fmt: skip
SITES = 5


class Worlds:
    """One of the two worlds of a seed: `number` 0 or 1; plans are told at the level `disclosure` by north."""

    def __init__(self, seed: int, number: int, disclosure: str) -> None:
        self.world = World(seed, ("north", "south"), is_even=True)
        self._number = number
        self._is_coarse = disclosure != "nothing"
        self._machine = self.world.timeline.machine("people")
        self._over = False
        self.north, self.south = self.world.stations.values()
        for station in self.world.stations.values():
            station.accord = terms((self.north, self.south), BEGAN, disclosure=disclosure, tells_all="south")

    def view(self, seconds: float) -> list[tuple[float, bytes]]:
        """Play so long in this world; return what south sees, with the second in which it left north's machine."""
        for station in self.world.stations.values():
            station.start()
            work = (self._act(station), self._keep(station))
            for one in (*work, self._plan_in_private()) if station is self.north else work:
                self._machine.call_soon(lambda one=one: self._machine.create_task(one))
        self._machine.call_soon(lambda: self._machine.create_task(self._trouble()))
        self.world.run_for(seconds)
        answers.check(self.north)
        found = [(when_s, raw) for when_s, sender, raw in self.world.network.seen if sender == self.north.address]
        self._machine.clear_away()
        self.world.clear_away()
        return found

    async def _act(self, station: Station) -> None:
        """South does everything; north does in the open what has nothing to do with its plans."""
        peer = "south" if station is self.north else "north"
        officer = Officer(station.name, (peer,), self.world.chance(f"officer {station.name}"))
        officer.names_plans = station is self.south
        names = [name for name in ACTS if station is self.south or name not in PLANNING]
        while True:
            await asyncio.sleep(officer.chance.expovariate(1.0 / MEAN_ACT_S))
            act = ACTS[officer.chance.choices(names, [ACTS[name][1] for name in names])[0]][0]
            await self._ask(station, lambda node, act=act, officer=officer: self._do(act, officer, node))

    async def _do(self, act, officer, node):
        command = await node.loop.read(lambda: act(officer, node))
        return None if command is None else await node.do(command)

    async def _plan_in_private(self) -> None:
        """North uses its sites as the seed says; which plans those are is the world's own."""
        common, own = self.world.chance("private"), self.world.chance(f"private {self._number}")
        names: dict[int, str] = {}
        while True:
            await asyncio.sleep(common.expovariate(1.0 / (2 * MEAN_ACT_S)))
            site, ends, flies = common.randrange(SITES), common.random() < 0.3, common.random() < 0.3
            if not self._is_coarse and own.random() < 0.5:
                continue
            at = self.north.clock()
            if ends and site in names:
                name = names.pop(site)
                await self._ask(self.north, lambda node, name=name, at=at: node.do(WithdrawPlan(at, "north", name)))
                continue
            name = names.setdefault(site, f"secret-{own.randrange(10**9)}")
            plan = self._plan(name, site, own)
            await self._ask(self.north, lambda node, plan=plan, at=at: node.do(ImportPlans(at, "north", (plan,))))
            if flies:
                await self._ask(self.north, lambda node, name=name, at=at: node.do(ActivatePlan(at, "north", name)))

    def _plan(self, name: str, site: int, own) -> Plan:
        """A disc at a site, which stays inside one cell, one block of heights and one bracket of time."""
        lower_m = own.choice((3050.0, 3400.0, 3700.0))
        band = AltitudeBand(*(Altitude(lower_m + m, AltitudeUnit.METRE, MeanSeaLevel()) for m in (0.0, 50.0)))
        start: datetime = BEGAN + timedelta(minutes=5, seconds=own.choice((0.0, 33.0, 400.0)))
        window = TimeWindow(start, start + timedelta(minutes=12))
        return Plan(
            name, (Volume4D(Circle(Position(34.0, 20.0 + 2.0 * site), own.choice((400.0, 6_000.0))), band, window),)
        )

    async def _ask(self, station: Station, make) -> None:
        try:
            await station.ask(make)
        except (Refusal, GoneError):
            return

    async def _trouble(self) -> None:
        """What befalls both worlds alike; nothing of it depends on how much is written."""
        chance = self.world.chance("trouble")
        while True:
            await asyncio.sleep(chance.expovariate(1.0 / 20.0))
            station = chance.choice((self.north, self.south))
            match chance.randrange(5):
                case 0:
                    station.crash(Fault.KILLED)
                case 1:
                    station.freeze(chance.random() * 20.0)
                case 2:
                    station.jump(chance.choice((-5.0, -0.5, 0.5, 5.0)))
                case 3:
                    self.world.network.split(self.north.address, self.south.address)
                    await asyncio.sleep(chance.random() * 20.0)
                    self.world.network.heal()
                case _:
                    self.world.network.weather = FOUL
                    await asyncio.sleep(chance.random() * 20.0)
                    self.world.network.weather = FAIR

    async def _keep(self, station: Station) -> None:
        while True:
            await asyncio.sleep(2.0)
            if station.life is None:
                station.start()


def views(seed: int, disclosure: str, seconds: float = SECONDS) -> list[list[tuple[float, bytes]]]:
    """What south sees in each of the two worlds of a seed."""
    logging.disable(logging.CRITICAL)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    return [Worlds(seed, number, disclosure).view(seconds) for number in (0, 1)]


def check(seed: int) -> None:
    """Play both worlds of a seed, with plans that are told coarsely, by answers or not at all."""
    disclosure = ("nothing", "cell", "conflict")[seed % 3]
    differs = difference(*views(seed, disclosure))
    assert not differs, f"what south sees under {disclosure!r} tells the two worlds apart: {differs}"


def difference(one: list[tuple[float, bytes]], other: list[tuple[float, bytes]]) -> str:
    """Say where two views differ first; empty when they are equal."""
    for first, second in zip(one, other, strict=False):
        if first != second:
            return f"{first[0]:.6f} s: {first[1][:600]!r}\n{second[0]:.6f} s: {second[1][:600]!r}"
    return "" if len(one) == len(other) else f"{len(one)} and {len(other)} messages left"
