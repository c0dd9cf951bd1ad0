"""What a party holds of one link, signed: the last of its own envelopes, and the last of the other side's.

Each side asks with it when it begins, and is answered with the other's. So a party whose journal was put back from an
older copy learns what it said since: the other side holds it, under the party's own signature.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime

import msgspec

from detente.airspace.refusal import Refusal
from detente.link.answer import DeliveryAnswer
from detente.link.envelope import NO_PREVIOUS, Direction, Envelope, read_envelope
from detente.link.session import Session
from detente.record.keys import NodeKey, verify
from detente.record.lines import HEX_32, INSTANT, LineForm, instant_text, read_instant
from detente.record.rotation import MOST_ROTATIONS, ROTATION_FORM

_COUNT = rb"(?:0|[1-9][0-9]{0,14})"
STANDING_FORM = LineForm(
    "detente-standing-1",
    {
        "sender": HEX_32,
        "recipient": HEX_32,
        "accord": HEX_32,
        "sent": _COUNT,
        "sent-hash": HEX_32,
        "received": _COUNT,
        "received-hash": HEX_32,
        "answers": HEX_32,
        "said-at": INSTANT,
    },
)


class Standing(msgspec.Struct, frozen=True):
    """What the sender of `direction` holds: its own envelopes up to `sent`, the recipient's up to `received`.

    The numbers are 0 and the hashes 32 zero bytes before the first. `answers` is the hash of the question that it
    answers, 32 zero bytes in a question.
    """

    direction: Direction
    sent: int
    sent_hash: bytes
    received: int
    received_hash: bytes
    answers: bytes
    signed: bytes
    signature: bytes
    raw: bytes

    def is_signed_by(self, key: bytes) -> bool:
        """Return whether the signature is that of a key (32 bytes) over these lines."""
        return verify(key, self.signature, self.signed)

    @property
    def hash(self) -> bytes:
        """SHA-256 of the signed lines."""
        return hashlib.sha256(self.signed).digest()


def sign_standing(
    key: NodeKey, session: Session, at: datetime, *, sent: int | None = None, answers: bytes = NO_PREVIOUS
) -> Standing:
    """Return what this node holds of a link, signed by its key. `sent` names an earlier envelope than the last."""
    sent = session.sent_number if sent is None else sent
    direction = session.outgoing
    signed = STANDING_FORM.unsigned(
        {
            "sender": direction.sender.hex(),
            "recipient": direction.recipient.hex(),
            "accord": direction.accord,
            "sent": str(sent),
            "sent-hash": session.sent_hash(sent).hex(),
            "received": str(session.received_number),
            "received-hash": session.received_hash.hex(),
            "answers": answers.hex(),
            "said-at": instant_text(at, "at"),
        }
    )
    standing, _ = read_standing(STANDING_FORM.signed(signed, key.sign(signed)))
    return standing


def read_standing(data: bytes, offset: int = 0) -> tuple[Standing, int]:
    """Decode the standing at `offset`, and return it with the offset after it.

    The signature is not yet verified. Raises Refusal naming the line that is not in the one form.
    """
    values, signed_end, end = STANDING_FORM.read(data, offset)
    read_instant(values["said-at"], f"{STANDING_FORM.magic}.said-at")
    standing = Standing(
        direction=Direction(bytes.fromhex(values["sender"]), bytes.fromhex(values["recipient"]), values["accord"]),
        sent=int(values["sent"]),
        sent_hash=bytes.fromhex(values["sent-hash"]),
        received=int(values["received"]),
        received_hash=bytes.fromhex(values["received-hash"]),
        answers=bytes.fromhex(values["answers"]),
        signed=data[offset:signed_end],
        signature=bytes.fromhex(values["signature"]),
        raw=data[offset:end],
    )
    return standing, end


def rotations_shown(data: bytes, offset: int) -> tuple[list[str], int]:
    """Return the texts of the rotations that a party shows with what it holds, and the offset after them."""
    texts: list[str] = []
    while ROTATION_FORM.starts(data, offset) and len(texts) < MOST_ROTATIONS:
        _, _, end = ROTATION_FORM.read(data, offset)
        texts.append(data[offset:end].decode())
        offset = end
    return texts, offset


def standing_in(
    answer: DeliveryAnswer, question: Standing, signer: Callable[[Sequence[str]], bytes]
) -> Standing | None:
    """Return what the peer says that it holds, when it says it in answer to this question, and signed.

    `signer` returns the key that must have signed, given the rotations that the peer shows; it may raise Refusal.
    """
    with suppress(Refusal, UnicodeEncodeError):
        data = answer.standing.encode()
        standing, end = read_standing(data)
        if standing.direction == question.direction.reverse and standing.answers == question.hash:
            shown, _ = rotations_shown(data, end)
            return standing if standing.is_signed_by(signer(shown)) else None
    return None


def given_back_in(answer: DeliveryAnswer) -> list[Envelope]:
    """Return the envelopes that an answer gives back, up to the first that is none; nothing in them is proven."""
    given: list[Envelope] = []
    with suppress(Refusal, binascii.Error, ValueError):
        given.extend(read_envelope(base64.b64decode(text, validate=True))[0] for text in answer.given_back)
    return given
