"""Events of the line, as the journal keeps them. `party` is who did it, `peer` the other party of the conversation."""

from __future__ import annotations

from datetime import datetime

import msgspec

from detente.line.alarms import Alarm
from detente.line.checks import Check, CheckAnswer, CheckResult, LineStanding
from detente.line.messages import Carrier, Doubt, LineMessage, Receipt
from detente.line.radio import RadioReport
from detente.line.read_back import ReadBackDifference
from detente.line.terms import LineTerms
from detente.line.watch import HandOver, Watch


class _LineEvent(msgspec.Struct, frozen=True, tag_field="event", forbid_unknown_fields=True):
    """Every event says when it was decided (UTC, with the command)."""

    at: datetime


class LineOpened(_LineEvent, frozen=True, tag="line_opened"):
    """From here on the line of `party` is kept with these peers and no others, each under its terms."""

    party: str
    lines: dict[str, LineTerms]


class LineMessageSent(_LineEvent, frozen=True, tag="line_message_sent"):
    """We sent a message; `doubts` looked like mistakes, and `confirmed_by` is the post that looked again."""

    message: LineMessage
    doubts: tuple[Doubt, ...] = ()
    confirmed_by: str | None = None


class LineMessageHeard(_LineEvent, frozen=True, tag="line_message_heard"):
    """A peer's message came; `out_of_order` when its envelope, rightly signed, does not continue its channel."""

    message: LineMessage
    carrier: Carrier
    out_of_order: bool = False


class LineMessageConfirmed(_LineEvent, frozen=True, tag="line_message_confirmed"):
    """The signed envelope of a message that had come by voice, or out of order, bears the same message."""

    peer: str
    message_id: str


class LineReceiptGiven(_LineEvent, frozen=True, tag="line_receipt_given"):
    """A receipt: ours for a peer's message, or a peer's for ours, as `party` says."""

    party: str
    peer: str
    message_id: str
    receipt: Receipt


class LineMessageTaken(_LineEvent, frozen=True, tag="line_message_taken"):
    """A person at a post of `party` has the message; `to_human_s` is how long that took, on this node's clock."""

    party: str
    peer: str
    message_id: str
    post: str
    to_human_s: float


class LinePostsCalled(_LineEvent, frozen=True, tag="line_posts_called"):
    """The ladder of `party` stands at rung `step`, counted from 0; `again` counts the calls after the last rung."""

    party: str
    peer: str
    message_id: str
    step: int
    again: int = 0


class LineReadBackJudged(_LineEvent, frozen=True, tag="line_read_back_judged"):
    """`party`, who sent the message, compared the read-back with what it meant; what differs is not understood."""

    party: str
    peer: str
    message_id: str
    differences: tuple[ReadBackDifference, ...]


class LineDeliveryOverdue(_LineEvent, frozen=True, tag="line_delivery_overdue"):
    """No receipt came for our message in time, or no person has our STOP: try another carrier.

    `again` counts the alarms before this one: of a STOP they go on until a person of the other side has it.
    """

    peer: str
    message_id: str
    again: int = 0


class LineWatchTaken(_LineEvent, frozen=True, tag="line_watch_taken"):
    """A shift has the watch at a post; `hand_over` is what the one before it left."""

    watch: Watch
    hand_over: HandOver | None = None


class LineWatchLeft(_LineEvent, frozen=True, tag="line_watch_left"):
    """Nobody keeps the watch at this post."""

    post: str
    hand_over: HandOver


class LineCheckAsked(_LineEvent, frozen=True, tag="line_check_asked"):
    """We asked a peer for a line check."""

    peer: str
    check: Check


class LineCheckAnswered(_LineEvent, frozen=True, tag="line_check_answered"):
    """We answered a peer's line check."""

    peer: str
    answer: CheckAnswer


class LineCheckDone(_LineEvent, frozen=True, tag="line_check_done"):
    """A line check is complete: ours or, as its asker says, the peer's."""

    peer: str
    result: CheckResult


class LineStateChanged(_LineEvent, frozen=True, tag="line_state_changed"):
    """The line with a peer is now in this state."""

    peer: str
    standing: LineStanding


class LineRadioReported(_LineEvent, frozen=True, tag="line_radio_reported"):
    """`party` says what its crew heard of the other side's on a frequency."""

    party: str
    peer: str
    report: RadioReport


class LineRadioOverdue(_LineEvent, frozen=True, tag="line_radio_overdue"):
    """A radio check that works both ways is overdue on this frequency."""

    peer: str
    frequency_khz: int


class LineAlarmRaised(_LineEvent, frozen=True, tag="line_alarm_raised"):
    """What a peer sent shows something that a person must look at."""

    peer: str
    alarm: Alarm


class LineAlarmsTaken(_LineEvent, frozen=True, tag="line_alarms_taken"):
    """A person at a post of ours has looked at every alarm about a peer until now."""

    peer: str
    post: str


LineEvent = (
    LineOpened | LineMessageSent | LineMessageHeard | LineMessageConfirmed | LineReceiptGiven | LineMessageTaken
    | LinePostsCalled | LineReadBackJudged | LineDeliveryOverdue | LineWatchTaken | LineWatchLeft | LineCheckAsked
    | LineCheckAnswered | LineCheckDone | LineStateChanged | LineRadioReported | LineRadioOverdue | LineAlarmRaised
    | LineAlarmsTaken
)  # fmt: skip
