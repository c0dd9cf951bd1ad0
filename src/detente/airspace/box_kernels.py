"""The compiled half of `boxes.py`: a binary tree of bounding boxes in five dimensions, in one array of 64-byte nodes.

A box is ten int32 words: five lower bounds, then five upper bounds negated. So the union of two boxes is the smaller of
each word, and a node meets a query (its upper bounds, then its lower bounds negated) when no word exceeds the query's.
Bounds lie on a grid (1/16 m, 1/2 s) and are rounded outward; rounding keeps order, so what overlapped still does.

Insertion searches for the sibling whose union costs the tree least and mends the way up with rotations (E. Catto,
GDC 2019, "Dynamic Bounding Volume Hierarchies", after J. Bittner's insertion by branch and bound); the bulk build
splits by the binned form of the same cost (I. Wald, "On fast construction of SAH-based bounding volume hierarchies",
2007).
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from detente.airspace.arrays import Floats, Integers

DIMENSIONS = 5
WORDS = 10
PARENT, LEFT, RIGHT, HEIGHT, ITEM = 10, 11, 12, 13, 14
NODE_WORDS = 16

# Row 0 is the header, so that a tree is one argument, and 0 says "no node". Row 1 holds the box in hand.
ROOT, FREE, USED, COUNT = 0, 1, 2, 3
SCRATCH = 1
FIRST_NODE = 2

EPOCH_S = 2_051_222_400.0
"""2035-01-01T00:00:00Z: half seconds in int32 reach from 2001 to 2069. What lies beyond is held at the bound."""
LIMIT = 2_147_483_647.0
METRE_STEPS = 16.0
SECOND_STEPS = 2.0
# The cost of a node is the chance that a query meets it: the product of its extents, each widened by a usual query's.
USUAL = (1_000.0 * METRE_STEPS, 1_000.0 * METRE_STEPS, 1_000.0 * METRE_STEPS, 100.0 * METRE_STEPS, 300.0 * SECOND_STEPS)

DONE, NOT_A_NUMBER, UPSIDE_DOWN, DUPLICATE, FULL, UNKNOWN = 0, -1, -2, -3, -4, -5
SEARCHED = 300
"""Nodes that an insertion looks at before it takes the best place so far: bounds its time whatever comes."""
IMBALANCE = 32
"""How far the heights of two children may differ, as the one of an AVL tree: no order of insertion makes a deep tree.

