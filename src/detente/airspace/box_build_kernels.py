"""Building a whole box tree at once, and the order in which many queries visit it; the rest of `box_kernels.py`."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from detente.airspace.arrays import Floats, Integers
from detente.airspace.box_kernels import (
    COUNT,
    DIMENSIONS,
    DONE,
    DUPLICATE,
    FIRST_NODE,
    HEIGHT,
    ITEM,
    LEFT,
    LIMIT,
    PARENT,
    RIGHT,
    ROOT,
    USED,
    USUAL,
    WORDS,
    insert_words,
    new_node,
    refit,
    set_box,
    slot_of,
    turn_to_query,
)

BINS = 16
DEPTH_BY_COST = 48
"""Below this depth the build halves, so that no input makes a deep tree."""
FEW = 8
"""No more boxes than this are halved too: to weigh every border takes longer than a better one saves."""


@njit(cache=True, nogil=True)
def set_boxes(words: NDArray[np.int32], lows: Floats, highs: Floats) -> int:
    """Put n boxes on the grid; DONE, or ``-8 * row + status`` for the first row that is no box."""
    box = np.empty(WORDS)
    for row in range(lows.shape[0]):
        box[:DIMENSIONS] = lows[row]
        box[DIMENSIONS:] = highs[row]
        status = set_box(words, row, box)
        if status != DONE:
            return -8 * row + status
    return DONE


@njit(cache=True, nogil=True)
def turn_to_queries(words: NDArray[np.int32]) -> None:
    """Turn n boxes into queries for `meets`."""
    for row in range(words.shape[0]):
        turn_to_query(words, row)


@njit(cache=True)
def first_present(nodes: NDArray[np.int32], slots: NDArray[np.int32], items: Integers) -> int:
    """The place of the first of `items` that the tree holds, or -1."""
    for place in range(items.shape[0]):
        if slots[slot_of(nodes, slots, items[place])] != 0:
            return place
    return -1


@njit(cache=True, nogil=True)
def insert_boxes(nodes: NDArray[np.int32], slots: NDArray[np.int32], words: NDArray[np.int32], items: Integers) -> None:
    """Insert n boxes one by one; the caller has made room and looked for duplicates."""
    for row in range(items.shape[0]):
        insert_words(nodes, slots, items[row], words, row)


@njit(cache=True)
def swap(words: NDArray[np.int32], items: Integers, a: int, b: int) -> None:
    """Exchange two boxes and their items."""
    for k in range(WORDS):
        words[a, k], words[b, k] = words[b, k], words[a, k]
    items[a], items[b] = items[b], items[a]


@njit(cache=True)
def split_by_cost(
    words: NDArray[np.int32], items: Integers, start: int, stop: int, bin_words: NDArray[np.int32], bin_counts: Integers
) -> int:
    """Order ``words[start:stop]`` so that the boxes before the place returned and those from it on cost least.

    Twice the centre of a box is its lower word minus its upper; it falls in one of BINS equal bins of each dimension,
    and every border between bins is a candidate.
    """
    lowest, highest = np.empty(DIMENSIONS), np.empty(DIMENSIONS)
    lowest[:] = np.inf
    highest[:] = -np.inf
    for row in range(start, stop):
        for k in range(DIMENSIONS):
            centre = float(words[row, k]) - float(words[row, k + DIMENSIONS])
            lowest[k] = min(lowest[k], centre)
            highest[k] = max(highest[k], centre)
    scale = np.empty(DIMENSIONS)
    for k in range(DIMENSIONS):
        scale[k] = BINS * (1.0 - 1e-12) / (highest[k] - lowest[k]) if highest[k] > lowest[k] else 0.0
    bin_words[:] = np.int32(LIMIT)
    bin_counts[:] = 0
    for row in range(start, stop):
        for d in range(DIMENSIONS):
            place = d * BINS + int((float(words[row, d]) - float(words[row, d + DIMENSIONS]) - lowest[d]) * scale[d])
            bin_counts[place] += 1
            for k in range(WORDS):
                bin_words[place, k] = min(bin_words[place, k], words[row, k])
    best, best_dimension, best_border = np.inf, -1, 0
    united = np.empty(WORDS, dtype=np.int32)
    after = np.empty(BINS)
    for d in range(DIMENSIONS):
        if scale[d] == 0.0:
            continue
        united[:] = np.int32(LIMIT)
        count = 0
        for border in range(BINS - 1, 0, -1):
            place = d * BINS + border
            count += bin_counts[place]
            product = float(count)
            for k in range(WORDS):
                united[k] = min(united[k], bin_words[place, k])
            for k in range(DIMENSIONS):
                product *= 1.0 - (float(united[k]) + float(united[k + DIMENSIONS])) / USUAL[k]
            after[border] = product if count > 0 else np.inf
        united[:] = np.int32(LIMIT)
        count = 0
        for border in range(1, BINS):
            place = d * BINS + border - 1
            count += bin_counts[place]
            if count == 0:
                continue
            product = float(count)
            for k in range(WORDS):
                united[k] = min(united[k], bin_words[place, k])
            for k in range(DIMENSIONS):
                product *= 1.0 - (float(united[k]) + float(united[k + DIMENSIONS])) / USUAL[k]
            if product + after[border] < best:
                best, best_dimension, best_border = product + after[border], d, border
    if best_dimension < 0:
        return (start + stop) // 2
    d = best_dimension
    left, right = start, stop - 1
    while left <= right:
        place = int((float(words[left, d]) - float(words[left, d + DIMENSIONS]) - lowest[d]) * scale[d])
        if place < best_border:
            left += 1
        else:
            swap(words, items, left, right)
            right -= 1
    return left


@njit(cache=True)
def split_in_half(words: NDArray[np.int32], items: Integers, start: int, stop: int) -> int:
    """Order ``words[start:stop]`` so that the smaller half of the centres in the widest dimension comes first."""
    widest, widest_spread = 0, -1.0
    for k in range(DIMENSIONS):
        lowest, highest = np.inf, -np.inf
        for row in range(start, stop):
            centre = float(words[row, k]) - float(words[row, k + DIMENSIONS])
            lowest = min(lowest, centre)
            highest = max(highest, centre)
        spread = (highest - lowest) / USUAL[k]
        if spread > widest_spread:
            widest, widest_spread = k, spread
    middle = (start + stop) // 2
    left, right = start, stop - 1
    while left < right:
        pivot_row = (left + right) // 2
        pivot = float(words[pivot_row, widest]) - float(words[pivot_row, widest + DIMENSIONS])
        i, j = left, right
        while i <= j:
            while float(words[i, widest]) - float(words[i, widest + DIMENSIONS]) < pivot:
                i += 1
            while float(words[j, widest]) - float(words[j, widest + DIMENSIONS]) > pivot:
                j -= 1
            if i <= j:
                swap(words, items, i, j)
                i += 1
                j -= 1
        if middle <= j:
            right = j
        elif middle >= i:
            left = i
        else:
            break
    return middle


@njit(cache=True, nogil=True)
def build(nodes: NDArray[np.int32], slots: NDArray[np.int32], words: NDArray[np.int32], items: Integers) -> int:
    """Fill an empty tree with n boxes, which are reordered; DONE, or DUPLICATE and then the tree is empty as before."""
    n = items.shape[0]
    stack = np.empty((64, 4), dtype=np.int64)
    bin_words = np.empty((DIMENSIONS * BINS, WORDS), dtype=np.int32)
    bin_counts = np.empty(DIMENSIONS * BINS, dtype=np.int64)
    stack[0, 0], stack[0, 1], stack[0, 2], stack[0, 3] = 0, n, 0, 0
    top = 1 if n > 0 else 0
    while top > 0:
        top -= 1
        start, stop, parent, depth = stack[top, 0], stack[top, 1], stack[top, 2], stack[top, 3]
        node = new_node(nodes)
        nodes[node, PARENT] = parent
        if parent == 0:
            nodes[0, ROOT] = node
        elif nodes[parent, LEFT] == 0:
            nodes[parent, LEFT] = node
        else:
            nodes[parent, RIGHT] = node
        if stop - start == 1:
            item = items[start]
            for k in range(WORDS):
                nodes[node, k] = words[start, k]
            nodes[node, ITEM], nodes[node, ITEM + 1] = np.int32(item >> 32), np.int32(item & 0xFFFFFFFF)
            nodes[node, HEIGHT] = 0
            slot = slot_of(nodes, slots, item)
            if slots[slot] != 0:
                nodes[0, ROOT], nodes[0, USED] = 0, FIRST_NODE
                slots[:] = 0
                return DUPLICATE
            slots[slot] = node
            continue
        nodes[node, LEFT], nodes[node, RIGHT], nodes[node, HEIGHT] = 0, 0, 1
        if stop - start > FEW and depth < DEPTH_BY_COST:
            middle = split_by_cost(words, items, start, stop, bin_words, bin_counts)
        else:
            middle = split_in_half(words, items, start, stop)
        # The larger part waits, so that no more than log2(n) parts ever wait.
        if middle - start < stop - middle:
            near, near_stop, far, far_stop = start, middle, middle, stop
        else:
            near, near_stop, far, far_stop = middle, stop, start, middle
        stack[top, 0], stack[top, 1], stack[top, 2], stack[top, 3] = far, far_stop, node, depth + 1
        stack[top + 1, 0], stack[top + 1, 1], stack[top + 1, 2], stack[top + 1, 3] = near, near_stop, node, depth + 1
        top += 2
    # A parent is always made before its children, so going backwards meets children first.
    for node in range(nodes[0, USED] - 1, FIRST_NODE - 1, -1):
        if nodes[node, HEIGHT] > 0:
            refit(nodes, node)
    nodes[0, COUNT] = n
    return DONE


@njit(cache=True, nogil=True)
def gather(nodes: NDArray[np.int32], words: NDArray[np.int32], items: Integers, start: int) -> None:
    """Copy every leaf's box and item to ``words[start:]`` and ``items[start:]``."""
    place = start
    for node in range(FIRST_NODE, nodes[0, USED]):
        if nodes[node, HEIGHT] == 0:
            for k in range(WORDS):
                words[place, k] = nodes[node, k]
            items[place] = (np.int64(nodes[node, ITEM]) << 32) | (np.int64(nodes[node, ITEM + 1]) & 0xFFFFFFFF)
            place += 1


