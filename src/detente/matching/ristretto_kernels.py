"""Group operations on many elements in one call, without the interpreter: eight at a time by `ristretto_vectors`.

Elements and scalars are rows of 32 bytes, uniform strings rows of 64. Each function works on rows ``start .. stop`` and
returns the first that cannot be worked on, or -1. Sums of many elements, of which no two are independent, are
libsodium's; its functions are made known to the compiler by name, so that the compiled loops can be kept on the disk.
"""

from __future__ import annotations

import ctypes
from typing import Any

import llvmlite.binding
import numpy as np
from numba import njit, types

from detente.matching import ristretto_vectors as vectors
from detente.matching.field_vectors import LANES, LIMBS, MASK_BYTES, choose_entry
from detente.matching.ristretto_vectors import (
    DIGITS,
    POINT_BYTES,
    READ_BYTES,
    READ_ROWS,
    TABLE_BYTES,
    WORK_BYTES,
    ElementBytes,
)  # fmt: skip
from detente.matching.sodium import sodium

_ELEMENT_BYTES = 32
_P_LAST, _P_FIRST = 0x7F, 0xED
"""The highest and the lowest byte of the prime; all between are 255."""

_int, _WORDS, _ROWS_MADE = types.int64, types.uint64[:, ::1], types.uint8[:, ::1]
_POINT_ROWS = POINT_BYTES // MASK_BYTES
_WORK_ROWS = WORK_BYTES // MASK_BYTES
_ROWS = _WORK_ROWS + 2 * _POINT_ROWS + 2 * TABLE_BYTES // MASK_BYTES


def _known_to_the_compiler(name: str, arguments: int) -> Any:  # noqa: ANN401 numba has no types
    symbol = "detente_crypto_" + name
    llvmlite.binding.add_symbol(symbol, ctypes.cast(sodium["crypto_" + name], ctypes.c_void_p).value)
    return types.ExternalFunction(symbol, types.intc(*[types.int64] * arguments))


_add = _known_to_the_compiler("core_ristretto255_add", 3)


@njit(types.boolean(READ_BYTES), cache=True, nogil=True)
def _canonical_and_even(data: ElementBytes) -> bool:
    """Whether 32 bytes are an even number below the prime, as every encoding is."""
    if data[0] & 1 or data[31] > _P_LAST:
        return False
    if data[31] < _P_LAST or data[0] < _P_FIRST:
        return True
    return bool((data[1:31] != 255).any())


@njit(types.boolean(READ_BYTES), cache=True, nogil=True)
def _zero(data: ElementBytes) -> bool:
    return not data.any()


@njit("UniTuple(int64, 3)(uint64[:, ::1])", cache=True, nogil=True)
def _places(memory: vectors.LaneWords) -> tuple[int, int, int]:
    """The addresses of a point, of an entry, and of what else there is, behind the room for work."""
    begin = memory.ctypes.data + WORK_BYTES
    return begin, begin + POINT_BYTES, begin + 2 * POINT_BYTES


