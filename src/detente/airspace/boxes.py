"""An index of boxes in space and time to which boxes can be added and removed: the first step of every conflict search.

It never misses an overlap.

A box has five dimensions, in this order: x, y and z in metres of points on the WGS 84 ellipsoid (Earth-centred, so that
neither the poles nor the antimeridian is special), altitude in metres on whatever frame the caller compares altitudes
in, and time in POSIX seconds. Bounds may be infinite.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray

from detente.airspace import box_build_kernels as building
from detente.airspace import box_kernels as kernels
from detente.airspace.arrays import Floats, Integers
from detente.airspace.cores import on_all_cores
from detente.airspace.refusal import Refusal

DIMENSION_NAMES = ("x_m", "y_m", "z_m", "altitude_m", "time_s")
ROWS_AT_A_TIME = 2_048
TASKS = 512
TASKS_AT_A_TIME = 8

Bounds = Floats | Sequence[float]
Pairs = tuple[Integers, Integers]
PairKernel = Callable[[int, int, Integers, Integers], tuple[int, int]]


class BoxTree:
    """A tree of boxes, each identified by its own int64 item. It never misses; it may over-report by 1/8 m or 1 s.

    Bounds are stored to 1/16 m and 1/2 s, rounded outward; times before 2001 and after 2069 are moved to those years.
    A tree is not safe to share between threads: one caller at a time. Many queries at once run on threads of its own.
    """

    def __init__(self, capacity_hint: int = 1_024) -> None:
        self._nodes = np.empty((0, kernels.NODE_WORDS), dtype=np.int32)
        self._slots = np.empty(0, dtype=np.int32)
        self._box = np.empty(kernels.WORDS)
        self._low, self._high = self._box[: kernels.DIMENSIONS], self._box[kernels.DIMENSIONS :]
        self._found = np.empty(1_024, dtype=np.int64)
        self._make_room(max(capacity_hint, 16))

    def __len__(self) -> int:
        return int(self._nodes[0, kernels.COUNT])

    @property
    def height(self) -> int:
        """How many nodes lie between the root and the leaf farthest from it."""
        root = self._nodes[0, kernels.ROOT]
        return int(self._nodes[root, kernels.HEIGHT]) if root else 0

    def insert(self, item: int, low: Bounds, high: Bounds) -> None:
        """Insert the closed box from `low` to `high` (five bounds each) under `item`.

        Raises:
            Refusal: a bound is not a number, a lower bound is above its upper, or the item is there already.
        """
        self._set_box(low, high)
        status = kernels.insert(self._nodes, self._slots, item, self._box)
        if status == kernels.FULL:
            self._make_room(2 * len(self) + 16)
            status = kernels.insert(self._nodes, self._slots, item, self._box)
        if status != kernels.DONE:
            raise self._refusal(status, item, self._low, self._high)

    def insert_many(self, items: ArrayLike, lows: ArrayLike, highs: ArrayLike) -> None:
        """Insert n boxes at once: items of shape [n], bounds of shape [n, 5]. Much faster than n calls of `insert`.

        Raises:
            Refusal: for the reasons that `insert` has; no box is inserted then.
        """
        new_items = np.array(items, dtype=np.int64, ndmin=1)
        words, low_rows, high_rows = self._on_grid(lows, highs)
        if new_items.shape != (len(words),):
            raise Refusal("airspace.one_item_for_each", "items", new_items.shape, count=len(words))
        if len(words) == 0:
            return
        unique, counts = np.unique(new_items, return_counts=True)
        if len(unique) < len(new_items):
            raise self._refusal(kernels.DUPLICATE, int(unique[counts > 1][0]), low_rows, high_rows)
        present = building.first_present(self._nodes, self._slots, new_items)
        if present >= 0:
            raise self._refusal(kernels.DUPLICATE, int(new_items[present]), low_rows, high_rows)
        here = len(self)
        if len(words) < here // 2:
            if not self._has_room(here + len(words)):
                self._make_room(max(2 * here, here + len(words)))
            building.insert_boxes(self._nodes, self._slots, words, new_items)
            return
        all_words = np.empty((here + len(words), kernels.WORDS), dtype=np.int32)
        all_items = np.empty(here + len(words), dtype=np.int64)
        building.gather(self._nodes, all_words, all_items, 0)
        all_words[here:], all_items[here:] = words, new_items
        self._nodes[0, kernels.COUNT] = 0
        self._clear(max(len(all_items), self._capacity()))
        building.build(self._nodes, self._slots, all_words, all_items)

    def remove(self, item: int) -> None:
        """Remove the item's box.

        Raises:
            Refusal: the item is not in the tree.
        """
        if kernels.remove(self._nodes, self._slots, item) != kernels.DONE:
            raise Refusal("airspace.item_index", "item", item)

    def query(self, low: Bounds, high: Bounds) -> Integers:
        """Return the items whose closed box has a point in common with this one (touching counts), in no fixed order.

        Raises:
            Refusal: a bound is not a number, or a lower bound is above its upper.
        """
        self._set_box(low, high)
        count = kernels.query(self._nodes, self._box, self._found)
        while count == kernels.FULL:
            self._found = np.empty(4 * len(self._found), dtype=np.int64)
            count = kernels.query(self._nodes, self._box, self._found)
        if count < 0:
            raise self._refusal(count, 0, self._low, self._high)
        return self._found[:count].copy()

    def pairs_with(self, lows: ArrayLike, highs: ArrayLike) -> Pairs:
        """Query with n boxes, bounds of shape [n, 5]: all (row, item) that overlap, sorted by row, then item.

        Raises:
            Refusal: for the reasons that `query` has.
        """
        words, _, _ = self._on_grid(lows, highs)
        building.turn_to_queries(words)
        order = np.argsort(building.visiting_keys(words), kind="stable")
        kernel = partial(kernels.pairs_with, self._nodes, words, order)
        rows, items = self._collect(kernel, len(order), ROWS_AT_A_TIME)
        return building.sorted_by_row(rows, items, len(words))

    def pairs_within(self) -> Pairs:
        """All pairs of items whose boxes overlap, each once, the smaller item first.

        Their order follows the tree's: the same calls before give the same order.
        """
        if len(self) < 2:
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
        tasks = kernels.self_tasks(self._nodes, TASKS)
        return self._collect(partial(kernels.pairs_within, self._nodes, tasks), len(tasks), TASKS_AT_A_TIME)

    def _collect(self, kernel: PairKernel, total: int, at_a_time: int) -> Pairs:
        """Run a kernel over 0 .. total on all cores and return what it wrote, in order."""

        def pairs_of(start: int, stop: int) -> list[Pairs]:
            done = []
            size = 64 * at_a_time + 1_024
            while start < stop:
                left, right = np.empty(size, dtype=np.int64), np.empty(size, dtype=np.int64)
                reached, count = kernel(start, stop, left, right)
                if reached == start:
                    size *= 4
                    continue
                done.append((left[:count].copy(), right[:count].copy()))
                start = reached
            return done

        parts = [part for some in on_all_cores(pairs_of, total, at_a_time) for part in some]
        if not parts:
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
        return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])

    def _set_box(self, low: Bounds, high: Bounds) -> None:
        try:
            five = len(low) == len(high) == kernels.DIMENSIONS
            self._low[:], self._high[:] = low, high
        except (ValueError, TypeError):
            five = False
        if not five:
            raise Refusal(
                "airspace.five_numbers_each", "low, high", (low, high), dimension_names=", ".join(DIMENSION_NAMES)
            )

    def _on_grid(self, lows: ArrayLike, highs: ArrayLike) -> tuple[NDArray[np.int32], Floats, Floats]:
        low_rows = np.ascontiguousarray(lows, dtype=np.float64)
        high_rows = np.ascontiguousarray(highs, dtype=np.float64)
        if low_rows.shape != high_rows.shape or low_rows.ndim != 2 or low_rows.shape[1] != kernels.DIMENSIONS:
            raise Refusal(
                "airspace.two_arrays_of_boxes", "lows, highs", (low_rows.shape, high_rows.shape),
                dimension_names=str(DIMENSION_NAMES),
            )  # fmt: skip
        words = np.empty((len(low_rows), kernels.WORDS), dtype=np.int32)
        status = building.set_boxes(words, low_rows, high_rows)
        if status != kernels.DONE:
            row = -status // 8
            raise self._refusal(status + 8 * row, row, low_rows[row], high_rows[row])
        return words, low_rows, high_rows

    def _capacity(self) -> int:
        return min((len(self._nodes) - kernels.FIRST_NODE) // 2, 2 * len(self._slots) // 3)

    def _has_room(self, items: int) -> bool:
        return items <= self._capacity()

    def _clear(self, capacity: int) -> None:
        """Start again with an empty tree that has space for `capacity` items."""
        self._nodes = np.empty((kernels.FIRST_NODE + 2 * capacity, kernels.NODE_WORDS), dtype=np.int32)
        self._nodes[0] = 0
        self._nodes[0, kernels.USED] = kernels.FIRST_NODE
        self._slots = np.zeros(1 << int(np.ceil(np.log2(1.5 * capacity + 2))), dtype=np.int32)

    def _make_room(self, capacity: int) -> None:
        """Reserve space for `capacity` items. Memory pages that no tree node uses are not touched and cost nothing."""
        before = self._nodes
        self._clear(capacity)
        if len(before) > 0:
            used = before[0, kernels.USED]
            self._nodes[:used] = before[:used]
            kernels.refill_slots(self._nodes, self._slots)

    def _refusal(self, status: int, item: int, low: Floats, high: Floats) -> Refusal:
        if status == kernels.DUPLICATE:
            return Refusal("airspace.item_not_index_yet", "item", item)
        for name, lower, upper in zip(DIMENSION_NAMES, low.tolist(), high.tolist(), strict=True):
            if not lower <= upper:
                code = "airspace.numbers" if status == kernels.NOT_A_NUMBER else "airspace.bounds_in_order"
                return Refusal(code, name, (lower, upper))
        raise AssertionError(status)
