"""Compiled search of the cell index, and the text of the notifications that a change calls for.

A cell's slots stand together in a pool: `place[row]` is where, `count[row]` how many, `room[row]` for how many. Their
heights stand beside them, so that most of a full cell is passed over in blocks that the processor compares at once.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from detente.airspace.arrays import Floats, Integers

Ints = NDArray[np.int32]
Longs = Integers
Bytes = NDArray[np.uint8]

BLOCK = 64

_HEAD = np.frombuffer(b'{"notification_index":', dtype=np.uint8)
_MIDDLE = np.frombuffer(b',"subscription_id":"', dtype=np.uint8)
_TAIL = np.frombuffer(b'"},', dtype=np.uint8)
STATE_BYTES_MOST = len(_HEAD) + 10 + len(_MIDDLE) + 36 + len(_TAIL)


@njit(cache=True)
def add(
    pool: Ints,
    lows: Floats,
    highs: Floats,
    used: int,
    place: Longs,
    count: Longs,
    room: Longs,
    rows: Longs,
    slot: int,
    low: float,
    high: float,
) -> int:
    """Put `slot` into every row; return how much of the pool is used now, or -1 when the pool is too small (unchanged).

    A row that is full moves to the end of the pool with twice the room.
    """
    need = used
    for k in range(len(rows)):
        row = rows[k]
        if count[row] == room[row]:
            need += max(4, 2 * room[row])
    if need > len(pool):
        return -1
    for k in range(len(rows)):
        row = rows[k]
        if count[row] == room[row]:
            larger = max(4, 2 * room[row])
            begin, end = place[row], place[row] + count[row]
            pool[used : used + count[row]] = pool[begin:end]
            lows[used : used + count[row]] = lows[begin:end]
            highs[used : used + count[row]] = highs[begin:end]
            place[row], room[row] = used, larger
            used += larger
        at = place[row] + count[row]
        pool[at], lows[at], highs[at] = slot, low, high
        count[row] += 1
    return used


@njit(cache=True)
def discard(pool: Ints, lows: Floats, highs: Floats, place: Longs, count: Longs, rows: Longs, slot: int) -> None:
    """Take `slot` out of every row; the last of the row takes its place."""
    for k in range(len(rows)):
        row = rows[k]
        begin, end = place[row], place[row] + count[row]
        for at in range(begin, end):
            if pool[at] == slot:
                pool[at], lows[at], highs[at] = pool[end - 1], lows[end - 1], highs[end - 1]
                count[row] -= 1
                break


@njit(cache=True)
def select(
    pool: Ints,
    lows: Floats,
    highs: Floats,
    place: Longs,
    count: Longs,
    rows: Longs,
    start: Longs,
    end: Longs,
    kinds: Ints,
    seen: Longs,
    visit: int,
    lowest: float,
    highest: float,
    first: int,
    last: int,
    kind: int,
) -> Ints:
    """The slots, each once, that share a row, touch the heights and the times, and are of one of the `kind` bits."""
    total = 0
    for k in range(len(rows)):
        total += count[rows[k]]
    found = np.empty(min(total, len(start)), dtype=np.int32)
    n = 0
    for k in range(len(rows)):
        begin = place[rows[k]]
        end_of_row = begin + count[rows[k]]
        while begin < end_of_row:
            until = min(begin + BLOCK, end_of_row)
            near = False
            for at in range(begin, until):
                near |= (lows[at] <= highest) & (highs[at] >= lowest)
            if near:
                for at in range(begin, until):
                    slot = pool[at]
                    if (
                        lows[at] <= highest
                        and highs[at] >= lowest
                        and start[slot] <= last
                        and end[slot] >= first
                        and kinds[slot] & kind
                        and seen[slot] != visit
                    ):
                        seen[slot] = visit
                        found[n] = slot
                        n += 1
            begin = until
    return found[:n]


@njit(cache=True)
def count_owned(
    pool: Ints, place: Longs, count: Longs, rows: Longs, owners: Ints, owner: int, ends: Longs, now: int, spared: int
) -> int:
    """The most slots of one owner, not ended before `now`, `spared` apart, in any one row."""
    most = 0
    for k in range(len(rows)):
        own = 0
        begin = place[rows[k]]
        for at in range(begin, begin + count[rows[k]]):
            if owners[pool[at]] == owner and ends[pool[at]] >= now and pool[at] != spared:
                own += 1
        most = max(most, own)
    return most


@njit(cache=True)
def write_states(slots: Ints, indices: Ints, texts: Bytes, out: Bytes) -> int:
    """Count one notification for each slot and write `{"notification_index":n,"subscription_id":"..."}`, comma between.

    Returns the length of what was written.
    """
    at = 0
    digits = np.empty(10, dtype=np.uint8)
    for k in range(len(slots)):
        slot = slots[k]
        indices[slot] += 1
        for m in range(len(_HEAD)):
            out[at + m] = _HEAD[m]
        at += len(_HEAD)
        value = indices[slot]
        n = 0
        while True:
            digits[n] = 48 + value % 10
            value //= 10
            n += 1
            if value == 0:
                break
        for m in range(n):
            out[at + m] = digits[n - 1 - m]
        at += n
        for m in range(len(_MIDDLE)):
            out[at + m] = _MIDDLE[m]
        at += len(_MIDDLE)
        for m in range(36):
            out[at + m] = texts[slot, m]
        at += 36
        for m in range(len(_TAIL)):
            out[at + m] = _TAIL[m]
        at += len(_TAIL)
    return max(at - 1, 0)
