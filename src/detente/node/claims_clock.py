"""The clock of claims in a running node, and joint statistics computed from its journal."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Iterator
from datetime import datetime, timedelta

import structlog

from detente.airspace.refusal import Refusal
from detente.claims.commands import ClaimsTick, SayReview
from detente.claims.decide import overdue
from detente.claims.joint_review import COUNTED_UNREAD, Exchanged, review_of
from detente.claims.review import canonical_text
from detente.claims.review_claim import CutMark, ReviewClaim
from detente.claims.room import ClaimsRoom
from detente.link.envelope import Envelope
from detente.link.session import RECEIVED, SENT, read_document
from detente.node.loop import CommandLoop, NodeStopped
from detente.people.records import ActingPerson
from detente.record.journal import Journal
from detente.record.segments import ArchivedRefusal

TICK_S = 1.0

log = structlog.get_logger()


async def keep_claims(loop: CommandLoop) -> None:
    """Until the node stops: record what is overdue, and compute the statistics that are due or were proposed."""
    claims = loop.rooms.of_type(ClaimsRoom).state
    reviews = JointReviews(loop)
    with contextlib.suppress(NodeStopped):
        while True:
            if overdue(claims, loop.clock()):
                await loop.decide(ClaimsTick(loop.clock(), claims.party))
            await reviews.propose_due()
            await reviews.answer_pending()
            await asyncio.sleep(TICK_S)


class JointReviews:
    """Joint statistics of one node: computed beside the loop, from the journal, and told to the peer (R41)."""

    def __init__(self, loop: CommandLoop) -> None:
        self._loop = loop
        self._room = loop.rooms.of_type(ClaimsRoom)
        self._claims = self._room.state
        self._failed: set[tuple[str, str]] = set()
        self._failed_until: dict[str, datetime] = {}

    async def propose(self, peer: str, start: datetime, end: datetime, by: ActingPerson | None = None) -> ReviewClaim:
        """Compute the statistics with a peer up to all that both sides hold now, and tell it; raises Refusal.

        `by` is the person who asks for it.
        """
        if peer not in self._claims.accords:
            raise Refusal("node.party_with_accord", "peer", peer)
        review = await self._computed(self._claims.party, peer, start, end, self._cut(peer))
        await self._loop.decide(SayReview(self._loop.clock(), self._claims.party, peer, review), by=by)
        return review

    async def propose_due(self) -> None:
        """Propose the joint reviews for which it is time. What fails is tried again after an hour."""
        at = self._loop.clock()
        for peer, start, end in self._room.reviews_due(at):
            if at < self._failed_until.get(peer, at):
                continue
            try:
                await self.propose(peer, start, end)
            except (Refusal, ValueError, ArithmeticError, LookupError) as error:
                log.warning("review not proposed", peer=peer, why=str(error))
                self._failed_until[peer] = at + timedelta(hours=1)

    async def answer_pending(self) -> None:
        """Compute what peers have proposed and tell them. What cannot be told now, while suspended, is tried again."""
        for key, record in list(self._claims.reviews.items()):
            asked = record.theirs
            if asked is None or record.ours is not None or asked.proposer != record.peer or key in self._failed:
                continue
            at = self._loop.clock()
            if at < self._failed_until.get(record.peer, at):
                continue
            if not self._loop.accords.allows(record.peer, SayReview.activity, at):
                continue
            try:
                review = await self._computed(asked.proposer, record.peer, asked.start, asked.end, asked.cut)
                await self._loop.decide(SayReview(self._loop.clock(), self._claims.party, record.peer, review))
            except ArchivedRefusal as gone:
                log.warning("review not told: an archived segment is needed", peer=record.peer, why=str(gone))
                self._failed_until[record.peer] = self._loop.clock() + timedelta(hours=1)
            except (Refusal, ValueError, ArithmeticError, LookupError) as error:
                # Whatever a peer's envelopes hold, counting them must not end the node.
                log.warning("review not told", peer=record.peer, why=str(error))
                self._failed.add(key)

    def _cut(self, peer: str) -> tuple[CutMark, ...]:
        """All that both sides hold as far as we can prove: what the peer receipted, and what we receipted."""
        key, party = self._key(peer), self._claims.party
        marks = []
        for session in self._loop.links:
            if session.outgoing.recipient == key:
                accord = session.outgoing.accord
                marks += [
                    CutMark(accord, party, session.receipted_number), CutMark(accord, peer, session.acknowledged_number)
                ]  # fmt: skip
        return tuple(sorted(mark for mark in marks if mark.last))

    def _key(self, peer: str) -> bytes:
        found = self._loop.peers.named(peer)
        if found is None:
            raise Refusal("node.paired_party", "peer", peer)
        return found.key

    async def _computed(
        self, proposer: str, peer: str, start: datetime, end: datetime, cut: tuple[CutMark, ...]
    ) -> ReviewClaim:
        party = self._claims.party
        names = {self._loop.links.own: party, self._key(peer): peer}
        terms = {name: held for (with_, name), held in self._claims.terms.items() if with_ == peer}

        def document() -> str:
            envelopes = exchanged(self._loop.journal, names)
            return canonical_text(review_of((party, peer), start, end, cut, envelopes, terms))

        text = await asyncio.to_thread(document)
        return ReviewClaim(proposer, party, start, end, cut, text, hashlib.sha256(text.encode()).hexdigest())


def exchanged(journal: Journal, names: dict[bytes, str]) -> Iterator[Exchanged]:
    """Yield every envelope between two parties, named by key, that a journal holds, under any accord and channel.

    Without the bodies of envelopes that are only counted: a year of plans would fill the memory.
    """
    for kind in (SENT, RECEIVED):
        for entry in journal.read(kind=kind):
            document = read_document(entry.body)
            assert isinstance(document, Envelope)
            direction = document.direction
            if {direction.sender, direction.recipient} == set(names):
                body = b"" if document.kind in COUNTED_UNREAD else document.body
                yield Exchanged(
                    direction.accord, names[direction.sender], document.number, document.sent_at, document.kind, body
                )
