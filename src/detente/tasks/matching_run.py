"""One run of private matching at work: its messages are made, noted, brought to the peer and taken, until its end.

The heavy steps are done in a thread, largely without the interpreter; the node goes on serving meanwhile.
"""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from typing import TypeVar

import msgspec
import structlog

from detente.accord.disclosure import in_area
from detente.airspace.plan import Plan
from detente.airspace.refusal import Refusal
from detente.line.alarms import LONGEST_DETAIL, AlarmKind
from detente.line.commands import RaiseAlarm
from detente.link.carrier import LinkClient
from detente.matching import life
from detente.matching.delivery import deliver
from detente.matching.driver import Driver
from detente.matching.files import RunFiles
from detente.matching.ledger import MatchAlarm, many_of_ours
from detente.matching.life import MatchingRun, OpenedPart, RunOutcome, noted_under
from detente.matching.messages import BreachError, ProtocolFault
from detente.matching.pace import full_list_s, leaves_at
from detente.matching.quantise import parts_of
from detente.matching.room import MatchingRoom
from detente.matching.schedule import late_runs_open
from detente.matching.side import MatchSide
from detente.node.loop import CommandLoop, NodeStopped
from detente.picture.picture import Picture, PlanState
from detente.settings.configuration import MatchingSettings

LOOK_S = 1.0
ENTRY_BYTES = 1 << 18
REVEAL_SUFFIX, PROOF_SUFFIX = "-reveal", "-proof"

T = TypeVar("T")
log = structlog.get_logger()


class SecretGoneError(Exception):
    """The run has begun, and what it is made from is not on the disk any more."""


class RunOverError(Exception):
    """Nobody waits for the work of this run any more."""


