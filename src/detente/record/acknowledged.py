"""The newest head that was acknowledged, in a small file beside the journal: a lower bound that needs no fsync.

When the newest batches of a journal are cut off (the write-ahead log was removed or damaged, or an older copy was put
back), the journal itself does not show it. So after each durable batch its head is written here too. The write survives
the end of the process, but not always a loss of power; after that the file may be older than the journal, never newer.
A journal that ends before this head has lost acknowledged entries.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from detente.record.entry import Head

_LINE = re.compile(rb"(\d{20}):([0-9a-f]{64})\n")


def acknowledged_path(path: Path) -> Path:
    """Return the file that holds the newest acknowledged head of the journal `path`."""
    return path.with_name(path.name + ".head")


def read_acknowledged_head(path: Path) -> Head | None:
    """Return the head that the journal `path` must have reached; None when none is known."""
    try:
        with acknowledged_path(path).open("rb") as stream:
            line = _LINE.fullmatch(stream.read(200))
    except OSError:
        return None
    return Head(int(line[1]), bytes.fromhex(line[2].decode())) if line else None


class AcknowledgedHead:
    """The file while its journal is open for writing."""

    def __init__(self, path: Path) -> None:
        """Open the file or make it. Raises OSError."""
        self._descriptor = os.open(acknowledged_path(path), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def write(self, head: Head) -> None:
        """Note that everything up to `head` is durable and may be acknowledged."""
        # One small write in place: within one sector, so that it is there whole or not at all.
        os.pwrite(self._descriptor, b"%020d:%b\n" % (head.number, head.hash.hex().encode()), 0)

    def close(self) -> None:
        """Make the file durable and close it."""
        os.fsync(self._descriptor)
        os.close(self._descriptor)
