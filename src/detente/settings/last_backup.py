"""What the node's directory says of its last backup: the file `last-backup.json`, which a backup leaves."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import Annotated

import msgspec

LAST_BACKUP_FILE = "last-backup.json"


class LastBackup(msgspec.Struct, frozen=True):
    """When the last backup was finished (UTC), and where it is."""

    at: Annotated[datetime, msgspec.Meta(tz=True)]
    path: str


def last_backup(directory: Path) -> LastBackup | None:
    """Return what is known of the last backup of the node in `directory`; None where nothing is."""
    try:
        return msgspec.json.decode((directory / LAST_BACKUP_FILE).read_bytes(), type=LastBackup)
    except (OSError, msgspec.MsgspecError):
        return None


def note_backup(directory: Path, made: LastBackup) -> None:
    """Write down in a node's directory that a backup was made, where it can be written: the backup stands anyhow."""
    part = directory / f"{LAST_BACKUP_FILE}.part"
    try:
        part.touch(mode=0o600)
        part.write_bytes(msgspec.json.encode(made))
        os.replace(part, directory / LAST_BACKUP_FILE)  # noqa: PTH105 - what it replaces may be there
    except OSError:
        part.unlink(missing_ok=True)
