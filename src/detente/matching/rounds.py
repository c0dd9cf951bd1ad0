"""What both parties showed of one grid, over a run and its late runs: our parts' tokens, the lists, what is in common.

On the first grid a party shows the tokens of all its parts. On a later one it shows, for parts with a token of the grid
before in common, those of their tokens that overlap such a token; all of these that there are, `universe`, both parties
know. What does not fit stays on the grid before: its tokens are named, and parts that have one of them are opened.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from detente.airspace.arrays import Integers
from detente.matching import ristretto
from detente.matching.masking import Answers, Masked
from detente.matching.ordered import among, different, merged
from detente.matching.quantise import Part, Role, covered_parts
from detente.matching.refine import looked_at, refined
from detente.matching.run import Run

_PART_BITS = 32
PartKey = tuple[int, int]
"""The chapter in which a part was committed to, and its number there."""
_NONE = np.empty(0, dtype=np.int64)


class PartTokens:
    """Which parts have which tokens of one grid."""

    def __init__(self) -> None:
        self._tokens, self._keys = _NONE, _NONE

    def add(self, tokens: Integers, keys: Integers) -> None:
        """Add pairs of a token and the packed key of a part that has it; pairs may come again."""
        tokens, keys = np.concatenate([self._tokens, tokens]), np.concatenate([self._keys, keys])
        order = np.lexsort((tokens, keys))
        tokens, keys = tokens[order], keys[order]
        first = np.ones(len(tokens), dtype=np.bool_)
        first[1:] = (tokens[1:] != tokens[:-1]) | (keys[1:] != keys[:-1])
        self._tokens, self._keys = tokens[first], keys[first]

    def keys_with(self, ordered: Integers) -> Integers:
        """The packed keys of parts that have one of some ascending tokens, ascending."""
        return different(self._keys[among(self._tokens, ordered)])

    def tokens_of(self, keys: Integers) -> Integers:
        """The tokens of parts by their ascending packed keys, ascending."""
        return different(self._tokens[among(self._keys, keys)])

    def shared(self, ordered: Integers) -> dict[PartKey, Integers]:
        """Those of some ascending tokens that each part has, for parts that have any, in order of their keys."""
        rows = among(self._tokens, ordered)
        keys, tokens = self._keys[rows], self._tokens[rows]
        which = different(keys)
        bounds = [*np.searchsorted(keys, which).tolist(), len(keys)]
        return {unpacked(key): tokens[bounds[k] : bounds[k + 1]] for k, key in enumerate(which.tolist())}


def packed(chapter: int, parts: Integers) -> Integers:
    """Packed keys of parts of one chapter."""
    return (np.int64(chapter) << _PART_BITS) | parts


def unpacked(key: int) -> PartKey:
    """The chapter and number of a packed key."""
    return key >> _PART_BITS, key & ((1 << _PART_BITS) - 1)


@dataclass
class OwnList:
    """A list of ours: its tokens, ascending, its masked form, and the peer's answers once they are there."""

    tokens: Integers
    masked: Masked
    answers: Answers | None = None


@dataclass
class PeerList:
    """A list of the peer, and our answers to it."""

    points: ristretto.ByteArray
    answers: Answers


