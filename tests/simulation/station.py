"""One party under simulation: its key, its disk and its clock, and the node that runs on them, life after life."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from disk import Disk, Fault
from network import Network
from node_parts import NodeParts, PastSettings
from state_bytes import digests
from virtual_time import MachineLoop, Timeline

from detente.accord.terms import Accord
from detente.airspace.refusal import Refusal
from detente.link.card import Card, make_card, write_card
from detente.link.directory import NodeDirectory
from detente.link.trust import write_durably
from detente.node.key_rotation import open_own_journal
from detente.record.chain import Genesis
from detente.record.entry import Entry, NewEntry, microseconds
from detente.record.journal import Journal, JournalStoppedError
from detente.record.keys import NodeKey
from detente.record.storage import create_database

JOURNAL = "journal.sqlite"


def _key_from(chance: random.Random) -> NodeKey:
    return NodeKey(Ed25519PrivateKey.from_private_bytes(chance.randbytes(32)))


class GoneError(Exception):
    """The node that was asked died before it answered."""


class Clock:
    """A machine's clock in UTC: how far it is off, how fast it goes, and the jumps that it makes."""

    def __init__(self, timeline: Timeline, began: datetime, off_s: float, rate: float) -> None:
        self._timeline = timeline
        self._began = began
        self._rate = rate
        self.off_s = off_s
        self._shown: tuple[tuple[int, float], datetime] | None = None

    def __call__(self) -> datetime:
        at = (self._timeline.now_us, self.off_s)
        if self._shown is None or self._shown[0] != at:
            seconds = self._timeline.now_s * self._rate + self.off_s
            self._shown = (at, self._began + timedelta(seconds=seconds))
        return self._shown[1]


class SimulatedCommit:
    """The way into the journal without a thread: each batch takes as long as the disk does. See `record.Commit`."""

    def __init__(self, station: Station, machine: MachineLoop, journal: Journal) -> None:
        self._station = station
        self._machine = machine
        self._journal = journal

    def submit(self, entries: Sequence[NewEntry], at: datetime) -> Future[list[Entry]]:
        """See `Commit.submit`."""
        future: Future[list[Entry]] = Future()
        self._machine.call_later(self._station.write_s(), self._write, tuple(entries), at, future)
        return future

    def _write(self, entries: tuple[NewEntry, ...], at: datetime, future: Future[list[Entry]]) -> None:
        try:
            appended = self._journal.append(entries, at)
        except JournalStoppedError as error:
            if self._station.disk.is_off:
                self._station.has_crashed()
            else:
                future.set_exception(error)
            return
        if self._station.disk.is_off:
            # The power went after the batch was on the disk and before anybody was told.
            self._station.has_crashed()
            return
        self._station.disk.note_head()
        future.set_result(appended)


class Life:
    """One run of the node's program, from start to crash or stop."""

    def __init__(self, machine: MachineLoop, journal: Journal) -> None:
        self.machine = machine
        self.journal = journal
        self.node: NodeParts | None = None
        self.ended = asyncio.Event()


