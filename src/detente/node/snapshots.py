"""Snapshots: the state at one entry of the journal, so that a start folds in only what came after.

A snapshot is made from the journal alone: from the snapshot before it and the entries since. Its digest stands in the
journal, in the entry of the cut that it was made for, under the node's signature. What does not have that digest is
not used; then an older one is, or the whole journal.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import chain
from pathlib import Path

import msgspec
import structlog

from detente.airspace.refusal import Refusal
from detente.disclosure.catching_up import KnownKept, KnownToPeer
from detente.link.envelope import Direction, read_envelope
from detente.link.links import Links
from detente.link.receipt import read_receipt
from detente.link.session import SENT
from detente.node.state import LINKS, NodeState
from detente.record.entry import Entry, Head
from detente.record.journal import Journal
from detente.record.keys import sync_directory
from detente.record.segments import Segment, segment_folder
from detente.room.channel import CHANNEL_HASH, Channel, channel_of
from detente.room.message import Message

CUT = "cut"
"""The kind of the journal's entries that say which segments are closed, and which snapshot goes on from there."""
SNAPSHOT_FORMAT = 1
log = structlog.get_logger()
Journalled = Callable[[int, str | None], Iterator[Entry]]
"""Yields the entries from a number on, of one kind or of all: `Journal.read`."""


class SnapshotRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A snapshot as the journal names it: the entry (and its hash, hexadecimal) up to which it goes, and its digest."""

    number: int
    hash: str
    sha256: str
    size_bytes: int

    @property
    def name(self) -> str:
        """The name of its file, in the folder of segments."""
        return f"{self.number:012d}.snapshot"


class ClosedSegment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A closed segment as the journal names it."""

    first: int
    last: int
    hash: str
    sha256: str
    size_bytes: int


class CutRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of an entry `cut`: what it closed, the snapshot that goes on from there, and the one before it.

    `needed_from` is the first entry that a peer may still ask for: what is before it may be moved to an archive.
    """

    segments: tuple[ClosedSegment, ...]
    snapshot: SnapshotRecord
    needed_from: int
    before: SnapshotRecord | None = None


class SentPlanning(msgspec.Struct, frozen=True):
    """A message of planning as it was sent: the accord's hash, its number on the link, kind and body."""

    accord: str
    number: int
    kind: str
    body: bytes


class SentBefore(msgspec.Struct):
    """What one peer was sent of planning: what it has receipted, in sum, and what it had not, one by one."""

    receipted: KnownKept
    others: list[SentPlanning]


class _Snapshot(msgspec.Struct, array_like=True):
    format: int
    number: int
    hash: bytes
    parts: dict[str, bytes]
    sent: dict[bytes, SentBefore]


_CUT_DECODER = msgspec.json.Decoder(CutRecord)
_SNAPSHOT_DECODER = msgspec.msgpack.Decoder(_Snapshot)
_FAULTS = (OSError, msgspec.MsgspecError, Refusal, ValueError, LookupError, TypeError, AttributeError)
"""What a file that is no snapshot of this release can raise."""


def newest_cut(read: Journalled, first: int) -> CutRecord | None:
    """Return the newest cut in the journal from entry `first` on, where it must be; None before the first cut."""
    body = None
    for entry in read(first, CUT):
        body = entry.body
    return None if body is None else _CUT_DECODER.decode(body)


def started(
    make: Callable[[], NodeState], journal_path: Path, base: Head, read: Journalled, until: int | None = None
) -> tuple[NodeState, int]:
    """Return the state after the newest entry, or after entry `until`, and how many entries were folded in for it.

    `base` is the last entry of the closed segments. It begins with the newest snapshot that is as the journal says;
    without one with the first entry: raises ArchivedRefusal when that is not here.
    """
    cut = newest_cut(read, base.number + 1)
    for record in () if cut is None else (cut.snapshot, cut.before):
        if record is None or (until is not None and record.number > until):
            continue
        state = make()
        try:
            state.restore(_read(segment_folder(journal_path) / record.name, record).parts)
        except _FAULTS as error:
            log.error("a snapshot is not as it was written: an older one is used", name=record.name, why=repr(error))
            continue
        return state, _replayed(state, read, record.number + 1, until)
    state = make()
    return state, _replayed(state, read, 1, until)


