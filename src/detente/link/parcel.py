"""A parcel: envelopes and receipts of one peer in one file, to be carried on a stick or attached to a mail (R31).

The bytes are those that HTTP would bear: a first line, then envelopes and receipts one after another, each in its own
form. A parcel may be carried twice, late or not at all: what is held already is receipted again, what is missing comes
with the next one.
"""

from __future__ import annotations

import email
import email.policy
from collections.abc import Iterable
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime

import msgspec

from detente.airspace.refusal import Refusal
from detente.link.answer import MAX_BATCH_BYTES, MAX_BATCH_ENVELOPES
from detente.link.envelope import FORM as ENVELOPE_FORM
from detente.link.envelope import Envelope, read_envelope
from detente.link.receipt import FORM as RECEIPT_FORM
from detente.link.receipt import Receipt, read_receipt

MAGIC = b"detente-parcel-1\n"
MEDIA_TYPE = "application/vnd.detente.parcel"
FILE_NAME = "envelopes.detente"
MAX_PARCEL_BYTES = 256 * 1024 * 1024


class Parcel(msgspec.Struct, frozen=True):
    """What a parcel holds, in its order."""

    envelopes: tuple[Envelope, ...]
    receipts: tuple[Receipt, ...]

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


def write_parcel(documents: Iterable[bytes]) -> bytes:
    """Return the parcel of these envelopes and receipts, given by their exact bytes."""
    return MAGIC + b"".join(documents)


def read_parcel(data: bytes) -> Parcel:
    """Return what a parcel holds, from its file or from the mail that it is attached to.

    Nothing is verified but the form. Raises Refusal for what is no parcel, and for one that is cut or changed in form.
    """
    if len(data) > MAX_PARCEL_BYTES:
        raise Refusal("parcel", f"{len(data):,} bytes", f"at most {MAX_PARCEL_BYTES:,} bytes")
    if not data.startswith(MAGIC):
        data = _attached(data)
    envelopes: list[Envelope] = []
    receipts: list[Receipt] = []
    offset = len(MAGIC)
    while offset < len(data):
        if ENVELOPE_FORM.starts(data, offset):
            envelope, offset = read_envelope(data, offset)
            envelopes.append(envelope)
        elif RECEIPT_FORM.starts(data, offset):
            receipt, offset = read_receipt(data, offset)
            receipts.append(receipt)
        else:
            raise Refusal(
                "parcel", data[offset : offset + 40], "envelopes and receipts to its end", "Carry it again: it is cut."
            )
    return Parcel(tuple(envelopes), tuple(receipts))


def as_mail(parcel: bytes, sender: str, recipient: str, at: datetime) -> bytes:
    """Return a mail (RFC 5322) with the parcel attached. Its header names parties, not people, and proves nothing."""
    message = EmailMessage(policy=email.policy.SMTP)
    message["Subject"] = f"Detente: {sender} to {recipient}"
    message["Date"] = format_datetime(at)
    message.set_content("The attached file is for the node of the recipient: detente line carry-in FILE\n")
    maintype, _, subtype = MEDIA_TYPE.partition("/")
    message.add_attachment(parcel, maintype=maintype, subtype=subtype, filename=FILE_NAME)
    return message.as_bytes()


def _attached(data: bytes) -> bytes:
    message = email.message_from_bytes(data, policy=email.policy.default)
    for part in message.walk():
        payload = None if part.is_multipart() else part.get_payload(decode=True)
        if isinstance(payload, bytes) and payload.startswith(MAGIC):
            return payload
    raise Refusal("parcel", data[:40], "a parcel, or a mail with one attached", "Save the mail whole, as a file.")
