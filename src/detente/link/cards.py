"""The room of cards: renewed under the same key, so that peers go on with new addresses; rotated keys and revoked ones.

That a peer's key was rotated is shown to a person with both fingerprints: it is the peer's own word, signed with the
key that was compared by voice.

A key is revoked by its party's authority, whose own key is kept offline and stands in the accord: so nobody who has got
hold of the node's key can say it or take it back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any, ClassVar

import msgspec

from detente.accord.accords import Accords
from detente.airspace.refusal import Refusal
from detente.line.alarms import AlarmKind
from detente.line.commands import RaiseAlarm
from detente.link.card import Card, is_signed_by_itself
from detente.link.key_rotated import KeyRotatedMessage
from detente.link.revocation import read_revocation
from detente.record.keys import spoken_fingerprint
from detente.record.rotation import read_rotation
from detente.room.channel import Channel
from detente.room.message import Addressed, Heard, Message
from detente.room.room import Room


class CardRenewedMessage(Message, frozen=True, tag="card_renewed"):
    """The sender's newest card, of the key that signs its envelopes."""

    channel: ClassVar[Channel] = Channel.ACCORDS

    card: Card

    @property
    def subject(self) -> str:
        """The party whose card it is."""
        return self.card.name


class KeyRevokedMessage(Message, frozen=True, tag="key_revoked"):
    """The sender's authority revokes the sender's own key."""

    channel: ClassVar[Channel] = Channel.ACCORDS

    revocation: str


class RevokeKey(msgspec.Struct, frozen=True, tag_field="command", tag="revoke_key", forbid_unknown_fields=True):
    """The authority of our party, or of a peer, revokes that party's key: `revocation` is its exact text."""

    at: datetime
    revocation: str


class RenewCard(msgspec.Struct, frozen=True, tag_field="command", tag="renew_card", forbid_unknown_fields=True):
    """Our own card is this one from now on: every peer is told."""

    at: datetime
    card: Card


class CardRenewed(msgspec.Struct, frozen=True, tag_field="event", tag="card_renewed", forbid_unknown_fields=True):
    """A party, ours or a peer, has a newer card."""

    at: datetime
    card: Card


class KeyRevoked(msgspec.Struct, frozen=True, tag_field="event", tag="key_revoked", forbid_unknown_fields=True):
    """The key of `party` is void: nothing is exchanged with it any more."""

    at: datetime
    party: str
    revocation: str


class KeyRotated(msgspec.Struct, frozen=True, tag_field="event", tag="key_rotated", forbid_unknown_fields=True):
    """The peer `party` signs with another key from now on: `rotations`, exact, lead there from the key before."""

    at: datetime
    party: str
    rotations: tuple[str, ...]


