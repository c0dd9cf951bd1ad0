"""The journal over HTTP: entries that are looked for, and one with the proof of its place.

Whoever asks sees of the journal what other routes show to his role: `KEPT_FROM` says what is kept from whom.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

import msgspec
from litestar import Router, get

from detente.airspace.altitude import check_range
from detente.api.service import Service, not_found, refused
from detente.details.room import DetailsRoom
from detente.people.events import PersonActed
from detente.people.records import PersonRole
from detente.people.room import PeopleRoom
from detente.record.search import EntryProof, Wanted, entry_proof, find_entries

MOST_ENTRIES = 200
MOST_SHOWN_BYTES = 2_000
LARGEST_NUMBER = 2**62
KEPT_FROM = {PeopleRoom.name: PersonRole.ADMINISTRATOR, DetailsRoom.name: PersonRole.DUTY_OFFICER}
"""From which role on entries of a kind are shown: who there is and comes in, and salts that open commitments."""


class _Tag(msgspec.Struct, frozen=True):
    event: str = ""


_TAG = msgspec.json.Decoder(_Tag)


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
    wanted = Wanted(kind, start, end, text, _kept_from(service))
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
    for line in map(_shown, proof.entries):
        kept_from = line["kind"] in _kept_from(service)
        # Whose act it was stands in the batch of what he did: without that nothing that a person did is proven.
        if kept_from and (line["number"] == number or not _is_act(line)):
            needed = KEPT_FROM[line["kind"]]
            raise refused(403, "api.role_that_may", "role", str(service.caller.role), needed=needed)
    return proof


def _kept_from(service: Service) -> frozenset[str]:
    role = service.caller.role
    return frozenset(kind for kind, needed in KEPT_FROM.items() if role is None or not role.includes(needed))


def _shown(line: msgspec.Raw) -> dict[str, Any]:
    shown: dict[str, Any] = msgspec.json.decode(line)
    return shown


def _is_act(line: dict[str, Any]) -> bool:
    return _TAG.decode(line.get("text", "{}")).event == PersonActed.__struct_config__.tag


router = Router(path="/journal", route_handlers=[search_journal, show_entry], tags=["journal"])
