"""An exhibit: one message shown to an outsider with everything that proves it, and nothing of the other messages (R42).

It holds the envelope in full, which its sender signed; the lines of the envelopes after it up to the next receipt,
which chain it to that receipt without their bodies; the receipt, which the recipient signed; and the place of the
message in the Merkle tree over all envelopes up to that receipt (RFC 9162), whose root either party can read out of its
own copy.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence

import msgspec

from detente.airspace.refusal import Refusal
from detente.link.envelope import ENVELOPE_FORM, Envelope, read_envelope
from detente.link.merkle import inclusion_proof, merkle_root, verify_inclusion
from detente.link.receipt import DeliveryReceipt, read_receipt
from detente.link.transcript import OneWay
from detente.record.keys import verify
from detente.record.rotation import keys_through, read_rotation, read_rotations

MAX_EXHIBIT_BYTES = 32 * 1024 * 1024


class Exhibit(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="format",
    tag="detente-exhibit-1",
):  # fmt: skip
    """One proven message. `envelope` is base64, `chain` holds signed lines as text, the rest is hexadecimal.

    `rotations` are the exact rotations of both parties' keys, each party's in order, where there were any.
    """

    envelope: str
    chain: tuple[str, ...]
    receipt: str
    proof: tuple[str, ...]
    root: str
    rotations: tuple[str, ...] = ()


class Proven(msgspec.Struct, frozen=True):
    """What an exhibit proves: this envelope was sent by its sender and received by its recipient by that receipt."""

    envelope: Envelope
    receipt: DeliveryReceipt
    root: bytes


def make_exhibit(one_way: OneWay, envelope: Envelope, rotations: Sequence[str] = ()) -> Exhibit:
    """Return the exhibit of one envelope of a direction; raises Refusal when no receipt covers it yet.

    `rotations` are those that both parties have said on the link.
    """
    receipt = next((r for r in one_way.receipts if r.first <= envelope.number <= r.last), None)
    if receipt is None:
        raise Refusal(
            "link.envelope_up_for_receipt", "number", envelope.number, receipted_number=one_way.receipted_number
        )
    hashes = [lines.hash for lines in one_way.envelopes[: receipt.last]]
    after = one_way.envelopes[envelope.number : receipt.last]
    return Exhibit(
        base64.b64encode(envelope.raw).decode(),
        tuple(ENVELOPE_FORM.signed(lines.signed, lines.signature).decode() for lines in after),
        receipt.raw.decode(),
        tuple(step.hex() for step in inclusion_proof(hashes, envelope.number - 1)),
        merkle_root(hashes).hex(),
        tuple(rotations),
    )


def write_exhibit(exhibit: Exhibit) -> bytes:
    """Return the exhibit's file: indented JSON."""
    return msgspec.json.format(msgspec.json.encode(exhibit), indent=1) + b"\n"


def read_exhibit(data: bytes) -> Exhibit:
    """Return the exhibit in a file, nothing of it proven; raises Refusal when the file is none."""
    if len(data) > MAX_EXHIBIT_BYTES:
        raise Refusal("link.at_most_bytes", "exhibit", f"{len(data):,} bytes", most=MAX_EXHIBIT_BYTES)
    try:
        return msgspec.json.decode(data, type=Exhibit)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Refusal("link.file_detente_transcript_prove", "exhibit", str(error)[:120]) from None


def check_exhibit(data: bytes) -> Proven:
    """Return what an exhibit proves; raises Refusal naming the first thing in it that is wrong."""
    exhibit = read_exhibit(data)
    try:
        raw = base64.b64decode(exhibit.envelope, validate=True)
        proof, root = [bytes.fromhex(step) for step in exhibit.proof], bytes.fromhex(exhibit.root)
        receipt_raw = exhibit.receipt.encode()
        chain = [lines.encode() for lines in exhibit.chain]
    except ValueError as error:
        raise Refusal("link.file_detente_transcript_prove", "exhibit", str(error)[:120]) from None
    envelope, end = read_envelope(raw)
    receipt, receipt_end = read_receipt(receipt_raw)
    if end != len(raw) or receipt_end != len(receipt_raw):
        raise Refusal("link.one_envelope_one_receipt", "exhibit", "more bytes")
    keys = _keys(exhibit.rotations, (envelope.direction.sender, envelope.direction.recipient))
    if not any(map(envelope.is_signed_by, keys[envelope.direction.sender])):
        raise Refusal("link.sender_signature", "envelope.signature", envelope.signature.hex()[:16])
    if receipt.direction != envelope.direction:
        raise Refusal("link.envelope_direction", "receipt.direction", receipt.direction.sender.hex()[:16])
    if not receipt.is_signed_by(keys[receipt.direction.recipient]):
        raise Refusal("link.recipient_signature", "receipt.signature", receipt.signature.hex()[:16])
    last, digest = _follow(envelope, chain, keys[envelope.direction.sender])
    if (last, digest) != (receipt.last, receipt.last_hash) or not receipt.first <= envelope.number:
        raise Refusal("link.hash_chain_ends", "receipt.last-hash", receipt.last_hash.hex()[:16], last=last)
    if not verify_inclusion(envelope.hash, envelope.number - 1, receipt.last, proof, root):
        raise Refusal("link.proof_message_tree_under", "proof", exhibit.root[:16])
    return Proven(envelope, receipt, root)


def _keys(rotations: Iterable[str], parties: Iterable[bytes]) -> dict[bytes, tuple[bytes, ...]]:
    """Return the keys of each party, of those that it is known by, through the rotations; raises Refusal."""
    read = [read_rotation(text) for text in rotations]
    found: dict[bytes, tuple[bytes, ...]] = {}
    for party in parties:
        own = read_rotations(party, party, [rotation.text for rotation in read if rotation.party == party])
        found[party] = keys_through(party, own)
    return found


def _follow(envelope: Envelope, chain: Iterable[bytes], keys: Iterable[bytes]) -> tuple[int, bytes]:
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
            and any(verify(key, bytes.fromhex(values["signature"]), signed) for key in keys)
        )
        if not sound:
            raise Refusal(
                "link.signed_lines", f"chain[{number - envelope.number - 1}]", values["number"], number=number
            )
        digest = hashlib.sha256(signed).digest()
    return number, digest
