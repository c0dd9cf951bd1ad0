"""What the HTTP routes stand on: the loop, the outbox and the rest of one running node."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import datetime

from detente.accord.tagged import tag_of
from detente.accord.terms import Accord
from detente.airspace.refusal import Refusal
from detente.api.access import Access
from detente.api.views import PeerView, Status
from detente.claims.state import ClaimsState
from detente.line.hand_over import open_alarms, radio_overdue
from detente.line.state import LineState
from detente.link.card import Card
from detente.node.admission import Admission
from detente.node.configuration import Configuration
from detente.node.desks.claims import ClaimsDesk
from detente.node.desks.line import LineDesk
from detente.node.loop import CommandLoop, Outcome
from detente.node.matching.work import MatchingWork
from detente.node.metrics import Metrics
from detente.node.outbox import Outbox
from detente.node.settlement import turn_of
from detente.picture.commands import Command
from detente.picture.picture import Picture, picture_bytes


class Service:
    """One running node, as its HTTP routes see it. `stopping` is set when the node begins to stop."""

    def __init__(
        self,
        configuration: Configuration,
        card: Card,
        accord: Accord | None,
        loop: CommandLoop,
        outbox: Outbox,
        access: Access,
        metrics: Metrics,
    ) -> None:
        self.configuration = configuration
        self.card = card
        self.accord = accord
        self.loop = loop
        self.outbox = outbox
        self.access = access
        self.metrics = metrics
        self.matching: MatchingWork | None = None
        self.stopping = asyncio.Event()
        self.admission = Admission(loop.links)

    @property
    def party(self) -> str:
        """The party whose node this is."""
        return self.card.name

    @property
    def line_desk(self) -> LineDesk:
        """The desk of the line."""
        return self.loop.desks.of_type(LineDesk)

    @property
    def line(self) -> LineState:
        """The line as it stands; to be read within `loop.read`."""
        return self.line_desk.line

    @property
    def claims_desk(self) -> ClaimsDesk:
        """The desk of claims."""
        return self.loop.desks.of_type(ClaimsDesk)

    @property
    def claims(self) -> ClaimsState:
        """Claims as they stand; to be read within `loop.read`."""
        return self.claims_desk.claims

    def now(self) -> datetime:
        """The time, UTC."""
        return self.loop.clock()

    async def do(self, command: Command) -> Outcome:
        """Carry out a command; see `CommandLoop.decide`."""
        return await self.loop.decide(command)

    def peers(self) -> tuple[PeerView, ...]:
        """Return every other party of the accord."""
        statuses = self.outbox.statuses()
        views = [PeerView(name, paired=False) for name in self.loop.peers.unpaired]
        for peer in self.loop.peers:
            session = peer.session
            view = PeerView(
                peer.name,
                paired=True,
                addresses=peer.addresses,
                public_key=peer.key.hex(),
                sent=session.sent_number,
                receipted=session.receipted_number,
                received=session.received_number,
                delivery=statuses.get(peer.name),
            )
            views.append(view)
        return tuple(sorted(views, key=lambda view: view.name))

    async def status(self, *, digest: bool = False) -> Status:
        """Return the node in numbers; with `digest`, the SHA-256 of the whole picture too."""
        return await self.loop.read(lambda picture: self._status(picture, digest=digest))

    def _status(self, picture: Picture, *, digest: bool) -> Status:
        measures: dict[str, int] = {}
        for record in picture.measures.values():
            measures[record.state] = measures.get(record.state, 0) + 1
        left = sum(turn_of(record) is None for record in picture.conflicts.values())
        waiting = sum(peer.session.sent_number - peer.session.receipted_number for peer in self.loop.peers)
        return Status(
            party=self.party,
            accord_hash=picture.accord.accord_hash if picture.accord else "",
            plans={party: len(index) for party, index in sorted(picture.indexes.items())},
            conflicts_open=len(picture.conflicts),
            conflicts_left=left,
            conflicts_cleared=len(picture.cleared),
            measures=measures,
            envelopes_waiting=waiting,
            settled=not waiting and not picture.measures_of and left == len(picture.conflicts),
            journal_number=self.loop.journal.head.number,
            picture_sha256=hashlib.sha256(picture_bytes(picture)).hexdigest() if digest else "",
            radio_overdue=radio_overdue(self.line),
            alarms=open_alarms(self.line),
        )


def tags(outcome: Outcome) -> tuple[str, ...]:
    """Return the tags of what a command led to."""
    return tuple(tag_of(event) for event in outcome.events)


def not_found(field: str, value: str, expected: str) -> Refusal:
    """Return the Refusal for something asked for by an id that nothing has; it is answered with 404."""
    refusal = Refusal(field, value, expected)
    refusal.add_note("404")
    return refusal
