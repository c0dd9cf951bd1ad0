"""A party on stage: its directory and node, its authority's key, and what its journal holds while it runs."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import tomli_w

from detente.accord.messages import AccordAct
from detente.accord.room import AccordActed, AccordRoom
from detente.api.client import NodeClient
from detente.claims.events import ClaimsEvent
from detente.line.events import LineEvent
from detente.link.copies import proven_entries
from detente.link.envelope import Envelope, read_envelope
from detente.link.session import SENT
from detente.picture.events import PictureEvent
from detente.picture.room import PictureRoom
from detente.record.entry import Entry
from detente.record.keys import NodeKey
from detente.rehearsal.party import RehearsalParty, run_command

_CLAIMS_EVENTS: msgspec.json.Decoder[ClaimsEvent] = msgspec.json.Decoder(ClaimsEvent)
_PICTURE_EVENTS: msgspec.json.Decoder[PictureEvent] = msgspec.json.Decoder(PictureEvent)
_LINE_EVENTS: msgspec.json.Decoder[LineEvent] = msgspec.json.Decoder(LineEvent)
LONGEST_WAIT_S = 1.0
"""Between two attempts to reach a peer that is away: short, because a rehearsal is."""


class Actor(RehearsalParty):
    """A party of a rehearsal."""

    def __init__(self, name: str, directory: Path) -> None:
        super().__init__(name, directory)
        self.authority_path = directory.with_name(f"{name}-authority.pem")

    def found_for_rehearsal(self, *, authority: bool) -> None:
        """Make the directory as a new party would; with `authority`, the key of another person, kept elsewhere.

        Nothing is settled by itself: people act.
        """
        address = f"http://127.0.0.1:{self.port}"
        run_command("init", "--dir", str(self.files.path), "--name", self.name, "--address", address)
        configuration: dict[str, Any] = {"party": self.name}
        if authority:
            NodeKey.generate().save(self.authority_path)
            configuration["authority"] = self.authority
        configuration["http"] = {"port": 0}
        configuration["link"] = {"longest_wait_s": LONGEST_WAIT_S}
        self.files.config_path.write_text(tomli_w.dumps(configuration), encoding="utf-8")

    @property
    def runs(self) -> bool:
        """Whether the node's process runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def authority(self) -> str:
        """The public key of the party's authority, as accords name it."""
        return NodeKey.load(self.authority_path).public.hex()

    def get(self, *path: str, **query: object) -> Any:  # noqa: ANN401 - whatever the route answers
        """GET a route of the running node, as a post's screen does."""
        return NodeClient(self.files.path).get(*path, **query)

    def post(self, *path: str, body: object) -> Any:  # noqa: ANN401 - whatever the route answers
        """POST to a route of the running node, as a post's screen does."""
        return NodeClient(self.files.path).post(*path, body=msgspec.json.encode(body))

    def entries(self, kind: str | None = None) -> list[Entry]:
        """Return the journal's entries, of one kind if it is said, the chain proven; the node may be running."""
        return [entry for entry in proven_entries(self.files.journal_path) if kind in (None, entry.kind)]

    def line_events(self) -> list[LineEvent]:
        """Return what the journal holds of the line."""
        return [_LINE_EVENTS.decode(entry.body) for entry in self.entries("line")]

    def events(self) -> list[PictureEvent]:
        """Return what the journal holds of plans, notices, conflicts and measures."""
        return [_PICTURE_EVENTS.decode(entry.body) for entry in self.entries(PictureRoom.name)]

    def claims_events(self) -> list[ClaimsEvent]:
        """Return what the journal holds of observations, requests, incidents and reviews."""
        return [_CLAIMS_EVENTS.decode(entry.body) for entry in self.entries("claims")]

    def accord_acts_at(self) -> list[tuple[datetime, AccordAct]]:
        """Return what the journal holds of accords, with every peer, each with when it was written down (UTC)."""
        return [
            (entry.at, msgspec.json.decode(entry.body, type=AccordActed).act) for entry in self.entries(AccordRoom.name)
        ]

    def accord_acts(self) -> list[AccordAct]:
        """Return what the journal holds of accords, with every peer."""
        return [act for _, act in self.accord_acts_at()]

    def sent(self, to: RehearsalParty) -> list[Envelope]:
        """Return every envelope in the journal that was sealed for a party."""
        envelopes = (read_envelope(entry.body)[0] for entry in self.entries(SENT))
        return [envelope for envelope in envelopes if envelope.direction.recipient.hex() == to.card.public_key]

    def message(self, peer: str, message_id: str) -> dict[str, Any]:
        """Return a message of the line as the node shows it now; empty when it is not there yet."""
        for message in self.get("line", "messages", peer=peer):
            if message["message_id"] == message_id:
                view: dict[str, Any] = message
                return view
        return {}

    def standing(self, accord: str) -> str:
        """Return where an accord stands at this node, by its hash; empty when it is not known."""
        return next((str(view["standing"]) for view in self.get("accords") if view["accord_hash"] == accord), "")

    def document(self, name: str, content: object) -> Path:
        """Write a file of the party beside its node, as its planner would; return its path."""
        path = self.files.path / name
        path.write_text(content if isinstance(content, str) else json.dumps(content, indent=2), encoding="utf-8")
        return path
