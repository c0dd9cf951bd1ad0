"""The files of one node's directory: key, card, configuration, journal, trusted cards."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import tomli_w

from detente.airspace.refusal import Refusal
from detente.link.card import Card
from detente.link.trust import TrustStore, read_card_file, write_durably

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

    def card(self) -> Card:
        """Return this node's own card."""
        self.check()
        return read_card_file(self.card_path)

    def names(self) -> Mapping[str, str]:
        """Return the names of the parties known here, by public key (hexadecimal)."""
        return {card.public_key: card.name for card in (self.card(), *self.trust.cards())}


def configuration_skeleton(card: Card) -> bytes:
    """Return the first `detente.toml` of a node: what it is called and where it listens."""
    document = {"party": card.name, "http": {"host": "127.0.0.1", "port": DEFAULT_PORT}}
    heading = "# A Détente node. Every setting is described in docs/reference/configuration.md.\n\n"
    return (heading + tomli_w.dumps(document)).encode()


def write_configuration(directory: NodeDirectory, card: Card) -> None:
    """Write the first configuration; raises Refusal when there is one already."""
    if directory.config_path.exists():
        raise Refusal("--dir", str(directory.config_path), "a directory without a configuration yet")
    write_durably(directory.config_path, configuration_skeleton(card))
