"""Asking a peer what it holds of a link, until it holds nothing of ours that we lack.

What we lack, we said before our journal was set back. The peer gives it back under our own signature.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Protocol

from detente.airspace.refusal import Refusal
from detente.link.answer import DeliveryAnswer
from detente.link.envelope import Direction, Envelope
from detente.link.receipt import DeliveryReceipt, read_receipt
from detente.link.session import Session
from detente.link.standing import Standing, given_back_in, standing_in

AskPeer = Callable[[bytes], Awaitable[DeliveryAnswer | None]]
"""Brings bytes to the peer and gives its answer, None when there is none."""


class OwnHistory(Protocol):
    """What this node says of what it holds of a link, and how it takes back what it said."""

    def standing(self, session: Session, sent: int) -> Standing:
        """Return what we hold of a link, signed; of our own envelopes, those up to `sent`."""

    def rotations(self) -> bytes:
        """Return the rotations of our key, to be shown with what we hold: the peer may have lost them."""

    def peer_key(self, session: Session, shown: Sequence[str]) -> bytes:
        """Return the key (32 bytes) with which the peer of a link signs now: we may have lost the rotations it shows.

        Raises Refusal for rotations that contradict what is known.
        """

    async def take_back(self, session: Session, given: Sequence[Envelope], receipts: Sequence[DeliveryReceipt]) -> bool:
        """Take back our own envelopes, durably; False when none is missing. `receipts` are ours for the peer's."""

    async def nothing_is_missing(self, session: Session) -> None:
        """Go on from here: of what the peer holds of ours on a link, nothing is missing any more."""


async def learn(
    session: Session, history: OwnHistory, exchange: AskPeer, receipts: bytes = b""
) -> Standing | DeliveryAnswer | None:
    """Ask the peer what it holds of a link, and take back what it gives back until there is no more.

    `receipts` of the peer go with the question. Returns what the peer says that it holds; its answer, where that says
    nothing of it; None without an answer.
    """
    sent = session.sent_number
    while True:
        question = history.standing(session, sent)
        answer = await exchange(question.raw + history.rotations() + receipts)
        if answer is None:
            return None
        theirs = standing_in(answer, question, partial(history.peer_key, session))
        if theirs is None:
            return answer
        given = [envelope for envelope in given_back_in(answer) if envelope.number > sent]
        taken = await history.take_back(session, given, receipts_in(answer, session.incoming))
        # What was not taken back and is not held is not ours.
        held = bool(given) and given[-1].number <= session.sent_number
        if held and (taken or given[-1].number < theirs.received):
            sent = session.sent_number if given[-1].number >= theirs.received else given[-1].number
        elif not agrees(session, theirs) and sent > session.receipted_number:
            sent = session.receipted_number
        else:
            return theirs


def agrees(session: Session, theirs: Standing) -> bool:
    """Whether what the peer holds of ours is a part of what we hold."""
    return theirs.received <= session.sent_number and theirs.received_hash == session.sent_hash(theirs.received)


def receipts_in(answer: DeliveryAnswer, direction: Direction) -> list[DeliveryReceipt]:
    """Return the receipts in an answer for what went in one direction; whose they are is not yet proven."""
    receipts = []
    for text in answer.receipts:
        with suppress(Refusal, UnicodeEncodeError):
            receipt, _ = read_receipt(text.encode())
            if receipt.direction == direction:
                receipts.append(receipt)
    return receipts
