"""Commands of the line: what a person or the clock asks for. Times (UTC) come with them.

`party` is who asks: our own party, or the peer where an officer read a code aloud or where an alarm is about it. `peer`
is the other party of the conversation.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from detente.line.alarms import AlarmKind
from detente.line.parameters import LineLanguage, Parameter
from detente.line.peer_messages import CodedMessage, SpokenMessage
from detente.line.place_names import NamedPlace
from detente.line.radio import RadioReport
from detente.line.read_back import Units
from detente.line.terms import LineTerms


class _LineCommand(msgspec.Struct, frozen=True, tag_field="command", forbid_unknown_fields=True):
    at: datetime
    party: str


class OpenLine(_LineCommand, frozen=True, tag="open_line"):
    """Keep the line of `party` with these peers and no others, each under its terms. The same again changes nothing."""

    lines: dict[str, LineTerms]


class SendLineMessage(_LineCommand, frozen=True, tag="send_line_message"):
    """Send a coded message; `answers` is the id of the message it answers.

    `confirmed_by` is the post where a second person looked at it, which one that looks like a mistake needs (R46).
    `named` says, by parameter, what our people call the place they mean; names are not sent (R12). Its number is higher
    than `number_after`, up to which the peer may know others.
    """

    peer: str
    code: str
    parameters: tuple[Parameter, ...] = ()
    answers: str | None = None
    free_text: str | None = None
    confirmed_by: str | None = None
    named: dict[str, NamedPlace] = {}
    number_after: int = 0


class HeardByVoice(_LineCommand, frozen=True, tag="heard_by_voice"):
    """An officer of `party`, a peer, read a voice code aloud, and it was typed in here."""

    message: SpokenMessage


class HeardOutOfOrder(_LineCommand, frozen=True, tag="heard_out_of_order"):
    """A STOP of `party`, a peer, came rightly signed, and does not continue what it said before on its channel."""

    message: CodedMessage


class DisplayLineMessage(_LineCommand, frozen=True, tag="display_line_message"):
    """A peer's message is on the screen of one of our posts."""

    peer: str
    message_id: str
    post: str


class TakeLineMessage(_LineCommand, frozen=True, tag="take_line_message"):
    """A person at a post has a peer's message: nobody else need be called. It approves nothing."""

    peer: str
    message_id: str
    post: str


class ReadBackLineMessage(_LineCommand, frozen=True, tag="read_back_line_message"):
    """Read a peer's message back in our units; from `heard` where an officer typed what he drew or wrote down."""

    peer: str
    message_id: str
    post: str
    units: Units
    heard: tuple[Parameter, ...] | None = None


class PassOnLineMessage(_LineCommand, frozen=True, tag="pass_on_line_message"):
    """A peer's message was passed on to those it concerns."""

    peer: str
    message_id: str
    post: str
    passed_to: str


class TakeWatch(_LineCommand, frozen=True, tag="take_watch"):
    """A shift takes the watch at one of our posts, from the one before it if there is one."""

    post: str
    shift: str
    languages: tuple[LineLanguage, ...]


class LeaveWatch(_LineCommand, frozen=True, tag="leave_watch"):
    """Nobody keeps the watch at this post of ours from now on."""

    post: str


class CheckLine(_LineCommand, frozen=True, tag="check_line"):
    """Ask for a line check now."""

    peer: str


class ReportRadio(_LineCommand, frozen=True, tag="report_radio"):
    """Say what a crew of ours heard of the peer's on a frequency of the radio plan."""

    peer: str
    report: RadioReport


class RaiseAlarm(_LineCommand, frozen=True, tag="raise_line_alarm"):
    """What `party`, a peer, sent shows something that a person must look at."""

    kind: AlarmKind
    detail: str


class TakeAlarms(_LineCommand, frozen=True, tag="take_line_alarms"):
    """A person at a post of ours has looked at the alarms about a peer."""

    peer: str
    post: str


class LineTick(_LineCommand, frozen=True, tag="line_tick"):
    """Time has passed: call whom it is time to call, and check what it is time to check."""


LineCommand = (
    OpenLine | SendLineMessage | HeardByVoice | HeardOutOfOrder | DisplayLineMessage | TakeLineMessage
    | ReadBackLineMessage | PassOnLineMessage | TakeWatch | LeaveWatch | CheckLine | ReportRadio | RaiseAlarm
    | TakeAlarms | LineTick
)  # fmt: skip
