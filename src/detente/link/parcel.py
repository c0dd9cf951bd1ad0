"""A parcel: envelopes and receipts for one peer in one sealed file, carried on a stick or attached to a mail (R31).

    detente-parcel-2
    sender 3b6a...
    recipient 9d61...
    (an empty line)
    HPKE: the encapsulated key (32 bytes), then the ciphertext

Sealed with HPKE (RFC 9180, base mode: X25519, HKDF-SHA256, ChaCha20-Poly1305) for the encryption key on the recipient's
card, with the lines above as `info`: whoever finds the file learns sender, recipient and, up to padding, its size, and
a bit changed anywhere is found. Inside are the bytes that HTTP would bear, each signed on its own. A parcel may be
carried twice, late or not at all: what is held already is receipted again, what is missing comes with the next one.
"""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from detente.airspace.refusal import Refusal
from detente.link.answer import MAX_BATCH_BYTES, MAX_BATCH_ENVELOPES
from detente.link.card import Card
from detente.link.envelope import ENVELOPE_FORM, Envelope, read_envelope
from detente.link.receipt import RECEIPT_FORM, DeliveryReceipt, read_receipt
from detente.link.standing import STANDING_FORM, Standing, read_standing
from detente.record.keys import NodeKey

PARCEL_MAGIC = b"detente-parcel-2\n"
MEDIA_TYPE = "application/vnd.detente.parcel"
FILE_NAME = "envelopes.detente"
MAX_PARCEL_BYTES = 256 * 1024 * 1024
MAX_CONTENT_BYTES = MAX_PARCEL_BYTES // 2
"""A mail writes it a third longer."""
SMALLEST_CONTENT_BYTES = 16 * 1024
"""An empty parcel and one with a few messages have the same size."""

_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
_HEADER = re.compile(PARCEL_MAGIC + rb"sender ([0-9a-f]{64})\nrecipient ([0-9a-f]{64})\n\n")
_LENGTH_BYTES = 8


class Parcel(msgspec.Struct, frozen=True):
    """What a parcel holds, in its order; each document is signed. `sender` is the key that the sender is known by.

    `standings` say what the sender holds of each link; `given_back` are envelopes of the recipient's own, which it has
    said that it lacks.
    """

    sender: bytes
    envelopes: tuple[Envelope, ...]
    receipts: tuple[DeliveryReceipt, ...]
    standings: tuple[Standing, ...] = ()
    given_back: tuple[Envelope, ...] = ()

    def batches(self) -> list[bytes]:
        """Return the envelopes as batches, each of one link and no larger than a node takes."""
        batches: list[list[Envelope]] = []
        size = 0
        for envelope in self.envelopes:
            last = batches[-1] if batches else []
            fits = len(last) < MAX_BATCH_ENVELOPES and size + len(envelope.raw) <= MAX_BATCH_BYTES
            if last and fits and last[-1].direction == envelope.direction:
                last.append(envelope)
                size += len(envelope.raw)
            else:
                batches.append([envelope])
                size = len(envelope.raw)
        return [b"".join(envelope.raw for envelope in batch) for batch in batches]


def write_parcel(documents: Iterable[bytes], sender: bytes, recipient: Card) -> bytes:
    """Return the parcel of these envelopes and receipts, given by their exact bytes, sealed for `recipient`.

    `sender` is the key by which we are known. What is more than one parcel may hold is left for the next one. Raises
    Refusal for a card without a usable key.
    """
    content = b"".join(_as_many_as_fit(documents))
    header = PARCEL_MAGIC + f"sender {sender.hex()}\nrecipient {recipient.public_key}\n\n".encode()
    plain = len(content).to_bytes(_LENGTH_BYTES, "big") + content
    plain = plain.ljust(padded(len(plain)), b"\0")
    try:
        key = X25519PublicKey.from_public_bytes(bytes.fromhex(recipient.encryption_key))
        return header + _SUITE.encrypt(plain, key, header)
    except ValueError:
        raise Refusal(
            "link.x25519_key_for_sealed", f"{recipient.name}: encryption_key", recipient.encryption_key
        ) from None


