"""Decide about messages: sending, hearing, and whom to call."""

from __future__ import annotations

from datetime import datetime

from detente.airspace.refusal import Refusal
from detente.line.commands import SendLineMessage
from detente.line.events import (
    LineCheckAsked,
    LineEvent,
    LineMessageConfirmed,
    LineMessageHeard,
    LineMessageSent,
    LinePostsCalled,
    LineReceiptGiven,
)
from detente.line.ladder import due
from detente.line.messages import Carrier, LineMessage, Receipt, ReceiptKind
from detente.line.peer_messages import CheckMessage, CodedMessage
from detente.line.phrases import ALWAYS_ANSWERS, MessageClass, phrase_table
from detente.line.plausibility import doubts
from detente.line.state import LineState, MessageRecord, PeerLine
from detente.room.message import Heard, Message

STOP_LIFTED = "stop_lifted"
MOST_HEARD = 20_000
"""Messages of one peer that are kept, but for STOPs, which are never too many: some 60 MB."""


def send(line: LineState, command: SendLineMessage) -> list[LineEvent]:
    """One of our people sends a message."""
    if command.party != line.party:
        raise Refusal("line.our_own_party", "party", command.party, party=line.party)
    held = peer_line(line, command.peer)
    code = phrase_table().code(command.code)
    if command.free_text is not None and not line.terms[command.peer].free_text:
        raise Refusal("line.no_free_text_under", "free_text", command.free_text)
    if command.answers is not None:
        _check_answer(line, command, command.answers)
    parameters = phrase_table().checked(command.code, command.parameters)
    message = LineMessage(
        line.party, command.peer, max(held.sent, command.number_after) + 1, command.code, command.at, parameters,
        command.answers, command.free_text,
    )  # fmt: skip
    found = doubts(line, command.peer, message, command.at, command.named)
    if command.confirmed_by is not None:
        check_post(line, command.peer, command.confirmed_by)
    elif found and code.message_class is MessageClass.COORDINATION:
        raise Refusal("line.post_where_second_person", "confirmed_by", ", ".join(found), found=", ".join(found))
    return [LineMessageSent(command.at, message, found, command.confirmed_by)]


def _check_answer(line: LineState, command: SendLineMessage, answers: str) -> None:
    asked = line.messages.get((command.peer, answers))
    if asked is None or asked.is_ours:
        raise Refusal("line.id_message", "answers", answers, peer=command.peer)
    expected = phrase_table().code(asked.message.code).answers
    if command.code not in ALWAYS_ANSWERS and command.code not in expected:
        raise Refusal(
            "line.answer_to_code", "code", command.code, code_given=asked.message.code, expected=", ".join(expected)
        )


def hear(
    line: LineState, command: Heard[CodedMessage], carrier: Carrier = Carrier.ENVELOPE, *, in_order: bool = True
) -> list[LineEvent]:
    """A peer's message comes: it is received, and the first posts are called, at once.

    The same message may come again on another carrier. One that says something else under the same number is refused,
    but a STOP is shown in its place: whose numbers are wrong may be in danger all the same (R9).
    """
    message = command.message.content
    peer_line(line, command.party)
    if (message.sender, message.recipient) != (command.party, line.party):
        raise Refusal(
            "line.message_between_parties", "message.sender", message.sender, party=command.party, party_2=line.party
        )
    held = line.messages.get((command.party, message.message_id))
    if held is not None and held.message == message:
        doubtful = held.carrier is Carrier.VOICE or held.out_of_order
        confirms = doubtful and in_order and carrier is Carrier.ENVELOPE
        return [LineMessageConfirmed(command.at, command.party, message.message_id)] if confirms else []
    if held is not None and not says_stop(message):
        raise Refusal("line.same_words_came", "message", message.message_id, carrier=held.carrier)
    if not message.is_stop and len(line.messages) >= MOST_HEARD:
        theirs = sum(peer == command.party and not one.is_ours for (peer, _), one in line.messages.items())
        if theirs >= MOST_HEARD:
            raise Refusal("line.messages_of_one_party", "message", message.message_id, most=MOST_HEARD)
    record = MessageRecord(command.party, message, command.at, carrier)
    receipt = Receipt(ReceiptKind.DELIVERED, command.at)
    return [
        LineMessageHeard(command.at, message, carrier, not in_order),
        LineReceiptGiven(command.at, line.party, command.party, message.message_id, receipt),
        *calls(line, record, command.at),
    ]


def says_stop(message: LineMessage) -> bool:
    """Whether a message asks to stop: not one that lifts a STOP."""
    return message.is_stop and message.code != STOP_LIFTED


def said_before(line: LineState, at: datetime, peer: str, message: Message) -> list[LineEvent]:
    """What we said before our journal was set back: its number is taken, whatever we have said since."""
    held = peer_line(line, peer)
    match message:
        case CodedMessage(content) if (peer, content.message_id) not in line.messages:
            return [LineMessageSent(at, content)]
        case CheckMessage(check) if check.number > held.asked:
            return [LineCheckAsked(at, peer, check)]
        case _:
            return []


def calls(line: LineState, record: MessageRecord, at: datetime) -> list[LineEvent]:
    """Return the call that is due for a message nobody has taken, when it was not made yet."""
    step, again = due(record, line.watches, line.terms[record.peer], at)
    if step <= record.step and again <= record.again:
        return []
    step, again = max(step, record.step), max(again, record.again)
    return [LinePostsCalled(at, line.party, *record.key, step, again)]


def peer_line(line: LineState, peer: str) -> PeerLine:
    """Return the line with a peer; raises Refusal when there is none under the accord in force."""
    if peer not in line.open_lines:
        raise Refusal("line.party_with_accord", "peer", peer, open_lines=", ".join(sorted(line.open_lines)))
    return line.peers[peer]


def check_post(line: LineState, peer: str, post: str) -> None:
    """Raise Refusal unless `post` is on the ladder of the accord with `peer`."""
    peer_line(line, peer)
    posts = line.terms[peer].posts(len(line.terms[peer].ladder))
    if post not in posts:
        raise Refusal("line.post_of_the_ladder", "post", post, posts=", ".join(posts))