class RunAtWork:
    """A run that goes on.

    Attributes:
        run: its identity; `attempt` counts from 1.
        news: set when something may have arrived.
        progress: what is being done, how much of it is, of how much.
    """

    def __init__(
        self, loop: CommandLoop, client: LinkClient, files: RunFiles, record: MatchingRun,
        settings: MatchingSettings,
    ) -> None:  # fmt: skip
        self.run, self.attempt = record.run, record.attempt
        self.news = asyncio.Event()
        self.progress = ("", 0, 0)
        self._loop, self._client, self._files = loop, client, files
        self._room = loop.rooms.of_type(MatchingRoom)
        self._patience_s, self._pace_s = settings.patience_s, settings.pace_s
        self._delivered: set[str] = set()
        self._stopped = False
        self._late_slot = -1
        self._alarms: set[str] = set()

    def stop(self) -> None:
        """Let the work in the thread end soon: the run is over."""
        self._stopped = True

    async def work(self) -> None:
        """Go on until the run is over. Raises BreachError, Refusal, SecretGoneError and RunNotHeldError."""
        driver = await self._driver()
        for name in driver.sent:
            await self._send(driver, name)
        if driver.complete:
            await self._note_outcome(driver)
        while self._record.goes_on(self._loop.clock()):
            while driver.sending is not None:
                await self._make(driver, driver.sending)
                await self._send(driver, driver.sent[-1])
                if driver.complete:
                    await self._note_outcome(driver)
            if not (driver.complete and await self._begin_late_run(driver)):
                noted = await self._next_of_peer(driver)
                if noted is not None:
                    await self._take(driver, noted)
                    if driver.complete:
                        await self._note_outcome(driver)

    @property
    def _record(self) -> MatchingRun:
        return self._room.state.runs[self.run]

    async def _driver(self) -> Driver:
        found = self._room.run_of(self._record, self._loop.clock())
        run = dataclasses.replace(found, keys_of=self._loop.links.keys)
        plans: Sequence[Plan] | None = None
        if not self._files.begun:
            if self._record.sent:
                raise SecretGoneError
            plans = await self._own_plans()
        self.progress = ("plans", 0, 1)
        return await self._step(lambda: Driver(run, self._loop.key, self._files.keeper, plans, progress=self._report))

    async def _own_plans(self) -> list[Plan]:
        """Our live plans that the accord is about, in the order of their names."""
        plans = await self._loop.read(lambda: live_plans(self._loop.picture))
        accord = self._loop.accords.in_force(self._record.peer, self._loop.clock())
        area = None if accord is None else accord.provisions.area
        return plans if area is None else await self._step(lambda: [plan for plan in plans if in_area(area, plan)])

    async def _make(self, driver: Driver, name: str) -> None:
        """Make our next message, and wait until it may leave; at once when it has left before."""
        beats = asyncio.get_running_loop().time
        earliest_s = beats()
        known = noted_under(self._record.sent, name) is not None
        if name == life.MASKED_NAME and self._pace_s and not known:
            capacity = driver.run.capacity(driver.side.role)
            earliest_s += await self._step(lambda: full_list_s(capacity))
        await self._step(driver.next_message)
        if not known:
            self.progress = ("pace", 0, 0)
            await asyncio.sleep(leaves_at(beats(), earliest_s, self._pace_s) - beats())

    async def _send(self, driver: Driver, name: str) -> None:
        """Note that a message of ours is made, tell the peer, and bring it there."""
        if name in self._delivered:
            return
        raw = await asyncio.to_thread(driver.message, name)
        digest = await asyncio.to_thread(lambda: hashlib.sha256(raw).hexdigest())
        noted = life.Noted(name, len(raw), digest)
        # What is opened stays opened, whatever becomes of the run: it is on record before it leaves.
        opened = (
            await asyncio.to_thread(lambda: list(opened_parts(driver.side))) if name.endswith(REVEAL_SUFFIX) else []
        )
        concerned, plans = (
            {part.plan_id for part in opened},
            {part.piece.plan_id for part in driver.side.parts.values()},
        )
        if many_of_ours(len(concerned), len(plans)) and MatchAlarm.MANY_OF_OURS.value not in self._alarms:
            # Before it leaves, so that people hear of it before half of a schedule is told.
            await self._raise(MatchAlarm.MANY_OF_OURS.value)
        for some in _in_entries(opened[self._record.opened :]):
            await self._loop.decide(life.NoteParts(self._loop.clock(), self.run, ours=tuple(some)))
        flying = await self._loop.read(lambda: active_of(self._loop.picture, concerned))
        await self._loop.decide(life.NoteFlown(self._loop.clock(), self.run, flying))
        await self._loop.decide(life.NoteSent(self._loop.clock(), self.run, noted))
        peer = self._loop.peers.named(self._record.peer)
        if peer is not None and peer.addresses:
            self.progress = ("deliver", 0, len(raw))
            await self._patiently(deliver(self._client, peer.card, self._loop.key, self.run, name, raw))
        self._delivered.add(name)

    async def _take(self, driver: Driver, noted: life.Noted) -> None:
        raw = await asyncio.to_thread(self._files.incoming, noted)
        if raw is None:
            return
        at = self._loop.clock()
        if noted.name == driver.next_late:
            await self._join_late_run(driver, at)
        await self._step(lambda: driver.receive(raw, at))
        await self._loop.decide(life.NoteTaken(self._loop.clock(), self.run, noted.name))
        await asyncio.to_thread(self._files.taken, noted)

    async def _next_of_peer(self, driver: Driver) -> life.Noted | None:
        """Wait for a message of the peer that may come now, all of it here; None when it is time to look about."""
        self.progress = ("wait", 0, 0)
        if driver.complete and driver.awaited is None:
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    return await self._arrived(driver)
            return None
        # Who is silent when rows of his list are asked for has not shown that they are what they should be.
        unproven = (driver.awaited or "").endswith(PROOF_SUFFIX)
        return await self._patiently(
            self._arrived(driver), ProtocolFault.UNPROVEN if unproven else ProtocolFault.STALLED
        )  # fmt: skip

    async def _arrived(self, driver: Driver) -> life.Noted:
        while True:
            self.news.clear()
            for name in driver.expected:
                noted = noted_under(self._record.announced, name)
                if noted is not None and self._files.is_whole(noted):
                    return noted
            await self.news.wait()

    async def _note_outcome(self, driver: Driver) -> None:
        """Note which parts we were shown, then what the run has told."""
        side = driver.side
        if side.revealed is None:
            return
        for some in _in_entries(tuple(side.theirs)[self._record.seen :]):
            await self._loop.decide(life.NoteParts(self._loop.clock(), self.run, theirs=tuple(some)))
        met = dict.fromkeys(one.first_plan_id for one in side.revealed.encounters)
        outcome = RunOutcome(driver.ledger, tuple(sorted(met)), tuple(sorted(side.revealed.cleared)))
        before = self._record.outcome
        await self._loop.decide(life.FinishRun(self._loop.clock(), self.run, outcome))
        known = self._alarms | {alarm.value for alarm in (before.row.alarms if before else ())}
        if new := sorted({alarm.value for alarm in outcome.row.alarms} - known):
            await self._raise(*new)
        await self._loop.follow()

    async def _begin_late_run(self, driver: Driver) -> bool:
        """Begin the late run that is due, with the plans that are new or changed, or blind: its time tells nothing."""
        record, run, at = self._record, driver.run, self._loop.clock()
        slot = late_runs_open(run, at)
        if record.late_at is None or slot <= max(late_runs_open(run, record.late_at), self._late_slot):
            return False
        if driver.next_late is None or driver.side.chapter >= slot:
            return False
        self._late_slot = slot
        try:
            await self._loop.read(lambda: self._room.check_budget(record.peer, at))
        except Refusal as refusal:
            log.warning("no late run", peer=record.peer, why=str(refusal))
            return False
        return await self._begin_late_with_new(driver, at)

    async def _join_late_run(self, driver: Driver, at: datetime) -> None:
        """Begin the late run that the peer begins, with what is new here too; without, where that cannot be."""
        self._late_slot = late_runs_open(driver.run, at)
        await self._loop.read(lambda: self._room.check_budget(self._record.peer, at))
        await self._begin_late_with_new(driver, at)

    async def _begin_late_with_new(self, driver: Driver, at: datetime) -> bool:
        plans = await self._own_plans()
        try:
            await self._step(lambda: driver.begin_late(list(_new_plans(driver.side, plans)), at))
        except Refusal as refusal:
            log.warning("late plans cannot be matched", peer=self._record.peer, why=str(refusal))
            return False
        return True

    async def _step(self, work: Callable[[], T]) -> T:
        return await asyncio.to_thread(work)

    async def _patiently(self, waiting: Awaitable[T], fault: ProtocolFault = ProtocolFault.STALLED) -> T:
        try:
            async with asyncio.timeout(self._patience_s):
                return await waiting
        except TimeoutError:
            raise BreachError(fault, f"nothing for {self._patience_s:g} s") from None

    async def _raise(self, *alarms: str) -> None:
        self._alarms |= {*alarms}
        # Of each kind one alarm waits for a person: a lesser sign must not hide that much of our schedule is told.
        shaped = [alarm for alarm in alarms if alarm != MatchAlarm.MANY_OF_OURS]
        if len(shaped) < len(alarms):
            await raise_alarm(self._loop, self._record, AlarmKind.MANY_MATCHED, MatchAlarm.MANY_OF_OURS.value)
        if shaped:
            await raise_alarm(self._loop, self._record, AlarmKind.BLANKET_MATCH, ", ".join(shaped))

    def _report(self, what: str, done: int, total: int) -> None:
        if self._stopped:
            raise RunOverError
        self.progress = (what, done, total)


