"""The receipt: the recipient signs that a run of envelopes was delivered. It never means approved (R10).

The chain makes the hash of the last envelope stand for every one before it, so one signature covers a whole batch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime

import msgspec

from detente.airspace.refusal import Refusal
from detente.link.envelope import Direction
from detente.record.keys import NodeKey, verify
from detente.record.lines import HEX_32, INSTANT, NUMBER, LineForm, instant_text, read_instant

DELIVERED = "delivered"
RECEIPT_FORM = LineForm(
    "detente-receipt-1",
    {
        "meaning": DELIVERED.encode(),
        "sender": HEX_32,
        "recipient": HEX_32,
        "accord": HEX_32,
        "first": NUMBER,
        "last": NUMBER,
        "last-hash": HEX_32,
        "received-at": INSTANT,
    },
)


class DeliveryReceipt(msgspec.Struct, frozen=True):
    """Envelopes `first` to `last` of `direction` were received; signed by a key of the direction's recipient."""

    direction: Direction
    first: int
    last: int
    last_hash: bytes
    received_at: datetime
    signed: bytes
    signature: bytes
    raw: bytes

    def is_signed_by(self, keys: Iterable[bytes]) -> bool:
        """Return whether the signature is that of one of these keys (32 bytes each) over these lines."""
        return any(verify(key, self.signature, self.signed) for key in keys)

    @property
    def hash(self) -> bytes:
        """SHA-256 of the signed lines."""
        return hashlib.sha256(self.signed).digest()


def sign_receipt(
    key: NodeKey, direction: Direction, first: int, last: int, last_hash: bytes, received_at: datetime
) -> DeliveryReceipt:
    """Return the receipt for envelopes `first` to `last`, signed by `key`, one of the direction's recipient."""
    if key.first != direction.recipient:
        raise Refusal("link.key_signs", "recipient", direction.recipient.hex(), public=key.first.hex())
    signed = RECEIPT_FORM.unsigned(
        {
            "meaning": DELIVERED,
            "sender": direction.sender.hex(),
            "recipient": direction.recipient.hex(),
            "accord": direction.accord,
            "first": str(first),
            "last": str(last),
            "last-hash": last_hash.hex(),
            "received-at": instant_text(received_at, "received_at"),
        }
    )
    receipt, _ = read_receipt(RECEIPT_FORM.signed(signed, key.sign(signed)))
    return receipt


def signed_by_now(key: NodeKey, raw: bytes) -> bytes:
    """Return a receipt (exact) of this node's as it is, or the same lines signed anew where a key of before signed it.

    Whoever has heard of the rotation takes nothing more from the key of before.
    """
    receipt, _ = read_receipt(raw)
    if receipt.is_signed_by((key.public,)):
        return raw
    return RECEIPT_FORM.signed(receipt.signed, key.sign(receipt.signed))


def read_receipt(data: bytes, offset: int = 0) -> tuple[DeliveryReceipt, int]:
    """Decode the receipt at `offset` and return it with the offset after it. The signature is not yet verified.

    Raises Refusal naming the line that is not in the one form.
    """
    values, signed_end, end = RECEIPT_FORM.read(data, offset)
    first, last = int(values["first"]), int(values["last"])
    if last < first:
        raise Refusal("link.number_not_below_first", f"{RECEIPT_FORM.magic}.last", last, first=first)
    receipt = DeliveryReceipt(
        direction=Direction(bytes.fromhex(values["sender"]), bytes.fromhex(values["recipient"]), values["accord"]),
        first=first,
        last=last,
        last_hash=bytes.fromhex(values["last-hash"]),
        received_at=read_instant(values["received-at"], f"{RECEIPT_FORM.magic}.received-at"),
        signed=data[offset:signed_end],
        signature=bytes.fromhex(values["signature"]),
        raw=data[offset:end],
    )
    return receipt, end
