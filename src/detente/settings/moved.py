"""The mark of a directory whose node was moved to another machine: two nodes with one key contradict each other."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import msgspec

from detente.airspace.refusal import Refusal
from detente.link.trust import write_durably

MOVED_FILE = "moved.json"


class Moved(msgspec.Struct, frozen=True):
    """When a node was moved, and the backup that holds it."""

    at: datetime
    backup: str


def mark_moved(directory: Path, moved: Moved) -> None:
    """Mark a directory so that its node never starts again."""
    write_durably(directory / MOVED_FILE, msgspec.json.encode(moved) + b"\n")


def check_not_moved(directory: Path) -> None:
    """Raise Refusal when the node of a directory was moved."""
    mark = directory / MOVED_FILE
    if not mark.exists():
        return
    try:
        moved = msgspec.json.decode(mark.read_bytes(), type=Moved)
        value = f"moved at {moved.at.isoformat(timespec='seconds')} as {moved.backup}"
    except (OSError, msgspec.MsgspecError):
        value = "moved"
    raise Refusal("node.directory_node_not_moved", "--dir", f"{directory}: {value}")
