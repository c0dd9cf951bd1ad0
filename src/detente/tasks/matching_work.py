"""Private matching at work beside the command loop: every run in a task of its own, the files of those over deleted.

A run is taken up again after a crash from what is on the disk; what cannot be is broken off, never begun anew under
another key.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from detente.accord.matching_terms import RunsOfNodes
from detente.airspace.refusal import Refusal
from detente.line.alarms import AlarmKind
from detente.link.carrier import LinkClient, open_client
from detente.link.tls import LinkTls
from detente.matching import life
from detente.matching.delivery import RunNotHeldError
from detente.matching.files import RunFiles
from detente.matching.life import MatchingRun, RunState, noted_under
from detente.matching.messages import BreachError, ProtocolFault
from detente.matching.room import MatchingRoom
from detente.node.loop import CommandLoop, NodeStopped
from detente.people.records import ActingPerson
from detente.settings.configuration import MatchingSettings
from detente.tasks.matching_run import RunAtWork, SecretGoneError, raise_alarm

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
        runs: where each run stands, by identity; to be read within `loop.read`.
        at_work: the runs that go on, by identity.
    """

    def __init__(self, loop: CommandLoop, folder: Path, settings: MatchingSettings, tls: LinkTls) -> None:
        self._room = loop.rooms.of_type(MatchingRoom)
        self.at_work: dict[str, RunAtWork] = {}
        self._loop = loop
        self._folder = folder
        self._settings = settings
        self._tls = tls
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._wake = asyncio.Event()
        self._seen = -1
        self._cleaned: set[tuple[str, int]] = set()
        self._warned: set[str] = set()
        self._taking = asyncio.Lock()

    @property
    def runs(self) -> dict[str, MatchingRun]:
        """Every run that is held, by its identity."""
        return self._room.state.runs

    async def run(self) -> None:
        """Work until cancelled; it may be called again after a fault."""
        if self._notify not in self._loop.after_turn:
            self._loop.after_turn.append(self._notify)
        async with open_client(self._tls) as client, asyncio.TaskGroup() as tasks:
            with suppress(NodeStopped):
                while True:
                    self._wake.clear()
                    at = self._loop.clock()
                    for run in list(self.runs):
                        await self._see_to(client, tasks, run, at)
                    await self._propose_what_is_due(at)
                    await self._warn_of_unflown(at)
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self._wake.wait(), LOOK_S)

    async def propose(self, command: life.ProposeRun, by: ActingPerson | None = None) -> MatchingRun:
        """Begin a run, as `by` asks for it, or return the one that goes on; raises Refusal."""
        outcome = await self._loop.decide(command, by=by)
        if outcome.events:
            begun: MatchingRun = outcome.events[0].run
            return begun
        running = [run for run in self.runs.values() if run.peer == command.peer and run.state is RunState.RUNNING]
        return max(running, key=lambda run: run.proposed_at)

    async def abort(self, run: str, by: ActingPerson) -> None:
        """Break a run off, as `by` asks for it; raises Refusal for one that is over."""
        await self._loop.decide(life.AbortRun(self._loop.clock(), run, life.ASKED_TO_STOP), by=by)

    def unflown(self, peer: str, at: datetime) -> tuple[dict[str, int], dict[str, int]]:
        """By run, how many plans that a peer showed, and that we did, were never flown. Within `loop.read`."""
        return self._room.unflown(peer, at), self._room.unflown(peer, at, ours=True)

    def key_of(self, peer: str) -> bytes | None:
        """The public key with which a peer signs now, 32 bytes, or None."""
        found = self._loop.peers.named(peer)
        return None if found is None else self._loop.links.keys(found.key)[-1]

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
            raise Refusal("node.message_envelope_announced", "message", name)
        files = self.files_of(record)
        if not piece or files.held(noted) == noted.size:
            return files.held(noted)
        # One at a time: a peer that tries again must not write into what it wrote before.
        async with self._taking:
            held = await asyncio.to_thread(files.add, noted, offset, piece)
        if held == noted.size and record.run in self.at_work:
            self.at_work[record.run].news.set()
        return held

    def _notify(self) -> None:
        if self._seen == self._room.state.changes:
            return
        self._seen = self._room.state.changes
        self._wake.set()
        for at_work in self.at_work.values():
            at_work.news.set()

    async def _see_to(self, client: LinkClient, tasks: asyncio.TaskGroup, run: str, at: datetime) -> None:
        """See that a run that goes on has its task, and that of one that does not no bulk is left."""
        record, task = self.runs.get(run), self._tasks.get(run)
        if record is None:
            return  # it has left, long after it was over
        if task is not None and not task.done():
            if record.state is RunState.ABORTED or self.at_work[run].attempt != record.attempt:
                self.at_work[run].stop()
                task.cancel()
                with suppress(asyncio.CancelledError, TimeoutError):
                    await asyncio.wait_for(asyncio.shield(task), 0)
                self._wake.set()
        elif record.goes_on(at):
            at_work = RunAtWork(self._loop, client, self.files_of(record), record, self._settings)
            self.at_work[run] = at_work
            self._tasks[run] = tasks.create_task(self._work_on(at_work), name=f"run with {record.peer}")
        elif task is not None:
            del self._tasks[run], self.at_work[run]
            if record.ended_by == self._room.state.party and record.reason in BREACHES:
                await raise_alarm(self._loop, record, AlarmKind.BROKEN_MATCH, f"{record.reason}; {record.remark}")
        elif (run, record.attempt) not in self._cleaned and _is_over_for_both(record, at):
            proves = record.reason in BREACHES or (record.outcome is not None and record.outcome.row.audit)
            await asyncio.to_thread(lambda: self.files_of(record).end(for_auditor=proves))
            self._cleaned.add((run, record.attempt))

    async def _propose_what_is_due(self, at: datetime) -> None:
        for peer in self._loop.peers:
            accord = self._loop.accords.in_force(peer.name, at)
            if accord is None or accord.provisions.matching.runs is not RunsOfNodes.EVERY_EPOCH:
                continue
            moment = at + timedelta(seconds=accord.provisions.matching.lead_seconds)
            with suppress(Refusal):
                if self._room.run_for(peer.name, moment, at) is None:
                    await self.propose(life.ProposeRun(at, peer.name, moment))

    async def _warn_of_unflown(self, at: datetime) -> None:
        """Call people before a peer's plans that were never flown end the matching with it."""
        for peer in self._loop.peers:
            accord = self._loop.accords.in_force(peer.name, at)
            most = 0 if accord is None else accord.provisions.matching.unflown_plans
            for run, unflown in self._room.unflown(peer.name, at).items() if most else ():
                if 2 * unflown > most and run not in self._warned:
                    self._warned.add(run)
                    detail = f"{unflown} never flown; more than {most} end the matching"
                    await raise_alarm(self._loop, self.runs[run], AlarmKind.UNFLOWN_PLANS, detail)

    async def _work_on(self, at_work: RunAtWork) -> None:
        """Go on with a run until it is over; what goes wrong ends it."""
        try:
            await at_work.work()
        except NodeStopped:
            return
        except asyncio.CancelledError:
            at_work.stop()
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
            log.exception("a run of private matching failed", run=at_work.run)
            reason, remark = life.FAULT_HERE, type(error).__name__
        else:
            return
        # Another attempt may have begun meanwhile, which is not to be broken off for this one's fault.
        if self.runs[at_work.run].attempt == at_work.attempt:
            with suppress(Refusal, NodeStopped):
                await self._loop.decide(life.AbortRun(self._loop.clock(), at_work.run, reason, remark))


def _is_over_for_both(record: MatchingRun, at: datetime) -> bool:
    ended = record.ended_at or at
    return record.state is RunState.ABORTED or record.transcript != "" or at - ended > KEPT_FOR
