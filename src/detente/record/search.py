"""Looking for entries in a journal's file, the newest first, with a bound on what one search reads; and one's proof."""

from __future__ import annotations

from bisect import bisect_left
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import msgspec

from detente.airspace.refusal import Refusal
from detente.record.display import StoredEntry, stored_entries
from detente.record.entry import microseconds
from detente.record.export import genesis_line
from detente.record.rotation import KEY_ROTATED
from detente.record.segments import ArchivedRefusal, StoredJournal, base_of, closed_rotations, segment_file
from detente.record.snapshot import open_snapshot
from detente.record.storage import read_genesis

WINDOW = 500
"""Entries that are read at a time."""
MOST_READ = 20_000
MOST_READ_BYTES = 64 * 1024 * 1024
MOST_IN_BATCH = 5_000
_LAST_SIGNED_BEFORE = "SELECT max(number) FROM entry WHERE number > ? AND number < ? AND signature IS NOT NULL"
_FIRST_SIGNED_FROM = "SELECT min(number) FROM entry WHERE number >= ? AND signature IS NOT NULL"
_ROTATIONS = "SELECT body FROM entry WHERE kind = ? AND number > ? AND number <= ? ORDER BY number"
_HASH = "SELECT hash FROM entry WHERE number = ?"


class Wanted(NamedTuple):
    """What is looked for: entries of a kind, from `start` up to and without `end`, whose body holds `text`.

    Letters of ASCII are the same small and capital. Entries of the kinds `but` are left out.
    """

    kind: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    text: str = ""
    but: frozenset[str] = frozenset()


class FoundEntries(NamedTuple):
    """Entries that were found, the newest first; every entry from number `read_down_to` on was looked at."""

    entries: tuple[StoredEntry, ...]
    read_down_to: int


class EntryProof(msgspec.Struct, frozen=True):
    """One entry, and all that shows that this journal has it in its place.

    Attributes:
        journal: the journal's first line as `detente journal export` writes it, with the key that it is signed with.
        previous_hash: of the entry before it, in hexadecimal.
        first: the number of the first entry of its batch.
        entries: the lines of the entry and of those behind it up to the end of the batch, the last with the signature.
        rotations: the exact rotations that lead from the key of the first line to the one that signed the batch.
    """

    journal: dict[str, object]
    previous_hash: str
    first: int
    entries: tuple[msgspec.Raw, ...]
    rotations: tuple[str, ...]


def find_entries(path: Path, wanted: Wanted, before: int, most: int) -> FoundEntries:
    """Return at most about `most` entries with numbers below `before`, the newest first.

    It stops after MOST_READ entries or MOST_READ_BYTES of bodies: the search goes on from `read_down_to`. Raises
    Refusal as `stored_entries`; ArchivedRefusal when nothing was found before a segment that is not here.
    """
    segments = StoredJournal(path).segments
    gone = next((one for one in reversed(segments) if not segment_file(path, one).is_file()), None)
    here = 1 if gone is None else gone.last + 1
    start_us = None if wanted.start is None else microseconds(wanted.start)
    end_us = None if wanted.end is None else microseconds(wanted.end)
    text = wanted.text.encode("utf-8", "replace").lower()
    found: list[StoredEntry] = []
    read = read_bytes = 0
    below = before
    while below > here and len(found) < most and read < MOST_READ and read_bytes < MOST_READ_BYTES:
        first = max(below - WINDOW, here)
        page: list[StoredEntry] = []
        for entry in stored_entries(path, first, below - 1):
            read += 1
            read_bytes += len(entry.body)
            if entry.kind in wanted.but or (wanted.kind is not None and entry.kind != wanted.kind):
                continue
            if (start_us is not None and entry.at_us < start_us) or (end_us is not None and entry.at_us >= end_us):
                continue
            if text in entry.body.lower():
                page.append(entry)
        page.reverse()
        room = most - len(found)
        found += page[:room]
        if len(page) > room:
            return FoundEntries(tuple(found), found[-1].number)
        below = first
    if gone is not None and below <= here and not found:
        raise ArchivedRefusal(gone)
    return FoundEntries(tuple(found), below)


def entry_proof(path: Path, number: int) -> EntryProof | None:
    """Return the proof of an entry; None where there is none of that number, or its batch is not signed yet.

    Raises Refusal for a batch of more than MOST_IN_BATCH entries, ArchivedRefusal, and Refusal as `stored_entries`.
    """
    stored = StoredJournal(path)
    place = bisect_left(stored.segments, number, key=lambda segment: segment.last)
    before, file = stored.segments[:place], path
    if place < len(stored.segments):
        file = segment_file(path, stored.segments[place])
        if not file.is_file():
            raise ArchivedRefusal(stored.segments[place])
    base = base_of(before, stored.genesis)
    with open_snapshot(file) as (connection, _):
        genesis, signature = read_genesis(connection, file)
        (last,) = connection.execute(_FIRST_SIGNED_FROM, (number,)).fetchone()
        (signed_before,) = connection.execute(_LAST_SIGNED_BEFORE, (base.number, number)).fetchone()
        previous = connection.execute(_HASH, (number - 1,)).fetchone()
        rotated = connection.execute(_ROTATIONS, (KEY_ROTATED, base.number, last or 0)).fetchall()
    if number < 1 or last is None:
        return None
    if last - number >= MOST_IN_BATCH:
        raise Refusal("record.batch_to_show", "number", number, most=MOST_IN_BATCH)
    previous_hash = base.hash if number == base.number + 1 else previous[0]
    entries = tuple(msgspec.Raw(entry.json().encode()) for entry in stored_entries(path, number, last))
    first = (signed_before or base.number) + 1
    rotations = (*(one.text for one in closed_rotations(before)), *(body.decode() for (body,) in rotated))
    return EntryProof(genesis_line(genesis, signature), previous_hash.hex(), first, entries, rotations)