def read_parcel(data: bytes, key: NodeKey) -> Parcel:
    """Return what a parcel sealed for `key`, or a key before it, holds, from its file or from the mail with it.

    The signatures inside are not yet verified. Raises Refusal for what is no parcel, for one that is for somebody else,
    and for one that was cut or changed anywhere.
    """
    if len(data) > MAX_PARCEL_BYTES:
        raise Refusal("link.at_most_bytes", "parcel", f"{len(data):,} bytes", most=MAX_PARCEL_BYTES)
    if not data.startswith(PARCEL_MAGIC):
        data = _attached(data)
    header = _HEADER.match(data)
    if header is None:
        raise Refusal("link.parcel_sender_recipient", "parcel", data[:40])
    sender, recipient = (bytes.fromhex(digits.decode()) for digits in header.groups())
    if recipient != key.first:
        raise Refusal("link.our_own_key", "parcel.recipient", recipient.hex(), public=key.first.hex())
    for decryption in (key.decryption, *key.former):
        try:
            plain = _SUITE.decrypt(data[header.end() :], decryption, header[0])
        except (InvalidTag, ValueError):
            continue
        return _documents(plain, sender, recipient)
    raise Refusal("link.parcel_sealed_for_node", "parcel", f"{len(data):,} bytes")


def padded(length: int) -> int:
    """Return how many bytes `length` bytes are padded to: at least 16 KiB, then as Padmé does, by at most 12 %.

    Nikitin et al., "Reducing Metadata Leakage from Encrypted Files and Communication with PURBs" (2019), section 4.2:
    of the size only O(log log n) bits are told.
    """
    length = max(length, SMALLEST_CONTENT_BYTES)
    exponent = length.bit_length() - 1
    step = 1 << (exponent - exponent.bit_length())
    return -(-length // step) * step


def as_mail(parcel: bytes, sender: str, recipient: str, at: datetime) -> bytes:
    """Return a mail (RFC 5322) with the parcel attached. Its header names parties, not people, and proves nothing."""
    message = EmailMessage(policy=email.policy.SMTP)
    message["Subject"] = f"Detente: {sender} to {recipient}"
    message["Date"] = format_datetime(at)
    message.set_content("The attached file is for the node of the recipient: detente line carry-in FILE\n")
    maintype, _, subtype = MEDIA_TYPE.partition("/")
    message.add_attachment(parcel, maintype=maintype, subtype=subtype, filename=FILE_NAME)
    return message.as_bytes()


def _as_many_as_fit(documents: Iterable[bytes]) -> Iterator[bytes]:
    size = 0
    for document in documents:
        size += len(document)
        if size > MAX_CONTENT_BYTES:
            return
        yield document


def _documents(plain: bytes, sender: bytes, recipient: bytes) -> Parcel:
    end = _LENGTH_BYTES + int.from_bytes(plain[:_LENGTH_BYTES], "big")
    if end > len(plain) or plain[end:].strip(b"\0"):
        raise Refusal("link.padded_length", "parcel", f"{len(plain):,} bytes")
    data = plain[_LENGTH_BYTES:end]
    envelopes: list[Envelope] = []
    receipts: list[DeliveryReceipt] = []
    standings: list[Standing] = []
    given_back: list[Envelope] = []
    offset = 0
    while offset < len(data):
        if ENVELOPE_FORM.starts(data, offset):
            envelope, offset = read_envelope(data, offset)
            between = (envelope.direction.sender, envelope.direction.recipient)
            is_given_back = between == (recipient, sender)
            (given_back if is_given_back else envelopes).append(envelope)
            between = between[::-1] if is_given_back else between
        elif STANDING_FORM.starts(data, offset):
            standing, offset = read_standing(data, offset)
            standings.append(standing)
            between = (standing.direction.sender, standing.direction.recipient)
        elif RECEIPT_FORM.starts(data, offset):
            receipt, offset = read_receipt(data, offset)
            receipts.append(receipt)
            between = (receipt.direction.recipient, receipt.direction.sender)
        else:
            raise Refusal("link.envelopes_receipts_end", "parcel", data[offset : offset + 40])
        if between != (sender, recipient):
            raise Refusal("link.what_signed_for_node", "parcel", between[0].hex(), sender=sender.hex())
    return Parcel(sender, tuple(envelopes), tuple(receipts), tuple(standings), tuple(given_back))


def _attached(data: bytes) -> bytes:
    message = email.message_from_bytes(data, policy=email.policy.default)
    for part in message.walk():
        payload = None if part.is_multipart() else part.get_payload(decode=True)
        if isinstance(payload, bytes) and payload.startswith(PARCEL_MAGIC):
            return payload
    raise Refusal("link.parcel_or_mail", "parcel", data[:40])
