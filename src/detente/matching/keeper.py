"""The store of a run: pieces of bytes by name, written durably, that must not be lost or computed twice."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from detente.airspace.refusal import Refusal

LARGEST_PIECE_BYTES = 1 << 30
SECRET_FILE = "secret.json"  # noqa: S105 the name of a file
_DIGEST_BYTES = 32


class Keeper(Protocol):
    """Stores pieces by name, such as "out/1-commit.match"; names have at most one slash."""

    def read(self, name: str) -> bytes | None:
        """The piece, or None where there is none."""

    def write(self, name: str, data: bytes) -> None:
        """Store a piece, whole or not at all, in place of an earlier one; it is on the disk when this returns."""


class MemoryKeeper:
    """Stores pieces as long as the program runs: for tests, and for carriers that store them elsewhere."""

    def __init__(self) -> None:
        self.pieces: dict[str, bytes] = {}

    def read(self, name: str) -> bytes | None:
        """The piece, or None where there is none."""
        return self.pieces.get(name)

    def write(self, name: str, data: bytes) -> None:
        """Store a piece."""
        self.pieces[name] = data


class FolderKeeper:
    """Stores pieces as files in a folder. Its methods raise Refusal when the disk fails."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, name: str) -> bytes | None:
        """The piece, or None where there is none."""
        file = self.folder / name
        try:
            if file.stat().st_size > LARGEST_PIECE_BYTES:
                raise Refusal(
                    "matching.at_most_bytes", str(file), f"{file.stat().st_size:,} bytes", most=LARGEST_PIECE_BYTES
                )
            return file.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Refusal("matching.file_readable", str(file), error.strerror or str(error)) from None

    def write(self, name: str, data: bytes) -> None:
        """Store a piece; files to hand over can be read by others, all other files only by their owner."""
        write_whole(self.folder / name, data, mode=0o644 if name.startswith("out/") else 0o600)


def keep_once(keeper: Keeper, name: str, data: bytes) -> None:
    """Store a piece unless the same bytes are stored already."""
    if keeper.read(name) != data:
        keeper.write(name, data)


def write_whole(file: Path, data: bytes, mode: int) -> None:
    """Write a file whole or not at all; its folder is made where there is none. Raises Refusal."""
    part = file.with_name(file.name + ".part")
    try:
        file.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        part.unlink(missing_ok=True)
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(file)
        folder = os.open(file.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise Refusal("matching.file_writable", str(file), error.strerror or str(error)) from None


def recall_from(keeper: Keeper) -> Callable[[str, Callable[[], bytes]], bytes]:
    """Return a function that reads a piece of work from "work/" when it is there and whole, else does and stores it."""

    def recall(name: str, work: Callable[[], bytes]) -> bytes:
        stored = keeper.read("work/" + name)
        if stored is not None:
            data = stored[_DIGEST_BYTES:]
            if hashlib.sha256(data).digest() == stored[:_DIGEST_BYTES]:
                return data
        data = work()
        keeper.write("work/" + name, hashlib.sha256(data).digest() + data)
        return data

    return recall
