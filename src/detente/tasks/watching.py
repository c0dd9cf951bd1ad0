"""The watching process as the node has it: started, told what was said of the sky, heard, and started again.

The node waits for nothing of it: what it says is taken in between other things, and while it does not take what it is
told, it is told nothing more. One that ends, or says nothing for too long, is started again.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable, Collection, Mapping
from pathlib import Path

import structlog

from detente.airspace.refusal import Refusal
from detente.feeds.live.settings import FEEDS_FILE, FeedKind, FeedSettings, read_feeds
from detente.lookout.frames import (
    FROM_WATCH,
    LENGTH_BYTES,
    FaultsTold,
    HourKept,
    HourRemoved,
    PeerTracksTold,
    SituationTold,
    ToWatch,
    WatchEnds,
    WatchFails,
    WatchView,
    frame,
    frame_length,
)
from detente.node.loop import CommandLoop, NodeStopped
from detente.room.exercise import is_exercise
from detente.tasks.own_aircraft import OwnAircraft
from detente.tasks.telling_tracks import TellingTracks
from detente.watch.commands import (
    KeepReports,
    RemoveReports,
    SayWatch,
    SeeAlerts,
    SeeConformance,
    SeeFeeds,
    WatchCommand,
    WatchTick,
)
from detente.watch.faults import Faults
from detente.watch.messages import TracksReported
from detente.watch.records import ConformanceDay
from detente.watch.room import WatchRoom

BEGINS_WITHIN_S = 300.0
"""How long the process may take to say the first thing: numeric kernels may have to be compiled."""
SPEAKS_WITHIN_S = 15.0
ENDS_WITHIN_S = 5.0
WAITS_S = (0.5, 1.0, 5.0, 15.0, 30.0)
"""Before it is started again, by how often it has ended without having watched for a minute."""
WATCHED_S = 60.0
SEES_ALL_AFTER_S = 30.0
"""Until then a process that has begun has not seen all: what it does not see is not over."""
LOOKS_EVERY_S = 1.0
TELLS_EVERY_S = 10.0
"""The situation is told so often, and whenever something was said: time alone begins plans and ends accords."""
IN_EXERCISE = frozenset({FeedKind.REPLAY, FeedKind.JSON})
"""The kinds of feed of a party that only exercises: what was recorded, and what is injected."""
ENTRIES_OF_SITUATION = ("event", "zone", "accord", "claims")
"""The kinds of entry after which the situation may be another."""

log = structlog.get_logger()


class Watching:
    """The watch of one node.

    `situation` gives what was said of the sky, encoded; it may take long. `view` is what the process said last, None
    while none watches. `feeds` are those that the node has. `whose` gives the names of aircraft of each other party.
    """

    NO_FEEDS = "no feeds"

    def __init__(
        self,
        loop: CommandLoop,
        directory: Path,
        situation: Callable[[], Awaitable[bytes]],
        whose: Callable[[], Mapping[str, Collection[str]]] = dict,
    ) -> None:
        self.view: WatchView | None = None
        self.feeds: tuple[FeedSettings, ...] = ()
        self._loop = loop
        self._room = loop.rooms.of_type(WatchRoom)
        self._directory = directory
        self._situation = situation
        self._own = OwnAircraft(loop)
        self._telling = TellingTracks(loop, whose)
        self._asked = asyncio.Event()
        self._not_written = ""
        self._run = 0

    def check_feed(self, feed: str) -> None:
        """Raise Refusal for a feed that is not watched."""
        known = [one.name for one in self.feeds]
        if feed not in known:
            raise Refusal("watch.feed_that_is_watched", "feed", feed, known=", ".join(known) or "none")

    def look_again(self) -> None:
        """Read again which feeds the node has; watch them where they are others. What is wrong changes nothing."""
        try:
            if self._read_feeds() != self.feeds:
                self._asked.set()
        except Refusal as refusal:
            log.error("the feeds are not taken in", why=str(refusal))
            if not self.feeds:
                self._asked.set()

    def conformance_days(self) -> list[ConformanceDay]:
        """How our aircraft kept to their plans, day by day, the last first; to be called within `loop.read`."""
        return self._room.state.conformance_days(self._run, () if self.view is None else self.view.conformance)

    async def run(self) -> None:
        """Watch until the node stops."""
        failures = 0
        with contextlib.suppress(NodeStopped):
            while True:
                self._asked.clear()
                self.feeds, why = (), ""
                try:
                    self.feeds = self._read_feeds()
                except Refusal as refusal:
                    why = f"{FEEDS_FILE}: {refusal}"
                    log.error("the feeds cannot be watched", why=why)
                if not self.feeds:
                    await self._say_idle(why)
                    await self._call_posts(float("inf"))
                    continue
                began = self._time()
                try:
                    why = await self._watch_once()
                except NodeStopped:
                    raise
                except Exception as fault:
                    log.error("the watch failed", exc_info=fault)
                    why = f"{type(fault).__name__}: {fault}"
                if self.view is not None:
                    days = self.view.conformance
                    await self._do(SeeConformance(self._loop.clock(), self._run, days, ends=True))
                self.view = None
                if self._asked.is_set():
                    failures = 0
                    continue
                log.error("the watch has ended and is started again", why=why)
                await self._do(SayWatch(self._loop.clock(), runs=False, why=why))
                failures = 1 if self._time() - began > WATCHED_S else failures + 1
                await self._call_posts(WAITS_S[min(failures, len(WAITS_S)) - 1])

    def _read_feeds(self) -> tuple[FeedSettings, ...]:
        """Return which feeds the node has; raises Refusal where they cannot be watched."""
        feeds = read_feeds(self._directory / FEEDS_FILE)
        _check_exercise(self._loop.accords.party, feeds)
        return feeds

    async def _say_idle(self, why: str) -> None:
        """Say that nothing is watched, where something was, or where it should be."""
        state = self._room.state
        if why or state.standing is not None:
            await self._do(SayWatch(self._loop.clock(), runs=False, why=why or self.NO_FEEDS))
        if not why:
            await self._do(SeeAlerts(self._loop.clock(), ()))
            await self._do(SeeFeeds(self._loop.clock(), {}))

    async def _call_posts(self, wait_s: float) -> None:
        """Wait, unless the feeds are to be read again. Whoever is to look at an alert is called meanwhile too."""
        until = self._time() + wait_s
        while (left_s := until - self._time()) > 0.0 and not self._asked.is_set():
            await self._do(WatchTick(self._loop.clock()))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(LOOKS_EVERY_S, left_s)):
                    await self._asked.wait()

    async def _watch_once(self) -> str:
        """Start the process and hear it until it ends, fails or is to begin anew; return why."""
        standing = self._room.state.standing
        self._run = 1 if standing is None else standing.run + 1
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "detente.lookout.process", str(self._directory), str(self._run),
            stdin=PIPE, stdout=PIPE, stderr=None, start_new_session=True,
        )  # fmt: skip
        telling = asyncio.create_task(self._tell(process))
        asked = asyncio.create_task(self._asked.wait())
        hearing = asyncio.create_task(self._hear(process))
        try:
            await asyncio.wait((asked, hearing, telling), return_when=asyncio.FIRST_COMPLETED)
            if telling.done():
                # It ends by an error alone, which is raised here.
                telling.result()
            return hearing.result() if hearing.done() else "other feeds"
        finally:
            telling.cancel()
            asked.cancel()
            hearing.cancel()
            await asyncio.gather(telling, asked, hearing, return_exceptions=True)
            await _end(process)

    async def _hear(self, process: Process) -> str:
        assert process.stdout is not None
        began, within_s = float("inf"), BEGINS_WITHIN_S
        while True:
            try:
                async with asyncio.timeout(within_s):
                    head = await process.stdout.readexactly(LENGTH_BYTES)
                    body = await process.stdout.readexactly(frame_length(head))
            except TimeoutError:
                return f"it said nothing for {within_s:.0f} s"
            except asyncio.IncompleteReadError:
                return f"exit code {await process.wait()}"
            except ValueError as error:
                return str(error)
            within_s, began = SPEAKS_WITHIN_S, min(began, self._time())
            said = FROM_WATCH.decode(body)
            if isinstance(said, WatchFails):
                return said.why
            await self._take(said, sees_all=self._time() - began > SEES_ALL_AFTER_S)

    async def _take(self, said: WatchView | HourKept | HourRemoved, *, sees_all: bool) -> None:
        at = self._loop.clock()
        match said:
            case WatchView():
                if self.view is None:
                    log.info("the watch runs", feeds=[feed.name for feed in said.feeds])
                self.view = said
                await self._do(SayWatch(at, runs=True, run=self._run))
                await self._own.hold(said.own, at)
                await self._do(SeeAlerts(at, said.alerts, keeps=not sees_all))
                await self._do(SeeFeeds(at, {feed.name: (feed.standing, feed.why) for feed in said.feeds}))
                await self._do(WatchTick(at))
                await self._do(SeeConformance(at, self._run, said.conformance))
                await self._telling.tell(said)
            case HourKept(hour=hour):
                await self._do(KeepReports(at, hour))
            case HourRemoved(file=file):
                await self._do(RemoveReports(at, file))

    async def _do(self, command: WatchCommand) -> None:
        """Carry a command out where it changes something, and where the disk has space for it."""
        if not self._room.decide(command):
            return
        try:
            self._loop.check_space(command)
            await self._loop.decide(command)
        except Refusal as refusal:
            if str(refusal) != self._not_written:
                log.warning("what the watch found is not written down", why=str(refusal))
            self._not_written = str(refusal)
        else:
            self._not_written = ""

    async def _tell(self, process: Process) -> None:
        """Tell the process what was said of the sky, again when that has changed. Nothing is waited for."""
        assert process.stdin is not None
        told_at = 0.0
        told: dict[str, int] = {}
        heard: dict[str, tuple[float, TracksReported]] = {}
        faults: Faults = {}
        while True:
            now_heard = await self._loop.read(self._room.state.heard_tracks)
            if now_heard != heard and not process.stdin.transport.get_write_buffer_size():
                _write(process, PeerTracksTold(now_heard))
                heard = now_heard
            now_faults = await self._loop.read(lambda: dict(self._room.state.faults))
            if now_faults != faults:
                faults = now_faults
                _write(process, FaultsTold(faults))
            said = {kind: self._loop.news.last(kind) for kind in ENTRIES_OF_SITUATION}
            is_due = said != told or self._time() - told_at >= TELLS_EVERY_S
            if is_due and not process.stdin.transport.get_write_buffer_size():
                _write(process, SituationTold(await self._situation()))
                told_at, told = self._time(), said
            await asyncio.sleep(LOOKS_EVERY_S)

    @staticmethod
    def _time() -> float:
        return asyncio.get_running_loop().time()


def _check_exercise(party: str, feeds: tuple[FeedSettings, ...]) -> None:
    """Raise Refusal where a party that only exercises would watch what really flies (R50)."""
    for feed in feeds:
        if is_exercise(party) and feed.kind not in IN_EXERCISE:
            raise Refusal(
                "watch.feed_in_exercise", f"{feed.name}.kind", feed.kind.value, kinds=", ".join(sorted(IN_EXERCISE))
            )


def _write(process: Process, message: ToWatch) -> None:
    assert process.stdin is not None
    with contextlib.suppress(ConnectionError):
        process.stdin.write(frame(message))


async def _end(process: Process) -> None:
    """Let the process end, and end it where it does not."""
    if process.returncode is not None:
        return
    _write(process, WatchEnds())
    assert process.stdin is not None
    process.stdin.close()
    try:
        # What it still says must be read, or it would wait for that.
        async with asyncio.timeout(ENDS_WITHIN_S):
            await process.communicate()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
