"""Tokens under a party's secret key: the masked list that is sent, and the comparison of what comes back.

A list is sent in ascending order of its bytes. Masked elements are as good as random, so the order tells nothing, the
dummies are among the tokens, and a repeated element is next to itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detente.airspace.arrays import Integers
from detente.airspace.refusal import Refusal
from detente.matching import ristretto
from detente.matching.grid import token_bytes
from detente.matching.hash_to_group import hash_to_group
from detente.matching.messages import BreachError, ProtocolFault
from detente.matching.ordered import different
from detente.matching.quantise import Role

ANSWER_BYTES = 10
"""Of an element masked by both: two of 2^40 pairs agree by chance once in 2^40 runs."""
_TOKEN, _DUMMY = b"\x00", b"\x01"
PROGRESS_ELEMENTS = 1 << 16
"""How many elements, some seconds of work, are done between two calls that report the progress."""

ProgressCall = Callable[[str, int, int], None]
"""Called in the working thread with the step ("mask" or "answer"), the elements done, and the number of all."""


class ListName(NamedTuple):
    """Which list of a run: whose, in which chapter, on which grid."""

    role: Role
    chapter: int
    grid: int

    @property
    def place(self) -> bytes:
        """Six bytes for it."""
        return bytes([self.role is Role.SECOND]) + self.chapter.to_bytes(4, "big") + bytes([self.grid])


@dataclass(frozen=True)
class Masked:
    """A masked list [n, 32], ascending, and what is behind each row: a row of the tokens, or -1 - n for dummy n."""

    points: ristretto.ByteArray
    behind: Integers


def secret_scalar(seed: bytes) -> bytes:
    """The key of a run, from its secret bytes."""
    return ristretto.scalar_from_uniform(hashlib.sha512(b"detente-match-2 key\n" + seed).digest())


def domain_of(session: bytes) -> bytes:
    """The domain of hashing to the group: bound to both commitments, and so to run, grids and accord."""
    return b"detente-match-2 token " + session


def token_messages(tokens: Integers, grid: int) -> list[bytes]:
    """What is hashed to the group for packed tokens of a grid."""
    head = _TOKEN + bytes([grid])
    return [head + token for token in token_bytes(tokens)]


def dummy_messages(numbers: Integers, name: ListName) -> list[bytes]:
    """What is hashed to the group for numbered dummies of a list; no other list has the same."""
    head = _DUMMY + name.place
    return [head + number for number in token_bytes(numbers)]


def silent(_what: str, _done: int, _total: int) -> None:
    """Report no progress."""


def check_count(tokens: int, capacity: int) -> None:
    """Raise Refusal when there are more tokens than `capacity`."""
    if tokens > capacity:
        raise Refusal("matching.at_most_accord_says_agree", "plans", f"{tokens:,} tokens", capacity=capacity)


def mask(
    tokens: Integers, name: ListName, capacity: int, dummies: int, key: bytes, session: bytes, seed: bytes,
    progress: ProgressCall = silent,
) -> Masked:  # fmt: skip
    """Hash and mask tokens, and dummies up to `capacity` whose numbers are drawn from those below `dummies`.

    Raises Refusal when there are more tokens than that.
    """
    check_count(len(tokens), capacity)
    drawn = _draw(capacity - len(tokens), dummies, hashlib.sha256(b"dummies" + seed + session + name.place).digest())
    points = np.empty((capacity, ristretto.ELEMENT_BYTES), dtype=np.uint8)
    domain = domain_of(session)
    for start in range(0, capacity, PROGRESS_ELEMENTS):
        messages = token_messages(tokens[start : start + PROGRESS_ELEMENTS], name.grid)
        from_dummy = max(0, start - len(tokens))
        count = min(PROGRESS_ELEMENTS, capacity - start) - len(messages)
        messages += dummy_messages(drawn[from_dummy : from_dummy + count], name)
        at = slice(start, start + len(messages))
        points[at] = ristretto.multiply(key, hash_to_group(messages, domain))
        progress("mask", at.stop, capacity)
    behind = np.concatenate([np.arange(len(tokens)), -1 - drawn])
    order = ascending(points)
    return Masked(points[order], behind[order])


def _draw(count: int, below: int, seed: bytes) -> Integers:
    """Different numbers below a bound that is at least twice as large as their count."""
    tries = 2 * count + 64
    while True:
        words = np.frombuffer(hashlib.shake_256(seed).digest(8 * tries), dtype="<u8")
        numbers, first = np.unique((words % np.uint64(below)).astype(np.int64), return_index=True)
        if len(numbers) >= count:
            return numbers[np.argsort(first)][:count]
        tries *= 2


def ascending(points: ristretto.ByteArray) -> Integers:
    """The order of rows [n, 32] by their bytes."""
    words = np.ascontiguousarray(points).view(">u8").astype(np.uint64)
    return np.lexsort((words[:, 3], words[:, 2], words[:, 1], words[:, 0]))


def check_list(points: ristretto.ByteArray) -> None:
    """Raise BreachError unless rows [n, 32] ascend strictly; that they are elements is found when they are masked."""
    words = points.view(">u8").astype(np.uint64)
    before, after = words[:-1], words[1:]
    different = before != after
    first = np.argmax(different, axis=1)
    rows = np.arange(len(first))
    if len(rows) and not different.any(axis=1).all():
        raise BreachError(ProtocolFault.REPEATED_ELEMENT, "an element that is there twice")
    if len(rows) and not (before[rows, first] < after[rows, first]).all():
        raise BreachError(ProtocolFault.FORM, "a list that does not ascend")
    if len(points) and not points[0].any():
        raise BreachError(ProtocolFault.INVALID_ELEMENT, "the identity")


def in_common(points: ristretto.ByteArray, earlier: ristretto.ByteArray) -> bool:
    """Whether two ascending lists [n, 32] have an element in common."""
    head, heads = (
        np.ascontiguousarray(rows[:, :8]).view(">u8").ravel().astype(np.uint64) for rows in (points, earlier)
    )
    first, last = np.searchsorted(heads, head), np.searchsorted(heads, head, side="right")
    return any(
        (earlier[first[row] : last[row]] == points[row]).all(axis=1).any() for row in np.flatnonzero(first < last)
    )


def mask_again(points: ristretto.ByteArray, key: bytes, progress: ProgressCall = silent) -> ristretto.ByteArray:
    """The peer's list [n, 32] under our key too; raises BreachError when a row is no element or is the identity."""
    doubled = np.empty_like(points)
    for start in range(0, len(points), PROGRESS_ELEMENTS):
        stop = min(start + PROGRESS_ELEMENTS, len(points))
        try:
            doubled[start:stop] = ristretto.multiply(key, points[start:stop])
        except ristretto.InvalidElementError as error:
            raise BreachError(
                ProtocolFault.INVALID_ELEMENT, str(ristretto.InvalidElementError(start + error.row))
            ) from None
        progress("answer", stop, len(points))
    return doubled


