"""A disk that forgets: what a journal's files hold after a crash at any of its writes, and disks that fail.

The real SQLite writes real files in memory (/dev/shm) through a VFS of ours: the operating system's own with `xWrite`,
`xTruncate`, `xSync`, `xRead` and `xDelete` looked at on the way. Of each file we keep what was synced, and every write
since. When the process is killed, the files stay as they were written. When the power goes, of what was not synced any
sectors may be there, in any order, or none: the worst that POSIX allows (as in `tests/utm/traced_disk.py`).
"""

from __future__ import annotations

import _sqlite3
import ctypes
import random
from ctypes import CFUNCTYPE, POINTER, c_char_p, c_int, c_int64, c_void_p
from enum import Enum
from pathlib import Path

SECTOR = 512
HEAD_SUFFIX = ".head"
_OK, _FULL, _IOERR = 0, 13, 10
_IOERR_READ, _IOERR_WRITE, _IOERR_FSYNC = _IOERR | 1 << 8, _IOERR | 3 << 8, _IOERR | 4 << 8


class Fault(Enum):
    """What befalls a disk: nothing, no room, an unreadable place, a loss of power, the death of its process."""

    NONE = "none"
    FULL = "full"
    READ_ERROR = "read_error"
    POWER_LOSS = "power_loss"
    KILLED = "killed"


class _File:
    def __init__(self, content: bytes) -> None:
        self.kept = bytearray(content)
        self.pending: list[tuple[int, bytes | None]] = []
        """Where, and what; None cuts the file there."""


