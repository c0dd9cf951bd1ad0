"""The check of a list as anybody can repeat it: from the signed messages of both parties alone.

The owner signs, with its proofs, the context that they are for. So whoever shows a list, both coins and proofs that do
not hold has evidence: nobody can pass other messages for those that the owner answered.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import numpy as np

from detente.airspace.arrays import Integers
from detente.matching import ristretto
from detente.matching.checks import SHARE_BYTES, chosen_rows, spot_count
from detente.matching.hash_to_group import hash_to_group
from detente.matching.labels import Labels, TokenSpace, domain_spaces, families_of
from detente.matching.masking import ListName, domain_of, dummy_messages, token_messages
from detente.matching.run import Run
from detente.matching.spot_proof import blocks_of_proof, row_proof_bytes, verify_rows

CONTEXT_BYTES = 64
PROOF_HEAD_BYTES = SHARE_BYTES + CONTEXT_BYTES


class ListDigests(NamedTuple):
    """The digests of the messages about one list: the owner's and the reader's list and coin."""

    own_list: bytes
    other_list: bytes
    own_coin: bytes
    other_coin: bytes


def where_of(session: bytes, name: ListName) -> bytes:
    """The bytes that stand for the two lists of one chapter and grid."""
    return session + name.chapter.to_bytes(4, "big") + bytes([name.grid])


def first_spaces(run: Run) -> list[TokenSpace]:
    """The tokens of the first grid: the domain, what is around it, all the world."""
    grid = run.terms.grid(0)
    bins = run.epoch.length_s // grid.bin_seconds
    return domain_spaces(grid, bins, families_of(grid.band_ft, run.terms.altitudes.value), run.terms.domain)


def labels_of(run: Run, name: ListName, spaces: list[TokenSpace]) -> Labels:
    """The labels of a list."""
    key = bytes.fromhex(run.accord) + bytes([name.grid])
    return Labels(spaces, run.capacity(name.role, name.chapter, name.grid), run.terms.spot_points, key)


def context_of(run: Run, session: bytes, name: ListName, public: bytes, digests: ListDigests) -> bytes:
    """Everything that is fixed when the owner of a list proves its rows."""
    data = run.identity + where_of(session, name) + run.key_of(name.role) + public + b"".join(digests)
    return hashlib.sha512(b"detente-match-2 check\n" + data).digest()


def checked_rows(run: Run, session: bytes, name: ListName, digests: ListDigests, share: bytes) -> Integers:
    """The rows that the reader's share chooses: by nothing that could be changed after it."""
    capacity = run.capacity(name.role, name.chapter, name.grid)
    context = where_of(session, name) + digests.own_list + digests.other_list
    return chosen_rows(context, share, capacity, spot_count(run.terms, capacity))


def rings_of(session: bytes, name: ListName, labels: Labels, blocks: Integers) -> ristretto.ByteArray:
    """The points of all labels of blocks, one block after another."""
    members = labels.members(blocks)
    is_dummy, values = members.dummy.ravel() == 1, members.value.ravel()
    messages = np.empty(len(values), dtype=object)
    messages[~is_dummy] = token_messages(values[~is_dummy], name.grid)
    messages[is_dummy] = dummy_messages(values[is_dummy], name)
    return hash_to_group(messages.tolist(), domain_of(session))


def proof_holds(
    run: Run, session: bytes, name: ListName, labels: Labels, public: bytes, context: bytes,
    points: ristretto.ByteArray, proof: bytes,
) -> bool:  # fmt: skip
    """Whether the proofs of checked rows, points [q, 32], hold."""
    blocks = blocks_of_proof(proof, len(points), run.terms.spot_points)
    if blocks is None or not labels.known(blocks):
        return False
    return verify_rows(public, context, points, rings_of(session, name, labels, blocks), proof) < 0


def proof_bytes(run: Run, name: ListName) -> int:
    """How long the body of the PROOF of a list is."""
    count = spot_count(run.terms, run.capacity(name.role, name.chapter, name.grid))
    return PROOF_HEAD_BYTES + count * row_proof_bytes(run.terms.spot_points)
