"""The files of one node's directory: key, card, configuration, journal, trusted cards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from detente.airspace.refusal import Refusal
from detente.link.address import check_reachable, in_clear, port_in
from detente.link.card import Card, make_card, write_card
from detente.link.trust import TrustStore, check_owner_alone_writes, read_card_file, write_durably
from detente.record.keys import NodeKey
from detente.room.exercise import is_exercise

PORT_FOR_PEOPLE = 9440
"""Where people and programs of the party reach its node, if nothing else is said."""
_PORTS_APART = 1_000
"""The port for people is so far above the one for peers, so that several nodes on one machine keep apart."""
_STOP_APART = 2_000
"""So far above it is the port for peers' STOP."""
_HIGHEST_PORT = 65_535


class NodeDirectory:
    """Where the files of the node in `path` are."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.key_path = path / "node.key"
        self.next_key_path = path / "node.key.next"
        self.former_key_path = path / "node.key.former"
        self.card_path = path / "card.json"
        self.config_path = path / "detente.toml"
        self.journal_path = path / "journal.sqlite"
        self.trusted_path = path / "trusted"

    @property
    def trust(self) -> TrustStore:
        """The trusted cards."""
        return TrustStore(self.trusted_path)

    def trusted_cards(self) -> list[Card]:
        """Return every trusted card; raises Refusal where one is of a party that must not be reached from here."""
        own, cards = self.card(), self.trust.cards()
        for card in cards:
            check_exercises_apart(own, card)
        return cards

    @property
    def exists(self) -> bool:
        """Whether this is a node's directory."""
        return self.key_path.is_file() and self.card_path.is_file()

    def check(self) -> None:
        """Raise Refusal unless this is a node's directory in which nobody but its owner writes."""
        if not self.exists:
            raise Refusal("link.directory_node", "--dir", str(self.path), path=str(self.path))
        for path in (self.path, self.trusted_path, self.card_path, *self.trusted_path.glob("*.json")):
            if path.exists():
                check_owner_alone_writes(path)

    def close_to_others(self) -> None:
        """Let nobody but their owner read the files of the journal: an earlier release left that to the umask."""
        for path in self.path.glob(f"{self.journal_path.name}*"):
            path.chmod(0o600)

    def make(self, name: str, addresses: tuple[str, ...], now: datetime, stop_addresses: tuple[str, ...] = ()) -> Card:
        """Make the directory with a new key, card and configuration and an empty journal; return the card.

        Raises Refusal, with nothing made, for a name or an address that cannot be on a card, and when the directory
        holds any of these files.
        """
        # A command that only asks the node does not wait for what writes a journal.
        from detente.record.journal import Journal  # noqa: PLC0415

        for path in (self.key_path, self.card_path, self.config_path, self.journal_path):
            if path.exists():
                raise Refusal("link.directory_without_node", "--dir", str(path))
        check_reachable(addresses, stop_addresses)
        key = NodeKey.generate()
        card = make_card(key, name, addresses, now, stop_addresses)
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.trusted_path.mkdir(exist_ok=True, mode=0o700)
            key.save(self.key_path)
            write_durably(self.config_path, configuration_skeleton(card))
            Journal.open(self.journal_path, key).close()
            write_durably(self.card_path, write_card(card))
        except OSError as error:
            raise Refusal(
                "link.directory_writable", "--dir", str(self.path), strerror=error.strerror or str(error)
            ) from None
        return card

    def card(self) -> Card:
        """Return this node's own card."""
        self.check()
        return read_card_file(self.card_path)

    def key(self) -> NodeKey:
        """Return this node's key, which knows from the card by which key the party is known; raises Refusal."""
        key, card = NodeKey.load(self.key_path), self.card()
        if key.public == card.signing_key:
            key.descend_from(card.key, card.rotations)
        if self.former_key_path.exists():
            key.take_former(self.former_key_path)
        return key

    def names(self) -> Mapping[str, str]:
        """Return the names of the parties known here, by public key (hexadecimal)."""
        return {card.public_key: card.name for card in (self.card(), *self.trust.cards())}


def check_exercises_apart(own: Card, other: Card) -> None:
    """Raise Refusal where one of two parties only exercises: neither reaches the other."""
    if is_exercise(own.name) != is_exercise(other.name):
        raise Refusal("link.exercises_apart", "name", other.name, own=own.name)


def port_for_people(port_for_peers: int | None) -> int:
    """Return the port to give people where peers have that one, or none that is said."""
    own = (port_for_peers or 0) + _PORTS_APART
    return own if port_for_peers and own <= _HIGHEST_PORT else PORT_FOR_PEOPLE


def usual_stop_addresses(addresses: Sequence[str]) -> tuple[str, ...]:
    """Return where a node with these addresses takes in STOP, if nothing else is said: each host, at a port of its own.

    A node that is reached on its own machine alone, in clear, has none.
    """
    found = []
    for address in addresses:
        parts = urlsplit(address)
        port = port_in(address) + _STOP_APART
        if not in_clear(address) and parts.hostname and port <= _HIGHEST_PORT:
            host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
            found.append(f"{parts.scheme}://{host}:{port}{parts.path}")
    return tuple(found)


def configuration_skeleton(card: Card) -> bytes:
    """Return the first `detente.toml` of a node: what it is called, and where it listens for people and for peers."""
    import tomli_w  # noqa: PLC0415 - as above

    port = urlsplit(card.addresses[0]).port if card.addresses else None
    http = {"host": "127.0.0.1", "port": port_for_people(port)}
    document: dict[str, object] = {"party": card.name, "http": http}
    if card.addresses and not in_clear(card.addresses[0]):
        every = "::" if ":" in (urlsplit(card.addresses[0]).hostname or "") else "0.0.0.0"  # noqa: S104
        document["link"] = {"host": every}
    return ("# Every setting is in docs/reference/configuration.md.\n" + tomli_w.dumps(document)).encode()
