"""Hashing to ristretto255: expand_message_xmd with SHA-512 (RFC 9380, 5.3.1), as RFC 9497 uses it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from detente.airspace.cores import on_all_cores
from detente.matching import ristretto

_BLOCK_BYTES = 128
_DIGEST_BYTES = 64
MESSAGES_AT_A_TIME = 4_096


def expand_message(message: bytes, domain: bytes, length: int = ristretto.UNIFORM_BYTES) -> bytes:
    """`length` uniform bytes for a message under a domain separation tag of 1 to 255 bytes."""
    count = -(-length // _DIGEST_BYTES)
    if not 1 <= len(domain) <= 255 or not 1 <= count <= 255:
        raise ValueError("a tag of 1 to 255 bytes and at most 16,320 bytes of output")
    tag = domain + bytes([len(domain)])
    first = hashlib.sha512(bytes(_BLOCK_BYTES) + message + length.to_bytes(2, "big") + b"\x00" + tag).digest()
    block = hashlib.sha512(first + b"\x01" + tag).digest()
    blocks = [block]
    for number in range(2, count + 1):
        mixed = (int.from_bytes(first, "big") ^ int.from_bytes(block, "big")).to_bytes(_DIGEST_BYTES, "big")
        block = hashlib.sha512(mixed + bytes([number]) + tag).digest()
        blocks.append(block)
    return b"".join(blocks)[:length]


def hash_to_group(messages: Sequence[bytes], domain: bytes) -> ristretto.ByteArray:
    """An element [n, 32] for each message: nobody knows its logarithm."""
    if not 1 <= len(domain) <= 255:
        raise ValueError("a tag of 1 to 255 bytes")
    tag = domain + bytes([len(domain)])
    start = hashlib.sha512(bytes(_BLOCK_BYTES))
    middle = ristretto.UNIFORM_BYTES.to_bytes(2, "big") + b"\x00" + tag
    end = b"\x01" + tag
    sha512 = hashlib.sha512

    def slice_of(begin: int, stop: int) -> ristretto.ByteArray:
        uniform = bytearray()
        for message in messages[begin:stop]:
            first = start.copy()
            first.update(message + middle)
            uniform += sha512(first.digest() + end).digest()
        return ristretto.from_uniform(np.frombuffer(uniform, dtype=np.uint8).reshape(-1, ristretto.UNIFORM_BYTES))

    parts = on_all_cores(slice_of, len(messages), MESSAGES_AT_A_TIME)
    return np.concatenate(parts) if parts else np.empty((0, ristretto.ELEMENT_BYTES), dtype=np.uint8)


def hash_to_scalar(message: bytes, domain: bytes) -> bytes:
    """A scalar (RFC 9497, 4.1)."""
    return ristretto.scalar_from_uniform(expand_message(message, domain))