With 6, queries among boxes of very different sizes took eight times as long."""


@njit(cache=True)
def on_grid(low: float, high: float, dimension: int) -> tuple[np.int32, np.int32]:
    """The first two words (lower, upper negated) of an interval, rounded outward and held within int32."""
    if dimension == DIMENSIONS - 1:
        low, high = (low - EPOCH_S) * SECOND_STEPS, (high - EPOCH_S) * SECOND_STEPS
    else:
        low, high = low * METRE_STEPS, high * METRE_STEPS
    low = min(max(math.floor(low), -LIMIT), LIMIT) if abs(low) < math.inf else math.copysign(LIMIT, low)
    high = min(max(math.ceil(high), -LIMIT), LIMIT) if abs(high) < math.inf else math.copysign(LIMIT, high)
    return np.int32(low), np.int32(-high)


@njit(cache=True)
def set_box(words: NDArray[np.int32], row: int, box: Floats) -> int:
    """Write a box (five lower, five upper bounds) into ``words[row]``; NOT_A_NUMBER or UPSIDE_DOWN if it is none."""
    for k in range(DIMENSIONS):
        low, high = box[k], box[k + DIMENSIONS]
        if not low <= high:
            return UPSIDE_DOWN if low > high else NOT_A_NUMBER
        words[row, k], words[row, k + DIMENSIONS] = on_grid(low, high, k)
    return DONE


@njit(cache=True)
def turn_to_query(words: NDArray[np.int32], row: int) -> None:
    """Turn a box into the other side of `meets`: upper bounds, then lower bounds negated."""
    for k in range(DIMENSIONS):
        low, high = words[row, k], words[row, k + DIMENSIONS]
        words[row, k], words[row, k + DIMENSIONS] = -high, -low


@njit(cache=True)
def meets(nodes: NDArray[np.int32], node: int, queries: NDArray[np.int32], row: int) -> bool:
    """Whether a node's closed box and a query's have a point in common."""
    apart = False
    for k in range(WORDS):
        apart |= nodes[node, k] > queries[row, k]
    return not apart


@njit(cache=True)
def nodes_meet(nodes: NDArray[np.int32], a: int, b: int) -> bool:
    """Whether the closed boxes of two nodes have a point in common."""
    apart = False
    for k in range(DIMENSIONS):
        apart |= bool(np.int64(nodes[a, k]) > -np.int64(nodes[b, k + DIMENSIONS]))
        apart |= bool(np.int64(nodes[b, k]) > -np.int64(nodes[a, k + DIMENSIONS]))
    return not apart


@njit(cache=True)
def cost(nodes: NDArray[np.int32], a: int) -> float:
    """How likely a usual query meets node `a`, up to a constant."""
    product = 1.0
    for k in range(DIMENSIONS):
        product *= 1.0 - (float(nodes[a, k]) + float(nodes[a, k + DIMENSIONS])) / USUAL[k]
    return product


@njit(cache=True)
def union_cost(nodes: NDArray[np.int32], a: int, b: int) -> float:
    """The cost of the union of nodes `a` and `b`."""
    product = 1.0
    for k in range(DIMENSIONS):
        low = min(nodes[a, k], nodes[b, k])
        high = min(nodes[a, k + DIMENSIONS], nodes[b, k + DIMENSIONS])
        product *= 1.0 - (float(low) + float(high)) / USUAL[k]
    return product


@njit(cache=True)
def item_of(nodes: NDArray[np.int32], leaf: int) -> int:
    """The item that a leaf holds."""
    return int((np.int64(nodes[leaf, ITEM]) << 32) | (np.int64(nodes[leaf, ITEM + 1]) & 0xFFFFFFFF))


@njit(cache=True)
def first_slot(item: int, slots: NDArray[np.int32]) -> int:
    """Where the search for an item begins in a table of a power of two slots."""
    mixed = np.uint64(item) * np.uint64(0x9E3779B97F4A7C15)
    return int(np.int64((mixed ^ (mixed >> np.uint64(29))) >> np.uint64(7)) & (slots.shape[0] - 1))


@njit(cache=True)
def slot_of(nodes: NDArray[np.int32], slots: NDArray[np.int32], item: int) -> int:
    """The slot that holds the item's leaf, or the empty slot where it would go (open addressing, linear probing)."""
    slot = first_slot(item, slots)
    while slots[slot] != 0 and item_of(nodes, slots[slot]) != item:
        slot = (slot + 1) & (slots.shape[0] - 1)
    return slot


@njit(cache=True)
def empty_slot(nodes: NDArray[np.int32], slots: NDArray[np.int32], slot: int) -> None:
    """Empty a slot and move up what had been pushed behind it, so that no search ends too soon."""
    mask = slots.shape[0] - 1
    hole, probe = slot, slot
    while True:
        probe = (probe + 1) & mask
        if slots[probe] == 0:
            break
        home = first_slot(item_of(nodes, slots[probe]), slots)
        if ((probe - home) & mask) >= ((probe - hole) & mask):
            slots[hole] = slots[probe]
            hole = probe
    slots[hole] = 0


@njit(cache=True)
def refill_slots(nodes: NDArray[np.int32], slots: NDArray[np.int32]) -> None:
    """Enter every leaf into an empty table."""
    for node in range(FIRST_NODE, nodes[0, USED]):
        if nodes[node, HEIGHT] == 0:
            slots[slot_of(nodes, slots, item_of(nodes, node))] = node


@njit(cache=True)
def new_node(nodes: NDArray[np.int32]) -> int:
    """A node from the free list, or the next that was never used; the caller has made room."""
    node = int(nodes[0, FREE])
    if node != 0:
        nodes[0, FREE] = nodes[node, LEFT]
        return node
    node = int(nodes[0, USED])
    nodes[0, USED] = node + 1
    return node


@njit(cache=True)
def free_node(nodes: NDArray[np.int32], node: int) -> None:
    """Give a node back."""
    nodes[node, HEIGHT] = -1
    nodes[node, LEFT] = nodes[0, FREE]
    nodes[0, FREE] = node


@njit(cache=True)
def refit(nodes: NDArray[np.int32], node: int) -> bool:
    """Take an inner node's box and height from its children; whether either changed."""
    left, right = nodes[node, LEFT], nodes[node, RIGHT]
    changed = False
    for k in range(WORDS):
        word = min(nodes[left, k], nodes[right, k])
        changed |= bool(word != nodes[node, k])
        nodes[node, k] = word
    height = np.int32(1 + max(nodes[left, HEIGHT], nodes[right, HEIGHT]))
    changed |= bool(height != nodes[node, HEIGHT])
    nodes[node, HEIGHT] = height
    return changed


