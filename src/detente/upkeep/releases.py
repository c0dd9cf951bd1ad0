"""An upgrade that can be undone: what the release before wrote is kept, and the directory goes back to it.

The first start of another release keeps a copy of the journal and of what goes with it, before anything is written.
Closed segments never change: the copy shares their files. The key, our card and those of peers are no part of it: they
stay as they are now, since a peer believes no key that was rotated.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import msgspec
import structlog

import detente
from detente.airspace.refusal import Refusal
from detente.link.directory import NodeDirectory
from detente.record.keys import sync_directory
from detente.record.segments import SEGMENT_FOLDER
from detente.record.tail import read_tail
from detente.record.verification import verify_journal
from detente.settings.address import RunningNode
from detente.settings.release import Release, note_release, release_of
from detente.upkeep.backup import WRITTEN_BY_RELEASE, NotProvenError

KEPT_FOLDER = "earlier-release"
ASIDE_FOLDER = "newer-release"
_LAST_IN_PLACE = "detente.toml"
"""Without its configuration no node starts: it goes first and comes last, whatever ends the way in between."""
_OF_A_PROCESS = (".lock", "-shm")

log = structlog.get_logger()


class GoneBack(msgspec.Struct, frozen=True):
    """A node that went back to an earlier release.

    Attributes:
        version: that release; empty where it wrote none down.
        kept_at: when what it wrote was kept (UTC), None where that is not known.
        journal_number: the last entry of its journal, `journal_hash` its hash.
        aside: the folder where what the newer release wrote is now.
    """

    version: str
    kept_at: datetime | None
    journal_number: int
    journal_hash: str
    aside: str


def begin_release(directory: Path, at: datetime) -> None:
    """Keep what another release wrote, and note that this one runs the node; nothing where it did before.

    The caller holds the directory. What cannot be kept, on a full disk, keeps no line from starting: the log says it.
    Raises Refusal where a newer release ran the node.
    """
    held, own = release_of(directory), Release(detente.__version__, at)
    if held is not None and held.version == own.version:
        return
    if held is not None and held.order > own.order:
        raise Refusal(
            "node.directory_of_this_release", "--dir", f"{directory}: {held.version}", version=held.version,
            own=own.version, directory=str(directory),
        )  # fmt: skip
    try:
        node = NodeDirectory(directory)
        if not _is_new(node):
            _keep(node)
            log.info("what the earlier release wrote is kept", version=held.version if held else "unknown")
        note_release(directory, own)
    except OSError as error:
        log.error("what the earlier release wrote was not kept: the way back to it is a backup", why=str(error))


def go_back(directory: Path, at: datetime) -> GoneBack:
    """Put back what the release before wrote; what is there now is set aside. It may be begun again after a crash.

    Raises Refusal when the node runs or nothing is kept, and NotProvenError when what is kept was changed.
    """
    node, kept = NodeDirectory(directory), directory / KEPT_FOLDER
    with RunningNode(directory):
        if not kept.is_dir():
            raise Refusal("node.directory_with_earlier_release", "--dir", str(directory))
        found = verify_journal(kept / node.journal_path.name, node.card().key)
        if not found.ok:
            raise NotProvenError(found)
        since, before = release_of(directory), release_of(kept)
        aside = directory / f"{ASIDE_FOLDER}-{at:%Y%m%dT%H%M%SZ}"
        try:
            _move(directory, aside, _written(directory))
            for path in _in_order(_written(kept)):
                _copy(path, directory / path.relative_to(kept), directory)
            _sync_folders(directory)
            shutil.rmtree(kept)
        except OSError as error:
            raise Refusal("node.directory_goes_back", "--dir", str(directory), why=str(error)) from None
    return GoneBack(
        "" if before is None else before.version, None if since is None else since.since, found.head.number,
        found.head.hash.hex(), str(aside),
    )  # fmt: skip


def _is_new(node: NodeDirectory) -> bool:
    """Whether nothing was ever written in the journal."""
    try:
        return not node.journal_path.exists() or not read_tail(node.journal_path, node.card().signing_key).number
    except Refusal:
        return False  # the start says what is wrong with it


def _keep(node: NodeDirectory) -> None:
    kept = node.path / KEPT_FOLDER
    part = node.path / f"{KEPT_FOLDER}.part"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(mode=0o700)
    for path in _written(node.path):
        _copy(path, part / path.relative_to(node.path), part)
    _sync_folders(part)
    if kept.exists():
        shutil.rmtree(kept)
    part.rename(kept)
    sync_directory(node.path)


def _written(directory: Path) -> list[Path]:
    """The files in a node's directory, or in a copy of it, that depend on the release that wrote them."""
    found = {path for pattern in WRITTEN_BY_RELEASE for path in directory.glob(pattern)}
    found.update(path for path in directory.glob("journal.sqlite*") if not path.name.endswith(_OF_A_PROCESS))
    return sorted(path for path in found if path.is_file() and not path.is_symlink())


def _in_order(paths: Iterable[Path]) -> list[Path]:
    return sorted(paths, key=lambda path: path.name == _LAST_IN_PLACE)


def _move(directory: Path, aside: Path, paths: Iterable[Path]) -> None:
    for path in reversed(_in_order(paths)):
        target = aside / path.relative_to(directory)
        _make_folders(target.parent, directory)
        path.rename(target)
    (directory / "journal.sqlite-shm").unlink(missing_ok=True)


def _copy(source: Path, target: Path, top: Path) -> None:
    """Copy a file durably; one in the folder of closed segments is shared, as it never changes."""
    _make_folders(target.parent, top)
    if source.parent.name == SEGMENT_FOLDER:
        try:
            target.hardlink_to(source)
        except OSError:
            pass  # a file system without links
        else:
            return
    shutil.copyfile(source, target)
    target.chmod(0o600)
    with target.open("rb") as stream:
        os.fsync(stream.fileno())


def _make_folders(folder: Path, top: Path) -> None:
    for missing in [one for one in (folder, *folder.parents) if one.is_relative_to(top) and not one.exists()][::-1]:
        missing.mkdir(mode=0o700)


def _sync_folders(top: Path) -> None:
    for folder in {top, *(path.parent for path in _written(top))}:
        sync_directory(folder)
