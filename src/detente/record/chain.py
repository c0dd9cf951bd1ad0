"""The bytes that are hashed and signed: entries, the chain through them, and the heads of batches.

Every hash and every signature has its own domain, and every field its length, so that no two things read the same.
"""

from __future__ import annotations

import hashlib
import struct
from datetime import UTC, datetime, timedelta

import msgspec

ENTRY_DOMAIN = b"detente journal entry v1\x00"
GENESIS_DOMAIN = b"detente journal genesis v1\x00"
HEAD_DOMAIN = b"detente journal head v1\x00"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIELDS = struct.Struct(">QqI")
_LENGTH = struct.Struct(">Q")


class Entry(msgspec.Struct, frozen=True):
    """One entry: its number (from 1), when it was appended (UTC), what kind it is, its exact bytes, and the chain's hash."""

    number: int
    at: datetime
    kind: str
    body: bytes
    hash: bytes


class Head(msgspec.Struct, frozen=True):
    """The last entry's number and the chain's hash there; number 0 is the genesis of an empty journal."""

    number: int
    hash: bytes


def genesis_hash(public: bytes, identifier: bytes) -> bytes:
    """The hash before the first entry: it binds the node's public key (32 bytes) and the journal's identifier (16 bytes)."""
    return hashlib.sha256(GENESIS_DOMAIN + public + identifier).digest()


def entry_hash(previous: bytes, number: int, at_us: int, kind: bytes, body: bytes) -> bytes:
    """SHA-256 over domain, previous hash, number, time in microseconds since 1970, and kind and body with their lengths."""
    digest = hashlib.sha256(ENTRY_DOMAIN)
    digest.update(previous)
    digest.update(_FIELDS.pack(number, at_us, len(kind)))
    digest.update(kind)
    digest.update(_LENGTH.pack(len(body)))
    digest.update(body)
    return digest.digest()


def head_message(head: Head) -> bytes:
    """The bytes that the node signs for the head of a batch."""
    return HEAD_DOMAIN + _LENGTH.pack(head.number) + head.hash


def microseconds(moment: datetime) -> int:
    """Whole microseconds since 1970-01-01T00:00:00Z of an aware moment, exactly."""
    return (moment - EPOCH) // timedelta(microseconds=1)


def from_microseconds(value: int) -> datetime:
    """The UTC moment that many microseconds after 1970-01-01T00:00:00Z; raises OverflowError outside years 1 to 9999."""
    return EPOCH + timedelta(microseconds=value)
