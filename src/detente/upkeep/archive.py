"""Closed segments of a node's journal: which there are, moved to an archive, and brought back."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

import msgspec

from detente.airspace.refusal import Refusal
from detente.link.links import Links
from detente.node.snapshots import links_at, newest_cut
from detente.record.keys import sync_directory
from detente.record.segments import Segment, StoredJournal, segment_file, segment_folder


class SegmentView(msgspec.Struct, frozen=True):
    """A closed segment: the entries in it, its file, whether that is here, and whether a peer may still need it."""

    first: int
    last: int
    hash: str
    sha256: str
    size_bytes: int
    name: str
    is_here: bool
    is_needed: bool


def segments_of(journal: Path) -> list[SegmentView]:
    """Return the closed segments of the journal file `journal`, whose node may run; raises Refusal."""
    stored = StoredJournal(journal)
    needed = _needed_from(stored)
    return [
        SegmentView(
            one.first, one.last, one.hash.hex(), one.sha256.hex(), one.size_bytes, one.name,
            segment_file(journal, one).is_file(), one.last >= needed,
        )
        for one in stored.segments
    ]  # fmt: skip


def archive_segments(journal: Path, to: Path, until: int | None = None) -> list[Segment]:
    """Move the closed segments, up to entry `until`, to the folder `to`; return those that were moved.

    A copy is on the disk there, and has the digest that the journal names, before anything is removed here. What a peer
    has not receipted stays. Raises Refusal.
    """
    stored = StoredJournal(journal)
    needed = _needed_from(stored)
    moved: list[Segment] = []
    for segment in stored.segments:
        file = segment_file(journal, segment)
        if segment.last >= needed or (until is not None and segment.last > until) or not file.is_file():
            continue
        try:
            to.mkdir(parents=True, exist_ok=True, mode=0o700)
            _copy(file, to / segment.name, segment)
            file.unlink()
            sync_directory(file.parent)
        except OSError as error:
            raise Refusal("node.archive_writable", str(to), error.strerror or str(error)) from None
        moved.append(segment)
    return moved


def attach_segment(journal: Path, file: Path) -> Segment:
    """Bring a segment back from an archive; return which it is. Raises Refusal for one that is not the journal's."""
    try:
        sha256 = _sha256(file)
        found = next((one for one in StoredJournal(journal).segments if one.sha256 == sha256), None)
        if found is None:
            raise Refusal("node.segment_of_journal", str(file), sha256.hex()[:16])
        segment_folder(journal).mkdir(exist_ok=True, mode=0o700)
        _copy(file, segment_file(journal, found), found)
    except OSError as error:
        raise Refusal("node.segment_readable", str(file), error.strerror or str(error)) from None
    return found


def _needed_from(stored: StoredJournal) -> int:
    """The first entry that a peer may still need.

    The journal says it at each cut, without the links of accords that are over, and from then on it only grows; so it
    does by the receipts since.
    """
    cut = newest_cut(stored.read, stored.base.number + 1)
    if cut is None:
        return stored.base.number + 1
    links = Links(stored.genesis.public_key)
    number = links_at(stored.path, cut, links)
    if number is None:
        return cut.needed_from
    links.absorb(stored.read(number + 1))
    waiting = [
        session.sent_entry(session.receipted_number + 1)
        for session in links
        if session.sent_number > session.receipted_number
    ]
    return max(cut.needed_from, min(waiting, default=stored.base.number + 1))


def _copy(source: Path, target: Path, segment: Segment) -> None:
    """Copy a segment, durably and proven by its digest; one that is there already is left as it is."""
    if target.is_file() and _sha256(target) == segment.sha256:
        return
    temporary = target.with_name(f"{target.name}.new")
    temporary.unlink(missing_ok=True)
    try:
        descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        with source.open("rb") as stream, os.fdopen(descriptor, "wb") as out:
            shutil.copyfileobj(stream, out)
            out.flush()
            os.fsync(out.fileno())
        if _sha256(temporary) != segment.sha256:
            raise Refusal("node.segment_as_closed", str(source), "another content")
        temporary.chmod(0o400)
        temporary.replace(target)
        sync_directory(target.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _sha256(path: Path) -> bytes:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").digest()
