"""Which rows of a list are checked: by the other party's coin, so that nobody knows before the list is signed."""

from __future__ import annotations

import hashlib
import hmac

import numpy as np

from detente.accord.matching_terms import MatchingTerms
from detente.airspace.arrays import Integers

SHARE_BYTES = 32
SHORT_ONE_IN = 128
"""Of a short list one row of so many is checked, until `spot_least` are."""


def spot_count(terms: MatchingTerms, capacity: int) -> int:
    """How many rows of a masked list are checked: in short lists more than one of `spot_one_in`, in none fewer."""
    short = min(terms.spot_least, -(-capacity // SHORT_ONE_IN))
    return min(capacity, max(1, short, capacity // terms.spot_one_in))


def answer_count(terms: MatchingTerms, capacity: int) -> int:
    """How many answers to a list are proven."""
    return min(capacity, max(terms.answers_least, capacity // terms.answers_one_in))


def coin_share(seed: bytes, purpose: bytes, digest: bytes) -> bytes:
    """Our coin on a message of the peer: nobody can foresee it, and it is the same after a crash."""
    return hmac.digest(seed, b"detente-match-2 coin " + purpose + digest, "sha256")


def chosen_rows(context: bytes, share: bytes, capacity: int, count: int) -> Integers:
    """The rows that a share chooses, different ones, ascending."""
    if count >= capacity:
        return np.arange(capacity)
    drawn = hashlib.shake_256(b"detente-match-2 rows\n" + context + share).digest(8 * capacity)
    order = np.argsort(np.frombuffer(drawn, dtype=">u8").astype(np.uint64), kind="stable")
    return np.sort(order[:count])


def found_share(probes: int, capacity: int, count: int) -> float:
    """How likely it is that at least one of some rows is checked."""
    missed = 1.0
    for k in range(min(count, capacity)):
        missed *= max(0, capacity - probes - k) / (capacity - k)
    return 1.0 - missed
