"""What two lines say to each other: one struct for each, told from events and understood as commands.

In an envelope the kind is the struct's tag, so that the transcript reads as what was said.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import msgspec

from detente.accord.tagged import read_tagged, tags_of, write_tagged
from detente.line import commands, events
from detente.line.checks import Check, CheckAnswer, CheckResult
from detente.line.commands import LineCommand
from detente.line.events import LineEvent
from detente.line.messages import Carrier, LineMessage, Receipt
from detente.line.radio import RadioReport
from detente.line.read_back import Difference
from detente.line.state import LineState


class _Said(msgspec.Struct, frozen=True, tag_field="message", forbid_unknown_fields=True):
    pass


class LineSaid(_Said, frozen=True, tag="line_message"):
    """A coded message."""

    said: LineMessage


class LineReceipt(_Said, frozen=True, tag="line_receipt"):
    """A receipt for a message."""

    message_id: str
    receipt: Receipt


class LineTaken(_Said, frozen=True, tag="line_taken"):
    """A person at this post has the message."""

    message_id: str
    post: str


class LineCalled(_Said, frozen=True, tag="line_called"):
    """The ladder stands at this rung, from 0."""

    message_id: str
    step: int


class LineJudged(_Said, frozen=True, tag="line_read_back_judged"):
    """What the read-back had wrong; nothing when every figure was right."""

    message_id: str
    differences: tuple[Difference, ...]


class LineChecked(_Said, frozen=True, tag="line_check"):
    """A line check is asked for."""

    check: Check


class LineCheckReply(_Said, frozen=True, tag="line_check_answer"):
    """The answer to a line check."""

    answer: CheckAnswer


class LineCheckFound(_Said, frozen=True, tag="line_check_result"):
    """What a line check found."""

    result: CheckResult


class LineRadio(_Said, frozen=True, tag="line_radio_report"):
    """What the sender's crew heard of the recipient's on a frequency."""

    report: RadioReport


Said = (
    LineSaid | LineReceipt | LineTaken | LineCalled | LineJudged | LineChecked | LineCheckReply | LineCheckFound
    | LineRadio
)  # fmt: skip


_DECODER: msgspec.json.Decoder[Said] = msgspec.json.Decoder(Said)
KINDS = tags_of(Said)
"""The kinds of envelope that the line uses."""


def write_said(said: Said) -> tuple[str, bytes]:
    """Return the envelope's kind and body."""
    return write_tagged(said)


def read_said(kind: str, body: bytes) -> Said:
    """Return what is in an envelope of the line; raises Refusal naming the field when it is not in order."""
    return read_tagged(_DECODER, kind, body, "message")


def command_of(said: Said, party: str, at: datetime, carrier: Carrier = Carrier.ENVELOPE) -> LineCommand:
    """Return the command that what `party` said, heard at `at`, asks for."""
    match said:
        case LineSaid(message):
            return commands.HearLineMessage(at, party, message, carrier)
        case LineReceipt(message_id, receipt):
            return commands.HearReceipt(at, party, message_id, receipt)
        case LineTaken(message_id, post):
            return commands.HearTaken(at, party, message_id, post)
        case LineCalled(message_id, step):
            return commands.HearCalled(at, party, message_id, step)
        case LineJudged(message_id, differences):
            return commands.HearReadBackJudged(at, party, message_id, differences)
        case LineChecked(check):
            return commands.HearCheck(at, party, check)
        case LineCheckReply(answer):
            return commands.HearCheckAnswer(at, party, answer)
        case LineCheckFound(result):
            return commands.HearCheckResult(at, party, result)
        case LineRadio(report):
            return commands.HearRadioReport(at, party, report)


def said_of(event: LineEvent, line: LineState) -> Iterator[tuple[str, Said]]:
    """Yield (peer, what to say) for an event of our own party; `line` has it folded in."""
    own = line.party
    match event:
        case events.LineMessageSent(message=message):
            yield message.recipient, LineSaid(message)
        case events.LineReceiptGiven(party=party, peer=peer, message_id=message_id, receipt=receipt) if party == own:
            yield peer, LineReceipt(message_id, receipt)
        case events.LineMessageTaken(party=party, peer=peer, message_id=message_id, post=post) if party == own:
            yield peer, LineTaken(message_id, post)
        case events.LinePostsCalled(party=party, peer=peer, message_id=message_id, step=step) if party == own:
            yield peer, LineCalled(message_id, step)
        case events.LineReadBackJudged(party=party, peer=peer, message_id=message_id, differences=wrong) if (
            party == own
        ):
            yield peer, LineJudged(message_id, wrong)
        case events.LineCheckAsked(peer=peer, check=check):
            yield peer, LineChecked(check)
        case events.LineCheckAnswered(peer=peer, answer=answer):
            yield peer, LineCheckReply(answer)
        case events.LineCheckDone(peer=peer, result=result) if result.asker == own:
            yield peer, LineCheckFound(result)
        case events.LineRadioReported(party=party, peer=peer, report=report) if party == own:
            yield peer, LineRadio(report)
        case _:
            return


def is_urgent(said: Said, line: LineState, peer: str) -> bool:
    """Whether this is a STOP or word about one, which goes before everything else (R9)."""
    match said:
        case LineSaid(message):
            return message.is_stop
        case LineReceipt(message_id) | LineTaken(message_id) | LineCalled(message_id) | LineJudged(message_id):
            record = line.messages.get((peer, message_id))
            return record is not None and record.message.is_stop
        case _:
            return False
