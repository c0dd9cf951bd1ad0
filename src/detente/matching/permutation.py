"""A fixed way to mix up the whole numbers below a size: a Feistel network over two factors, on arrays.

It keeps no secret. It spreads what is to be hidden in one block over everything, and both parties compute the same.
"""

from __future__ import annotations

import hashlib
import math

import numpy as np

from detente.airspace.arrays import Integers

ROUNDS = 8
_FIRST_FACTOR, _SECOND_FACTOR = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


class Permutation:
    """A permutation of ``0 .. size - 1``, by a public key.

    A number is a pair of a left part below `width` and a right part; in each round one part has the mixed other one
    added to it. What comes out above the size goes through again.
    """

    def __init__(self, size: int, key: bytes) -> None:
        if not 1 <= size < 1 << 57:
            raise ValueError("a size of 1 to 2^57")
        self.size = size
        self._width = math.isqrt(size - 1) + 1
        self._height = -(-size // self._width)
        words = hashlib.shake_256(b"detente-match-2 permutation\n" + key).digest(8 * ROUNDS)
        self._keys = np.frombuffer(words, dtype=">u8").astype(np.uint64)

    def forward(self, numbers: Integers) -> Integers:
        """Where numbers come to be."""
        return self._walked(numbers, inverse=False)

    def inverse(self, numbers: Integers) -> Integers:
        """Which numbers came to be there."""
        return self._walked(numbers, inverse=True)

    def _walked(self, numbers: Integers, *, inverse: bool) -> Integers:
        result = self._once(np.asarray(numbers, dtype=np.int64), inverse=inverse)
        outside = np.flatnonzero(result >= self.size)
        while len(outside):
            result[outside] = self._once(result[outside], inverse=inverse)
            outside = outside[result[outside] >= self.size]
        return result

    def _once(self, numbers: Integers, *, inverse: bool) -> Integers:
        left, right = numbers % self._width, numbers // self._width
        for step in reversed(range(ROUNDS)) if inverse else range(ROUNDS):
            sign = -1 if inverse else 1
            if step % 2 == 0:
                left = (left + sign * self._mixed(right, step, self._width)) % self._width
            else:
                right = (right + sign * self._mixed(left, step, self._height)) % self._height
        return left + self._width * right

    def _mixed(self, part: Integers, step: int, below: int) -> Integers:
        # The finaliser of SplitMix64 (Steele, Lea and Flood 2014).
        value = part.astype(np.uint64) ^ self._keys[step]
        value = (value ^ (value >> np.uint64(30))) * _FIRST_FACTOR
        value = (value ^ (value >> np.uint64(27))) * _SECOND_FACTOR
        return np.asarray(((value ^ (value >> np.uint64(31))) % np.uint64(below)).astype(np.int64))
