"""What two parties' nodes send each other on the line, each declared once.

A STOP, and every message about one, goes on a channel of its own; the rest goes on the channel of the line.
"""

from __future__ import annotations

from typing import ClassVar

from detente.line.checks import Check, CheckAnswer, CheckResult
from detente.line.messages import LineMessage, Receipt
from detente.line.radio import RadioReport
from detente.line.read_back import ReadBackDifference
from detente.room.activity import Activity, SafetyFunction
from detente.room.channel import Channel
from detente.room.message import Message
from detente.room.set_back import SetBackMessage


class _LinePeerMessage(Message, frozen=True):
    channel: ClassVar[Channel] = Channel.LINE


class CodedMessage(_LinePeerMessage, frozen=True, tag="line_message"):
    """A coded message. Whether it may be sent depends on its code, and is decided when it is sent."""

    content: LineMessage

    @property
    def subject(self) -> str:
        """The id of the coded message."""
        return self.content.message_id


class ReceiptMessage(_LinePeerMessage, frozen=True, tag="line_receipt"):
    """A receipt for a coded message."""

    message_id: str
    receipt: Receipt


class TakenMessage(_LinePeerMessage, frozen=True, tag="line_taken"):
    """A person at this post has the coded message."""

    message_id: str
    post: str


class CalledMessage(_LinePeerMessage, frozen=True, tag="line_called"):
    """The receiver's ladder stands at this rung, counted from 0, for the coded message."""

    message_id: str
    step: int


class ReadBackJudgedMessage(_LinePeerMessage, frozen=True, tag="line_read_back_judged"):
    """What the read-back had wrong; nothing when every figure was right."""

    message_id: str
    differences: tuple[ReadBackDifference, ...]


class CheckMessage(_LinePeerMessage, frozen=True, tag="line_check"):
    """The sender asks for a line check."""

    activity: ClassVar[Activity] = SafetyFunction.LINE_CHECKS

    check: Check


class CheckAnswerMessage(_LinePeerMessage, frozen=True, tag="line_check_answer"):
    """The sender answers a line check that it was asked for."""

    answer: CheckAnswer


class CheckResultMessage(_LinePeerMessage, frozen=True, tag="line_check_result"):
    """What the sender's line check found."""

    result: CheckResult


class RadioReportMessage(_LinePeerMessage, frozen=True, tag="line_radio_report"):
    """What the sender's crew heard of the recipient's on a frequency."""

    report: RadioReport


SpokenMessage = CodedMessage | ReceiptMessage | TakenMessage | ReadBackJudgedMessage
"""The messages that a voice code may bear."""
LinePeerMessage = (
    SpokenMessage | CalledMessage | CheckMessage | CheckAnswerMessage | CheckResultMessage | RadioReportMessage
    | SetBackMessage
)  # fmt: skip
