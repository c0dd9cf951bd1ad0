"""A rotation: the key of a party says, signed, which key signs in its place from then on, and that key agrees.

A party is known for good by the key that it was first paired with: its name on every envelope and in every accord.
Which key signs for it today follows from its rotations, each signed by the key before.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from detente.airspace.refusal import Refusal
from detente.record.keys import NodeKey, SuccessorKey, verify
from detente.record.lines import HEX_32, HEX_64, INSTANT, LineForm, instant_text, read_instant

KEY_ROTATED = "key_rotated"
"""The kind of the journal's entry: its body is the exact rotation. The new key signs the batch that it is in."""
MOST_ROTATIONS = 32
MAX_ROTATION_BYTES = 2048
ROTATION_FORM = LineForm(
    "detente-rotation-1",
    {
        "party": HEX_32,
        "old": HEX_32,
        "new": HEX_32,
        "encryption-key": HEX_32,
        "rotated-at": INSTANT,
        "certificate": rb"[A-Za-z0-9+/]{1,1000}={0,2}",
        "accepted": HEX_64,
    },
)
_ACCEPTED_PURPOSE = b"detente key accepted 1\n"


class Rotation(msgspec.Struct, frozen=True):
    """From `rotated_at` on `new` signs for a party in the place of `old`; both signed this.

    `party` is the key that the party was first paired with, `encryption_key` (X25519) that for which parcels are sealed
    from then on, each 32 bytes. `certificate` (DER) says the same in TLS. `text` is the exact document.
    """

    party: bytes
    old: bytes
    new: bytes
    encryption_key: bytes
    rotated_at: datetime
    certificate: bytes
    text: str


def sign_rotation(key: NodeKey, new: NodeKey, certificate: bytes, at: datetime) -> Rotation:
    """Return the rotation from `key` to `new`, signed by both. `certificate` is that of `new` under `key`."""
    values = {
        "party": key.first.hex(),
        "old": key.public.hex(),
        "new": new.public.hex(),
        "encryption-key": new.encryption_public.hex(),
        "rotated-at": instant_text(at, "at"),
        "certificate": base64.b64encode(certificate).decode(),
    }
    accepted = new.sign(_to_accept(values))
    signed = ROTATION_FORM.unsigned({**values, "accepted": accepted.hex()})
    return read_rotation(ROTATION_FORM.signed(signed, key.sign(signed)).decode())


def read_rotation(text: str) -> Rotation:
    """Return the rotation in a text; raises Refusal for what is none, or is not signed by both keys that it names."""
    data = text.encode()
    values, signed_end, end = ROTATION_FORM.read(data)
    if end != len(data):
        raise Refusal("record.one_rotation", "rotation", f"{len(data):,} bytes", end=end)
    old, new = bytes.fromhex(values["old"]), bytes.fromhex(values["new"])
    if not verify(old, bytes.fromhex(values["signature"]), data[:signed_end]):
        raise Refusal("record.rotation_signed_by_old", "rotation.signature", values["signature"][:16])
    if not verify(new, bytes.fromhex(values["accepted"]), _to_accept(values)):
        raise Refusal("record.rotation_accepted_by_new", "rotation.accepted", values["accepted"][:16])
    try:
        certificate = base64.b64decode(values["certificate"], validate=True)
    except ValueError:
        raise Refusal("record.rotation_certificate", "rotation.certificate", values["certificate"][:16]) from None
    return Rotation(
        bytes.fromhex(values["party"]), old, new, bytes.fromhex(values["encryption-key"]),
        read_instant(values["rotated-at"], "rotation.rotated-at"), certificate, text,
    )  # fmt: skip


def read_rotations(party: bytes, present: bytes, texts: Sequence[str]) -> list[Rotation]:
    """Return the rotations in `texts`, which lead on, one after the other, from the `present` key of `party`.

    Raises Refusal for one that does not go on from the one before, or comes back to a key of before.
    """
    if len(texts) > MOST_ROTATIONS:
        raise Refusal("record.most_rotations", "rotations", len(texts), most=MOST_ROTATIONS)
    found: list[Rotation] = []
    seen = {party, present}
    for text in texts:
        rotation = read_rotation(text)
        if (rotation.party, rotation.old) != (party, present) or rotation.new in seen:
            raise Refusal("record.rotation_goes_on", "rotation.old", rotation.old.hex(), present=present.hex())
        found.append(rotation)
        present = rotation.new
        seen.add(present)
    return found


def keys_through(party: bytes, rotations: Iterable[Rotation]) -> tuple[bytes, ...]:
    """Return the keys of a party, the first one first, the one that signs now last."""
    return (party, *(rotation.new for rotation in rotations))


def prepare_rotation(key: NodeKey, new: NodeKey, certificate: bytes, at: datetime) -> Rotation:
    """Return the rotation from `key` to `new`, and let `key` go over to it once a journal holds this rotation."""
    rotation = sign_rotation(key, new, certificate, at)
    key.successor = SuccessorKey(new, rotation.text)
    return rotation


def _to_accept(values: dict[str, str]) -> bytes:
    names = ("party", "old", "new", "encryption-key", "rotated-at", "certificate")
    return _ACCEPTED_PURPOSE + "".join(f"{name} {values[name]}\n" for name in names).encode()
