"""The signed messages of a run, as bytes: the same over HTTP and as files. Layout in docs/reference/matching.md."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Protocol

from detente.record.keys import PUBLIC_KEY_BYTES, SIGNATURE_BYTES, verify

MATCH_MAGIC = b"DTMATCH1"
IDENTITY_BYTES = 32
HEADER_BYTES = len(MATCH_MAGIC) + 1 + 2 * IDENTITY_BYTES + PUBLIC_KEY_BYTES
NO_SESSION = bytes(IDENTITY_BYTES)
_SIGNED_PURPOSE = b"detente-match-1 message\n"


class MessageKind(IntEnum):
    """The stages of a run, in their order, and those of a late run."""

    COMMIT = 1
    MASKED = 2
    SEALED = 3
    ANSWERS = 4
    REVEAL = 5
    LATE = 6
    LATE_ANSWER = 7
    LATE_REVEAL = 8


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
    OPENING = "opening"
    WITHHELD = "withheld"
    CAP = "cap"
    SCHEDULE = "schedule"
    STALLED = "stalled"


class Signer(Protocol):
    """A party's key: a `NodeKey`, or another object that can sign for it."""

    @property
    def public(self) -> bytes:
        """The 32 bytes that others know it by."""

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
    """A message whose signature holds. `raw` is all its bytes."""

    kind: MessageKind
    run: bytes
    session: bytes
    sender: bytes
    body: bytes
    raw: bytes

    @property
    def digest(self) -> bytes:
        """SHA-256 of all its bytes."""
        return hashlib.sha256(self.raw).digest()


def sign_message(key: Signer, kind: MessageKind, run: bytes, session: bytes, body: bytes) -> bytes:
    """Return the bytes of a message."""
    unsigned = MATCH_MAGIC + bytes([kind]) + run + session + key.public + body
    return unsigned + key.sign(_to_sign(unsigned))


def read_match_message(raw: bytes, sender: bytes, run: bytes) -> MatchMessage:
    """Read a message that must come from `sender` and belong to `run`; raises BreachError."""
    if len(raw) < HEADER_BYTES + SIGNATURE_BYTES or not raw.startswith(MATCH_MAGIC):
        raise BreachError(ProtocolFault.FORM, f"{len(raw):,} bytes that are no message")
    unsigned, signature = raw[:-SIGNATURE_BYTES], raw[-SIGNATURE_BYTES:]
    at = len(MATCH_MAGIC)
    number, at = raw[at], at + 1
    its_run, at = raw[at : at + IDENTITY_BYTES], at + IDENTITY_BYTES
    session, at = raw[at : at + IDENTITY_BYTES], at + IDENTITY_BYTES
    its_sender = raw[at : at + PUBLIC_KEY_BYTES]
    if its_sender != sender or not verify(sender, signature, _to_sign(unsigned)):
        raise BreachError(ProtocolFault.SIGNATURE, "a message that the peer's key did not sign")
    if number not in MessageKind.__members__.values():
        raise BreachError(ProtocolFault.FORM, f"a message of the unknown kind {number}")
    if its_run != run:
        raise BreachError(ProtocolFault.OTHER_RUN, "a message of another accord, epoch, grid or pair of parties")
    return MatchMessage(MessageKind(number), its_run, session, its_sender, unsigned[HEADER_BYTES:], raw)


def _to_sign(unsigned: bytes) -> bytes:
    return _SIGNED_PURPOSE + hashlib.sha512(unsigned).digest()
