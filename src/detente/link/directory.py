"""The files of one node's directory: key, card, configuration, journal, trusted cards."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

import tomli_w

from detente.airspace.refusal import Refusal
from detente.link.card import Card, make_card, write_card
from detente.link.trust import TrustStore, read_card_file, write_durably
from detente.record.journal import Journal
from detente.record.keys import NodeKey

DEFAULT_PORT = 8440


class NodeDirectory:
    """Where the files of the node in `path` are."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.key_path = path / "node.key"
        self.card_path = path / "card.json"
        self.config_path = path / "detente.toml"
        self.journal_path = path / "journal.sqlite"
        self.trusted_path = path / "trusted"

    @property
    def trust(self) -> TrustStore:
        """The trusted cards."""
        return TrustStore(self.trusted_path)

    @property
    def exists(self) -> bool:
        """Whether this is a node's directory."""
        return self.key_path.is_file() and self.card_path.is_file()

    def check(self) -> None:
        """Raise Refusal unless this is a node's directory."""
        if not self.exists:
            raise Refusal(
                "--dir",
                str(self.path),
                "the directory of a node",
                f"Make one: detente init --dir {self.path} --name NAME",
            )

    def make(self, name: str, addresses: tuple[str, ...], now: datetime) -> Card:
        """Make the directory with a new key, card and configuration and an empty journal; return the card.

        Raises Refusal, with nothing made, for a name or an address that cannot be on a card, and when the directory
        holds any of these files.
        """
        for path in (self.key_path, self.card_path, self.config_path, self.journal_path):
            if path.exists():
                raise Refusal("--dir", str(path), "a directory without a node in it", "Choose another directory.")
        key = NodeKey.generate()
        card = make_card(key, name, addresses, now)
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.trusted_path.mkdir(exist_ok=True)
            key.save(self.key_path)
            write_durably(self.config_path, configuration_skeleton(card))
            Journal.open(self.journal_path, key).close()
            write_durably(self.card_path, write_card(card))
        except OSError as error:
            raise Refusal("--dir", str(self.path), "a directory that can be written", f"{error.strerror}.") from None
        return card

    def card(self) -> Card:
        """Return this node's own card."""
        self.check()
        return read_card_file(self.card_path)

    def names(self) -> Mapping[str, str]:
        """Return the names of the parties known here, by public key (hexadecimal)."""
        return {card.public_key: card.name for card in (self.card(), *self.trust.cards())}


def configuration_skeleton(card: Card) -> bytes:
    """Return the first `detente.toml` of a node: what it is called and where it listens, after its first address."""
    port = urlsplit(card.addresses[0]).port if card.addresses else None
    document = {"party": card.name, "http": {"host": "127.0.0.1", "port": port or DEFAULT_PORT}}
    return ("# Every setting is in docs/reference/configuration.md.\n" + tomli_w.dumps(document)).encode()
