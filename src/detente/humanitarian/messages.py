"""What two parties say to each other of humanitarian notices. All of it goes on while planning is suspended."""

from __future__ import annotations

import re
from datetime import datetime
from enum import StrEnum

import msgspec

from detente.airspace.plan import check_identifier
from detente.airspace.position import utc
from detente.airspace.refusal import Refusal
from detente.humanitarian.terms import VERSION_DIGITS, HumanitarianNotice
from detente.room.message import Message

_VERSION = re.compile(rf"[0-9a-f]{{{VERSION_DIGITS}}}\Z")


class ReceiptStage(StrEnum):
    """What a receipt says happened: the node has it, or it stood on a screen of a post. Neither is a permission."""

    RECEIVED = "received"
    SHOWN = "shown"


class HumanitarianNotified(Message, frozen=True, tag="humanitarian_notified"):
    """A notice of the sender, or what it reads now under the same id."""

    notice: HumanitarianNotice


class HumanitarianWithdrawn(Message, frozen=True, tag="humanitarian_withdrawn"):
    """The sender takes a notice back."""

    notice_id: str

    def __post_init__(self) -> None:
        check_identifier("notice_id", self.notice_id)


class HumanitarianReceipt(Message, frozen=True, tag="humanitarian_receipt"):
    """The sender has the recipient's notice in this version, or has shown it on a screen of its post `by`."""

    notice_id: str
    version: str
    stage: ReceiptStage
    at: datetime
    by: str = ""

    def __post_init__(self) -> None:
        check_identifier("notice_id", self.notice_id)
        if self.by or self.stage is ReceiptStage.SHOWN:
            check_identifier("by", self.by)
        if not _VERSION.match(self.version):
            raise Refusal("humanitarian.version", "version", self.version, digits=VERSION_DIGITS)
        msgspec.structs.force_setattr(self, "at", utc(self.at, "at"))


HumanitarianMessage = HumanitarianNotified | HumanitarianWithdrawn | HumanitarianReceipt
"""What peers say to the room."""
