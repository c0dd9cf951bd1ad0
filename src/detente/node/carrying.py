"""Parcels of a running node: what to carry to a peer, and what was carried here.

A parcel says what its sender holds of each link, so that two parties that are reached by files alone find out that the
journal of one was set back, as others do when they connect: the next parcel gives back what it had said, and says again
what it had heard.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import nullcontext, suppress

import msgspec

from detente.airspace.refusal import Refusal
from detente.link.answer import MAX_BATCH_ENVELOPES
from detente.link.envelope import Direction, read_envelope
from detente.link.parcel import Parcel, write_parcel
from detente.link.receipt import DeliveryReceipt, signed_by_now
from detente.link.session import RECEIPT_RECEIVED, ReceiptStanding, Session
from detente.link.standing import Standing
from detente.node.loop import CommandLoop
from detente.node.own_history import LoopHistory
from detente.people.records import ActingPerson
from detente.record.segments import ArchivedRefusal

MOST_RECEIPTS = 2_000
"""Of each link the last receipts go along, as the peer may not have those of former parcels."""


class Carried(msgspec.Struct, frozen=True):
    """What became of a parcel: how many envelopes were new, how many receipts, and what was refused."""

    envelopes: int
    receipts: int
    refused: tuple[str, ...]


class Carrying:
    """The parcels of one running node. What peers said that they hold is forgotten at its end: they say it anew."""

    def __init__(self, loop: CommandLoop) -> None:
        self._loop = loop
        self._said: dict[Direction, Standing] = {}

    async def parcel_for(self, peer: str) -> bytes:
        """Return the sealed parcel for a peer: STOP first, what it has not receipted or has lost, our receipts."""
        loop, found = self._loop, self._loop.peers.named(peer)
        if found is None:
            raise Refusal("node.party_paired", "peer", peer)
        sessions = found.sessions.values()
        documents = await loop.read(
            lambda: [d for s in sessions for d in _documents(loop, s, self._said.get(s.incoming))]
        )  # fmt: skip
        return await asyncio.to_thread(write_parcel, documents, loop.key.first, found.card)

    async def take_in(self, parcel: Parcel, by: ActingPerson) -> Carried:
        """Take a parcel in that `by` carried here, as if it had come over HTTP; what is told as new is durable.

        What is on a link that is not open waits for the rest: an accord that the same parcel brings into force opens
        it.
        """
        await self._take_back(parcel)
        carried = await _take_in(self._loop, parcel, by)
        links = self._loop.links
        for direction, standing in {one.direction: one for one in parcel.standings}.items():
            is_open = direction.recipient == links.own and links.find(direction.sender, direction.accord) is not None
            # Signed with the key that signs now: what the same parcel says of another key is taken in by now.
            if is_open and standing.is_signed_by(links.keys(direction.sender)[-1]):
                self._said[direction] = standing
        return carried

    async def _take_back(self, parcel: Parcel) -> None:
        """Take back, a batch at a time, our own envelopes that the peer gives back."""
        history, links = LoopHistory(self._loop), self._loop.links
        for session in [session for session in links if links.find(parcel.sender, session.outgoing.accord) is session]:
            given = [
                one
                for one in parcel.given_back
                if one.direction == session.outgoing and one.number > session.receipted_number
            ]
            for first in range(0, len(given), MAX_BATCH_ENVELOPES):
                await history.take_back(session, given[first : first + MAX_BATCH_ENVELOPES], ())
            await history.nothing_is_missing(session)


async def _take_in(loop: CommandLoop, parcel: Parcel, by: ActingPerson) -> Carried:
    batches = parcel.batches()
    later = [batch for batch in batches if not _is_open(loop, batch)]
    first = [batch for batch in batches if batch not in later]
    new, refused = 0, []
    for group in (first, later):
        for batch in group:
            judgement = await loop.receive(batch, by)
            new += len(judgement.accepted)
            if judgement.status >= 400:
                refused.append(judgement.answer.decode())
    receipts = 0
    for receipt in parcel.receipts:
        receipts += await _take_receipt(loop, receipt, by)
    return Carried(new, receipts, tuple(refused))


def _is_open(loop: CommandLoop, batch: bytes) -> bool:
    direction = read_envelope(batch)[0].direction
    return loop.links.find(direction.sender, direction.accord) is not None


async def _take_receipt(loop: CommandLoop, receipt: DeliveryReceipt, by: ActingPerson) -> bool:
    direction = receipt.direction
    session = loop.links.find(direction.recipient, direction.accord) if direction.sender == loop.links.own else None
    if session is None:
        return False
    if not receipt.is_signed_by(session.receipt_keys(receipt, loop.links.keys(direction.recipient))):
        return False
    if session.receipt_standing(receipt) is not ReceiptStanding.NEW:
        return False
    await loop.record([(RECEIPT_RECEIVED, receipt.raw)], loop.clock(), by)
    return True


def _documents(loop: CommandLoop, session: Session, said: Standing | None) -> Iterator[bytes]:
    """What goes in a parcel of one link; `said` is what the peer said last that it holds of it."""
    agrees = said is None or (said.received <= session.sent_number and _holds_ours(session, said))
    yield LoopHistory(loop).standing(session, session.sent_number if agrees else session.receipted_number).raw
    if said is not None:
        yield from _given_back(loop, session, said)
    first = _first_lacking(session, said)
    for number in range(first, session.sent_number + 1):
        # One by one: of two that were sent under one number the later holds. What was receipted may be archived.
        with suppress(ArchivedRefusal) if number <= session.receipted_number else nullcontext():
            yield next(iter(loop.journal.read(session.sent_entry(number)))).body
    if session.acknowledged_number:
        for number in session.receipt_entries()[-MOST_RECEIPTS:]:
            # The peer needs the last one; those before it may be in a segment that is not here.
            with suppress(ArchivedRefusal):
                yield signed_by_now(loop.key, next(loop.journal.read(number)).body)


def _first_lacking(session: Session, said: Standing | None) -> int:
    """The number of our first envelope that the peer has not receipted, or says itself that it has not."""
    first = session.receipted_number + 1
    if said is None or said.received >= session.receipted_number:
        return first
    return said.received + 1 if _holds_ours(session, said) else first


def _holds_ours(session: Session, said: Standing) -> bool:
    with suppress(ArchivedRefusal):
        return session.sent_hash(said.received) == said.received_hash
    return False


def _given_back(loop: CommandLoop, session: Session, said: Standing) -> Iterator[bytes]:
    """The peer's own envelopes after the one that it says it has sent last, where that is one that is held here."""
    # From where one is in a segment that is not here, what follows is of no use to the peer either.
    with suppress(ArchivedRefusal):
        if said.sent < session.received_number and session.received_hash_of(said.sent) == said.sent_hash:
            for number in range(said.sent + 1, session.received_number + 1):
                yield next(iter(loop.journal.read(session.received_entry(number)))).body