async def raise_alarm(loop: CommandLoop, record: MatchingRun, kind: AlarmKind, detail: str) -> None:
    """Tell the people on the line what a run showed of the peer."""
    text = f"run {record.run[:12]}: {detail}"[:LONGEST_DETAIL]
    with suppress(Refusal, NodeStopped):
        await loop.decide(RaiseAlarm(loop.clock(), record.peer, kind, text))


def live_plans(picture: Picture) -> list[Plan]:
    """Our declared and active plans, in the order of their names."""
    records = sorted(picture.plans.items())
    return [record.plan for (party, _), record in records if party == picture.party and record.live]


def active_of(picture: Picture, plan_ids: Iterable[str]) -> tuple[str, ...]:
    """Those of our plans that are being flown, in the order of their names."""
    records = ((plan_id, picture.plans.get((picture.party, plan_id))) for plan_id in sorted(plan_ids))
    return tuple(plan_id for plan_id, held in records if held is not None and held.state is PlanState.ACTIVE)


def opened_parts(side: MatchSide) -> Iterator[OpenedPart]:
    """Our parts that the peer was shown, in the order in which they were."""
    for (chapter, number), piece in side.opened.items():
        name = side.commitments[chapter].name_of(side.parts[chapter, number].plan)
        yield OpenedPart(piece.plan_id, msgspec.structs.replace(piece, plan_id=name))


def _new_plans(side: MatchSide, plans: Sequence[Plan]) -> Iterator[Plan]:
    """Plans with a part that no set of ours had."""
    known = {part.piece for part in side.parts.values()}
    for plan in plans:
        if any(part.piece not in known for part in parts_of([plan])):
            yield plan


def _in_entries(parts: Sequence[T]) -> Iterator[Sequence[T]]:
    """Parts as many at a time as an entry of the journal should hold."""
    some: list[T] = []
    size = 0
    for part in parts:
        own = len(msgspec.json.encode(part))
        if some and size + own > ENTRY_BYTES:
            yield some
            some, size = [], 0
        some.append(part)
        size += own
    if some:
        yield some