@dataclass
class Round:
    """One grid of a run.

    Attributes:
        held: our parts' tokens on it, as far as they were shown.
        own, peers: the lists so far.
        common: the tokens in common so far, ascending; `fresh` those of the chapter that is going on.
        stay: tokens in common that are not looked at more closely, by either side's word; `held_back` by the peer's.
        universe: all tokens that may be shown on this grid, ascending; not used on the first.
    """

    grid: int
    held: PartTokens = field(default_factory=PartTokens)
    own: list[OwnList] = field(default_factory=list)
    peers: list[PeerList] = field(default_factory=list)
    common: Integers = field(default_factory=lambda: _NONE)
    fresh: Integers = field(default_factory=lambda: _NONE)
    stay: Integers = field(default_factory=lambda: _NONE)
    held_back: Integers = field(default_factory=lambda: _NONE)
    universe: Integers = field(default_factory=lambda: _NONE)

    def unshown(self, tokens: Integers) -> Integers:
        """Those of some ascending tokens that no list of ours had."""
        for earlier in self.own:
            tokens = tokens[~among(tokens, earlier.tokens)]
        return tokens

    def take_answers(self, answers: NDArray[np.uint8]) -> None:
        """Take the answers to our last list, and find what is in common now that was not before."""
        ours, theirs = self.own[-1], self.peers[-1]
        ours.answers = Answers(answers)
        found = [_matched(ours, earlier.answers) for earlier in self.peers]
        found += [_matched(earlier, theirs.answers) for earlier in self.own[:-1]]
        new = merged(found)
        self.fresh = new[~among(new, self.common)]
        self.common = merged([self.common, self.fresh])

    def common_digest(self, session: bytes) -> bytes:
        """What both parties must have alike before they look more closely."""
        data = session + bytes([self.grid]) + self.common.astype(">i8").tobytes()
        return hashlib.sha256(b"detente-match-2 common\n" + data).digest()


def _matched(ours: OwnList, peers: Answers) -> Integers:
    """The tokens of a list of ours whose answers are among the peer's; dummies are left out."""
    if ours.answers is None:
        return _NONE
    # The shorter list is looked up in the longer, which is in order already.
    if len(peers.rows) < len(ours.answers.rows):
        rows = ours.answers.matching(peers.rows)[0]
    else:
        rows = peers.matching(ours.answers.rows)[1]
    behind = ours.masked.behind[rows]
    return ours.tokens[different(behind[behind >= 0])]


def open_universe(before: Round, this: Round, run: Run, session: bytes) -> None:
    """Make the universe of a grid as large as what is newly in common on the grid before allows."""
    old, new = run.terms.grid(before.grid), run.terms.grid(this.grid)
    looked = looked_at(before.fresh, old, new, session)
    before.stay = merged([before.stay, before.fresh[~among(before.fresh, looked)]])
    this.universe = merged([this.universe, refined(looked, old, new, run.epoch.length_s)])


@dataclass(frozen=True)
class CloserLook:
    """What we show on a grid: its tokens, ascending, the parts that have them, and what stays on the grid before."""

    tokens: Integers
    pair_tokens: Integers
    pair_keys: Integers
    stay: Integers


def look_closer(
    before: Round, this: Round, parts: dict[PartKey, Part], chapter: int, run: Run, role: Role, capacity: int
) -> CloserLook:
    """The tokens of our concerned parts on a grid that no list of ours had yet, as many as `capacity`.

    `before.fresh` and the universe must be those of this chapter.
    """
    concerned = before.fresh[~among(before.fresh, before.stay)]
    keys = before.held.keys_with(concerned)
    late = before.held.keys_with(before.common[~among(before.common, before.stay)])
    keys = merged([keys, late[late >> _PART_BITS == chapter]])
    chosen = [parts[unpacked(key)] for key in keys.tolist()]
    tokens, too_large = covered_parts(chosen, role, run.epoch, run.terms, run.minima, this.grid)
    inside = among(tokens.tokens, this.universe)[tokens.pair_tokens]
    pair_tokens, pair_parts = tokens.tokens[tokens.pair_tokens[inside]], tokens.pair_parts[inside]
    left = [too_large]
    new = this.unshown(different(pair_tokens))
    while len(new) > capacity:
        # The largest parts stay on the grid before, a tenth of those that are left at a time.
        own, counts = np.unique(pair_parts, return_counts=True)
        largest = own[np.argsort(-counts, kind="stable")[: max(1, len(own) // 10)]]
        left.append(largest)
        kept = ~among(pair_parts, np.sort(largest))
        pair_tokens, pair_parts = pair_tokens[kept], pair_parts[kept]
        new = this.unshown(different(pair_tokens))
    left_keys = different(keys[merged(left)]) if len(keys) else keys
    held = before.held.tokens_of(left_keys)
    return CloserLook(new, pair_tokens, keys[pair_parts], held[among(held, before.common)])
