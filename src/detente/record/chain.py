"""The hash chain, pure: what is hashed and what is signed, byte for byte (docs/reference/journal.md).

Every hash and every signature is over a sequence of fields, each preceded by its length as 8 bytes, big-endian, so that
no two sequences give the same bytes. The first field names the purpose, so that a hash or a signature made for one can
never be passed off as one for another. Integers are 8 bytes, big-endian, two's complement.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from hashlib import sha256
from struct import Struct

import msgspec

from detente.airspace.refusal import Refusal

MAX_ENTRY_BODY_BYTES = 16 * 1024 * 1024
HASH_BYTES = 32
JOURNAL_ID_BYTES = 16
GENESIS_PURPOSE = b"detente journal 1 genesis"
ENTRY_PURPOSE = b"detente journal 1 entry"
HEAD_PURPOSE = b"detente journal 1 head"
_KIND = re.compile(r"[a-z][a-z0-9._-]{0,63}\Z")
_LENGTH = Struct(">Q")
_INTEGER = Struct(">q")
_NUMBER_AND_TIME = Struct(">QqQq")
_GIVEN_UP_FROM, _LARGE = 2048, 65_536
"""From 2048 bytes on hashlib gives up the interpreter. A busy thread that then has it keeps it for longer than it takes
to hash a body of less than 64 kB, so such a body is hashed in pieces."""
_ENTRY_PREFIX = _LENGTH.pack(len(ENTRY_PURPOSE)) + ENTRY_PURPOSE + _LENGTH.pack(HASH_BYTES)


class Genesis(msgspec.Struct, frozen=True):
    """The start of one journal's chain: a random id (16 bytes), the node's public key, and when it was made."""

    journal_id: bytes
    public_key: bytes
    created_at_us: int

    @property
    def hash(self) -> bytes:
        """The hash before entry 1; it binds the whole chain to this journal and this key."""
        fields = (GENESIS_PURPOSE, self.journal_id, self.public_key, _INTEGER.pack(self.created_at_us))
        return sha256(joined(fields)).digest()


def joined(fields: Sequence[bytes]) -> bytes:
    """Return the fields one after the other, each preceded by its length as 8 bytes, big-endian."""
    return b"".join(_LENGTH.pack(len(field)) + field for field in fields)


def head_message(first: int, last: int, last_hash: bytes) -> bytes:
    """Return what the node signs for the batch of entries `first` to `last`; for the genesis both are 0."""
    return joined((HEAD_PURPOSE, _INTEGER.pack(first), _INTEGER.pack(last), last_hash))


@lru_cache(maxsize=1024)
def kind_field(kind: str) -> bytes:
    """Return `kind` as a hashed field. Raises Refusal unless it is a lower-case word of at most 64 signs."""
    if not _KIND.match(kind):
        raise Refusal("record.party_name", "kind", kind)
    encoded = kind.encode()
    return _LENGTH.pack(len(encoded)) + encoded


def entry_hash(previous: bytes, number: int, at_us: int, kind: bytes, body: bytes) -> bytes:
    """Return the hash of an entry after the hash `previous`. `kind` is the field as `kind_field` gives it."""
    numbers = _NUMBER_AND_TIME.pack(8, number, 8, at_us)
    head = _ENTRY_PREFIX + previous + numbers + kind + _LENGTH.pack(len(body))
    if not _GIVEN_UP_FROM <= len(head) + len(body) < _LARGE:
        return sha256(head + body).digest()
    digest = sha256(head)
    for begin in range(0, len(body), _GIVEN_UP_FROM - 1):
        digest.update(body[begin : begin + _GIVEN_UP_FROM - 1])
    return digest.digest()