def _replayed(state: NodeState, read: Journalled, first: int, until: int | None) -> int:
    state.links.left = _InJournal(read)
    return state.replay(_until(read(first, None), until))


class _InJournal:
    """Finds what has left the sessions; see `LeftDocuments`."""

    def __init__(self, read: Journalled) -> None:
        self._read = read

    def receipt(self, kind: str, direction: Direction, number: int, entries: range) -> int:
        """Return the entry number of the first receipt that covers an envelope."""
        for entry in _until(self._read(entries.start, kind), entries.stop - 1):
            receipt, _ = read_receipt(entry.body)
            if receipt.direction == direction and receipt.last >= number:
                return entry.number
        raise LookupError(f"the receipt for envelope {number} is not where the session says")

    def envelope(self, kind: str, direction: Direction, number: int, entries: range) -> tuple[bytes, int]:
        """Return the hash and the entry number of an envelope."""
        found: tuple[bytes, int] | None = None
        for entry in _until(self._read(entries.start, kind), entries.stop - 1):
            envelope, _ = read_envelope(entry.body)
            if envelope.direction == direction and envelope.number == number:
                # One that was void, because the peer gave back another, stands before the one that counts.
                found = envelope.hash, entry.number
        if found is None:
            raise LookupError(f"envelope {number} is not where the session says")
        return found


def _until(entries: Iterator[Entry], until: int | None) -> Iterator[Entry]:
    for entry in entries:
        if until is not None and entry.number > until:
            return
        yield entry


def write_snapshot(journal_path: Path, state: NodeState, head: Head, sent: dict[bytes, SentBefore]) -> SnapshotRecord:
    """Write the snapshot of the state after entry `head`; it is there whole or not at all. Raises Refusal."""
    data = msgspec.msgpack.encode(_Snapshot(SNAPSHOT_FORMAT, head.number, head.hash, state.keep(), sent))
    record = SnapshotRecord(head.number, head.hash.hex(), hashlib.sha256(data).hexdigest(), len(data))
    folder = segment_folder(journal_path)
    temporary = folder / f"{record.name}.new"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(folder / record.name)
        sync_directory(folder)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        raise Refusal("record.place_for_segments", str(folder), error.strerror or str(error)) from None
    return record


def remove_older(journal_path: Path, cut: CutRecord) -> None:
    """Remove all snapshots but those that the newest cut names."""
    named = {record.name for record in (cut.snapshot, cut.before) if record is not None}
    for file in segment_folder(journal_path).glob("*.snapshot"):
        if file.name not in named:
            file.unlink(missing_ok=True)


def record_of(
    segments: Sequence[Segment], snapshot: SnapshotRecord, before: SnapshotRecord | None, state: NodeState, at: datetime
) -> CutRecord:
    """Return the body of the entry of a cut, of which `state` is the state."""
    closed = tuple(ClosedSegment(s.first, s.last, s.hash.hex(), s.sha256.hex(), s.size_bytes) for s in segments)
    names = {*CHANNEL_HASH.values(), *state.accords.hashes(at).values()}
    waiting = (
        session.sent_entry(session.receipted_number + 1)
        for session in state.links
        if session.outgoing.accord in names and session.sent_number > session.receipted_number
    )
    return CutRecord(closed, snapshot, min(waiting, default=segments[-1].last + 1), before)


