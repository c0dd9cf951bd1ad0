"""What a party has been told, read from the journal's file: every envelope that was sealed for it, none left out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import msgspec

from detente.accord.disclosure import OPEN_POLICY
from detente.accord.matching_terms import ToldOfMatched
from detente.airspace.refusal import Refusal
from detente.disclosure.ledger import TOLD, Telling
from detente.link.card import Card
from detente.link.copies import proven_entries
from detente.link.directory import NodeDirectory
from detente.link.envelope import Envelope, read_envelope
from detente.link.session import SENT
from detente.matching.life import MatchingEvent, PartsOpened
from detente.matching.room import MatchingRoom
from detente.node.state import NodeState
from detente.picture.messages import ConflictAnswerMessage
from detente.record.entry import Entry
from detente.room.channel import channel_of
from detente.room.rooms import Rooms
from detente.room.tagged import tag_of

OPENED = "accord: matching"
"""The clause under which a part is opened that has a place in common with a plan of the peer's."""


class Disclosed(msgspec.Struct, frozen=True):
    """One message to the party. `level` and `because` are empty where everything is told as it is.

    `near` for an answer about a plan that comes near what is kept back, `exact` for one of the budget's exact answers.
    """

    at: datetime
    kind: str
    what: str
    body: bytes
    level: str = ""
    because: str = ""
    near: bool = False
    exact: bool = False

    @property
    def is_answer(self) -> bool:
        """Whether the message says no more than whether there is a conflict."""
        return self.kind == tag_of(ConflictAnswerMessage)

    @property
    def is_plan(self) -> bool:
        """Whether the message is about a plan."""
        return self.kind.startswith("plan_")


def read_disclosed(files: NodeDirectory, party: Card) -> list[Disclosed]:
    """Return every message to `party` in the node's journal, in the order it was sent."""
    rooms = NodeState(files.card(), "", files.trust.cards(), None, OPEN_POLICY).rooms
    found: list[Disclosed] = []
    telling: Telling | None = None
    for entry in proven_entries(files.journal_path):
        if entry.kind == MatchingRoom.name:
            found += _opened(entry, party.name)
        elif entry.kind == TOLD:
            # The clause stands right before the envelope that it allowed.
            telling = msgspec.json.decode(entry.body, type=Telling)
        elif entry.kind == SENT:
            envelope, _ = read_envelope(entry.body)
            clause, telling = telling, None
            if envelope.direction.recipient == party.key:
                what = _subject(rooms, envelope)
                row = Disclosed(envelope.sent_at, envelope.kind, what, envelope.body)
                if clause is not None:
                    row = msgspec.structs.replace(
                        row,
                        level=(clause.live or clause.level).value,
                        because=clause.because,
                        near=clause.near,
                        exact=clause.exact,
                    )
                found.append(row)
    return found


def _opened(entry: Entry, party: str) -> Iterator[Disclosed]:
    """The parts of our plans that a private match opened to the party: they went beside the envelopes."""
    event = msgspec.json.decode(entry.body, type=MatchingEvent)
    if isinstance(event, PartsOpened) and event.peer == party:
        for part in event.parts:
            yield Disclosed(
                event.at, "match_part", part.plan_id, msgspec.json.encode(part.piece), ToldOfMatched.PART.value, OPENED
            )  # fmt: skip


def _subject(rooms: Rooms, envelope: Envelope) -> str:
    """The id of what a message is about; empty for one that this version does not know."""
    try:
        return rooms.read_message(channel_of(envelope.direction.accord), envelope.kind, envelope.body).subject
    except Refusal:
        return ""
