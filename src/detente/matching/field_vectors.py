"""Arithmetic modulo 2^255 - 19 on eight numbers at a time, for processors that multiply several words in one step.

A *vector* is 640 bytes at an address: ten limbs of eight lanes each, 64 bits a lane, limb by limb. Limb i counts in
units of 2^ceil(25.5 i), so that products of two limbs fit into 64 bits and every processor of today multiplies them
lane by lane (PMULUDQ and its like). A *mask* is 64 bytes: eight lanes, all ones or all zeros.

Limbs of a *reduced* vector are below 2^26 + 2^17. Sums and differences of two reduced vectors may be multiplied, and
must not be added again before. No branch and no address depends on a lane's value: what is chosen is chosen by masks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

LANES = 8
LIMBS = 10
VECTOR_BYTES = 8 * LANES * LIMBS
MASK_BYTES = 8 * LANES
ENTRIES = 8
PRIME = 2**255 - 19
LIMB_BITS = (26, 25) * 5
LIMB_SHIFTS = (0, 26, 51, 77, 102, 128, 153, 179, 204, 230)

_WORD = ir.IntType(64)
_LANES = ir.VectorType(_WORD, LANES)
_LOW_HALF = 2**32 - 1
_PRIME_LIMBS = tuple(2**bits - (19 if place == 0 else 1) for place, bits in enumerate(LIMB_BITS))

LaneValue = Any  # llvmlite has no types of its own for values
Limbs = list[LaneValue]


class _Code:
    """Instructions on vectors, one after another, added to a function that is being compiled."""

    def __init__(self, builder: Any) -> None:  # noqa: ANN401 llvmlite is not typed
        self._builder = builder

    def constant(self, word: int) -> LaneValue:
        return ir.Constant(_LANES, [word] * LANES)

    def load_word(self, address: LaneValue, place: int = 0) -> LaneValue:
        return self._builder.load(self._pointer(address, place), align=8)

    def store_word(self, address: LaneValue, word: LaneValue, place: int = 0) -> None:
        self._builder.store(word, self._pointer(address, place), align=8)

    def _pointer(self, address: LaneValue, place: int) -> LaneValue:
        at = self._builder.add(address, ir.Constant(_WORD, place * MASK_BYTES))
        return self._builder.inttoptr(at, _LANES.as_pointer())

    def load(self, address: LaneValue) -> Limbs:
        return [self.load_word(address, place) for place in range(LIMBS)]

    def store(self, address: LaneValue, limbs: Limbs) -> None:
        for place, limb in enumerate(limbs):
            self.store_word(address, limb, place)

    def add(self, first: LaneValue, second: LaneValue) -> LaneValue:
        return self._builder.add(first, second)

    def subtract(self, first: LaneValue, second: LaneValue) -> LaneValue:
        return self._builder.sub(first, second)

    def nineteen(self, word: LaneValue) -> LaneValue:
        """Nineteen times a word of any size below 2^59."""
        sixteen = self._builder.shl(word, self.constant(4))
        return self.add(self.add(sixteen, word), self.add(word, word))

    def exclusive(self, first: LaneValue, second: LaneValue) -> LaneValue:
        return self._builder.xor(first, second)

    def signs(self, word: LaneValue) -> LaneValue:
        """All ones where a signed word is below zero."""
        return self._builder.ashr(word, self.constant(63))

    def product(self, first: LaneValue, second: LaneValue) -> LaneValue:
        """The product of the low halves of two words."""
        low = self.constant(_LOW_HALF)
        return self._builder.mul(self._builder.and_(first, low), self._builder.and_(second, low))

    def shift_right(self, word: LaneValue, bits: int) -> LaneValue:
        return self._builder.lshr(word, self.constant(bits))

    def low_bits(self, word: LaneValue, bits: int) -> LaneValue:
        return self._builder.and_(word, self.constant(2**bits - 1))

    def where(self, mask: LaneValue, yes: LaneValue, no: LaneValue) -> LaneValue:
        return self._builder.xor(no, self._builder.and_(mask, self._builder.xor(yes, no)))

    def both(self, first: LaneValue, second: LaneValue) -> LaneValue:
        return self._builder.and_(first, second)

    def either(self, first: LaneValue, second: LaneValue) -> LaneValue:
        return self._builder.or_(first, second)

    def equal(self, first: LaneValue, second: LaneValue) -> LaneValue:
        return self._builder.sext(self._builder.icmp_unsigned("==", first, second), _LANES)

    def carry(self, limbs: Limbs, places: tuple[int, ...]) -> None:
        """Carry what is too much in some limbs on to the next ones, in that order."""
        for place in places:
            bits = LIMB_BITS[place]
            above = self.shift_right(limbs[place], bits)
            limbs[place] = self.low_bits(limbs[place], bits)
            following = (place + 1) % LIMBS
            limbs[following] = self.add(limbs[following], above if following else self.nineteen(above))

    def reduced(self, limbs: Limbs) -> Limbs:
        """The same number with limbs that are reduced; each may have 63 bits before."""
        self.carry(limbs, (0, 4, 1, 5, 2, 6, 3, 7, 4, 8, 9, 0))
        return limbs

    def multiply(self, first: Limbs, second: Limbs, *, square: bool) -> Limbs:
        """The product, reduced. Where the sum of two places is odd and both are odd, it is half a unit short."""
        twice = [self.add(limb, limb) for limb in first]
        fourfold = [self.add(limb, limb) for limb in twice] if square else []
        wrapped = [self.product(limb, self.constant(19)) for limb in second]
        total: list[LaneValue | None] = [None] * LIMBS
        for i in range(LIMBS):
            for j in range(i if square else 0, LIMBS):
                doubled = (i % 2 and j % 2) + (square and i != j)
                left = (first, twice, fourfold)[doubled][i]
                right = wrapped[j] if i + j >= LIMBS else second[j]
                one = self.product(left, right)
                place = (i + j) % LIMBS
                total[place] = one if total[place] is None else self.add(total[place], one)
        return self.reduced(list(total))

    def difference(self, first: Limbs, second: Limbs, primes: int) -> Limbs:
        """The first less the second, and the prime so many times, so that no limb is below zero."""
        return [
            self.subtract(self.add(one, self.constant(primes * more)), other)
            for one, more, other in zip(first, _PRIME_LIMBS, second, strict=True)
        ]

    def canonical(self, limbs: Limbs) -> Limbs:
        """The one way to write the number below the prime."""
        self.carry(limbs, (*range(LIMBS), *range(LIMBS)))
        above = self.shift_right(self.add(limbs[0], self.constant(19)), LIMB_BITS[0])
        for limb, bits in zip(limbs[1:], LIMB_BITS[1:], strict=True):
            above = self.shift_right(self.add(limb, above), bits)
        limbs[0] = self.add(limbs[0], self.nineteen(above))
        self.carry(limbs, tuple(range(LIMBS - 1)))
        limbs[-1] = self.low_bits(limbs[-1], LIMB_BITS[-1])
        return limbs


def _on_two(emit: Callable[[_Code, LaneValue, LaneValue], None]) -> Any:  # noqa: ANN401 numba is not typed
    @intrinsic
    def operation(_typing: Any, _first: Any, _second: Any) -> Any:  # noqa: ANN401
        def code(context: Any, builder: Any, _signature: Any, arguments: Any) -> LaneValue:  # noqa: ANN401
            emit(_Code(builder), *arguments)
            return context.get_dummy_value()

        return types.void(*[types.int64] * 2), code

    return operation


def _on_three(emit: Callable[[_Code, LaneValue, LaneValue, LaneValue], None]) -> Any:  # noqa: ANN401 numba is not typed
    @intrinsic
    def operation(_typing: Any, _first: Any, _second: Any, _third: Any) -> Any:  # noqa: ANN401
        def code(context: Any, builder: Any, _signature: Any, arguments: Any) -> LaneValue:  # noqa: ANN401
            emit(_Code(builder), *arguments)
            return context.get_dummy_value()

        return types.void(*[types.int64] * 3), code

    return operation


def _on_four(emit: Callable[[_Code, LaneValue, LaneValue, LaneValue, LaneValue], None]) -> Any:  # noqa: ANN401 numba is not typed
    @intrinsic
    def operation(_typing: Any, _first: Any, _second: Any, _third: Any, _fourth: Any) -> Any:  # noqa: ANN401
        def code(context: Any, builder: Any, _signature: Any, arguments: Any) -> LaneValue:  # noqa: ANN401
            emit(_Code(builder), *arguments)
            return context.get_dummy_value()

        return types.void(*[types.int64] * 4), code

    return operation


@_on_three
def _multiply(code: _Code, result: LaneValue, first: LaneValue, second: LaneValue) -> None:
    code.store(result, code.multiply(code.load(first), code.load(second), square=False))


@_on_two
def _square(code: _Code, result: LaneValue, number: LaneValue) -> None:
    limbs = code.load(number)
    code.store(result, code.multiply(limbs, limbs, square=True))


@_on_three
def _add(code: _Code, result: LaneValue, first: LaneValue, second: LaneValue) -> None:
    code.store(result, [code.add(*pair) for pair in zip(code.load(first), code.load(second), strict=True)])


@_on_three
def _subtract(code: _Code, result: LaneValue, first: LaneValue, second: LaneValue) -> None:
    code.store(result, code.difference(code.load(first), code.load(second), 2))


@_on_three
def _subtract_reduced(code: _Code, result: LaneValue, first: LaneValue, second: LaneValue) -> None:
    code.store(result, code.reduced(code.difference(code.load(first), code.load(second), 4)))


@_on_two
def _canonical(code: _Code, result: LaneValue, number: LaneValue) -> None:
    code.store(result, code.canonical(code.load(number)))


@_on_two
def _odd(code: _Code, mask: LaneValue, number: LaneValue) -> None:
    low = code.low_bits(code.canonical(code.load(number))[0], 1)
    code.store_word(mask, code.subtract(code.constant(0), low))


@_on_three
def _equal(code: _Code, mask: LaneValue, first: LaneValue, second: LaneValue) -> None:
    pairs = zip(code.canonical(code.load(first)), code.canonical(code.load(second)), strict=True)
    same = [code.equal(*pair) for pair in pairs]
    for one in same[1:]:
        same[0] = code.both(same[0], one)
    code.store_word(mask, same[0])


@_on_four
def _choose(code: _Code, result: LaneValue, mask: LaneValue, yes: LaneValue, no: LaneValue) -> None:
    where = code.load_word(mask)
    pairs = zip(code.load(yes), code.load(no), strict=True)
    code.store(result, [code.where(where, *pair) for pair in pairs])


@_on_three
def _either(code: _Code, result: LaneValue, first: LaneValue, second: LaneValue) -> None:
    code.store_word(result, code.either(code.load_word(first), code.load_word(second)))


@_on_three
def _without(code: _Code, result: LaneValue, first: LaneValue, second: LaneValue) -> None:
    zero = code.constant(0)
    code.store_word(result, code.where(code.load_word(second), zero, code.load_word(first)))


@_on_three
def _choose_entry(code: _Code, result: LaneValue, table: LaneValue, digits: LaneValue) -> None:
    """Entry |digit| of a table, lane by lane, turned round where the digit is below zero; see `choose_entry`."""
    digit = code.load_word(digits)
    negative = code.signs(digit)
    size = code.subtract(code.exclusive(digit, negative), negative)
    chosen = [[code.constant(one if place == 0 else 0) for place in range(LIMBS)] for one in (1, 1, 2, 0)]
    for number in range(1, ENTRIES + 1):
        here = code.equal(size, code.constant(number))
        for part in range(4):
            for place in range(LIMBS):
                word = code.load_word(table, ((number - 1) * 4 + part) * LIMBS + place)
                chosen[part][place] = code.where(here, word, chosen[part][place])
    zero = [code.constant(0)] * LIMBS
    turned = (chosen[1], chosen[0], chosen[2], code.difference(zero, chosen[3], 2))
    for part in range(4):
        for place in range(LIMBS):
            word = code.where(negative, turned[part][place], chosen[part][place])
            code.store_word(result, word, part * LIMBS + place)


@njit("void(int64, int64, int64)", cache=True, nogil=True)
def multiply(result: int, first: int, second: int) -> None:
    """The product, reduced, of two vectors that are reduced or the sum or difference of two such."""
    _multiply(result, first, second)


@njit("void(int64, int64, int64)", cache=True, nogil=True)
def square(result: int, number: int, times: int) -> None:
    """A vector squared so many times, at least once, reduced; as `multiply`."""
    _square(result, number)
    for _ in range(1, times):
        _square(result, result)


@njit("void(int64, int64, int64)", cache=True, nogil=True)
def add(result: int, first: int, second: int) -> None:
    """The sum of two reduced vectors; it is not reduced."""
    _add(result, first, second)


@njit("void(int64, int64, int64)", cache=True, nogil=True)
def subtract(result: int, first: int, second: int) -> None:
    """The first of two reduced vectors less the second; it is not reduced."""
    _subtract(result, first, second)


@njit("void(int64, int64, int64)", cache=True, nogil=True)
def subtract_reduced(result: int, first: int, second: int) -> None:
    """The first of two vectors less the second, reduced; each may be the sum or difference of two reduced ones."""
    _subtract_reduced(result, first, second)


@njit("void(int64, int64)", cache=True, nogil=True)
def canonical(result: int, number: int) -> None:
    """The limbs of the numbers below the prime that a vector stands for."""
    _canonical(result, number)


@njit("void(int64, int64)", cache=True, nogil=True)
def odd(mask: int, number: int) -> None:
    """Where a vector is odd when it is written canonically: RFC 9496 calls it negative."""
    _odd(mask, number)


@njit("void(int64, int64, int64)", cache=True, nogil=True)
def equal(mask: int, first: int, second: int) -> None:
    """Where two vectors stand for the same number."""
    _equal(mask, first, second)


@njit("void(int64, int64, int64, int64)", cache=True, nogil=True)
def choose(result: int, mask: int, yes: int, no: int) -> None:
    """Of two vectors the first where the mask is set, else the second."""
    _choose(result, mask, yes, no)


@njit("void(int64, int64, int64)", cache=True, nogil=True)
def either(result: int, first: int, second: int) -> None:
    """Where one of two masks is set."""
    _either(result, first, second)


@njit("void(int64, int64, int64)", cache=True, nogil=True)
def without(result: int, first: int, second: int) -> None:
    """Where the first mask is set and the second is not."""
    _without(result, first, second)


@njit("void(int64, int64, int64)", cache=True, nogil=True)
def choose_entry(result: int, table: int, digits: int) -> None:
    """One entry of four vectors (y + x, y - x, 2 z, 2 d t) out of `table`, by a digit of -8 .. 8 in each lane.

    The table holds a point times 1 .. 8. Digit 0 chooses the identity; below zero the point's opposite is made. All
    entries are read, whatever the digits are.
    """
    _choose_entry(result, table, digits)
