"""Parcels of a running node: what to carry to a peer, and what was carried here."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from detente.airspace.refusal import Refusal
from detente.link.parcel import Parcel, write_parcel
from detente.link.receipt import Receipt
from detente.link.session import RECEIPT_RECEIVED, RECEIPT_SENT, SENT, ReceiptStanding, Session, read_document
from detente.node.loop import CommandLoop

MOST_RECEIPTS = 2_000
"""Of each link the last receipts go along, as the peer may not have those of former parcels."""


class Carried(msgspec.Struct, frozen=True):
    """What became of a parcel: how many envelopes were new, how many receipts, and what was refused."""

    envelopes: int
    receipts: int
    refused: tuple[str, ...]


def parcel_for(loop: CommandLoop, peer: str) -> bytes:
    """Return the parcel for a peer: STOP first, every envelope without a receipt, and our receipts for what came."""
    sessions = _sessions(loop, peer)
    if not sessions:
        raise Refusal("peer", peer, "a party with an accord that is paired")
    return write_parcel(document for session in sessions for document in _documents(loop, session))


async def take_in(loop: CommandLoop, parcel: Parcel) -> Carried:
    """Take a parcel in as if it had come over HTTP; what is told as new is durable."""
    new, refused = 0, []
    for batch in parcel.batches():
        judgement = await loop.receive(batch)
        new += len(judgement.accepted)
        if judgement.status >= 400:
            refused.append(judgement.answer.decode())
    receipts = 0
    for receipt in parcel.receipts:
        receipts += await _take_receipt(loop, receipt)
    return Carried(new, receipts, tuple(refused))


async def _take_receipt(loop: CommandLoop, receipt: Receipt) -> bool:
    direction = receipt.direction
    session = loop.links.find(direction.recipient, direction.accord) if direction.sender == loop.links.own else None
    if session is None or not receipt.is_signed_by_recipient():
        return False
    if session.receipt_standing(receipt) is not ReceiptStanding.NEW:
        return False
    await loop.record([(RECEIPT_RECEIVED, receipt.raw)], loop.clock())
    return True


def _sessions(loop: CommandLoop, peer: str) -> list[Session]:
    lanes, planning = loop.lanes.named(peer), loop.peers.named(peer)
    found = [] if lanes is None else list(lanes.sessions.values())
    return found if planning is None else [*found, planning.session]


def _documents(loop: CommandLoop, session: Session) -> Iterator[bytes]:
    if session.sent_number > session.receipted_number:
        for entry in loop.journal.read(first=session.sent_entry(session.receipted_number + 1), kind=SENT):
            if read_document(entry.body).direction == session.outgoing:
                yield entry.body
    if session.acknowledged_number:
        receipts = [
            entry.body
            for entry in loop.journal.read(first=1, kind=RECEIPT_SENT)
            if read_document(entry.body).direction == session.incoming
        ]
        yield from receipts[-MOST_RECEIPTS:]
