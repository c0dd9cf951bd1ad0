"""Commitment to parts of plans before a run, and the opening of single parts after it.

The tree is that of RFC 9162; its leaves are in an order that says nothing, and empty leaves fill it to the accord's
size, so that the root tells neither what nor how much is planned.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence

import msgspec
import numpy as np

from detente.airspace.arrays import Integers
from detente.airspace.plan import Plan
from detente.airspace.refusal import Refusal
from detente.link.merkle import leaf_hash, node_hash
from detente.matching.grid import token_bytes
from detente.matching.quantise import Part, TokenSet

PART_SALT_BYTES = 32
_PART_PURPOSE = b"detente-match-2 part\n"
_EMPTY_PURPOSE = b"detente-match-2 empty\n"


class PartOpening(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A part of a plan with the proof that it was committed to before the run.

    `piece` carries a name that is the same for all parts of one plan in one run and means nothing outside it; `tokens`
    are those of the part on the first grid, packed: all of them in an audit, none in a run. An empty leaf has no piece.
    """

    leaf: int
    salt: str
    piece: Plan | None
    tokens_hash: str
    tokens: tuple[int, ...]
    proof: tuple[str, ...]


class PartsCommitment:
    """The tree over the parts of a token set. Everything in it follows from the parts and 32 secret bytes."""

    def __init__(self, tokens: TokenSet, seed: bytes, leaves_log2: int) -> None:
        size = 1 << leaves_log2
        if len(tokens.parts) > size:
            raise Refusal("matching.at_most_accord_says", "plans", f"{len(tokens.parts):,} volumes and legs", size=size)
        self.size = size
        self._seed = seed
        secret = hashlib.shake_256(b"salts" + seed).digest(size * PART_SALT_BYTES)
        self._salts = [secret[at : at + PART_SALT_BYTES] for at in range(0, len(secret), PART_SALT_BYTES)]
        order = hashlib.shake_256(b"leaves" + seed).digest(8 * size)
        # The place of each part: a shuffle by secret sort keys.
        self._leaf_of_part = np.argsort(np.frombuffer(order, dtype="<u8"), kind="stable")[: len(tokens.parts)]
        self._part_of_leaf = {int(leaf): part for part, leaf in enumerate(self._leaf_of_part)}
        self._tokens = tokens.tokens_of_parts()
        self._pieces = [self._named(part) for part in tokens.parts]
        level = [leaf_hash(self._leaf(leaf)) for leaf in range(size)]
        self._levels = [level]
        while len(level) > 1:
            level = [node_hash(level[k], level[k + 1]) for k in range(0, len(level), 2)]
            self._levels.append(level)

    @property
    def root(self) -> bytes:
        """The commitment itself: 32 bytes."""
        return self._levels[-1][0]

    def open_part(self, part: int, tokens: Integers) -> PartOpening:
        """Open one part, with some of its tokens."""
        return self._open(int(self._leaf_of_part[part]), self._pieces[part], tokens)

    def open_leaf(self, leaf: int) -> PartOpening:
        """Open whatever is at one place, with all its tokens: for an auditor."""
        part = self._part_of_leaf.get(leaf)
        if part is None:
            return self._open(leaf, None, np.empty(0, dtype=np.int64))
        return self._open(leaf, self._pieces[part], self._tokens[part])

    def name_of(self, plan: int) -> str:
        """The name under which parts of one plan are shown in this run."""
        return "P" + hmac.digest(self._seed, b"name%d" % plan, "sha256").hex()[:16]

    def _named(self, part: Part) -> Plan:
        # Through its text, so that a whole number given for a float is written as it will be read.
        named = msgspec.structs.replace(part.piece, plan_id=self.name_of(part.plan))
        return msgspec.json.decode(msgspec.json.encode(named, enc_hook=float), type=Plan)

    def _leaf(self, leaf: int) -> bytes:
        part = self._part_of_leaf.get(leaf)
        if part is None:
            return leaf_content(self._salts[leaf], None, b"")
        return leaf_content(self._salts[leaf], self._pieces[part], tokens_hash(self._tokens[part]))

    def _open(self, leaf: int, piece: Plan | None, tokens: Integers) -> PartOpening:
        proof = []
        place = leaf
        for level in self._levels[:-1]:
            proof.append(level[place ^ 1].hex())
            place >>= 1
        own = b"" if piece is None else tokens_hash(self._tokens[self._part_of_leaf[leaf]])
        return PartOpening(leaf, self._salts[leaf].hex(), piece, own.hex(), tuple(tokens.tolist()), tuple(proof))


def tokens_hash(tokens: Integers) -> bytes:
    """SHA-256 of the bytes of a part's tokens, ascending."""
    return hashlib.sha256(b"".join(token_bytes(tokens))).digest()


def leaf_content(salt: bytes, piece: Plan | None, hashed_tokens: bytes) -> bytes:
    """What stands at a leaf: the hash of a salted part and of its tokens, or of nothing."""
    if piece is None:
        return hashlib.sha256(_EMPTY_PURPOSE + salt).digest()
    written = msgspec.json.encode(piece, order="deterministic")
    return hashlib.sha256(_PART_PURPOSE + salt + hashed_tokens + written).digest()


def opens(opening: PartOpening, root: bytes, leaves_log2: int) -> bool:
    """Whether an opening belongs to the commitment `root`."""
    try:
        salt, hashed = bytes.fromhex(opening.salt), bytes.fromhex(opening.tokens_hash)
        proof = [bytes.fromhex(sibling) for sibling in opening.proof]
    except ValueError:
        return False
    if len(salt) != PART_SALT_BYTES or len(proof) != leaves_log2 or not 0 <= opening.leaf < 1 << leaves_log2:
        return False
    if len(hashed) != (32 if opening.piece is not None else 0) or any(len(sibling) != 32 for sibling in proof):
        return False
    computed, place = leaf_hash(leaf_content(salt, opening.piece, hashed)), opening.leaf
    for sibling in proof:
        computed = node_hash(sibling, computed) if place & 1 else node_hash(computed, sibling)
        place >>= 1
    return computed == root


def challenged_leaves(root: bytes, random: bytes, count: int, size: int) -> Sequence[int]:
    """Which leaves an auditor asks for: different ones, by the root and the auditor's own 32 random bytes."""
    order = np.frombuffer(hashlib.shake_256(b"audit" + root + random).digest(8 * size), dtype="<u8")
    return sorted(np.argsort(order, kind="stable")[: min(count, size)].tolist())
