"""The group ristretto255 (RFC 9496) on eight elements at a time, in the vectors of `field_vectors`.

A *point* is four vectors one after another: the extended coordinates X, Y, Z, T of a point of edwards25519 with
``x = X/Z``, ``y = Y/Z``, ``xy = T/Z``. Formulas: Hisil, Wong, Carter and Dawson 2008 (3.1 and 3.3 with a = -1);
decoding, encoding and the map of RFC 9496, 4.3. `work` is the address of memory that a function may use as it likes.
"""

from __future__ import annotations

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from detente.matching.field_vectors import (
    ENTRIES,
    LANES,
    LIMB_BITS,
    LIMB_SHIFTS,
    LIMBS,
    MASK_BYTES,
    PRIME,
    VECTOR_BYTES,
    add,
    canonical,
    choose,
    either,
    equal,
    multiply,
    odd,
    square,
    subtract,
    subtract_reduced,
    without,
)  # fmt: skip

POINT_BYTES = 4 * VECTOR_BYTES
TABLE_BYTES = ENTRIES * POINT_BYTES
DIGITS = 64
WORK_BYTES = 24 * VECTOR_BYTES
"""How much memory each function here needs at `work`."""

_D = -121665 * pow(121666, -1, PRIME) % PRIME
_SQRT_M1 = 19681161376707505956807079304988542015446066515923890162744021073123829784752
_SQRT_AD_MINUS_ONE = 25063068953384623474111414158702152701244531502492656460079210482610430750235
_INVSQRT_A_MINUS_D = 54469307008909316920995813868745141605393597292927456921205312896311721017578
_CONSTANTS = (
    0, 1, _D, 2 * _D % PRIME, _SQRT_M1, _SQRT_AD_MINUS_ONE, _INVSQRT_A_MINUS_D, (1 - _D * _D) % PRIME,
    (_D - 1) * (_D - 1) % PRIME, PRIME - 1, PRIME - _SQRT_M1,
)  # fmt: skip
"""RFC 9496, 4.1."""
ZERO, ONE, D, TWICE_D, SQRT_M1, SQRT_AD_MINUS_ONE, INVSQRT_A_MINUS_D, ONE_MINUS_D_SQUARED, D_MINUS_ONE_SQUARED = (
    place * VECTOR_BYTES for place in range(9)
)
MINUS_ONE, MINUS_SQRT_M1 = 9 * VECTOR_BYTES, 10 * VECTOR_BYTES
"""Where each constant stands in `constants`."""


ElementBytes = NDArray[np.uint8]
LaneWords = NDArray[np.uint64]
LaneDigits = NDArray[np.int64]
READ_BYTES = types.Array(types.uint8, 1, "C", readonly=True)
READ_ROWS = types.Array(types.uint8, 2, "C", readonly=True)
BITS, SHIFTS = np.array(LIMB_BITS), np.array(LIMB_SHIFTS)


def _limbs(number: int) -> list[int]:
    return [(number >> shift) % 2**bits for shift, bits in zip(LIMB_SHIFTS, LIMB_BITS, strict=True)]


constants = np.repeat(np.array([_limbs(number) for number in _CONSTANTS], dtype=np.uint64)[:, :, None], LANES, axis=2)
"""The constants as vectors, [number, limb, lane]; never written to."""


@njit("UniTuple(int64, 4)(int64)", cache=True, nogil=True)
def _four(begin: int) -> tuple[int, int, int, int]:
    """The addresses of four vectors one after another."""
    return begin, begin + VECTOR_BYTES, begin + 2 * VECTOR_BYTES, begin + 3 * VECTOR_BYTES


@njit("UniTuple(int64, 8)(int64)", cache=True, nogil=True)
def _eight(begin: int) -> tuple[int, int, int, int, int, int, int, int]:
    """The addresses of eight vectors one after another."""
    return _four(begin) + _four(begin + POINT_BYTES)


@njit("void(int64, int64)", cache=True, nogil=True)
def _copy(result: int, number: int) -> None:
    add(result, number, constants.ctypes.data + ZERO)