@njit(cache=True)
def exchange(nodes: NDArray[np.int32], node: int, child: int, nephew: int) -> None:
    """Swap a child of `node` with a child of its sibling, and refit the sibling."""
    sibling = nodes[nephew, PARENT]
    nodes[node, LEFT if nodes[node, LEFT] == child else RIGHT] = nephew
    nodes[sibling, LEFT if nodes[sibling, LEFT] == nephew else RIGHT] = child
    nodes[nephew, PARENT] = node
    nodes[child, PARENT] = sibling
    refit(nodes, sibling)


@njit(cache=True)
def rotate(nodes: NDArray[np.int32], node: int) -> None:
    """Swap a child with a nephew where it makes the sibling cheaper, or where the tree leans too far."""
    left, right = nodes[node, LEFT], nodes[node, RIGHT]
    lean = nodes[left, HEIGHT] - nodes[right, HEIGHT]
    if abs(lean) > IMBALANCE:
        tall, short = (left, right) if lean > 0 else (right, left)
        first, second = nodes[tall, LEFT], nodes[tall, RIGHT]
        exchange(nodes, node, short, first if nodes[first, HEIGHT] >= nodes[second, HEIGHT] else second)
        return
    best_gain, best_child, best_nephew = 0.0, 0, 0
    for side in range(2):
        child, sibling = (left, right) if side == 0 else (right, left)
        if nodes[sibling, HEIGHT] == 0:
            continue
        before = cost(nodes, sibling)
        for place in (LEFT, RIGHT):
            nephew, other = nodes[sibling, place], nodes[sibling, LEFT + RIGHT - place]
            height = 1 + max(nodes[child, HEIGHT], nodes[other, HEIGHT])
            if (
                abs(nodes[child, HEIGHT] - nodes[other, HEIGHT]) > IMBALANCE
                or abs(height - nodes[nephew, HEIGHT]) > IMBALANCE
            ):
                continue
            gain = before - union_cost(nodes, child, other)
            if gain > best_gain:
                best_gain, best_child, best_nephew = gain, child, nephew
    if best_child != 0:
        exchange(nodes, node, best_child, best_nephew)


@njit(cache=True)
def mend_upward(nodes: NDArray[np.int32], node: int) -> None:
    """Refit and rotate from an inner node to the root; stops where nothing changes any more."""
    while node != 0:
        changed = refit(nodes, node)
        if nodes[node, HEIGHT] > 1:
            rotate(nodes, node)
            changed |= refit(nodes, node)
        if not changed:
            return
        node = nodes[node, PARENT]


@njit(cache=True)
def best_sibling(nodes: NDArray[np.int32], leaf: int) -> int:
    """The node beside which a leaf adds least cost, by branch and bound over about SEARCHED nodes.

    Beside a node it costs their union, the new parent, and the growth of every node above. Below a node it costs at
    least the leaf itself and that growth, which bounds the search. No node higher than IMBALANCE is taken.
    """
    root = nodes[0, ROOT]
    own_cost = cost(nodes, leaf)
    waiting = np.empty(nodes[root, HEIGHT] + 1, dtype=np.int32)
    waiting_union = np.empty(nodes[root, HEIGHT] + 1)
    waiting_growth = np.empty(nodes[root, HEIGHT] + 1)
    top = 0
    node, union, growth = root, union_cost(nodes, root, leaf), 0.0
    best, best_cost = 0, math.inf
    if nodes[root, HEIGHT] <= IMBALANCE:
        best, best_cost = root, union
    looked = 0
    while looked < SEARCHED or best == 0:
        looked += 1
        below = False
        if nodes[node, HEIGHT] > 0:
            growth += union - cost(nodes, node)
            below = growth + own_cost < best_cost
        if below:
            near, far = nodes[node, LEFT], nodes[node, RIGHT]
            near_union, far_union = union_cost(nodes, near, leaf), union_cost(nodes, far, leaf)
            if far_union - cost(nodes, far) < near_union - cost(nodes, near):
                near, near_union, far, far_union = far, far_union, near, near_union
            if growth + near_union < best_cost and nodes[near, HEIGHT] <= IMBALANCE:
                best, best_cost = near, growth + near_union
            if growth + far_union < best_cost and nodes[far, HEIGHT] <= IMBALANCE:
                best, best_cost = far, growth + far_union
            waiting[top], waiting_union[top], waiting_growth[top] = far, far_union, growth
            top += 1
            node, union = near, near_union
        else:
            while top > 0 and waiting_growth[top - 1] + own_cost >= best_cost:
                top -= 1
            if top == 0:
                break
            top -= 1
            node, union, growth = waiting[top], waiting_union[top], waiting_growth[top]
    return best


