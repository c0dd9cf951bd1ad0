"""The tracker: sightings of several feeds in, tracks out. Time comes with the call.

Sightings are taken second by second of their own time. Within a second, each sensor (a feed and how it finds positions)
shows an aircraft once, so its sightings are assigned to tracks all at once. A name leads to the tracks that have it; if
the sighting could be of one of them, only those are looked at. Every other is held against all tracks near it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detente.airspace.arrays import Floats, Integers
from detente.watch import association_kernels as ak
from detente.watch import picture_kernels as pk
from detente.watch import track_kernels as tk
from detente.watch.assignment_kernels import assign
from detente.watch.sighting import Sighting, SightingSource
from detente.watch.sighting_rows import FEED_END, NotUsed, in_order, names_of, rows_of, scans_of
from detente.watch.track import Track, TrackDoubt
from detente.watch.track_table import TrackTable, kind_of

TRACKS_MAX = 32_768
SIGHTINGS_MAX = 65_536
"""How many sightings one call takes; the rest is left, and counted."""
SHOWN_AFTER = 3
"""Sightings that must fit before a track is shown."""
UNSHOWN_S = 20.0
"""How long a track that is not shown yet waits for its next sighting: more than a slow radar's turn, 12 s."""
LATE_SHIFT_S = 5.0
"""An aircraft heard again so much out of order is not a matter of the network any more."""
REPEATED_S = 5.0

_DOUBTS = (
    (pk.COASTED, TrackDoubt.COASTED), (pk.LOW_INTEGRITY, TrackDoubt.LOW_INTEGRITY),
    (pk.SHARED, TrackDoubt.SHARED_ADDRESS),
    (pk.JUMPED, TrackDoubt.JUMPED), (pk.STALE, TrackDoubt.STALE), (pk.SHIFTED, TrackDoubt.TIME_SHIFTED),
    (pk.GHOST, TrackDoubt.MAYBE_GHOST), (pk.NO_HEIGHT, TrackDoubt.NO_HEIGHT),
)  # fmt: skip
_DOUBTED_BY = {
    NotUsed.OLD: tk.T_STALE, NotUsed.FUTURE: tk.T_SHIFTED, NotUsed.NO_POSITION: tk.T_JUMPED,
    NotUsed.IMPOSSIBLE_SPEED: tk.T_JUMPED,
}  # fmt: skip


Flags = NDArray[np.bool_]
Names = tuple[str, ...]


class TrackLabels(NamedTuple):
    """What a track is called and heard by; `recent` has a bit for each of its names heard lately."""

    recent: int
    addresses: tuple[str, ...]
    identities: tuple[str, ...]
    feeds: tuple[str, ...]
    sources: tuple[SightingSource, ...]


class TakenIn(NamedTuple):
    """What became of the sightings of one call.

    Attributes:
        used: how many moved a track, or began one.
        not_used: how many did not, by why.
        begun: the tracks that are shown from now on.
        joined: pairs of tracks found to be one aircraft: the one that stays, the one that is gone.
        ended: the tracks that are gone.
    """

    used: int
    not_used: Counter[NotUsed]
    begun: tuple[str, ...]
    joined: tuple[tuple[str, str], ...]
    ended: tuple[str, ...]


