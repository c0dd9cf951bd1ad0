"""Journals of every release replay in this one: what they said then, they say now. Later releases may add to it."""

from __future__ import annotations

import json
import lzma
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from node_parts import empty_state
from release_journals import MANIFEST, plain, state_of_rooms

from detente.link.card import read_card
from detente.record.entry import Entry, from_microseconds
from detente.record.rows import stored_rows
from detente.record.snapshot import open_snapshot
from detente.record.verification import verify_journal

RELEASES = sorted((Path(__file__).parents[1] / "data" / "journals").iterdir())


class StoredJournal:
    """The entries of a journal that nobody writes, up to the number `last`."""

    def __init__(self, path: Path, last: int) -> None:
        self._path = path
        self._last = last

    def read(self, first: int = 1) -> Iterator[Entry]:
        with open_snapshot(self._path) as (connection, _):
            for number, at_us, kind, body, digest, _signature in stored_rows(connection, first, self._last):
                yield Entry(number, from_microseconds(at_us), kind, body, digest)


def missing(held: object, stored: object, where: str = "state") -> str:
    """Say what was stored and is no longer held so; empty when all is. What is held beside it is new."""
    if isinstance(stored, dict) and isinstance(held, dict):
        found = (
            missing(held[name], one, f"{where}.{name}") if name in held else f"{where}.{name} is gone"
            for name, one in stored.items()
        )
        return next(filter(None, found), "")
    if isinstance(stored, list) and isinstance(held, list) and len(stored) == len(held):
        return next(filter(None, (missing(a, b, where) for a, b in zip(held, stored, strict=True))), "")
    return "" if held == stored else f"{where} is {held!r}, was {stored!r}"


@pytest.mark.parametrize("folder", RELEASES, ids=lambda folder: folder.name)
def test_the_journals_of_a_release_replay(folder, tmp_path):
    parties = json.loads(lzma.decompress((folder / MANIFEST).read_bytes()))
    cards = {name: read_card(party["card"].encode()) for name, party in parties.items()}
    for name, party in parties.items():
        path = tmp_path / f"{name}.sqlite"
        path.write_bytes(lzma.decompress((folder / f"{name}.sqlite.xz").read_bytes()))
        found = verify_journal(path, cards[name].key)
        assert found.ok
        assert [found.head.number, found.head.hash.hex()] == party["head"]
        station = SimpleNamespace(
            name=name, card=cards[name], trusted=[card for other, card in cards.items() if other != name],
            key=SimpleNamespace(public=cards[name].key), accord=None,
            authority=SimpleNamespace(public=bytes.fromhex(party["authority"])),
        )  # fmt: skip
        state = empty_state(station)
        state.replay(StoredJournal(path, found.head.number).read())
        held = json.loads(json.dumps(plain(state_of_rooms(state))))
        assert not missing(held, party["state"])
        assert missing(held, {**party["state"], "picture": {"party": "nobody"}}), "a change would not be seen"
