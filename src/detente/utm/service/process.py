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
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import msgspec
import structlog

from detente.airspace.refusal import Refusal
from detente.record.disk import DiskRoom, disk_room
from detente.record.journal import Journal
from detente.record.keys import NodeKey
from detente.serving.limits import BACKLOG, ListenerLimits, fitted
from detente.serving.listener import Listener
from detente.utm.access.keys import KeyRing
from detente.utm.access.tokens import TokenJudge
from detente.utm.representation import Policy
from detente.utm.service.application import UtmService
from detente.utm.service.compile import compile_service_kernels
from detente.utm.service.endpoint import Settings
from detente.utm.service.files import JOURNAL, KEY
from detente.utm.service.gate import Gate, Limits
from detente.utm.service.loop import DecisionLoop
from detente.utm.service.metrics import ServiceMetrics, ServiceParts
from detente.utm.service.operators import Operators
from detente.utm.service.request_log import RequestLog
from detente.utm.service.snapshot import restore
from detente.utm.service.snapshots import Snapshots

LONGEST_LEAVE_S = 5.0
MEGABYTE = 1024 * 1024
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
    request_log_mb: int = 64
    listener: ListenerLimits = ListenerLimits()


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
    os.umask(0o077)
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
        gate, metrics, request_log = (
            Gate(options.limits),
            ServiceMetrics(),
            RequestLog(options.directory, options.request_log_mb * MEGABYTE),
        )
        snapshots = Snapshots(loop, journal, options.directory, options.snapshot_every, loop.number - folded)
        parts = ServiceParts(
            loop, gate, snapshots, request_log, partial(_disk_room, options.directory / JOURNAL, journal)
        )
        leaving = asyncio.Event()
        operators = Operators(options.directory, parts, ring, metrics, leaving.is_set)
        judge = TokenJudge(ring, options.audiences)
        service = UtmService(loop, judge, options.settings, gate, operators, metrics, request_log)
        # What stands will stand for long: the collector need not look at it again and again.
        gc.collect()
        gc.freeze()
        # A large body makes a thousand objects that are gone at once: looking through them each time is for nothing.
        gc.set_threshold(20_000)
        async with _tasks(parts, ring, options):
            await _serve_http(service, loop, options, leaving)


@contextlib.asynccontextmanager
async def _tasks(parts: ServiceParts, ring: KeyRing, options: Options) -> AsyncIterator[None]:
    loop, snapshots, request_log = parts.loop, parts.snapshots, parts.request_log
    snapshots.consider()
    loop.after_batch.append(snapshots.consider)
    fresh = asyncio.create_task(ring.keep_fresh(options.refresh_keys_s))
    flushed = asyncio.create_task(request_log.keep_flushed())
    writer = asyncio.create_task(loop.run())
    try:
        yield
    finally:
        fresh.cancel()
        flushed.cancel()
        request_log.flush()
        loop.stop()
        await writer
        snapshots.take_last()


async def _serve_http(service: UtmService, loop: DecisionLoop, options: Options, leaving: asyncio.Event) -> None:
    running = asyncio.get_running_loop()
    (limits,) = fitted(options.listener)
    listener = Listener(service, limits, running)
    try:
        server = await running.create_server(listener.connect, options.host, options.port, backlog=BACKLOG)
    except OSError as error:
        raise Refusal(
            "utm.address_to_listen_on", "--host, --port", f"{options.host}:{options.port}", error=str(error)
        ) from None
    for number in (signal.SIGINT, signal.SIGTERM):
        running.add_signal_handler(number, leaving.set)
    reasons = [asyncio.create_task(leaving.wait()), asyncio.create_task(loop.failed.wait())]
    await asyncio.wait(reasons, return_when=asyncio.FIRST_COMPLETED)
    for reason in reasons:
        reason.cancel()
    server.close()
    await listener.leave(LONGEST_LEAVE_S)
    service.close()


def _disk_room(path: Path, journal: Journal) -> DiskRoom:
    return disk_room(
        path, range(1, journal.head.number + 1), lambda number: next(journal.read(number)).at, datetime.now(UTC)
    )
