"""Bringing a message of a run to the peer's node: in signed pieces, from where it left off, until all is held."""

from __future__ import annotations

import asyncio
import random
from http import HTTPStatus

import aiohttp
import structlog

from detente.airspace.refusal import Refusal
from detente.link.backoff import Backoff
from detente.link.card import Card
from detente.link.carrier import CARRIAGE_FAULTS, LinkClient, why_not_carried
from detente.matching.files import PIECE_BYTES, sign_piece
from detente.record.keys import NodeKey

MESSAGES_PATH = "/link/v1/matching"
OFFSET_HEADER, SIGNATURE_HEADER = "Detente-Offset", "Detente-Signature"
_BACKOFF = Backoff(first_s=0.05, longest_s=2.0)
_TIMEOUT = aiohttp.ClientTimeout(total=60.0, connect=5.0)

log = structlog.get_logger()


class RunNotHeldError(Exception):
    """The peer has no such run that goes on."""


async def deliver(client: LinkClient, peer: Card, key: NodeKey, run: str, name: str, raw: bytes) -> None:
    """Return when the peer, which has an address, holds the message; tries until cancelled. Raises RunNotHeldError.

    The first piece is empty: the answer says how much is there.
    """
    failures = held = 0
    piece = b""
    while True:
        address = peer.addresses[failures % len(peer.addresses)]
        headers = {
            OFFSET_HEADER: str(held),
            SIGNATURE_HEADER: sign_piece(key, run, name, held, piece).hex(),
            "Content-Type": "application/octet-stream",
        }
        try:
            path = f"{MESSAGES_PATH}/{run}/{name}"
            async with client.request(
                "PUT", address, path, peer.key, data=piece, headers=headers, timeout=_TIMEOUT
            ) as answer:
                if answer.status == HTTPStatus.GONE:
                    raise RunNotHeldError
                if answer.status == HTTPStatus.OK:
                    there = int((await answer.json())["held"])
                    if there == len(raw):
                        return
                    failures = failures + 1 if there == held and piece else 0
                    held = there if 0 <= there < len(raw) else 0
                else:
                    failures, held = failures + 1, 0
        except (*CARRIAGE_FAULTS, ValueError, KeyError, TypeError) as error:
            failures += 1
            log.debug("a message of a run waits", run=run, message=name, why=why_not_carried(error))
        if failures:
            await asyncio.sleep(_BACKOFF.delay_s(failures, random.SystemRandom().random()))
            piece = b""
        else:
            piece = raw[held : held + PIECE_BYTES]


def offset_of(header: str) -> int:
    """Read the header that says where a piece begins; raises Refusal."""
    if not (header.isascii() and header.isdigit() and len(header) < 16):
        raise Refusal("node.where_piece_begins_bytes", OFFSET_HEADER, header[:40])
    return int(header)
