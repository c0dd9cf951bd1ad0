"""Private matching at work beside the command loop: every run in a task of its own, the files of those over deleted.

A run is taken up again after a crash from what is on the disk; what cannot be is broken off, never begun anew under
another key.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

import aiohttp
import structlog

from detente.accord.matching_terms import RunsOfNodes
from detente.airspace.refusal import Refusal
from detente.line.alarms import AlarmKind
from detente.link.carrier import open_client
from detente.matching import life
from detente.matching.life import MatchingRun, RunState, noted_under
from detente.matching.messages import BreachError, ProtocolFault
from detente.node.configuration import MatchingSettings
from detente.node.desks.matching import MatchingDesk
from detente.node.loop import CommandLoop, NodeStopped
from detente.node.matching.course import Course, SecretGoneError, raise_alarm
from detente.node.matching.delivery import RunNotHeldError
from detente.node.matching.files import RunFiles

BREACHES = frozenset(fault.value for fault in ProtocolFault) - {ProtocolFault.STALLED.value}
"""Faults that somebody must have meant; silence may be the network's."""
WORD_OF_PEER_S = 3.0
KEPT_FOR = timedelta(days=7)
"""So long the messages of a complete run are kept for a peer that has not said that it has them."""
LOOK_S = 1.0
"""Between two looks at what is due by the clock."""

log = structlog.get_logger()


class MatchingWork:
    """The runs of one node. `folder` is where they are kept.

    Attributes:
        desk: where runs stand.
        courses: the runs that go on, by identity.
    """

    def __init__(self, loop: CommandLoop, desk: MatchingDesk, folder: Path, settings: MatchingSettings) -> None:
        self.desk = desk
        self.courses: dict[str, Course] = {}
        self._loop = loop
        self._folder = folder
        self._settings = settings
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._wake = asyncio.Event()
        self._seen = -1
        self._cleaned: set[tuple[str, int]] = set()
        self._taking = asyncio.Lock()

    async def run(self) -> None:
        """Work until cancelled."""
        self._loop.after_turn.append(self._notify)
        async with open_client() as client, asyncio.TaskGroup() as tasks:
            with suppress(NodeStopped):
                while True:
                    self._wake.clear()
                    at = self._loop.clock()
                    for run, record in list(self.desk.runs.items()):
                        await self._attend(client, tasks, run, record, at)
                    await self._propose_what_is_due(at)
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self._wake.wait(), LOOK_S)

    async def propose(self, command: life.ProposeRun) -> MatchingRun:
        """Begin a run, or return the one that goes on; raises Refusal."""
        outcome = await self._loop.decide_at(self.desk, command)
        if outcome.events:
            begun: MatchingRun = outcome.events[0].run
            return begun
        running = [run for run in self.desk.runs.values() if run.peer == command.peer and run.state is RunState.RUNNING]
        return max(running, key=lambda run: run.proposed_at)

    async def abort(self, run: str) -> None:
        """Break a run off; raises Refusal for one that is over."""
        await self._loop.decide_at(self.desk, life.AbortRun(self._loop.clock(), run, life.ASKED_TO_STOP))

    def key_of(self, peer: str) -> bytes | None:
        """The public key of a peer, 32 bytes, or None."""
        lanes = self._loop.lanes.named(peer)
        return None if lanes is None else lanes.key

    def files_of(self, record: MatchingRun) -> RunFiles:
        """The files of a run."""
        return RunFiles(self._folder / f"{record.run}-{record.attempt}")

    async def take_piece(self, record: MatchingRun, name: str, offset: int, piece: bytes) -> int | None:
        """Take a piece of a message, signed by the peer; how many bytes are held, None when the run does not go on.

        Raises Refusal for a message that was not announced, or a piece from elsewhere than where the last one ended.
        """
        noted = noted_under(record.announced, name)
        if noted is not None and name in record.taken:
            return noted.size
        if not record.goes_on(self._loop.clock()):
            return None
        if noted is None:
            raise Refusal("message", name, "a message that an envelope announced")
        files = self.files_of(record)
        if not piece or files.held(noted) == noted.size:
            return files.held(noted)
        # One at a time: a peer that tries again must not write into what it wrote before.
        async with self._taking:
            held = await asyncio.to_thread(files.add, noted, offset, piece)
        course = self.courses.get(record.run)
        if held == noted.size and course is not None:
            course.news.set()
        return held

    def _notify(self) -> None:
        if self._seen == self.desk.changes:
            return
        self._seen = self.desk.changes
        self._wake.set()
        for course in self.courses.values():
            course.news.set()

    async def _attend(
        self, client: aiohttp.ClientSession, tasks: asyncio.TaskGroup, run: str, record: MatchingRun, at: datetime
    ) -> None:
        """See that a run that goes on has its task, and that of one that does not no bulk is left."""
        task = self._tasks.get(run)
        if record.goes_on(at):
            if task is None or task.done():
                course = Course(self._loop, self.desk, client, self.files_of(record), run, self._settings)
                self.courses[run] = course
                self._tasks[run] = tasks.create_task(self._keep(course), name=f"run with {record.peer}")
        elif task is not None:
            if task.done():
                del self._tasks[run], self.courses[run]
                if record.ended_by == self.desk.own and record.reason in BREACHES:
                    await raise_alarm(self._loop, record, AlarmKind.BROKEN_MATCH, f"{record.reason}; {record.remark}")
            elif record.state is RunState.ABORTED:
                self.courses[run].leave()
                task.cancel()
                with suppress(asyncio.CancelledError, TimeoutError):
                    await asyncio.wait_for(asyncio.shield(task), 0)
                self._wake.set()
        elif (run, record.attempt) not in self._cleaned and _is_over_for_both(record, at):
            await asyncio.to_thread(self.files_of(record).end)
            self._cleaned.add((run, record.attempt))

    async def _propose_what_is_due(self, at: datetime) -> None:
        for lanes in self._loop.lanes:
            accord = self.desk.accord_with(lanes.name)
            if accord is None or accord.provisions.matching.runs is not RunsOfNodes.EVERY_EPOCH:
                continue
            moment = at + timedelta(seconds=accord.provisions.matching.lead_seconds)
            with suppress(Refusal):
                if self.desk.run_at(lanes.name, moment) is None:
                    await self.propose(life.ProposeRun(at, lanes.name, moment))

    async def _keep(self, course: Course) -> None:
        """Go on with a run until it is over; what goes wrong ends it."""
        try:
            await course.go()
        except NodeStopped:
            return
        except asyncio.CancelledError:
            course.leave()
            raise
        except BreachError as breach:
            reason, remark = breach.fault.value, breach.seen
        except SecretGoneError:
            reason, remark = life.SECRET_GONE, ""
        except Refusal as refusal:
            reason, remark = life.REFUSED, str(refusal)
        except RunNotHeldError:
            # Its word that the run is over may be on its way, with the reason.
            await asyncio.sleep(WORD_OF_PEER_S)
            reason, remark = ProtocolFault.STALLED.value, "the peer has no such run that goes on"
        except Exception as error:
            log.exception("a run of private matching failed", run=course.run)
            reason, remark = life.FAULT_HERE, type(error).__name__
        else:
            return
        with suppress(Refusal, NodeStopped):
            await self._loop.decide_at(self.desk, life.AbortRun(self._loop.clock(), course.run, reason, remark))


def _is_over_for_both(record: MatchingRun, at: datetime) -> bool:
    ended = record.ended_at or at
    return record.state is RunState.ABORTED or record.transcript != "" or at - ended > KEPT_FOR
