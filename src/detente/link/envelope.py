"""The envelope: exact bytes from one party to another, numbered, chained and signed, whatever carries them (R31, R38).

Its lines say who to whom, under which accord, which number on this direction of the link, the hash of the one before,
when, what kind of message, and the length and hash of the body, which follows the lines. Because only the body's hash
is signed, an envelope can later be shown with its body withheld and the chain still holds (R42).
"""

from __future__ import annotations

import hashlib
import re
from datetime import datetime

import msgspec

from detente.airspace.refusal import Refusal
from detente.record.keys import NodeKey, verify
from detente.record.lines import HEX_32, INSTANT, NUMBER, LineForm, instant_text, read_instant

MAX_BODY_BYTES = 8 * 1024 * 1024
NO_PREVIOUS = bytes(32)
_KIND = rb"[a-z][a-z0-9._-]{0,63}"
_LENGTH = rb"(?:0|[1-9][0-9]{0,6})"
ENVELOPE_FORM = LineForm(
    "detente-envelope-1",
    {
        "sender": HEX_32,
        "recipient": HEX_32,
        "accord": HEX_32,
        "number": NUMBER,
        "previous": HEX_32,
        "sent-at": INSTANT,
        "kind": _KIND,
        "body-length": _LENGTH,
        "body-sha256": HEX_32,
    },
)


class Direction(msgspec.Struct, frozen=True):
    """One direction of a link: the sender's and the recipient's public keys (32 bytes), and the accord's hash (hex)."""

    sender: bytes
    recipient: bytes
    accord: str

    @property
    def reverse(self) -> Direction:
        """The other direction of the same link."""
        return Direction(self.recipient, self.sender, self.accord)


class Envelope(msgspec.Struct, frozen=True):
    """A decoded envelope with its exact bytes. `hash` is the SHA-256 of the signed lines, and names the content.

    The keys of its direction are those by which the parties are known for good; the one that signed it follows from the
    sender's rotations.
    """

    direction: Direction
    number: int
    previous: bytes
    sent_at: datetime
    kind: str
    body: bytes
    signed: bytes
    signature: bytes
    raw: bytes
    hash: bytes

    def is_signed_by(self, key: bytes) -> bool:
        """Return whether the signature is that of a key (32 bytes) over these lines."""
        return verify(key, self.signature, self.signed)


def seal_envelope(
    key: NodeKey, direction: Direction, number: int, previous: bytes, sent_at: datetime, kind: str, body: bytes
) -> Envelope:
    """Return the envelope signed by `key`, which must be one of the direction's sender.

    Raises Refusal for a body over MAX_BODY_BYTES, a kind that is not a lower-case word, and a time without offset.
    """
    if key.first != direction.sender:
        raise Refusal("link.key_signs", "sender", direction.sender.hex(), public=key.first.hex())
    if len(body) > MAX_BODY_BYTES:
        raise Refusal("link.at_most_bytes_send", "body", f"{len(body):,} bytes", most=MAX_BODY_BYTES)
    if not re.fullmatch(_KIND, kind.encode()):
        raise Refusal("link.party_name", "kind", kind)
    signed = ENVELOPE_FORM.unsigned(
        {
            "sender": direction.sender.hex(),
            "recipient": direction.recipient.hex(),
            "accord": direction.accord,
            "number": str(number),
            "previous": previous.hex(),
            "sent-at": instant_text(sent_at, "sent_at"),
            "kind": kind,
            "body-length": str(len(body)),
            "body-sha256": hashlib.sha256(body).hexdigest(),
        }
    )
    envelope, end = read_envelope(ENVELOPE_FORM.signed(signed, key.sign(signed)) + body + b"\n")
    if end != len(envelope.raw):  # pragma: no cover - a body cannot lengthen its own envelope
        raise AssertionError
    return envelope


def read_envelope(data: bytes, offset: int = 0) -> tuple[Envelope, int]:
    """Decode the envelope at `offset` and return it with the offset after it. The signature is not yet verified.

    Raises Refusal naming the line that is not in the one form, and a body that is cut or is not the one in the lines.
    """
    values, signed_end, lines_end = ENVELOPE_FORM.read(data, offset)
    length = int(values["body-length"])
    if length > MAX_BODY_BYTES:
        raise Refusal("link.at_most_bytes", f"{ENVELOPE_FORM.magic}.body-length", length, most=MAX_BODY_BYTES)
    body = data[lines_end : lines_end + length]
    end = lines_end + length + 1
    if len(body) != length or data[end - 1 : end] != b"\n":
        raise Refusal("link.bytes_line_feed", f"{ENVELOPE_FORM.magic}.body", f"{len(body):,} bytes", length=length)
    if hashlib.sha256(body).hexdigest() != values["body-sha256"]:
        raise Refusal("link.body_whose_sha_lines", f"{ENVELOPE_FORM.magic}.body", f"{length:,} bytes")
    signed = data[offset:signed_end]
    envelope = Envelope(
        direction=Direction(bytes.fromhex(values["sender"]), bytes.fromhex(values["recipient"]), values["accord"]),
        number=int(values["number"]),
        previous=bytes.fromhex(values["previous"]),
        sent_at=read_instant(values["sent-at"], f"{ENVELOPE_FORM.magic}.sent-at"),
        kind=values["kind"],
        body=body,
        signed=signed,
        signature=bytes.fromhex(values["signature"]),
        raw=data[offset:end],
        hash=hashlib.sha256(signed).digest(),
    )
    return envelope, end