@njit("void(int64, int64, int64, int64)", cache=True, nogil=True)
def _to_the_power_p58(result: int, number: int, short: int, long: int) -> None:
    """A number to the power (p - 5) / 8 = 2^252 - 3; `short` and `long` are room for one vector each."""
    square(short, number, 1)
    square(long, short, 2)
    multiply(long, number, long)
    multiply(short, short, long)
    square(short, short, 1)
    multiply(short, long, short)
    square(long, short, 5)
    multiply(short, long, short)
    square(long, short, 10)
    multiply(long, long, short)
    square(result, long, 20)
    multiply(long, result, long)
    square(long, long, 10)
    multiply(short, long, short)
    square(long, short, 50)
    multiply(long, long, short)
    square(result, long, 100)
    multiply(long, result, long)
    square(long, long, 50)
    multiply(short, long, short)
    square(short, short, 2)
    multiply(result, short, number)


@njit("void(int64, int64)", cache=True, nogil=True)
def _absolute(number: int, work: int) -> None:
    """CT_ABS of RFC 9496, of a reduced vector in place."""
    subtract_reduced(work, constants.ctypes.data + ZERO, number)
    odd(work + VECTOR_BYTES, number)
    choose(number, work + VECTOR_BYTES, work, number)


@njit("void(int64, int64, int64, int64, int64)", cache=True, nogil=True)
def _square_root_of_ratio(was_square: int, root: int, numerator: int, denominator: int, work: int) -> None:
    """SQRT_RATIO_M1 of RFC 9496, 4.2: the root that is not negative, and where the ratio is a square."""
    fixed = constants.ctypes.data
    cube, power, short, long, masks, _, _, _ = _eight(work)
    square(power, denominator, 1)
    multiply(cube, power, denominator)
    square(power, cube, 1)
    multiply(power, power, denominator)
    multiply(power, power, numerator)
    _to_the_power_p58(root, power, short, long)
    multiply(root, root, cube)
    multiply(root, root, numerator)
    square(short, root, 1)
    multiply(short, short, denominator)
    equal(was_square, short, numerator)
    subtract(long, fixed + ZERO, numerator)
    flipped, turned = masks, masks + MASK_BYTES
    equal(flipped, short, long)
    multiply(power, numerator, fixed + MINUS_SQRT_M1)
    equal(turned, short, power)
    either(turned, turned, flipped)
    either(was_square, was_square, flipped)
    multiply(long, root, fixed + SQRT_M1)
    choose(root, turned, long, root)
    _absolute(root, work)


@njit("void(int64, int64, int64, int64)", cache=True, nogil=True)
def decode(point: int, was_element: int, number: int, work: int) -> None:
    """Points from the numbers that eight encodings are (RFC 9496, 4.3.1), and a mask where they are elements.

    That the encodings are below the prime and even is for the caller to see.
    """
    fixed = constants.ctypes.data
    x, y, z, t = _four(point)
    ss, u1, u2, u2_squared, v, inverse, _, _ = _eight(work)
    masks, rest = work + VECTOR_BYTES * 6, work + VECTOR_BYTES * 7
    square(ss, number, 1)
    subtract(u1, fixed + ONE, ss)
    add(u2, fixed + ONE, ss)
    square(u2_squared, u2, 1)
    square(v, u1, 1)
    multiply(v, v, fixed + D)
    add(v, v, u2_squared)
    subtract_reduced(v, fixed + ZERO, v)
    multiply(ss, v, u2_squared)
    _square_root_of_ratio(was_element, inverse, fixed + ONE, ss, rest)
    multiply(x, inverse, u2)
    multiply(ss, inverse, x)
    multiply(ss, ss, v)
    add(z, number, number)
    multiply(x, x, z)
    _absolute(x, rest)
    multiply(y, u1, ss)
    _copy(z, fixed + ONE)
    multiply(t, x, y)
    odd(masks, t)
    equal(masks + MASK_BYTES, y, fixed + ZERO)
    either(masks, masks, masks + MASK_BYTES)
    without(was_element, was_element, masks)


