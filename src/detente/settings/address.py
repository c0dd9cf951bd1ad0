"""Which process runs the node of a directory, and where it listens: one at a time, found by the commands beside it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import msgspec

from detente.airspace.refusal import Refusal
from detente.link.trust import write_durably
from detente.settings.moved import check_not_moved

LOCK_FILE = "node.lock"
ADDRESS_FILE = "node.address"


SOCKET_FILE = "node.socket"
"""Through it the commands beside the node reach it: only its owner may open it, and nobody else's calls are before."""
STOP_SOCKET_FILE = "stop.socket"
"""Through it `detente line stop` reaches the node: no other command's calls are before."""


class _Address(msgspec.Struct, frozen=True):
    url: str
    pid: int


class RunningNode:
    """Holds the directory for this process. The lock goes with the process, however it ends."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lock: IO[bytes] | None = None

    def __enter__(self) -> Self:
        check_not_moved(self._directory)
        file = self._directory / LOCK_FILE
        lock = os.fdopen(os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600), "ab")
        # An earlier release left it to the umask: who can open it can hold it, and keep the node from starting.
        os.fchmod(lock.fileno(), 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            raise Refusal("node.directory_whose_node", "--dir", str(self._directory)) from None
        self._lock = lock
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        (self._directory / ADDRESS_FILE).unlink(missing_ok=True)
        assert self._lock is not None
        self._lock.close()

    def listens_at(self, url: str) -> None:
        """Tell the commands beside it that the node runs, and where it listens for people; empty for nowhere."""
        write_durably(self._directory / ADDRESS_FILE, msgspec.json.encode(_Address(url, os.getpid())))


def is_running(directory: Path) -> bool:
    """Return whether a process runs the node of a directory, whether it answers or not."""
    try:
        with (directory / LOCK_FILE).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def address_of(directory: Path) -> str | None:
    """Return the URL for people of the node of a directory, or None when none has said that it runs."""
    try:
        return msgspec.json.decode((directory / ADDRESS_FILE).read_bytes(), type=_Address).url
    except (OSError, msgspec.MsgspecError):
        return None


@contextmanager
def socket_path(directory: Path, file: str) -> Iterator[str]:
    """Give a path to a socket file of the node that is short enough for the system, however long the directory's is."""
    opened = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{opened}/{file}"
    finally:
        os.close(opened)