class Tracker:
    """All tracks of one node.

    At most `tracks_max` tracks are held, shown or not (about 0.7 kB each); `track_table.py` says what gives way.
    Tracks are numbered from after `last_number` on.
    """

    def __init__(self, tracks_max: int = TRACKS_MAX, last_number: int = 0) -> None:
        self._table = TrackTable(tracks_max)
        self._last_number = last_number
        self._not_used: Counter[NotUsed] = Counter()
        self._used = 0
        self._begun: list[str] = []
        self._ended: list[str] = []

    def take(self, sightings: Sequence[Sighting], now_s: float) -> TakenIn:
        """Take sightings in, in whatever order they came; drop what was not heard for long, join what is one.

        Args:
            sightings: of any feeds; what is beyond SIGHTINGS_MAX is counted and left.
            now_s: seconds since 1970-01-01 UTC, not before the last call's.
        """
        self._not_used, self._used, self._begun, self._ended = Counter(), 0, [], []
        if len(sightings) > SIGHTINGS_MAX:
            self._not_used[NotUsed.TOO_MANY] = len(sightings) - SIGHTINGS_MAX
        ordered = in_order(sightings[:SIGHTINGS_MAX])
        rows, faults = rows_of(ordered)
        names = [names_of(one) for one in ordered]
        for i, fault in enumerate(faults):
            if fault is not None:
                self._doubt(names[i], fault, now_s)
        for second, scan in scans_of(ordered, rows, faults, names):
            self._drop(second)
            self._assign([ordered[i] for i in scan], rows[scan], [names[i] for i in scan], now_s)
        self._drop(now_s)
        joined = self._join(now_s)
        return TakenIn(self._used, self._not_used, tuple(self._begun), joined, tuple(self._ended))

    def tracks(self, now_s: float) -> list[Track]:
        """All shown tracks as they are at `now_s`, in the order of their numbers."""
        table = self._table
        slots = np.flatnonzero(table.live & (table.rows[:, tk.T_SHOWN] > 0.0))
        slots = slots[np.argsort(table.rows[slots, tk.T_SHOWN])]
        rows = pk.shown_rows(table.rows, slots, now_s)
        rows[:, pk.DOUBTS] += pk.SHARED * np.isin(slots, list(self._sharing()))
        recent = (table.heard[slots] > now_s - pk.DOUBT_S) @ (1 << np.arange(ak.NAMES))
        shown = []
        for slot, bits, row in zip(slots.tolist(), recent.tolist(), rows.tolist(), strict=True):
            labels = self._labels(slot, bits)
            pressure, geometric, of_geometric = row[pk.PRESSURE], row[pk.GEOMETRIC], row[pk.OF_GEOMETRIC]
            shown.append(
                Track(
                    track_id=_track_id(row[pk.NUMBER]),
                    at_s=now_s,
                    position_s=row[pk.HEARD],
                    latitude_deg=row[pk.LATITUDE],
                    longitude_deg=row[pk.LONGITUDE],
                    ground_speed_mps=row[pk.SPEED],
                    track_deg=row[pk.TRACK],
                    vertical_speed_mps=row[pk.CLIMB],
                    turn_deg_s=row[pk.TURN],
                    horizontal_error_m=row[pk.HORIZONTAL],
                    vertical_error_m=row[pk.VERTICAL],
                    velocity_error_mps=row[pk.VELOCITY],
                    pressure_altitude_m=pressure if pressure == pressure else None,
                    geometric_altitude_m=geometric if geometric == geometric else None,
                    geometric_error_m=of_geometric if of_geometric == of_geometric else None,
                    addresses=labels.addresses,
                    identities=labels.identities,
                    callsign=table.callsigns[slot],
                    category=table.categories[slot],
                    on_ground=row[pk.ON_GROUND] > 0.0,
                    feeds=labels.feeds,
                    sources=labels.sources,
                    doubts=_doubts(int(row[pk.DOUBTS])),
                )
            )
        return shown

    def held(self) -> Counter[str]:
        """How many tracks, shown or not, each feed holds of the `tracks_max` that there are."""
        return self._table.held()

    def _assign(self, sightings: list[Sighting], rows: Floats, names: list[Names], now_s: float) -> None:
        table = self._table
        n = len(sightings)
        feed, sensor = table.sensor(sightings[0].feed, sightings[0].source)
        sensors = np.empty((n, 2), np.int64)
        sensors[:] = feed, sensor
        own, named = self._named(names)
        costs = np.zeros(len(named))
        verdicts = ak.judge_named(table.rows, table.names, table.heard, rows, own, sensors, named, costs)
        inside = verdicts == ak.INSIDE
        settled = np.zeros(n, bool)
        settled[named[inside, 0]] = True
        refused, elsewhere = self._set_aside(named, verdicts, rows, settled, now_s)
        again = verdicts == ak.REPEATED
        self._note_heard(named[again, 0], named[again, 1], sightings, rows, names, own, sensors)
        pairs, cost_of = named[inside, :2], costs[inside]
        by_place = np.flatnonzero(~settled & ~refused & ~elsewhere)
        if len(by_place):
            more = self._near(rows, own, sensors, by_place)
            pairs, cost_of = np.concatenate([pairs, more[0]]), np.concatenate([cost_of, more[1]])
        found = assign(np.ascontiguousarray(pairs), cost_of, n, len(table.live))
        hit = np.flatnonzero(found >= 0)
        slots = found[hit]
        tk.follow_all(table.rows, slots, rows[hit])
        self._note_heard(hit, slots, sightings, rows, names, own, sensors)
        self._used += len(hit)
        ready = slots[(table.rows[slots, tk.T_HITS] >= SHOWN_AFTER) & (table.rows[slots, tk.T_SHOWN] == 0.0)]
        for slot in ready.tolist():
            self._last_number += 1
            table.rows[slot, tk.T_SHOWN] = self._last_number
            self._begun.append(_track_id(self._last_number))
        for i in np.flatnonzero((found < 0) & ~refused).tolist():
            slot = self._begin(sightings[i], rows[i : i + 1], names[i], (feed, sensor))
            if slot is not None and elsewhere[i]:
                table.rows[slot, tk.T_JUMPED] = now_s

    def _note_heard(
        self, which: Integers, slots: Integers, sightings: list[Sighting], rows: Floats, names: list[Names],
        own: Integers, sensors: Integers,
    ) -> None:  # fmt: skip
        """Note which track each sighting was of: by which names and sensor it was heard, and what it is called."""
        table = self._table
        lacking = ak.mark_heard(table.names, table.heard, slots, own[which], sensors[which], rows[which, tk.S_AT])
        for i, slot, lacks in zip(which.tolist(), slots.tolist(), lacking.tolist(), strict=True):
            if lacks:
                table.bind(slot, names[i], int(sensors[i, 0]), int(sensors[i, 1]), sightings[i].at_s)
            table.describe(slot, sightings[i])

    def _named(self, names: list[Names]) -> tuple[Integers, Integers]:
        """Codes and kinds of all names, [n, 2, 2], and triples of a sighting, a track that has its name, the code."""
        codes, slots_of = self._table.codes, self._table.slots_of
        own = np.full((len(names), 2, 2), ak.FREE, np.int64)
        firsts, pairs = [], []
        for i, called in enumerate(names):
            for k, name in enumerate(called):
                code = codes.get(name)
                if code is None:
                    # No track has it, so any number will do that no track has.
                    code = -10 - k
                else:
                    pairs += [(i, slot, code) for slot in slots_of[code]]
                firsts.append((i, k, code, kind_of(name)))
        if firsts:
            at = np.array(firsts, np.int64)
            own[at[:, 0], at[:, 1]] = at[:, 2:]
        return own, np.array(pairs, np.int64).reshape(-1, 3)

    def _set_aside(
        self, named: Integers, verdicts: Integers, rows: Floats, settled: Flags, now_s: float
    ) -> tuple[Flags, Flags]:
        """Which sightings are of no use, repeated or older; and which are where their aircraft cannot have got."""
        refused, elsewhere = np.zeros(len(rows), bool), np.zeros(len(rows), bool)
        for p in np.flatnonzero(verdicts != ak.INSIDE).tolist():
            i, slot, code = named[p].tolist()
            if settled[i]:
                continue
            track, at = self._table.rows[slot], float(rows[i, tk.S_AT])
            if verdicts[p] == ak.OUTSIDE:
                if kind_of(self._table.text_of[code]) == ak.ICAO:
                    track[tk.T_JUMPED] = now_s
                    elsewhere[i] = True
                continue
            repeated = verdicts[p] == ak.REPEATED
            if repeated and at - track[tk.T_AT] > REPEATED_S:
                track[tk.T_STALE] = now_s
            elif not repeated and track[tk.T_AT] - at > LATE_SHIFT_S:
                track[tk.T_SHIFTED] = now_s
            if not refused[i]:
                self._not_used[NotUsed.REPEATED if repeated else NotUsed.OLDER_THAN_KNOWN] += 1
            refused[i] = True
        return refused, elsewhere

    def _near(self, rows: Floats, own: Integers, sensors: Integers, which: Integers) -> tuple[Integers, Floats]:
        table = self._table
        at = float(np.floor(rows[which[0], tk.S_AT])) + 0.5
        slots, cells = ak.cells_of(table.rows, np.flatnonzero(table.live), at)
        return ak.candidates_by_place(table.rows, table.names, table.heard, rows, own, sensors, which, slots, cells)

    def _begin(self, sighting: Sighting, row: Floats, names: Names, sensor: tuple[int, int]) -> int | None:
        """Begin a track with a sighting that is of none; None where there is no room."""
        table = self._table
        slot = table.slot_for(sensor[0])
        if slot is None:
            self._not_used[NotUsed.NO_ROOM] += 1
            return None
        tk.begin_all(table.rows, np.array([slot]), row)
        table.bind(slot, names, *sensor, sighting.at_s)
        table.describe(slot, sighting)
        self._used += 1
        return slot

    def _doubt(self, names: Names, fault: NotUsed, now_s: float) -> None:
        """Count a sighting that cannot be true, and note it with the tracks of its name."""
        self._not_used[fault] += 1
        for name in names:
            for slot in self._table.slots_of.get(self._table.codes.get(name, -1), ()):
                self._table.rows[slot, _DOUBTED_BY[fault]] = now_s

    def _drop(self, now_s: float) -> None:
        rows, live = self._table.rows, self._table.live
        kept_s = np.where(rows[:, tk.T_SHOWN] > 0.0, ak.DROPPED_S, UNSHOWN_S)
        for slot in np.flatnonzero(live & (now_s - rows[:, tk.T_AT] > kept_s)).tolist():
            if rows[slot, tk.T_SHOWN] > 0.0:
                self._ended.append(_track_id(rows[slot, tk.T_SHOWN]))
            self._table.release(slot)

    def _join(self, now_s: float) -> tuple[tuple[str, str], ...]:
        """Make one of every two shown tracks that have agreed for long and that nothing tells apart."""
        table = self._table
        rows = table.rows
        shown = np.flatnonzero(table.live & (rows[:, tk.T_SHOWN] > 0.0))
        addressed = ((table.names[shown, :, 0] != ak.FREE) & (table.names[shown, :, 1] == ak.ICAO)).any(axis=1)
        sharing = [slot for code in table.shared for slot in table.slots_of[code] if rows[slot, tk.T_SHOWN] > 0.0]
        suspects = np.unique(np.concatenate([shown[~addressed], np.array(sharing, np.int64)]))
        if not len(suspects):
            return ()
        slots, cells = ak.cells_of(rows, shown, now_s)
        joined = []
        for first, second in pk.agreeing(rows, table.names, table.heard, slots, cells, suspects, now_s).tolist():
            if not (table.live[first] and table.live[second]):
                continue
            kept, gone = sorted((first, second), key=lambda slot: float(rows[slot, tk.T_PP]))
            elder, younger = sorted((float(rows[first, tk.T_SHOWN]), float(rows[second, tk.T_SHOWN])))
            rows[kept, tk.T_SHOWN] = elder
            rows[kept, tk.T_AGREED], rows[kept, tk.T_NEAR] = 0.0, -np.inf
            table.join(kept, gone)
            joined.append((_track_id(elder), _track_id(younger)))
            self._ended.append(_track_id(younger))
        return tuple(joined)

    def _sharing(self) -> set[int]:
        """Slots of shown tracks whose address others use as well: each was heard after the youngest had begun."""
        table, found = self._table, set()
        for code in table.shared:
            slots = [slot for slot in table.slots_of[code] if table.rows[slot, tk.T_SHOWN] > 0.0]
            if len(slots) > 1:
                youngest = max(table.rows[slot, tk.T_BORN] for slot in slots)
                if sum(table.rows[slot, tk.T_AT] >= youngest for slot in slots) > 1:
                    found.update(slots)
        return found

    def _labels(self, slot: int, recent: int) -> TrackLabels:
        table = self._table
        labels = table.labels[slot]
        if isinstance(labels, TrackLabels) and labels.recent == recent:
            return labels
        entries = [entry for entry in enumerate(table.names[slot].tolist()) if entry[1][0] != ak.FREE]
        texts = sorted({table.text_of[code] for _, (code, *_) in entries if code >= 0})
        heard = [table.sensors[sensor] for e, (*_, sensor) in entries if recent >> e & 1]
        labels = TrackLabels(
            recent,
            tuple(text for text in texts if FEED_END not in text),
            tuple(text.partition(FEED_END)[2] for text in texts if FEED_END in text),
            tuple(sorted({feed for feed, _ in heard})),
            tuple(sorted({source for _, source in heard})),
        )
        table.labels[slot] = labels
        return labels


def _track_id(number: float) -> str:
    return f"t{int(number)}"


@cache
def _doubts(bits: int) -> tuple[TrackDoubt, ...]:
    return tuple(doubt for bit, doubt in _DOUBTS if bits & bit)
