"""Decide about what becomes of a message: displayed, taken, read back, passed on; at our side and at the peer's."""

from __future__ import annotations

from detente.airspace.refusal import Refusal
from detente.line.commands import (
    DisplayLineMessage,
    PassOnLineMessage,
    ReadBackLineMessage,
    TakeLineMessage,
)
from detente.line.decide_messages import check_post
from detente.line.events import (
    LineEvent,
    LineMessageTaken,
    LinePostsCalled,
    LineReadBackJudged,
    LineReceiptGiven,
)
from detente.line.messages import Receipt, ReceiptKind
from detente.line.peer_messages import CalledMessage, ReadBackJudgedMessage, ReceiptMessage, TakenMessage
from detente.line.phrases import phrase_table
from detente.line.read_back import differences, read_back
from detente.line.state import LineState, MessageRecord
from detente.room.message import Heard

LONGEST_NAME = 140
MOST_RECEIPTS = 64
"""Of one message: every post that it passes may give some."""


def display(line: LineState, command: DisplayLineMessage) -> list[LineEvent]:
    """A post's screen shows the message; once for each post."""
    record = _theirs(line, command)
    if any(r.kind is ReceiptKind.DISPLAYED and r.post == command.post for r in record.receipts):
        return []
    return [_receipt(line, command, Receipt(ReceiptKind.DISPLAYED, command.at, command.post))]


def take(line: LineState, command: TakeLineMessage) -> list[LineEvent]:
    """A person has it: the ladder stops. Anybody on the ladder may, at any rung (R8)."""
    record = _theirs(line, command)
    if record.taken_by is not None:
        return []
    to_human_s = record.to_human_s
    if to_human_s is None:
        to_human_s = max(0.0, (command.at - record.since).total_seconds())
    taken = LineMessageTaken(command.at, line.party, *record.key, command.post, to_human_s)
    return [*display(line, DisplayLineMessage(command.at, command.party, *record.key, command.post)), taken]


def read_back_message(line: LineState, command: ReadBackLineMessage) -> list[LineEvent]:
    """Read it back from what this node holds, or from what an officer heard, drew or wrote down and typed in."""
    message = _theirs(line, command).message
    heard = message.parameters if command.heard is None else phrase_table().checked(message.code, command.heard)
    given = read_back(message.code, heard, command.units, line.terms[command.peer].datum)
    return [_receipt(line, command, Receipt(ReceiptKind.READ_BACK, command.at, command.post, given))]


def pass_on(line: LineState, command: PassOnLineMessage) -> list[LineEvent]:
    """It was passed on to controllers, members, crews: whoever must know."""
    _theirs(line, command)
    if not (0 < len(command.passed_to) <= LONGEST_NAME and command.passed_to.isprintable()):
        raise Refusal("line.printable_characters", "passed_to", command.passed_to, most=LONGEST_NAME)
    receipt = Receipt(ReceiptKind.PASSED_ON, command.at, command.post, passed_to=command.passed_to)
    return [_receipt(line, command, receipt)]


def hear_receipt(line: LineState, command: Heard[ReceiptMessage]) -> list[LineEvent]:
    """The peer's receipt for our message; a read-back is compared at once with what we meant."""
    record = _ours(line, command.party, command.message.message_id)
    receipt = command.message.receipt
    if receipt in record.receipts:
        return []
    if len(record.receipts) >= MOST_RECEIPTS:
        raise Refusal("line.receipts_of_message", "message_id", command.message.message_id, most=MOST_RECEIPTS)
    found: list[LineEvent] = [LineReceiptGiven(command.at, command.party, *record.key, receipt)]
    if receipt.read_back is not None:
        message = record.message
        wrong = differences(message.code, message.parameters, receipt.read_back, line.terms[command.party].datum)
        found.append(LineReadBackJudged(command.at, line.party, *record.key, wrong))
    return found


def hear_taken(line: LineState, command: Heard[TakenMessage]) -> list[LineEvent]:
    """A person at the other side has our message; recorded with how long it took from here (R9)."""
    record = _ours(line, command.party, command.message.message_id)
    if record.taken_by is not None:
        return []
    to_human_s = max(0.0, (command.at - record.since).total_seconds())
    return [LineMessageTaken(command.at, command.party, *record.key, command.message.post, to_human_s)]


def hear_called(line: LineState, command: Heard[CalledMessage]) -> list[LineEvent]:
    """Where our message stands on the other side's ladder."""
    record = _ours(line, command.party, command.message.message_id)
    last = len(line.terms[command.party].ladder) - 1
    if not 0 <= command.message.step <= last:
        raise Refusal("line.rung_ladder", "step", command.message.step, last=last)
    if command.message.step <= record.step:
        return []
    return [LinePostsCalled(command.at, command.party, *record.key, command.message.step)]


def hear_judged(line: LineState, command: Heard[ReadBackJudgedMessage]) -> list[LineEvent]:
    """The sender says what our read-back had wrong; then the message waits for a person again."""
    record = line.messages.get((command.party, command.message.message_id))
    if record is None or record.is_ours:
        raise Refusal("line.message_party", "message_id", command.message.message_id, party=command.party)
    if not record.has(ReceiptKind.READ_BACK):
        raise Refusal("line.message_we_read_back", "message_id", command.message.message_id)
    return [LineReadBackJudged(command.at, command.party, *record.key, command.message.differences)]


def _receipt(
    line: LineState, command: DisplayLineMessage | ReadBackLineMessage | PassOnLineMessage, receipt: Receipt
) -> LineReceiptGiven:
    return LineReceiptGiven(command.at, line.party, command.peer, command.message_id, receipt)


def _theirs(
    line: LineState, command: DisplayLineMessage | TakeLineMessage | ReadBackLineMessage | PassOnLineMessage
) -> MessageRecord:
    if command.party != line.party:
        raise Refusal("line.our_own_party", "party", command.party, party=line.party)
    check_post(line, command.peer, command.post)
    record = line.messages.get((command.peer, command.message_id))
    if record is None or record.is_ours:
        raise Refusal("line.id_message", "message_id", command.message_id, peer=command.peer)
    return record


def _ours(line: LineState, peer: str, message_id: str) -> MessageRecord:
    record = line.messages.get((peer, message_id))
    if record is None or not record.is_ours:
        raise Refusal("line.id_of_message_to_peer", "message_id", message_id, peer=peer)
    return record
