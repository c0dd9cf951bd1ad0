"""The prime-order group ristretto255 (RFC 9496): many elements at a time by compiled kernels, single ones by libsodium.

Elements are rows of 32 bytes and uniform strings rows of 64 bytes in arrays of uint8; scalars are 32 bytes, little
endian. Whole slices run without the interpreter, on all cores. All operations take constant time in the secrets. The
kernels are held against libsodium once in each process; see `ristretto_self_test`.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detente.airspace.cores import on_all_cores
from detente.matching.sodium import sodium

ELEMENT_BYTES = 32
SCALAR_BYTES = 32
UNIFORM_BYTES = 64
ORDER = 2**252 + 27742317777372353535851937790883648493
ELEMENTS_AT_A_TIME = 64
"""A core's share at a time: a millisecond or two of work, so that short lists have work for all cores too."""
ELEMENTS_SUMMED_AT_A_TIME = 256
"""Likewise where elements are added up, which takes a fourth as long."""

ByteArray = NDArray[np.uint8]


class InvalidElementError(ValueError):
    """Bytes that are no element, or the identity, which no honest party sends. `row` says which, from 0."""

    def __init__(self, row: int) -> None:
        super().__init__(f"element {row} is not a valid element other than the identity")
        self.row = row


def _function(name: str, arguments: int) -> Any:  # noqa: ANN401 ctypes has no narrower type
    # Looked up by item: a fresh object, so that argument types set here are not those of rbcl's own wrappers.
    function = sodium["crypto_" + name]
    function.argtypes = [ctypes.c_void_p] * arguments
    function.restype = ctypes.c_int
    return function


_scalarmult_base = _function("scalarmult_ristretto255_base", 2)
_add = _function("core_ristretto255_add", 3)
_scalar_reduce = _function("core_ristretto255_scalar_reduce", 2)
_scalar_multiply = _function("core_ristretto255_scalar_mul", 3)
_scalar_subtract = _function("core_ristretto255_scalar_sub", 3)
_scalar_add = _function("core_ristretto255_scalar_add", 3)
_subtract = _function("core_ristretto255_sub", 3)


@cache
def _kernels() -> ModuleType:
    """The compiled operations, checked. Where no machine code is stored, they are compiled now, for many seconds."""
    from detente.matching import ristretto_kernels as kernels  # noqa: PLC0415 a node starts without them
    from detente.matching.ristretto_self_test import check_arithmetic  # noqa: PLC0415 likewise

    check_arithmetic()
    return kernels


def elements(data: bytes) -> ByteArray:
    """Rows of 32 bytes of `data`, whose length is a multiple of 32; nothing is checked."""
    return np.frombuffer(data, dtype=np.uint8).reshape(-1, ELEMENT_BYTES)


def multiply(scalar: bytes, points: ByteArray) -> ByteArray:
    """Multiply each element [n, 32] by one scalar.

    Raises InvalidElementError for the first row that is no element, is the identity, or becomes it.
    """
    return _multiplied(elements(_checked(scalar)), points)


def multiply_each(scalars: Sequence[bytes], points: ByteArray) -> ByteArray:
    """Multiply each element [n, 32] by a scalar of its own; raises InvalidElementError as `multiply`."""
    if len(scalars) != len(points):
        raise ValueError("as many scalars as elements are needed")
    return _multiplied(elements(b"".join(map(_checked, scalars))), points)


def _multiplied(keys: ByteArray, points: ByteArray) -> ByteArray:
    points = _rows(points, ELEMENT_BYTES)
    result = np.empty_like(points)
    kernels = _kernels()

    def slice_of(start: int, stop: int) -> int:
        return int(kernels.multiply_rows(result, keys, points, start, stop))

    _check_rows(on_all_cores(slice_of, len(points), ELEMENTS_AT_A_TIME))
    return result


def from_uniform(uniform: ByteArray) -> ByteArray:
    """Map each uniform string [n, 64] to an element [n, 32] (RFC 9496, 4.3.4)."""
    uniform = _rows(uniform, UNIFORM_BYTES)
    result = np.empty((len(uniform), ELEMENT_BYTES), dtype=np.uint8)
    kernels = _kernels()

    def slice_of(start: int, stop: int) -> None:
        kernels.map_rows(result, uniform, start, stop)

    on_all_cores(slice_of, len(uniform), ELEMENTS_AT_A_TIME)
    return result


def first_invalid(points: ByteArray) -> int:
    """The first row of [n, 32] that is no element or is the identity; -1 when there is none."""
    points = _rows(points, ELEMENT_BYTES)
    identity = np.flatnonzero(~points.any(axis=1))
    kernels = _kernels()

    def slice_of(start: int, stop: int) -> int:
        return int(kernels.check_rows(points, start, stop))

    rows = [row for row in on_all_cores(slice_of, len(points), ELEMENTS_AT_A_TIME) if row >= 0]
    return min([*rows[:1], *identity[:1].tolist()], default=-1)


