"""The compiled group operations held against libsodium once in each process, before the first result is used.

What compiles them is a part of the machine: a processor, or a compiler, that multiplies wrongly would make conflicts
disappear, and both sides would agree that there are none.
"""

from __future__ import annotations

import ctypes
import hashlib

import numpy as np
from numpy.typing import NDArray

from detente.matching import ristretto_kernels as kernels
from detente.matching.sodium import sodium

_ROWS = 9
"""One more than are worked on at a time, so that a second turn is tried too."""


class WrongArithmeticError(RuntimeError):
    """The compiled operations and libsodium differ: nothing may be computed with them on this machine."""


def check_arithmetic() -> None:
    """Raise WrongArithmeticError unless every compiled operation gives what libsodium gives for some rows."""
    uniform, scalars = _drawn(b"uniform", 64), _drawn(b"scalars", 32)
    scalars[:, -1] &= 0x0F
    points, expected, result, products, less = np.empty((5, _ROWS, 32), dtype=np.uint8)
    for row in range(_ROWS):
        _call("core_ristretto255_from_hash", points[row], uniform[row])
    kernels.map_rows(result, uniform, 0, _ROWS)
    _same("map", result, points)
    images = points[::-1].copy()
    for row in range(_ROWS):
        _call("scalarmult_ristretto255", products[row], scalars[row], points[row])
        _call("scalarmult_ristretto255", less[row], scalars[_ROWS - 1 - row], images[row])
    kernels.multiply_rows(result, scalars, points, 0, _ROWS)
    _same("multiplication", result, products)
    for row in range(_ROWS):
        _call("core_ristretto255_add", expected[row], points[row], products[row])
    kernels.add_each_row(result, points, products, 0, _ROWS)
    _same("sum", result, expected)
    for row in range(_ROWS):
        _call("core_ristretto255_sub", expected[row], products[row], less[row])
    kernels.combine_rows(result, scalars, points, scalars[::-1].copy(), images, 1, 0, _ROWS)
    _same("combination", result, expected)


def _drawn(what: bytes, width: int) -> NDArray[np.uint8]:
    data = hashlib.shake_256(b"detente self test\n" + what).digest(_ROWS * width)
    return np.frombuffer(data, dtype=np.uint8).reshape(_ROWS, width).copy()


def _call(name: str, *rows: NDArray[np.uint8]) -> None:
    function = sodium["crypto_" + name]
    if function(*(ctypes.c_void_p(row.ctypes.data) for row in rows)):
        raise WrongArithmeticError(f"libsodium refuses what crypto_{name} is tried with")


def _same(what: str, result: NDArray[np.uint8], expected: NDArray[np.uint8]) -> None:
    if not (result == expected).all():
        raise WrongArithmeticError(
            f"the compiled {what} of ristretto255 differs from libsodium's on this machine; "
            "remove the compiled kernels (*.nbc beside the package) and run `detente warm`"
        )
