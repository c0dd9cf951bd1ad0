"""Cards that peers have renewed are kept in the directory too: commands beside the node, and a restore, need them."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import structlog

from detente.airspace.refusal import Refusal
from detente.link.card import Card, is_signed_by_itself
from detente.link.cards import CardsRoom
from detente.link.directory import NodeDirectory
from detente.node.loop import CommandLoop, NodeStopped

log = structlog.get_logger()


async def keep_trusted_cards(loop: CommandLoop, files: NodeDirectory) -> None:
    """Write down every newer card of a paired party as it comes, until the node stops."""
    room = loop.rooms.of_type(CardsRoom)
    seen = 0
    with suppress(NodeStopped):
        while not loop.news.over:
            cards = await loop.read(lambda: list(room.state.peers))
            await asyncio.to_thread(_write, files, cards)
            await loop.news.after(room.name, seen)
            seen = loop.news.last(room.name)


def _write(files: NodeDirectory, cards: list[Card]) -> None:
    for card in cards:
        try:
            trusted = files.trust.find(card.name)
            # What only an envelope has said of a newer key becomes a card when the peer sends its own.
            if trusted is not None and trusted != card and is_signed_by_itself(card):
                files.trust.trust(card)
        except (Refusal, OSError) as fault:
            log.warning("a newer card was not written", peer=card.name, why=str(fault))
