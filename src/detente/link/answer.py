"""The answer of a node to a batch of envelopes: the receipts, the next number it expects, and the refusal, if any."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from detente.airspace.refusal import Refusal
from detente.room.decoding import refusal_of

ENVELOPES_PATH = "/link/v1/envelopes"
ENVELOPES_MEDIA_TYPE = "application/vnd.detente.envelopes"
ANSWER_MEDIA_TYPE = "application/json"
MAX_BATCH_ENVELOPES = 256
MAX_BATCH_BYTES = 9 * 1024 * 1024
MAX_GIVEN_BACK_BYTES = MAX_BATCH_BYTES
MOST_RECEIPTS_GIVEN_BACK = 2_000
MAX_ANSWER_BYTES = 13 * 1024 * 1024
"""Room for MAX_GIVEN_BACK_BYTES in base64."""


class RefusalReason(StrEnum):
    """Why an envelope, or the batch it came in, was refused."""

    MALFORMED = "malformed"
    TOO_LARGE = "too_large"
    WRONG_RECIPIENT = "wrong_recipient"
    UNKNOWN_SENDER = "unknown_sender"
    WRONG_ACCORD = "wrong_accord"
    WRONG_SIGNATURE = "wrong_signature"
    OLD_KEY = "old_key"
    WRONG_ROTATION = "wrong_rotation"
    GAP = "gap"
    EQUIVOCATION = "equivocation"
    TOO_MUCH = "too_much"
    DISK_FULL = "disk_full"


HTTP_STATUS = {
    RefusalReason.MALFORMED: 400,
    RefusalReason.TOO_LARGE: 413,
    RefusalReason.WRONG_RECIPIENT: 421,
    RefusalReason.UNKNOWN_SENDER: 403,
    RefusalReason.WRONG_ACCORD: 409,
    RefusalReason.WRONG_SIGNATURE: 403,
    RefusalReason.OLD_KEY: 403,
    RefusalReason.WRONG_ROTATION: 403,
    RefusalReason.GAP: 409,
    RefusalReason.EQUIVOCATION: 409,
    RefusalReason.TOO_MUCH: 429,
    RefusalReason.DISK_FULL: 507,
}


class AnswerRefusal(msgspec.Struct, frozen=True, omit_defaults=True):
    """The first envelope of the batch that was refused; those after it were not looked at."""

    reason: RefusalReason
    detail: str
    number: int | None = None


class DeliveryAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """The answer to a batch. It is not signed; the receipts in it are, and only they prove anything.

    `next_number` is what the receiver expects next on this direction of the link, where it knows the link. `receipts`
    are exact receipts as text, for what was accepted and for what was held already.

    The answer to a party that asked what is held here has `standing`, exact and signed, and in `given_back` the party's
    own envelopes after the one that it named, in base64, as many as one answer holds; its `receipts` are those that
    the party itself signed for more than it holds.
    """

    next_number: int | None = None
    receipts: tuple[str, ...] = ()
    refused: AnswerRefusal | None = None
    standing: str = ""
    given_back: tuple[str, ...] = ()


def write_answer(answer: DeliveryAnswer) -> bytes:
    """Return the answer as JSON."""
    return msgspec.json.encode(answer)


def read_answer(data: bytes) -> DeliveryAnswer:
    """Return the answer in JSON; raises Refusal for anything else."""
    if len(data) > MAX_ANSWER_BYTES:
        raise Refusal("link.at_most_bytes", "answer", f"{len(data):,} bytes", most=MAX_ANSWER_BYTES)
    try:
        return msgspec.json.decode(data, type=DeliveryAnswer)
    except msgspec.ValidationError as error:
        raise refusal_of(error, "answer") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refusal("link.answer_json", "answer", str(error)) from None
