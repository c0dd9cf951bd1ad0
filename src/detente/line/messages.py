"""Messages of the line and what comes back for them: four receipts, each a fact about one message."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from detente.airspace.position import utc
from detente.airspace.refusal import Refusal
from detente.line.parameters import Parameter
from detente.line.phrases import MessageClass, phrase_table
from detente.line.read_back import ReadBack

LONGEST_FREE_TEXT = 140
MAX_NUMBER = 1_000_000


class Carrier(StrEnum):
    """How a message came: inside its signed envelope, or as a spoken code that an envelope is yet to confirm."""

    ENVELOPE = "envelope"
    VOICE = "voice"


class ReceiptKind(StrEnum):
    """What has happened to a message at the other side, and no more than that. None of them means approved (R10)."""

    DELIVERED = "delivered"
    DISPLAYED = "displayed"
    READ_BACK = "read_back"
    PASSED_ON = "passed_on"


class Doubt(StrEnum):
    """What looks like a mistake in a message that is about to be sent (R46)."""

    OUTSIDE_AREA = "outside_area"
    OUTSIDE_HEIGHTS = "outside_heights"
    LARGE = "large"
    STALE = "stale"
    FAR_AHEAD = "far_ahead"
    SAID_ALREADY = "said_already"
    NAME_ELSEWHERE = "name_elsewhere"


class LineMessage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A coded message. `number` counts from 1 what `sender` sent to `recipient`; `sent_at` is the sender's, UTC.

    `answers` is the id of the message of the other side that this one answers. `free_text` is no agreed text.
    """

    sender: str
    recipient: str
    number: int
    code: str
    sent_at: datetime
    parameters: tuple[Parameter, ...] = ()
    answers: str | None = None
    free_text: str | None = None

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "sent_at", utc(self.sent_at, "sent_at").replace(microsecond=0))
        if not 1 <= self.number <= MAX_NUMBER:
            raise Refusal("line.number_up_to", "number", self.number, most=MAX_NUMBER)
        if self.free_text is not None and not (
            0 < len(self.free_text) <= LONGEST_FREE_TEXT and self.free_text.isprintable()
        ):
            raise Refusal("line.printable_characters_on_one", "free_text", self.free_text, most=LONGEST_FREE_TEXT)
        checked = phrase_table().checked(self.code, self.parameters)
        if checked != self.parameters:
            raise Refusal("line.parameters_code_order_rounded", "parameters", self.parameters)

    @property
    def message_id(self) -> str:
        """The message's name between its two parties: "north:12"."""
        return message_id(self.sender, self.number)

    @property
    def message_class(self) -> MessageClass:
        """STOP, safety, coordination or line."""
        return phrase_table().code(self.code).message_class

    @property
    def is_stop(self) -> bool:
        """Whether the message goes before every other and to every post at once (R9)."""
        return self.message_class is MessageClass.STOP


class Receipt(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A receipt for a message, by `post` (None: the node itself) at `at` (UTC, the receiver's clock).

    `read_back` comes with READ_BACK and only with it; `passed_to` names to whom, with PASSED_ON.
    """

    kind: ReceiptKind
    at: datetime
    post: str | None = None
    read_back: ReadBack | None = None
    passed_to: str | None = None

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "at", utc(self.at, "at").replace(microsecond=0))
        if (self.read_back is None) == (self.kind is ReceiptKind.READ_BACK):
            raise Refusal("line.numbers_read_back", "read_back", self.kind.value)
        if (self.passed_to is None) == (self.kind is ReceiptKind.PASSED_ON):
            raise Refusal("line.passed_on_receipt", "passed_to", self.kind.value)


def message_id(sender: str, number: int) -> str:
    """Return the name of the message with this number of a sender, between its two parties."""
    return f"{sender}:{number}"