@njit("void(int64, int64, int64)", cache=True, nogil=True)
def encode(number: int, point: int, work: int) -> None:
    """The canonical numbers that encode eight points (RFC 9496, 4.3.2)."""
    fixed = constants.ctypes.data
    x, y, z, t = _four(point)
    u1, u2, inverse, den1, den2, z_inverse, other, _ = _eight(work)
    masks, rest = work + VECTOR_BYTES * 7, work + VECTOR_BYTES * 8
    add(u1, z, y)
    subtract(u2, z, y)
    multiply(u1, u1, u2)
    multiply(u2, x, y)
    square(den1, u2, 1)
    multiply(den1, u1, den1)
    _square_root_of_ratio(masks, inverse, fixed + ONE, den1, rest)
    multiply(den1, inverse, u1)
    multiply(den2, inverse, u2)
    multiply(z_inverse, den1, den2)
    multiply(z_inverse, z_inverse, t)
    multiply(other, t, z_inverse)
    odd(masks, other)
    multiply(u1, y, fixed + SQRT_M1)
    choose(u1, masks, u1, x)
    multiply(u2, x, fixed + SQRT_M1)
    choose(u2, masks, u2, y)
    multiply(other, den1, fixed + INVSQRT_A_MINUS_D)
    choose(den2, masks, other, den2)
    multiply(other, u1, z_inverse)
    odd(masks, other)
    subtract_reduced(other, fixed + ZERO, u2)
    choose(u2, masks, other, u2)
    subtract(other, z, u2)
    multiply(number, den2, other)
    _absolute(number, rest)
    canonical(number, number)


@njit("void(int64, int64, int64)", cache=True, nogil=True)
def map_to_point(point: int, number: int, work: int) -> None:
    """MAP of RFC 9496, 4.3.4, of eight reduced numbers."""
    fixed = constants.ctypes.data
    x, y, z, t = _four(point)
    r, u, v, s, w0, w1, _, _ = _eight(work)
    masks, rest = work + VECTOR_BYTES * 6, work + VECTOR_BYTES * 7
    square(r, number, 1)
    multiply(r, r, fixed + SQRT_M1)
    add(u, r, fixed + ONE)
    multiply(u, u, fixed + ONE_MINUS_D_SQUARED)
    multiply(w0, r, fixed + D)
    subtract(w0, fixed + MINUS_ONE, w0)
    add(w1, r, fixed + D)
    multiply(v, w0, w1)
    _square_root_of_ratio(masks, s, u, v, rest)
    multiply(w0, s, number)
    _absolute(w0, rest)
    subtract_reduced(w0, fixed + ZERO, w0)
    choose(s, masks, s, w0)
    choose(w0, masks, fixed + MINUS_ONE, r)
    subtract(w1, r, fixed + ONE)
    multiply(w0, w0, w1)
    multiply(w0, w0, fixed + D_MINUS_ONE_SQUARED)
    subtract_reduced(u, w0, v)
    add(w0, s, s)
    multiply(w0, w0, v)
    multiply(w1, u, fixed + SQRT_AD_MINUS_ONE)
    square(s, s, 1)
    subtract(u, fixed + ONE, s)
    add(v, fixed + ONE, s)
    multiply(x, w0, v)
    multiply(y, u, w1)
    multiply(z, w1, v)
    multiply(t, w0, u)


@njit("void(int64)", cache=True, nogil=True)
def identity(point: int) -> None:
    """Eight times the identity."""
    fixed = constants.ctypes.data
    for part, one in enumerate((ZERO, ONE, ONE, ZERO)):
        _copy(point + VECTOR_BYTES * part, fixed + one)


@njit("void(int64, int64, int64)", cache=True, nogil=True)
def double(result: int, point: int, work: int) -> None:
    """Points doubled, but for T: the next doubling does not read it, and `complete` computes it."""
    e, h, xx, yy, zz, g, _, _ = _eight(work)
    square(xx, point, 1)
    square(yy, point + VECTOR_BYTES, 1)
    square(zz, point + 2 * VECTOR_BYTES, 1)
    add(zz, zz, zz)
    add(e, point, point + VECTOR_BYTES)
    square(e, e, 1)
    add(h, yy, xx)
    subtract(g, yy, xx)
    subtract_reduced(e, e, h)
    subtract_reduced(zz, zz, g)
    multiply(result, e, zz)
    multiply(result + VECTOR_BYTES, h, g)
    multiply(result + 2 * VECTOR_BYTES, g, zz)


