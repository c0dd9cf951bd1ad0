"""The parties this node talks with: every paired party, its key and addresses, and its open channels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from detente.accord.accords import Accords
from detente.link.allowance import LINE_ALLOWANCE, PLANNING_ALLOWANCE
from detente.link.card import Card
from detente.link.cards import Cards
from detente.link.links import Links
from detente.link.session import Session
from detente.room.channel import CHANNEL_HASH, Channel

ALLOWANCES = {Channel.STOP: LINE_ALLOWANCE, Channel.LINE: LINE_ALLOWANCE}
BETWEEN_PARTIES = (Channel.STOP, Channel.LINE, Channel.ROOMS)
"""The channels that are open with a party from the first accord on, whatever becomes of it."""


class Peer:
    """One paired party, by its card, and its open channels in the order of `Channel`.

    `key` is the public key (32 bytes) by which it is known for good, whichever signs for it now.
    """

    def __init__(self, name: str, cards: Cards) -> None:
        self.name = name
        self.key = cards.newest[name].key
        self._cards = cards
        self.sessions: dict[Channel, Session] = {}

    @property
    def card(self) -> Card:
        """Its newest card."""
        return self._cards.newest[self.name]

    @property
    def is_revoked(self) -> bool:
        """Whether its authority has revoked its key."""
        return self._cards.is_revoked(self.name)

    @property
    def addresses(self) -> tuple[str, ...]:
        """Where it is reached, by its newest card."""
        return self.card.addresses

    @property
    def planning(self) -> Session | None:
        """The session under the accord that stands or stood last, or None before the first."""
        return self.sessions.get(Channel.PLANNING)


class Peers:
    """Every paired party. The channel about accords is open with each; the others as the accords are."""

    def __init__(self, cards: Cards, links: Links, accords: Accords) -> None:
        self._links = links
        self._accords = accords
        self._cards = cards
        self._by_name: dict[str, Peer] = {}
        self._by_key: dict[bytes, Peer] = {}
        links.learn(links.own, cards.newest[cards.own].keys)
        for card in cards.peers:
            self.add(card.name)

    def add(self, name: str) -> None:
        """Talk with a party whose card is held."""
        peer = Peer(name, self._cards)
        self._by_name[name] = self._by_key[peer.key] = peer
        self._links.learn(peer.key, peer.card.keys)
        self._open(peer, {Channel.ACCORDS: CHANNEL_HASH[Channel.ACCORDS]})

    def remove(self, name: str) -> None:
        """Close every channel with a party."""
        peer = self._by_name.pop(name)
        del self._by_key[peer.key]
        self._open(peer, {})

    def __iter__(self) -> Iterator[Peer]:
        return iter(self._by_name.values())

    def named(self, name: str) -> Peer | None:
        """Return the peer of this name, or None."""
        return self._by_name.get(name)

    def with_key(self, key: bytes) -> Peer | None:
        """Return the peer with this public key, or None."""
        return self._by_key.get(key)

    def that_shows(self, keys: Sequence[bytes]) -> Peer | None:
        """Return the peer that has proven a key of its own, whether it signs now or did before; None for anybody else.

        `keys` are that key and those that it came after: a peer may have rotated its key since we last heard of it.
        """
        for peer in self:
            known = self._links.keys(peer.key)
            if keys and not peer.is_revoked and (keys[0] in known or known[-1] in keys):
                return peer
        return None

    def follow(self, at: datetime) -> None:
        """Open the channels that the accords with each peer ask for at a time, and close the others.

        With a peer whose key is revoked none is open.
        """
        hashes = self._accords.hashes(at)
        for peer in self:
            wanted = {Channel.ACCORDS: CHANNEL_HASH[Channel.ACCORDS]}
            if peer.name in hashes:
                wanted |= {channel: CHANNEL_HASH[channel] for channel in BETWEEN_PARTIES}
                wanted[Channel.PLANNING] = hashes[peer.name]
            self._open(peer, {} if peer.is_revoked else wanted)

    def _open(self, peer: Peer, wanted: dict[Channel, str]) -> None:
        for channel, session in peer.sessions.items():
            if wanted.get(channel) != session.outgoing.accord:
                self._links.close(peer.key, session.outgoing.accord)
        peer.sessions = {
            channel: self._links.open(peer.key, wanted[channel], ALLOWANCES.get(channel, PLANNING_ALLOWANCE))
            for channel in Channel
            if channel in wanted
        }
