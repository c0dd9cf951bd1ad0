"""The signed messages of a run, as bytes: the same over HTTP and as files.

The layout is in docs/reference/matching-protocol.md.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from functools import cached_property
from typing import Protocol

from detente.record.keys import PUBLIC_KEY_BYTES, SIGNATURE_BYTES, verify

MATCH_MAGIC = b"DTMATCH2"
IDENTITY_BYTES = 32
_CHAPTER_BYTES = 4
HEADER_BYTES = len(MATCH_MAGIC) + 1 + _CHAPTER_BYTES + 1 + 2 * IDENTITY_BYTES + PUBLIC_KEY_BYTES
NO_SESSION = bytes(IDENTITY_BYTES)
_SIGNED_PURPOSE = b"detente-match-2 message\n"


class MessageKind(IntEnum):
    """What a message says; `steps` has their order."""

    COMMIT = 1
    MASKED = 2
    COIN = 3
    PROOF = 4
    ANSWERS = 5
    REVEAL = 6
    LATE = 7


class ProtocolFault(StrEnum):
    """How a peer broke the protocol."""

    FORM = "form"
    SIGNATURE = "signature"
    OTHER_RUN = "other_run"
    OTHER_SESSION = "other_session"
    STAGE = "stage"
    EQUIVOCATION = "equivocation"
    SIZE = "size"
    INVALID_ELEMENT = "invalid_element"
    REPEATED_ELEMENT = "repeated_element"
    SEAL = "seal"
    CANARY = "canary"
    PROOF = "proof"
    UNPROVEN = "unproven"
    ANSWER_PROOF = "answer_proof"
    DISAGREE = "disagree"
    OPENING = "opening"
    WITHHELD = "withheld"
    CAP = "cap"
    SCHEDULE = "schedule"
    STALLED = "stalled"


class Signer(Protocol):
    """A party's key: a `NodeKey`, or another object that can sign for it."""

    @property
    def first(self) -> bytes:
        """The 32 bytes that others know the party by, whichever key signs for it now."""

    def sign(self, message: bytes, /) -> bytes:
        """The Ed25519 signature of a message."""


class BreachError(Exception):
    """The peer broke the protocol, and the run is over. `fault` is the kind, the text gives the evidence."""

    def __init__(self, fault: ProtocolFault, seen: str) -> None:
        super().__init__(f"{fault}: {seen}")
        self.fault = fault
        self.seen = seen


@dataclass(frozen=True)
class MatchMessage:
    """A message whose signature holds. `raw` is all its bytes.

    `chapter` is 0 for the run, then the number of a late run; `grid` is 0 for the first grid, then that of a fine one.
    """

    kind: MessageKind
    chapter: int
    grid: int
    run: bytes
    session: bytes
    sender: bytes
    body: bytes
    raw: bytes

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of all its bytes."""
        return hashlib.sha256(self.raw).digest()


def sign_message(
    key: Signer, kind: MessageKind, chapter: int, grid: int, run: bytes, session: bytes, body: bytes
) -> bytes:
    """Return the bytes of a message."""
    place = bytes([kind]) + chapter.to_bytes(_CHAPTER_BYTES, "big") + bytes([grid])
    unsigned = MATCH_MAGIC + place + run + session + key.first + body
    return unsigned + key.sign(_to_sign(unsigned))


def read_match_message(raw: bytes, sender: bytes, run: bytes, keys: Sequence[bytes] = ()) -> MatchMessage:
    """Read a message that must come from `sender` and belong to `run`; raises BreachError.

    `keys` are those that sign for `sender`; without them its own does.
    """
    if len(raw) < HEADER_BYTES + SIGNATURE_BYTES or not raw.startswith(MATCH_MAGIC):
        raise BreachError(ProtocolFault.FORM, f"{len(raw):,} bytes that are no message")
    unsigned, signature = raw[:-SIGNATURE_BYTES], raw[-SIGNATURE_BYTES:]
    at = len(MATCH_MAGIC)
    number, at = raw[at], at + 1
    chapter, at = int.from_bytes(raw[at : at + _CHAPTER_BYTES], "big"), at + _CHAPTER_BYTES
    grid, at = raw[at], at + 1
    its_run, at = raw[at : at + IDENTITY_BYTES], at + IDENTITY_BYTES
    session, at = raw[at : at + IDENTITY_BYTES], at + IDENTITY_BYTES
    its_sender = raw[at : at + PUBLIC_KEY_BYTES]
    if its_sender != sender or not any(verify(key, signature, _to_sign(unsigned)) for key in keys or (sender,)):
        raise BreachError(ProtocolFault.SIGNATURE, "a message that the peer's key did not sign")
    if number not in MessageKind.__members__.values():
        raise BreachError(ProtocolFault.FORM, f"a message of the unknown kind {number}")
    if its_run != run:
        raise BreachError(ProtocolFault.OTHER_RUN, "a message of another accord, epoch, grid or pair of parties")
    return MatchMessage(MessageKind(number), chapter, grid, its_run, session, its_sender, unsigned[HEADER_BYTES:], raw)


def _to_sign(unsigned: bytes) -> bytes:
    return _SIGNED_PURPOSE + hashlib.sha512(unsigned).digest()