def sent_before(
    state: NodeState, journal_path: Path, read: Journalled, cut: CutRecord | None, until: int
) -> dict[bytes, SentBefore]:
    """Return what every peer was sent of planning up to entry `until`, as `state` after that entry has receipts."""
    receipted = {(s.outgoing.recipient, s.outgoing.accord): s.receipted_number for s in state.links}
    found: dict[bytes, SentBefore] = {}
    known: dict[bytes, KnownToPeer] = {}
    waiting: set[tuple[bytes, str]] = set()
    held, number = held_by_peers(journal_path, cut)
    # A snapshot of a later entry than this would say too much.
    if number > until:
        held, number = {}, 0
    later = _planning(entry.body for entry in _until(read(number + 1, SENT), until))
    for key, message in chain(((k, m) for k, before in held.items() for m in before.others), later):
        before = found.get(key)
        if before is None:
            earlier = held.get(key)
            before = found[key] = SentBefore(KnownKept({}, [], {}), [])
            known[key] = KnownToPeer((), None if earlier is None else earlier.receipted)
        way = (key, message.accord)
        if message.number <= receipted.get(way, 0) and way not in waiting:
            known[key].take(read_planning(state, message))
        else:
            # What comes later on this link is told in order; on another it may be delivered before.
            waiting.add(way)
            before.others.append(message)
    for key, earlier in held.items():
        found.setdefault(key, earlier)
    for key, told in known.items():
        found[key].receipted = told.keep()
    return found


def held_by_peers(journal_path: Path, cut: CutRecord | None) -> tuple[dict[bytes, SentBefore], int]:
    """Return what peers were sent of planning, by public key, and the entry up to which that goes; 0 without any."""
    for record in () if cut is None else (cut.snapshot, cut.before):
        if record is not None:
            with suppress(*_FAULTS):
                return _read(segment_folder(journal_path) / record.name, record).sent, record.number
    return {}, 0


def links_at(journal_path: Path, cut: CutRecord, links: Links) -> int | None:
    """Make empty links what they were at the newest snapshot; return the entry up to which that goes, None without."""
    with suppress(*_FAULTS):
        make = links.restore(_read(segment_folder(journal_path) / cut.snapshot.name, cut.snapshot).parts[LINKS])
        make()
        return cut.snapshot.number
    return None


def read_planning(state: NodeState, message: SentPlanning) -> Message:
    """Return what a message of planning says."""
    return state.rooms.read_message(Channel.PLANNING, message.kind, message.body)


def sent_to(journal: Journal, peer: bytes, *, in_sum: bool = True) -> tuple[KnownKept | None, list[SentPlanning]]:
    """Return what a peer (public key) has receipted of planning long ago, in sum, and what it was sent beside that.

    Without `in_sum` there is no sum, and everything that it was sent is returned by itself.
    Raises ArchivedRefusal when that is in a segment that is not here.
    """
    held, number = held_by_peers(journal.path, newest_cut(journal.read, journal.base.number + 1)) if in_sum else ({}, 0)
    before = held.get(peer)
    later = planning_sent((entry.body for entry in journal.read(number + 1, SENT)), peer)
    if before is None:
        return None, later
    return before.receipted, [*before.others, *later]


def planning_sent(envelopes: Iterable[bytes], peer: bytes) -> list[SentPlanning]:
    """Return the messages of planning to a peer among envelopes that were sent."""
    return [message for key, message in _planning(envelopes) if key == peer]


def _planning(envelopes: Iterable[bytes]) -> Iterator[tuple[bytes, SentPlanning]]:
    for body in envelopes:
        envelope, _ = read_envelope(body)
        way = envelope.direction
        if channel_of(way.accord) is Channel.PLANNING:
            yield way.recipient, SentPlanning(way.accord, envelope.number, envelope.kind, envelope.body)


def _read(file: Path, record: SnapshotRecord) -> _Snapshot:
    data = file.read_bytes()
    if hashlib.sha256(data).hexdigest() != record.sha256:
        raise ValueError(file.name)
    snapshot = _SNAPSHOT_DECODER.decode(data)
    if (snapshot.format, snapshot.number, snapshot.hash.hex()) != (SNAPSHOT_FORMAT, record.number, record.hash):
        raise ValueError(file.name)
    return snapshot
