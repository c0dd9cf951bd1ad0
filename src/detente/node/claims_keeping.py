"""What keeps claims in a running node: opened with the accords, their clock, and joint statistics from the journal."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Iterator
from datetime import datetime

import structlog

from detente.accord.provisions import SafetyFunction
from detente.accord.terms import accord_hash
from detente.airspace.refusal import Refusal
from detente.claims.commands import ClaimsTick, OpenClaims, SayReview
from detente.claims.joint_review import COUNTED_UNREAD, Exchanged, review_of
from detente.claims.review import canonical_text
from detente.claims.review_claim import CutMark, ReviewClaim
from detente.claims.state import ClaimsState
from detente.claims.terms import ClaimsTerms, terms_of
from detente.link.envelope import Envelope
from detente.link.session import RECEIVED, SENT, read_document
from detente.node.desks.claims import ClaimsDesk
from detente.node.loop import CommandLoop, NodeStopped
from detente.record.journal import Journal

TICK_S = 1.0

log = structlog.get_logger()


async def open_claims(loop: CommandLoop, party: str) -> None:
    """Take claims with each peer under the accord that stands or stood last, and with nobody else."""
    keeping = loop.keeping
    assert keeping is not None
    desk = loop.desks.of_type(ClaimsDesk)
    desk.allows = lambda peer, function: keeping.may_plan(peer) if function is None else keeping.allows(peer, function)
    lines = {name: terms for name, terms in keeping.terms_by_peer().items() if loop.lanes.named(name) is not None}
    accords = {name: (accord_hash(terms), terms_of(terms)) for name, terms in sorted(lines.items())}
    await loop.decide_at(desk, OpenClaims(loop.clock(), party, accords))


async def keep_claims(loop: CommandLoop) -> None:
    """Until the node stops: say what is overdue, and compute the statistics that a peer has proposed to compare."""
    desk = loop.desks.of_type(ClaimsDesk)
    reviews = JointReviews(loop)
    with contextlib.suppress(NodeStopped):
        while True:
            if is_due(desk.claims, loop.clock()):
                await loop.decide_at(desk, ClaimsTick(loop.clock(), desk.claims.party))
            await reviews.answer_pending()
            await asyncio.sleep(TICK_S)


def is_due(claims: ClaimsState, at: datetime) -> bool:
    """Whether something has become overdue that nobody has said is."""
    requests = (claims.requests[key] for key in claims.open_requests)
    incidents = (claims.incidents[key] for key in claims.open_incidents)
    return any(not r.overdue and r.is_overdue(at) for r in requests) or any(
        not i.overdue and i.is_overdue(at) for i in incidents
    )


class JointReviews:
    """Joint statistics of one node: computed beside the loop, from the journal, and said to the peer (R41)."""

    def __init__(self, loop: CommandLoop) -> None:
        self._loop = loop
        self._desk = loop.desks.of_type(ClaimsDesk)
        self._failed: set[tuple[str, str]] = set()

    async def propose(self, peer: str, start: datetime, end: datetime) -> ReviewClaim:
        """Compute the statistics with a peer up to all that both sides hold now, and tell it; raises Refusal."""
        if peer not in self._desk.claims.accords:
            raise Refusal("peer", peer, "a party with an accord")
        review = await self._computed(self._desk.claims.party, peer, start, end, self._cut(peer))
        await self._loop.decide_at(self._desk, SayReview(self._loop.clock(), self._desk.claims.party, peer, review))
        return review

    async def answer_pending(self) -> None:
        """Compute and say what peers have proposed. What cannot be said now, while suspended, is tried again."""
        for key, record in list(self._desk.claims.reviews.items()):
            asked = record.theirs
            if asked is None or record.ours is not None or asked.proposer != record.peer or key in self._failed:
                continue
            if not self._desk.allows(record.peer, SafetyFunction.INCIDENTS):
                continue
            try:
                review = await self._computed(asked.proposer, record.peer, asked.start, asked.end, asked.cut)
                command = SayReview(self._loop.clock(), self._desk.claims.party, record.peer, review)
                await self._loop.decide_at(self._desk, command)
            except (Refusal, ValueError, ArithmeticError, LookupError) as error:
                # Whatever a peer's envelopes hold, counting them must not end the node.
                log.warning("review not said", peer=record.peer, why=str(error))
                self._failed.add(key)

    def _cut(self, peer: str) -> tuple[CutMark, ...]:
        """All that both sides hold as far as we can prove: what the peer receipted, and what we receipted."""
        key, party = self._key(peer), self._desk.claims.party
        marks = []
        for session in self._loop.links:
            if session.outgoing.recipient == key:
                accord = session.outgoing.accord
                marks += [
                    CutMark(accord, party, session.receipted_number), CutMark(accord, peer, session.acknowledged_number)
                ]  # fmt: skip
        return tuple(sorted(mark for mark in marks if mark.last))

    def _key(self, peer: str) -> bytes:
        lanes = self._loop.lanes.named(peer)
        if lanes is None:
            raise Refusal("peer", peer, "a party with an open lane")
        return lanes.key

    async def _computed(
        self, proposer: str, peer: str, start: datetime, end: datetime, cut: tuple[CutMark, ...]
    ) -> ReviewClaim:
        party = self._desk.claims.party
        terms = {name: kept for (with_, name), kept in self._desk.claims.terms.items() if with_ == peer}
        text = await asyncio.to_thread(
            _document,
            self._loop.journal,
            (party, self._loop.links.own),
            (peer, self._key(peer)),
            start,
            end,
            cut,
            terms,
        )
        return ReviewClaim(proposer, party, start, end, cut, text, hashlib.sha256(text.encode()).hexdigest())


def _document(
    journal: Journal,
    own: tuple[str, bytes],
    peer: tuple[str, bytes],
    start: datetime,
    end: datetime,
    cut: tuple[CutMark, ...],
    terms: dict[str, ClaimsTerms],
) -> str:
    """The canonical text of the statistics with one peer; `own` and `peer` are names and public keys."""
    names = {key: name for name, key in (own, peer)}
    return canonical_text(
        review_of((own[0], peer[0]), start, end, cut, exchanged(journal, own[1], peer[1], names), terms)
    )


def exchanged(journal: Journal, own: bytes, peer: bytes, names: dict[bytes, str]) -> Iterator[Exchanged]:
    """Yield every envelope between two keys that a journal holds, under any accord and on any lane.

    Without the bodies that are only counted: a year of plans would fill the memory.
    """
    for kind in (SENT, RECEIVED):
        for entry in journal.read(kind=kind):
            document = read_document(entry.body)
            assert isinstance(document, Envelope)
            direction = document.direction
            if {direction.sender, direction.recipient} == {own, peer}:
                body = b"" if document.kind in COUNTED_UNREAD else document.body
                yield Exchanged(
                    direction.accord, names[direction.sender], document.number, document.sent_at, document.kind, body
                )
