"""Where tracks are kept: rows of numbers, the names of each, and what bounds them.

A feed of a stranger can invent as many aircraft as it likes. `tracks_max` rows is all there is. When they are full, a
new track takes the place of one of the feed that holds the most: of its tracks that were not shown yet the one heard
longest ago; if it has none, a feed that holds fewer takes the place of its shown track heard longest ago, and that feed
itself gets no more. So a flood pushes out nothing but its own.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable

import numpy as np

from detente.watch import association_kernels as ak
from detente.watch import track_kernels as tk
from detente.watch.sighting import Sighting, SightingSource
from detente.watch.sighting_rows import FEED_END

FIRST_ROWS = 256
GIVEN_UP_SHARE = 64
"""One of so many unshown tracks is forgotten when the table is full: a flood is not to cost a search for each."""


class TrackTable:
    """Rows of tracks; a row's place in every array is its slot, free ones are used again."""

    def __init__(self, tracks_max: int) -> None:
        self.tracks_max = tracks_max
        rows = min(FIRST_ROWS, tracks_max)
        self.rows = np.zeros((rows, tk.TRACK_COLUMNS))
        self.names = np.full((rows, ak.NAMES, 4), ak.FREE, np.int64)
        self.heard = np.full((rows, ak.NAMES), -math.inf)
        self.live = np.zeros(rows, bool)
        self.owner = np.zeros(rows, np.int64)
        self.callsigns = [""] * rows
        self.categories = [""] * rows
        self.labels: list[object] = [None] * rows
        self.codes: dict[str, int] = {}
        self.text_of: dict[int, str] = {}
        self.slots_of: dict[int, list[int]] = {}
        self.shared: set[int] = set()
        self.sensors: list[tuple[str, SightingSource]] = []
        self._sensor_codes: dict[tuple[str, SightingSource], tuple[int, int]] = {}
        self._feed_codes: dict[str, int] = {}
        self._free = list(range(rows - 1, -1, -1))
        self._next_code = 0

    def sensor(self, feed: str, source: SightingSource) -> tuple[int, int]:
        """The numbers of a feed and of what it found positions by."""
        known = self._sensor_codes.get((feed, source))
        if known is None:
            known = self._feed_codes.setdefault(feed, len(self._feed_codes)), len(self.sensors)
            self._sensor_codes[feed, source] = known
            self.sensors.append((feed, source))
        return known

    def slot_for(self, feed: int) -> int | None:
        """A free slot for a track that this feed has shown; None where the feed holds the most and all are shown."""
        if not self._free:
            self._grow()
        if not self._free:
            for place in self._to_give_up(feed):
                self.release(place)
        if not self._free:
            return None
        slot = self._free.pop()
        self.live[slot], self.owner[slot] = True, feed
        return slot

    def _grow(self) -> None:
        before = len(self.live)
        more = min(2 * before, self.tracks_max) - before
        if more <= 0:
            return
        self.rows = np.concatenate([self.rows, np.zeros((more, tk.TRACK_COLUMNS))])
        self.names = np.concatenate([self.names, np.full((more, ak.NAMES, 4), ak.FREE, np.int64)])
        self.heard = np.concatenate([self.heard, np.full((more, ak.NAMES), -math.inf)])
        self.live = np.concatenate([self.live, np.zeros(more, bool)])
        self.owner = np.concatenate([self.owner, np.zeros(more, np.int64)])
        self.callsigns += [""] * more
        self.categories += [""] * more
        self.labels += [None] * more
        self._free = list(range(before + more - 1, before - 1, -1))

    def _to_give_up(self, feed: int) -> list[int]:
        most = int(np.argmax(np.bincount(self.owner[self.live])))
        own = np.flatnonzero(self.live & (self.owner == most))
        unshown = own[self.rows[own, tk.T_SHOWN] == 0.0]
        if len(unshown):
            oldest = np.argsort(self.rows[unshown, tk.T_AT], kind="stable")[: max(1, len(unshown) // GIVEN_UP_SHARE)]
            return [int(slot) for slot in unshown[oldest]]
        return [] if most == feed else [int(own[np.argmin(self.rows[own, tk.T_AT])])]

    def release(self, slot: int) -> None:
        """Forget the track in a slot."""
        for code in {int(code) for code in self.names[slot, :, 0] if code >= 0}:
            self._unbind(slot, code)
        self.names[slot] = ak.FREE
        self.heard[slot] = -math.inf
        self.live[slot] = False
        self.callsigns[slot] = self.categories[slot] = ""
        self.labels[slot] = None
        self._free.append(slot)

    def _unbind(self, slot: int, code: int) -> None:
        slots = self.slots_of[code]
        slots.remove(slot)
        if len(slots) < 2:
            self.shared.discard(code)
        if not slots:
            del self.slots_of[code]
            del self.codes[self.text_of.pop(code)]

    def bind(self, slot: int, called: Iterable[str], feed: int, sensor: int, at: float) -> None:
        """Name a track as its sighting does, or by its sensor alone; of too many names the oldest is forgotten."""
        codes = [(self._code(name), kind_of(name)) for name in called] or [(ak.NAMELESS, ak.IDENTITY)]
        for code, kind in codes:
            names = self.names[slot]
            if ((names[:, 0] == code) & (names[:, 3] == sensor)).any():
                continue
            free = np.flatnonzero(names[:, 0] == ak.FREE)
            entry = int(free[0]) if len(free) else int(np.argmin(self.heard[slot]))
            gone = int(names[entry, 0])
            names[entry] = code, kind, feed, sensor
            self.heard[slot, entry] = at
            if gone >= 0 and not (names[:, 0] == gone).any():
                self._unbind(slot, gone)
            if code >= 0 and slot not in self.slots_of[code]:
                self.slots_of[code].append(slot)
                if len(self.slots_of[code]) > 1 and kind == ak.ICAO:
                    self.shared.add(code)
        self.labels[slot] = None

    def _code(self, name: str) -> int:
        code = self.codes.get(name)
        if code is None:
            code, self._next_code = self._next_code, self._next_code + 1
            self.codes[name], self.text_of[code], self.slots_of[code] = code, name, []
        return code

    def join(self, kept: int, gone: int) -> None:
        """Give one track the names of another, and forget that one."""
        for entry in np.argsort(self.heard[gone]):
            code, _, feed, sensor = (int(number) for number in self.names[gone, entry])
            if code != ak.FREE:
                called = [self.text_of[code]] if code >= 0 else []
                self.bind(kept, called, feed, sensor, float(self.heard[gone, entry]))
        self.callsigns[kept] = self.callsigns[kept] or self.callsigns[gone]
        self.categories[kept] = self.categories[kept] or self.categories[gone]
        self.release(gone)

    def describe(self, slot: int, sighting: Sighting) -> None:
        """Keep what a sighting calls its aircraft and says of its kind."""
        if sighting.callsign:
            self.callsigns[slot] = sighting.callsign
        if sighting.category:
            self.categories[slot] = sighting.category

    def held(self) -> Counter[str]:
        """How many tracks each feed holds, shown or not."""
        feeds = {code: feed for feed, code in self._feed_codes.items()}
        return Counter(
            {
                feeds[int(code)]: int(count)
                for code, count in zip(*np.unique(self.owner[self.live], return_counts=True), strict=True)
            }
        )


def kind_of(name: str) -> int:
    """Of which kind a name is: an ICAO address, an address that is not ICAO's, or a feed's own identity."""
    return ak.IDENTITY if FEED_END in name else ak.NOT_ICAO if name.startswith("~") else ak.ICAO
