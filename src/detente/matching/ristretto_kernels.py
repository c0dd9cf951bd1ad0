"""libsodium's group operations on many elements in one call, without the interpreter between two of them.

libsodium's functions are made known to the compiler by name, so that the compiled loops can be kept on the disk. The
loops take addresses: of scalars and elements (32 bytes each) and of uniform strings (64 bytes each), one after another.
"""

from __future__ import annotations

import ctypes
from typing import Any

import llvmlite.binding
from numba import njit, types

from detente.matching.sodium import sodium

_ELEMENT_BYTES, _UNIFORM_BYTES = 32, 64


def _known_to_the_compiler(name: str, arguments: int) -> Any:  # noqa: ANN401 numba has no types
    symbol = "detente_crypto_" + name
    llvmlite.binding.add_symbol(symbol, ctypes.cast(sodium["crypto_" + name], ctypes.c_void_p).value)
    return types.ExternalFunction(symbol, types.intc(*[types.uintp] * arguments))


_scalarmult = _known_to_the_compiler("scalarmult_ristretto255", 3)
_from_hash = _known_to_the_compiler("core_ristretto255_from_hash", 2)
_add = _known_to_the_compiler("core_ristretto255_add", 3)
_subtract = _known_to_the_compiler("core_ristretto255_sub", 3)


@njit("int64(uintp, uintp, int64, uintp, int64, int64)", cache=True, nogil=True)
def multiply_rows(result: int, scalars: int, scalar_step: int, points: int, start: int, stop: int) -> int:
    """Multiply elements ``start .. stop``; scalars are `scalar_step` bytes apart, 0 for one scalar for all.

    The first row that is no element, is the identity or becomes it; -1 when there is none.
    """
    for row in range(start, stop):
        at = _ELEMENT_BYTES * row
        if _scalarmult(result + at, scalars + scalar_step * row, points + at) != 0:
            return row
    return -1


@njit("int64(uintp, uintp, int64, int64)", cache=True, nogil=True)
def map_rows(result: int, uniform: int, start: int, stop: int) -> int:
    """Map uniform strings ``start .. stop`` to elements; always -1."""
    for row in range(start, stop):
        _from_hash(result + _ELEMENT_BYTES * row, uniform + _UNIFORM_BYTES * row)
    return -1


@njit("int64(uintp, uintp, int64)", cache=True, nogil=True)
def add_rows(result: int, points: int, count: int) -> int:
    """Add `count` elements to the one at `result`, in place; the first row that is no element, or -1."""
    for row in range(count):
        if _add(result, result, points + _ELEMENT_BYTES * row) != 0:
            return row
    return -1


@njit("int64(uintp, uintp, uintp, int64, int64)", cache=True, nogil=True)
def add_each_row(result: int, first: int, second: int, start: int, stop: int) -> int:
    """Add rows ``start .. stop`` of two arrays of elements; the first row that cannot be added, or -1."""
    for row in range(start, stop):
        at = _ELEMENT_BYTES * row
        if _add(result + at, first + at, second + at) != 0:
            return row
    return -1


@njit("int64(uintp, uintp, uintp, uintp, uintp, uintp, int64, int64, int64)", cache=True, nogil=True)
def combine_rows(
    result: int, between: int, answers: int, bases: int, challenges: int, images: int, members: int, start: int,
    stop: int,
) -> int:  # fmt: skip
    """``answer * base - challenge * image`` of rows ``start .. stop``; the first row that cannot be, or -1.

    `members` rows one after another have one image; `between` has room for as many elements as `result`.
    """
    for row in range(start, stop):
        at = _ELEMENT_BYTES * row
        image = images + _ELEMENT_BYTES * (row // members)
        if _scalarmult(result + at, answers + at, bases + at) != 0:
            return row
        if _scalarmult(between + at, challenges + at, image) != 0:
            return row
        if _subtract(result + at, result + at, between + at) != 0:
            return row
    return -1
