"""The space on the node's disk: what is kept for the line, and what is refused, in which order, as it runs out.

A file of fixed size holds a reserve. While it is there, planning is refused first, then everything but STOP and the
line; when even they have little left, the reserve is given up to them, and taken again once there is space. All is
looked at through an open descriptor of the directory, so that it may be moved while the node runs.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import suppress
from enum import StrEnum
from pathlib import Path

import msgspec
import structlog

from detente.airspace.refusal import Refusal
from detente.room.channel import Channel
from detente.settings.configuration import MEGABYTE, DiskSettings

RESERVE_FILE = "reserve"
LOW_SHARE = 0.1
"""Below this share of the disk people are warned."""
PLANNING_RESERVES, OTHERS_RESERVES, LINE_RESERVES = 2.0, 1.0, 0.25
"""How much must be free beside the reserve, in reserves: for planning, for all else but the line, for the line. A turn
of the command loop writes 16 MB at the most, and they are written twice."""
COPIES = 6
"""So often what comes is written: as an event and to a few peers, to the log of SQLite and to the journal."""

log = structlog.get_logger()


class DiskState(StrEnum):
    """What the disk has space for, from the best."""

    ENOUGH = "enough"
    LOW = "low"
    NO_PLANNING = "no_planning"
    LINE_ONLY = "line_only"


class DiskView(msgspec.Struct, frozen=True):
    """How much of the disk is free beside the reserve, and what that leaves space for."""

    state: DiskState
    free_bytes: int
    whole_bytes: int


class DiskFullRefusal(Refusal):
    """There is no space for what was asked; it is answered with 507."""

    def __init__(self, view: DiskView, needed_bytes: float) -> None:
        free = f"{view.free_bytes / MEGABYTE:,.0f} MB free"
        super().__init__("node.space_on_disk", "disk", free, needed=needed_bytes / MEGABYTE)
        self.add_note("507")


class DiskSpace:
    """The space of one node's directory. With `most_mb` the disk counts as no larger than that.

    While the disk cannot be measured, what was measured before counts.
    """

    def __init__(self, directory: Path, settings: DiskSettings) -> None:
        """Raises OSError where there is no such directory."""
        self._fault: OSError | None = None
        self._path = directory
        self._directory = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._view = DiskView(DiskState.ENOUGH, 0, 0)
        self._reserve_bytes = settings.reserve_mb * MEGABYTE
        self._most_bytes = settings.most_mb * MEGABYTE
        self._said: DiskState | None = None
        self._take_reserve()

    def check_measured(self) -> None:
        """Measure; raise OSError where that cannot be done, or where the directory is not where it was any longer.

        What has to be found by its path, as a restart or a backup has it, would fail then.
        """
        self.look()
        if self._fault is not None:
            raise self._fault
        if not os.path.samestat(os.fstat(self._directory), self._path.stat()):
            raise FileNotFoundError(errno.ENOENT, "another directory is where the node's was", str(self._path))

    def close(self) -> None:
        """Leave the directory."""
        os.close(self._directory)

    def check(self, channel: Channel, size_bytes: int = 0) -> None:
        """Raise DiskFullRefusal unless there is space for what belongs to a channel, of this size as it came."""
        view = self.look()
        match channel:
            case Channel.STOP | Channel.LINE:
                return
            case Channel.PLANNING:
                needed_bytes = PLANNING_RESERVES * self._reserve_bytes
            case _:
                needed_bytes = OTHERS_RESERVES * self._reserve_bytes
        needed_bytes += COPIES * size_bytes
        if view.free_bytes < needed_bytes:
            raise DiskFullRefusal(view, needed_bytes)

    def look(self) -> DiskView:
        """Return how the disk stands; give the reserve up or take it again, and say in the log what has changed.

        Where the disk cannot be measured, it stands as it did.
        """
        try:
            self._view, self._fault = self._look(), None
        except OSError as error:
            self._fault = error
        return self._view

    def _look(self) -> DiskView:
        free_bytes, whole_bytes = self._measured()
        if self._has_reserve and free_bytes < LINE_RESERVES * self._reserve_bytes:
            os.unlink(RESERVE_FILE, dir_fd=self._directory)
            log.critical("the disk is full: the reserve is given up to the line", free_mb=free_bytes // MEGABYTE)
        elif not self._has_reserve and free_bytes > (1.0 + OTHERS_RESERVES) * self._reserve_bytes:
            self._take_reserve()
        # Measured anew: what the reserve was, or was not, has changed.
        free_bytes, whole_bytes = self._measured()
        spare_bytes = max(0, free_bytes if self._has_reserve else free_bytes - self._reserve_bytes)
        state = self._state(spare_bytes, whole_bytes)
        if state is not self._said and (self._said or state is not DiskState.ENOUGH):
            say = log.info if state is DiskState.ENOUGH else log.error
            say("disk space", state=str(state), free_mb=spare_bytes // MEGABYTE, of_mb=whole_bytes // MEGABYTE)
        self._said = state
        return DiskView(state, spare_bytes, whole_bytes)

    def _state(self, spare_bytes: int, whole_bytes: int) -> DiskState:
        if spare_bytes < OTHERS_RESERVES * self._reserve_bytes:
            return DiskState.LINE_ONLY
        if spare_bytes < PLANNING_RESERVES * self._reserve_bytes:
            return DiskState.NO_PLANNING
        return DiskState.LOW if spare_bytes < LOW_SHARE * whole_bytes else DiskState.ENOUGH

    @property
    def _has_reserve(self) -> bool:
        try:
            os.stat(RESERVE_FILE, dir_fd=self._directory)
        except FileNotFoundError:
            return False
        return True

    def _take_reserve(self) -> None:
        """Make the file of the reserve, on the disk and not in name only; without space for it there is none."""
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
            descriptor = os.open(RESERVE_FILE, flags, 0o600, dir_fd=self._directory)
            try:
                os.posix_fallocate(descriptor, 0, self._reserve_bytes)
                os.ftruncate(descriptor, self._reserve_bytes)
            finally:
                os.close(descriptor)
        except OSError as error:
            with suppress(OSError):
                os.unlink(RESERVE_FILE, dir_fd=self._directory)
            log.error("no reserve for the line", why=error.strerror)

    def _measured(self) -> tuple[int, int]:
        """The free bytes and all bytes of the disk, as far as this node may use it."""
        disk = os.statvfs(self._directory)
        free_bytes, whole_bytes = disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize
        if not self._most_bytes:
            return free_bytes, whole_bytes
        taken_bytes = sum(self._allocated())
        return max(0, min(free_bytes, self._most_bytes - taken_bytes)), min(whole_bytes, self._most_bytes)

    def _allocated(self) -> Iterator[int]:
        for _, folders, files, folder in os.fwalk(".", dir_fd=self._directory):
            for name in (*folders, *files):
                # It may be gone meanwhile.
                with suppress(OSError):
                    yield os.stat(name, dir_fd=folder, follow_symlinks=False).st_blocks * 512
