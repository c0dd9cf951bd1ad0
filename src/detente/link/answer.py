"""The answer of a node to a batch of envelopes: the receipts, the next number it expects, and the refusal, if any."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from detente.accord.decoding import refusal_of
from detente.airspace.refusal import Refusal

ENVELOPES_PATH = "/link/v1/envelopes"
ENVELOPES_MEDIA_TYPE = "application/vnd.detente.envelopes"
ANSWER_MEDIA_TYPE = "application/json"
MAX_BATCH_ENVELOPES = 256
MAX_BATCH_BYTES = 9 * 1024 * 1024
MAX_ANSWER_BYTES = 1024 * 1024


class RefusalReason(StrEnum):
    """Why an envelope, or the batch it came in, was refused."""

    MALFORMED = "malformed"
    TOO_LARGE = "too_large"
    WRONG_RECIPIENT = "wrong_recipient"
    UNKNOWN_SENDER = "unknown_sender"
    WRONG_ACCORD = "wrong_accord"
    WRONG_SIGNATURE = "wrong_signature"
    GAP = "gap"
    EQUIVOCATION = "equivocation"
    TOO_MUCH = "too_much"


HTTP_STATUS = {
    RefusalReason.MALFORMED: 400,
    RefusalReason.TOO_LARGE: 413,
    RefusalReason.WRONG_RECIPIENT: 421,
    RefusalReason.UNKNOWN_SENDER: 403,
    RefusalReason.WRONG_ACCORD: 409,
    RefusalReason.WRONG_SIGNATURE: 403,
    RefusalReason.GAP: 409,
    RefusalReason.EQUIVOCATION: 409,
    RefusalReason.TOO_MUCH: 429,
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
    """

    next_number: int | None = None
    receipts: tuple[str, ...] = ()
    refused: AnswerRefusal | None = None


def write_answer(answer: DeliveryAnswer) -> bytes:
    """Return the answer as JSON."""
    return msgspec.json.encode(answer)


def read_answer(data: bytes) -> DeliveryAnswer:
    """Return the answer in JSON; raises Refusal for anything else."""
    if len(data) > MAX_ANSWER_BYTES:
        raise Refusal("answer", f"{len(data):,} bytes", f"at most {MAX_ANSWER_BYTES:,} bytes")
    try:
        return msgspec.json.decode(data, type=DeliveryAnswer)
    except msgspec.ValidationError as error:
        raise refusal_of(error, "answer") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refusal("answer", str(error), "an answer as JSON") from None