@njit("void(int64, int64, int64, int64)", cache=True, nogil=True)
def add_entry(result: int, point: int, entry: int, work: int) -> None:
    """Complete points and entries of tables added, but for T, which `complete` computes."""
    e, h, a, b, c, f, g, _ = _eight(work)
    subtract(a, point + VECTOR_BYTES, point)
    multiply(a, a, entry + VECTOR_BYTES)
    add(b, point + VECTOR_BYTES, point)
    multiply(b, b, entry)
    multiply(c, point + 3 * VECTOR_BYTES, entry + 3 * VECTOR_BYTES)
    multiply(g, point + 2 * VECTOR_BYTES, entry + 2 * VECTOR_BYTES)
    subtract(e, b, a)
    subtract(f, g, c)
    add(g, g, c)
    add(h, b, a)
    multiply(result, e, f)
    multiply(result + VECTOR_BYTES, g, h)
    multiply(result + 2 * VECTOR_BYTES, f, g)


@njit("void(int64, int64)", cache=True, nogil=True)
def complete(result: int, work: int) -> None:
    """T of the points that `double` or `add_entry` made last with the same `work`."""
    multiply(result + 3 * VECTOR_BYTES, work, work + VECTOR_BYTES)


@njit("void(int64, int64)", cache=True, nogil=True)
def entry_of(entry: int, point: int) -> None:
    """What `add_entry` adds for points: y + x, y - x, 2 z, 2 d t, each as it may be multiplied."""
    add(entry, point + VECTOR_BYTES, point)
    subtract(entry + VECTOR_BYTES, point + VECTOR_BYTES, point)
    add(entry + 2 * VECTOR_BYTES, point + 2 * VECTOR_BYTES, point + 2 * VECTOR_BYTES)
    multiply(entry + 3 * VECTOR_BYTES, point + 3 * VECTOR_BYTES, constants.ctypes.data + TWICE_D)


@njit("void(int64, int64, int64)", cache=True, nogil=True)
def table_of(table: int, point: int, work: int) -> None:
    """The entries of points times 1 .. 8."""
    multiple, rest = work, work + POINT_BYTES
    entry_of(table, point)
    for part in range(4):
        _copy(multiple + VECTOR_BYTES * part, point + VECTOR_BYTES * part)
    for number in range(1, ENTRIES):
        add_entry(multiple, multiple, table, rest)
        complete(multiple, rest)
        entry_of(table + POINT_BYTES * number, multiple)


@njit(types.void(types.int64[:, ::1], types.int64, READ_BYTES, types.int64), cache=True, nogil=True)
def digits_of(digits: LaneDigits, lane: int, scalar: ElementBytes, sign: int) -> None:
    """The digits of -8 .. 8 to the base 16 of a scalar times `sign`, 1 or -1, into one lane of [64, 8].

    The highest bit of the scalar is not read.
    """
    carried = np.int64(0)
    for place in range(DIGITS):
        nibble = (np.int64(scalar[place >> 1]) >> (4 * (place & 1))) & (7 if place == DIGITS - 1 else 15)
        digit = nibble + carried
        carried = ((digit + 8) >> 4) * np.int64(place < DIGITS - 1)
        digits[place, lane] = sign * (digit - (carried << 4))


@njit(types.void(types.uint64[:, ::1], types.int64, READ_BYTES, types.uint8), cache=True, nogil=True)
def number_of(number: LaneWords, lane: int, data: ElementBytes, top: int) -> None:
    """32 bytes, little endian, into one lane of a vector [10, 8]; of the last byte only the bits in `top` are read."""
    for place in range(LIMBS):
        shift = SHIFTS[place]
        word = np.uint64(0)
        for byte in range(shift >> 3, min(32, (shift >> 3) + 5)):
            value = np.uint64(data[byte] & top if byte == 31 else data[byte])
            word |= value << np.uint64(8 * (byte - (shift >> 3)))
        number[place, lane] = (word >> np.uint64(shift & 7)) & np.uint64((1 << BITS[place]) - 1)


@njit("void(uint8[::1], uint64[:, ::1], int64)", cache=True, nogil=True)
def bytes_of(data: ElementBytes, number: LaneWords, lane: int) -> None:
    """The 32 bytes, little endian, of one lane of a canonical vector [10, 8]."""
    data[:] = 0
    for place in range(LIMBS):
        shift = SHIFTS[place]
        word = number[place, lane] << np.uint64(shift & 7)
        for byte in range(shift >> 3, min(32, (shift >> 3) + 5)):
            data[byte] |= np.uint8((word >> np.uint64(8 * (byte - (shift >> 3)))) & np.uint64(255))
