"""What a disk holds when the power goes: rebuilt from the system calls of a real process, as strace saw them.

The worst that POSIX allows is assumed: of a file only what was written before a successful fsync began is kept for
sure; of what was written after, any sectors may be on the disk, in any order, or none. What a name means is taken as
the process last set it.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

SECTOR = 512
TRACED = "openat,close,pwrite64,write,writev,sendto,sendmsg,fsync,fdatasync,ftruncate,rename,unlink"
COMMAND = ("strace", "-D", "-f", "-y", "-xx", "-s", "100000000", "-e", f"trace={TRACED}", "-e", "signal=none", "-o")
_LINE = re.compile(r"(\d+) +(?:<\.\.\. (\w+) resumed>)?(?:(\w+)\()?(.*)")
_STRING = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_FILE = re.compile(r"\d+<((?:\\x[0-9a-f]{2})+)>")
_NUMBERS = re.compile(r", (\d+)")
SOCKET = "socket:"


class Call(NamedTuple):
    """A system call: `begins` and `ends` are lines of the trace."""

    name: str
    begins: int
    ends: int
    path: str
    strings: tuple[bytes, ...]
    numbers: tuple[int, ...]
    result: int


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))


def calls(lines: Iterable[str]) -> Iterator[Call]:
    """The calls of a trace that came back, in the order in which they did."""
    open_calls: dict[str, tuple[int, str, str]] = {}
    for number, line in enumerate(lines):
        matched = _LINE.match(line)
        if matched is None:
            continue
        process, resumed, name, rest = matched.groups()
        begins = number
        if resumed:
            begins, name, before = open_calls.pop(process)
            rest = before + rest
        elif rest.endswith("<unfinished ...>"):
            open_calls[process] = (number, name, rest.removesuffix("<unfinished ...>"))
            continue
        arguments, _, result = rest.rpartition(" = ")
        value = re.match(r"-?\d+", result)
        if name is None or value is None:
            continue
        file = _FILE.search(result if name == "openat" else arguments)
        yield Call(
            name,
            begins,
            number,
            _bytes(file[1]).decode(errors="replace") if file else "",
            tuple(_bytes(text) for text in _STRING.findall(arguments)),
            tuple(int(text) for text in _NUMBERS.findall(_STRING.sub("", arguments))),
            int(value[0]),
        )


class _File:
    def __init__(self, content: bytes) -> None:
        self.kept = bytearray(content)
        self.place = 0
        self.pending: list[tuple[int, int, bytes | None]] = []
        """When it came back, where, and what; None cuts the file there."""


class TracedDisk:
    """The files of one directory, as a process changes them."""

    def __init__(self, directory: Path, before: Path) -> None:
        """`before` holds the files of `directory` from before the process began, all of them on the disk."""
        self._root = str(directory.resolve()) + "/"
        self._files = {path.name: _File(path.read_bytes()) for path in before.iterdir()}

    def apply(self, call: Call) -> None:
        """Take a call into account, at the moment at which it came back."""
        name = self._name(call.path)
        if call.result < 0:
            return
        if call.name in ("rename", "unlink"):
            self._rename(call)
        if name is None:
            return
        if call.name == "openat":
            file = self._files.setdefault(name, _File(b""))
            file.place = 0
            return
        file = self._files[name]
        if call.name == "pwrite64":
            file.pending.append((call.ends, call.numbers[-1], call.strings[0][: call.result]))
        elif call.name in ("write", "writev"):
            file.pending.append((call.ends, file.place, b"".join(call.strings)[: call.result]))
            file.place += call.result
        elif call.name == "ftruncate":
            file.pending.append((call.ends, call.numbers[-1], None))
        elif call.name in ("fsync", "fdatasync"):
            for change in [one for one in file.pending if one[0] < call.begins]:
                _change(file.kept, *change[1:])
            file.pending = [one for one in file.pending if one[0] >= call.begins]

    def after_power_loss(self, directory: Path, chance: random.Random, share: float) -> None:
        """Write what may be left to `directory`: what is kept, and about `share` of the sectors that may be there."""
        directory.mkdir()
        for name, file in self._files.items():
            content = bytearray(file.kept)
            for _, place, data in file.pending:
                if data is None:
                    if chance.random() < share:
                        _change(content, place, None)
                    continue
                for begin in range(0, len(data), SECTOR):
                    if chance.random() < share:
                        _change(content, place + begin, data[begin : begin + SECTOR])
            # The index of the write-ahead log lives in memory that is shared; it is made anew.
            if not name.endswith("-shm"):
                (directory / name).write_bytes(content)
                (directory / name).chmod(0o600)

    def _rename(self, call: Call) -> None:
        old = self._name(call.strings[0].decode())
        file = self._files.pop(old, None) if old is not None else None
        if call.name == "rename" and file is not None:
            new = self._name(call.strings[1].decode())
            if new is not None:
                self._files[new] = file

    def _name(self, path: str) -> str | None:
        return path.removeprefix(self._root) if path.startswith(self._root) else None


def _change(content: bytearray, place: int, data: bytes | None) -> None:
    if data is None:
        if place < len(content):
            del content[place:]
        else:
            content.extend(bytes(place - len(content)))
        return
    if place > len(content):
        content.extend(bytes(place - len(content)))
    content[place : place + len(data)] = data
