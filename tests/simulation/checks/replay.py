"""Replay of the journal equals the state, byte for byte: else a restart would change what a party promised."""

from __future__ import annotations

from node_parts import empty_state
from state_bytes import digests_of
from station import Station

from detente.node.snapshots import newest_cut, started


def check(station: Station) -> None:
    """Fold the journal into empty rooms and hold them against those at work. To be called between two turns.

    Another state begins with the newest snapshot, as a start does: it must be the same. Without a snapshot a start
    folds the journal in from its first entry, which is what the first state here did already.
    """
    assert station.life is not None
    assert station.life.node is not None
    journal = station.life.journal
    replayed = empty_state(station)
    replayed.replay(journal.read())
    expected = digests_of(replayed)
    _compare(station, "at work", digests_of(station.life.node.state), expected)
    if newest_cut(journal.read, journal.base.number + 1) is None:
        return
    from_snapshot, _ = started(lambda: empty_state(station), journal.path, journal.base, journal.read)
    _compare(station, "begun with a snapshot", digests_of(from_snapshot), expected)
    parts, whole = from_snapshot.keep(), replayed.keep()
    differing = [name for name in whole if parts[name] != whole[name]]
    assert not differing, f"{station.name}: snapshots of the same state differ in {', '.join(differing)}"


def _compare(station: Station, name: str, found: dict[str, str], expected: dict[str, str]) -> None:
    differing = [room for room in expected if found[room] != expected[room]]
    assert not differing, f"{station.name}: {name} and replayed differ in {', '.join(differing)}"