class Cards:
    """The newest card of our own party and of each paired one, by name, and whose keys are revoked.

    `renewed` and `rotated` have, by the key that a party was first paired with, the newest card that came since and the
    exact rotations that it said, also of parties that are not paired any more: they may be paired again.
    """

    def __init__(self, own: Card, peers: Sequence[Card]) -> None:
        self.own = own.name
        self.newest = {card.name: card for card in (own, *peers)}
        self.renewed: dict[str, Card] = {}
        self.revoked: set[str] = set()
        self.rotated: dict[str, tuple[str, ...]] = {}

    def is_revoked(self, party: str) -> bool:
        """Whether the key that a party is paired with was revoked."""
        return self.newest[party].public_key in self.revoked

    def revoke(self, key: str) -> None:
        """Hold a key (hex) for void."""
        self.revoked.add(key)

    def news_in(self, party: str, rotations: Sequence[str]) -> tuple[str, ...]:
        """Return those of some exact rotations that go on from the key that signs for a party by its newest card."""
        held = self.newest[party]
        known, found = set(held.keys), []
        for text in rotations:
            rotation = read_rotation(text)
            if rotation.new not in known:
                known.add(rotation.new)
                found.append(text)
        return tuple(found)

    def rotate(self, party: str, rotations: Sequence[str]) -> None:
        """Hold the newer key of a party that is paired. Its own signature is missing until it sends its next card."""
        key = read_rotation(rotations[0]).party.hex()
        known = self.rotated.get(key, ())
        self.rotated[key] = (*known, *(text for text in rotations if text not in known))
        self._go_over(party, rotations)

    def renew(self, card: Card) -> None:
        """Hold the newer card of a party."""
        before = self.renewed.get(card.public_key)
        if before is None or _is_newer(card, before):
            self.renewed[card.public_key] = card
        held = self.newest.get(card.name)
        if held is not None and held.public_key == card.public_key and _is_newer(card, held):
            self.newest[card.name] = card

    def catch_up(self, party: str) -> None:
        """Hold the newest card of a paired party, and its newest key, of what has come before."""
        key = self.newest[party].public_key
        if key in self.renewed and self.renewed[key].name == party:
            self.renew(self.renewed[key])
        self._go_over(party, self.rotated.get(key, ()))

    def _go_over(self, party: str, rotations: Sequence[str]) -> None:
        held = self.newest.get(party)
        if held is None or not (news := self.news_in(party, rotations)):
            return
        last = read_rotation(news[-1])
        if read_rotation(news[0]).old == held.signing_key and last.party == held.key:
            self.newest[party] = msgspec.structs.replace(
                held, rotations=(*held.rotations, *news), encryption_key=last.encryption_key.hex()
            )

    def pair(self, card: Card) -> None:
        """Hold the card of a party that is paired, unless its newest is newer, and know what has come of it before."""
        held = self.newest.get(card.name)
        if held is None or held.public_key != card.public_key or _is_newer(card, held):
            self.newest[card.name] = card
            self.catch_up(card.name)

    def unpair(self, party: str) -> None:
        """Hold the card of a party no longer."""
        del self.newest[party]

    @property
    def peers(self) -> list[Card]:
        """The newest card of every peer."""
        return [card for name, card in self.newest.items() if name != self.own]


class _CardsKept(msgspec.Struct, frozen=True):
    renewed: dict[str, Card]
    revoked: set[str]
    rotated: dict[str, tuple[str, ...]]


CardEvent = CardRenewed | KeyRevoked | KeyRotated


