"""The cards that a node trusts, one file each in its directory. Another key under a known name is refused."""

from __future__ import annotations

import os
from pathlib import Path

from detente.airspace.refusal import Refusal
from detente.link.card import MAX_CARD_BYTES, Card, read_card, write_card


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

        Names that differ only in case are the same name; an older card of the same key is a replay.
        """
        for known in self.cards():
            same_name = known.name.casefold() == card.name.casefold()
            if same_name and known.public_key != card.public_key:
                raise Refusal(
                    "public_key", card.public_key, f"the key that {known.name} has: {known.fingerprint}",
                    "THE KEY OF A KNOWN PARTY HAS CHANGED: this is not who was paired, or its node was set up anew. "
                    f"Ask by voice. Only if they confirm it, remove {self._file(known.name).name} from "
                    f"{self.path.name}/ and pair again.",
                )  # fmt: skip
            if known.public_key == card.public_key and known.name != card.name:
                raise Refusal("name", card.name, f"the name that this key has here: {known.name}")
            if same_name and card.issued_at < known.issued_at:
                raise Refusal(
                    "issued_at", card.issued_at.isoformat(), f"a card not older than {known.issued_at.isoformat()}",
                    "Ask the party for its newest card.",
                )  # fmt: skip

    def trust(self, card: Card) -> Path:
        """Write `card` durably and return its file. Raises Refusal as `check` does; the known card then stays."""
        self.check(card)
        self.path.mkdir(parents=True, exist_ok=True)
        file = self._file(card.name)
        write_durably(file, write_card(card))
        return file

    def _file(self, name: str) -> Path:
        return self.path / f"{name}.json"


def read_card_file(file: Path) -> Card:
    """Return the card in `file`; raises Refusal naming the file and the field."""
    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_CARD_BYTES + 1)
    except OSError as error:
        raise Refusal(str(file), error.strerror or str(error), "a card file that can be read") from None
    try:
        return read_card(data)
    except Refusal as refusal:
        raise Refusal(f"{file}: {refusal.field}", refusal.value, refusal.expected, refusal.mend) from None


def write_durably(file: Path, data: bytes) -> None:
    """Replace `file` by `data` in one step that survives a loss of power."""
    temporary = file.with_name(f".{file.name}.new")
    with temporary.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(file)
    directory = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
