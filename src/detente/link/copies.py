"""A party's copy of its transcripts, from a file: a journal (copied or live), a node's directory, or an export."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from detente.airspace.refusal import Refusal
from detente.link.directory import NodeDirectory
from detente.link.transcript import (
    EXPORT_MAGIC,
    Holding,
    Transcript,
    export_parts,
    holding_of_entries,
    is_export,
    read_export,
)
from detente.record.entry import Entry, from_microseconds
from detente.record.rows import Row
from detente.record.segments import proven_rows
from detente.record.snapshot import open_snapshot
from detente.record.storage import read_genesis
from detente.record.walk import BrokenChainError


class Copy:
    """Where one party's transcripts come from, and what is known there of the parties' names."""

    def __init__(self, source: Path) -> None:
        """Find out what `source` is. Raises Refusal when it cannot be read."""
        directory = NodeDirectory(source) if source.is_dir() else NodeDirectory(source.parent)
        self.source = source
        self.file = directory.journal_path if source.is_dir() else source
        self.names: dict[str, str] = {}
        with suppress(Refusal):
            self.names.update(directory.names())
        try:
            with self.file.open("rb") as stream:
                self.is_export = is_export(stream.read(len(EXPORT_MAGIC)))
        except OSError as error:
            raise Refusal("link.journal_exported_transcript", str(self.file), error.strerror or str(error)) from None

    def read(self) -> Holding:
        """Return every link's transcript. A journal's chain is proven on the way.

        Raises Refusal naming the file and the first place in it that is not as it was written.
        """
        try:
            if self.is_export:
                transcript = read_export(self.file.read_bytes())
                return Holding(transcript.holder, (transcript,))
            with open_snapshot(self.file) as (connection, _):
                genesis, _ = read_genesis(connection, self.file)
            return holding_of_entries(genesis.public_key, map(_entry, proven_rows(self.file)))
        except BrokenChainError as broken:
            raise Refusal("link.journal_as_written", str(self.file), str(broken.bad)) from None
        except Refusal as refusal:
            if refusal.field.startswith(str(self.file)):
                raise
            raise refusal.at(f"{self.file}: {refusal.field}") from None

    def export(self, transcript: Transcript) -> Iterator[bytes]:
        """Yield the export of one of this copy's transcripts, in parts."""
        if self.is_export:
            yield self.file.read_bytes()
            return

        def entries(kind: str) -> Iterable[Entry]:
            return (_entry(row) for row in proven_rows(self.file) if row[2] == kind)

        yield from export_parts(transcript, entries)


def proven_entries(journal: Path) -> Iterator[Entry]:
    """Yield every entry of a journal's file, live or copied, its chain proven on the way; needs no node.

    Raises Refusal naming the first entry that is not as it was written.
    """
    try:
        yield from map(_entry, proven_rows(journal))
    except BrokenChainError as broken:
        raise Refusal("link.journal_as_written", str(journal), str(broken.bad)) from None


def _entry(row: Row) -> Entry:
    number, at_us, kind, body, digest, _ = row
    return Entry(number, from_microseconds(at_us), kind, body, digest)
