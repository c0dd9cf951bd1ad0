"""One writer: a lock of the operating system that ends with the process that holds it, however the process ends."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from pathlib import Path

from detente.airspace.refusal import Refusal

_PATIENCE_S = 0.25
_PAUSE_S = 0.01


class WriterLock:
    """The right to write the journal `path`, held from construction to `release`.

    It is on a file of its own (``journal.sqlite.lock``), which stays: on the database itself it would undo SQLite's
    locks.
    Raises Refusal when another process, or this one, holds it.
    """

    def __init__(self, path: Path) -> None:
        self._descriptor = _open_lock(path, os.O_RDWR | os.O_CREAT)
        deadline = time.monotonic() + _PATIENCE_S
        while not _take(self._descriptor, fcntl.LOCK_EX):
            # A reader's `is_being_written` holds the lock for an instant.
            if time.monotonic() > deadline:
                holder = os.pread(self._descriptor, 32, 0).decode("ascii", "replace").strip()
                os.close(self._descriptor)
                raise Refusal(
                    "record.journal_no_process_writing", str(path), f"written by process {holder or 'unknown'}"
                )
            time.sleep(_PAUSE_S)
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    @property
    def is_held(self) -> bool:
        """Whether it has not been released."""
        return self._descriptor >= 0

    def release(self) -> None:
        """Let another process write."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def is_being_written(path: Path) -> bool:
    """Return whether a process holds the right to write the journal `path`."""
    with contextlib.suppress(OSError):
        descriptor = os.open(lock_path(path), os.O_RDONLY | os.O_CLOEXEC)
        try:
            return not _take(descriptor, fcntl.LOCK_SH)
        finally:
            os.close(descriptor)
    return False


def lock_path(path: Path) -> Path:
    """Return the file that is locked for the journal `path`; it stays beside it."""
    return path.with_name(path.name + ".lock")


def _open_lock(path: Path, flags: int) -> int:
    try:
        return os.open(lock_path(path), flags | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Refusal("record.journal_directory_exists_written", str(path), error.strerror or str(error)) from None


def _take(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
