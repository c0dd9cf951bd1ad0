"""Somebody else answers at a peer's address: the people on the line are told."""

from __future__ import annotations

from contextlib import suppress

from detente.airspace.refusal import Refusal
from detente.line.alarms import AlarmKind
from detente.line.commands import RaiseAlarm
from detente.node.loop import CommandLoop, NodeStopped


async def raise_impostor_alarm(loop: CommandLoop, key: bytes, address: str) -> None:
    """Raise the alarm about the peer that has a public key and should answer at an address."""
    peer = loop.peers.with_key(key)
    if peer is not None:
        with suppress(Refusal, NodeStopped):
            await loop.decide(RaiseAlarm(loop.clock(), peer.name, AlarmKind.IMPOSTOR, address), urgent=True)
