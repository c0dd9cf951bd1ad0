"""What befalls machines, disks, clocks and the network, drawn from the seed."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence

from disk import Fault
from network import FAIR, FOUL, Network
from station import Station

MEAN_PAUSE_S = 18.0
MEAN_PUT_BACK_S = 60.0
LONGEST_DOWN_S = 20.0


class Faults:
    """Troubles stations until `stop`; `keep` starts again what is down."""

    def __init__(self, stations: Sequence[Station], network: Network, chance: random.Random) -> None:
        self._stations = stations
        self._network = network
        self._chance = chance
        self._over = False

    def stop(self) -> None:
        """From now on nothing goes wrong any more."""
        self._over = True
        self._network.heal()
        for station in self._stations:
            station.disk.mend()
            station.slow_s = 0.0

    async def run(self) -> None:
        """Let things go wrong, one after another, until `stop`."""
        kinds = {
            self._kill: 2.0, self._crash_in_write: 4.0, self._fill: 1.0, self._fail_to_read: 1.0, self._slow: 1.0,
            self._freeze: 1.5, self._jump: 1.5, self._split: 2.0, self._foul: 3.0,
        }  # fmt: skip
        while True:
            await asyncio.sleep(self._chance.expovariate(1.0 / MEAN_PAUSE_S))
            if self._over:
                return
            await self._chance.choices(list(kinds), list(kinds.values()))[0]()

    async def put_back(self, stations: Sequence[Station], chance: random.Random) -> None:
        """Put stations back from a backup now and then, until `stop`: what they began their life with is one."""
        while True:
            await asyncio.sleep(chance.expovariate(1.0 / MEAN_PUT_BACK_S))
            if self._over:
                return
            chance.choice(stations).put_back()

    async def keep(self, station: Station) -> None:
        """Start a station again a while after it went down."""
        while True:
            if station.life is not None:
                await station.life.ended.wait()
            await asyncio.sleep(0.1 if self._over else self._chance.random() * LONGEST_DOWN_S)
            if station.life is None:
                station.start()

    def _one(self) -> Station:
        return self._chance.choice(self._stations)

    async def _kill(self) -> None:
        self._one().crash(self._chance.choice((Fault.KILLED, Fault.POWER_LOSS)))

    async def _crash_in_write(self) -> None:
        station, fault = self._one(), self._chance.choice((Fault.KILLED, Fault.POWER_LOSS))
        station.disk.after(self._chance.randrange(12), fault)

    async def _fill(self) -> None:
        self._one().disk.after(self._chance.randrange(8), Fault.FULL)

    async def _fail_to_read(self) -> None:
        self._one().disk.after(0, Fault.READ_ERROR)

    async def _slow(self) -> None:
        station = self._one()
        station.slow_s = self._chance.choice((0.2, 2.0))
        station.note(f"the disk is slow: up to {station.slow_s} s a write")
        await asyncio.sleep(self._chance.random() * 30.0)
        station.slow_s = 0.0

    async def _freeze(self) -> None:
        self._one().freeze(self._chance.choice((1.0, 10.0, 40.0)) * self._chance.random())

    async def _jump(self) -> None:
        station = self._one()
        by_s = self._chance.choice((-60.0, -5.0, -0.5, 0.5, 5.0, 60.0))
        station.jump(by_s)

    async def _split(self) -> None:
        one, other = self._chance.sample(self._stations, 2)
        one.note(f"is cut off from {other.name}")
        self._network.split(one.address, other.address)
        await asyncio.sleep(self._chance.random() * 60.0)
        self._network.join(one.address, other.address)

    async def _foul(self) -> None:
        self._network.weather = FOUL
        await asyncio.sleep(self._chance.random() * 60.0)
        self._network.weather = FAIR
