"""The watching process: feeds, tracks, alerts and kept reports, twice a second to the node that started it.

python -m detente.lookout.process DIR RUN, with frames on standard input and output. It ends when the node says
so, and when the node is there no more.
"""

from __future__ import annotations

import asyncio
import gc
import gzip
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec
import numba
import structlog

from detente.accord.disclosure import ClientLevel, OwnPolicy
from detente.airspace.refusal import Refusal
from detente.disclosure.live_tracks import for_client
from detente.feeds.live.cot_out import track_event
from detente.feeds.live.health import FeedHealth, FeedState
from detente.feeds.live.sending import MOST_EVENTS
from detente.feeds.live.settings import FEEDS_FILE, FeedKind, FeedSettings, read_feeds
from detente.feeds.live.supervisor import LiveFeeds
from detente.language.wording import Language
from detente.link.directory import NodeDirectory
from detente.lookout.first_look import first_look
from detente.lookout.frames import (
    LENGTH_BYTES,
    MOST_ALERTS,
    MOST_OWN,
    TO_WATCH,
    FaultsTold,
    FeedView,
    FromWatch,
    HourKept,
    HourRemoved,
    PeerTracksTold,
    SituationTold,
    WatchEnds,
    WatchFails,
    WatchView,
    frame,
    frame_length,
    live_alert,
)
from detente.lookout.kept_reports import WATCH_FOLDER, ReportKeeper, check_parquet
from detente.lookout.lookout import Lookout, Seen
from detente.lookout.track_columns import track_rows
from detente.room.exercise import is_exercise
from detente.settings.configuration import Configuration, WatchSettings, read_configuration
from detente.settings.logs import set_up_logs
from detente.watch.alert import TrackSide
from detente.watch.faults import FaultInjector, FeedFault
from detente.watch.records import FeedStanding
from detente.watch.sighting import Sighting
from detente.watch.silence import MISSES
from detente.watch.situation import FeedSilence

NICENESS = 5
"""The node goes before it: a STOP waits for nothing that flies."""
EVERY_S = 0.5
"""An alert waits no longer than this for the look that finds it; of its matter, looks a second apart count."""
ENDS_WITHIN_S = 3.0
ZIP_LEVEL = 1
MOST_WAITING = 10_000
"""Messages beside views: at a start, one for every hour that is kept."""
TRACKS_A_RUN = 10_000_000
_STANDINGS = {
    FeedState.HEARING: FeedStanding.LIVE, FeedState.SILENT: FeedStanding.SILENT, FeedState.ENDED: FeedStanding.ENDED
}  # fmt: skip

log = structlog.get_logger()


class Pipe:
    """What goes to the node and comes from it, each in a thread: nothing here waits for the node.

    Views that it does not take in time are left out; the rest waits, up to a bound.
    """

    def __init__(
        self, told: Callable[[SituationTold | PeerTracksTold | FaultsTold], None], over: Callable[[], None]
    ) -> None:
        self._told, self._over = told, over
        self._waiting: list[bytes] = []
        self._view: bytes | None = None
        self._any = threading.Condition()
        self._loop = asyncio.get_running_loop()
        self._input, self._output = sys.stdin.buffer, os.dup(1)
        # Whatever prints must not be taken for a frame.
        os.dup2(2, 1)
        for work in (self._read, self._write):
            threading.Thread(target=work, daemon=True).start()

    def say(self, message: FromWatch) -> None:
        """Send a message once the node takes it; a view takes the place of the one before."""
        data = frame(message)
        with self._any:
            if isinstance(message, WatchView):
                self._view = data
            elif len(self._waiting) < MOST_WAITING:
                self._waiting.append(data)
            self._any.notify()

    def _write(self) -> None:
        with suppress(OSError):
            while True:
                with self._any:
                    while not (self._waiting or self._view):
                        self._any.wait()
                    data, self._waiting = [*self._waiting, self._view or b""], []
                    self._view = None
                left = memoryview(b"".join(data))
                while left:
                    left = left[os.write(self._output, left) :]

    def _read(self) -> None:
        with suppress(OSError, ValueError, msgspec.MsgspecError):
            while len(head := self._input.read(LENGTH_BYTES)) == LENGTH_BYTES:
                message = TO_WATCH.decode(self._input.read(frame_length(head)))
                if isinstance(message, WatchEnds):
                    break
                self._loop.call_soon_threadsafe(self._told, message)
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._over)
        # A process that hangs must not outlive its node.
        time.sleep(ENDS_WITHIN_S)
        os._exit(1)