@njit(cache=True, nogil=True)
def visiting_keys(queries: NDArray[np.int32]) -> NDArray[np.uint64]:
    """Morton codes of the centres, twelve bits a dimension: in their order, neighbours come one after the other."""
    n = queries.shape[0]
    keys = np.zeros(n, dtype=np.uint64)
    for k in range(DIMENSIONS):
        lowest, highest = np.inf, -np.inf
        for row in range(n):
            centre = float(queries[row, k]) - float(queries[row, k + DIMENSIONS])
            lowest = min(lowest, centre)
            highest = max(highest, centre)
        scale = 4095.0 / (highest - lowest) if highest > lowest else 0.0
        for row in range(n):
            cell = np.uint64((float(queries[row, k]) - float(queries[row, k + DIMENSIONS]) - lowest) * scale)
            for bit in range(12):
                keys[row] |= ((cell >> np.uint64(bit)) & np.uint64(1)) << np.uint64(bit * DIMENSIONS + k)
    return keys


@njit(cache=True, nogil=True)
def sorted_by_row(rows: Integers, items: Integers, row_count: int) -> tuple[Integers, Integers]:
    """The pairs in order of their row, keeping the order within each row."""
    places = np.zeros(row_count + 1, dtype=np.int64)
    for row in rows:
        places[row + 1] += 1
    for row in range(row_count):
        places[row + 1] += places[row]
    sorted_rows, sorted_items = np.empty_like(rows), np.empty_like(items)
    for k in range(rows.shape[0]):
        place = places[rows[k]]
        places[rows[k]] = place + 1
        sorted_rows[place], sorted_items[place] = rows[k], items[k]
    return sorted_rows, sorted_items