def multiply_base(scalar: bytes) -> bytes:
    """The generator times `scalar`; raises ValueError when that is the identity."""
    result = ctypes.create_string_buffer(ELEMENT_BYTES)
    if _scalarmult_base(result, _checked(scalar)):
        raise ValueError("the scalar is zero")
    return result.raw


def add_points(first: bytes, second: bytes) -> bytes:
    """The sum of two elements; raises ValueError when one is no element."""
    result = ctypes.create_string_buffer(ELEMENT_BYTES)
    if len(first) != ELEMENT_BYTES or len(second) != ELEMENT_BYTES or _add(result, first, second):
        raise ValueError("not an element")
    return result.raw


def subtract_points(first: bytes, second: bytes) -> bytes:
    """The first element less the second; raises ValueError when one is no element."""
    result = ctypes.create_string_buffer(ELEMENT_BYTES)
    if len(first) != ELEMENT_BYTES or len(second) != ELEMENT_BYTES or _subtract(result, first, second):
        raise ValueError("not an element")
    return result.raw


def add_each(first: ByteArray, second: ByteArray) -> ByteArray:
    """The sum of each row [n, 32] and the same row of another; raises InvalidElementError for one that is none."""
    first, second = _rows(first, ELEMENT_BYTES), _rows(second, ELEMENT_BYTES)
    if len(first) != len(second):
        raise ValueError("as many elements on both sides are needed")
    result = np.empty_like(first)
    kernels = _kernels()

    def slice_of(start: int, stop: int) -> int:
        return int(kernels.add_each_row(result, first, second, start, stop))

    _check_rows(on_all_cores(slice_of, len(first), ELEMENTS_AT_A_TIME))
    return result


def combine(answers: ByteArray, bases: ByteArray, challenges: ByteArray, images: ByteArray, members: int) -> ByteArray:
    """``answer * base - challenge * image`` of each row [n, 32]; `members` rows one after another have one image.

    Raises InvalidElementError for the first row that cannot be.
    """
    answers, bases = _rows(answers, SCALAR_BYTES), _rows(bases, ELEMENT_BYTES)
    challenges, images = _rows(challenges, SCALAR_BYTES), _rows(images, ELEMENT_BYTES)
    if not len(answers) == len(bases) == len(challenges) == members * len(images):
        raise ValueError("as many scalars as elements are needed")
    result = np.empty_like(bases)
    kernels = _kernels()

    def slice_of(start: int, stop: int) -> int:
        return int(kernels.combine_rows(result, answers, bases, challenges, images, members, start, stop))

    _check_rows(on_all_cores(slice_of, len(bases), ELEMENTS_AT_A_TIME))
    return result


def _check_rows(rows: list[int]) -> None:
    for row in rows:
        if row >= 0:
            raise InvalidElementError(row)


def total(points: ByteArray) -> bytes:
    """The sum of elements [n, 32]; the identity for none. Raises ValueError when one is no element."""
    points = _rows(points, ELEMENT_BYTES)
    kernels = _kernels()

    def sum_of(start: int, stop: int) -> ByteArray:
        part = np.zeros(ELEMENT_BYTES, dtype=np.uint8)
        if kernels.add_rows(part, points[start:stop]) >= 0:
            raise ValueError("not an element")
        return part

    parts = on_all_cores(sum_of, len(points), ELEMENTS_SUMMED_AT_A_TIME)
    if len(parts) == 1:
        return parts[0].tobytes()
    return total(np.array(parts, dtype=np.uint8).reshape(-1, ELEMENT_BYTES)) if parts else bytes(ELEMENT_BYTES)


def scalar_from_uniform(uniform: bytes) -> bytes:
    """64 uniform bytes, little endian, modulo the order of the group."""
    if len(uniform) != UNIFORM_BYTES:
        raise ValueError("64 bytes are needed")
    result = ctypes.create_string_buffer(SCALAR_BYTES)
    _scalar_reduce(result, uniform)
    return result.raw


def scalar_product(first: bytes, second: bytes) -> bytes:
    """The product of two scalars modulo the order."""
    result = ctypes.create_string_buffer(SCALAR_BYTES)
    _scalar_multiply(result, _checked(first), _checked(second))
    return result.raw


def scalar_difference(first: bytes, second: bytes) -> bytes:
    """The first scalar less the second, modulo the order."""
    result = ctypes.create_string_buffer(SCALAR_BYTES)
    _scalar_subtract(result, _checked(first), _checked(second))
    return result.raw


def scalar_total(first: bytes, second: bytes) -> bytes:
    """The sum of two scalars modulo the order."""
    result = ctypes.create_string_buffer(SCALAR_BYTES)
    _scalar_add(result, _checked(first), _checked(second))
    return result.raw


def _checked(scalar: bytes) -> bytes:
    if len(scalar) != SCALAR_BYTES:
        raise ValueError("a scalar has 32 bytes")
    return scalar


def _rows(array: ByteArray, width: int) -> ByteArray:
    if array.ndim != 2 or array.shape[1] != width or array.dtype != np.uint8:
        raise ValueError(f"an array of bytes [n, {width}] is needed")
    return np.ascontiguousarray(array)
