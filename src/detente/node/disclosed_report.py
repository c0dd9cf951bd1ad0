"""What a party has been told, read from the journal's file: every envelope that was sealed for it, none left out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime

import msgspec

from detente.accord.matching_terms import ToldOfMatched
from detente.disclosure.disclosing import TOLD, Telling
from detente.link.card import Card
from detente.link.copies import proven_entries
from detente.link.directory import NodeDirectory
from detente.link.envelope import read_envelope
from detente.link.session import SENT
from detente.matching.life import MatchingEvent, PartsOpened
from detente.node.desks.matching import MatchingDesk
from detente.record.entry import Entry

OPENED = "accord: matching"
"""The clause under which a part is opened that has a place in common with a plan of the peer's."""


class Disclosed(msgspec.Struct, frozen=True):
    """One message to the party. `level` and `because` are empty where everything is told as it is."""

    at: datetime
    kind: str
    what: str
    body: bytes
    level: str = ""
    because: str = ""

    @property
    def is_plan(self) -> bool:
        """Whether the message is about a plan."""
        return self.kind.startswith("plan_")


def read_disclosed(files: NodeDirectory, party: Card) -> list[Disclosed]:
    """Return every message to `party` in the node's journal, in the order it was sent."""
    found: list[Disclosed] = []
    telling: Telling | None = None
    for entry in proven_entries(files.journal_path):
        if entry.kind == MatchingDesk.entry_kind:
            found += _opened(entry, party.name)
        elif entry.kind == TOLD:
            # The clause stands right before the envelope that it allowed.
            telling = msgspec.json.decode(entry.body, type=Telling)
        elif entry.kind == SENT:
            envelope, _ = read_envelope(entry.body)
            clause, telling = telling, None
            if envelope.direction.recipient == party.key:
                level, because = ("", "") if clause is None else (clause.level.value, clause.because)
                what = _subject(envelope.body)
                found.append(Disclosed(envelope.sent_at, envelope.kind, what, envelope.body, level, because))
    return found


def _opened(entry: Entry, party: str) -> Iterator[Disclosed]:
    """The parts of our plans that a private match opened to the party: they went beside the envelopes."""
    event = msgspec.json.decode(entry.body, type=MatchingEvent)
    if isinstance(event, PartsOpened) and event.peer == party:
        for part in event.parts:
            yield Disclosed(
                event.at, "match_part", part.plan_id, msgspec.json.encode(part.piece), ToldOfMatched.PART.value, OPENED
            )  # fmt: skip


def _subject(body: bytes) -> str:
    """The id of what a message is about."""
    try:
        message = json.loads(body)
    except ValueError:
        return ""
    if isinstance(message.get("message"), dict):
        return str(message["message"].get("name", ""))
    for name in ("plan", "notice", "measure"):
        if isinstance(message.get(name), dict):
            return str(message[name].get(f"{name}_id", ""))
    names = ("plan_id", "notice_id", "measure_id", "conflict_id", "zone_id", "accord_hash", "text_id", "message_id")
    return next((str(message[name])[:16] for name in names if isinstance(message.get(name), str)), "")
