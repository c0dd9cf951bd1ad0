"""An exhibit: one message shown to an outsider with everything that proves it, and nothing of the other messages (R42).

It holds the envelope in full, which its sender signed; the lines of the envelopes after it up to the next receipt,
which chain it to that receipt without their bodies; the receipt, which the recipient signed; and the place of the
message in the Merkle tree over all envelopes up to that receipt (RFC 9162), whose root either party can read out of its
own copy.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable

import msgspec

from detente.airspace.refusal import Refusal
from detente.link.envelope import ENVELOPE_FORM, Envelope, read_envelope
from detente.link.merkle import inclusion_proof, merkle_root, verify_inclusion
from detente.link.receipt import DeliveryReceipt, read_receipt
from detente.link.transcript import OneWay
from detente.record.keys import verify

MAX_EXHIBIT_BYTES = 32 * 1024 * 1024


class Exhibit(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="format", tag="detente-exhibit-1"):
    """One proven message. `envelope` is base64, `chain` holds signed lines as text, the rest is hexadecimal."""

    envelope: str
    chain: tuple[str, ...]
    receipt: str
    proof: tuple[str, ...]
    root: str


class Proven(msgspec.Struct, frozen=True):
    """What an exhibit proves: this envelope was sent by its sender and received by its recipient by that receipt."""

    envelope: Envelope
    receipt: DeliveryReceipt
    root: bytes


def make_exhibit(one_way: OneWay, envelope: Envelope) -> Exhibit:
    """Return the exhibit of one envelope of a direction; raises Refusal when no receipt covers it yet."""
    receipt = next((r for r in one_way.receipts if r.first <= envelope.number <= r.last), None)
    if receipt is None:
        raise Refusal(
            "number", envelope.number, f"an envelope up to {one_way.receipted_number}, for which a receipt is held",
            "Wait until the other side has signed for it.",
        )  # fmt: skip
    hashes = [lines.hash for lines in one_way.envelopes[: receipt.last]]
    after = one_way.envelopes[envelope.number : receipt.last]
    return Exhibit(
        base64.b64encode(envelope.raw).decode(),
        tuple(ENVELOPE_FORM.signed(lines.signed, lines.signature).decode() for lines in after),
        receipt.raw.decode(),
        tuple(step.hex() for step in inclusion_proof(hashes, envelope.number - 1)),
        merkle_root(hashes).hex(),
    )


def write_exhibit(exhibit: Exhibit) -> bytes:
    """Return the exhibit's file: indented JSON."""
    return msgspec.json.format(msgspec.json.encode(exhibit), indent=1) + b"\n"


def check_exhibit(data: bytes) -> Proven:
    """Return what an exhibit proves; raises Refusal naming the first thing in it that is wrong."""
    if len(data) > MAX_EXHIBIT_BYTES:
        raise Refusal("exhibit", f"{len(data):,} bytes", f"at most {MAX_EXHIBIT_BYTES:,} bytes")
    try:
        exhibit = msgspec.json.decode(data, type=Exhibit)
        raw = base64.b64decode(exhibit.envelope, validate=True)
        proof, root = [bytes.fromhex(step) for step in exhibit.proof], bytes.fromhex(exhibit.root)
        receipt_raw = exhibit.receipt.encode()
        chain = [lines.encode() for lines in exhibit.chain]
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise Refusal("exhibit", str(error)[:120], "a file that `detente transcript prove` wrote") from None
    envelope, end = read_envelope(raw)
    receipt, receipt_end = read_receipt(receipt_raw)
    if end != len(raw) or receipt_end != len(receipt_raw):
        raise Refusal("exhibit", "more bytes", "one envelope and one receipt")
    if not envelope.is_signed_by_sender():
        raise Refusal("envelope.signature", envelope.signature.hex()[:16], "the sender's signature")
    if receipt.direction != envelope.direction:
        raise Refusal("receipt.direction", receipt.direction.sender.hex()[:16], "the envelope's direction")
    if not receipt.is_signed_by_recipient():
        raise Refusal("receipt.signature", receipt.signature.hex()[:16], "the recipient's signature")
    last, digest = _follow(envelope, chain)
    if (last, digest) != (receipt.last, receipt.last_hash) or not receipt.first <= envelope.number:
        raise Refusal("receipt.last-hash", receipt.last_hash.hex()[:16], f"the hash that the chain ends in, {last}")
    if not verify_inclusion(envelope.hash, envelope.number - 1, receipt.last, proof, root):
        raise Refusal("proof", exhibit.root[:16], "a proof that the message is in the tree under this root")
    return Proven(envelope, receipt, root)


def _follow(envelope: Envelope, chain: Iterable[bytes]) -> tuple[int, bytes]:
    """Return number and hash of the last link of the chain from `envelope` on; raises Refusal where it breaks."""
    number, digest = envelope.number, envelope.hash
    direction = envelope.direction
    for lines in chain:
        values, signed_end, end = ENVELOPE_FORM.read(lines)
        signed = lines[:signed_end]
        number += 1
        sound = (
            end == len(lines)
            and (values["sender"], values["recipient"], values["accord"])
            == (direction.sender.hex(), direction.recipient.hex(), direction.accord)
            and (int(values["number"]), values["previous"]) == (number, digest.hex())
            and verify(direction.sender, bytes.fromhex(values["signature"]), signed)
        )
        if not sound:
            raise Refusal(f"chain[{number - envelope.number - 1}]", values["number"], f"the signed lines of {number}")
        digest = hashlib.sha256(signed).digest()
    return number, digest
