"""Where a message of ours stands on its way to a person of the other side: one state, which every surface shows.

It follows from the record and, for what has no receipt yet, from what hinders the channel that bears the message.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from detente.line.messages import ReceiptKind
from detente.line.state import LineState, MessageRecord


class DeliveryStanding(StrEnum):
    """How far a message of ours has come. Only the last is a person; none is an approval."""

    NOT_DELIVERED = "not_delivered"
    DELIVERED = "delivered"
    SHOWN = "shown"
    WITH_A_PERSON = "with_a_person"

    def has_reached(self, other: DeliveryStanding) -> bool:
        """Whether a message that stands here has come as far as `other`, or further."""
        order = list(DeliveryStanding)
        return order.index(self) >= order.index(other)


class Hindrance(StrEnum):
    """Why a message of ours is not delivered.

    It is being tried for the first time; the other node cannot be reached; it answers and refuses; it has taken the
    envelope, and no receipt for the message has come back; we know no address of it.
    """

    UNDER_WAY = "under_way"
    AWAY = "away"
    REFUSED = "refused"
    UNANSWERED = "unanswered"
    NO_ADDRESS = "no_address"


class Obstacle(msgspec.Struct, frozen=True):
    """What hinders a channel, with the words of the last failure, empty where there are none."""

    why: Hindrance
    detail: str = ""


class MessageDelivery(msgspec.Struct, frozen=True):
    """Where a message of ours stands. `why` and `detail` say what hinders one that is not delivered.

    `post` is where it is shown, or where a person has it; `seconds` is how long it took to get as far, from sending.
    """

    standing: DeliveryStanding
    why: Hindrance | None = None
    detail: str = ""
    post: str | None = None
    seconds: float | None = None


def delivery_of(record: MessageRecord, obstacle: Obstacle) -> MessageDelivery:
    """Return where a message of ours stands; `obstacle` is what hinders its channel now, if it is not delivered."""
    if record.taken_by is not None:
        return MessageDelivery(DeliveryStanding.WITH_A_PERSON, post=record.taken_by, seconds=record.to_human_s)
    if not record.is_delivered:
        return MessageDelivery(DeliveryStanding.NOT_DELIVERED, obstacle.why, obstacle.detail)
    posts = [receipt.post for receipt in record.receipts if receipt.kind is not ReceiptKind.DELIVERED]
    standing = DeliveryStanding.SHOWN if posts else DeliveryStanding.DELIVERED
    return MessageDelivery(standing, post=posts[-1] if posts else None, seconds=record.to_delivery_s)


def stops_undelivered(line: LineState) -> tuple[str, ...]:
    """Return the STOPs of ours without a receipt: "south north:4"."""
    return tuple(" ".join(key) for key in sorted(line.undelivered) if line.messages[key].message.is_stop)


def stops_without_person(line: LineState) -> tuple[str, ...]:
    """Return the STOPs, ours and the peers', that no person of the receiving side has: "south north:4"."""
    waiting = {key for key in line.waiting if line.messages[key].message.is_stop}
    return tuple(" ".join(key) for key in sorted(waiting | line.stops_alone))