async def watch(directory: Path, feeds: tuple[FeedSettings, ...], configuration: Configuration, run: int) -> None:
    """Watch until the node says that it ends, or is there no more, for the time of the number `run`."""
    over = asyncio.Event()
    # A track of another run has another number: what is said of one is never taken for what is said of the other.
    lookout = Lookout(frozenset(one.name for one in feeds if one.ours), (run - 1) * TRACKS_A_RUN)
    injector, exercise = FaultInjector(), is_exercise(configuration.party)

    def told(said: SituationTold | PeerTracksTold | FaultsTold) -> None:
        if isinstance(said, PeerTracksTold):
            lookout.hear(said.heard)
        elif isinstance(said, SituationTold):
            lookout.told(said.situation)
        elif exercise:
            injector.set(said.faults)

    pipe = Pipe(told, over.set)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, over.set)
    keeping = _Keeping(directory / WATCH_FOLDER, configuration.watch, pipe)

    async def take(sightings: tuple[Sighting, ...]) -> None:
        shown = injector.applied(sightings)
        lookout.take(shown)
        keeping.take(shown)

    await asyncio.to_thread(first_look)
    settle_memory()
    # One core is left to the node: looks do not wait for threads of their own.
    numba.set_num_threads(1)
    live = LiveFeeds(feeds, time.time, take)
    hearing = asyncio.create_task(live.run())
    looking = asyncio.create_task(_look(lookout, live, feeds, configuration, keeping, pipe, injector))
    ending = asyncio.create_task(over.wait())
    try:
        # Feeds may all have ended, as replays do: what they showed is watched on.
        await asyncio.wait((looking, ending), return_when=asyncio.FIRST_COMPLETED)
        if looking.done():
            await looking
    finally:
        for task in (looking, hearing, ending):
            task.cancel()
        await asyncio.gather(looking, hearing, ending, return_exceptions=True)
        keeping.end()


def settle_memory() -> None:
    """Leave what has been loaded by now out of every later search for garbage: it stays as long as the process."""
    gc.collect()
    gc.freeze()


async def _look(
    lookout: Lookout, live: LiveFeeds, feeds: tuple[FeedSettings, ...], configuration: Configuration,
    keeping: _Keeping, pipe: Pipe, injector: FaultInjector,
) -> None:  # fmt: skip
    loop = asyncio.get_running_loop()
    silent_s = {one.name: one.options.silent_s for one in feeds}
    levels = {one.options.level for one in feeds if one.sends}
    party, policy = configuration.party, configuration.disclosure
    next_s, opened_s = loop.time(), time.time()
    while True:
        began_s = time.perf_counter()
        now_s = time.time()
        health = [_faulty(one, injector.faults.get(one.name, ()), silent_s[one.name]) for one in live.health()]
        seen = lookout.look(
            now_s,
            tuple(
                _silence(one, silent_s[one.name], opened_s)
                for one in health
                if one.state is not FeedState.ENDED and one.kind != FeedKind.COT_OUT
            ),
        )
        table = msgspec.json.encode(track_rows(now_s, seen.tracks, seen.sides))
        by_name = {track.track_id: track for track in seen.tracks}
        alerts = tuple(live_alert(alert, by_name) for alert in seen.alerts[:MOST_ALERTS])
        live.picture.show(_events(seen, levels, party, policy))
        pipe.say(
            WatchView(
                at_s=now_s,
                alerts=alerts,
                own=seen.own[:MOST_OWN],
                feeds=tuple(_feed_view(one, opened_s) for one in health),
                tracks=len(seen.tracks),
                picture=table,
                zipped=gzip.compress(table, ZIP_LEVEL),
                sightings=lookout.sightings,
                took_s=time.perf_counter() - began_s,
                not_kept=keeping.why_not,
                alerts_left_out=seen.alerts_left_out,
                tracks_unusable=seen.tracks_unusable,
                sightings_left_out=lookout.left_out,
                conformance=lookout.conformance,
                ours=lookout.told_of_ours(seen),
                registration=lookout.registration,
                faults=injector.faults,
            )
        )
        await keeping.step(now_s)
        next_s = max(next_s + EVERY_S, loop.time())
        await asyncio.sleep(next_s - loop.time())


