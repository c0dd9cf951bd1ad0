"""Proof that many elements were multiplied by the one scalar behind a public key (RFC 9497, 2.2, batched).

Mode VOPRF of the suite ristretto255-SHA512, so that the published vectors hold.
"""

from __future__ import annotations

import hashlib
import hmac

import numpy as np

from detente.matching import ristretto
from detente.matching.hash_to_group import hash_to_scalar

CONTEXT = b"OPRFV1-\x01-ristretto255-SHA512"
_SCALAR_DOMAIN = b"HashToScalar-" + CONTEXT
_SEED_DOMAIN = b"Seed-" + CONTEXT
PROOF_BYTES = 2 * ristretto.SCALAR_BYTES


def prove_equality(
    key: bytes, public: bytes, inputs: ristretto.ByteArray, outputs: ristretto.ByteArray, random: bytes
) -> bytes:
    """Proof that ``outputs = key * inputs`` (both [n, 32]) for the key behind `public`; `random` is a fresh scalar."""
    combined = _combine(_weights(public, inputs, outputs), inputs)
    product = ristretto.multiply(key, ristretto.elements(combined)).tobytes()
    second = ristretto.multiply_base(random)
    third = ristretto.multiply(random, ristretto.elements(combined)).tobytes()
    challenge = _challenge(public, combined, product, second, third)
    return challenge + ristretto.scalar_difference(random, ristretto.scalar_product(challenge, key))


def verify_equality(public: bytes, inputs: ristretto.ByteArray, outputs: ristretto.ByteArray, proof: bytes) -> bool:
    """Whether `proof` shows that ``outputs = key * inputs`` for the key behind `public`."""
    if len(proof) != PROOF_BYTES or inputs.shape != outputs.shape or not len(inputs):
        return False
    challenge, answer = proof[: ristretto.SCALAR_BYTES], proof[ristretto.SCALAR_BYTES :]
    if max(int.from_bytes(part, "little") for part in (challenge, answer)) >= ristretto.ORDER:
        return False
    try:
        weights = _weights(public, inputs, outputs)
        combined, product = _combine(weights, inputs), _combine(weights, outputs)
        second = ristretto.add_points(
            ristretto.multiply_base(answer), ristretto.multiply(challenge, ristretto.elements(public)).tobytes()
        )
        third = ristretto.add_points(
            ristretto.multiply(answer, ristretto.elements(combined)).tobytes(),
            ristretto.multiply(challenge, ristretto.elements(product)).tobytes(),
        )
    except ValueError:
        return False
    return hmac.compare_digest(_challenge(public, combined, product, second, third), challenge)


def _weights(public: bytes, inputs: ristretto.ByteArray, outputs: ristretto.ByteArray) -> list[bytes]:
    seed = hashlib.sha512(_prefixed(public) + _prefixed(_SEED_DOMAIN)).digest()
    start = _prefixed(seed)
    return [
        hash_to_scalar(
            start
            + row.to_bytes(2, "big")
            + _prefixed(input_row.tobytes())
            + _prefixed(output_row.tobytes())
            + b"Composite",
            _SCALAR_DOMAIN,
        )
        for row, (input_row, output_row) in enumerate(zip(inputs, outputs, strict=True))
    ]


def _combine(weights: list[bytes], points: ristretto.ByteArray) -> bytes:
    return ristretto.total(ristretto.multiply_each(weights, np.ascontiguousarray(points)))


def _challenge(public: bytes, combined: bytes, product: bytes, second: bytes, third: bytes) -> bytes:
    parts = b"".join(_prefixed(part) for part in (public, combined, product, second, third))
    return hash_to_scalar(parts + b"Challenge", _SCALAR_DOMAIN)


def _prefixed(part: bytes) -> bytes:
    return len(part).to_bytes(2, "big") + part
