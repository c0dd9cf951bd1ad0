"""What one node folds from its journal: its rooms, the ledger of what was told, and its links."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from detente.accord.accords import Accords
from detente.accord.disclosure import OwnPolicy
from detente.accord.life_cycle import Side
from detente.accord.room import AccordRoom
from detente.accord.terms import Accord
from detente.claims.room import ClaimsRoom
from detente.claims.state import ClaimsState
from detente.details.details import Details
from detente.details.room import DetailsRoom
from detente.disclosure.ledger import TOLD
from detente.disclosure.release import DisclosureFilter
from detente.humanitarian.notices import HumanitarianNotices
from detente.humanitarian.room import HumanitarianRoom
from detente.line.room import LineRoom
from detente.line.state import LineState
from detente.link.card import Card
from detente.link.cards import Cards, CardsRoom
from detente.link.links import Links
from detente.matching.life import MatchingRuns
from detente.matching.room import MatchingRoom
from detente.members.coalition import Coalition
from detente.members.room import MembersRoom
from detente.node.peers import Peers
from detente.people.records import People
from detente.people.room import PeopleRoom
from detente.picture.picture import Picture
from detente.picture.room import PictureRoom
from detente.record.journal import Entry
from detente.record.keys import verify
from detente.room.past import Past, PastRoom
from detente.room.refused import RefusedMessages, RefusedRoom
from detente.room.rooms import Rooms
from detente.watch.records import WatchState
from detente.watch.room import WatchRoom
from detente.zones.room import ZonesRoom
from detente.zones.talks import Zones

LINKS = "links"
"""The name of the part of the state that the links are."""
ADDED_ROOMS = frozenset({WatchRoom.name})
"""The rooms that came after the first release that wrote snapshots: one of before has nothing of them."""


class NodeState:
    """One node's rooms, in the order in which they react, and what stands around them. Empty until `replay`.

    Raises Refusal for a configured accord that gives our own party or a paired one another key than its card does.
    """

    def __init__(
        self, own: Card, authority_key: str, trusted: Sequence[Card], configured: Accord | None, policy: OwnPolicy
    ) -> None:
        sides = [Side(card.name, card.public_key) for card in trusted]
        self.accords = Accords(Side(own.name, own.public_key, authority_key), sides, configured)
        self.links = Links(own.key)
        self.cards = cards = Cards(own, trusted)
        self.peers = Peers(cards, self.links, self.accords)
        self.picture = Picture()
        line = LineState()
        matching = MatchingRoom(MatchingRuns(own.name), own.key, self.accords)
        self.rooms = Rooms((
            AccordRoom(self.accords, verify),
            RefusedRoom(RefusedMessages()),
            PictureRoom(self.picture, self.accords),
            DetailsRoom(Details(), self.accords, self.picture),
            HumanitarianRoom(HumanitarianNotices(), self.accords),
            LineRoom(line, self.accords, self.picture),
            ZonesRoom(Zones(), self.accords),
            MembersRoom(Coalition(), self.accords, self.picture, line),
            ClaimsRoom(ClaimsState(), self.accords, self.picture),
            WatchRoom(WatchState(), self.accords, self.picture),
            matching,
            CardsRoom(cards, self.accords),
            PeopleRoom(People()),
            PastRoom(Past(), self._forget),
        ))  # fmt: skip
        self.disclosure = DisclosureFilter(self.accords, policy, self.picture, matching.told_plans)

    def take_in(self, trusted: Sequence[Card], configured: Accord | None, authority_key: str) -> None:
        """Work with other trusted cards and another accord of the configuration; `replay` would give the same.

        Raises Refusal as a new object does, with nothing changed.
        """
        own = Side(self.cards.own, self.accords.own.public_key, authority_key)
        Accords(own, [Side(card.name, card.public_key) for card in trusted], configured)
        wanted = {card.name: card for card in trusted}
        for peer in [*self.peers]:
            card = wanted.get(peer.name)
            if card is None or card.key != peer.key:
                self.peers.remove(peer.name)
                self.cards.unpair(peer.name)
                self.accords.unpair(peer.name)
        self.accords.authorise_by(authority_key)
        new = [card for card in trusted if self.peers.named(card.name) is None]
        for card in trusted:
            self.cards.pair(card)
        for card in new:
            self.accords.pair(Side(card.name, card.public_key))
        for card in new:
            self.peers.add(card.name)
        self.accords.configure(configured)

    def keep(self) -> dict[str, bytes]:
        """Return every part of the state as bytes, by name, equal for equal states."""
        rooms = {room.name: room.keep() for room in self.rooms}
        return rooms | {TOLD: self.disclosure.keep(), LINKS: self.links.keep()}

    def restore(self, parts: dict[str, bytes]) -> None:
        """Make the empty state what it was when it was kept.

        Raises LookupError for a part that is missing, and msgspec.MsgspecError for one that is not of this release.
        A room that came after the release that kept it stays empty.
        """
        self.picture.put_off_searches()
        there = [room for room in self.rooms if room.name in parts or room.name not in ADDED_ROOMS]
        ready = [room.restore(parts[room.name]) for room in there]
        ready += [self.disclosure.restore(parts[TOLD]), self.links.restore(parts[LINKS])]
        for make in ready:
            make()

    def replay(self, entries: Iterable[Entry]) -> int:
        """Fold a journal's entries in, the whole or what comes after what was restored; return how many there were."""
        count = 0
        self.picture.put_off_searches()
        for entry in entries:
            room = self.rooms.of_entry(entry.kind)
            if room is not None:
                room.evolve(room.decode(entry.body))
            elif entry.kind == TOLD:
                self.disclosure.fold(entry.body)
            self.links.absorb((entry,))
            count += 1
        self.picture.settle_searches()
        return count

    def _forget(self, before: datetime) -> None:
        """Leave out what was over before a time; the links do so by the journal's entry."""
        for room in self.rooms:
            room.forget(before)
        self.disclosure.forget(before)
