"""The key of a running node is rotated, and what a crash left half done is finished at the next start.

The journal decides: the new key is on the disk before the journal says that it signs, and takes the old one's place
after.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

import structlog

from detente.airspace.refusal import Refusal
from detente.link.card import Card, make_card, write_card
from detente.link.cards import CardsRoom, RenewCard
from detente.link.certificate import succession
from detente.link.directory import NodeDirectory
from detente.link.tls import LinkTls
from detente.link.trust import write_durably
from detente.node.loop import CommandLoop
from detente.people.records import ActingPerson
from detente.record.journal import Journal
from detente.record.keys import NodeKey, passphrase_in_use, spoken_fingerprint
from detente.record.rotation import MOST_ROTATIONS, prepare_rotation

log = structlog.get_logger()


class KeyRotator:
    """Rotates the key of one running node, one time after the other. `make_key` gives a key that nobody else has."""

    def __init__(
        self, loop: CommandLoop, files: NodeDirectory, tls: LinkTls, make_key: Callable[[], NodeKey] = NodeKey.generate
    ) -> None:
        self._loop = loop
        self._files = files
        self._tls = tls
        self._make_key = make_key
        self._one_at_a_time = asyncio.Lock()

    async def rotate(self, by: ActingPerson) -> Card:
        """Make a new key, which signs from now on, and tell every peer, as an act of `by`; return our new card.

        Raises Refusal when our key is revoked, when it was rotated too often, or a file cannot be written.
        """
        async with self._one_at_a_time:
            key, cards = self._loop.key, self._loop.rooms.of_type(CardsRoom).state
            if cards.is_revoked(cards.own):
                raise Refusal("node.key_that_is_not_revoked", "node.key", spoken_fingerprint(key.public))
            if len(key.rotations) >= MOST_ROTATIONS:
                raise Refusal("record.most_rotations", "node.key", len(key.rotations), most=MOST_ROTATIONS)
            new = await asyncio.to_thread(_written, self._files, key, self._make_key())
            before, at = key.public, self._loop.clock()
            prepare_rotation(key, new, succession(key, new.public), at)
            await self._loop.rotate()
            card = _finished(self._files, key, at)
            self._tls.renew(at)
            await self._loop.decide(RenewCard(self._loop.clock(), card), by=by)
            old_and_new = {"old": spoken_fingerprint(before), "new": spoken_fingerprint(key.public)}
            log.warning("our key was rotated", **old_and_new)
            return card


def open_own_journal(files: NodeDirectory) -> tuple[Journal, NodeKey]:
    """Open the journal of a node, and return it with the key that signs it: after a crash amid a rotation the newer.

    Raises Refusal.
    """
    key = files.key()
    if key.rotations and not files.journal_path.exists():
        raise Refusal("node.journal_of_rotated_key", str(files.journal_path), "no such file")
    try:
        journal = Journal.open(files.journal_path, key)
    except Refusal:
        if not files.next_key_path.exists():
            raise
        key = NodeKey.load(files.next_key_path)
        if files.former_key_path.exists():
            key.take_former(files.former_key_path)
        journal = Journal.open(files.journal_path, key)
        files.next_key_path.replace(files.key_path)
        log.warning("a rotation of our key was finished", new=spoken_fingerprint(key.public))
    else:
        with suppress(FileNotFoundError):
            files.next_key_path.unlink()
    return journal, key


def renewed_card(files: NodeDirectory, key: NodeKey, at: datetime) -> Card | None:
    """Return our card, renewed and written, where the one in the directory lacks a rotation; None where it is whole."""
    card = files.card()
    return None if card.rotations == key.rotations else _with_rotations(files, key, at)


def _written(files: NodeDirectory, key: NodeKey, new: NodeKey) -> NodeKey:
    """Write the next key beside the present one, encrypted as that is."""
    passphrase = passphrase_in_use(files.key_path)
    new.replace(files.next_key_path, passphrase)
    key.keep_former(files.former_key_path, passphrase)
    return new


def _finished(files: NodeDirectory, key: NodeKey, at: datetime) -> Card:
    files.next_key_path.replace(files.key_path)
    return _with_rotations(files, key, at)


def _with_rotations(files: NodeDirectory, key: NodeKey, at: datetime) -> Card:
    held = files.card()
    card = make_card(key, held.name, held.addresses, max(at, held.issued_at), held.stop_addresses)
    write_durably(files.card_path, write_card(card))
    return card