@njit(cache=True)
def insert_leaf(nodes: NDArray[np.int32], leaf: int) -> None:
    """Hang a leaf whose box is set into the tree."""
    nodes[leaf, HEIGHT] = 0
    nodes[0, COUNT] += 1
    if nodes[0, ROOT] == 0:
        nodes[0, ROOT] = leaf
        nodes[leaf, PARENT] = 0
        return
    sibling = best_sibling(nodes, leaf)
    above = nodes[sibling, PARENT]
    parent = new_node(nodes)
    nodes[parent, PARENT], nodes[parent, LEFT], nodes[parent, RIGHT] = above, sibling, leaf
    nodes[parent, HEIGHT] = 0
    nodes[sibling, PARENT] = parent
    nodes[leaf, PARENT] = parent
    if above == 0:
        nodes[0, ROOT] = parent
    else:
        nodes[above, LEFT if nodes[above, LEFT] == sibling else RIGHT] = parent
    mend_upward(nodes, parent)


@njit(cache=True)
def insert_words(
    nodes: NDArray[np.int32], slots: NDArray[np.int32], item: int, words: NDArray[np.int32], row: int
) -> int:
    """Insert the box ``words[row]`` under an item; DONE or DUPLICATE. The caller has made room."""
    slot = slot_of(nodes, slots, item)
    if slots[slot] != 0:
        return DUPLICATE
    leaf = new_node(nodes)
    slots[slot] = leaf
    for k in range(WORDS):
        nodes[leaf, k] = words[row, k]
    nodes[leaf, ITEM], nodes[leaf, ITEM + 1] = np.int32(item >> 32), np.int32(item & 0xFFFFFFFF)
    insert_leaf(nodes, leaf)
    return DONE


@njit(cache=True)
def insert(nodes: NDArray[np.int32], slots: NDArray[np.int32], item: int, box: Floats) -> int:
    """Insert one item; DONE, or why not, and then nothing has changed."""
    count = nodes[0, COUNT] + 1
    if FIRST_NODE + 2 * count > nodes.shape[0] or 3 * count > 2 * slots.shape[0]:
        return FULL
    status = set_box(nodes, SCRATCH, box)
    if status != DONE:
        return status
    return insert_words(nodes, slots, item, nodes, SCRATCH)


@njit(cache=True)
def remove(nodes: NDArray[np.int32], slots: NDArray[np.int32], item: int) -> int:
    """Remove one item; DONE or UNKNOWN."""
    slot = slot_of(nodes, slots, item)
    leaf = slots[slot]
    if leaf == 0:
        return UNKNOWN
    empty_slot(nodes, slots, slot)
    nodes[0, COUNT] -= 1
    parent = nodes[leaf, PARENT]
    free_node(nodes, leaf)
    if parent == 0:
        nodes[0, ROOT] = 0
        return DONE
    sibling = nodes[parent, RIGHT] if nodes[parent, LEFT] == leaf else nodes[parent, LEFT]
    above = nodes[parent, PARENT]
    free_node(nodes, parent)
    nodes[sibling, PARENT] = above
    if above == 0:
        nodes[0, ROOT] = sibling
    else:
        nodes[above, LEFT if nodes[above, LEFT] == parent else RIGHT] = sibling
        mend_upward(nodes, above)
    return DONE


@njit(cache=True)
def descend(nodes: NDArray[np.int32], queries: NDArray[np.int32], row: int, found: Integers, start: int) -> int:
    """Write the items that meet a query from ``found[start]`` on; the end of them, or FULL.

    The far end of `found` is the stack of nodes to visit: there is room for both, or FULL is said.
    """
    root = nodes[0, ROOT]
    if root == 0 or not meets(nodes, root, queries, row):
        return start
    end = start
    top = found.shape[0]
    node = root
    while True:
        if nodes[node, HEIGHT] == 0:
            if end >= top:
                return FULL
            found[end] = item_of(nodes, node)
            end += 1
        else:
            left, right = nodes[node, LEFT], nodes[node, RIGHT]
            if meets(nodes, left, queries, row):
                if meets(nodes, right, queries, row):
                    top -= 1
                    if top <= end:
                        return FULL
                    found[top] = right
                node = left
                continue
            if meets(nodes, right, queries, row):
                node = right
                continue
        if top == found.shape[0]:
            return end
        node = found[top]
        top += 1


