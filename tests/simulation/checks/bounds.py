"""Nothing grows without bound: what waits in memory stays small, whatever the network and the peers do."""

from __future__ import annotations

from station import Station

MOST_TASKS = 120
MOST_WAITING = 300


def check(station: Station) -> None:
    """Count what one node holds in memory for others."""
    if station.life is None or station.life.node is None or not hasattr(station.life.node, "loop"):
        return
    node = station.life.node
    tasks = station.life.machine.count_tasks()
    assert tasks <= MOST_TASKS, f"{station.name}: {tasks} tasks"
    waiting = len(node.loop._waiting) + len(node.loop._urgent)
    assert waiting <= MOST_WAITING, f"{station.name}: {waiting} requests wait for a turn"


def check_quiet(station: Station) -> None:
    """With nothing left to do, nothing is left waiting."""
    assert station.life is not None
    node = station.life.node
    assert not node.loop._waiting
    assert not node.loop._urgent
    assert not [name for name, count in node.admission._waiting.items() if count], "a place is still held"