def answers_of(doubled: ristretto.ByteArray) -> NDArray[np.uint8]:
    """What is answered of elements under both keys: their first bytes, [n, 10]."""
    return np.ascontiguousarray(doubled[:, :ANSWER_BYTES])


class Answers:
    """Answers `rows` [n, 10], put in order once, so that they can be searched again and again."""

    def __init__(self, rows: NDArray[np.uint8]) -> None:
        self.rows = rows
        heads = _head(rows)
        self._order = np.argsort(heads, kind="stable")
        self._heads = heads[self._order]

    def matching(self, others: NDArray[np.uint8]) -> tuple[Integers, Integers]:
        """The rows of these answers and those of `others` [m, 10] that are the same bytes, pair by pair."""
        heads = _head(others)
        first = np.searchsorted(self._heads, heads)
        count = np.searchsorted(self._heads, heads, side="right") - first
        theirs = np.repeat(np.arange(len(others)), count)
        # Of each run of equal heads all are tried; runs are one answer long but for chance, or for malice.
        within = np.arange(len(theirs)) - np.repeat(np.cumsum(count) - count, count)
        ours = self._order[np.repeat(first, count) + within]
        same = (self.rows[ours] == others[theirs]).all(axis=1)
        return ours[same], theirs[same]


def matching_rows(own: NDArray[np.uint8], peers: NDArray[np.uint8]) -> Integers:
    """The rows of `own` answers [n, 10] that are among the `peers`, ascending."""
    return different(Answers(peers).matching(own)[1])


def _head(answers: NDArray[np.uint8]) -> NDArray[np.uint64]:
    return np.ascontiguousarray(answers[:, :8]).view(np.uint64).ravel()
