"""A kept stretch played again: the same reports through the same tracks and alerts, against what had been said then.

No node is needed. The journal says what was said of the sky at each moment of the stretch, and what peers told of their
aircraft.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import msgspec

from detente.airspace.refusal import Refusal
from detente.feeds.live.settings import FEEDS_FILE, read_feeds
from detente.link.directory import NodeDirectory
from detente.lookout.kept_reports import WATCH_FOLDER, digest_of, read_kept
from detente.lookout.lookout import Lookout, Seen
from detente.lookout.operator_areas import OperatorAreas
from detente.lookout.told_situation import encode_situation, told_situation
from detente.node.beginning import empty_state, read_accord
from detente.node.snapshots import started
from detente.node.state import NodeState
from detente.record.entry import Entry
from detente.record.segments import StoredJournal
from detente.settings.configuration import read_configuration
from detente.watch.records import KeptHour
from detente.watch.room import WatchRoom

EVERY_S = 1.0
TOLD_EVERY = 10
LONGEST_STRETCH_DAYS = 7


class PlayedLook(NamedTuple):
    """One look of a stretch that is played again, at `at_s` seconds since 1970-01-01 UTC."""

    at_s: float
    seen: Seen


class HourCheck(msgspec.Struct, frozen=True):
    """A kept hour as the journal has it, and what its file is now: `is_there`, and whether it is the same."""

    hour: KeptHour
    is_there: bool
    is_same: bool


class KeptStretch:
    """The journal and the kept reports of the node in a directory, running or not.

    Raises Refusal when there is no journal, or it cannot be read.
    """

    def __init__(self, directory: Path) -> None:
        self._files = NodeDirectory(directory)
        self._files.check()
        self._configuration = read_configuration(self._files.config_path)
        self._journal = StoredJournal(self._files.journal_path)
        self._folder = directory / WATCH_FOLDER
        self._own_feeds = frozenset(one.name for one in read_feeds(directory / FEEDS_FILE) if one.ours)

    def looks(self, start: datetime, end: datetime) -> Iterator[PlayedLook]:
        """Yield a look for every second from `start` up to `end` (UTC).

        Raises Refusal where nothing was kept, and where the journal of then is in an archive.
        """
        if not timedelta(0) < end - start <= timedelta(days=LONGEST_STRETCH_DAYS):
            raise Refusal("watch.stretch", "window", end.isoformat(), days=LONGEST_STRETCH_DAYS)
        reports = read_kept(self._folder, start.timestamp(), end.timestamp())
        first = next(reports, None)
        if first is None:
            raise Refusal("watch.kept_reports", "window", start.isoformat())
        waiting = chain((first,), reports)
        report = next(waiting)
        lookout, settings = Lookout(self._own_feeds), self._configuration.watch
        drawn = OperatorAreas(self._files.path, settings, start)
        before = _last_before(self._journal, start)
        past = _Past(self._state(before), self._journal.read(before + 1))
        at_s, number, is_left = start.timestamp(), 0, True
        while at_s < end.timestamp():
            at_s += EVERY_S
            heard = []
            while is_left and report.received_s < at_s:
                heard.append(report)
                following = next(waiting, None)
                is_left = following is not None
                report = following or report
            lookout.take(heard)
            at = datetime.fromtimestamp(at_s, UTC)
            if past.go_on(at) or number % TOLD_EVERY == 0:
                state = past.state
                told = told_situation(state.rooms, state.accords, state.picture, settings, drawn, at)
                lookout.told(encode_situation(told))
                lookout.hear(state.rooms.of_type(WatchRoom).state.heard_tracks())
            number += 1
            yield PlayedLook(at_s, lookout.look(at_s))

    def checked(self) -> Iterator[HourCheck]:
        """Yield every kept hour that the journal names, with whether its file is there and is the one of then."""
        state = self._state(None)
        hours = state.rooms.of_type(WatchRoom).state.hours
        for name in sorted(hours):
            hour, file = hours[name], self._folder / name
            try:
                sha256, size_bytes = digest_of(file)
            except OSError:
                yield HourCheck(hour, is_there=False, is_same=False)
            else:
                yield HourCheck(hour, is_there=True, is_same=(sha256, size_bytes) == (hour.sha256, hour.size_bytes))

    def _state(self, until: int | None) -> NodeState:
        """The state after an entry of the journal, or after the last."""
        accord = read_accord(self._files.path / self._configuration.accord)
        journal = self._journal
        found, _ = started(
            lambda: empty_state(self._files, self._configuration, accord), journal.path, journal.base, journal.read,
            until,
        )  # fmt: skip
        return found


class _Past:
    """A state of then, which goes on with the journal's time: `later` are the entries after it."""

    def __init__(self, state: NodeState, later: Iterator[Entry]) -> None:
        self.state = state
        self._later = later
        self._next = next(later, None)

    def go_on(self, at: datetime) -> bool:
        """Fold in what was written before a time (UTC); return whether there was anything."""
        due: list[Entry] = []
        while self._next is not None and self._next.at < at:
            due.append(self._next)
            self._next = next(self._later, None)
        return bool(due) and self.state.replay(due) > 0


def _last_before(journal: StoredJournal, at: datetime) -> int:
    """The number of the last entry that was written before a time (UTC); 0 for none. Raises ArchivedRefusal."""
    firsts = [journal.base.number + 1, *(segment.first for segment in reversed(journal.segments))]
    last = 0
    for first in firsts:
        for entry in journal.read(first):
            if entry.at >= at:
                break
            last = entry.number
        if last:
            break
    return last
