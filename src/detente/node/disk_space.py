"""The space on the node's disk: what is kept for the line, and what is refused, in which order, as it runs out.

A file of fixed size holds a reserve. While it is there, planning is refused first, then everything but STOP and the
line; when even they have little left, the reserve is given up to them, and taken again once there is space.
"""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path

import msgspec
import structlog

from detente.airspace.refusal import Refusal
from detente.node.configuration import MEGABYTE, DiskSettings
from detente.room.channel import Channel

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
    """The space of one node's directory. With `most_mb` the disk counts as no larger than that."""

    def __init__(self, directory: Path, settings: DiskSettings) -> None:
        self._directory = directory
        self._reserve = directory / RESERVE_FILE
        self._reserve_bytes = settings.reserve_mb * MEGABYTE
        self._most_bytes = settings.most_mb * MEGABYTE
        self._said: DiskState | None = None
        self._take_reserve()

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
        """Return how the disk stands; give the reserve up or take it again, and say in the log what has changed."""
        free_bytes, whole_bytes = self._measured()
        if self._has_reserve and free_bytes < LINE_RESERVES * self._reserve_bytes:
            self._reserve.unlink()
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
        return self._reserve.exists()

    def _take_reserve(self) -> None:
        """Make the file of the reserve, on the disk and not in name only; without space for it there is none."""
        try:
            descriptor = os.open(self._reserve, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.posix_fallocate(descriptor, 0, self._reserve_bytes)
                os.ftruncate(descriptor, self._reserve_bytes)
            finally:
                os.close(descriptor)
        except OSError as error:
            self._reserve.unlink(missing_ok=True)
            log.error("no reserve for the line", why=error.strerror)

    def _measured(self) -> tuple[int, int]:
        """The free bytes and all bytes of the disk, as far as this node may use it."""
        disk = os.statvfs(self._directory)
        free_bytes, whole_bytes = disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize
        if not self._most_bytes:
            return free_bytes, whole_bytes
        taken_bytes = sum(_allocated(path) for path in self._directory.rglob("*"))
        return max(0, min(free_bytes, self._most_bytes - taken_bytes)), min(whole_bytes, self._most_bytes)


def _allocated(path: Path) -> int:
    try:
        return path.lstat().st_blocks * 512
    except OSError:
        # It is gone meanwhile.
        return 0