class Disk:
    """The disk of one machine. `directory` holds its files as the running process sees them; a crash makes another.

    Attributes:
        directory: where the present process reads and writes.
        has_failed: the disk was full, or could not be read, since it was mended.
        is_off: a crash has happened within a call, and what the process does from here on never was.
        writes: how many writes there were since the process began.
    """

    def __init__(self, root: Path, chance: random.Random) -> None:
        self._root = root
        self._chance = chance
        self._life = 0
        self._files: dict[str, _File] = {}
        self._heads: list[bytes] = []
        self._head_file: str | None = None
        self._countdown = -1
        self._fault = Fault.NONE
        self._survivors: dict[str, bytes] | None = None
        self._backup: dict[str, bytes] | None = None
        self._begun_with: dict[str, bytes] | None = None
        self.is_off = False
        self.last_fault = Fault.NONE
        self.has_failed = False
        self.writes = 0
        self.directory = root / "0"
        self.directory.mkdir(parents=True)
        _Vfs.get().disks[str(self.directory)] = self

    def after(self, writes: int, fault: Fault) -> None:
        """Let `fault` happen `writes` writes from now (0: at the next one), whatever is being written then."""
        self._countdown, self._fault = writes, fault

    @property
    def waits_for_fault(self) -> bool:
        """Whether a fault was ordered that has not happened."""
        return self._countdown >= 0

    def mend(self) -> None:
        """Nothing is wrong with the disk any more."""
        self.has_failed = False
        self._fault, self._countdown = Fault.NONE, -1

    def everything_is_durable(self) -> None:
        """Take the files as they are now as written long ago."""
        self._files = {}
        for name in self._names():
            self._file(name)

    def _names(self) -> list[str]:
        """The files of the directory, and those in folders of it as "folder/name"."""
        paths = (path for path in self.directory.rglob("*") if path.is_file())
        return [str(path.relative_to(self.directory)) for path in paths]

    def crash(self, fault: Fault) -> None:
        """The process is killed, or the power goes, now; the machine starts anew on what is left."""
        if self._survivors is None:
            self._survive(fault)
        self.is_off = True

    def keep_backup(self) -> None:
        """Copy what the process began with: the files as they were then are a backup."""
        self._backup = self._begun_with

    def put_back(self) -> bool:
        """After a crash, put the backup in the place of what is left; False when there is none."""
        if self._backup is None or self._survivors is None:
            return False
        self._survivors = self._backup
        return True

    def restart(self) -> None:
        """Give the next process what is left after a crash, in a directory of its own."""
        assert self._survivors is not None
        self.detach()
        self._life += 1
        self.directory = self._root / str(self._life)
        self.directory.mkdir()
        self._begun_with = self._survivors
        for name, content in self._survivors.items():
            (self.directory / name).parent.mkdir(exist_ok=True)
            (self.directory / name).write_bytes(content)
            (self.directory / name).chmod(0o600)
        self._survivors, self.is_off = None, False
        self._fault, self._countdown, self._heads, self._head_file = Fault.NONE, -1, [], None
        self.writes, self.has_failed = 0, False
        _Vfs.get().disks[str(self.directory)] = self
        self.everything_is_durable()

    def detach(self) -> None:
        """Look at this disk's files no longer."""
        _Vfs.get().disks.pop(str(self.directory), None)

    def on_write(self, name: str, place: int, data: bytes) -> int:
        """Take note of a write before it is made; return SQLite's code."""
        if (code := self._before(name, place, data)) == _OK:
            self._file(name).pending.append((place, data))
        return code

    def on_truncate(self, name: str, size: int) -> int:
        """Take note of a cut before it is made; return SQLite's code."""
        if (code := self._before(name, size, None)) == _OK:
            self._file(name).pending.append((size, None))
        return code

    def on_sync(self, name: str) -> int:
        """What was written so far is there for good, unless the sync fails; return SQLite's code."""
        if (code := self._before(name, 0, b"")) != _OK:
            return _IOERR_FSYNC if code == _IOERR_WRITE else code
        file = self._file(name)
        for place, data in file.pending:
            _change(file.kept, place, data)
        file.pending.clear()
        return _OK

    def on_read(self) -> int:
        """Return SQLite's code for a read."""
        if self.is_off:
            return _IOERR_READ
        if self._fault is Fault.READ_ERROR and self._countdown <= 0:
            self._countdown = -1
            self.has_failed = True
            return _IOERR_READ
        return _OK

    def on_delete(self, name: str) -> int:
        """A file is gone, and stays gone; return SQLite's code."""
        if (code := self._before(name, 0, b"")) == _OK:
            self._files.pop(name, None)
        return code

    def _before(self, name: str, place: int, data: bytes | None) -> int:
        """Count a change, and let happen what was ordered for this moment."""
        if self.is_off:
            return _IOERR_WRITE
        self.writes += 1
        if self._countdown > 0:
            self._countdown -= 1
        elif self._countdown == 0:
            if self._fault is Fault.FULL:
                self.has_failed = True
                return _FULL
            if self._fault in (Fault.POWER_LOSS, Fault.KILLED):
                self._countdown = -1
                if data != b"" or place:
                    # The write that was under way when it happened may be there, in part.
                    self._file(name).pending.append((place, data))
                self._survive(self._fault, torn=(name, place, data))
                self.is_off = True
                return _IOERR_WRITE
        return _OK

    def _survive(self, fault: Fault, torn: tuple[str, int, bytes | None] | None = None) -> None:
        """Work out what the next process finds."""
        self.last_fault = fault
        files = {n: (self.directory / n).read_bytes() for n in self._names() if not n.endswith("-shm")}
        if fault is Fault.KILLED:
            if torn is not None and torn[2]:
                content = bytearray(files.get(torn[0], b""))
                _change(content, torn[1], torn[2][: self._chance.randrange(len(torn[2]) + 1)])
                files[torn[0]] = bytes(content)
        else:
            share = self._chance.choice((0.0, 0.2, 0.5, 0.9, 1.0))
            for name, file in self._files.items():
                files[name] = self._left_of(file, share)
            for name, newest in files.items():
                if name.endswith(HEAD_SUFFIX) and self._heads:
                    files[name] = self._chance.choice([*self._heads, newest])
        self._survivors = files

    def _left_of(self, file: _File, share: float) -> bytes:
        content = bytearray(file.kept)
        for place, data in file.pending:
            if data is None:
                if self._chance.random() < share:
                    _change(content, place, None)
                continue
            for begin in range(0, len(data), SECTOR):
                if self._chance.random() < share:
                    _change(content, place + begin, data[begin : begin + SECTOR])
        return bytes(content)

    def note_head(self) -> None:
        """Keep what the small file of the acknowledged head holds: it is not synced, and may be older after a crash."""
        if self._head_file is None:
            self._head_file = str(next(self.directory.glob(f"*{HEAD_SUFFIX}")))
        with open(self._head_file, "rb", buffering=0) as file:  # noqa: PTH123 - after every batch; pathlib is slow
            self._heads = [*self._heads[-3:], file.read()]

    def _file(self, name: str) -> _File:
        if name not in self._files:
            path = self.directory / name
            self._files[name] = _File(path.read_bytes() if path.exists() else b"")
        return self._files[name]


def _change(content: bytearray, place: int, data: bytes | None) -> None:
    if place > len(content):
        content.extend(bytes(place - len(content)))
    if data is None:
        del content[place:]
    else:
        content[place : place + len(data)] = data


_OPEN = CFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p, c_int, c_void_p)
_DELETE = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int)
_READ = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int, c_int64)
_WRITE = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int, c_int64)
_TRUNCATE = CFUNCTYPE(c_int, c_void_p, c_int64)
_SYNC = CFUNCTYPE(c_int, c_void_p, c_int)


