"""A network between machines in one process: late, lossy, repeating, split, and with answers that come half or never.

It takes the place of HTTP behind `link.carrier.EnvelopeCarrier`. A batch takes a drawn time to the other machine, its
answer a drawn time back, so that batches of different links overtake each other; a copy may come again much later.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import msgspec
from virtual_time import MachineLoop, Timeline

from detente.link.carrier import CarriageError, EnvelopeCarrier, OpenCarrier

Receive = Callable[[bytes], Awaitable[tuple[int, bytes]]]
"""Takes a batch in at a node: the HTTP status and the body of the answer."""
LATEST_COPY_S = 120.0


class Weather(msgspec.Struct, frozen=True):
    """What befalls a batch: shares of all batches, and the longest time of one way in seconds.

    `half` answers are cut off; `late` ones come after the sender gave up.
    """

    slowest_s: float = 0.05
    lost: float = 0.0
    answer_lost: float = 0.0
    half: float = 0.0
    late: float = 0.0
    twice: float = 0.0


FAIR = Weather()
FOUL = Weather(slowest_s=3.0, lost=0.15, answer_lost=0.1, half=0.05, late=0.05, twice=0.15)


class Network:
    """The machines by address. `weather` holds for all; `split` names pairs between whom nothing goes.

    Attributes:
        batches: every batch that was put on the way, with the sender's and the recipient's address.
        seen: every batch and every answer, with the second in which it left, and the address that it left.
        answers_of: by address, what a hostile party makes of its node's answer (to a batch; status, body).
    """

    def __init__(self, timeline: Timeline, chance: random.Random, note: Callable[[str, str], None]) -> None:
        self.weather = FAIR
        self.batches: list[tuple[str, str, bytes]] = []
        self.seen: list[tuple[float, str, bytes]] = []
        self.answers_of: dict[str, Callable[[bytes, int, bytes], tuple[int, bytes]]] = {}
        self._split: set[frozenset[str]] = set()
        self._chance = chance
        self._note = note
        self.loop = timeline.machine("network")
        self._there: dict[str, tuple[MachineLoop, Receive]] = {}

    def listen(self, address: str, machine: MachineLoop, receive: Receive) -> None:
        """From now on a machine takes in what is sent to an address."""
        self._there[address] = (machine, receive)

    def gone(self, address: str) -> None:
        """Nobody listens at an address."""
        self._there.pop(address, None)

    def split(self, one: str, other: str) -> None:
        """Nothing goes between two addresses."""
        self._split.add(frozenset((one, other)))

    def join(self, one: str, other: str) -> None:
        """What was split goes through again."""
        self._split.discard(frozenset((one, other)))

    def heal(self) -> None:
        """Everything goes through, quickly."""
        self._split.clear()
        self.weather = FAIR

    def carrier(self, address: str) -> OpenCarrier:
        """Return what gives the node at `address` its carrier."""

        @asynccontextmanager
        async def opened() -> AsyncIterator[EnvelopeCarrier]:
            yield _Carrier(self, address)

        return opened

    def clear_away(self) -> None:
        """After the run."""
        self.loop.clear_away()

    async def carry(
        self, sender: str, recipient: str, batch: bytes, connect_s: float, total_s: float
    ) -> tuple[int, bytes]:
        """Bring a batch to where it goes and the answer back; see `EnvelopeCarrier.carry`."""
        answered: asyncio.Future[tuple[int, bytes]] = asyncio.get_running_loop().create_future()
        weather, chance = self.weather, self._chance
        there_s = chance.random() * weather.slowest_s
        if frozenset((sender, recipient)) in self._split:
            await asyncio.sleep(connect_s)
            raise CarriageError("ConnectionTimeoutError: no connection")
        if recipient not in self._there:
            await asyncio.sleep(there_s)
            raise CarriageError("ClientConnectorError: nobody listens")
        self.batches.append((sender, recipient, batch))
        self.seen.append((self.loop.time(), sender, batch))
        if chance.random() < weather.lost:
            self._note(sender, f"a batch to {recipient} is lost")
        else:
            self.loop.call_later(there_s, self._arrive, sender, recipient, batch, answered)
        if chance.random() < weather.twice:
            again_s = chance.random() * chance.choice((weather.slowest_s, LATEST_COPY_S))
            self.loop.call_later(again_s, self._arrive, sender, recipient, batch, None)
        try:
            async with asyncio.timeout(total_s):
                return await answered
        except TimeoutError:
            raise CarriageError("TimeoutError: no answer") from None

    def inject(self, recipient: str, batch: bytes) -> None:
        """Somebody brings bytes to an address, and does not wait for the answer."""
        self.loop.call_later(self._chance.random() * self.weather.slowest_s, self._arrive, "?", recipient, batch, None)

    def _arrive(
        self, sender: str, recipient: str, batch: bytes, answered: asyncio.Future[tuple[int, bytes]] | None
    ) -> None:
        if recipient not in self._there or frozenset((sender, recipient)) in self._split:
            return
        machine, receive = self._there[recipient]

        async def take_in() -> None:
            try:
                status, answer = await receive(batch)
            except Exception:  # noqa: BLE001
                # As a server does whose node stops: the connection ends without an answer.
                return
            if recipient in self.answers_of:
                status, answer = self.answers_of[recipient](batch, status, answer)
            self.seen.append((self.loop.time(), recipient, answer))
            self._answer(sender, recipient, status, answer, answered)

        machine.call_soon(lambda: machine.create_task(take_in(), name="batch"))

    def _answer(
        self,
        sender: str,
        recipient: str,
        status: int,
        answer: bytes,
        answered: asyncio.Future[tuple[int, bytes]] | None,
    ) -> None:
        weather, chance = self.weather, self._chance
        if answered is None or frozenset((sender, recipient)) in self._split:
            return
        if chance.random() < weather.answer_lost:
            self._note(recipient, f"the answer to {sender} is lost")
            return
        back_s = chance.random() * weather.slowest_s
        if chance.random() < weather.late:
            back_s += LATEST_COPY_S
        if chance.random() < weather.half:
            answer = answer[: chance.randrange(len(answer) + 1)]
        self.loop.call_later(back_s, _settle, answered, (status, answer))


class _Carrier:
    def __init__(self, network: Network, address: str) -> None:
        self._network = network
        self._address = address

    async def carry(
        self, address: str, peer: bytes, batch: bytes, connect_s: float, total_s: float
    ) -> tuple[int, bytes]:
        return await self._network.carry(self._address, address, batch, connect_s, total_s)


def _settle(answered: asyncio.Future[tuple[int, bytes]], value: tuple[int, bytes]) -> None:
    if not answered.done():
        answered.set_result(value)
