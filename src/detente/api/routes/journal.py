"""The journal over HTTP: entries that are looked for, and one with the proof of its place."""

from __future__ import annotations

import asyncio
from datetime import datetime

import msgspec
from litestar import Router, get

from detente.airspace.altitude import check_range
from detente.api.service import Service, not_found
from detente.record.search import EntryProof, Wanted, entry_proof, find_entries

MOST_ENTRIES = 200
MOST_SHOWN_BYTES = 2_000
LARGEST_NUMBER = 2**62


class JournalEntryView(msgspec.Struct, frozen=True):
    """One entry: the beginning of its body as text, and how many bytes the whole has."""

    number: int
    at: str
    kind: str
    text: str
    size_bytes: int


class JournalSearch(msgspec.Struct, frozen=True):
    """Entries, the newest first; the search goes on with `before` = `next_before`, None where nothing is left."""

    entries: tuple[JournalEntryView, ...]
    next_before: int | None


@get("/", summary="Look for entries")
async def search_journal(
    service: Service,
    kind: str | None = None,
    text: str = "",
    start: datetime | None = None,
    end: datetime | None = None,
    before: int | None = None,
    most: int = 50,
) -> JournalSearch:
    """Look for entries of a kind, of a time, with a text, the newest first. What one request reads is bounded."""
    check_range("most", most, 1, MOST_ENTRIES, "entries")
    if before is not None:
        check_range("before", before, 1, LARGEST_NUMBER, "entries")
    head = service.loop.journal.head.number
    wanted = Wanted(kind, start, end, text)
    below = head + 1 if before is None else min(before, head + 1)
    async with service.journal_reading:
        found = await asyncio.to_thread(find_entries, service.journal_file, wanted, below, most)
    views = tuple(
        JournalEntryView(one.number, one.at_text, one.kind, one.body_text(MOST_SHOWN_BYTES), len(one.body))
        for one in found.entries
    )
    return JournalSearch(views, found.read_down_to if found.read_down_to > 1 else None)


@get("/{number:int}", summary="One entry with its proof")
async def show_entry(service: Service, number: int) -> EntryProof:
    """Show one entry whole, with the hash before it and the signature over the batch that it is in."""
    check_range("number", number, 1, LARGEST_NUMBER, "entries")
    async with service.journal_reading:
        proof = await asyncio.to_thread(entry_proof, service.journal_file, number)
    if proof is None:
        raise not_found("api.number_journal_entry", "number", str(number))
    return proof


router = Router(path="/journal", route_handlers=[search_journal, show_entry], tags=["journal"])
