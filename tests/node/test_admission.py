"""One peer's many batches keep no other waiting, nor do strangers', nor any planning a STOP."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, datetime

from detente.link.envelope import NO_PREVIOUS, Direction, seal_envelope
from detente.link.links import Links
from detente.node.admission import MOST_WAITING, Admission
from detente.record.keys import NodeKey
from detente.room.channel import CHANNEL_HASH, Channel

OWN, NORTH, SOUTH, STRANGER = (NodeKey.generate() for _ in range(4))


def batch(key: NodeKey, accord: str = "a1" * 32) -> bytes:
    return seal_envelope(
        key, Direction(key.public, OWN.public, accord), 1, NO_PREVIOUS, datetime.now(UTC), "n", b""
    ).raw


def test_each_peer_has_its_own_places_and_strangers_share_theirs() -> None:
    links = Links(OWN.public)
    for key in (NORTH, SOUTH):
        links.open(key.public, "a1" * 32)
    admission = Admission(links)
    genuine = batch(SOUTH)
    place = genuine.index(b"signature ") + 10
    forged = genuine[:place] + (b"0" if genuine[place : place + 1] != b"0" else b"1") + genuine[place + 1 :]
    with ExitStack() as waiting:

        def admits(body: bytes) -> bool:
            return waiting.enter_context(admission.place(body))

        assert [admits(batch(NORTH)) for _ in range(MOST_WAITING + 2)] == [True] * MOST_WAITING + [False] * 2
        assert admits(batch(NORTH, CHANNEL_HASH[Channel.STOP])), "its STOP waits behind nothing"
        assert [admits(batch(STRANGER)) for _ in range(MOST_WAITING)] == [True] * MOST_WAITING
        assert not admits(b"garbage")
        assert not admits(forged), "whoever writes south's name without its key is a stranger"
        assert admits(batch(SOUTH))
    with ExitStack() as waiting:
        assert admits(batch(NORTH)), "places are free again"
