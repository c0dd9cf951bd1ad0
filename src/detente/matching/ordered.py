"""Sets of whole numbers as ascending arrays: for millions of numbers, sorting is much faster than numpy's hashing."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from detente.airspace.arrays import Integers


def different(values: Integers) -> Integers:
    """The different values, ascending."""
    ordered = np.sort(values)
    return ordered[np.r_[True, ordered[1:] != ordered[:-1]]] if len(ordered) else ordered


def merged(sets: Iterable[Integers]) -> Integers:
    """The different values of several arrays, ascending."""
    return different(np.concatenate([np.empty(0, dtype=np.int64), *sets]))


def among(values: Integers, ordered: Integers) -> NDArray[np.bool_]:
    """Which of `values` are among others, which ascend."""
    if not len(ordered):
        return np.zeros(len(values), dtype=np.bool_)
    place = np.minimum(np.searchsorted(ordered, values), len(ordered) - 1)
    return np.asarray(ordered[place] == values)
