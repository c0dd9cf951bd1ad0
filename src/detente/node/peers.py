"""The parties this node talks with under the accord in force: their keys, addresses and links."""

from __future__ import annotations

from collections.abc import Iterator

from detente.accord.terms import Accord
from detente.airspace.refusal import Refusal
from detente.link.card import Card
from detente.link.links import Links
from detente.link.session import Session


class Peer:
    """One peer with an open link. `key` is its public key (32 bytes)."""

    def __init__(self, name: str, key: bytes, addresses: tuple[str, ...], session: Session) -> None:
        self.name = name
        self.key = key
        self.addresses = addresses
        self.session = session


class Peers:
    """The peers of the accord in force whose cards are trusted, and the parties of it whose cards are not (yet)."""

    def __init__(self, peers: tuple[Peer, ...] = (), unpaired: tuple[str, ...] = ()) -> None:
        self._by_name = {peer.name: peer for peer in peers}
        self._by_key = {peer.key: peer for peer in peers}
        self.unpaired = unpaired

    def __iter__(self) -> Iterator[Peer]:
        return iter(self._by_name.values())

    def named(self, name: str) -> Peer | None:
        """Return the peer of this name, or None when it has no open link."""
        return self._by_name.get(name)

    def with_key(self, key: bytes) -> Peer | None:
        """Return the peer with this public key, or None."""
        return self._by_key.get(key)


def open_peers(accord: Accord, accord_hash: str, own: Card, trusted: list[Card], links: Links) -> Peers:
    """Open a link with every party of the accord whose card is trusted.

    Raises Refusal when our own or a trusted party's key is not the one in the accord: then two parties mean different
    things by the same name.
    """
    ours = accord.party(own.name)
    if ours is None or ours.public_key != own.public_key:
        raise Refusal(
            f"accord {accord.name}, parties", own.name if ours is None else ours.public_key,
            f"{own.name} with its key {own.public_key}", "The accord must name this node's party with its own key.",
        )  # fmt: skip
    cards = {card.name: card for card in trusted}
    peers: list[Peer] = []
    unpaired: list[str] = []
    for party in accord.parties:
        if party.name == own.name:
            continue
        card = cards.get(party.name)
        if card is None:
            unpaired.append(party.name)
        elif card.public_key != party.public_key:
            raise Refusal(
                f"accord {accord.name}, parties.{party.name}.public_key", party.public_key,
                f"the key on the trusted card, {card.public_key}",
                "Ask by voice which key is right: this accord is with somebody else than who was paired.",
            )  # fmt: skip
        else:
            peers.append(Peer(party.name, card.key, card.addresses, links.open(card.key, accord_hash)))
    return Peers(tuple(peers), tuple(unpaired))