def _events(seen: Seen, levels: set[ClientLevel], party: str, policy: OwnPolicy) -> dict[ClientLevel, list[bytes]]:
    """The picture as events, at each level at which some feed sends it."""
    return {
        level: [
            track_event(track, seen.sides.get(track.track_id, TrackSide.UNKNOWN), party)
            for track in for_client(seen.tracks, seen.sides, level, policy)[:MOST_EVENTS]
        ]
        for level in levels
    }


class _Keeping:
    """The keeper of reports at work, beside the loop."""

    def __init__(self, folder: Path, settings: WatchSettings, pipe: Pipe) -> None:
        self._pipe = pipe
        self._keeper: ReportKeeper | None = None
        self._work: asyncio.Task[None] | None = None
        self._closed_s = float("-inf")
        self.why_not = ""
        if not settings.keep_days:
            return
        try:
            check_parquet()
        except Refusal as refusal:
            self.why_not = str(refusal)
            log.error("reports are not kept", why=str(refusal))
            return
        self._keeper = ReportKeeper(folder, settings)
        for hour in self._keeper.known():
            pipe.say(HourKept(hour))

    def take(self, sightings: tuple[Sighting, ...]) -> None:
        if self._keeper is not None:
            try:
                self._keeper.take(sightings)
            except ValueError as error:
                self._fails(error)

    async def step(self, now_s: float) -> None:
        """Begin to write what is due, unless the last is not done yet."""
        if self._keeper is None or (self._work is not None and not self._work.done()):
            return
        if self._keeper.is_due(now_s):
            self._work = asyncio.create_task(self._write(self._keeper, now_s))

    def end(self) -> None:
        """Write what is left; the hour is closed when the watch runs again."""
        if self._keeper is not None:
            with suppress(OSError, ValueError):
                self._keeper.write(self._keeper.taken(time.time()))

    async def _write(self, keeper: ReportKeeper, now_s: float) -> None:
        try:
            await asyncio.to_thread(keeper.write, keeper.taken(now_s))
            for hour in await asyncio.to_thread(lambda: list(keeper.close_hours(now_s))):
                self._pipe.say(HourKept(hour))
            for file in await asyncio.to_thread(lambda: list(keeper.remove_old(now_s))):
                self._pipe.say(HourRemoved(file))
            self.why_not = f"no space for {keeper.not_kept} reports" if keeper.not_kept else ""
        except (OSError, ValueError) as error:
            self._fails(error)

    def _fails(self, error: Exception) -> None:
        self.why_not = str(error)
        log.error("reports are not kept", why=self.why_not)


def _faulty(health: FeedHealth, faults: tuple[FeedFault, ...], silent_s: float) -> FeedHealth:
    """How a feed stands, with what is put into it: one that is to be silent was not heard for longer than it may be."""
    if FeedFault.SILENT not in faults:
        return health
    heard_s = health.at_s - max(health.age_s or 0.0, silent_s + 1.0)
    return msgspec.structs.replace(health, state=FeedState.SILENT, heard_s=heard_s, messages_per_s=0.0)


def _silence(health: FeedHealth, silent_s: float, opened_s: float) -> FeedSilence:
    """How long a feed is silent: one that was opened only now is not, though nothing was heard yet."""
    is_new = health.heard_s is None and health.at_s - opened_s <= silent_s
    return FeedSilence(health.name, opened_s if is_new else health.heard_s, silent_s / MISSES)


def _feed_view(health: FeedHealth, opened_s: float) -> FeedView:
    """How a feed stands, of those that were opened at a time, seconds since 1970-01-01 UTC."""
    error = "" if health.last_error is None else health.last_error.sentence(Language.ENGLISH)
    standing = _STANDINGS.get(health.state, FeedStanding.AWAY)
    why = "" if standing is FeedStanding.LIVE else f"{health.state}: {error}".rstrip(": ")
    return FeedView(
        health.name, health.kind, standing, why,
        health.age_s if health.age_s is not None else health.at_s - opened_s,
        round(health.messages_per_s, 1), health.messages, health.errors,
    )  # fmt: skip


def main(directory: Path, run: int) -> int:
    """Watch for the node of a directory; 1, with the reason as the last frame, when it cannot."""
    os.nice(NICENESS)
    configuration = read_configuration(NodeDirectory(directory).config_path)
    set_up_logs(configuration.log.level, configuration.party)
    try:
        feeds = read_feeds(directory / FEEDS_FILE)
        asyncio.run(watch(directory, feeds, configuration, run))
    except Refusal as refusal:
        sys.stdout.buffer.write(frame(WatchFails(str(refusal))))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))
