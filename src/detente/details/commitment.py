"""Commitments: details that are given later must be the details that existed when the notice was given (R39).

A notice carries the commitment, the salted SHA-256 of a plan's canonical bytes, which shows nothing until the salt is
given. Commitments are here because details with other times than the registered ones were once accepted by a checker.
"""

from __future__ import annotations

import hashlib
import re

import msgspec

from detente.airspace.plan import Plan
from detente.airspace.refusal import Refusal
from detente.room.decoding import refusal_of

PURPOSE = b"detente-commitment-1\n"
DETAILS_SALT_BYTES = 32
MAX_OPENING_BYTES = 1024 * 1024
_SALT = re.compile(r"[0-9a-f]{64}\Z")


class CommitmentOpening(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="format", tag="detente-opening-1"
):
    """The opening of a commitment: the salt (64 hexadecimal digits, secret until then) and the details."""

    salt: str
    details: Plan

    def __post_init__(self) -> None:
        if not _SALT.match(self.salt):
            raise Refusal("details.hexadecimal_digits", "salt", self.salt)

    @property
    def commitment(self) -> str:
        """SHA-256 of the purpose's line, the salt and the canonical details, as 64 hexadecimal digits."""
        return hashlib.sha256(PURPOSE + bytes.fromhex(self.salt) + canonical_details(self.details)).hexdigest()


def canonical_details(details: Plan) -> bytes:
    """Return the bytes of a plan that are committed to: JSON, sorted keys, no white space, its defaults left out."""
    return msgspec.json.encode(details, order="deterministic")


def write_opening(opening: CommitmentOpening) -> bytes:
    """Return the opening as a file: indented JSON."""
    return msgspec.json.format(msgspec.json.encode(opening), indent=1) + b"\n"


def read_opening(data: bytes) -> CommitmentOpening:
    """Return the opening in a file; raises Refusal naming the field."""
    if len(data) > MAX_OPENING_BYTES:
        raise Refusal("details.at_most_bytes", "opening", f"{len(data):,} bytes", most=MAX_OPENING_BYTES)
    try:
        return msgspec.json.decode(data, type=CommitmentOpening)
    except msgspec.ValidationError as error:
        raise refusal_of(error, "opening") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refusal("details.opening_json", "opening", str(error)) from None
