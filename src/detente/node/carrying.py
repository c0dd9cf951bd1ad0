"""Parcels of a running node: what to carry to a peer, and what was carried here."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import msgspec

from detente.airspace.refusal import Refusal
from detente.link.envelope import read_envelope
from detente.link.parcel import Parcel, write_parcel
from detente.link.receipt import DeliveryReceipt
from detente.link.session import RECEIPT_RECEIVED, RECEIPT_SENT, SENT, ReceiptStanding, Session, read_document
from detente.node.line_keeping import follow_lines
from detente.node.loop import CommandLoop

MOST_RECEIPTS = 2_000
"""Of each link the last receipts go along, as the peer may not have those of former parcels."""


class Carried(msgspec.Struct, frozen=True):
    """What became of a parcel: how many envelopes were new, how many receipts, and what was refused."""

    envelopes: int
    receipts: int
    refused: tuple[str, ...]


async def parcel_for(loop: CommandLoop, peer: str) -> bytes:
    """Return the sealed parcel for a peer: STOP first, every envelope without a receipt, our receipts for what came."""
    keeping = loop.keeping
    card = None if keeping is None else next((c for c in keeping.accords.trusted if c.name == peer), None)
    if card is None:
        raise Refusal("peer", peer, "a party that is paired")
    documents = await loop.read(lambda _: [d for session in _sessions(loop, peer) for d in _documents(loop, session)])
    return await asyncio.to_thread(write_parcel, documents, loop.key.public, card)


async def take_in(loop: CommandLoop, parcel: Parcel) -> Carried:
    """Take a parcel in as if it had come over HTTP; what is told as new is durable.

    What is on a link that is not open waits for the rest: an accord that the same parcel brings into force opens it.
    """
    batches = parcel.batches()
    later = [batch for batch in batches if not _is_open(loop, batch)]
    first = [batch for batch in batches if batch not in later]
    new, refused = 0, []
    for group in (first, later):
        for batch in group:
            judgement = await loop.receive(batch)
            new += len(judgement.accepted)
            if judgement.status >= 400:
                refused.append(judgement.answer.decode())
        await follow_lines(loop)
    receipts = 0
    for receipt in parcel.receipts:
        receipts += await _take_receipt(loop, receipt)
    return Carried(new, receipts, tuple(refused))


def _is_open(loop: CommandLoop, batch: bytes) -> bool:
    direction = read_envelope(batch)[0].direction
    return loop.links.find(direction.sender, direction.accord) is not None


async def _take_receipt(loop: CommandLoop, receipt: DeliveryReceipt) -> bool:
    direction = receipt.direction
    session = loop.links.find(direction.recipient, direction.accord) if direction.sender == loop.links.own else None
    if session is None or not receipt.is_signed_by_recipient():
        return False
    if session.receipt_standing(receipt) is not ReceiptStanding.NEW:
        return False
    await loop.record([(RECEIPT_RECEIVED, receipt.raw)], loop.clock())
    return True


def _sessions(loop: CommandLoop, peer: str) -> list[Session]:
    """The links with a peer in the order in which they are worth carrying: STOP and the line, the talks, planning."""
    lanes, planning = loop.lanes.named(peer), loop.peers.named(peer)
    found = [] if lanes is None else list(lanes.sessions.values())
    talker = None if loop.keeping is None else loop.keeping.talkers.get(peer)
    found += [] if talker is None else [talker.session]
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
