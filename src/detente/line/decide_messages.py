"""Decide about messages: sending, hearing, and whom to call."""

from __future__ import annotations

from datetime import datetime

from detente.airspace.refusal import Refusal
from detente.line.commands import HearLineMessage, SendLineMessage
from detente.line.events import (
    LineEvent,
    LineMessageConfirmed,
    LineMessageHeard,
    LineMessageSent,
    LinePostsCalled,
    LineReceiptGiven,
)
from detente.line.ladder import due
from detente.line.messages import Carrier, LineMessage, Receipt, ReceiptKind
from detente.line.phrases import ALWAYS_ANSWERS, MessageClass, phrase_table
from detente.line.plausibility import doubts
from detente.line.state import LineState, MessageRecord, PeerLine
from detente.line.terms import LineTerms


def send(line: LineState, command: SendLineMessage) -> list[LineEvent]:
    """One of our people sends a message. Planning may be suspended; a STOP and flight safety never are (R32)."""
    if command.party != line.party:
        raise Refusal("party", command.party, f"our own party, {line.party}")
    held = peer_line(line, command.peer)
    code = phrase_table().code(command.code)
    if held.suspended_by and not _survives(line.terms[command.peer], code.message_class):
        raise Refusal(
            "code", command.code, "a message that the accord lets through while planning is suspended",
            f"Planning is suspended by {', '.join(held.suspended_by)}; a STOP goes through always.",
        )  # fmt: skip
    if command.free_text is not None and not line.terms[command.peer].free_text:
        raise Refusal("free_text", command.free_text, "no free text under this accord", "Use a message code.")
    if command.answers is not None:
        _check_answer(line, command, command.answers)
    parameters = phrase_table().checked(command.code, command.parameters)
    message = LineMessage(
        line.party, command.peer, held.sent + 1, command.code, command.at, parameters, command.answers,
        command.free_text,
    )  # fmt: skip
    found = doubts(line, command.peer, message, command.at, command.named)
    if command.confirmed_by is not None:
        check_post(line, command.peer, command.confirmed_by)
    elif found and code.message_class is MessageClass.COORDINATION:
        raise Refusal(
            "confirmed_by", ", ".join(found), "a post where a second person has looked at this message again",
            f"It looks like a mistake ({', '.join(found)}): mend it, or let another post confirm it.",
        )  # fmt: skip
    return [LineMessageSent(command.at, message, found, command.confirmed_by)]


def _survives(terms: LineTerms, message_class: MessageClass) -> bool:
    """Whether messages of a class go on while planning is suspended."""
    if message_class is MessageClass.SAFETY:
        return terms.safety_survives
    return message_class is not MessageClass.COORDINATION


def _check_answer(line: LineState, command: SendLineMessage, answers: str) -> None:
    asked = line.messages.get((command.peer, answers))
    if asked is None or asked.is_ours:
        raise Refusal("answers", answers, f"the id of a message of {command.peer}")
    expected = phrase_table().code(asked.message.code).answers
    if command.code not in ALWAYS_ANSWERS and command.code not in expected:
        raise Refusal("code", command.code, f"an answer to {asked.message.code}: {', '.join(expected) or 'none'}")


def hear(line: LineState, command: HearLineMessage) -> list[LineEvent]:
    """A peer's message comes: it is received, and the first posts are called, at once.

    The same message may come again on another carrier. One that says something else under the same number is refused.
    """
    message = command.message
    peer_line(line, command.party)
    if (message.sender, message.recipient) != (command.party, line.party):
        raise Refusal("message.sender", message.sender, f"a message from {command.party} to {line.party}")
    held = line.messages.get((command.party, message.message_id))
    if held is not None:
        if held.message != message:
            raise Refusal(
                "message", message.message_id, f"the same words as came by {held.carrier}",
                "Call the other side: one number bears two messages.",
            )  # fmt: skip
        confirms = held.carrier is Carrier.VOICE and command.carrier is Carrier.ENVELOPE
        return [LineMessageConfirmed(command.at, command.party, message.message_id)] if confirms else []
    record = MessageRecord(command.party, message, command.at, command.carrier)
    receipt = Receipt(ReceiptKind.DELIVERED, command.at)
    return [
        LineMessageHeard(command.at, message, command.carrier),
        LineReceiptGiven(command.at, line.party, command.party, message.message_id, receipt),
        *calls(line, record, command.at),
    ]


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
        raise Refusal("peer", peer, f"a party with an accord: {', '.join(sorted(line.open_lines)) or 'none'}")
    return line.peers[peer]


def check_post(line: LineState, peer: str, post: str) -> None:
    """Raise Refusal unless `post` is on the ladder of the accord with `peer`."""
    peer_line(line, peer)
    posts = line.terms[peer].posts(len(line.terms[peer].ladder))
    if post not in posts:
        raise Refusal("post", post, f"a post of the ladder: {', '.join(posts)}")
