"""Proof that a masked row is the committed key times one of m points, without saying which (a spot check's proof).

The owner of key k, with ``Y = k G``, shows that ``M = k P`` for one of the points P of a ring. With a weight w, hashed
from Y, the list, the ring and the coin, both claims become one: ``M + w Y = k (P + w G)``. For each point of the ring
there is a Schnorr commitment; all but one are made up (Cramer, Damgard and Schoenmakers 1994), and the challenges must
add up to the hash of all commitments. That w joins the two claims needs that the owner knows k, which is proven with
the commitment. All branches are computed alike, so that no time depends on which is the true one.

Arrays: points [q, 32], rings [q * m, 32], the m points of a row one after another.
"""

from __future__ import annotations

import hashlib

import numpy as np

from detente.airspace.arrays import Integers
from detente.matching import ristretto
from detente.matching.hash_to_group import hash_to_scalar

BLOCK_BYTES = 8
KEY_PROOF_BYTES = 2 * ristretto.SCALAR_BYTES
_SCALAR_DOMAIN = b"detente-match-2 scalar"
_TOP_BITS = 0x0F
"""Of a random scalar the four highest bits are cut off: below 2^252 it is all but uniform."""


def row_proof_bytes(points: int) -> int:
    """How long the proof of one row is, with its block."""
    return BLOCK_BYTES + 2 * points * ristretto.SCALAR_BYTES


def prove_rows(
    key: bytes, public: bytes, context: bytes, points: ristretto.ByteArray, blocks: Integers,
    rings: ristretto.ByteArray, true: Integers, seed: bytes,
) -> bytes:  # fmt: skip
    """Proofs for rows whose point is number `true` [q] of its ring. `context` names everything that is fixed.

    The nonces follow from the secret `seed` and all that is proven, so that two statements never have one in common.
    """
    count = len(points)
    if not count:
        return b""
    members = len(rings) // count
    statement = hashlib.sha512(
        context + points.tobytes() + blocks.astype(">i8").tobytes() + hashlib.sha512(rings.tobytes()).digest()
    ).digest()
    drawn = hashlib.shake_256(b"detente-match-2 nonces\n" + seed + statement)
    random = np.frombuffer(drawn.digest(2 * len(rings) * ristretto.SCALAR_BYTES), dtype=np.uint8).copy()
    random = random.reshape(2, count, members, ristretto.SCALAR_BYTES)
    random[..., -1] &= _TOP_BITS
    challenges, answers = random[0], random[1]
    bases, images = _weighted(public, context, points, blocks, rings)
    commitments = ristretto.combine(answers.reshape(-1, 32), bases, challenges.reshape(-1, 32), images, members)
    for row, place in enumerate(true.tolist()):
        wanted = _challenge(context, row, blocks, points, commitments, members)
        given = challenges[row, place].tobytes()
        total = sum(int.from_bytes(one.tobytes(), "little") for one in challenges[row])
        final = (int.from_bytes(wanted, "little") - total + int.from_bytes(given, "little")) % ristretto.ORDER
        challenge = final.to_bytes(ristretto.SCALAR_BYTES, "little")
        more = ristretto.scalar_product(ristretto.scalar_difference(challenge, given), key)
        answer = ristretto.scalar_total(answers[row, place].tobytes(), more)
        challenges[row, place] = np.frombuffer(challenge, dtype=np.uint8)
        answers[row, place] = np.frombuffer(answer, dtype=np.uint8)
    return b"".join(
        int(block).to_bytes(BLOCK_BYTES, "big") + bytes(challenges[row].ravel()) + bytes(answers[row].ravel())
        for row, block in enumerate(blocks)
    )


def blocks_of_proof(proof: bytes, count: int, members: int) -> Integers | None:
    """The block that the proof of each of `count` rows names; None for bytes of another length."""
    width = row_proof_bytes(members)
    if len(proof) != count * width:
        return None
    heads = np.frombuffer(proof, dtype=np.uint8).reshape(count, width)[:, :BLOCK_BYTES]
    return np.ascontiguousarray(heads).view(">i8").ravel().astype(np.int64)


