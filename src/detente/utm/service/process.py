"""The service as a process: opens the directory, serves, takes snapshots, stops in order."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import structlog

from detente.airspace.refusal import Refusal
from detente.record.journal import Journal
from detente.record.keys import NodeKey
from detente.utm.access.keys import KeyRing
from detente.utm.access.tokens import TokenJudge
from detente.utm.representation import Policy
from detente.utm.service.application import UtmService
from detente.utm.service.compile import compile_service_kernels
from detente.utm.service.connection import Connections
from detente.utm.service.endpoint import Settings
from detente.utm.service.files import JOURNAL, KEY
from detente.utm.service.gate import Gate, Limits
from detente.utm.service.loop import DecisionLoop
from detente.utm.service.snapshot import restore, write_snapshot

LONGEST_LEAVE_S = 5.0
log = structlog.get_logger()


class Options(msgspec.Struct, frozen=True):
    """Everything `detente dss` is told."""

    directory: Path
    host: str
    port: int
    audiences: frozenset[str]
    key_files: tuple[Path, ...]
    jwks_urls: tuple[str, ...]
    refresh_keys_s: float
    settings: Settings
    policy: Policy
    limits: Limits
    snapshot_every: int = 100_000


def open_journal(directory: Path) -> Journal:
    """The directory's journal, made with a key of its own when there is none."""
    directory.mkdir(parents=True, exist_ok=True)
    key_file = directory / KEY
    if not key_file.exists():
        NodeKey.generate().save(key_file)
    return Journal.open(directory / JOURNAL, NodeKey.load(key_file))


def clock_us() -> int:
    """Microseconds since 1970."""
    return time.time_ns() // 1000


async def serve(options: Options) -> None:
    """Serve until told to stop. Raises what the journal raised when it fails."""
    compile_service_kernels()
    # The journal's thread and the loop take the interpreter from each other some ten times a batch: each time one of
    # them waits this long. The default, 5 ms, is longer than the disk takes.
    sys.setswitchinterval(0.0002)
    with contextlib.closing(open_journal(options.directory)) as journal:
        started = time.perf_counter()
        state, folded = await asyncio.to_thread(restore, options.directory, journal)
        log.info(
            "ready",
            intents=len(state.dss.intents),
            entries_folded=folded,
            journal_number=journal.head.number,
            seconds=round(time.perf_counter() - started, 2),
        )
        loop = DecisionLoop(state, journal, options.policy, clock_us)
        ring = KeyRing(list(options.key_files), list(options.jwks_urls))
        await ring.refresh()
        service = UtmService(loop, TokenJudge(ring, options.audiences), options.settings, Gate(options.limits))
        # What stands will stand for long: the collector need not look at it again and again.
        gc.collect()
        gc.freeze()
        # A large body makes a thousand objects that are gone at once: looking through them each time is for nothing.
        gc.set_threshold(20_000)
        async with _tasks(loop, ring, options, journal):
            await _serve_http(service, loop, options)


@contextlib.asynccontextmanager
async def _tasks(loop: DecisionLoop, ring: KeyRing, options: Options, journal: Journal) -> AsyncIterator[None]:
    snapshots = _Snapshots(loop, options, journal)
    loop.after_batch.append(snapshots.consider)
    fresh = asyncio.create_task(ring.keep_fresh(options.refresh_keys_s))
    writer = asyncio.create_task(loop.run())
    try:
        yield
    finally:
        fresh.cancel()
        loop.stop()
        await writer
        snapshots.take_last()


async def _serve_http(service: UtmService, loop: DecisionLoop, options: Options) -> None:
    running = asyncio.get_running_loop()
    connections = Connections(service, running)
    try:
        server = await running.create_server(connections.connect, options.host, options.port, backlog=1024)
    except OSError as error:
        raise Refusal(
            "--host, --port", f"{options.host}:{options.port}", "an address to listen on", str(error)
        ) from None
    leaving = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        running.add_signal_handler(number, leaving.set)
    reasons = [asyncio.create_task(leaving.wait()), asyncio.create_task(loop.failed.wait())]
    await asyncio.wait(reasons, return_when=asyncio.FIRST_COMPLETED)
    for reason in reasons:
        reason.cancel()
    server.close()
    await connections.leave(LONGEST_LEAVE_S)


class _Snapshots:
    """Takes snapshots in a child process, which holds the state as it was when it was forked."""

    def __init__(self, loop: DecisionLoop, options: Options, journal: Journal) -> None:
        self._loop = loop
        self._directory = options.directory
        self._every = options.snapshot_every
        self._journal = journal
        self._at = loop.number
        self._child = 0

    def consider(self) -> None:
        """Take a snapshot when enough came since the last, and none is being taken."""
        if self._child:
            done, _ = os.waitpid(self._child, os.WNOHANG)
            if done:
                self._child = 0
            return
        if self._loop.number - self._at < self._every:
            return
        # A snapshot names the entry whose state it is, so that nothing may wait.
        while self._loop.backlog:
            self._loop.write_now()
        self._at = self._loop.number
        self._child = os.fork()
        if not self._child:
            try:
                head = self._journal.head
                write_snapshot(self._directory, self._loop.state, head.number, head.hash)
            finally:
                os._exit(0)

    def take_last(self) -> None:
        """Take a snapshot before the process ends, unless nothing came since the last."""
        if self._child:
            os.waitpid(self._child, 0)
        if self._loop.failed.is_set() or self._loop.number == self._at:
            return
        head = self._journal.head
        write_snapshot(self._directory, self._loop.state, head.number, head.hash)