class CardsRoom(Room[Cards, RenewCard | RevokeKey, CardEvent]):
    """Keeps the newest cards. A card of another key or name than the one that was paired is refused."""

    name = "card"
    commands = RenewCard | RevokeKey
    events = CardEvent
    messages = CardRenewedMessage | KeyRevokedMessage | KeyRotatedMessage
    kept = _CardsKept
    changes_standing = True

    def __init__(self, state: Cards, accords: Accords) -> None:
        super().__init__(state)
        self._accords = accords

    def decide(self, command: RenewCard | RevokeKey | Heard[Any]) -> list[CardEvent]:
        """Return what is news: a newer card, a revocation. Raises Refusal for what its party did not sign."""
        match command:
            case RenewCard(at=at, card=card):
                return self._renewed(at, self.state.own, card)
            case Heard(at=at, party=party, message=CardRenewedMessage(card)):
                return self._renewed(at, party, card)
            case Heard(at=at, party=party, message=KeyRotatedMessage(texts)):
                return self._rotated(at, party, texts)
            case RevokeKey(at=at, revocation=text) | Heard(at=at, message=KeyRevokedMessage(text)):
                return self._revoked(at, text, command.party if isinstance(command, Heard) else None)
            case _:
                return []

    def evolve(self, event: CardEvent) -> None:
        """Hold the newer card of a party that is paired, its newer key, or its key for void."""
        if isinstance(event, KeyRevoked):
            self.state.revoke(read_revocation(event.revocation).key)
            return
        if isinstance(event, KeyRotated):
            self.state.rotate(event.party, event.rotations)
            return
        self.state.renew(event.card)

    def restore(self, kept: bytes) -> Callable[[], None]:
        """See `Room.restore`: who is paired may have changed since."""
        read = msgspec.msgpack.decode(kept, type=_CardsKept)

        def make() -> None:
            state = self.state
            state.renewed, state.revoked, state.rotated = read.renewed, read.revoked, read.rotated
            for party in state.newest:
                state.catch_up(party)

        return make

    def messages_of(self, event: CardEvent) -> Iterator[Addressed]:
        """Yield our own card, and that our own key is revoked, for every peer."""
        for peer in self.state.peers:
            if isinstance(event, CardRenewed) and event.card.name == self.state.own:
                yield Addressed(peer.name, CardRenewedMessage(event.card))
            elif isinstance(event, KeyRevoked) and event.party == self.state.own:
                yield Addressed(peer.name, KeyRevokedMessage(event.revocation))

    def channels(self, message: Message) -> tuple[Channel, ...]:
        """See `Room.channels`. Which key signs is said on every channel."""
        return tuple(Channel) if isinstance(message, KeyRotatedMessage) else super().channels(message)

    def reactions(self, event: object) -> Iterator[RaiseAlarm]:
        """Yield an alarm: our people must know that nothing goes to a peer any more, or that another key signs."""
        if isinstance(event, KeyRotated):
            before, after = (read_rotation(text) for text in (event.rotations[0], event.rotations[-1]))
            detail = f"{spoken_fingerprint(before.old)} -> {spoken_fingerprint(after.new)}"
            yield RaiseAlarm(event.at, event.party, AlarmKind.KEY_ROTATED, detail)
        if isinstance(event, KeyRevoked) and event.party != self.state.own:
            at = read_revocation(event.revocation).revoked_at
            yield RaiseAlarm(event.at, event.party, AlarmKind.KEY_REVOKED, f"at {at.isoformat(timespec='seconds')}")

    def _renewed(self, at: datetime, party: str, card: Card) -> list[CardEvent]:
        held = self.state.newest[party]
        goes_on = card.rotations[: len(held.rotations)] == held.rotations if party == self.state.own else False
        same = card.rotations == held.rotations and card.encryption_key == held.encryption_key
        if (card.name, card.public_key) != (held.name, held.public_key) or not (goes_on or same):
            raise Refusal("link.name_keys_paired", "card.public_key", card.public_key, party=party)
        if not is_signed_by_itself(card):
            raise Refusal("link.card_own_key_signature_over", "card.signature", card.signature)
        return [CardRenewed(at, card)] if _is_newer(card, held) else []

    def _rotated(self, at: datetime, party: str, texts: tuple[str, ...]) -> list[CardEvent]:
        """Say once what each of a party's channels says by itself; the link has taken none that contradicts it."""
        news = self.state.news_in(party, texts)
        return [KeyRotated(at, party, news)] if news else []

    def _revoked(self, at: datetime, text: str, sender: str | None) -> list[CardEvent]:
        revocation = read_revocation(text)
        held = self.state.newest.get(revocation.name)
        if held is None or held.public_key != revocation.key or sender not in (None, revocation.name):
            raise Refusal("link.key_our_own_party", "revocation.key", revocation.key)
        authority = self._authority_of(revocation.name, at)
        if not authority or revocation.authority != authority:
            raise Refusal(
                "link.authority_accord", "revocation.authority", revocation.authority, revocation=revocation.name
            )
        return [] if self.state.is_revoked(revocation.name) else [KeyRevoked(at, revocation.name, text)]

    def _authority_of(self, party: str, at: datetime) -> str:
        """Return the key of a party's authority: our own by our configuration, a peer's by the accord with it."""
        if party == self.state.own:
            return self._accords.own.authority_key
        found = self._accords.latest(party, at)
        side = None if found is None else found[0].party(party)
        return "" if side is None else side.authority_key


def _is_newer(card: Card, held: Card) -> bool:
    return (len(card.rotations), card.issued_at) > (len(held.rotations), held.issued_at)