class _VfsStruct(ctypes.Structure):
    """`sqlite3_vfs` up to what is looked at, and room for the rest (https://sqlite.org/c3ref/vfs.html)."""

    _fields_ = (
        ("version", c_int), ("file_bytes", c_int), ("longest_path", c_int), ("next", c_void_p), ("name", c_char_p),
        ("data", c_void_p), ("open", c_void_p), ("delete", c_void_p), ("rest", c_void_p * 14),
    )  # fmt: skip


class _Methods(ctypes.Structure):
    """`sqlite3_io_methods` (https://sqlite.org/c3ref/io_methods.html)."""

    _fields_ = (
        ("version", c_int), ("close", c_void_p), ("read", c_void_p), ("write", c_void_p), ("truncate", c_void_p),
        ("sync", c_void_p), ("rest", c_void_p * 13),
    )  # fmt: skip


class _Vfs:
    """The operating system's VFS under another name and as the default, with our functions before some of its own."""

    _made: _Vfs | None = None

    @classmethod
    def get(cls) -> _Vfs:
        if cls._made is None:
            cls._made = cls()
        return cls._made

    def __init__(self) -> None:
        self.disks: dict[str, Disk] = {}
        self._open_files: dict[int, tuple[Disk, str]] = {}
        self._tables: dict[int, _Methods] = {}
        self._kept_alive: list[object] = []
        library = ctypes.CDLL(_sqlite3.__file__)
        library.sqlite3_vfs_find.restype = POINTER(_VfsStruct)
        real = library.sqlite3_vfs_find(b"unix")
        self._real = real
        self._vfs = _VfsStruct.from_buffer_copy(real.contents)
        self._vfs.name = b"detente-simulated"
        self._real_open = _OPEN(real.contents.open)
        self._real_delete = _DELETE(real.contents.delete)
        opened, deleted = _OPEN(self._open), _DELETE(self._delete)
        self._vfs.open = ctypes.cast(opened, c_void_p)
        self._vfs.delete = ctypes.cast(deleted, c_void_p)
        self._kept_alive += [opened, deleted]
        if library.sqlite3_vfs_register(ctypes.byref(self._vfs), 1) != _OK:
            raise RuntimeError("SQLite does not take another VFS")

    def _open(self, _vfs: int, name: int | None, file: int, flags: int, out_flags: int) -> int:
        code = int(self._real_open(ctypes.addressof(self._real.contents), name, file, flags, out_flags))
        if code != _OK or not name:
            return code
        disk, base = self._disk_of(ctypes.string_at(name).decode())
        if disk is not None:
            self._open_files[file] = (disk, base)
            methods = ctypes.cast(file, POINTER(c_void_p))
            methods[0] = ctypes.addressof(self._table_of(methods[0]))
        return code

    def _disk_of(self, path: str) -> tuple[Disk | None, str]:
        """The disk that a file is on, and its name there; files in a folder of the directory are on it too."""
        directory, _, base = path.rpartition("/")
        if directory not in self.disks:
            directory, _, folder = directory.rpartition("/")
            base = f"{folder}/{base}"
        return self.disks.get(directory), base

    def _delete(self, _vfs: int, name: int, sync: int) -> int:
        disk, base = self._disk_of(ctypes.string_at(name).decode())
        if disk is not None and (code := disk.on_delete(base)) != _OK:
            return code
        return int(self._real_delete(ctypes.addressof(self._real.contents), name, sync))

    def _table_of(self, real: int) -> _Methods:
        """The table of a file's methods with ours in it, one for each of the operating system's."""
        if real in self._tables:
            return self._tables[real]
        theirs = _Methods.from_address(real)
        table = _Methods.from_buffer_copy(theirs)
        real_read, real_write, real_truncate = _READ(theirs.read), _WRITE(theirs.write), _TRUNCATE(theirs.truncate)
        open_files = self._open_files

        def read(file: int, buffer: int, size: int, place: int) -> int:
            code = open_files[file][0].on_read()
            return code or int(real_read(file, buffer, size, place))

        def write(file: int, buffer: int, size: int, place: int) -> int:
            disk, name = open_files[file]
            code = disk.on_write(name, place, ctypes.string_at(buffer, size))
            return code or int(real_write(file, buffer, size, place))

        def truncate(file: int, size: int) -> int:
            disk, name = open_files[file]
            code = disk.on_truncate(name, size)
            return code or int(real_truncate(file, size))

        def sync(file: int, _flags: int) -> int:
            disk, name = open_files[file]
            return disk.on_sync(name)

        callbacks = {"read": _READ(read), "write": _WRITE(write), "truncate": _TRUNCATE(truncate), "sync": _SYNC(sync)}
        for name, callback in callbacks.items():
            setattr(table, name, ctypes.cast(callback, c_void_p))
        self._kept_alive += [theirs, *callbacks.values()]
        self._tables[real] = table
        return table
