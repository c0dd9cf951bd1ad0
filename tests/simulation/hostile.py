"""What one party does against another with its own good key, and a stranger with none: nothing of it may do harm.

Nonsense that is well signed, another content under a number that was used, old batches again, floods, numbers far
ahead, receipts for what was never sent, and bytes that are no batch at all.
"""

from __future__ import annotations

import asyncio
import random

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from network import Network
from station import Station

from detente.link.answer import DeliveryAnswer, write_answer
from detente.link.envelope import Direction, seal_envelope
from detente.link.receipt import sign_receipt
from detente.link.session import Session
from detente.record.keys import NodeKey

MEAN_PAUSE_S = 12.0
FLOOD = 120
KINDS = (
    "plan_declared", "plan_withdrawn", "notice_given", "measure_proposed", "line_message", "line_receipt",
    "zone_proposed", "accord_suspended", "request", "incident", "no_such_message",
)  # fmt: skip
BODIES = (
    b"", b"{", b"null", b"[]", b"{}", b'{"message": "plan_declared"}', b'{"plan_id": "x"}', b"\xff\xfe", b"9" * 5000,
    b'{"fact": "accord_suspended", "party": "south"}', b"[" * 2000,
)  # fmt: skip


class Hostile:
    """The party whose key is `attacker`'s, against every other station."""

    def __init__(self, attacker: Station, victims: list[Station], network: Network, chance: random.Random) -> None:
        self._attacker = attacker
        self._victims = victims
        self._network = network
        self._chance = chance
        self._over = False
        self._stranger = NodeKey(Ed25519PrivateKey.from_private_bytes(chance.randbytes(32)))
        network.answers_of[attacker.address] = self._false_answer

    def stop(self) -> None:
        """Be peaceful from now on."""
        self._over = True
        self._network.answers_of.pop(self._attacker.address, None)

    async def run(self) -> None:
        """Attack until `stop`."""
        while not self._over:
            await asyncio.sleep(self._chance.expovariate(1.0 / MEAN_PAUSE_S))
            victim = self._chance.choice(self._victims)
            attack = self._chance.choice(
                (
                    self._nonsense,
                    self._equivocate,
                    self._repeat,
                    self._flood,
                    self._far_ahead,
                    self._as_stranger,
                    self._noise,
                )
            )
            if victim.life is not None and victim.life.node is not None and not self._over:
                attack(victim)
                self._attacker.note(f"attacks {victim.name}: {attack.__name__[1:]}")

    def _session(self, victim: Station) -> Session | None:
        """A link as the victim sees it."""
        links = [one for one in victim.life.node.state.links if one.outgoing.recipient == self._attacker.key.public]
        return self._chance.choice(links) if links else None

    def _sealed(self, victim: Station, key: NodeKey, ahead: int, previous: bytes | None = None) -> bytes:
        session = self._session(victim)
        if session is None:
            return b""
        incoming, chance = session.incoming, self._chance
        direction = (
            incoming if key is self._attacker.key else Direction(key.public, incoming.recipient, incoming.accord)
        )
        number = max(1, session.received_number + ahead)
        before = session.received_hash if previous is None else previous
        return seal_envelope(
            key, direction, number, before, self._attacker.clock(), chance.choice(KINDS), chance.choice(BODIES)
        ).raw

    def _nonsense(self, victim: Station) -> None:
        self._network.inject(victim.address, self._sealed(victim, self._attacker.key, 1))

    def _equivocate(self, victim: Station) -> None:
        ahead = self._chance.choice((0, 0, -1, 1))
        self._network.inject(victim.address, self._sealed(victim, self._attacker.key, ahead, bytes(31) + b"\x01"))

    def _repeat(self, victim: Station) -> None:
        batches = self._network.batches
        if batches:
            self._network.inject(victim.address, self._chance.choice(batches)[2])

    def _flood(self, victim: Station) -> None:
        batch = self._sealed(victim, self._attacker.key, self._chance.choice((0, 1, 5)))
        for _ in range(FLOOD):
            self._network.inject(victim.address, batch)

    def _far_ahead(self, victim: Station) -> None:
        self._network.inject(victim.address, self._sealed(victim, self._attacker.key, 10**6))

    def _as_stranger(self, victim: Station) -> None:
        self._network.inject(victim.address, self._sealed(victim, self._stranger, 1))

    def _noise(self, victim: Station) -> None:
        self._network.inject(victim.address, self._chance.randbytes(self._chance.choice((1, 100, 5_000))))

    def _false_answer(self, batch: bytes, status: int, answer: bytes) -> tuple[int, bytes]:
        """Now and then a receipt for what was never sent, or an answer that is none."""
        if self._chance.random() > 0.03:
            return status, answer
        session = self._session(self._chance.choice([one for one in self._victims if one.life] or self._victims))
        if session is None or self._chance.random() < 0.3:
            return status, self._chance.choice(BODIES)
        last = session.sent_number + self._chance.choice((0, 1, 1000))
        receipt = sign_receipt(
            self._attacker.key, session.outgoing, max(1, last - 1), max(1, last), bytes(32), self._attacker.clock()
        )
        return 200, write_answer(DeliveryAnswer(last + 1, (receipt.raw.decode(),)))
