"""A node's directory made of a backup, on this machine or on another."""

from __future__ import annotations

import tempfile
from datetime import datetime
from pathlib import Path

from detente.airspace.refusal import Refusal
from detente.record.keys import sync_directory
from detente.settings.address import RunningNode
from detente.settings.moved import Moved, mark_moved
from detente.upkeep.backup import Manifest, make_backup, open_backup


def restore(file: Path, directory: Path, passphrase: bytes | None = None) -> Manifest:
    """Make the new directory of a node from a backup, once everything in it is verified; return what it holds.

    Raises Refusal and NotProvenError; there is no directory then.
    """
    if directory.exists():
        raise Refusal("node.directory_does_not_exist", "--dir", str(directory))
    try:
        with tempfile.TemporaryDirectory(prefix=f".{directory.name}.", dir=directory.parent) as place:
            target = Path(place) / "node"
            manifest = open_backup(file, target, passphrase)
            (target / "trusted").mkdir(exist_ok=True, mode=0o700)
            target.rename(directory)
    except OSError as error:
        raise Refusal(
            "node.place_where_directory_made", "--dir", str(directory), strerror=error.strerror or str(error)
        ) from None
    sync_directory(directory.parent)
    return manifest


def move(directory: Path, out: Path, at: datetime, passphrase: bytes | None = None) -> Manifest:
    """Write the backup of a stopped node, and mark its directory so that it never starts again.

    Raises Refusal when the node runs, and as `make_backup`; nothing is marked then.
    """
    with RunningNode(directory):
        manifest = make_backup(directory, out, at, passphrase)
        mark_moved(directory, Moved(at, str(out)))
    return manifest
