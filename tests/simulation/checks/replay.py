"""Replay of the journal equals the state, byte for byte: else a restart would change what a party promised."""

from __future__ import annotations

from node_parts import Rooms
from state_bytes import digests_of
from station import Station


def check(station: Station) -> None:
    """Fold the journal into empty rooms and hold them against those at work. To be called between two turns."""
    assert station.life is not None
    assert station.life.node is not None
    replayed = Rooms(station)
    replayed.replay(station.life.journal)
    found, expected = digests_of(station.life.node.rooms), digests_of(replayed)
    differing = [room for room in expected if found[room] != expected[room]]
    assert not differing, f"{station.name}: at work and replayed differ in {', '.join(differing)}"
