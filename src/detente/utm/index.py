"""The cell index: which entities share a cell, touch the same heights and the same times. Closed intervals throughout.

An entity has a slot, a row of NumPy columns. The search over-reports nothing and misses nothing of that definition.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from detente.airspace.arrays import Integers
from detente.utm.index_kernels import STATE_BYTES_MOST, add, count_owned, discard, select, write_states

T = TypeVar("T", bound=np.generic)

FOREVER_US = int(np.iinfo(np.int64).max)
ANY_KIND = 0x7FFFFFFF
_FIRST_SLOTS = 64


class CellIndex:
    """Entities by cell, height and time."""

    def __init__(self) -> None:
        self.slots: dict[str, int] = {}
        self.names: list[str] = []
        self._free: list[int] = []
        self._rows: dict[int, int] = {}
        self._pool = np.empty(1024, dtype=np.int32)
        self._lows = np.empty(1024)
        self._highs = np.empty(1024)
        self._used = 0
        self._place = np.zeros(_FIRST_SLOTS, dtype=np.int64)
        self._count = np.zeros(_FIRST_SLOTS, dtype=np.int64)
        self._room = np.zeros(_FIRST_SLOTS, dtype=np.int64)
        self._start = np.empty(_FIRST_SLOTS, dtype=np.int64)
        self._end = np.empty(_FIRST_SLOTS, dtype=np.int64)
        self._kinds = np.empty(_FIRST_SLOTS, dtype=np.int32)
        self._seen = np.zeros(_FIRST_SLOTS, dtype=np.int64)
        self._visit = 0

    def __len__(self) -> int:
        return len(self.slots)

    def __contains__(self, name: str) -> bool:
        return name in self.slots

    def insert(
        self,
        name: str,
        cells: Sequence[int],
        lower_m: float | None,
        upper_m: float | None,
        start_us: int | None,
        end_us: int | None,
        kinds: int = 1,
    ) -> int:
        """Enter `name`, which must not be there, and return its slot. None is unbounded; `kinds` are bits to ask by."""
        if self._free:
            slot = self._free.pop()
            self.names[slot] = name
        else:
            slot = len(self.names)
            self.names.append(name)
            if slot == len(self._start):
                self._grow()
        self.slots[name] = slot
        low = -np.inf if lower_m is None else lower_m
        high = np.inf if upper_m is None else upper_m
        self._start[slot] = -FOREVER_US if start_us is None else start_us
        self._end[slot] = FOREVER_US if end_us is None else end_us
        self._kinds[slot] = kinds
        rows = np.array([self._row(cell) for cell in cells], dtype=np.int64)
        if not self._add(rows, slot, low, high):
            self._repack(len(rows))
            self._add(rows, slot, low, high)
        return slot

    def withdraw(self, name: str, cells: Sequence[int]) -> None:
        """Stop finding `name`, but keep its slot until `remove`. `cells` are those it was entered with."""
        discard(self._pool, self._lows, self._highs, self._place, self._count, self._known(cells), self.slots[name])

    def remove(self, name: str, cells: Sequence[int]) -> None:
        """Take `name` out; `cells` are those it was entered with."""
        slot = self.slots.pop(name)
        rows = self._known(cells)
        discard(self._pool, self._lows, self._highs, self._place, self._count, rows, slot)
        self._free.append(slot)

    def find(
        self,
        cells: Sequence[int],
        lower_m: float | None = None,
        upper_m: float | None = None,
        start_us: int | None = None,
        end_us: int | None = None,
        kinds: int = ANY_KIND,
    ) -> NDArray[np.int32]:
        """The slots of what shares a cell, touches these heights and times, and has one of the bits of `kinds`."""
        self._visit += 1
        return select(
            self._pool,
            self._lows,
            self._highs,
            self._place,
            self._count,
            self._known(cells),
            self._start,
            self._end,
            self._kinds,
            self._seen,
            self._visit,
            -np.inf if lower_m is None else lower_m,
            np.inf if upper_m is None else upper_m,
            -FOREVER_US if start_us is None else start_us,
            FOREVER_US if end_us is None else end_us,
            kinds,
        )

    def find_names(
        self,
        cells: Sequence[int],
        lower_m: float | None = None,
        upper_m: float | None = None,
        start_us: int | None = None,
        end_us: int | None = None,
        kinds: int = ANY_KIND,
    ) -> list[str]:
        """As `find`, by name."""
        names = self.names
        return [names[slot] for slot in self.find(cells, lower_m, upper_m, start_us, end_us, kinds).tolist()]

    def _add(self, rows: Integers, slot: int, low: float, high: float) -> bool:
        used = add(
            self._pool, self._lows, self._highs, self._used, self._place, self._count, self._room, rows, slot, low, high
        )
        if used >= 0:
            self._used = used
        return bool(used >= 0)

    def _known(self, cells: Sequence[int]) -> Integers:
        rows = self._rows
        return np.array([rows[cell] for cell in cells if cell in rows], dtype=np.int64)

    def _row(self, cell: int) -> int:
        row = self._rows.get(cell)
        if row is None:
            row = self._rows[cell] = len(self._rows)
            if row == len(self._place):
                self._place, self._count, self._room = (
                    _doubled(self._place),
                    _doubled(self._count),
                    _doubled(self._room),
                )
        return row

    def _repack(self, rows: int) -> None:
        """Lay the rows close again, and make room for as much again."""
        live = len(self._rows)
        room = np.maximum(4, 2 * self._count[:live])
        size = 2 * int(room.sum()) + 8 * rows + 1024
        pool, lows, highs = np.empty(size, dtype=np.int32), np.empty(size), np.empty(size)
        place = np.concatenate(([0], np.cumsum(room)))
        for row in range(live):
            begin, count = int(self._place[row]), int(self._count[row])
            old, new = slice(begin, begin + count), slice(place[row], place[row] + count)
            pool[new], lows[new], highs[new] = self._pool[old], self._lows[old], self._highs[old]
        self._place[:live], self._room[:live] = place[:-1], room
        self._pool, self._lows, self._highs, self._used = pool, lows, highs, int(place[-1])

    def _grow(self) -> None:
        self._start, self._end = _doubled(self._start), _doubled(self._end)
        self._kinds, self._seen = _doubled(self._kinds), _doubled(self._seen)


class SubscriptionIndex(CellIndex):
    """Subscriptions, with the index that counts what each has been notified of, and the text that says so."""

    def __init__(self) -> None:
        super().__init__()
        self._notified = np.zeros(_FIRST_SLOTS, dtype=np.int32)
        self._url_numbers = np.zeros(_FIRST_SLOTS, dtype=np.int32)
        self._owner_numbers = np.zeros(_FIRST_SLOTS, dtype=np.int32)
        self._texts = np.zeros((_FIRST_SLOTS, 36), dtype=np.uint8)
        self._urls: list[str] = []
        self._numbers_of_urls: dict[str, int] = {}
        self._numbers_of_owners: dict[str, int] = {}

    def describe(self, slot: int, url: str, owner: str, notification_index: int) -> None:
        """Say whose the subscription in `slot` is, where its notifications go, and how many there were."""
        if url not in self._numbers_of_urls:
            self._numbers_of_urls[url] = len(self._urls)
            self._urls.append(url)
        self._url_numbers[slot] = self._numbers_of_urls[url]
        self._owner_numbers[slot] = self._numbers_of_owners.setdefault(owner, len(self._numbers_of_owners))
        self._notified[slot] = notification_index
        self._texts[slot] = np.frombuffer(self.names[slot].encode().ljust(36)[:36], dtype=np.uint8)

    def notification_index(self, name: str) -> int:
        """How many notifications the subscription has had."""
        return int(self._notified[self.slots[name]])

    def most_in_a_cell(self, cells: Sequence[int], owner: str, now_us: int, besides: str = "") -> int:
        """The most live subscriptions that `owner` has in any one of `cells`, `besides` one of them."""
        number = self._numbers_of_owners.get(owner, -1)
        spared = self.slots.get(besides, -1)
        return int(
            count_owned(
                self._pool,
                self._place,
                self._count,
                self._known(cells),
                self._owner_numbers,
                number,
                self._end,
                now_us,
                spared,
            )
        )

    def notify(self, slots: NDArray[np.int32], url_field: str, without_suffix: str = "") -> bytes:
        """Count one notification for each of `slots`; return the JSON array that says whom to tell, by URL.

        URLs are shown without `without_suffix` where they end with it.
        """
        if not len(slots):
            return b"[]"
        numbers = self._url_numbers[slots]
        if (numbers == numbers[0]).all():
            parts = [slots]
        else:
            order = np.argsort(numbers, kind="stable")
            parts = np.split(slots[order], np.flatnonzero(np.diff(numbers[order])) + 1)
        written = bytearray()
        for part in parts:
            url = json_text(self._urls[int(self._url_numbers[part[0]])].removesuffix(without_suffix))
            written += b',{"' if written else b'[{"'
            written += b'%b":%b,"subscriptions":[' % (url_field.encode(), url)
            out = np.empty(len(part) * STATE_BYTES_MOST, dtype=np.uint8)
            length = write_states(part, self._notified, self._texts, out)
            written += out[:length].data
            written += b"]}"
        written += b"]"
        return bytes(written)

    def _grow(self) -> None:
        super()._grow()
        self._notified, self._url_numbers = _doubled(self._notified), _doubled(self._url_numbers)
        self._owner_numbers, self._texts = _doubled(self._owner_numbers), _doubled(self._texts)


def json_text(value: str) -> bytes:
    """A string as JSON."""
    return msgspec.json.encode(value)


def _doubled(column: NDArray[T]) -> NDArray[T]:
    return np.concatenate([column, np.zeros_like(column)])
