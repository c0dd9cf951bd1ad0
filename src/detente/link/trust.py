"""The cards that a node trusts, one file each in its directory. Another key under a known name is refused."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from detente.airspace.refusal import Refusal
from detente.link.address import check_reachable
from detente.link.card import MAX_CARD_BYTES, Card, read_card, write_card
from detente.record.keys import sync_directory


class TrustStore:
    """The directory `path` with NAME.json for each trusted party."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def cards(self) -> list[Card]:
        """Return every trusted card, by name. Raises Refusal naming a file that is broken or was changed."""
        if not self.path.is_dir():
            return []
        return [read_card_file(file) for file in sorted(self.path.glob("*.json"))]

    def find(self, name: str) -> Card | None:
        """Return the trusted card of this name, or None."""
        return next((card for card in self.cards() if card.name == name), None)

    def check(self, card: Card) -> None:
        """Raise Refusal when `card` contradicts a trusted one: its name with another key, or its key by another name.

        Names that differ only in case are the same name; an older card of the same key is a replay. What goes to the
        addresses of a card must not cross a network in clear.
        """
        check_reachable(card.addresses, card.stop_addresses)
        for known in self.cards():
            same_name = known.name.casefold() == card.name.casefold()
            if same_name and known.public_key != card.public_key:
                raise Refusal(
                    "link.key_known_fingerprint", "public_key", card.public_key, known=known.name,
                    fingerprint=known.fingerprint, known_2=self._file(known.name).name, path=self.path.name,
                )  # fmt: skip
            if known.public_key == card.public_key and known.name != card.name:
                raise Refusal("link.name_key", "name", card.name, known=known.name)
            if same_name:
                check_same_line(card, known)
            if same_name and (len(card.rotations), card.issued_at) < (len(known.rotations), known.issued_at):
                raise Refusal(
                    "link.card_not_older", "issued_at", card.issued_at.isoformat(),
                    issued_at=known.issued_at.isoformat(),
                )  # fmt: skip

    def trust(self, card: Card) -> Path:
        """Write `card` durably and return its file. Raises Refusal as `check` does; the known card then stays."""
        self.check(card)
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = self._file(card.name)
        write_durably(file, write_card(card))
        return file

    def distrust(self, name: str) -> None:
        """Remove the trusted card of this name durably; raises Refusal when there is none."""
        try:
            self._file(name).unlink()
        except FileNotFoundError:
            known = ", ".join(card.name for card in self.cards()) or "none yet"
            raise Refusal("link.paired_party", "peer", name, known=known) from None
        sync_directory(self.path)

    def _file(self, name: str) -> Path:
        return self.path / f"{name}.json"


def check_same_line(card: Card, known: Card) -> None:
    """Raise Refusal when two cards of one party say that its key was rotated to two others."""
    if card.rotations[: len(known.rotations)] != known.rotations[: len(card.rotations)]:
        raise Refusal("link.one_rotation_of_key", "rotations", card.signing_key.hex(), known=known.signing_key.hex())


def check_owner_alone_writes(path: Path) -> None:
    """Raise Refusal when others than its owner may write to `path`: they could put a key of their own there."""
    mode = path.stat().st_mode
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise Refusal("link.what_only_owner_may", str(path), oct(stat.S_IMODE(mode)), path=str(path))


def read_card_file(file: Path) -> Card:
    """Return the card in `file`; raises Refusal naming the file and the field."""
    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_CARD_BYTES + 1)
    except OSError as error:
        raise Refusal("link.card_file_readable", str(file), error.strerror or str(error)) from None
    try:
        return read_card(data)
    except Refusal as refusal:
        raise refusal.at(f"{file}: {refusal.field}") from None


def write_durably(file: Path, data: bytes) -> None:
    """Replace `file` by `data` in one step that survives a loss of power. Only its owner may read it."""
    temporary = file.with_name(f".{file.name}.new")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(file)
    directory = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
