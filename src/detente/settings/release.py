"""The release that runs the node of a directory: the file `release.json`, written when it begins to."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import Annotated

import msgspec

from detente.link.trust import write_durably

RELEASE_FILE = "release.json"


class Release(msgspec.Struct, frozen=True):
    """The version of a release, and since when (UTC) it runs the node of a directory."""

    version: str
    since: Annotated[datetime, msgspec.Meta(tz=True)]

    @property
    def order(self) -> tuple[int, ...]:
        """What is greater for a newer release."""
        return tuple(int(part) for part in re.findall(r"\d+", self.version))


def release_of(directory: Path) -> Release | None:
    """Return which release ran the node of a directory last; None where that is not known."""
    try:
        return msgspec.json.decode((directory / RELEASE_FILE).read_bytes(), type=Release)
    except (OSError, msgspec.MsgspecError):
        return None


def note_release(directory: Path, release: Release) -> None:
    """Write down which release runs the node of a directory. Raises OSError."""
    write_durably(directory / RELEASE_FILE, msgspec.json.encode(release) + b"\n")
