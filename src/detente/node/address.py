"""Which process runs the node of a directory, and where it listens: one at a time, found by the commands beside it."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import msgspec

from detente.airspace.refusal import Refusal
from detente.link.trust import write_durably

LOCK_FILE = "node.lock"
ADDRESS_FILE = "node.address"


class _Address(msgspec.Struct, frozen=True):
    url: str
    pid: int


class RunningNode:
    """Holds the directory for this process. The lock goes with the process, however it ends."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lock: IO[bytes] | None = None

    def __enter__(self) -> Self:
        lock = (self._directory / LOCK_FILE).open("ab")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            raise Refusal(
                "--dir", str(self._directory), "a directory whose node is not running", "Stop the other node first."
            ) from None
        self._lock = lock
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        (self._directory / ADDRESS_FILE).unlink(missing_ok=True)
        assert self._lock is not None
        self._lock.close()

    def listens_at(self, url: str) -> None:
        """Tell the commands beside it where the node listens."""
        write_durably(self._directory / ADDRESS_FILE, msgspec.json.encode(_Address(url, os.getpid())))


def address_of(directory: Path) -> str | None:
    """Return the URL of the node of a directory, or None when none has said that it runs."""
    try:
        return msgspec.json.decode((directory / ADDRESS_FILE).read_bytes(), type=_Address).url
    except (OSError, msgspec.MsgspecError):
        return None