class Station:
    """One party. `life` is the node that runs now, None while it is down.

    Attributes:
        acknowledged: heads of the journal at which something was acknowledged; no later journal may differ from one.
        key: the key that it began with, by which others know it; `card` is that with which the node was last started.
        files: key and card, which are never lost: of a rotated key there is a backup.
    """

    def __init__(
        self, name: str, timeline: Timeline, network: Network, chance: random.Random, root: Path,
        note: Callable[[str, str], None], clock: Clock,
    ) -> None:  # fmt: skip
        self.name = name
        self.address = f"http://{name}.test"
        self.clock = clock
        self.key, self.authority = _key_from(chance), _key_from(chance)
        self.card: Card = make_card(self.key, name, (self.address,), clock())
        self.files = NodeDirectory(root / name / "node")
        self.trusted: list[Card] = []
        self.accord: Accord | None = None
        self.disk = Disk(root / name, chance)
        self.past = PastSettings(36_500.0, 0)
        self.snapshot_starts = 0
        self.cuts = 0
        self.slow_s = 0.0
        self.settled_us = 0
        self._asked: list[asyncio.Future[Any]] = []
        self.life: Life | None = None
        self.lives: list[Life] = []
        self.acknowledged: dict[int, bytes] = {}
        self.broken: list[BaseException] = []
        self.cut_tails = 0
        self.refused_starts = 0
        self.put_back_times = 0
        self._timeline = timeline
        self._network = network
        self._chance = chance
        self._key_chance = random.Random(self.key.public)
        self._note = note
        self.files.path.mkdir(mode=0o700, parents=True)
        self.key.save(self.files.key_path)
        write_durably(self.files.card_path, write_card(self.card))
        create_database(
            self.disk.directory / JOURNAL,
            Genesis(chance.randbytes(16), self.key.public, microseconds(clock())),
            self.key,
        )
        self.disk.everything_is_durable()

    def make_key(self) -> NodeKey:
        """Return a key that nobody has."""
        return _key_from(self._key_chance)

    def note(self, what: str) -> None:
        """Write a line of the run's log."""
        self._note(self.name, what)

    def write_s(self) -> float:
        """How long the next batch takes to be on the disk."""
        return self.usual_write_s() + (0.0 if self._timeline.is_even else self.slow_s * self._chance.random())

    def usual_write_s(self) -> float:
        """How long a batch takes to be on a disk that is not slow."""
        return 0.0 if self._timeline.is_even else 0.0005 + self._chance.random() * 0.004

    def start(self) -> None:
        """Start the node on what its disk holds."""
        assert self.life is None
        machine = self._timeline.machine(self.name)
        self.files.journal_path = self.disk.directory / JOURNAL
        try:
            journal, key = open_own_journal(self.files)
        except Refusal as refusal:
            machine.clear_away()
            self.refused_starts += 1
            self.note(f"does not start: {refusal}")
            if self.disk.is_off:
                self.disk.restart()
            return
        if journal.report.sentence:
            self.cut_tails += 1
            self.note(journal.report.sentence)
        self._check_acknowledged(journal)
        self.card = self.files.card()
        self.life = life = Life(machine, journal)
        self.lives.append(life)
        commit = SimulatedCommit(self, machine, journal)
        life.node = NodeParts(self, journal, key, commit, self._network.carrier(self.address), self._chance.random)
        self.settled_us = self._timeline.now_us
        self.snapshot_starts += life.node.folded < journal.head.number
        self.cuts += len(journal.segments)
        self.note(f"starts at entry {journal.head.number}, {life.node.folded} of them folded in")
        self._network.listen(self.address, machine, self.receive)
        machine.call_soon(lambda: machine.create_task(self._run(life), name="node"))

    async def receive(self, batch: bytes) -> tuple[int, bytes]:
        """Take a batch in, as the node's HTTP does."""
        assert self.life is not None
        assert self.life.node is not None
        answer = await self.life.node.receive(batch)
        self.remember()
        return answer

    def remember(self) -> None:
        """Something was acknowledged: everything that the journal holds now is promised."""
        if self.life is not None:
            head = self.life.journal.head
            self.acknowledged[head.number] = head.hash

    def ask(self, make: Callable[[NodeParts], Coroutine[Any, Any, Any]]) -> asyncio.Future[Any]:
        """Ask the node for something from another machine; GoneError when it dies before it answers."""
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        life = self.life
        if life is None or life.node is None:
            answer.set_exception(GoneError())
            return answer
        node = life.node
        self._asked = [future for future in self._asked if not future.done()]
        self._asked.append(answer)

        async def work() -> None:
            try:
                result = await make(node)
            except Refusal as refusal:
                if not answer.done():
                    answer.set_exception(refusal)
            except Exception as error:  # noqa: BLE001 - the node stops
                if not answer.done():
                    answer.set_exception(GoneError(repr(error)))
            else:
                self.remember()
                if not answer.done():
                    answer.set_result(result)

        life.machine.call_soon(lambda: life.machine.create_task(work(), name="ask"))
        return answer

    def jump(self, by_s: float) -> None:
        """The machine's clock is set."""
        self.clock.off_s += by_s
        self.settled_us = self._timeline.now_us
        self.note(f"the clock is set by {by_s:+} s")

    def up_for_s(self) -> float:
        """Seconds for which the node has run undisturbed: since its start, its clock's last jump, its last stand."""
        if self.life is None:
            return 0.0
        since_us = max(self.settled_us, self.life.machine.frozen_until_us)
        return max(0.0, (self._timeline.now_us - since_us) / 1e6)

    def freeze(self, seconds: float) -> None:
        """The machine stands still for a while."""
        if self.life is not None:
            self.life.machine.frozen_until_us = self._timeline.now_us + round(seconds * 1e6)
            self.note(f"stands still for {seconds:.1f} s")

    def crash(self, fault: Fault) -> None:
        """The process is killed, or the power goes, between two writes."""
        if self.life is not None:
            self.disk.crash(fault)
            self.has_crashed()

    def put_back(self) -> None:
        """The machine is lost, and its backup put back; without one, the files that it began with are kept as one."""
        if self.life is None or self.disk.is_off or self.files.next_key_path.exists():
            return
        self.disk.keep_backup()
        self.disk.crash(Fault.KILLED)
        if self.disk.put_back():
            self.note("is put back from a backup")
            self.put_back_times += 1
            self.acknowledged.clear()
        self.has_crashed()

    def has_crashed(self) -> None:
        """The machine is off; what its disk holds waits for the next start."""
        life = self.life
        if life is None:
            return
        self.note(f"is dead: {self.disk.last_fault.value}")
        life.machine.kill()
        self._down(life)
        with contextlib.suppress(Exception):
            life.journal.close()
        self.disk.restart()

    def _down(self, life: Life) -> None:
        self.life = None
        self._network.gone(self.address)
        for future in self._asked:
            if not future.done():
                future.set_exception(GoneError())
        self._asked = []
        life.ended.set()

    async def _run(self, life: Life) -> None:
        """Run the program until it ends by itself; its supervisor starts it again."""
        assert life.node is not None
        failed = await life.node.serve()
        for error in failed:
            self.note(f"the node ends: {type(error).__name__}: {str(error)[:200]}")
        if life is self.life:
            if not self.disk.has_failed:
                self.broken.append(AssertionError(f"{self.name} ended by itself: {failed!r}"))
            self.disk.mend()
            life.machine.kill()
            self._down(life)
            with contextlib.suppress(Exception):
                life.journal.close()
            if self.disk.is_off:
                self.disk.restart()

    def _check_acknowledged(self, journal: Journal) -> None:
        head = journal.head
        late = [number for number in self.acknowledged if number > head.number]
        assert not late, f"{self.name}: entry {max(late)} was acknowledged, the journal ends at {head.number}"
        if self.acknowledged:
            number = max(self.acknowledged)
            entry = next(iter(journal.read(first=number))) if number else None
            found = entry.hash if entry is not None else journal.genesis.hash
            assert found == self.acknowledged[number], f"{self.name}: entry {number} is not what was acknowledged"

    def digests(self) -> dict[str, str]:
        """The state of every part of the running node, in a few characters each."""
        assert self.life is not None
        assert self.life.node is not None
        return digests(self.life.node)

    def clear_away(self) -> None:
        """After the run."""
        for life in self.lives:
            life.machine.clear_away()
            with contextlib.suppress(Exception):
                life.journal.close()
        self.disk.detach()