@njit(cache=True, nogil=True)
def query(nodes: NDArray[np.int32], box: Floats, found: Integers) -> int:
    """Write the items whose boxes meet `box` into `found`; how many, or FULL, NOT_A_NUMBER, UPSIDE_DOWN."""
    status = set_box(nodes, SCRATCH, box)
    if status != DONE:
        return status
    turn_to_query(nodes, SCRATCH)
    return descend(nodes, nodes, SCRATCH, found, 0)


@njit(cache=True, nogil=True)
def pairs_with(
    nodes: NDArray[np.int32],
    queries: NDArray[np.int32],
    order: Integers,
    start: int,
    stop: int,
    rows: Integers,
    items: Integers,
) -> tuple[int, int]:
    """Query for ``order[start:stop]`` while there is room; the place reached and how many pairs were written."""
    count = 0
    for place in range(start, stop):
        end = descend(nodes, queries, order[place], items, count)
        if end == FULL:
            return place, count
        items[count:end].sort()
        rows[count:end] = order[place]
        count = end
    return stop, count


@njit(cache=True, nogil=True)
def pairs_within(
    nodes: NDArray[np.int32], tasks: Integers, start: int, stop: int, firsts: Integers, seconds: Integers
) -> tuple[int, int]:
    """Do the tasks (pairs of nodes whose boxes meet, or twice one node) while there is room; as `pairs_with`.

    The far ends of both arrays are the stack of pairs of nodes to visit.
    """
    count = 0
    size = firsts.shape[0]
    for place in range(start, stop):
        end = count
        top = size - 1
        firsts[top], seconds[top] = tasks[place, 0], tasks[place, 1]
        while top < size:
            a, b = firsts[top], seconds[top]
            top += 1
            if end + 4 > top:
                return place, count
            if a == b:
                if nodes[a, HEIGHT] > 0:
                    left, right = nodes[a, LEFT], nodes[a, RIGHT]
                    firsts[top - 1], seconds[top - 1] = right, right
                    firsts[top - 2], seconds[top - 2] = left, left
                    top -= 2
                    if nodes_meet(nodes, left, right):
                        top -= 1
                        firsts[top], seconds[top] = left, right
            elif nodes[a, HEIGHT] == 0 and nodes[b, HEIGHT] == 0:
                first, second = item_of(nodes, a), item_of(nodes, b)
                firsts[end], seconds[end] = min(first, second), max(first, second)
                end += 1
            else:
                if nodes[a, HEIGHT] < nodes[b, HEIGHT]:
                    a, b = b, a
                left, right = nodes[a, LEFT], nodes[a, RIGHT]
                if nodes_meet(nodes, right, b):
                    top -= 1
                    firsts[top], seconds[top] = right, b
                if nodes_meet(nodes, left, b):
                    top -= 1
                    firsts[top], seconds[top] = left, b
        count = end
    return stop, count


@njit(cache=True)
def self_tasks(nodes: NDArray[np.int32], wanted: int) -> Integers:
    """Cut "the whole tree with itself" into about `wanted` pairs of nodes, shape [n, 2]."""
    tasks = np.empty((1, 2), dtype=np.int64)
    tasks[0, 0] = tasks[0, 1] = nodes[0, ROOT]
    while tasks.shape[0] < wanted:
        finer = np.empty((3 * tasks.shape[0], 2), dtype=np.int64)
        n = 0
        for place in range(tasks.shape[0]):
            a, b = tasks[place, 0], tasks[place, 1]
            if a == b and nodes[a, HEIGHT] > 0:
                left, right = nodes[a, LEFT], nodes[a, RIGHT]
                finer[n, 0], finer[n, 1] = left, left
                finer[n + 1, 0], finer[n + 1, 1] = right, right
                n += 2
                if nodes_meet(nodes, left, right):
                    finer[n, 0], finer[n, 1] = left, right
                    n += 1
            else:
                finer[n, 0], finer[n, 1] = a, b
                n += 1
        if n == tasks.shape[0]:
            break
        tasks = finer[:n].copy()
    return tasks