@njit(_int(_WORDS, _int, READ_ROWS, _int, _int, _int), cache=True, nogil=True)
def _decode(work: vectors.LaneWords, point: int, points: ElementBytes, start: int, count: int, members: int) -> int:
    """Up to eight elements, `members` rows of the caller for each, into a point; the first row that is none, or -1."""
    number, mask, rest = work[:LIMBS], work[LIMBS : LIMBS + 1], work[LIMBS + 1 :]
    bad = -1
    for lane in range(LANES):
        row = start + min(lane, count - 1)
        data = points[row // members]
        vectors.number_of(number, lane, data, 255)
        if bad < 0 and not _canonical_and_even(data):
            bad = row
    vectors.decode(point, mask.ctypes.data, number.ctypes.data, rest.ctypes.data)
    for lane in range(count):
        if mask[0, lane] == 0 and (bad < 0 or start + lane < bad):
            bad = start + lane
    return bad


@njit(types.void(_WORDS, _ROWS_MADE, _int, _int, _int), cache=True, nogil=True)
def _encode(work: vectors.LaneWords, result: ElementBytes, start: int, count: int, point: int) -> None:
    number, rest = work[:LIMBS], work[LIMBS:]
    vectors.encode(number.ctypes.data, point, rest.ctypes.data)
    for lane in range(count):
        vectors.bytes_of(result[start + lane], number, lane)


@njit(_int(_ROWS_MADE, READ_ROWS, READ_ROWS, _int, _int), cache=True, nogil=True)
def multiply_rows(result: ElementBytes, scalars: ElementBytes, points: ElementBytes, start: int, stop: int) -> int:
    """Multiply each element by the scalar of its row, or by the only one; the identity fails, before and after."""
    memory = np.zeros((_ROWS, LANES), np.uint64)
    work = memory[:_WORK_ROWS]
    point, entry, table = _places(memory)
    digits = np.zeros((DIGITS, LANES), np.int64)
    for first in range(start, stop, LANES):
        count = min(LANES, stop - first)
        bad = _decode(work, point, points, first, count, 1)
        if bad >= 0:
            return bad
        for lane in range(LANES):
            vectors.digits_of(digits, lane, scalars[first + min(lane, count - 1) if len(scalars) > 1 else 0], 1)
        rest = work.ctypes.data
        vectors.table_of(table, point, rest)
        vectors.identity(point)
        for place in range(DIGITS - 1, -1, -1):
            for _ in range(4):
                vectors.double(point, point, rest)
            vectors.complete(point, rest)
            choose_entry(entry, table, digits[place].ctypes.data)
            vectors.add_entry(point, point, entry, rest)
        vectors.complete(point, rest)
        _encode(work, result, first, count, point)
        for row in range(first, first + count):
            if _zero(result[row]):
                return row
    return -1


@njit(_int(READ_ROWS, _int, _int), cache=True, nogil=True)
def check_rows(points: ElementBytes, start: int, stop: int) -> int:
    """Decode each element and leave it; the identity is one."""
    memory = np.zeros((_ROWS, LANES), np.uint64)
    point = _places(memory)[0]
    for first in range(start, stop, LANES):
        bad = _decode(memory[:_WORK_ROWS], point, points, first, min(LANES, stop - first), 1)
        if bad >= 0:
            return bad
    return -1


@njit(_int(_ROWS_MADE, READ_ROWS, _int, _int), cache=True, nogil=True)
def map_rows(result: ElementBytes, uniform: ElementBytes, start: int, stop: int) -> int:
    """Map uniform strings to elements (RFC 9496, 4.3.4); always -1."""
    memory = np.zeros((_ROWS, LANES), np.uint64)
    work = memory[:_WORK_ROWS]
    point, entry, other = _places(memory)
    number, rest = work[:LIMBS], work[LIMBS:]
    for first in range(start, stop, LANES):
        count = min(LANES, stop - first)
        for half, place in enumerate((point, other)):
            for lane in range(LANES):
                data = uniform[first + min(lane, count - 1), half * _ELEMENT_BYTES : (half + 1) * _ELEMENT_BYTES]
                vectors.number_of(number, lane, data, 127)
            vectors.map_to_point(place, number.ctypes.data, rest.ctypes.data)
        vectors.entry_of(entry, other)
        vectors.add_entry(point, point, entry, work.ctypes.data)
        vectors.complete(point, work.ctypes.data)
        _encode(work, result, first, count, point)
    return -1


@njit(_int(types.uint8[::1], READ_ROWS), cache=True, nogil=True)
def add_rows(result: ElementBytes, points: ElementBytes) -> int:
    """Add elements to the one at `result`, in place; the first row that is no element, or -1."""
    for row in range(len(points)):
        if _add(result.ctypes.data, result.ctypes.data, points.ctypes.data + _ELEMENT_BYTES * row) != 0:
            return row
    return -1


@njit(_int(_ROWS_MADE, READ_ROWS, READ_ROWS, _int, _int), cache=True, nogil=True)
def add_each_row(result: ElementBytes, first: ElementBytes, second: ElementBytes, start: int, stop: int) -> int:
    """Add the rows of two arrays of elements."""
    memory = np.zeros((_ROWS, LANES), np.uint64)
    work = memory[:_WORK_ROWS]
    point, entry, other = _places(memory)
    for begin in range(start, stop, LANES):
        count = min(LANES, stop - begin)
        bad = _decode(work, point, first, begin, count, 1)
        if bad < 0:
            bad = _decode(work, other, second, begin, count, 1)
        if bad >= 0:
            return bad
        vectors.entry_of(entry, other)
        vectors.add_entry(point, point, entry, work.ctypes.data)
        vectors.complete(point, work.ctypes.data)
        _encode(work, result, begin, count, point)
    return -1


@njit(_int(_ROWS_MADE, READ_ROWS, READ_ROWS, READ_ROWS, READ_ROWS, _int, _int, _int), cache=True, nogil=True)
def combine_rows(
    result: ElementBytes,
    answers: ElementBytes,
    bases: ElementBytes,
    challenges: ElementBytes,
    images: ElementBytes,
    members: int,
    start: int,
    stop: int,
) -> int:
    """``answer * base - challenge * image`` of each row; `members` rows one after another have one image.

    A row fails whose base or image is the identity, or whose answer or challenge is zero.
    """
    memory = np.zeros((_ROWS, LANES), np.uint64)
    work = memory[:_WORK_ROWS]
    point, entry, table = _places(memory)
    second = table + TABLE_BYTES
    digits, less = np.zeros((DIGITS, LANES), np.int64), np.zeros((DIGITS, LANES), np.int64)
    rest = work.ctypes.data
    for first in range(start, stop, LANES):
        count = min(LANES, stop - first)
        for row in range(first, first + count):
            if _zero(answers[row]) or _zero(challenges[row]) or _zero(bases[row]) or _zero(images[row // members]):
                return row
        bad = _decode(work, point, bases, first, count, 1)
        if bad >= 0:
            return bad
        vectors.table_of(table, point, rest)
        bad = _decode(work, point, images, first, count, members)
        if bad >= 0:
            return bad
        vectors.table_of(second, point, rest)
        for lane in range(LANES):
            row = first + min(lane, count - 1)
            vectors.digits_of(digits, lane, answers[row], 1)
            vectors.digits_of(less, lane, challenges[row], -1)
        vectors.identity(point)
        for place in range(DIGITS - 1, -1, -1):
            for _ in range(4):
                vectors.double(point, point, rest)
            vectors.complete(point, rest)
            choose_entry(entry, table, digits[place].ctypes.data)
            vectors.add_entry(point, point, entry, rest)
            vectors.complete(point, rest)
            choose_entry(entry, second, less[place].ctypes.data)
            vectors.add_entry(point, point, entry, rest)
        vectors.complete(point, rest)
        _encode(work, result, first, count, point)
    return -1