def verify_rows(
    public: bytes, context: bytes, points: ristretto.ByteArray, rings: ristretto.ByteArray, proof: bytes
) -> int:
    """The first row whose proof does not hold, or -1; rings are those of `blocks_of_proof`."""
    count = len(points)
    if not count:
        return -1 if not proof else 0
    members = len(rings) // count
    blocks = blocks_of_proof(proof, count, members)
    if blocks is None:
        return 0
    width = row_proof_bytes(members)
    scalars = np.ascontiguousarray(np.frombuffer(proof, dtype=np.uint8).reshape(count, width)[:, BLOCK_BYTES:])
    scalars = scalars.reshape(count, 2, members, ristretto.SCALAR_BYTES)
    challenges, answers = (np.ascontiguousarray(scalars[:, half]) for half in (0, 1))
    numbers = [[int.from_bytes(one.tobytes(), "little") for one in row] for row in challenges]
    for row, values in enumerate(numbers):
        if max(*values, *(int.from_bytes(one.tobytes(), "little") for one in answers[row])) >= ristretto.ORDER:
            return row
    try:
        bases, images = _weighted(public, context, points, blocks, rings)
        commitments = ristretto.combine(answers.reshape(-1, 32), bases, challenges.reshape(-1, 32), images, members)
    except ristretto.InvalidElementError as error:
        return error.row // members
    for row, values in enumerate(numbers):
        wanted = int.from_bytes(_challenge(context, row, blocks, points, commitments, members), "little")
        if sum(values) % ristretto.ORDER != wanted:
            return row
    return -1


def prove_key(key: bytes, public: bytes, context: bytes, seed: bytes) -> bytes:
    """Proof that we know the key behind a public element (Schnorr)."""
    nonce = ristretto.scalar_from_uniform(hashlib.sha512(b"detente-match-2 key nonce\n" + seed + context).digest())
    challenge = _key_challenge(public, context, ristretto.multiply_base(nonce))
    return challenge + ristretto.scalar_total(nonce, ristretto.scalar_product(challenge, key))


def verify_key(public: bytes, context: bytes, proof: bytes) -> bool:
    """Whether `proof` shows that its maker knows the key behind `public`."""
    challenge, answer = proof[: ristretto.SCALAR_BYTES], proof[ristretto.SCALAR_BYTES :]
    if len(proof) != KEY_PROOF_BYTES or int.from_bytes(answer, "little") >= ristretto.ORDER:
        return False
    try:
        commitment = ristretto.subtract_points(
            ristretto.multiply_base(answer), ristretto.multiply(challenge, ristretto.elements(public)).tobytes()
        )
    except ValueError:
        return False
    return _key_challenge(public, context, commitment) == challenge


def _key_challenge(public: bytes, context: bytes, commitment: bytes) -> bytes:
    return hash_to_scalar(b"key" + context + public + commitment, _SCALAR_DOMAIN)


def _weighted(
    public: bytes, context: bytes, points: ristretto.ByteArray, blocks: Integers, rings: ristretto.ByteArray
) -> tuple[ristretto.ByteArray, ristretto.ByteArray]:
    """The bases ``P + w G`` of all branches and the images ``M + w Y`` of all rows."""
    count, members = len(points), len(rings) // len(points)
    weights = [hash_to_scalar(b"weight" + _named(context, row, blocks, points), _SCALAR_DOMAIN) for row in range(count)]
    generator = np.repeat(ristretto.elements(ristretto.multiply_base(b"\x01" + bytes(31))), count, axis=0)
    images = ristretto.add_each(
        points, ristretto.multiply_each(weights, np.repeat(ristretto.elements(public), count, axis=0))
    )
    bases = ristretto.add_each(rings, np.repeat(ristretto.multiply_each(weights, generator), members, axis=0))
    return bases, images


def _challenge(
    context: bytes, row: int, blocks: Integers, points: ristretto.ByteArray, commitments: ristretto.ByteArray,
    members: int,
) -> bytes:  # fmt: skip
    own = commitments[row * members : (row + 1) * members].tobytes()
    return hash_to_scalar(b"challenge" + _named(context, row, blocks, points) + own, _SCALAR_DOMAIN)


def _named(context: bytes, row: int, blocks: Integers, points: ristretto.ByteArray) -> bytes:
    point: bytes = points[row].tobytes()
    return context + row.to_bytes(4, "big") + int(blocks[row]).to_bytes(BLOCK_BYTES, "big") + point
